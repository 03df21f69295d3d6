//! Streams of server-sent events: read on across lost connections.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, StatusCode, Url, header};

use crate::answers::asked_only;
use crate::error::{CliError, Result};
use crate::session::{Session, UNLIMITED};

const WHAT: &str = "following";

/// What a server answers that is being restarted, or a proxy in front of it.
fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
    )
}

/// One message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its kind.
    pub event: String,
    /// Its data.
    pub data: String,
}

type Frames =
    futures::stream::BoxStream<'static, std::result::Result<eventsource_stream::Event, String>>;

/// A stream that outlives its connections: it goes on behind the last message that had an id.
pub(crate) struct Stream<'s> {
    session: &'s Session,
    url: Url,
    last_id: Option<String>,
    frames: Option<Frames>,
    lost: u32,
}

impl<'s> Stream<'s> {
    /// Tries in a row before giving up; with the pauses about half a minute, in which a server restarts.
    const TRIES: u32 = 10;

    pub fn new(session: &'s Session, url: Url) -> Self {
        Self {
            session,
            url,
            last_id: None,
            frames: None,
            lost: 0,
        }
    }

    /// The next message. A connection that is lost is made again; `None` means that the server ended the stream,
    /// and asking on opens it again.
    pub async fn next(&mut self) -> Result<Option<Frame>> {
        loop {
            let Some(frames) = &mut self.frames else {
                if self.lost > 0 {
                    self.pause().await;
                }
                self.connect().await?;
                continue;
            };
            match frames.next().await {
                Some(Ok(event)) => {
                    self.lost = 0;
                    if !event.id.is_empty() {
                        self.last_id = Some(event.id);
                    }
                    return Ok(Some(Frame {
                        event: event.event,
                        data: event.data,
                    }));
                }
                Some(Err(_)) => {
                    self.frames = None;
                    self.lost += 1;
                }
                None => {
                    self.frames = None;
                    self.lost += 1;
                    return Ok(None);
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<()> {
        let mut request = self
            .session
            .request(Method::GET, self.url.clone())
            .timeout(UNLIMITED)
            .header(header::ACCEPT, "text/event-stream");
        if let Some(id) = &self.last_id {
            request = request.header("last-event-id", id);
        }
        let again = match self.session.ask(WHAT, request).await {
            Ok(response) if may_pass(response.status()) => {
                self.session.check(WHAT, response).await.err()
            }
            Ok(response) => {
                let response = self.session.check(WHAT, response).await?;
                // Another program's page would look like a stream on which nothing ever happens.
                let media = response.headers().get(header::CONTENT_TYPE);
                if !media.is_some_and(|media| media.as_bytes().starts_with(b"text/event-stream")) {
                    return Err(self.session.odd(WHAT, response).await);
                }
                let frames = eventsource_stream::EventStream::new(response.bytes_stream());
                self.frames = Some(frames.map(|frame| frame.map_err(|e| e.to_string())).boxed());
                return Ok(());
            }
            Err(error) => Some(error),
        };
        self.lost += 1;
        match again {
            Some(error) if self.lost >= Self::TRIES => Err(self.given_up(error)),
            _ => Ok(()),
        }
    }

    /// Watching ends here, and what was watched does not.
    fn given_up(&self, error: CliError) -> CliError {
        asked_only(error)
            .why(format!("tried {} times", self.lost))
            .now("nothing is watched any more; what was begun goes on")
            .next("segue doctor, then repeat it")
    }

    async fn pause(&self) {
        let wait = Duration::from_millis(250) * self.lost.min(16);
        tokio::time::sleep(wait).await;
    }
}
