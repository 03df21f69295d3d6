//! `segue up`: from a folder, a repository or an image to a URL.
//!
//! Invariants: whether a source changes anything is the server's word (`if_changed`), because only it knows what
//! serves, what was set since, and how the last deployment ended; nothing that is kept here decides it. An unchanged
//! source costs one reading of its files, and three requests on one connection.

use std::path::Path;
use std::time::Instant;

use reqwest::{Body, Method, StatusCode, header};
use segue_client::{Deployment, DeploymentCreate, Source, SourceFetch};
use tokio_util::io::ReaderStream;

use super::follow::{self, Stay};
use super::{Context, Place, idempotency_key, now};
use crate::args::{GitSource, Up};
use crate::config_files::Link;
use crate::error::{CliError, Exit, Result};
use crate::output::{ago, bytes};
use crate::pack;
use crate::session::{Session, UNLIMITED};
use crate::target::{self, NO_APP, Target};

pub(crate) async fn run(context: &mut Context<'_>, args: &Up) -> Result<Exit> {
    let folder = context.out.host().path(&args.path);
    if args.dry_run {
        return super::rehearse::run(context, &folder, args).await;
    }
    if let Some(git) = &args.git {
        without_password(git)?;
    }
    let session = context.session()?;
    let target = target(context, &folder, args)?;
    let place = context.about(Place::new(&session, target).await?);
    let mut create = DeploymentCreate {
        message: args.message.clone(),
        r#override: Some(args.overriding),
        ..DeploymentCreate::default()
    };
    let mut urls = None;
    if let Some(image) = &args.image {
        create.image = Some(image.clone());
        make_place(context, &session, &place).await?;
    } else if let Some(git) = &args.git {
        let source = fetched(context, &session, &place, git, &mut create).await?;
        create.source = Some(source);
        create.if_changed = Some(!args.force);
    } else {
        let sent = sent(context, &session, &place, &folder).await?;
        create.source = Some(sent.source);
        create.if_changed = Some(!args.force);
        urls = sent.urls;
    }
    let deployed = session.deploy(&place, create, idempotency_key()).await?;
    let stay = if args.ci {
        Stay::Proved
    } else {
        Stay::from(args.detach)
    };
    // What is live and not proved yet is what --ci waits for.
    let settled = deployed.deployment.finished || stay != Stay::Proved;
    if !deployed.made && settled {
        let urls = match urls {
            Some(urls) => urls,
            None => session.env_get(&place).await?.urls,
        };
        return unchanged(context, urls, &deployed.deployment);
    }
    follow::after(context, &session, &place, deployed.deployment.number, stay).await
}

/// What was sent.
struct Sent {
    /// The source's name.
    source: String,
    /// The addresses of the environment, if it was there before.
    urls: Option<Vec<String>>,
}

/// Packs a folder, makes what it is deployed to, and sends it unless the server has it.
async fn sent(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    folder: &Path,
) -> Result<Sent> {
    // A wrong manifest is told before anything is packed or made.
    let manifest = target::manifest(folder)?;
    let begin = Instant::now();
    let reading = folder.to_owned();
    // The server is asked while the disk is read.
    let measuring = tokio::task::spawn_blocking(move || pack::measure(&reading));
    let (measured, known) = tokio::join!(measuring, session.env_maybe(place));
    let measured = measured.map_err(|e| pack::failed(folder, &e))??;
    let urls = match known? {
        Some(env) => {
            context.out.say(format!("→ {place}"));
            Some(env.urls)
        }
        None => {
            make_place(context, session, place).await?;
            None
        }
    };
    context.out.done(format!(
        "packed {} files, {:<12} {:.1}s",
        measured.contents.paths.len(),
        bytes(measured.bytes),
        begin.elapsed().as_secs_f64()
    ));
    let source = if has(session, place, &measured.sha256).await? {
        context.out.done("sent: the server has these files already");
        measured.sha256
    } else {
        upload(context, session, place, folder).await?
    };
    if manifest.is_none() {
        link(context, session, place, folder)?;
    }
    Ok(Sent { source, urls })
}

/// Whether the server has a source.
async fn has(session: &Session, place: &Place, sha256: &str) -> Result<bool> {
    let path = [
        "v1",
        "teams",
        &place.team,
        "apps",
        &place.app,
        "sources",
        sha256,
    ];
    let what = "asking for the source";
    let request = session.request(Method::HEAD, session.url(&path));
    let head = session.ask(what, request).await?;
    if head.status() == StatusCode::NOT_FOUND {
        return Ok(false);
    }
    session.check(what, head).await.map(|_| true)
}

