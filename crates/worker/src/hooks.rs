//! Steps that a test can stop a worker at. In the product every step is nothing.
//!
//! A step stands before and after each effect (a commit, an attempt, an engine call, a written observation). A
//! test that counts them can kill a worker at every one in turn.

/// The steps of one worker.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    #[cfg(test)]
    pub(crate) inner: std::sync::Arc<counting::Counter>,
}

impl Steps {
    /// Passes a step; in a test it may never return.
    #[cfg(not(test))]
    pub(crate) async fn pass(&self, _name: &'static str) {}

    /// Passes a step; in a test it may never return.
    #[cfg(test)]
    pub(crate) async fn pass(&self, name: &'static str) {
        self.inner.pass(name).await;
    }
}

#[cfg(test)]
pub(crate) mod counting {
    use std::collections::VecDeque;
    use std::sync::{Condvar, Mutex};

    use tokio::sync::Notify;

    #[derive(Debug, Default)]
    pub(crate) struct Counter {
        pub(crate) passed: Mutex<Vec<&'static str>>,
        /// The worker stops at the step with this number, counted from 1.
        pub(crate) stop_at: Mutex<Option<usize>>,
        pub(crate) stopped: Notify,
        /// The worker's whole thread stops at the next step of this name, as SIGSTOP does.
        pub(crate) freeze_at: Mutex<Option<&'static str>>,
        pub(crate) frozen: Notify,
        /// Steps that are passed one after the other, others in between: whoever passes the last waits there, and
        /// nobody else.
        pub(crate) hold_at: Mutex<VecDeque<&'static str>>,
        pub(crate) held: Notify,
        pub(crate) release: Notify,
        pub(crate) thaw: (Mutex<bool>, Condvar),
    }

    impl Counter {
        pub(crate) async fn pass(&self, name: &'static str) {
            let number = {
                let mut passed = self.passed.lock().unwrap();
                passed.push(name);
                passed.len()
            };
            if self.stop_at.lock().unwrap().is_some_and(|at| number >= at) {
                self.stopped.notify_one();
                std::future::pending::<()>().await;
            }
            let hold = {
                let mut steps = self.hold_at.lock().unwrap();
                let next = steps.pop_front_if(|next| *next == name);
                next.is_some() && steps.is_empty()
            };
            if hold {
                self.held.notify_one();
                self.release.notified().await;
            }
            if self
                .freeze_at
                .lock()
                .unwrap()
                .take_if(|at| *at == name)
                .is_some()
            {
                self.frozen.notify_one();
                let (thawed, changed) = &self.thaw;
                let mut thawed = thawed.lock().unwrap();
                while !*thawed {
                    thawed = changed.wait(thawed).unwrap();
                }
            }
        }

        /// Lets a frozen worker go on.
        pub(crate) fn thaw(&self) {
            *self.thaw.0.lock().unwrap() = true;
            self.thaw.1.notify_all();
        }

        /// How often a step was passed.
        pub(crate) fn count(&self, name: &str) -> usize {
            self.passed
                .lock()
                .unwrap()
                .iter()
                .filter(|passed| **passed == name)
                .count()
        }
    }
}
