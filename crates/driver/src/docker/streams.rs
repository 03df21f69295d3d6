//! Streams from the engine: events and logs. A stream that breaks ends with an error; who reads it looks again.

use bollard::container::LogOutput;
use bollard::query_parameters as query;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use segue_model::Timestamp;

use super::{Docker, convert};
use crate::driver::Result;
use crate::error::DriverError;
use crate::types::{ContainerName, Event, LogLine, LogStream};

/// The engine cuts a line into pieces of this many bytes.
const PIECE: usize = 16 * 1024;

impl Docker {
    pub(super) async fn event_stream(
        &self,
        since: Option<Timestamp>,
    ) -> Result<BoxStream<'static, Result<Event>>> {
        let mut filters = self.filter();
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        let actions = ["start", "die", "oom", "destroy"];
        filters.insert("event".to_owned(), actions.map(str::to_owned).to_vec());
        // The request goes out with the first poll of the stream; what happens until then is not missed, because the
        // engine is asked for everything since this call.
        let since = since.unwrap_or_else(Timestamp::now);
        let options = query::EventsOptions {
            since: Some(seconds(since)),
            until: None,
            filters: Some(filters),
        };
        // An engine that is down is found here and not by the first item, which may be hours away.
        self.api.ping().await?;
        let events = self.api.events(Some(options)).map_err(DriverError::from);
        let events = events.try_filter_map(|message| async { Ok(convert::event(message)) });
        Ok(events
            .chain(futures::stream::once(async {
                Err(DriverError::Unavailable("the event stream ended".into()))
            }))
            .boxed())
    }

    pub(super) async fn log_stream(
        &self,
        name: &ContainerName,
        since: Option<Timestamp>,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<LogLine>>> {
        let found = self.find(name).await?;
        let options = query::LogsOptions {
            follow,
            stdout: true,
            stderr: true,
            // Whole seconds only: the rest is left out below.
            since: since
                .and_then(|since| i32::try_from(since.as_second()).ok())
                .unwrap_or(0),
            timestamps: true,
            tail: "all".to_owned(),
            ..Default::default()
        };
        let lines = self
            .api
            .logs(&found.engine_id, Some(options))
            .map_err(DriverError::from);
        let lines = lines.try_filter_map(move |output| {
            let line = line(output).filter(|line| since.is_none_or(|since| line.at > since));
            async { Ok(line) }
        });
        Ok(lines.boxed())
    }
}

fn seconds(at: Timestamp) -> String {
    format!("{}.{:09}", at.as_second(), at.subsec_nanosecond().max(0))
}

/// One frame of the log: `2026-11-21T02:18:06.123456789Z text\n`.
fn line(output: LogOutput) -> Option<LogLine> {
    let (stream, frame) = match output {
        LogOutput::StdErr { message } => (LogStream::Stderr, message),
        LogOutput::StdOut { message } | LogOutput::Console { message } => {
            (LogStream::Stdout, message)
        }
        LogOutput::StdIn { .. } => return None,
    };
    let space = frame.iter().take(40).position(|byte| *byte == b' ')?;
    let at = std::str::from_utf8(frame.get(..space)?)
        .ok()?
        .parse()
        .ok()?;
    let text = frame.slice(space + 1..);
    let (message, ended): (Bytes, bool) = match text.strip_suffix(b"\n") {
        Some(line) => (text.slice(..line.len()), true),
        None => (text, false),
    };
    let partial = !ended && message.len() >= PIECE;
    Some(LogLine {
        at,
        stream,
        message,
        partial,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_become_lines() {
        let out = |text: &[u8]| {
            line(LogOutput::StdOut {
                message: Bytes::copy_from_slice(text),
            })
        };
        let found = out(b"2026-11-21T02:18:06.5Z hello world\n").unwrap();
        assert_eq!(found.message, "hello world");
        assert_eq!(found.at.subsec_millisecond(), 500);
        assert!(!found.partial);
        let mut long = b"2026-11-21T02:18:06Z ".to_vec();
        long.extend_from_slice(&[b'x'; PIECE]);
        assert!(out(&long).unwrap().partial);
        assert_eq!(out(b"2026-11-21T02:18:06Z \n").unwrap().message, "");
        assert!(out(b"no time here").is_none());
        assert_eq!(
            seconds("2026-11-21T00:00:00.000000005Z".parse().unwrap()),
            "1795219200.000000005"
        );
    }
}
