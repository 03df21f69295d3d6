//! The one error type of this crate, with variants by what the caller can do.
//!
//! Owns the classification of engine answers: HTTP status first, and the engine's message only where the engine
//! has no code for it (start errors are one status with prose). Messages are kept for people, cut to
//! [`MESSAGE_CHARS`]; nothing outside this module looks into them.

use segue_model::failure::FailureCode;

/// Characters of an engine message that are kept.
const MESSAGE_CHARS: usize = 600;

/// What engines hand on of registries that want to know who asks.
const REFUSED: &[&str] = &[
    "unauthorized",
    "authentication required",
    "no basic auth credentials",
    "denied",
    "403 Forbidden",
    "401 Unauthorized",
];

/// What an engine call ended with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// The engine cannot be reached. Nothing is known about the call's effect.
    #[error("the Docker engine does not answer: {0}")]
    Unavailable(String),
    /// The deadline passed. Nothing is known about the call's effect.
    #[error("the Docker engine did not finish in time")]
    Deadline,
    /// There is no such container, network or image.
    #[error("not found: {0}")]
    NotFound(String),
    /// The name or the object is taken by something else.
    #[error("in conflict with what is there: {0}")]
    Conflict(String),
    /// A container, network or volume without this installation's label: never touched.
    #[error("{0} does not belong to this installation")]
    NotOurs(String),
    /// The image is not on this engine.
    #[error("the image {0} is not on this engine")]
    ImageMissing(String),
    /// The registry does not give the image.
    #[error("the image cannot be pulled: {0}")]
    ImageNotPullable(String),
    /// The registry does not show the image to whoever asks like this: with no credential, or with one that it does
    /// not take. Registries answer the same for an image that does not exist.
    #[error("the image cannot be pulled: {0}")]
    ImageRefused(String),
    /// The engine's disk is full.
    #[error("the engine's disk is full: {0}")]
    NoSpace(String),
    /// The address is taken on its network.
    #[error("the address is in use: {0}")]
    AddressInUse(String),
    /// The program does not exist in the image.
    #[error("the start command does not exist in the image: {0}")]
    CommandNotFound(String),
    /// The program exists and cannot be run on this host.
    #[error("the program in the image cannot run on this host: {0}")]
    ExecFormat(String),
    /// The engine refuses the container, network or image as asked.
    #[error("the engine refused it: {0}")]
    BadConfig(String),
    /// The engine is too old, too new, or lacks something that is needed.
    #[error("the engine cannot do this: {0}")]
    Unsupported(String),
    /// The engine failed within itself.
    #[error("the engine failed: {0}")]
    Engine(String),
    /// The engine answered something that cannot be read.
    #[error("the engine's answer cannot be read: {0}")]
    Protocol(String),
}

impl DriverError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Unavailable(_)
            | Self::Deadline
            | Self::AddressInUse(_)
            | Self::Engine(_)
            | Self::NoSpace(_) => true,
            Self::NotFound(_)
            | Self::Conflict(_)
            | Self::NotOurs(_)
            | Self::ImageMissing(_)
            | Self::ImageNotPullable(_)
            | Self::ImageRefused(_)
            | Self::CommandNotFound(_)
            | Self::ExecFormat(_)
            | Self::BadConfig(_)
            | Self::Unsupported(_)
            | Self::Protocol(_) => false,
        }
    }

    /// Whether the call may have had its effect all the same.
    #[must_use]
    pub const fn effect_unknown(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Deadline | Self::Protocol(_)
        )
    }

    /// The code that people read, where the application or its image is at fault.
    #[must_use]
    pub const fn failure_code(&self) -> Option<FailureCode> {
        match self {
            Self::ImageMissing(_) | Self::ImageNotPullable(_) | Self::ImageRefused(_) => {
                Some(FailureCode::ImageNotPullable)
            }
            Self::CommandNotFound(_) => Some(FailureCode::CommandNotFound),
            Self::ExecFormat(_) => Some(FailureCode::ExecFormat),
            Self::BadConfig(_) => Some(FailureCode::ContainerRefused),
            _ => None,
        }
    }

    /// Classifies an answer with an error status.
    pub(crate) fn from_status(status: u16, message: &str) -> Self {
        let text = cut(message);
        let has = |part: &str| message.contains(part);
        if has("no space left on device") {
            return Self::NoSpace(text);
        }
        if has("exec format error") {
            return Self::ExecFormat(text);
        }
        if has("executable file not found") || (has("exec:") && has("no such file or directory")) {
            return Self::CommandNotFound(text);
        }
        if has("Address already in use")
            || has("address already in use")
            || has("port is already allocated")
        {
            return Self::AddressInUse(text);
        }
        if has("No such image") || has("no such image") {
            return Self::ImageMissing(text);
        }
        match status {
            404 => Self::NotFound(text),
            409 => Self::Conflict(text),
            400 if has("is too old") || has("is too new") => Self::Unsupported(text),
            400..=499 => Self::BadConfig(text),
            501 => Self::Unsupported(text),
            _ => Self::Engine(text),
        }
    }

    /// Classifies what went wrong while an image was pulled: the status is 200 or 404 and the reason is prose.
    pub(crate) fn into_pull(self, image: &str) -> Self {
        match self {
            Self::NotFound(why)
            | Self::BadConfig(why)
            | Self::Engine(why)
            | Self::ImageMissing(why) => {
                let refused = REFUSED.iter().any(|part| why.contains(part));
                let why = format!("{image}: {why}");
                if refused {
                    Self::ImageRefused(why)
                } else {
                    Self::ImageNotPullable(why)
                }
            }
            other => other,
        }
    }
}

