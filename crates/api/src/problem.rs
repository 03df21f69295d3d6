//! Errors as people and machines read them: RFC 9457 problem details.
//!
//! Owns the mapping from failures to status codes; no other module names a status of an error. A [`Problem`]
//! travels as a response extension until [`finish`] has put the request id into it and written the body, so
//! that no error leaves without one, whoever made it (a handler, axum itself, a layer).
//! Must not: show internals. Unknown errors are logged once with the request id and answered 500.

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use segue_model::failure::Failure;

use crate::dto::failure::FailureView;
use crate::lists::Lists;
use crate::request_id::RequestId;

/// Media type of every error body.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $label:tt $status:ident $title:literal;)*) => {
        /// Stable word for a kind of error; clients decide by it. New ones may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $label)] $variant,)*
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label),* }
            }

            /// The status that goes with it.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),* }
            }

            /// What it means, in general.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

codes! {
    /// The request cannot be understood: syntax, headers, query, path.
    InvalidRequest "invalid_request" BAD_REQUEST "The request cannot be understood";
    /// No valid token.
    Unauthenticated "unauthenticated" UNAUTHORIZED "No valid sign-in";
    /// The address or the password is wrong; which one is not said.
    SignInRefused "sign_in_refused" UNAUTHORIZED "The address or the password is wrong";
    /// The session has ended, or there was none: sign in.
    SessionEnded "session_ended" UNAUTHORIZED "Not signed in any more";
    /// Signed in, but the role or the token's scopes do not allow it.
    Forbidden "forbidden" FORBIDDEN "Not allowed";
    /// There is no such thing, or it belongs to another team.
    NotFound "not_found" NOT_FOUND "Not found";
    /// The path exists, the method does not.
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "Method not allowed";
    /// None of the media types asked for is offered.
    NotAcceptable "not_acceptable" NOT_ACCEPTABLE "Not acceptable";
    /// The body was not sent in time.
    RequestTimeout "request_timeout" REQUEST_TIMEOUT "The request took too long to arrive";
    /// What the request wants does not fit the present state.
    Conflict "conflict" CONFLICT "Does not fit the present state";
    /// Another thing has this name already.
    NameTaken "name_taken" CONFLICT "The name is taken";
    /// The team would have more than its quota.
    Quota "quota" CONFLICT "The team's quota does not allow it";
    /// The team would be without an owner.
    LastOwner "last_owner" CONFLICT "A team needs an owner";
    /// Somebody has an account with this address already.
    AccountExists "account_exists" CONFLICT "There is an account with this address";
    /// The link of an invitation is not one of this server, or not complete.
    InvitationUnknown "invitation_unknown" NOT_FOUND "No such invitation";
    /// The invitation is for somebody else than the person who is signed in.
    InvitationForeign "invitation_foreign" FORBIDDEN "The invitation is for somebody else";
    /// The invitation was accepted before.
    InvitationUsed "invitation_used" GONE "The invitation was used";
    /// The invitation was taken back, or what it was for is gone.
    InvitationRevoked "invitation_revoked" GONE "The invitation was taken back";
    /// The invitation was not accepted in time.
    InvitationExpired "invitation_expired" GONE "The invitation is too old";
    /// The same request is still being done.
    InFlight "in_flight" CONFLICT "The same request is still being done";
    /// Another tab renewed the session a moment ago: send the request again, with the cookie that it got.
    RefreshSuperseded "refresh_superseded" CONFLICT "The session was renewed a moment ago";
    /// A device's sign-in waits for its person (RFC 8628).
    AuthorizationPending "authorization_pending" BAD_REQUEST "Nobody has decided yet";
    /// A device asks too often and waits longer from now on (RFC 8628).
    SlowDown "slow_down" BAD_REQUEST "Asked too often";
    /// A device's sign-in was not decided in time, or its code was used (RFC 8628).
    ExpiredToken "expired_token" BAD_REQUEST "The sign-in of this device has ended";
    /// The person turned the device away (RFC 8628).
    AccessDenied "access_denied" BAD_REQUEST "The device was turned away";
    /// A one-time link was used, is too old or never existed.
    SetupRefused "setup_refused" FORBIDDEN "The set-up link is not valid";
    /// A link for a new password was used, is too old or never existed; which one is not said.
    ResetRefused "reset_refused" FORBIDDEN "The link for a new password is not good";
    /// The session must be confirmed with the password first: `POST /v1/auth/confirm`.
    ConfirmationRequired "confirmation_required" FORBIDDEN "The password is needed again";
    /// `If-Match` names another generation than the present one.
    PreconditionFailed "precondition_failed" PRECONDITION_FAILED "It was changed in the meantime";
    /// The body is larger than allowed.
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too large";
    /// The body's media type is not the one wanted.
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "Unsupported media type";
    /// The body is well formed but says something that cannot be.
    Invalid "invalid" UNPROCESSABLE_ENTITY "The request says something that cannot be";
    /// A repository could not be fetched.
    FetchFailed "fetch_failed" UNPROCESSABLE_ENTITY "The repository could not be fetched";
    /// Deployments are stopped by a lock or a freeze window.
    DeploysHeld "deploys_held" CONFLICT "Deployments are stopped";
    /// The archive was refused; nothing was kept of it.
    ArchiveRefused "archive_refused" UNPROCESSABLE_ENTITY "The archive was refused";
    /// The same idempotency key came with another request.
    IdempotencyMismatch "idempotency_mismatch" UNPROCESSABLE_ENTITY "The idempotency key was used for another request";
    /// A change needs `If-Match`.
    PreconditionRequired "precondition_required" PRECONDITION_REQUIRED "If-Match is required";
    /// Too many requests.
    RateLimited "rate_limited" TOO_MANY_REQUESTS "Too many requests";
    /// Segue itself failed; its log has the details under the request id.
    Internal "internal" INTERNAL_SERVER_ERROR "Segue itself failed";
    /// The database is away; nothing is lost, try again.
    Unavailable "unavailable" SERVICE_UNAVAILABLE "Not available for the moment";
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body, or the name of a parameter.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

/// An error, boxed so that results stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<ProblemBody>);

impl std::ops::Deref for Problem {
    type Target = ProblemBody;

    fn deref(&self) -> &ProblemBody {
        &self.0
    }
}

impl std::ops::DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut ProblemBody {
        &mut self.0
    }
}

