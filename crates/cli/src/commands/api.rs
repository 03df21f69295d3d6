//! `segue api`: one request to the API, as it is.

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::{Context, body, idempotency_key};
use crate::args::Api;
use crate::error::{CliError, Exit, Result};

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
                .next("such as /v1/me")
        })?;
    let mut request = session.request(args.method.clone(), url);
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
        let (name, value) =
            parsed.ok_or_else(|| CliError::usage(format!("{name:?} is not a header")))?;
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
        request = request.body(body(context, data)?);
    }
    let mut response = session.send(request).await?;
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
            Err(error) => return Err(session.unreachable(&error)),
        }
    }
    // A pipe gets the answer as it is; a person's prompt begins a line of its own.
    if last != b'\n' && context.out.host().stdout_terminal {
        context.out.raw(b"\n")?;
    }
    if status.is_success() {
        return Ok(Exit::Ok);
    }
    context
        .out
        .bad(format!("{} {} answered {status}", args.method, args.path));
    Ok(if status == reqwest::StatusCode::UNAUTHORIZED {
        Exit::SignedOut
    } else {
        Exit::Failed
    })
}
