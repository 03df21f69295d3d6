//! Apps and environments.

use segue_client::{App, Environment, EnvironmentCreate, EnvironmentKindWord};
use segue_model::name::EnvironmentName;
use serde_json::json;

use super::teams::of_team;
use super::{Context, Place, hints, idempotency_key, now, previews};
use crate::args::{Apps, Envs};
use crate::calls::NOT_FOUND;
use crate::error::{CliError, Exit, Result};
use crate::output::ago;
use crate::session::Session;
use crate::target::Target;

pub(super) fn named<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|e: T::Err| {
        CliError::usage(e.to_string())
            .now("nothing was sent")
            .next("correct the name")
    })
}

pub(crate) async fn apps(context: &mut Context<'_>, args: &Apps) -> Result<Exit> {
    let (session, team) = of_team(context).await?;
    // What is said of the environment is for the app's sake alone: nothing here is about one.
    let place = |name: &str| -> Result<Place> {
        let target = Target {
            app: named(name)?,
            env: named("production")?,
        };
        Ok(Place::of(team.clone(), target))
    };
    match args {
        Apps::List => {
            let apps = session.app_list(&team).await?;
            let now = now();
            context
                .out
                .table(&apps, &["APP", "CREATED", "GIT"], |app| {
                    vec![
                        app.name.clone(),
                        ago(now, app.created_at.timestamp()),
                        app.git_url.clone(),
                    ]
                })?;
        }
        Apps::Create { name } => {
            let place = place(name)?;
            context.out.say(format!("→ {}", place.whole_app()));
            let app = session.app_create(&place, idempotency_key()).await?;
            context.out.done(format!(
                "app {team}/{name} created; push to {}",
                app.git_url
            ));
            if context.out.json {
                context.out.object(&app)?;
            }
        }
        Apps::Show { name } => {
            let app = session.app_get(&context.about(place(name)?)).await?;
            if context.out.json {
                context.out.object(&app)?;
            } else {
                show_app(context, &app)?;
            }
        }
        Apps::Rename { name, to } => {
            let place = context.about(place(name)?);
            let to = named::<segue_model::name::AppName>(to)?;
            context.out.say(format!("→ {}", place.whole_app()));
            let app = session.app_get(&place).await?;
            let body = json!({ "name": to.as_str() });
            session.app_change(&place, app.generation, &body).await?;
            context.out.done(format!(
                "{name} is called {to} now; folders say which app they are in segue.toml or .segue/link.toml"
            ));
        }
        Apps::Repo {
            name,
            url,
            branch,
            auto_deploy,
            none: _,
        } => {
            let place = context.about(place(name)?);
            context.out.say(format!("→ {}", place.whole_app()));
            let app = session.app_get(&place).await?;
            let repo = url.as_ref().map(|url| {
                let mut repo = json!({ "url": url, "auto_deploy": auto_deploy });
                if let (Some(repo), Some(branch)) = (repo.as_object_mut(), branch) {
                    repo.insert("branch".to_owned(), branch.as_str().into());
                }
                repo
            });
            let body = json!({ "repo": repo });
            session.app_change(&place, app.generation, &body).await?;
            let said = match (url, auto_deploy) {
                (None, _) => "its source is sent or pushed".to_owned(),
                (Some(url), false) => {
                    format!("its source is {url}; to deploy it: segue up --git {url}")
                }
                (Some(url), true) => format!(
                    "a push to {url} deploys it, once the forge calls: segue hooks create github -a {name}"
                ),
            };
            context.out.done(said);
        }
        Apps::Destroy { name } => {
            let place = context.about(place(name)?);
            context.out.say(format!("→ {}", place.whole_app()));
            let app = session.app_get(&place).await?;
            let question = format!("This removes app {team}/{name} with all its environments");
            context.out.confirm(context.global.yes, &question, name)?;
            session.app_delete(&place, app.generation).await?;
            context
                .out
                .done(format!("app {team}/{name} is being removed"));
        }
    }
    Ok(Exit::Ok)
}

