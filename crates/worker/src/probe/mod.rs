//! Probes: ask an instance whether it is healthy, where the edge would dial it.
//!
//! One cheap task per running instance: 100 ms apart until the first success, 250 ms apart until two in a
//! row, then the interval of its health check. Nothing is dialled before the engine said that the process runs
//! (decision 0012). A probe only reports; what follows from it is decided by the observer and the planner.

pub(crate) mod diagnose;

use std::sync::Arc;
use std::time::Duration;

use std::net::SocketAddr;

use futures::FutureExt;
use futures::future::BoxFuture;
use segue_driver::{ContainerName, Deadline, Driver};
use segue_model::failure::{Failure, FailureCode};
use segue_model::spec::Check;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::core::http::{self, GetError};
use crate::observe::target::Target;

/// Between two tries until the first success.
const FIRST_EVERY: Duration = Duration::from_millis(100);
/// Between the successes that open the gate.
const CONFIRM_EVERY: Duration = Duration::from_millis(250);
/// Successes in a row that open the gate.
const CONFIRM: u32 = 2;
/// Commands are started at most this often.
const COMMAND_EVERY: Duration = Duration::from_secs(1);
/// After the start-up limit, and while it fails, it is asked this often: the planner decides how long.
const FAILING_EVERY: Duration = Duration::from_secs(1);

/// How instances are dialled. Tests without a network have their own.
pub(crate) trait Dial: Send + Sync {
    /// Connects to the port and hangs up.
    fn tcp(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<()>>;
    /// Asks for a path and answers the status.
    fn get<'a>(
        &'a self,
        address: SocketAddr,
        path: &'a str,
    ) -> BoxFuture<'a, Result<u16, GetError>>;
}

/// Dials over the network.
pub(crate) struct Network;

impl Dial for Network {
    fn tcp(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<()>> {
        TcpStream::connect(address)
            .map(|connected| connected.map(drop))
            .boxed()
    }

    fn get<'a>(
        &'a self,
        address: SocketAddr,
        path: &'a str,
    ) -> BoxFuture<'a, Result<u16, GetError>> {
        http::get(address, path).boxed()
    }
}

/// The look from inside takes a moment; begun so long before the start-up limit, its answer is there when the
/// planner asks for the reason.
const DIAGNOSE_BEFORE: Duration = Duration::from_secs(3);

/// What one check gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Healthy.
    Good,
    /// It answered with this status.
    Status(u16),
    /// No answer; why, in words.
    Silent(String),
    /// The command ended with this code.
    Code(i32, String),
}

/// What a probe reports to the observer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// The gate is open.
    Open,
    /// It was open and is not any more.
    Failing(Failure),
    /// The start-up limit is about to pass without a success.
    Late(Failure),
}

/// Asks once.
pub(crate) async fn ask(target: &Target, driver: &dyn Driver, dial: &dyn Dial) -> Answer {
    let limit = target.health.timeout;
    let silent = |text: String| Answer::Silent(text);
    match &target.health.check {
        Check::Running => Answer::Good,
        Check::Tcp => match timeout(limit, dial.tcp(target.socket())).await {
            Ok(Ok(())) => Answer::Good,
            Ok(Err(error)) => silent(reason(&error)),
            Err(_) => silent(format!("no connection within {} s", limit.as_secs_f32())),
        },
        Check::Default => get(target, dial, "/", limit, |status| status < 500).await,
        Check::Http { path } => {
            get(target, dial, path, limit, |status| {
                (200..400).contains(&status)
            })
            .await
        }
        Check::Command { argv } => {
            let name = ContainerName::from(target.instance);
            match driver.exec(&name, argv, Deadline::after(limit)).await {
                Ok(result) if result.code == 0 => Answer::Good,
                Ok(result) => Answer::Code(
                    result.code,
                    String::from_utf8_lossy(&result.output).into_owned(),
                ),
                Err(error) => silent(error.to_string()),
            }
        }
    }
}

