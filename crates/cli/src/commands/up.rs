//! `segue up`: from a folder, a repository or an image to a URL.
//!
//! Invariant: whether a source changes anything is the server's word (`if_changed`), because only it knows what serves,
//! what was set since, and how the last deployment ended; nothing that is kept here decides it.

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
use crate::pack::{self, Packed};
use crate::session::Session;
use crate::target::{self, Target};

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
    let place = Place::new(&session, target).await?;
    let mut create = DeploymentCreate {
        message: args.message.clone(),
        r#override: Some(args.overriding),
        ..DeploymentCreate::default()
    };
    if let Some(image) = &args.image {
        create.image = Some(image.clone());
        make_place(context, &session, &place).await?;
    } else {
        let source = match &args.git {
            Some(git) => fetched(context, &session, &place, git, &mut create).await?,
            None => sent(context, &session, &place, &folder).await?,
        };
        create.source = Some(source);
        create.if_changed = Some(!args.force);
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
        return unchanged(context, &session, &place, &deployed.deployment).await;
    }
    follow::after(context, &session, &place, deployed.deployment.number, stay).await
}

/// Packs a folder, makes what it is deployed to, and sends it. Answers the source's name.
async fn sent(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    folder: &Path,
) -> Result<String> {
    // A wrong manifest is told before anything is packed or made.
    let manifest = target::manifest(folder)?;
    let begin = Instant::now();
    let packed = pack::pack(folder)?;
    make_place(context, session, place).await?;
    context.out.done(format!(
        "packed {} files, {:<12} {:.1}s",
        packed.contents.paths.len(),
        bytes(packed.bytes),
        begin.elapsed().as_secs_f64()
    ));
    let source = upload(context, session, place, packed).await?;
    if manifest.is_none() {
        link(context, session, place, folder)?;
    }
    Ok(source)
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
async fn unchanged(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    live: &Deployment,
) -> Result<Exit> {
    let environment = session.env_get(place).await?;
    let when = ago(now(), live.created_at.timestamp());
    context.out.done(format!(
        "nothing changed: v{} is live with exactly this (#{}, {when}). To deploy it all the same: --force",
        live.release, live.number
    ));
    if !context.out.json {
        for url in &environment.urls {
            context.out.data(url)?;
        }
        return Ok(Exit::Ok);
    }
    let mut value = serde_json::to_value(live)
        .map_err(|e| CliError::new("the server's answer cannot be read").why(e))?;
    if let Some(value) = value.as_object_mut() {
        value.insert("unchanged".to_owned(), true.into());
        value.insert("urls".to_owned(), environment.urls.into());
    }
    context.out.object(&value)?;
    Ok(Exit::Ok)
}

/// The target of a folder; one without a manifest gets the folder's name as its app's.
pub(super) fn target(context: &mut Context<'_>, folder: &Path, args: &Up) -> Result<Target> {
    let (host, global) = (context.out.host(), context.global);
    match Target::in_folder(host, global, folder) {
        Err(error) if error.exit == Exit::Usage && args.git.is_some() => {
            Err(error.next("repeat it with --app NAME"))
        }
        Err(error) if error.exit == Exit::Usage && args.image.is_none() => {
            Err(error.next("segue init, or repeat it with --app NAME"))
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

/// Sends a packed source unless the server has it; answers its name.
async fn upload(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    packed: Packed,
) -> Result<String> {
    let sources = ["v1", "teams", &place.team, "apps", &place.app, "sources"];
    let known: Vec<&str> = sources
        .into_iter()
        .chain([packed.sha256.as_str()])
        .collect();
    let head = session
        .send(session.request(Method::HEAD, session.url(&known)))
        .await?;
    if head.status().is_success() {
        context.out.done("sent: the server has these files already");
        return Ok(packed.sha256);
    }
    if head.status() != StatusCode::NOT_FOUND {
        session.check("asking for the source", head).await?;
    }
    let begin = Instant::now();
    let size = packed.bytes;
    let file = tokio::fs::File::from_std(packed.file);
    let request = session
        .request(Method::PUT, session.url(&sources))
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, size)
        .body(Body::wrap_stream(ReaderStream::with_capacity(
            file,
            64 << 10,
        )));
    let response = session.send(request).await?;
    let response = session.check("sending the source", response).await?;
    let source: Source = response
        .json()
        .await
        .map_err(|e| CliError::new("sending the source: the answer cannot be read").why(e))?;
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