pub(crate) async fn envs(context: &mut Context<'_>, args: &Envs) -> Result<Exit> {
    let (session, mut place) = context.quiet_target().await?;
    match args {
        Envs::List => {
            let envs = session.env_list(&place).await?;
            context.out.table(
                &envs,
                &["ENVIRONMENT", "KIND", "SERVES", "URL", "NOTE"],
                |env| {
                    vec![
                        env.name.clone(),
                        env.kind.to_string(),
                        env.serving
                            .map_or_else(|| "-".to_owned(), |version| format!("v{version}")),
                        env.urls.first().cloned().unwrap_or_default(),
                        notes(env),
                    ]
                },
            )?;
        }
        Envs::Show { name } => {
            place = at(context, place, name)?;
            let env = session.env_get(&place).await?;
            if context.out.json {
                context.out.object(&env)?;
            } else {
                show_env(context, &env)?;
            }
        }
        Envs::Create(args) => {
            place = at(context, place, &args.name)?;
            let body = EnvironmentCreate {
                name: place.env.clone(),
                kind: args.kind.as_deref().map(kind).transpose()?,
                protected: args.protected.then_some(true),
                clone_of: args.clone_of.clone(),
                ttl: args
                    .ttl
                    .map(|ttl| i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX)),
            };
            return create(context, &session, &place, body).await;
        }
        Envs::Clone { from, name } => {
            place = at(context, place, name)?;
            let body = EnvironmentCreate {
                name: place.env.clone(),
                clone_of: Some(from.clone()),
                ..EnvironmentCreate::default()
            };
            return create(context, &session, &place, body).await;
        }
        Envs::Protect { name } => {
            let (body, said) = (
                json!({ "protected": true }),
                "only admins may change it now",
            );
            place = at(context, place, name)?;
            change(context, &session, &place, &body, said).await?;
        }
        Envs::Unprotect { name } => {
            let (body, said) = (
                json!({ "protected": false }),
                "who may deploy may change it now",
            );
            place = at(context, place, name)?;
            change(context, &session, &place, &body, said).await?;
        }
        Envs::Ttl { name, time } => {
            let seconds = seconds(time)?;
            let said = match seconds {
                Some(_) => format!("it lives for {time} from now on"),
                None => "it lives until somebody removes it".to_owned(),
            };
            place = at(context, place, name)?;
            change(context, &session, &place, &json!({ "ttl": seconds }), &said).await?;
        }
        Envs::Stop { name } => {
            let (body, said) = (
                json!({ "stopped": true }),
                "all that runs in it is being stopped",
            );
            place = at(context, place, name)?;
            change(context, &session, &place, &body, said).await?;
        }
        Envs::Start { name } => {
            let (body, said) = (json!({ "stopped": false }), "it is being started");
            place = at(context, place, name)?;
            change(context, &session, &place, &body, said).await?;
        }
        Envs::Destroy { name } => {
            place = at(context, place, name)?;
            context.out.say(format!("→ {place}"));
            let env = session.env_get(&place).await?;
            let question = format!("This stops and removes {}", place.short());
            context.out.confirm(context.global.yes, &question, name)?;
            session.env_delete(&place, env.generation).await?;
            context
                .out
                .done(format!("environment {} is being removed", place.short()));
        }
    }
    Ok(Exit::Ok)
}

/// The environment that is named, of the same app.
fn at(context: &mut Context<'_>, mut place: Place, name: &str) -> Result<Place> {
    place.env = named::<EnvironmentName>(name)?.to_string();
    Ok(context.about(place))
}

fn kind(text: &str) -> Result<EnvironmentKindWord> {
    match text {
        "production" => Ok(EnvironmentKindWord::Production),
        "staging" => Ok(EnvironmentKindWord::Staging),
        "preview" => Ok(EnvironmentKindWord::Preview),
        _ => Err(
            CliError::usage(format!("{text:?} is no kind of environment"))
                .now("nothing was sent")
                .next("--kind production, staging or preview"),
        ),
    }
}

fn seconds(text: &str) -> Result<Option<i64>> {
    if text == "never" {
        return Ok(None);
    }
    let time = text.parse::<jiff::SignedDuration>().ok();
    time.filter(jiff::SignedDuration::is_positive)
        .map(|time| Some(time.as_secs()))
        .ok_or_else(|| {
            CliError::usage(format!("{text:?} is no time to live"))
                .now("nothing was sent")
                .next("segue envs ttl NAME 72h, or never")
        })
}

