//! Answers of the API as results or errors: what was refused, what did not arrive, and what nobody understands.
//!
//! Owns the sentences of failures that every command shares. Must not: claim that something was done or not done
//! unless that is known: a request that was lost on the way there was not done, one that was lost on the way back may
//! have been.

use reqwest::{Response, StatusCode, header};
use segue_client::{ApiResponse, Problem};

use crate::error::{CliError, Exit, Result, chain};
use crate::session::Session;

/// The code of a server that was not heard.
pub(crate) const UNREACHABLE: &str = "unreachable";

/// What is true after a request whose answer was lost.
pub(crate) const PERHAPS: &str = "whether it was done is not known";

const DOCTOR: &str = "segue doctor";
const LOOK_FIRST: &str = "segue doctor; then look whether it was done, before you repeat it";

impl Session {
    /// The error for a server that does not answer.
    pub fn unreachable(&self, what: &str, error: &reqwest::Error) -> CliError {
        let server = self.server();
        let (how, now, next) = if error.is_connect() {
            ("does not answer", "this was not sent", DOCTOR)
        } else if error.is_timeout() {
            ("did not answer in time", PERHAPS, LOOK_FIRST)
        } else {
            ("broke off", PERHAPS, LOOK_FIRST)
        };
        CliError::new(format!("{what}: {server} {how}"))
            .why(causes(error))
            .now(now)
            .next(next)
            .code(UNREACHABLE)
    }

    /// The body of a successful answer; `None` for one without.
    pub async fn done<T>(
        &self,
        what: &str,
        answer: anyhow::Result<ApiResponse<T, Problem>>,
    ) -> Result<Option<T>> {
        match answer {
            Ok(
                ApiResponse::Ok(value) | ApiResponse::Created(value) | ApiResponse::Accepted(value),
            ) => Ok(Some(value)),
            Ok(ApiResponse::NoContent) => Ok(None),
            Ok(
                ApiResponse::ClientError(status, problem)
                | ApiResponse::ServerError(status, problem),
            ) => Err(self.refused(what, status, &problem)),
            Ok(ApiResponse::Other(response)) => Err(self.odd(what, *response).await),
            Err(error) => Err(self.broken(what, &error)),
        }
    }

    /// The body of a successful answer that must have one.
    pub async fn value<T>(
        &self,
        what: &str,
        answer: anyhow::Result<ApiResponse<T, Problem>>,
    ) -> Result<T> {
        let done = self.done(what, answer).await?;
        done.ok_or_else(|| {
            CliError::new(format!("{what}: {} answered without a body", self.server()))
                .next("segue doctor")
        })
    }

    /// The same for a question: an answer that was lost leaves nothing open.
    pub async fn read<T>(
        &self,
        what: &str,
        answer: anyhow::Result<ApiResponse<T, Problem>>,
    ) -> Result<T> {
        self.value(what, answer).await.map_err(asked_only)
    }

    /// The same where the thing may be missing.
    pub async fn maybe<T>(
        &self,
        what: &str,
        answer: anyhow::Result<ApiResponse<T, Problem>>,
    ) -> Result<Option<T>> {
        match answer {
            Ok(ApiResponse::ClientError(StatusCode::NOT_FOUND, _)) => Ok(None),
            other => self.done(what, other).await.map_err(asked_only),
        }
    }

    /// A problem that the server describes.
    pub fn refused(&self, what: &str, status: StatusCode, problem: &Problem) -> CliError {
        // What keeps an application from being deployed has a code of its own, the same wherever it is met.
        let code = problem.failure.as_ref().map(|failure| &failure.code);
        let code = code.map_or_else(|| problem.code.to_string(), ToString::to_string);
        let mut error = CliError::new(format!("{what}: {}", problem.detail)).code(code);
        for fault in problem.errors.iter().flatten() {
            let line = format!("{}: {}", fault.pointer, fault.detail);
            if fault.detail != problem.detail || !fault.pointer.is_empty() {
                error = error.why(line);
            }
        }
        error.next = problem.hint.clone().or_else(|| usual(status));
        if status == StatusCode::UNAUTHORIZED {
            error.exit = Exit::SignedOut;
            error.next = Some(format!("segue login --server {}", self.server()));
        }
        if status.is_server_error() {
            error = error.why(format!("request {}", problem.request_id));
        }
        error
    }

