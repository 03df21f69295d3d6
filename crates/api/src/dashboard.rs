//! The dashboard: files that were built into the program, and the policy that browsers hold it to.
//!
//! Everything that is no operation comes here. A file is sent as it was built, compressed, with a tag, and for ever
//! if its name says its content; every other address that a browser asks for is the page, which finds its way by
//! itself. Machines that ask for an address that is not there are told so.
//! Must not: make markup, or read anything of the request but its method, path and `Accept`.

use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use memory_serve::CacheControl;
use tower::ServiceExt;
use tracing::subscriber::{NoSubscriber, with_default};

use crate::problem::Problem;

/// Nothing inline, nothing from elsewhere, no frame around it, and no text ever becomes markup or script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// What a page of ours never uses, a script that got in shall not use either.
const FEATURES: &str =
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

const PAGE: &str = "/index.html";

/// The reference of the API, a page of its own, made with the dashboard (openapi/reference).
const REFERENCE: &str = "/docs/api";

/// Where operations lie: an address under one of these is never the page.
const OPERATIONS: &[&str] = &["/v1/", "/git/"];

/// The built files. Made once: the library keeps what it unpacks for ever.
#[allow(
    unused_qualifications,
    reason = "the library's generated list writes full paths beside what is imported"
)]
fn files() -> Router {
    static FILES: OnceLock<Router> = OnceLock::new();
    let make = || {
        memory_serve::load!()
            .enable_brotli(true)
            .enable_gzip(false)
            // Names of files hold their content's hash.
            .cache_control(CacheControl::Long)
            .html_cache_control(CacheControl::NoCache)
            .into_router()
    };
    // It reports every file at the level of what people should read.
    FILES
        .get_or_init(|| with_default(NoSubscriber::new(), make))
        .clone()
}

/// Answers what no operation answers.
pub(crate) async fn or_nothing(request: Request) -> Response {
    let Some(wanted) = wanted(&request) else {
        return Problem::not_found().into_response();
    };
    let (parts, _) = request.into_parts();
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = parts.method;
    *asked.uri_mut() = wanted;
    *asked.headers_mut() = parts.headers;
    let mut response = match files().oneshot(asked).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Addresses name teams and apps, and the set-up link carries a token.
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), FEATURES),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The file that a request means; `None`: none.
fn wanted(request: &Request) -> Option<Uri> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let path = request.uri().path();
    if OPERATIONS.iter().any(|under| path.starts_with(under)) {
        return None;
    }
    if path.starts_with("/assets/") {
        return path.parse().ok();
    }
    match path {
        REFERENCE => return Some(Uri::from_static("/docs/api.html")),
        "/docs/api.css" => return Some(Uri::from_static("/docs/api.css")),
        _ => {}
    }
    let accept = request.headers().get_all(ACCEPT);
    let page = path == "/"
        || accept
            .iter()
            .any(|value| value.to_str().is_ok_and(|text| text.contains("text/html")));
    page.then(|| Uri::from_static(PAGE))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};

    use super::*;

    fn request(method: Method, path: &str, accept: &str) -> Request {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        let value = HeaderValue::from_str(accept).unwrap();
        request.headers_mut().insert(ACCEPT, value);
        request
    }

    #[tokio::test]
    async fn every_address_of_the_page_is_the_page_under_a_strict_policy() {
        for path in ["/", "/apps/shop/production?team=acme", "/setup?token=x"] {
            let response = or_nothing(request(Method::GET, path, "text/html,*/*;q=0.8")).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let headers = response.headers();
            assert_eq!(headers.get(CONTENT_TYPE).unwrap(), "text/html", "{path}");
            assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "no-cache", "{path}");
            let policy = headers.get(CONTENT_SECURITY_POLICY).unwrap();
            let policy = policy.to_str().unwrap();
            assert!(policy.contains("require-trusted-types-for 'script'"));
            assert!(
                !policy.contains("unsafe") && !policy.contains('*'),
                "{policy}"
            );
        }
    }

    #[tokio::test]
    async fn a_page_that_did_not_change_is_not_sent_again() {
        let first = or_nothing(request(Method::GET, "/", "text/html")).await;
        let mut again = request(Method::GET, "/", "text/html");
        let tag = first.headers().get(ETAG).unwrap().clone();
        again.headers_mut().insert(IF_NONE_MATCH, tag);
        assert_eq!(or_nothing(again).await.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn the_reference_is_a_page_of_its_own_under_the_same_policy() {
        // A program that was built without the dashboard has none, and then says so instead of showing the page.
        let built = std::path::Path::new("../../web/dist/docs/api.html").is_file();
        for (path, media) in [("/docs/api", "text/html"), ("/docs/api.css", "text/css")] {
            let response = or_nothing(request(Method::GET, path, "text/html,*/*")).await;
            let headers = response.headers();
            assert!(headers.contains_key(CONTENT_SECURITY_POLICY), "{path}");
            if built {
                assert_eq!(response.status(), StatusCode::OK, "{path}");
                assert_eq!(headers.get(CONTENT_TYPE).unwrap(), media, "{path}");
            } else {
                assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
            }
        }
    }

    #[tokio::test]
    async fn machines_operations_and_other_methods_find_nothing() {
        for (method, path, accept) in [
            (Method::GET, "/nowhere", "application/json"),
            (Method::GET, "/nowhere", "*/*"),
            (Method::GET, "/v1/nowhere", "text/html"),
            (Method::GET, "/git/a/b.git", "text/html"),
            (Method::POST, "/apps", "text/html"),
            (Method::GET, "/assets/none.js", "text/html"),
            (Method::GET, "/assets/../index.html", "text/html"),
        ] {
            let response = or_nothing(request(method, path, accept)).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path} {accept}");
        }
    }
}
