//! The `pre-receive` hook: this program under another name. It sends the pushed commit to the API as a source,
//! then shows what the API says, and ends as the deployment ends.
//!
//! It knows nothing and decides nothing: which refs are deployed, what is refused and what is attached to is said
//! by the API's internal interface, to which the push's ticket is the key.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use crate::process::{GIT_ENVIRONMENT, command};

/// Header with the update, JSON.
pub(crate) const UPDATE_HEADER: &str = "x-segue-push";

/// Updates of one push at most; more than one is refused, but by the API, with a sentence.
const MAX_UPDATES: usize = 100;

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    /// Old object, new object, ref, as git says them.
    pub refs: Vec<(String, String, String)>,
    /// `git push -o`.
    pub options: Vec<String>,
}

/// One message of the API's answer, a line of JSON each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    /// A line to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The end, and whether git may take the push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<bool>,
}

/// Runs the hook. Called by the program when it was started under the name `pre-receive`.
#[must_use]
pub fn pre_receive() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("segue: the hook cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("segue: the push could not be followed: {error}"));
            say("segue: see what became of it: segue status");
            ExitCode::FAILURE
        }
    }
}

/// Git shows what a hook writes to stderr to the one who pushes.
fn say(line: &str) {
    let mut stderr = std::io::stderr().lock();
    // The reader may have left; the push goes on without one.
    let _ = writeln!(stderr, "{line}").and_then(|()| stderr.flush());
}

fn variable(name: &str) -> std::io::Result<String> {
    std::env::var(name).map_err(|_| {
        std::io::Error::other(format!("{name} is not set: this is not a push to Segue"))
    })
}

fn updates() -> std::io::Result<Vec<(String, String, String)>> {
    let mut refs = Vec::new();
    for line in std::io::stdin().lock().lines().take(MAX_UPDATES) {
        let line = line?;
        let mut words = line.splitn(3, ' ');
        if let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) {
            refs.push((old.to_owned(), new.to_owned(), name.to_owned()));
        }
    }
    Ok(refs)
}

fn options() -> Vec<String> {
    let count: usize = std::env::var("GIT_PUSH_OPTION_COUNT")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    (0..count.min(20))
        .filter_map(|index| std::env::var(format!("GIT_PUSH_OPTION_{index}")).ok())
        .collect()
}

async fn run() -> std::io::Result<bool> {
    let update = Update {
        refs: updates()?,
        options: options(),
    };
    let socket = PathBuf::from(variable("SEGUE_PUSH_SOCKET")?);
    let ticket = variable("SEGUE_PUSH_TICKET")?;
    let git = PathBuf::from(variable("SEGUE_GIT")?);
    // A commit id is hexadecimal; anything else (a deletion is all zeros) is for the API to refuse.
    let commit = update
        .refs
        .first()
        .map(|(_, new, _)| new.clone())
        .filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit()) && id.bytes().any(|b| b != b'0'));
    let archive = commit.map(|commit| archive(&git, &commit)).transpose()?;
    send(&socket, &ticket, &update, archive).await
}

/// Starts `git archive` of the pushed commit. Its objects are in quarantine until the hook agrees, which git says
/// by environment variables: those, and only those, are passed on.
fn archive(git: &Path, commit: &str) -> std::io::Result<tokio::process::Child> {
    let mut environment: Vec<(OsString, OsString)> = GIT_ENVIRONMENT
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect();
    for name in [
        "GIT_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_QUARANTINE_PATH",
    ] {
        if let Some(value) = std::env::var_os(name) {
            environment.push((name.into(), value));
        }
    }
    let here = std::env::current_dir()?;
    let arguments = ["archive", "--format=tar", commit].map(OsStr::new);
    let environment = environment
        .iter()
        .map(|(name, value)| (name.as_os_str(), value.as_os_str()));
    command(git, arguments, environment)
        .current_dir(here)
        .stdout(Stdio::piped())
        .spawn()
}

async fn send(
    socket: &Path,
    ticket: &str,
    update: &Update,
    archive: Option<tokio::process::Child>,
) -> std::io::Result<bool> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(std::io::Error::other)?;
    let connection = tokio::spawn(connection);
    let (frames, body) = tokio::sync::mpsc::channel::<std::io::Result<Frame<Bytes>>>(8);
    let body = StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(body));
    let request = http::Request::put(format!("{}/pushes", segue_model::internal::INTERNAL_PREFIX))
        .header(http::header::HOST, "segue")
        .header(http::header::AUTHORIZATION, format!("Bearer {ticket}"))
        .header(UPDATE_HEADER, serde_json::to_string(update)?)
        .body(body)
        .map_err(std::io::Error::other)?;
    let feeding = tokio::spawn(feed(archive, frames));
    let response = sender
        .send_request(request)
        .await
        .map_err(std::io::Error::other)?;
    let good = response.status().is_success();
    let accepted = if good {
        follow(response).await?
    } else {
        refused(response).await?
    };
    feeding.abort();
    connection.abort();
    Ok(accepted)
}

async fn feed(
    archive: Option<tokio::process::Child>,
    frames: tokio::sync::mpsc::Sender<std::io::Result<Frame<Bytes>>>,
) {
    let Some(mut archive) = archive else { return };
    let Some(mut output) = archive.stdout.take() else {
        return;
    };
    let mut buffer = vec![0; 64 << 10];
    loop {
        match output.read(&mut buffer).await {
            Ok(0) => break,
            Ok(read) => {
                let data = Bytes::copy_from_slice(buffer.get(..read).unwrap_or_default());
                if frames.send(Ok(Frame::data(data))).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                let _ = frames.send(Err(error)).await;
                break;
            }
        }
    }
    // An archive that git could not finish must not look like a complete one.
    if !archive.wait().await.is_ok_and(|status| status.success()) {
        let _ = frames
            .send(Err(std::io::Error::other("git archive failed")))
            .await;
    }
}

async fn follow(mut response: http::Response<hyper::body::Incoming>) -> std::io::Result<bool> {
    let mut rest = Vec::new();
    while let Some(frame) = response.frame().await {
        let frame = frame.map_err(std::io::Error::other)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let message: Message = serde_json::from_slice(&line)?;
            if let Some(line) = message.line {
                say(&line);
            }
            if let Some(accept) = message.accept {
                return Ok(accept);
            }
        }
    }
    Err(std::io::Error::other(
        "the server ended before the deployment did",
    ))
}

async fn refused(response: http::Response<hyper::body::Incoming>) -> std::io::Result<bool> {
    let body = response
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(|value| value.as_str());
    say(&format!(
        "✗ {}",
        text("detail").unwrap_or("the push was refused")
    ));
    for fault in problem
        .get("errors")
        .and_then(|errors| errors.as_array())
        .into_iter()
        .flatten()
    {
        let part = |name: &str| {
            fault
                .get(name)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
        };
        say(&format!("  {}: {}", part("pointer"), part("detail")));
    }
    if let Some(hint) = text("hint") {
        say(&format!("  → {hint}"));
    }
    Ok(false)
}
