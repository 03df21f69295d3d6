//! JSON bodies: read with a bound on size, time and depth, parsed with the place of each fault.
//!
//! Invariant: nothing that axum or serde_json says about a body reaches a client except through a
//! [`Problem`]. Depth is counted before parsing, so that no parser recursion depends on the client.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{Problem, ProblemCode};

/// Largest JSON body, bytes.
pub(crate) const MAX_JSON_BYTES: usize = 1 << 20;

/// Deepest nesting of objects and arrays.
pub(crate) const MAX_JSON_DEPTH: usize = 32;

/// A JSON body must have arrived within this time.
const BODY_DEADLINE: Duration = Duration::from_secs(20);

/// A JSON body, parsed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ApiJson<T>(pub T);

/// A JSON body, parsed, with the bytes it came from (for idempotency).
#[derive(Debug, Clone)]
pub(crate) struct ApiJsonBytes<T>(pub T, pub Bytes);

impl<T: Serialize> IntoResponse for ApiJson<T> {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read(request).await?;
        object(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJsonBytes<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read(request).await?;
        Ok(Self(object(&bytes)?, bytes))
    }
}

async fn read(request: Request) -> Result<Bytes, Problem> {
    let media = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_ascii_lowercase());
    match media.as_deref() {
        Some("application/json" | "application/merge-patch+json") => {}
        _ => {
            return Err(Problem::new(
                ProblemCode::UnsupportedMediaType,
                "the body must be JSON, with `Content-Type: application/json`",
            ));
        }
    }
    read_bytes(request, MAX_JSON_BYTES).await
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_bytes(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let body = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(BODY_DEADLINE, body).await {
        Err(_) => Err(Problem::new(
            ProblemCode::RequestTimeout,
            format!(
                "the body did not arrive within {} s",
                BODY_DEADLINE.as_secs()
            ),
        )),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Problem::new(
            ProblemCode::BodyTooLarge,
            format!("the body may have at most {limit} bytes"),
        )),
        Ok(Err(_)) => Err(Problem::new(
            ProblemCode::InvalidRequest,
            "the body broke off before its end",
        )),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}

/// Parses a body, which is an object: the parser would read members in their order out of an array too.
fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid("", "the body must be a JSON object"));
    }
    parse(bytes)
}

/// Parses JSON within the bounds.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if !depth_within(bytes, MAX_JSON_DEPTH) {
        return Err(Problem::new(
            ProblemCode::InvalidRequest,
            format!("the JSON is nested deeper than {MAX_JSON_DEPTH} levels"),
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        let detail = inner.to_string();
        match inner.classify() {
            serde_json::error::Category::Data => {
                Problem::new(ProblemCode::Invalid, detail.clone()).at(pointer, detail)
            }
            _ => Problem::new(
                ProblemCode::InvalidRequest,
                format!("the body is not JSON: {detail}"),
            ),
        }
    })?;
    deserializer.end().map_err(|_| {
        Problem::new(
            ProblemCode::InvalidRequest,
            "the body goes on behind the JSON value",
        )
    })?;
    Ok(value)
}

/// Reads a member that may be left out but is not null.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// Whether brackets nest at most `limit` deep. Looks at bytes only; what is not JSON is left to the parser.
pub(crate) fn depth_within(bytes: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in bytes {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[allow(dead_code, reason = "only its type matters")]
        items: Vec<u32>,
    }

    #[test]
    fn faults_have_a_place() {
        let problem = parse::<Sample>(br#"{"items":[1,"x"]}"#).unwrap_err();
        assert_eq!(problem.code, ProblemCode::Invalid);
        assert_eq!(problem.errors[0].pointer, "/items/1");
        let problem = parse::<Sample>(br#"{"items":[],"more":1}"#).unwrap_err();
        assert_eq!(problem.code, ProblemCode::Invalid);
        for bad in ["", "{", "{}x", "{\"items\":[]}{}"] {
            assert!(parse::<Sample>(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_array_is_no_object() {
        assert!(object::<Sample>(br#"{"items":[]}"#).is_ok());
        let problem = object::<Sample>(b" [[]]").unwrap_err();
        assert_eq!(problem.code, ProblemCode::Invalid);
    }

    #[test]
    fn depth_is_bounded_and_strings_do_not_count() {
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(
            parse::<serde_json::Value>(deep.as_bytes())
                .unwrap_err()
                .code,
            ProblemCode::InvalidRequest
        );
        let fine = format!("{}{}", "[".repeat(32), "]".repeat(32));
        assert!(parse::<serde_json::Value>(fine.as_bytes()).is_ok());
        assert!(depth_within(br#""[[[[[[\"[[[[""#, 1));
        assert!(parse::<serde_json::Value>("[".repeat(1 << 20).as_bytes()).is_err());
    }
}
