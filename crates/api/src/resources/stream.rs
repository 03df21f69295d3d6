//! Server-sent events: ids are cursors, `Last-Event-ID` goes on behind one, a heartbeat every 15 s.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::{ACCEPT, CACHE_CONTROL, HeaderName};
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;

use crate::problem::{Problem, ProblemCode};

const HEARTBEAT: Duration = Duration::from_secs(15);

/// Whether the client wants a stream, by `Accept`; JSON otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Json,
    Stream,
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut any = false;
        for value in parts.headers.get_all(ACCEPT) {
            for media in value.to_str().unwrap_or_default().split(',') {
                any = true;
                match media.split(';').next().unwrap_or_default().trim() {
                    "text/event-stream" => return Ok(Self::Stream),
                    "application/json" | "application/*" | "*/*" => return Ok(Self::Json),
                    _ => {}
                }
            }
        }
        if any {
            return Err(Problem::new(
                ProblemCode::NotAcceptable,
                "offered are application/json and text/event-stream",
            ));
        }
        Ok(Self::Json)
    }
}

/// Where a client that lost its stream goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastEventId(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let header = HeaderName::from_static("last-event-id");
        let text = parts
            .headers
            .get(header)
            .and_then(|value| value.to_str().ok());
        Ok(Self(
            text.filter(|text| text.len() <= 100).map(str::to_owned),
        ))
    }
}

/// One message.
pub(crate) fn message<T: serde::Serialize>(name: &str, id: Option<String>, body: &T) -> Event {
    let text = serde_json::to_string(body).unwrap_or_default();
    let event = Event::default().event(name).data(text);
    match id {
        Some(id) => event.id(id),
        None => event,
    }
}

/// Answers with a stream of messages.
pub(crate) fn sse<S>(stream: S) -> Response
where
    S: Stream<Item = Event> + Send + 'static,
{
    use futures::StreamExt as _;
    let stream = stream.map(Ok::<_, Infallible>);
    let mut response = Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies between here and the reader must not gather messages.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_without_news_beats_every_fifteen_seconds() {
        let mut body = sse(futures::stream::pending()).into_body();
        for beat in 1..=2u32 {
            let since = Instant::now();
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(
                frame.into_data().unwrap(),
                ":\n\n",
                "a comment, which clients pass over"
            );
            assert_eq!(since.elapsed(), HEARTBEAT, "beat {beat}");
        }
    }

    #[tokio::test]
    async fn a_message_has_its_name_its_id_and_one_line_of_data() {
        let event = message(
            "event",
            Some("7-1".to_owned()),
            &serde_json::json!({"a": "x\ny"}),
        );
        let body = sse(futures::stream::iter([event])).into_body();
        let text = body.collect().await.unwrap().to_bytes();
        assert_eq!(text, "event: event\ndata: {\"a\":\"x\\ny\"}\nid: 7-1\n\n");
    }
}
