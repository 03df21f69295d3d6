//! `?wait=30s`: the answer to long work comes when the work is done, or after this time.

use std::time::Duration;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::{Problem, ProblemCode};

/// The longest `wait`.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// How long to wait.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitQuery {
    /// Answer when what was asked for is done or has ended, at most after this time: `30s`, up to `300s`.
    #[param(pattern = "^([0-9]{1,2}|[0-2][0-9]{2}|300)s$")]
    wait: Option<String>,
}

impl WaitQuery {
    /// The same parameter of an operation that has others beside it.
    pub(crate) const fn of(wait: Option<String>) -> Self {
        Self { wait }
    }

    /// The time, within bounds.
    pub(crate) fn time(&self) -> Result<Option<Duration>, Problem> {
        let Some(text) = &self.wait else {
            return Ok(None);
        };
        text.strip_suffix('s')
            .filter(|digits| digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .map(Duration::from_secs)
            .filter(|wait| *wait <= MAX_WAIT)
            .map(Some)
            .ok_or_else(|| {
                Problem::new(
                    ProblemCode::InvalidRequest,
                    "`wait` is a number of seconds: `30s`, up to `300s`",
                )
                .at("wait", "0s to 300s")
            })
    }
}