/// An error (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// URN of the kind of error: `urn:segue:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of error it is, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable word for the kind of error.
    pub code: ProblemCode,
    /// What went wrong in particular.
    pub detail: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hint: Option<String>,
    /// Names this request in the server's log.
    pub request_id: String,
    /// Single faults, where there are several or where they have a place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Why a deployment cannot be made, where that is the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<FailureView>,
    /// Seconds to wait before another try; also sent as `Retry-After`.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    /// An error of this kind, described in one sentence.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemBody {
            kind: format!("urn:segue:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            code,
            detail: detail.into(),
            hint: None,
            request_id: String::new(),
            errors: Vec::new(),
            failure: None,
            retry_after: None,
        }))
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says where a fault is.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The one answer for what is missing and for what is another team's.
    pub(crate) fn not_found() -> Self {
        Self::new(
            ProblemCode::NotFound,
            "there is no such thing here, or you are not a member of its team",
        )
    }

    /// No valid token. Says nothing about why.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(ProblemCode::Unauthenticated, "a valid token is required")
            .hint("send `Authorization: Bearer <token>`; sign in with `segue login`")
    }

    /// A value that cannot be, at one place.
    pub(crate) fn invalid(pointer: impl Into<String>, detail: impl ToString) -> Self {
        let detail = detail.to_string();
        Self::new(ProblemCode::Invalid, detail.clone()).at(pointer, detail)
    }

    /// Something about the application that keeps it from being deployed.
    pub(crate) fn failure(failure: &Failure) -> Self {
        let view = FailureView::from(failure);
        let mut problem = Self::new(
            ProblemCode::Invalid,
            format!("{}: {}", view.sentence, view.evidence),
        )
        .hint(view.hint.clone());
        problem.failure = Some(view);
        problem
    }

    /// An error that nobody can act on but an operator: logged here, once, with its chain of causes.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut chain = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            chain.push_str(": ");
            chain.push_str(&inner.to_string());
            cause = inner.source();
        }
        tracing::error!(error = %chain, "request failed");
        Self::new(
            ProblemCode::Internal,
            "the request could not be done because of a fault in the server",
        )
        .hint("see the server's log with this request id")
    }

    /// The database cannot be reached.
    pub(crate) fn unavailable() -> Self {
        Self::new(
            ProblemCode::Unavailable,
            "the database cannot be reached at the moment; applications go on serving",
        )
        .hint("try again in a moment")
        .retry_after(2)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(Pending(self));
        response
    }
}