/// An address with a password would be shown in lists and errors; this one is not even repeated.
fn without_password(git: &GitSource) -> Result<()> {
    let authority = git.url.split('/').nth(2).unwrap_or_default();
    let Some((_, host)) = authority.rsplit_once('@') else {
        return Ok(());
    };
    Err(
        CliError::usage("the address of a repository carries no name and no password")
            .now("nothing was sent")
            .next(format!(
                "segue credentials set {host} --git --user NAME, with the password on stdin; then the address without them"
            )),
    )
}

/// Lets the server fetch a repository. Answers the source's name.
async fn fetched(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    git: &GitSource,
    create: &mut DeploymentCreate,
) -> Result<String> {
    make_place(context, session, place).await?;
    let begin = Instant::now();
    let wanted = SourceFetch {
        url: Some(git.url.clone()),
        r#ref: git.reference.clone(),
    };
    let source = session.source_fetch(place, wanted).await?;
    let commit: String = source.commit.chars().take(12).collect();
    context.out.done(format!(
        "fetched {commit}, {:<12} {:.1}s",
        bytes(u64::try_from(source.size_bytes).unwrap_or(0)),
        begin.elapsed().as_secs_f64()
    ));
    if create.message.is_none() {
        create.message = Some(format!("{} at {commit}", source.url));
    }
    Ok(source.sha256)
}

/// Nothing was deployed, because it would change nothing.
fn unchanged(context: &mut Context<'_>, urls: Vec<String>, live: &Deployment) -> Result<Exit> {
    let when = ago(now(), live.created_at.timestamp());
    context.out.done(format!(
        "nothing changed: v{} is live with exactly this (#{}, {when}). To deploy it all the same: --force",
        live.release, live.number
    ));
    if !context.out.json {
        for url in &urls {
            context.out.data(url)?;
        }
        return Ok(Exit::Ok);
    }
    let mut value = serde_json::to_value(live)
        .map_err(|e| CliError::new("the server's answer cannot be read").why(e))?;
    if let Some(value) = value.as_object_mut() {
        value.insert("unchanged".to_owned(), true.into());
        value.insert("urls".to_owned(), urls.into());
    }
    context.out.object(&value)?;
    Ok(Exit::Ok)
}

/// The target of a folder; one without a manifest gets the folder's name as its app's.
pub(super) fn target(context: &mut Context<'_>, folder: &Path, args: &Up) -> Result<Target> {
    let (host, global) = (context.out.host(), context.global);
    match Target::in_folder(host, global, folder) {
        Err(error) if error.code.as_deref() == Some(NO_APP) => {
            Err(error.next(if args.git.is_some() || args.image.is_some() {
                "repeat it with --app NAME"
            } else {
                "segue init, or repeat it with --app NAME"
            }))
        }
        other => other,
    }
}

/// Makes the app and the environment where they are missing, and says which they are.
pub(crate) async fn make_place(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
) -> Result<()> {
    let app = session.app_maybe(place).await?.is_none();
    if app {
        session.app_create(place, idempotency_key()).await?;
    }
    let env = session.env_maybe(place).await?.is_none();
    if env {
        session.env_create(place, idempotency_key()).await?;
    }
    let made = match (app, env) {
        (true, _) => " (app created)",
        (false, true) => " (environment created)",
        (false, false) => "",
    };
    context.out.say(format!("→ {place}{made}"));
    Ok(())
}

/// Packs a folder once more, into a file, and sends that; answers its name.
async fn upload(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    folder: &Path,
) -> Result<String> {
    let begin = Instant::now();
    let packed = pack::pack(folder)?;
    let size = packed.measured.bytes;
    let file = tokio::fs::File::from_std(packed.file);
    let path = ["v1", "teams", &place.team, "apps", &place.app, "sources"];
    let what = "sending the source";
    let request = session
        .request(Method::PUT, session.url(&path))
        .timeout(UNLIMITED)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, size)
        .body(Body::wrap_stream(ReaderStream::with_capacity(
            file,
            64 << 10,
        )));
    // A source that arrived is kept for a while, and changes nothing until it is deployed.
    let sent = match session.send(what, request).await {
        Ok(response) => session.check(what, response).await,
        Err(error) => Err(error),
    };
    let response = sent.map_err(|error| error.now("nothing was deployed"))?;
    let source: Source = session.json(what, response).await?;
    context.out.done(format!(
        "sent {:<22} {:.1}s",
        bytes(size),
        begin.elapsed().as_secs_f64()
    ));
    Ok(source.sha256)
}

/// Remembers which app a folder without a manifest is.
fn link(context: &mut Context<'_>, session: &Session, place: &Place, folder: &Path) -> Result<()> {
    let link = Link {
        server: Some(session.server()),
        team: Some(place.team.clone()),
        app: Some(place.app.clone()),
        env: Some(place.env.clone()),
    };
    if Link::nearest(folder)?.as_ref() != Some(&link) {
        link.save(folder)?;
        context.out.detail("remembered in .segue/link.toml");
    }
    Ok(())
}
