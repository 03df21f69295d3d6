//! What is said of a deployment that did not become live.

use segue_client::Receipt;

use super::Place;
use super::follow::End;
use crate::error::{CliError, Exit};
use crate::session::Session;

/// Lines of a log that a failure shows.
const LAST_LINES: u32 = 10;

/// The error for a deployment that did not become live: what, why, what is true now, what next.
pub(super) async fn error(
    session: &Session,
    place: &Place,
    end: &End,
    serving: Option<i64>,
) -> CliError {
    let deployment = &end.deployment;
    let number = deployment.number;
    let phase = match &end.failed_in {
        Some((phase, after)) => format!(" in {phase} after {}s", after.as_secs()),
        None => String::new(),
    };
    let how = match deployment.state.as_str() {
        "rolled_back" => format!("failed{phase} and was rolled back"),
        "cancelled" => "was stopped".to_owned(),
        "superseded" => "was overtaken by a newer one".to_owned(),
        _ => format!("failed{phase}"),
    };
    let now = match serving {
        Some(version) => {
            let receipt = session.receipt(place, number).await.ok().flatten();
            still(version, receipt.as_ref())
        }
        None => "nothing serves yet".to_owned(),
    };
    let mut error = CliError::new(format!("deploy #{number} of {} {how}", place.short()))
        .now(now)
        .exit(Exit::Deploy);
    let Some(failure) = &deployment.failure else {
        return error.next(format!("segue deploys list {}", place.flags()));
    };
    error = error.why(&failure.sentence);
    if !failure.evidence.is_empty() {
        error = error.why(&failure.evidence);
    }
    let lines = session.last_lines(place, deployment, LAST_LINES).await;
    if !lines.is_empty() {
        error = error.why("last lines:");
        for line in lines {
            error = error.why(format!("  {line}"));
        }
    }
    error
        .next(next(&failure.hint, number, &place.flags()))
        .code(failure.code.clone())
}

/// What users had of a deployment that is undone.
fn still(version: i64, receipt: Option<&Receipt>) -> String {
    match receipt {
        None => format!("traffic stays on v{version} (nothing changed for users)"),
        Some(receipt) => format!(
            "traffic is on v{version} again ({} of {} requests failed meanwhile)",
            receipt.failed, receipt.requests
        ),
    }
}

/// The hint with the log's command in full, whether the hint names it or not.
fn next(hint: &str, number: i64, flags: &str) -> String {
    for (short, full) in [
        (
            "segue logs --build",
            format!("segue logs --build --deploy {number} {flags}"),
        ),
        (
            "segue logs --deploy",
            format!("segue logs --deploy {number} {flags}"),
        ),
    ] {
        if hint.contains(short) {
            return hint.replace(short, &full);
        }
    }
    format!("{hint}   Log: segue logs --deploy {number} {flags}")
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn a_hint_names_the_log_once() {
        assert_eq!(
            next("bind it", 4, "-a x"),
            "bind it   Log: segue logs --deploy 4 -a x"
        );
        assert_eq!(
            next("read: segue logs --build", 4, "-a x"),
            "read: segue logs --build --deploy 4 -a x"
        );
        assert_eq!(
            next("read: segue logs --deploy", 4, "-a x"),
            "read: segue logs --deploy 4 -a x"
        );
    }
}
