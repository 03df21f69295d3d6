//! The typed calls: every use of the generated client, each a line of meaning and its request.
//!
//! Must not: print, or decide what a missing thing means.

use segue_client::Deployment;

use crate::error::{CliError, Result};

/// Items of a list that are shown at most; a longer list is for the API itself.
const MOST_ITEMS: usize = 1000;

/// The path of an environment, for requests of whatever type.
macro_rules! at {
    ($path:ident, $place:expr $(, $more:ident: $value:expr)*) => {
        $path { team: $place.team.clone(), app: $place.app.clone(), env: $place.env.clone() $(, $more: $value)* }
    };
}

/// The same for the path of an app.
macro_rules! of {
    ($path:ident, $place:expr $(, $more:ident: $value:expr)*) => {
        $path { team: $place.team.clone(), app: $place.app.clone() $(, $more: $value)* }
    };
}

/// Reads every page of a list, up to [`MOST_ITEMS`].
macro_rules! every_page {
    ($session:expr, $what:expr, |$cursor:ident| $call:expr) => {{
        let mut items = Vec::new();
        let mut $cursor: Option<String> = None;
        loop {
            let page = $session.read($what, $call.await).await?;
            items.extend(page.items);
            $cursor = page.next_cursor;
            if $cursor.is_none() || items.len() >= MOST_ITEMS {
                break Ok(items);
            }
        }
    }};
}

mod deployments;
mod outside;
pub(crate) mod people;
mod places;
mod running;
mod runs;
mod sight;
mod teams;
mod values;

/// A deployment that was asked for.
#[derive(Debug)]
pub(crate) struct Deployed {
    /// It, or the one that is live already.
    pub deployment: Deployment,
    /// Whether it was made; not, where it would have changed nothing.
    pub made: bool,
}

fn etag(generation: i64) -> String {
    format!("\"{generation}\"")
}

/// Whether a deployment failed before anything of it started, so that its build's log is the one to read.
pub(crate) fn failed_in_build(deployment: &Deployment) -> bool {
    use segue_model::failure::FailureCode as Code;
    let code = deployment
        .failure
        .as_ref()
        .and_then(|failure| failure.code.parse().ok());
    matches!(
        code,
        Some(
            Code::BuildFailed
                | Code::BuildTimedOut
                | Code::BuildLimit
                | Code::TestsFailed
                | Code::DockerfileUnsupported
                | Code::ImageNotPullable
        )
    )
}

/// The code of what is not there, or is somebody else's.
pub(crate) const NOT_FOUND: &str = "not_found";

fn missing(what: String, next: &str) -> CliError {
    CliError::new(format!("there is no {what}"))
        .why("or this sign-in may not see it")
        .next(next)
        .code(NOT_FOUND)
}

/// What becomes of an answer where the thing that was to be changed is not there.
pub(crate) trait OrMissing<T> {
    /// The error names the thing, in place of the server's words for everything, and says where to look.
    fn or_missing(self, what: impl FnOnce() -> String, next: &str) -> Result<T>;
}

impl<T> OrMissing<T> for Result<T> {
    fn or_missing(self, what: impl FnOnce() -> String, next: &str) -> Self {
        self.map_err(|error| match error.code.as_deref() {
            Some(NOT_FOUND) => missing(what(), next).now("nothing was changed"),
            _ => error,
        })
    }
}

/// What was read from the server and is not what was asked for.
fn not_understood(what: &str) -> CliError {
    CliError::new(format!("{what}: the server's answer cannot be read"))
        .next("the server may be newer than this program: segue whoami shows both versions")
}

fn too_many(service: &str) -> CliError {
    CliError::usage(format!("{service}: that many instances cannot be"))
        .now("nothing was changed")
        .next("segue scale SERVICE=N")
}
