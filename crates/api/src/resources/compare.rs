//! Comparison of two environments of an app: configuration, names of secrets, specification, release.
//!
//! Invariants: both environments are ones that the asker may read; values of secrets are never read, let alone compared.

use std::collections::{BTreeMap, BTreeSet};

use segue_model::manifest::Manifest;
use segue_store::{Environment, ReleaseView, TeamScope};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::releases::{ReleaseChange, differences};
use crate::auth::place::{InEnv, Read};
use crate::dto::faults::escape;
use crate::dto::spec::EnvironmentSpec;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::{EnvPath, Errors};
use crate::wire::query::ApiPath;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(environment_compare))
}

/// Differences of the specification that are told at most; far more than people read.
const MOST: usize = 200;

/// What differs between two environments. What is equal is left out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentComparison {
    /// The first environment.
    pub environment: String,
    /// The second one.
    pub other: String,
    /// Variables that differ.
    pub config: Vec<ConfigDifference>,
    /// Secrets that only one of both has. Values are not compared.
    pub secrets: Vec<SecretDifference>,
    /// Parts of the specification that differ, at most 200.
    pub spec: Vec<SpecDifference>,
    /// What both stand on.
    pub release: ReleaseComparison,
}

/// A variable that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigDifference {
    /// Its key.
    pub key: String,
    /// In the first one; missing if it is not set there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub value: Option<String>,
    /// In the second one; missing if it is not set there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub other: Option<String>,
}

/// A secret that only one of both has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretDifference {
    /// Its key.
    pub key: String,
    /// In the first one: `set`, `missing` (taken over by name, never set) or `none`. New words may be added.
    pub state: String,
    /// In the second one, in the same words.
    pub other: String,
}

/// A part of the specification that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpecDifference {
    /// Where: a JSON pointer into the specification.
    pub pointer: String,
    /// In the first one, as JSON; missing if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub value: Option<String>,
    /// In the second one, as JSON; missing if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub other: Option<String>,
}

/// What both environments stand on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseComparison {
    /// Version that the first one stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub version: Option<i64>,
    /// Version that the second one stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub other: Option<i64>,
    /// Whether both run the same images, by content address.
    pub same_images: bool,
    /// What differs from the first one's release to the second one's; values of variables are not shown.
    pub changes: Vec<ReleaseChange>,
}

/// Compares two environments of an app.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/compare/{other}", tag = "environments",
    params(EnvPath, ("other" = String, Path, description = "Name or id of the other environment")),
    responses((status = 200, description = "What differs.", body = EnvironmentComparison), Errors))]
async fn environment_compare(
    at: InEnv<Read>,
    ApiPath((_, _, _, other)): ApiPath<(String, String, String, String)>,
) -> Result<ApiJson<EnvironmentComparison>, Problem> {
    let other = at.other::<Read>(&other).await?;
    let scope = &at.scope;
    let (first, second) = (&at.env, &other.env);
    Ok(ApiJson(EnvironmentComparison {
        environment: first.name.to_string(),
        other: second.name.to_string(),
        config: config(&values(scope, first).await?, &values(scope, second).await?),
        secrets: secrets(&states(scope, first).await?, &states(scope, second).await?),
        spec: spec(
            &written(scope, first).await?,
            &written(scope, second).await?,
        ),
        release: releases(scope, first, second).await?,
    }))
}

async fn values(scope: &TeamScope, env: &Environment) -> Result<BTreeMap<String, String>, Problem> {
    let config = scope.config_get(env.id).await?;
    let config = config.map(|version| version.config).unwrap_or_default();
    Ok(config
        .into_iter()
        .map(|(key, value)| (key.to_string(), value))
        .collect())
}

fn config(
    first: &BTreeMap<String, String>,
    second: &BTreeMap<String, String>,
) -> Vec<ConfigDifference> {
    let keys: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    keys.into_iter()
        .filter(|key| first.get(*key) != second.get(*key))
        .map(|key| ConfigDifference {
            key: key.clone(),
            value: first.get(key).cloned(),
            other: second.get(key).cloned(),
        })
        .collect()
}

async fn states(
    scope: &TeamScope,
    env: &Environment,
) -> Result<BTreeMap<String, &'static str>, Problem> {
    let wished = scope.secrets_wished(env.id).await?;
    let set = scope.secret_list(env.id).await?;
    let mut states: BTreeMap<String, &'static str> = wished
        .into_iter()
        .map(|key| (key.to_string(), "missing"))
        .collect();
    states.extend(set.into_iter().map(|info| (info.key.to_string(), "set")));
    Ok(states)
}

fn secrets(
    first: &BTreeMap<String, &'static str>,
    second: &BTreeMap<String, &'static str>,
) -> Vec<SecretDifference> {
    let keys: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let state = |of: &BTreeMap<String, &'static str>, key: &String| {
        (*of.get(key).unwrap_or(&"none")).to_owned()
    };
    keys.into_iter()
        .filter(|key| first.get(*key) != second.get(*key))
        .map(|key| SecretDifference {
            key: key.clone(),
            state: state(first, key),
            other: state(second, key),
        })
        .collect()
}

