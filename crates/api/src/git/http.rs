//! Smart HTTP by `git http-backend`: the request goes in, its answer comes out, both streamed.
//!
//! Only the three requests of the smart protocol exist; nothing of the file system is served. A client that leaves
//! in the middle of a push cancels nothing: what git writes is read to its end by a task of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use http_body_util::{BodyExt, Limited};
use segue_model::access::Action;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::pushes::{Push, Ticket};
use super::repository::{self, MAX_PACK_BYTES};
use crate::auth::place::app_for;
use crate::problem::{Bare, Problem};
use crate::process::command;
use crate::state::ApiState;

/// A client that sends nothing for this long in the middle of a push has left.
const IDLE: Duration = Duration::from_secs(60);

/// Lines of git's answer's head, and bytes of each.
const MAX_HEAD_LINES: usize = 50;
const MAX_HEAD_BYTES: u64 = 16 << 10;

/// The git interface.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/git/{team}/{app}/info/refs", get(serve))
        .route("/git/{team}/{app}/git-upload-pack", post(serve))
        .route("/git/{team}/{app}/git-receive-pack", post(serve))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Fetch,
    Push,
}

/// What a request asks for.
struct Wanted {
    service: Service,
    /// Path behind the repository.
    rest: &'static str,
    query: &'static str,
}

fn wanted(request: &Request) -> Option<Wanted> {
    let path = request.uri().path();
    let (service, rest, query) = if path.ends_with("/git-upload-pack") {
        (Service::Fetch, "/git-upload-pack", "")
    } else if path.ends_with("/git-receive-pack") {
        (Service::Push, "/git-receive-pack", "")
    } else {
        match request.uri().query() {
            Some("service=git-upload-pack") => {
                (Service::Fetch, "/info/refs", "service=git-upload-pack")
            }
            Some("service=git-receive-pack") => {
                (Service::Push, "/info/refs", "service=git-receive-pack")
            }
            // The dumb protocol reads files; there is none to read.
            _ => return None,
        }
    };
    Some(Wanted {
        service,
        rest,
        query,
    })
}

async fn serve(State(state): State<ApiState>, request: Request) -> Result<Response, Problem> {
    let wanted = wanted(&request).ok_or_else(Problem::not_found)?;
    let action = match wanted.service {
        Service::Fetch => Action::Read,
        Service::Push => Action::Deploy,
    };
    let (mut parts, body) = request.into_parts();
    let (scope, app, principal) = app_for(&mut parts, &state, action, ".git").await?;
    let request = Request::from_parts(parts, body);
    let repository = repository::ensure(state.config(), app.id).await?;
    let push = wanted.service == Service::Push && wanted.rest != "/info/refs";
    let ticket = push.then(|| {
        state.pushes().open(Push {
            scope,
            app: app.clone(),
            principal,
        })
    });
    let child = start(&state, &repository, &request, &wanted, ticket.as_ref())?;
    answer(child, request.into_body(), ticket).await
}

fn start(
    state: &ApiState,
    repository: &Path,
    request: &Request,
    wanted: &Wanted,
    ticket: Option<&Ticket>,
) -> Result<Child, Problem> {
    let config = state.config();
    let mut environment = repository::environment(config);
    let mut set = |name: &str, value: &str| environment.push((name.to_owned(), value.to_owned()));
    set("GIT_PROJECT_ROOT", &config.git_root.display().to_string());
    set("GIT_HTTP_EXPORT_ALL", "1");
    let folder = repository
        .file_name()
        .and_then(OsStr::to_str)
        .unwrap_or_default();
    set("PATH_INFO", &format!("/{folder}{}", wanted.rest));
    set("QUERY_STRING", wanted.query);
    set(
        "REQUEST_METHOD",
        if *request.method() == Method::GET {
            "GET"
        } else {
            "POST"
        },
    );
    let header = |name: HeaderName| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if let Some(kind) = header(CONTENT_TYPE).filter(|text| plain(text)) {
        set("CONTENT_TYPE", kind);
    }
    if header(CONTENT_ENCODING) == Some("gzip") {
        set("HTTP_CONTENT_ENCODING", "gzip");
    }
    if let Some(length) = header(CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok()) {
        set("CONTENT_LENGTH", &length.to_string());
    }
    if header(HeaderName::from_static("git-protocol")) == Some("version=2") {
        set("GIT_PROTOCOL", "version=2");
    }
    if let Some(ticket) = ticket {
        set("SEGUE_PUSH_TICKET", ticket.secret());
        set(
            "SEGUE_PUSH_SOCKET",
            &config.internal_socket.display().to_string(),
        );
        set("SEGUE_GIT", &config.git_program.display().to_string());
    }
    let environment = environment
        .iter()
        .map(|(name, value)| (OsStr::new(name), OsStr::new(value)));
    command(
        &config.git_program,
        [OsStr::new("http-backend")],
        environment,
    )
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .map_err(|error| Problem::internal(&error))
}