    /// An answer that the API does not describe: another program listens there, or a proxy in between.
    pub(crate) async fn odd(&self, what: &str, response: Response) -> CliError {
        let server = self.server();
        let status = response.status();
        let elsewhere = response.headers().get(header::LOCATION);
        let elsewhere = elsewhere.and_then(|to| Some(to.to_str().ok()?.to_owned()));
        let text = response.text().await.unwrap_or_default();
        let first: String = text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(120)
            .collect();
        let mut error = CliError::new(format!("{what}: {server} answered {status}"));
        if !first.is_empty() {
            error = error.why(crate::output::plain(&first));
        }
        if let Some(to) = elsewhere.filter(|_| status.is_redirection()) {
            // The token is for the server that was named, and goes nowhere else by itself.
            return error
                .why(format!("it points to {to}"))
                .now("nothing was sent there")
                .next("name the server itself with --server, or sign in to it: segue login --server URL");
        }
        error.next(format!("is {server} a Segue server? segue doctor"))
    }

    pub(crate) fn broken(&self, what: &str, error: &anyhow::Error) -> CliError {
        let transport = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<reqwest::Error>());
        let unread = error
            .chain()
            .any(|cause| cause.downcast_ref::<serde_json::Error>().is_some());
        if let Some(transport) = transport
            && !unread
        {
            return self.unreachable(what, transport);
        }
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        // The generated client checks a request by the document before it sends it.
        if causes
            .first()
            .is_some_and(|first| first == "parameter validation")
        {
            let causes: Vec<String> = causes.into_iter().skip(1).collect();
            return CliError::usage(format!("{what}: the request says something that cannot be"))
                .why(causes.join(": "))
                .now("nothing was sent")
                .next("correct it; --help tells what each argument may be");
        }
        CliError::new(format!("{what}: the server's answer cannot be read"))
            .why(causes.join(": "))
            .next("the server may be newer than this program: segue whoami shows both versions")
    }

    /// Turns an answer of [`Session::send`] into an error unless it is a success.
    pub async fn check(&self, what: &str, response: Response) -> Result<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let json = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|media| media.as_bytes().starts_with(b"application/problem+json"));
        if !json {
            return Err(self.odd(what, response).await);
        }
        match response.json::<Problem>().await {
            Ok(problem) => Err(self.refused(what, status, &problem)),
            Err(error) => Err(self.broken(what, &anyhow::Error::new(error))),
        }
    }

    /// The body of an answer that [`Session::check`] let through.
    pub async fn json<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        response: Response,
    ) -> Result<T> {
        let read = response.json().await;
        read.map_err(|error| self.broken(what, &anyhow::Error::new(error)))
    }
}

/// A question changes nothing, so that nothing has to be said about what is true now.
pub(crate) fn asked_only(mut error: CliError) -> CliError {
    if error.now.as_deref() == Some(PERHAPS) {
        error.now = None;
        error.next = Some(DOCTOR.to_owned());
    }
    error
}

/// What helps where the server itself has no hint.
fn usual(status: StatusCode) -> Option<String> {
    let next = match status {
        StatusCode::FORBIDDEN => "segue whoami tells your role; ask an admin of the team",
        StatusCode::PRECONDITION_FAILED => {
            "somebody else changed it at the same moment: look at it, and repeat this"
        }
        StatusCode::TOO_MANY_REQUESTS => "wait a moment, and repeat it",
        status if status.is_server_error() => {
            "repeat it in a moment; the server's log knows this request"
        }
        StatusCode::BAD_REQUEST
        | StatusCode::CONFLICT
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => "correct it; --help tells what each argument may be",
        _ => return None,
    };
    Some(next.to_owned())
}

/// Why a request was lost. What the library says around it (the address, its own layers) is known already.
fn causes(error: &reqwest::Error) -> String {
    let known = |line: &String| {
        line.starts_with("error sending request")
            || line.starts_with("client error")
            || line.starts_with("error decoding response body")
            || line.starts_with("request or response body error")
    };
    let all = chain(error);
    let own: Vec<&str> = all
        .iter()
        .filter(|line| !known(line))
        .map(String::as_str)
        .collect();
    if own.is_empty() {
        all.join(": ")
    } else {
        own.join(": ")
    }
}
