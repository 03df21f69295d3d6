//! Which operations of the API the end-to-end tests have called with success.
//!
//! Each installation of a test counts requests by route; what it counted is written down when the test has passed,
//! for `./dev test`, which compares all of it with the document. Requests that a program made up (the contract) do not count.

use std::net::SocketAddr;

use anyhow::Context as _;

use crate::tools::{answer, unique, wait_for};

/// Writes `METHOD route` of each operation that was called with success into the folder that `SEGUE_CALLS` names;
/// nothing where it names none.
///
/// # Errors
/// The figures cannot be had, or the file cannot be written.
pub(crate) fn note(api: SocketAddr, token: &str) -> anyhow::Result<()> {
    let Some(folder) = std::env::var_os("SEGUE_CALLS") else {
        return Ok(());
    };
    let bearer = format!("authorization: Bearer {token}");
    // A test may end while the supervisor is still bringing back what it has killed.
    let answer = wait_for("the figures of the control plane", || {
        let answer = answer(&format!("http://{api}/metrics"), &["-H", &bearer]);
        Ok(answer.ok().filter(|answer| answer.status == 200))
    })?;
    let mut calls: Vec<String> = answer.body.lines().filter_map(call).collect();
    calls.sort();
    calls.dedup();
    let path = std::path::Path::new(&folder).join(format!("{:x}", unique()));
    std::fs::write(&path, calls.join("\n") + "\n").with_context(|| path.display().to_string())
}

/// The operation of one line of figures, if it counts successes.
fn call(line: &str) -> Option<String> {
    let labels = line.strip_prefix("segue_api_request_duration_seconds_count{")?;
    let (labels, count) = labels.rsplit_once("} ")?;
    let label = |name: &str| {
        let (_, rest) = labels.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    (label("status")? == "2xx" && count != "0")
        .then(|| Some(format!("{} {}", label("method")?, label("route")?)))?
}

#[cfg(test)]
mod tests {
    use super::call;

    #[test]
    fn successes_are_calls_and_refusals_are_not() {
        let line = |status: &str| {
            format!(
                "segue_api_request_duration_seconds_count{{method=\"GET\",route=\"/v1/teams/{{team}}\",status=\"{status}\"}} 4"
            )
        };
        assert_eq!(call(&line("2xx")).as_deref(), Some("GET /v1/teams/{team}"));
        assert_eq!(call(&line("4xx")), None);
    }
}