async fn written(scope: &TeamScope, env: &Environment) -> Result<Value, Problem> {
    let spec = match scope.spec_get(env.id).await? {
        Some(version) => {
            let manifest: Manifest =
                serde_json::from_value(version.spec).map_err(|error| Problem::internal(&error))?;
            EnvironmentSpec::from(&manifest)
        }
        // What nobody has written is as it is shown: empty.
        None => EnvironmentSpec::default(),
    };
    serde_json::to_value(spec).map_err(|error| Problem::internal(&error))
}

fn spec(first: &Value, second: &Value) -> Vec<SpecDifference> {
    let mut found = Vec::new();
    differ("", Some(first), Some(second), &mut found);
    found.truncate(MOST);
    found
}

/// Goes down where both are objects; a specification is not deeper than its schema.
fn differ(
    at: &str,
    first: Option<&Value>,
    second: Option<&Value>,
    found: &mut Vec<SpecDifference>,
) {
    if first == second || found.len() > MOST {
        return;
    }
    if let (Some(Value::Object(a)), Some(Value::Object(b))) = (first, second) {
        let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for key in keys {
            let at = format!("{at}/{}", escape(key));
            differ(&at, a.get(key), b.get(key), found);
        }
        return;
    }
    let shown = |value: Option<&Value>| {
        value
            .filter(|value| !value.is_null())
            .map(ToString::to_string)
    };
    found.push(SpecDifference {
        pointer: at.to_owned(),
        value: shown(first),
        other: shown(second),
    });
}

async fn releases(
    scope: &TeamScope,
    first: &Environment,
    second: &Environment,
) -> Result<ReleaseComparison, Problem> {
    let (one, two) = (serving(scope, first).await?, serving(scope, second).await?);
    let none = BTreeMap::new();
    let services = |of: &Option<ReleaseView>| {
        of.as_ref()
            .map_or_else(|| none.clone(), |release| release.spec.services.clone())
    };
    let images = |of: Option<BTreeMap<_, (segue_model::spec::ImageRef, bool)>>| {
        let images = of.unwrap_or_default().into_iter();
        images
            .map(|(name, (image, _))| (name, image.content().to_owned()))
            .collect::<BTreeMap<segue_model::name::ServiceName, String>>()
    };
    let (a, b) = (pinned(scope, &one).await?, pinned(scope, &two).await?);
    let (a, b) = (images(a), images(b));
    let mut changes = differences(&services(&one), &services(&two));
    // One may name what the other has pinned: the same content is the same image.
    changes.retain(|change| {
        let of = |images: &BTreeMap<segue_model::name::ServiceName, String>| {
            let found = images
                .iter()
                .find(|(name, _)| name.as_str() == change.service);
            found.map(|(_, content)| content.clone())
        };
        change.what != "image" || of(&a).is_none() || of(&a) != of(&b)
    });
    Ok(ReleaseComparison {
        version: one.as_ref().map(|release| release.version),
        other: two.as_ref().map(|release| release.version),
        same_images: a == b,
        changes,
    })
}

async fn serving(scope: &TeamScope, env: &Environment) -> Result<Option<ReleaseView>, Problem> {
    match env.serving {
        Some(id) => Ok(Some(scope.release_get(id).await?)),
        None => Ok(None),
    }
}

type Pinned = BTreeMap<segue_model::name::ServiceName, (segue_model::spec::ImageRef, bool)>;

async fn pinned(
    scope: &TeamScope,
    release: &Option<ReleaseView>,
) -> Result<Option<Pinned>, Problem> {
    match release {
        Some(release) => Ok(Some(scope.release_images(release).await?)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told_and_where() {
        let first = json!({"services": {"web": {"replicas": 1, "port": 80}}, "config": {"A": "1"}});
        let second = json!({"services": {"web": {"replicas": 3, "port": 80}, "w": {}}, "config": {"A": "1"}});
        let found = spec(&first, &second);
        let told: Vec<_> = found
            .iter()
            .map(|d| (d.pointer.as_str(), d.value.as_deref(), d.other.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("/services/w", None, Some("{}")),
                ("/services/web/replicas", Some("1"), Some("3"))
            ]
        );
        assert!(spec(&first, &first).is_empty());
    }

    #[test]
    fn secrets_are_compared_by_name_alone() {
        let first = BTreeMap::from([("A".to_owned(), "set"), ("B".to_owned(), "set")]);
        let second = BTreeMap::from([("A".to_owned(), "set"), ("B".to_owned(), "missing")]);
        let found = secrets(&first, &second);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].key.as_str(), found[0].other.as_str()),
            ("B", "missing")
        );
    }
}