async fn create(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    body: EnvironmentCreate,
) -> Result<Exit> {
    context.out.say(format!("→ {place}"));
    let clone = body.clone_of.clone();
    if let Some(from) = &clone {
        present(session, place, from).await?;
    }
    let env = session.env_make(place, body, idempotency_key()).await?;
    context
        .out
        .done(format!("environment {} created", place.short()));
    if let Some(from) = clone {
        context.out.say(format!(
            "Its settings are those of {from}; secrets have no values yet: segue config diff {from} {}",
            place.env
        ));
    }
    if context.out.json {
        context.out.object(&env)?;
    }
    Ok(Exit::Ok)
}

/// An environment that something is made after must be there: a typing error would be found out much later.
pub(super) async fn present(session: &Session, place: &Place, name: &str) -> Result<()> {
    let envs = session.env_list(place).await?;
    let names: Vec<&str> = envs.iter().map(|env| env.name.as_str()).collect();
    if names.contains(&name) {
        return Ok(());
    }
    let error = CliError::new(format!("{} has no environment {name}", place.app))
        .now("nothing was changed")
        .next(format!("segue envs list -a {}", place.app))
        .code(NOT_FOUND);
    Err(match hints::nearest(name, &names) {
        Some(near) => error.why(format!("did you mean {near}?")),
        None if names.is_empty() => error.why("it has none yet"),
        None => error.why(format!("it has {}", names.join(", "))),
    })
}

/// Changes one property of an environment.
async fn change(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    body: &serde_json::Value,
    said: &str,
) -> Result<()> {
    context.out.say(format!("→ {place}"));
    let env = session.env_get(place).await?;
    session.env_change(place, env.generation, body).await?;
    context.out.done(format!("{}: {said}", place.short()));
    Ok(())
}

fn show_app(context: &mut Context<'_>, app: &App) -> Result<()> {
    let repo = app.repo.as_ref().map(|repo| {
        let branch = repo.branch.as_deref().unwrap_or("main");
        let auto = if repo.auto_deploy == Some(true) {
            ", deployed when it moves"
        } else {
            ""
        };
        format!("{} ({branch}{auto})", repo.url)
    });
    let labels = app
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let labels: Vec<String> = labels.collect();
    let previews = app.previews.as_ref().filter(|previews| previews.enabled);
    context.out.fields(&[
        ("app", format!("{} ({})", app.name, app.id)),
        ("push to", app.git_url.clone()),
        ("repository", repo.unwrap_or_default()),
        (
            "previews",
            previews.map(|_| "on".to_owned()).unwrap_or_default(),
        ),
        ("labels", labels.join(", ")),
        (
            "made",
            app.created_at.format("%Y-%m-%d %H:%M UTC").to_string(),
        ),
    ])
}

fn show_env(context: &mut Context<'_>, env: &Environment) -> Result<()> {
    context.out.fields(&[
        ("environment", format!("{} ({})", env.name, env.id)),
        ("kind", env.kind.to_string()),
        (
            "serves",
            env.serving
                .map_or_else(|| "nothing yet".to_owned(), |version| format!("v{version}")),
        ),
        ("note", notes(env)),
        ("made after", env.cloned_from.clone().unwrap_or_default()),
        (
            "made",
            env.created_at.format("%Y-%m-%d %H:%M UTC").to_string(),
        ),
    ])?;
    for url in &env.urls {
        context.out.data(format!("  {url}"))?;
    }
    for condition in env.conditions.iter().filter(|c| !c.message.is_empty()) {
        context
            .out
            .data(format!("  {}: {}", condition.r#type, condition.message))?;
    }
    Ok(())
}

/// What makes an environment differ from others at first sight.
fn notes(env: &Environment) -> String {
    let mut notes = Vec::new();
    if env.protected {
        notes.push("protected".to_owned());
    }
    if env.stopped {
        notes.push("stopped".to_owned());
    }
    notes.extend(env.branch.iter().map(|branch| format!("branch {branch}")));
    if env.expires_at.is_some() {
        notes.push(format!("lives {}", previews::lives(env)));
    }
    notes.join("; ")
}