#[derive(Clone)]
struct Pending(Problem);

/// Layer: writes the body of every error. An error status that carries no [`Problem`] (axum's own, a layer's)
/// gets the one that belongs to its status; its text is dropped. What is missing is told where it could be looked for.
pub(crate) async fn finish(State(lists): State<Lists>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let head = request.method() == Method::HEAD;
    let git = request.uri().path().starts_with("/git/");
    let mut response = next.run(request).await;
    let pending = response.extensions_mut().remove::<Pending>();
    let problem = match pending {
        Some(pending) => Some(pending.0),
        None if response.status().is_client_error() || response.status().is_server_error() => {
            plain(&response)
        }
        None => None,
    };
    let Some(mut problem) = problem else {
        return response;
    };
    problem.request_id = id.map(|id| id.to_string()).unwrap_or_default();
    if problem.code.status() == StatusCode::NOT_FOUND && problem.hint.is_none() {
        problem.hint = Some(lists.hint(route.as_ref().map(MatchedPath::as_str)));
    }
    let mut response = render(response, &problem, head);
    if problem.code.status() == StatusCode::UNAUTHORIZED {
        // Git asks its credential helper only for Basic.
        let scheme = if git {
            "Basic realm=\"segue\""
        } else {
            "Bearer realm=\"segue\""
        };
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    response
}

/// The problem for a bare status; `None` for responses that say on purpose what they say (the git interface
/// and pages set a content type of their own through [`Bare`]).
fn plain(response: &Response) -> Option<Problem> {
    if response.extensions().get::<Bare>().is_some() {
        return None;
    }
    let code = match response.status() {
        StatusCode::NOT_FOUND => return Some(Problem::not_found()),
        StatusCode::UNAUTHORIZED => return Some(Problem::unauthenticated()),
        StatusCode::FORBIDDEN => ProblemCode::Forbidden,
        StatusCode::METHOD_NOT_ALLOWED => ProblemCode::MethodNotAllowed,
        StatusCode::NOT_ACCEPTABLE => ProblemCode::NotAcceptable,
        StatusCode::REQUEST_TIMEOUT => ProblemCode::RequestTimeout,
        StatusCode::CONFLICT => ProblemCode::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => ProblemCode::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemCode::UnsupportedMediaType,
        StatusCode::UNPROCESSABLE_ENTITY => ProblemCode::Invalid,
        StatusCode::TOO_MANY_REQUESTS => ProblemCode::RateLimited,
        StatusCode::SERVICE_UNAVAILABLE => return Some(Problem::unavailable()),
        status if status.is_server_error() => ProblemCode::Internal,
        _ => ProblemCode::InvalidRequest,
    };
    Some(Problem::new(code, code.title()))
}

/// Marks a response whose error body is meant as it is.
#[derive(Clone, Copy)]
pub(crate) struct Bare;

fn render(from: Response, problem: &Problem, head: bool) -> Response {
    let (mut parts, _) = from.into_parts();
    let body = serde_json::to_vec(&**problem).unwrap_or_default();
    parts
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    parts.headers.remove(CONTENT_LENGTH);
    if let Some(seconds) = problem.retry_after {
        parts
            .headers
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    // The version header of cached answers must not outlive the answer it described.
    parts.headers.remove(HeaderName::from_static("etag"));
    let body = if head {
        Body::empty()
    } else {
        Body::from(body)
    };
    Response::from_parts(parts, body)
}

/// A panic in a handler: answered like any fault of the server, never by a broken connection.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(
        ProblemCode::Internal,
        "the request could not be done because of a fault in the server",
    )
    .hint("see the server's log with this request id")
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_match_their_status_class() {
        let mut seen = std::collections::BTreeSet::new();
        for code in ProblemCode::ALL {
            assert!(seen.insert(code.as_str()), "{code:?}");
            assert!(code.status().as_u16() >= 400);
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
