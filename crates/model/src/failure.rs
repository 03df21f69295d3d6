//! Failure codes: the contract between what goes wrong and what people read.
//!
//! Each code has one sentence form and one next command; evidence travels beside the code. Codes are
//! never renamed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// After the end of a process its last words are read for this long; then it is judged without them.
pub const LAST_WORDS_LIMIT: Duration = Duration::from_secs(3);

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $label:literal $sentence:literal $hint:literal;)*) => {
        /// Why a build, a deployment or an instance failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum FailureCode {
            $($(#[$doc])* #[serde(rename = $label)] $variant,)*
        }

        impl FailureCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label),* }
            }

            /// What failed, in general; the evidence says it in particular.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence),* }
            }

            /// What to do next.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint),* }
            }
        }

        impl FromStr for FailureCode {
            type Err = UnknownFailureCode;

            fn from_str(text: &str) -> Result<Self, UnknownFailureCode> {
                Self::ALL.iter().copied().find(|c| c.as_str() == text).ok_or(UnknownFailureCode)
            }
        }
    };
}

/// Text that names no failure code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a failure code")]
pub struct UnknownFailureCode;

codes! {
    /// A step of the build ended with an error.
    BuildFailed "build_failed" "a build step failed" "read the step's last lines: segue logs --build";
    /// The build ran into its time limit.
    BuildTimedOut "build_timed_out" "the build took longer than its limit" "make dependencies a layer of their own, or raise the limit: docs/OPERATIONS.md";
    /// The build was killed for memory or processes.
    BuildLimit "build_limit" "the build ran into its memory or process limit" "build with fewer parallel jobs, or raise the build engine's limits: docs/OPERATIONS.md";
    /// The tests failed in the built image.
    TestsFailed "tests_failed" "the tests failed in the built image" "run them locally, or read them: segue logs --build";
    /// Neither a Dockerfile nor a known language was found.
    NothingDetected "nothing_detected" "no Dockerfile and no known language in the source" "add a Dockerfile, or a Procfile with requirements.txt or package.json";
    /// No command starts the application.
    NoStartCommand "no_start_command" "no command says how to start the application" "add a Procfile line `web: …`, or [services.web] command = \"…\"";
    /// The source wants a runtime version that the server does not offer.
    RuntimeMissing "runtime_missing" "the source wants a runtime version that this server does not offer" "choose one of the versions named, or add it to the server's `runtimes`";
    /// The Dockerfile uses something this engine cannot do.
    DockerfileUnsupported "dockerfile_unsupported" "the Dockerfile uses something that this engine cannot do" "remove `# syntax=` and heredocs, or use an engine of version 23 or later";
    /// The image cannot be pulled or found.
    ImageNotPullable "image_not_pullable" "the image cannot be pulled" "check its name and tag, and the registry's credentials";
    /// The container could not be created or started as asked.
    ContainerRefused "container_refused" "the engine refused the container" "read the engine's message and correct the service";
    /// The program is for another architecture, or not a program.
    ExecFormat "exec_format" "the program in the image cannot run on this host" "build for this host's architecture, and check the first line of scripts";
    /// The start command does not exist in the image.
    CommandNotFound "command_not_found" "the start command does not exist in the image" "correct [services.*] command, or add the program to the image";
    /// The application listens on another port.
    HealthPortMismatch "health_port_mismatch" "the application listens on another port" "listen on 0.0.0.0:$PORT, or set [services.web] port";
    /// The application listens on loopback only.
    HealthLoopback "health_loopback" "the application listens on 127.0.0.1 only" "bind to 0.0.0.0:$PORT";
    /// The application listens nowhere, or does not answer.
    HealthTimeout "health_timeout" "the application did not become healthy in time" "read its log, or raise health.start_timeout";
    /// The application answers with an error status.
    HealthStatus "health_status" "the health check got an error status" "open the path yourself, or set health.path to one that answers 200";
    /// The application exits right after its start.
    ExitedAtOnce "exited_at_once" "the application exits right after its start" "read its last lines: segue logs --deploy";
    /// The application was killed for memory.
    OutOfMemory "out_of_memory" "the application was killed for using more memory than its limit" "raise resources.memory, or let it use less";
    /// No host has room.
    NoCapacity "no_capacity" "no host has room" "lower resources or replicas, or add a host: segue hosts";
    /// A required secret or variable has no value.
    VariableMissing "variable_missing" "a required variable has no value" "segue secret set KEY, or segue config set KEY=VALUE";
    /// A secret that the environment needs was never set in it.
    SecretMissing "secret_missing" "a secret that the environment needs has no value in it" "segue secret set KEY";
    /// How a run ended cannot be seen any more.
    RunUnknown "run_unknown" "how the run ended cannot be seen any more" "it is not started again by itself: look at what it did, then run it again";
    /// The release command failed.
    ReleaseCommandFailed "release_command_failed" "the release command failed" "read its log; nothing was switched";
    /// No progress until the deadline.
    ProgressDeadline "progress_deadline" "the deployment made no progress until its deadline" "see the reasons: segue status";
    /// The new release answered with too many errors.
    ErrorRate "error_rate" "the new release answers with more errors than the old one" "read its log, mend it, deploy again";
    /// The new release answered too slowly.
    TooSlow "too_slow" "the new release answers more slowly than the old one" "find what it waits for, mend it, deploy again";
    /// A person stopped it.
    Cancelled "cancelled" "stopped by a person" "deploy again when ready";
    /// Segue itself failed.
    Internal "internal" "Segue itself failed" "see the server's log with the request id";
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure as it is kept and shown: code, where, evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub code: FailureCode,
    /// What was seen, in one line (`web.3 on host-a: GET /healthz → connection refused (12 tries)`); redacted.
    pub evidence: String,
}
