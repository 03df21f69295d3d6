//! The supervisor: the only place that spawns the worker's loops.
//!
//! Invariants: every task has a name, is told to stop by one token, and ends within the shutdown budget or is
//! aborted; a task that fails or panics is restarted with back-off or stops the whole worker, by its policy.
//! Nothing is detached: dropping the supervisor aborts what it started. Loops that need tasks of their own
//! keep them in a `JoinSet` they own, so that they die with the loop.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

/// What happens when a task ends before it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnError {
    /// It is started again, after 100 ms that double up to 5 s; a run of a minute resets the back-off.
    Restart,
    /// Everything stops: the process cannot do its work without it.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "every loop of today can be started again")
    )]
    Stop,
}

/// First wait before a restart.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// Longest wait before a restart.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// A run that lasted this long was a good one.
const GOOD_RUN: Duration = Duration::from_secs(60);

const _: () = assert!(BACKOFF_MAX.as_millis() < GOOD_RUN.as_millis());

type Run = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Factory = Box<dyn FnMut(CancellationToken) -> Run + Send>;

struct Task {
    name: &'static str,
    on_error: OnError,
    factory: Factory,
    started: Instant,
    backoff: Duration,
}

/// Runs named tasks until one that must not fail fails, or until it is told to stop.
pub(crate) struct Supervisor {
    stop: CancellationToken,
    running: JoinSet<Result<(), String>>,
    tasks: HashMap<Id, Task>,
}

impl Supervisor {
    /// A supervisor whose tasks end when `stop` is cancelled.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            running: JoinSet::new(),
            tasks: HashMap::new(),
        }
    }

    /// Starts a task. `factory` is called again for each restart.
    pub(crate) fn spawn<F, Fut, E>(&mut self, name: &'static str, on_error: OnError, mut factory: F)
    where
        F: FnMut(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let factory: Factory = Box::new(move |stop| {
            let run = factory(stop);
            Box::pin(async move { run.await.map_err(|error| format!("{error:#}")) })
        });
        self.start(Task {
            name,
            on_error,
            factory,
            started: Instant::now(),
            backoff: Duration::ZERO,
        });
    }

    fn start(&mut self, mut task: Task) {
        let run = (task.factory)(self.stop.child_token());
        let wait = task.backoff;
        let stop = self.stop.clone();
        task.started = Instant::now() + wait;
        let handle = self.running.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep(wait) => {}
            }
            run.await
        });
        self.tasks.insert(handle.id(), task);
    }

    /// Waits until the token is cancelled or a task with [`OnError::Stop`] ends, then gives the others
    /// `budget` to finish. Answers the name and error of the task that stopped everything, if one did.
    pub(crate) async fn run(mut self, budget: Duration) -> Result<(), (&'static str, String)> {
        let stop = self.stop.clone();
        let fatal = loop {
            let ended = tokio::select! {
                () = stop.cancelled() => break None,
                ended = self.running.join_next_with_id() => ended,
            };
            let Some(ended) = ended else { break None };
            let (id, outcome) = match ended {
                Ok((id, outcome)) => (id, outcome),
                Err(panicked) => (panicked.id(), Err(format!("panicked: {panicked}"))),
            };
            let Some(mut task) = self.tasks.remove(&id) else {
                continue;
            };
            if stop.is_cancelled() {
                break None;
            }
            let error = match outcome {
                Ok(()) => "ended without being asked to".to_owned(),
                Err(error) => error,
            };
            match task.on_error {
                OnError::Stop => {
                    tracing::error!(task.name = task.name, %error, "a task the worker cannot do without has failed");
                    break Some((task.name, error));
                }
                OnError::Restart => {
                    let good = task.started.elapsed() >= GOOD_RUN;
                    task.backoff = if good || task.backoff.is_zero() {
                        BACKOFF_FIRST
                    } else {
                        (task.backoff * 2).min(BACKOFF_MAX)
                    };
                    tracing::warn!(task.name = task.name, %error, wait_ms = task.backoff.as_millis() as u64, "a task has failed and is started again");
                    self.start(task);
                }
            }
        };
        self.stop.cancel();
        let deadline = Instant::now() + budget;
        while let Ok(Some(_)) = timeout_at(deadline, self.running.join_next()).await {}
        if !self.running.is_empty() {
            tracing::warn!(
                tasks = self.running.len(),
                "tasks did not end within the shutdown budget and are aborted"
            );
            self.running.shutdown().await;
        }
        fatal.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failing_task_is_started_again_and_a_vital_one_stops_everything() {
        let runs = Arc::new(AtomicU32::new(0));
        let ended = Arc::new(AtomicU32::new(0));
        let mut sup = Supervisor::new(CancellationToken::new());
        let (r, e) = (runs.clone(), ended.clone());
        sup.spawn("flaky", OnError::Restart, move |_| {
            let n = r.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(n != 1, "the second run panics");
                Err::<(), _>("flaky")
            }
        });
        sup.spawn("patient", OnError::Stop, move |stop| {
            let e = e.clone();
            async move {
                stop.cancelled().await;
                e.fetch_add(1, Ordering::SeqCst);
                Ok::<(), String>(())
            }
        });
        let r = runs.clone();
        sup.spawn("vital", OnError::Stop, move |_| {
            let r = r.clone();
            async move {
                while r.load(Ordering::SeqCst) < 4 {
                    sleep(Duration::from_millis(10)).await;
                }
                Err::<(), _>("gone")
            }
        });
        let result = sup.run(Duration::from_secs(5)).await;
        assert_eq!(result, Err(("vital", "gone".to_owned())));
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_listen_is_aborted_after_the_budget() {
        let stop = CancellationToken::new();
        let mut sup = Supervisor::new(stop.clone());
        sup.spawn("deaf", OnError::Stop, |_| {
            std::future::pending::<Result<(), String>>()
        });
        stop.cancel();
        assert_eq!(sup.run(Duration::from_secs(3)).await, Ok(()));
    }
}
