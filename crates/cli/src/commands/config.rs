//! Configuration and secrets: set and removed with the deployment that rolls the change out.

use std::collections::BTreeMap;

use super::{Context, Place, follow};
use crate::args::{Config, Secret};
use crate::error::{CliError, Exit, Result};
use crate::output::{ago, line};
use crate::session::Session;

pub(crate) async fn config(context: &mut Context<'_>, args: &Config) -> Result<Exit> {
    let (patch, detach) = match args {
        Config::List => return config_list(context).await,
        Config::Set { values, detach } => {
            let set = values
                .iter()
                .map(|(key, value)| (key.clone(), Some(value.clone())));
            (set.collect::<BTreeMap<_, _>>(), *detach)
        }
        Config::Unset { keys, detach } => (
            keys.iter().map(|key| (key.clone(), None)).collect(),
            *detach,
        ),
    };
    let (session, place) = context.target().await?;
    let config = session.config_update(&place, &patch).await?;
    let names: Vec<&str> = patch.keys().map(String::as_str).collect();
    let verb = if matches!(args, Config::Set { .. }) {
        "set"
    } else {
        "removed"
    };
    context.out.done(format!("{verb} {}", names.join(", ")));
    rolled_out(context, &session, &place, config.deployment, detach).await
}

async fn config_list(context: &mut Context<'_>) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let config = session.config_get(&place).await?;
    if context.out.json {
        context.out.object(&config.values)?;
    } else {
        for (key, value) in &config.values {
            context.out.data(format!("{key}={value}"))?;
        }
    }
    Ok(Exit::Ok)
}

pub(crate) async fn secret(context: &mut Context<'_>, args: &Secret) -> Result<Exit> {
    match args {
        Secret::List => {
            let (session, place) = context.quiet_target().await?;
            let secrets = session.secret_list(&place).await?;
            let now = super::now();
            context
                .out
                .table(&secrets, &["KEY", "VERSION", "SET", "BY"], |secret| {
                    vec![
                        secret.key.clone(),
                        secret.version.to_string(),
                        ago(now, secret.created_at.timestamp()),
                        secret.created_by.clone(),
                    ]
                })?;
            Ok(Exit::Ok)
        }
        Secret::Set { key, detach } => {
            if key.contains('=') {
                return Err(CliError::usage(
                    "a secret's value does not stand on the command line, where others see it",
                )
                .now("nothing was sent")
                .next("segue secret set KEY, with the value on stdin"));
            }
            let (session, place) = context.target().await?;
            let value = value(context, key)?;
            let secret = session.secret_set(&place, key, value).await?;
            context
                .out
                .done(format!("set {key} (version {})", secret.version));
            rolled_out(context, &session, &place, secret.deployment, *detach).await
        }
        Secret::Unset { key, detach } => {
            let (session, place) = context.target().await?;
            let before = session.newest_deployment(&place).await?;
            session.secret_unset(&place, key).await?;
            context.out.done(format!("removed {key}"));
            let after = session.newest_deployment(&place).await?;
            let made = after.filter(|number| Some(*number) != before);
            rolled_out(context, &session, &place, made, *detach).await
        }
    }
}

/// A secret's value: a line that a person types, or all of stdin without its last line break.
fn value(context: &mut Context<'_>, key: &str) -> Result<String> {
    let host = context.out.host();
    let text = if host.stdin_terminal {
        context.out.say(format!("Value of {key} (end with Enter):"));
        line(context.out.host())?
    } else {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut host.stdin, &mut text)
            .map_err(|e| CliError::usage("the value on stdin is not text").why(e))?;
        text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)
    };
    if text.is_empty() {
        return Err(CliError::usage(format!("{key}: no value on stdin")).now("nothing was changed"));
    }
    Ok(text)
}

async fn rolled_out(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    deployment: Option<i64>,
    detach: bool,
) -> Result<Exit> {
    match deployment {
        Some(number) => follow::after(context, session, place, number, detach).await,
        None => {
            context
                .out
                .say("nothing is deployed yet; it counts from the first deployment on");
            Ok(Exit::Ok)
        }
    }
}