/// A message fit to be kept and shown: one line, no control characters, bounded.
pub(crate) fn cut(message: &str) -> String {
    let line = message
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    line.take(MESSAGE_CHARS).collect()
}

impl From<bollard::errors::Error> for DriverError {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError {
                status_code,
                message,
            } => Self::from_status(status_code, &message),
            E::DockerStreamError { error } => Self::from_status(500, &error),
            E::RequestTimeoutError => Self::Deadline,
            E::IOError { err } => match err.downcast::<Self>() {
                // The transport speaks through bollard's only open variant.
                Ok(own) => own,
                Err(err) => Self::Unavailable(cut(&chain(&err))),
            },
            E::HyperResponseError { err } => Self::Unavailable(cut(&chain(&err))),
            E::HyperLegacyError { err } => Self::Unavailable(cut(&chain(&err))),
            E::JsonDataError { message, .. } => Self::Protocol(cut(&message)),
            other => Self::Protocol(cut(&chain(&other))),
        }
    }
}

/// An error with its causes: transport errors say only "client error" by themselves.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_answers_are_told_apart() {
        let of = |status, message: &str| DriverError::from_status(status, message);
        let runc = "failed to create shim: OCI runtime create failed: container_linux.go:380: starting container process caused: ";
        assert!(matches!(
            of(404, "No such container: x"),
            DriverError::NotFound(_)
        ));
        assert!(matches!(
            of(404, "No such image: x:latest"),
            DriverError::ImageMissing(_)
        ));
        assert!(matches!(
            of(
                409,
                "Conflict. The container name \"/x\" is already in use by container \"y\"."
            ),
            DriverError::Conflict(_)
        ));
        assert!(matches!(
            of(
                400,
                &format!("{runc}exec: \"nope\": executable file not found in $PATH: unknown")
            ),
            DriverError::CommandNotFound(_)
        ));
        assert!(matches!(
            of(
                400,
                &format!("{runc}exec: \"/nope\": stat /nope: no such file or directory: unknown")
            ),
            DriverError::CommandNotFound(_)
        ));
        assert!(matches!(
            of(400, &format!("{runc}exec format error: unknown")),
            DriverError::ExecFormat(_)
        ));
        assert!(matches!(
            of(403, "Address already in use"),
            DriverError::AddressInUse(_)
        ));
        assert!(matches!(
            of(500, "write /var/lib/x: no space left on device"),
            DriverError::NoSpace(_)
        ));
        assert!(matches!(
            of(
                400,
                "client version 1.41 is too old. Minimum supported API version is 1.44"
            ),
            DriverError::Unsupported(_)
        ));
        assert!(matches!(
            of(400, "invalid reference format"),
            DriverError::BadConfig(_)
        ));
        assert!(matches!(of(500, "boom\nboom"), DriverError::Engine(text) if text == "boom boom"));
    }

    #[test]
    fn a_registry_that_wants_to_know_who_asks_is_told_from_one_without_the_image() {
        let of = |why: &str| DriverError::from_status(500, why).into_pull("r/a:1");
        for refused in [
            "Head \"http://127.0.0.1:5000/v2/a/manifests/1\": no basic auth credentials",
            "Get \"https://r/v2/\": unauthorized: authentication required",
            "pull access denied for a, repository does not exist or may require 'docker login'",
            "error parsing HTTP 403 response body: 403 Forbidden",
        ] {
            assert!(
                matches!(of(refused), DriverError::ImageRefused(why) if why.starts_with("r/a:1: ")),
                "{refused}"
            );
        }
        assert!(matches!(
            of("manifest for r/a:1 not found: manifest unknown"),
            DriverError::ImageNotPullable(_)
        ));
    }

    #[test]
    fn only_what_time_can_mend_is_retryable() {
        assert!(DriverError::Deadline.retryable() && DriverError::Deadline.effect_unknown());
        assert!(DriverError::Unavailable(String::new()).retryable());
        assert!(!DriverError::ExecFormat(String::new()).retryable());
        assert!(!DriverError::NotOurs(String::new()).retryable());
    }
}