async fn get(
    target: &Target,
    dial: &dyn Dial,
    path: &str,
    limit: Duration,
    good: impl Fn(u16) -> bool,
) -> Answer {
    match timeout(limit, dial.get(target.socket(), path)).await {
        Ok(Ok(status)) if good(status) => Answer::Good,
        Ok(Ok(status)) => Answer::Status(status),
        Ok(Err(GetError::Io(error))) => Answer::Silent(reason(&error)),
        Ok(Err(GetError::NotHttp)) => Answer::Silent("the answer is not HTTP".to_owned()),
        Err(_) => Answer::Silent(format!("no answer within {} s", limit.as_secs_f32())),
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::UnexpectedEof => {
            "the connection was closed without an answer".to_owned()
        }
        std::io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        _ => error.to_string(),
    }
}

/// Probes one run of an instance until it is dropped. `open`: its gate was open when the worker learned of it.
pub(crate) async fn watch(
    target: Arc<Target>,
    driver: Arc<dyn Driver>,
    dial: Arc<dyn Dial>,
    mut open: bool,
    was_open: bool,
    mut report: impl FnMut(Report) + Send,
) {
    let begun = Instant::now();
    let limit = target.health.start_timeout;
    let diagnose_at = limit.saturating_sub(DIAGNOSE_BEFORE.min(limit / 4));
    let floor = match target.health.check {
        Check::Command { .. } => COMMAND_EVERY,
        _ => Duration::ZERO,
    };
    let (mut good, mut bad, mut tries) = (0u32, 0u32, 0u32);
    // A gate that was open once has had its start-up time.
    let mut late = was_open;
    if open {
        // Spread the checks of what is found running.
        sleep(target.health.interval.mul_f64(rand::random::<f64>())).await;
    }
    loop {
        let asked = Instant::now();
        let answer = ask(&target, driver.as_ref(), dial.as_ref()).await;
        tries = tries.saturating_add(1);
        if answer == Answer::Good {
            bad = 0;
            good = good.saturating_add(1);
            if !open && (good >= CONFIRM || target.needs_no_probe()) {
                open = true;
                late = true;
                report(Report::Open);
                if target.needs_no_probe() {
                    return;
                }
            }
        } else {
            good = 0;
            bad = bad.saturating_add(1);
            if open && bad >= target.health.failures.max(1) {
                open = false;
                report(Report::Failing(diagnose::failing(&target, &answer, bad)));
            } else if !open && !late && begun.elapsed() >= diagnose_at {
                late = true;
                report(Report::Late(
                    diagnose::late(&target, driver.as_ref(), &answer, tries).await,
                ));
            }
        }
        let pause = match (open, good > 0) {
            (true, _) => target.health.interval,
            (false, true) => CONFIRM_EVERY,
            (false, false) if late => FAILING_EVERY,
            (false, false) => FIRST_EVERY,
        };
        sleep(pause.max(floor).saturating_sub(if open {
            Duration::ZERO
        } else {
            asked.elapsed().min(pause)
        }))
        .await;
        // A check that takes long must not turn into a busy loop.
        if asked.elapsed() < FIRST_EVERY / 2 {
            sleep(FIRST_EVERY / 2).await;
        }
    }
}

/// One line about what was asked: `GET /healthz`.
pub(crate) fn question(target: &Target) -> String {
    match &target.health.check {
        Check::Default => "GET /".to_owned(),
        Check::Http { path } => format!("GET {path}"),
        Check::Tcp => format!("connect to port {}", target.port),
        Check::Command { argv } => format!("command {}", argv.join(" ")),
        Check::Running => "running".to_owned(),
    }
}

/// A failure with its evidence.
pub(crate) fn failure(code: FailureCode, evidence: String) -> Failure {
    Failure {
        code,
        evidence: crate::observe::track::one_line(&evidence, 600),
    }
}
