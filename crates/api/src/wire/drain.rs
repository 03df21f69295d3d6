//! Reading a body to its end for nobody.
//!
//! A client that is still sending when it is answered and cut off mostly sees a broken connection instead of the
//! answer. A refusal of something large therefore takes the rest in first, within bounds.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;

/// Bytes that are taken in at most.
const MAX_BYTES: usize = 512 << 20;

/// For this long at most.
const MAX_TIME: Duration = Duration::from_secs(60);

/// Reads the rest of a body and drops it.
pub(crate) async fn drain(body: &mut Body) {
    let reading = async {
        let mut bytes = 0usize;
        while let Some(Ok(frame)) = body.frame().await {
            bytes = bytes.saturating_add(frame.data_ref().map_or(0, |data| data.len()));
            if bytes > MAX_BYTES {
                return;
            }
        }
    };
    // A client that stalls loses its answer; nothing else is at stake.
    let _ = tokio::time::timeout(MAX_TIME, reading).await;
}
