//! `segue api`: one request to the API, as it is.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::{Context, body, idempotency_key};
use crate::answers::asked_only;
use crate::args::Api;
use crate::error::{CliError, Exit, Result};
use crate::pack::MAX_BYTES;
use crate::session::UNLIMITED;

pub(crate) async fn run(context: &mut Context<'_>, args: &Api) -> Result<Exit> {
    let session = context.session()?;
    if args.path.contains("://") {
        return Err(CliError::usage(format!(
            "{:?} is an address, and the token is for {} only",
            args.path,
            session.server()
        ))
        .now("nothing was sent")
        .next("give the path alone, such as /v1/me"));
    }
    let path = if args.path.starts_with('/') {
        args.path.clone()
    } else {
        format!("/{}", args.path)
    };
    let path = match session.known_team() {
        Some(team) => path.replace("{team}", team),
        None => path,
    };
    let url = session
        .url(&[])
        .join(&path)
        .ok()
        .filter(|url| url.origin() == session.url(&[]).origin())
        .ok_or_else(|| {
            CliError::usage(format!("{:?} is not a path of the API", args.path))
                .now("nothing was sent")
                .next("such as /v1/me; segue api GET /v1/openapi.json describes all of them")
        })?;
    let mut request = session.request(args.method.clone(), url).timeout(UNLIMITED);
    if args.method == reqwest::Method::POST
        && let Some(key) = idempotency_key()
    {
        request = request.header("idempotency-key", key);
    }
    let mut typed = false;
    for (name, value) in &args.headers {
        let parsed = name
            .parse::<HeaderName>()
            .ok()
            .zip(HeaderValue::from_str(value).ok());
        let (name, value) = parsed.ok_or_else(|| {
            CliError::usage(format!("{name:?} is not a header"))
                .now("nothing was sent")
                .next("such as -H 'If-Match: \"3\"'")
        })?;
        typed |= name == CONTENT_TYPE;
        request = request.header(name, value);
    }
    if let Some(data) = &args.data {
        if !typed {
            let media = if args.method == reqwest::Method::PATCH {
                "application/merge-patch+json"
            } else {
                "application/json"
            };
            request = request.header(CONTENT_TYPE, media);
        }
        request = request.body(body(context, data, MAX_BYTES)?);
    }
    let what = format!("{} {}", args.method, args.path);
    let lost = |error: CliError| match args.method.is_safe() {
        true => asked_only(error),
        false => error,
    };
    let mut response = session.send(&what, request).await.map_err(lost)?;
    let status = response.status();
    context.out.detail(format!("{status}"));
    let mut last = b'\n';
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => {
                last = bytes.last().copied().unwrap_or(last);
                context.out.raw(&bytes)?;
            }
            Ok(None) => break,
            Err(error) => {
                let error = lost(session.unreachable(&what, &error));
                return Err(error.now("what was written is not all"));
            }
        }
    }
    // A pipe gets the answer as it is; a person's prompt begins a line of its own.
    if last != b'\n' && context.out.host().stdout_terminal {
        context.out.raw(b"\n")?;
    }
    if status.is_success() {
        return Ok(Exit::Ok);
    }
    context.out.bad(format!("{what} answered {status}"));
    // The answer on stdout is the server's own, with its hint; `--json` adds nothing to it.
    let (next, exit) = match status {
        StatusCode::UNAUTHORIZED => (
            format!("segue login --server {}", session.server()),
            Exit::SignedOut,
        ),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => (
            "segue api GET /v1/openapi.json describes every path".to_owned(),
            Exit::Failed,
        ),
        _ => (
            "the answer tells why; -v shows it with its status".to_owned(),
            Exit::Failed,
        ),
    };
    context.out.say(format!("  → {next}"));
    Ok(exit)
}
