//! `segue init`: looks at a folder and writes the manifest that says what would be done without one.

use std::path::Path;

use segue_model::archive::Contents;
use segue_model::detect::{Detected, Dockerfile, Runtimes, Source, detect};
use segue_model::failure::Failure;
use segue_model::manifest::{FILE_NAME, Manifest, starter};
use segue_model::name::AppName;

use super::{Context, git};
use crate::args::Init;
use crate::config_files::Credentials;
use crate::error::{CliError, Exit, Result};
use crate::pack;
use crate::session;
use crate::target;

pub(crate) fn run(context: &mut Context<'_>, args: &Init) -> Result<Exit> {
    let folder = context.out.host().path(&args.path);
    let folder = folder.canonicalize().unwrap_or(folder);
    let path = folder.join(FILE_NAME);
    if args.print_dockerfile {
        return print_dockerfile(context, &folder);
    }
    if path.exists() && !args.force {
        // The folder may have become a repository, or its owner signed in, since the file was written.
        if let Some((_, file)) = target::manifest(&folder)?
            && let Some(git::Remote::Added(_)) = remote(context, &folder, file.app())?
        {
            return Ok(Exit::Ok);
        }
        return Err(
            CliError::new(format!("{} is there already", path.display()))
                .now("nothing was changed")
                .next("segue up, or segue init --force to replace it"),
        );
    }
    let app = app_name(context, &folder)?;
    let detected = look(&folder, &Manifest::bare(app.clone()))?;
    let text = starter(&app, &detected);
    std::fs::write(&path, &text).map_err(|e| {
        CliError::new(format!("{} cannot be written", path.display()))
            .why(e)
            .now("nothing was changed")
            .next(
                "make the folder writable, or print the Dockerfile: segue init --print-dockerfile",
            )
    })?;
    context.out.say(format!("Found: {}", detected.summary()));
    for (key, entry) in &detected.config {
        use segue_model::manifest::ConfigEntry;
        match entry {
            ConfigEntry::Secret { required: true } => {
                context
                    .out
                    .say(format!("Needs: {key} (app.json): segue secret set {key}"));
            }
            ConfigEntry::Generate => context
                .out
                .say(format!("Needs: {key} (app.json, generated)")),
            ConfigEntry::Value(_)
            | ConfigEntry::From(_)
            | ConfigEntry::Secret { required: false } => {}
        }
    }
    context.out.done(format!(
        "wrote {FILE_NAME} ({} lines) for app {app}",
        text.lines().count()
    ));
    let git = remote(context, &folder, &app)?;
    let next = match git {
        Some(git::Remote::Added(_) | git::Remote::Kept) => "Next: segue up, or git push segue main",
        _ => "Next: segue up",
    };
    context.out.say(next);
    if context.out.json {
        let remote = match &git {
            Some(git::Remote::Added(url)) => Some(url.clone()),
            _ => None,
        };
        let services: Vec<&str> = detected.services.keys().map(|name| name.as_str()).collect();
        context.out.object(&serde_json::json!({
            "app": app, "manifest": path, "runtime": detected.runtime.key(), "version": detected.version,
            "start": detected.start, "services": services, "git_remote": remote,
        }))?;
    }
    Ok(Exit::Ok)
}

/// The git remote `segue`, where the folder is a repository and it is known which server is meant.
fn remote(context: &mut Context<'_>, folder: &Path, app: &AppName) -> Result<Option<git::Remote>> {
    let Some((base, team)) = known_server(context)? else {
        return Ok(None);
    };
    let made = git::remote(folder, &base, &team, app.as_str())?;
    match &made {
        git::Remote::Added(url) => context
            .out
            .done(format!("git remote {} → {url}", git::REMOTE)),
        git::Remote::Foreign(url) => context.out.warn(format!(
            "the git remote {} leads to {url} and was left alone",
            git::REMOTE
        )),
        git::Remote::Kept | git::Remote::NoRepository => {}
    }
    Ok(Some(made))
}

/// The server and the team, as far as they are known without asking anybody.
fn known_server(context: &mut Context<'_>) -> Result<Option<(reqwest::Url, String)>> {
    let global = context.global;
    let host = context.out.host();
    let credentials = Credentials::load(host)?;
    let Some(base) = session::server(host, global, &credentials)? else {
        return Ok(None);
    };
    let kept = credentials.servers.get(&session::key(&base));
    let team = global
        .team
        .clone()
        .or_else(|| host.var("SEGUE_TEAM").map(str::to_owned))
        .or_else(|| kept.and_then(|kept| kept.team.clone()));
    Ok(team.map(|team| (base, team)))
}

fn print_dockerfile(context: &mut Context<'_>, folder: &Path) -> Result<Exit> {
    let manifest = match target::manifest(folder)? {
        Some((_, file)) => {
            let found =
                target::Target::with_app(context.out.host(), context.global, file.app().clone())?;
            file.for_environment(&found.env).clone()
        }
        None => Manifest::bare(app_name(context, folder)?),
    };
    match look(folder, &manifest)?.dockerfile {
        Dockerfile::Generated { text } => context.out.raw(text.as_bytes())?,
        Dockerfile::Source { path } => context.out.say(format!("the source's own {path} is used")),
    }
    Ok(Exit::Ok)
}

/// Runs detection on a folder. The base images named are the usual ones; the server may have others.
fn look(folder: &Path, manifest: &Manifest) -> Result<Detected> {
    let contents = pack::look(folder)?;
    detected(folder, &contents, manifest)
}

/// The same for a folder that was looked through.
pub(super) fn detected(
    folder: &Path,
    contents: &Contents,
    manifest: &Manifest,
) -> Result<Detected> {
    let source = Source {
        paths: &contents.paths,
        files: &contents.files,
    };
    detect(source, manifest, &Runtimes::default()).map_err(|failure| undetected(folder, &failure))
}

fn undetected(folder: &Path, failure: &Failure) -> CliError {
    CliError::new(format!("{}: {}", folder.display(), failure.code.sentence()))
        .why(&failure.evidence)
        .now("nothing was written")
        .next(failure.code.hint())
        .code(failure.code.as_str())
}

/// The name that was given, or the folder's.
pub(super) fn app_name(context: &mut Context<'_>, folder: &Path) -> Result<AppName> {
    let given = context
        .global
        .app
        .clone()
        .or_else(|| context.out.host().var("SEGUE_APP").map(str::to_owned));
    if let Some(name) = given {
        return super::apps::named(&name);
    }
    let folder_name = folder
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let mut name = String::new();
    for c in folder_name.chars() {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            _ if name.ends_with('-') || name.is_empty() => {}
            _ => name.push('-'),
        }
    }
    let name: String = name
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '-')
        .chars()
        .take(40)
        .collect();
    AppName::new(name.trim_end_matches('-')).map_err(|_| {
        CliError::usage(format!("{folder_name:?} is no name for an app"))
            .why("app names begin with a letter")
            .now("nothing was written")
            .next("segue init --app NAME")
    })
}
