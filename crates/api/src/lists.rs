//! Where what is missing could be looked for: the lists of the API, known from its own document.
//!
//! Invariant: a hint depends on the route's pattern alone, never on what the request named, so that what is another
//! team's is answered by the same bytes as what does not exist.

use std::collections::BTreeSet;
use std::sync::Arc;

use utoipa::openapi::OpenApi;

/// Paths that can be read, as patterns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lists(Arc<BTreeSet<String>>);

/// The list from which every other one is reached.
const TEAMS: &str = "GET /v1/teams lists the teams that you are a member of";

impl Lists {
    /// Those of a document.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let paths = &document.paths.paths;
        let read = paths.iter().filter(|(_, item)| item.get.is_some());
        Self(Arc::new(read.map(|(path, _)| path.clone()).collect()))
    }

    /// What to call to see what there is, for a request that matched this pattern.
    pub(crate) fn hint(&self, pattern: Option<&str>) -> String {
        let Some(pattern) = pattern else {
            return "there is no operation at this path: GET /v1/openapi.json lists them all"
                .to_owned();
        };
        match self.innermost(pattern) {
            Some("/v1/teams") | None => TEAMS.to_owned(),
            Some(list) => format!("GET {list} lists what there is; {TEAMS}"),
        }
    }

    /// The list that the last thing a pattern names would be in, if there is one; else that of the thing around it.
    fn innermost<'a>(&self, pattern: &'a str) -> Option<&'a str> {
        let named = pattern.rmatch_indices("/{");
        let mut lists = named.filter_map(|(at, _)| pattern.get(..at));
        lists.find(|list| self.0.contains(*list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_list_is_named_and_nothing_of_the_request() {
        let lists = Lists::of(&crate::openapi::public());
        let env = "/v1/teams/{team}/apps/{app}/envs/{env}";
        for (pattern, list) in [
            (
                format!("{env}/deployments/{{number}}/events"),
                format!("{env}/deployments"),
            ),
            (
                format!("{env}/logs"),
                "/v1/teams/{team}/apps/{app}/envs".to_owned(),
            ),
            // Sources are not listed: the app they would be of is.
            (
                "/v1/teams/{team}/apps/{app}/sources/{sha256}".to_owned(),
                "/v1/teams/{team}/apps".to_owned(),
            ),
            ("/v1/hosts/{host}".to_owned(), "/v1/hosts".to_owned()),
        ] {
            let hint = lists.hint(Some(&pattern));
            let wanted = format!("GET {list} lists what there is; {TEAMS}");
            assert_eq!(hint, wanted, "{pattern}");
        }
        assert_eq!(lists.hint(Some("/v1/teams/{team}")), TEAMS);
        assert_eq!(lists.hint(Some("/v1/events")), TEAMS);
        assert!(lists.hint(None).contains("openapi.json"));
    }
}
