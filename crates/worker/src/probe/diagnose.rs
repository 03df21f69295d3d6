//! Why an instance is not healthy: turns the last answer, and a look from inside, into code and evidence.

use std::time::Duration;

use segue_driver::{ContainerName, Deadline, Driver, Listen};
use segue_model::failure::{Failure, FailureCode};
use segue_model::spec::Check;

use super::{Answer, failure, question};
use crate::observe::target::Target;

/// For the look from inside.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// An instance that was healthy and is not any more.
pub(crate) fn failing(target: &Target, answer: &Answer, tries: u32) -> Failure {
    let (code, what) = match answer {
        Answer::Status(status) => (FailureCode::HealthStatus, format!("status {status}")),
        Answer::Code(code, output) => (
            FailureCode::HealthStatus,
            format!("exit code {code} {output}"),
        ),
        Answer::Silent(why) => (FailureCode::HealthTimeout, why.clone()),
        Answer::Good => (FailureCode::HealthTimeout, "answered again".to_owned()),
    };
    failure(
        code,
        format!("{} → {what} ({tries} tries)", question(target)),
    )
}

/// An instance that did not become healthy in time. Looks who listens where, from inside.
pub(crate) async fn late(
    target: &Target,
    driver: &dyn Driver,
    answer: &Answer,
    tries: u32,
) -> Failure {
    if matches!(answer, Answer::Status(_) | Answer::Code(..))
        || target.health.check == Check::Running
    {
        return failing(target, answer, tries);
    }
    let name = ContainerName::from(target.instance);
    let listeners = match driver.listeners(&name, Deadline::after(LOOK_LIMIT)).await {
        Ok(listeners) => listeners,
        Err(error) => {
            tracing::warn!(instance.id = %target.instance, %error, "could not look who listens in the instance");
            return failing(target, answer, tries);
        }
    };
    judge(target, answer, tries, &listeners)
}

fn judge(target: &Target, answer: &Answer, tries: u32, listeners: &[Listen]) -> Failure {
    let asked = match answer {
        Answer::Silent(why) => format!("{} → {why} ({tries} tries)", question(target)),
        _ => format!("{} ({tries} tries)", question(target)),
    };
    let list = |found: &[&Listen]| {
        let all: Vec<String> = found
            .iter()
            .map(|l| std::net::SocketAddr::new(l.addr, l.port).to_string())
            .collect();
        all.join(", ")
    };
    let expected = format!("expected 0.0.0.0:{}", target.port);
    // The engine's own resolver listens on 127.0.0.11 in every container of a user-defined network.
    let real: Vec<&Listen> = listeners
        .iter()
        .filter(|l| l.addr != std::net::IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 11)))
        .collect();
    let on_port: Vec<&Listen> = real
        .iter()
        .copied()
        .filter(|l| l.port == target.port)
        .collect();
    if on_port.iter().any(|l| l.reachable()) {
        return failure(
            FailureCode::HealthTimeout,
            format!(
                "{asked}; it listens on port {} and does not answer",
                target.port
            ),
        );
    }
    if !on_port.is_empty() {
        return failure(
            FailureCode::HealthLoopback,
            format!(
                "{asked}; the process listens on {}, {expected}",
                list(&on_port)
            ),
        );
    }
    let elsewhere: Vec<&Listen> = real.iter().copied().filter(|l| l.reachable()).collect();
    if !elsewhere.is_empty() {
        return failure(
            FailureCode::HealthPortMismatch,
            format!(
                "{asked}; the process listens on {}, {expected}",
                list(&elsewhere)
            ),
        );
    }
    if !real.is_empty() {
        return failure(
            FailureCode::HealthLoopback,
            format!(
                "{asked}; the process listens on {}, {expected}",
                list(&real)
            ),
        );
    }
    failure(
        FailureCode::HealthTimeout,
        format!("{asked}; nothing listens in it, {expected}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::tests::target;

    fn code(listeners: &[&str]) -> (FailureCode, String) {
        let listeners: Vec<Listen> = listeners.iter().map(|l| l.parse().unwrap()).collect();
        let failure = judge(
            &target(),
            &Answer::Silent("connection refused".into()),
            12,
            &listeners,
        );
        (failure.code, failure.evidence)
    }

    #[test]
    fn who_listens_where_says_why() {
        assert_eq!(code(&["0.0.0.0:3000"]).0, FailureCode::HealthPortMismatch);
        assert_eq!(
            code(&["127.0.0.1:3000", "[::]:9090"]).0,
            FailureCode::HealthPortMismatch
        );
        assert_eq!(code(&["127.0.0.1:8080"]).0, FailureCode::HealthLoopback);
        assert_eq!(code(&["127.0.0.1:3000"]).0, FailureCode::HealthLoopback);
        assert_eq!(code(&["[::]:8080"]).0, FailureCode::HealthTimeout);
        assert_eq!(code(&["127.0.0.11:40123"]).0, FailureCode::HealthTimeout);
        let (_, evidence) = code(&["127.0.0.1:3000"]);
        assert_eq!(
            evidence,
            "GET / → connection refused (12 tries); the process listens on 127.0.0.1:3000, expected 0.0.0.0:8080"
        );
    }
}
