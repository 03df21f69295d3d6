//! Apps and environments.

use super::{Context, Place, idempotency_key, now};
use crate::args::{Apps, Envs};
use crate::error::{Exit, Result};
use crate::output::ago;
use crate::target::Target;

pub(super) fn named<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|e: T::Err| crate::error::CliError::usage(e.to_string()))
}

pub(crate) async fn apps(context: &mut Context<'_>, args: &Apps) -> Result<Exit> {
    let session = context.session()?;
    let team = session.team().await?;
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
            let app = session.app_create(&place(name)?, idempotency_key()).await?;
            context.out.done(format!(
                "app {team}/{name} created; push to {}",
                app.git_url
            ));
            if context.out.json {
                context.out.object(&app)?;
            }
        }
        Apps::Destroy { name } => {
            let place = place(name)?;
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
            context
                .out
                .table(&envs, &["ENVIRONMENT", "KIND", "SERVES", "URL"], |env| {
                    vec![
                        env.name.clone(),
                        env.kind.to_string(),
                        env.serving
                            .map_or_else(|| "-".to_owned(), |version| format!("v{version}")),
                        env.urls.first().cloned().unwrap_or_default(),
                    ]
                })?;
        }
        Envs::Create { name } => {
            place.env = named::<segue_model::name::EnvironmentName>(name)?.to_string();
            let env = session.env_create(&place, idempotency_key()).await?;
            context
                .out
                .done(format!("environment {} created", place.short()));
            if context.out.json {
                context.out.object(&env)?;
            }
        }
        Envs::Destroy { name } => {
            place.env = named::<segue_model::name::EnvironmentName>(name)?.to_string();
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
