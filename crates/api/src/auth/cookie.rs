//! The refresh cookie and the requests that carry it.
//!
//! Invariants (security rule 21): scripts cannot read it, other sites cannot send it, nothing but this host can set
//! it (`__Host-`, Secure, Path=/, no Domain). Only `api.insecure_http` drops prefix and Secure, which browsers
//! refuse over plain HTTP. A request that lives by the cookie must carry a header that no form and no other site can
//! send without being asked first, and we answer no such question.

use axum::extract::FromRequestParts;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use utoipa::IntoParams;

use super::session::REFRESH_LIFE;
use super::token::{self, TokenHash};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;

const SECURE_NAME: &str = "__Host-segue_refresh";
const PLAIN_NAME: &str = "segue_refresh";

/// What a page of ours says, and nobody else's can.
const CSRF: HeaderName = HeaderName::from_static("x-segue-csrf");

/// Header of requests that live by the cookie.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that an extractor reads")]
pub(crate) struct CsrfHeader {
    /// `1`: says that the request was made on purpose. Other sites cannot send it.
    #[param(rename = "X-Segue-Csrf", required = true, pattern = "^1$")]
    pub csrf: String,
}

/// The refresh token of a request that was made on purpose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefreshCookie(pub Option<TokenHash>);

impl FromRequestParts<ApiState> for RefreshCookie {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let said = parts.headers.get(&CSRF).map(HeaderValue::as_bytes);
        // Browsers say by themselves where a request comes from; others do not say it.
        let site = parts
            .headers
            .get("sec-fetch-site")
            .map(HeaderValue::as_bytes);
        if said != Some(b"1") || !matches!(site, None | Some(b"same-origin" | b"none")) {
            return Err(Problem::new(
                ProblemCode::InvalidRequest,
                "this is only for pages of this server, and they send the header `X-Segue-Csrf: 1`",
            )
            .at("X-Segue-Csrf", "must be 1"));
        }
        let wanted = name(state.config().insecure_http);
        let found = parts
            .headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == wanted)
            .and_then(|(_, value)| token::parse_as(token::REFRESH, value));
        Ok(Self(found))
    }
}

const fn name(insecure_http: bool) -> &'static str {
    if insecure_http {
        PLAIN_NAME
    } else {
        SECURE_NAME
    }
}

/// The cookie with this refresh token.
pub(crate) fn set(state: &ApiState, token: &str) -> Result<HeaderValue, Problem> {
    make(state.config().insecure_http, token, REFRESH_LIFE.as_secs())
}

/// The cookie that takes it away.
pub(crate) fn clear(state: &ApiState) -> Result<HeaderValue, Problem> {
    make(state.config().insecure_http, "", 0)
}

fn make(insecure_http: bool, value: &str, seconds: u64) -> Result<HeaderValue, Problem> {
    let name = name(insecure_http);
    let secure = if insecure_http { "" } else { "; Secure" };
    let text =
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::from_str(&text).map_err(|error| Problem::internal(&error))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_bound_to_this_host_unless_http_was_allowed() {
        assert_eq!(
            make(false, "x", 7).unwrap(),
            "__Host-segue_refresh=x; Path=/; Max-Age=7; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            make(true, "x", 7).unwrap(),
            "segue_refresh=x; Path=/; Max-Age=7; HttpOnly; SameSite=Strict"
        );
        assert!(make(false, "x\r\nSet-Cookie: y", 7).is_err());
    }
}