fn plain(text: &str) -> bool {
    text.len() <= 100 && text.bytes().all(|b| b.is_ascii_graphic())
}

async fn answer(mut child: Child, body: Body, ticket: Option<Ticket>) -> Result<Response, Problem> {
    let broken = || Problem::internal(&std::io::Error::other("git gave no answer"));
    let input = child.stdin.take().ok_or_else(broken)?;
    let output = child.stdout.take().ok_or_else(broken)?;
    let sending = tokio::spawn(feed(input, body));
    let mut output = BufReader::new(output);
    let head = tokio::time::timeout(Duration::from_secs(3600), head(&mut output)).await;
    let Ok(Ok((status, headers))) = head else {
        sending.abort();
        let _ = child.start_kill();
        let _ = child.wait().await;
        return Err(broken());
    };
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(16);
    let left = ticket.as_ref().map(Ticket::client_left);
    tokio::spawn(async move {
        drain(output, sender, left).await;
        let _ = child.wait().await;
        let _ = sending.await;
        // The ticket ends with the push, not with the client.
        drop(ticket);
    });
    let mut response = Response::new(Body::from_stream(ReceiverStream::new(receiver)));
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().append(name, value);
    }
    response.extensions_mut().insert(Bare);
    Ok(response)
}

/// Gives the request's body to git. Ends early if the client leaves; git then sees a pack that is cut off.
async fn feed(mut input: ChildStdin, body: Body) {
    let limit = usize::try_from(MAX_PACK_BYTES + (1 << 20)).unwrap_or(usize::MAX);
    let mut body = Limited::new(body, limit);
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(IDLE, body.frame()).await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if input.write_all(&data).await.is_err() {
            return;
        }
    }
    let _ = input.shutdown().await;
}

/// Passes git's output on; when the client has left, reads on to the end for nobody.
async fn drain(
    mut output: BufReader<ChildStdout>,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    left: Option<tokio_util::sync::CancellationToken>,
) {
    let mut buffer = vec![0; 16 << 10];
    let mut client = Some(sender);
    loop {
        let read = match &client {
            Some(sender) => {
                tokio::select! {
                    read = output.read(&mut buffer) => read,
                    () = sender.closed() => {
                        client = None;
                        if let Some(left) = &left {
                            left.cancel();
                        }
                        continue;
                    }
                }
            }
            None => output.read(&mut buffer).await,
        };
        let data = match read {
            Ok(0) | Err(_) => return,
            Ok(read) => Bytes::copy_from_slice(buffer.get(..read).unwrap_or_default()),
        };
        if let Some(sender) = &client {
            let _ = sender.send(Ok(data)).await;
        }
    }
}

/// Reads the head of a CGI answer.
async fn head(
    output: &mut BufReader<ChildStdout>,
) -> std::io::Result<(StatusCode, Vec<(HeaderName, HeaderValue)>)> {
    let wrong = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    let (mut status, mut headers) = (StatusCode::OK, Vec::new());
    for _ in 0..MAX_HEAD_LINES {
        let mut line = Vec::new();
        (&mut *output)
            .take(MAX_HEAD_BYTES)
            .read_until(b'\n', &mut line)
            .await?;
        let text = std::str::from_utf8(&line).map_err(|_| wrong())?.trim_end();
        if text.is_empty() {
            return if line.is_empty() {
                Err(wrong())
            } else {
                Ok((status, headers))
            };
        }
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value
                .split(' ')
                .next()
                .and_then(|code| code.parse::<u16>().ok());
            status = code
                .and_then(|code| StatusCode::from_u16(code).ok())
                .ok_or_else(wrong)?;
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        headers.push((name, HeaderValue::from_str(value).map_err(|_| wrong())?));
    }
    Err(wrong())
}
