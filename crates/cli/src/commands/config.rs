//! Configuration and secrets: set and removed with the deployment that rolls the change out; shown, compared.

use std::collections::BTreeMap;
use std::path::Path;

use segue_model::name::ConfigKey;
use segue_model::secret_shape::secret_shape;

use super::apps::named;
use super::compare::{self, Asked};
use super::{Context, Place, env_file, follow, from_stdin, now, said};
use crate::args::{Config, Secret};
use crate::calls::NOT_FOUND;
use crate::error::{CliError, Exit, Result};
use crate::output::ago;
use crate::session::Session;

pub(crate) async fn config(context: &mut Context<'_>, args: &Config) -> Result<Exit> {
    let (patch, detach) = match args {
        Config::List => return config_list(context).await,
        Config::Export => return export(context).await,
        Config::History => return history(context).await,
        Config::Diff {
            left,
            right,
            all,
            detailed_exitcode,
        } => {
            let asked = Asked {
                left,
                right,
                all: *all,
                detailed: *detailed_exitcode,
            };
            return compare::run(context, asked).await;
        }
        Config::Import { file, detach } => (read(context, file)?, *detach),
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
    let verb = if matches!(args, Config::Unset { .. }) {
        "removed"
    } else {
        "set"
    };
    context.out.done(format!("{verb} {}", names.join(", ")));
    warn_of_secrets(context, &place, &patch);
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

/// Reads a file of variables.
fn read(context: &mut Context<'_>, file: &Path) -> Result<BTreeMap<String, Option<String>>> {
    let name = said(file);
    let wrong = |what: String, why: &str| {
        CliError::usage(what)
            .why(why)
            .now("nothing was changed")
            .next("write one KEY=VALUE for each line")
    };
    let bytes = super::body(
        context,
        &format!("@{}", file.display()),
        env_file::MAX_BYTES,
    )?;
    let text = String::from_utf8(bytes).map_err(|_| {
        wrong(
            format!("{name} is no file of variables"),
            "it is not text (UTF-8)",
        )
    })?;
    let values = env_file::parse(&name, &text)?;
    if values.is_empty() {
        return Err(wrong(
            format!("{name} sets nothing"),
            "it is empty, or all comments",
        ));
    }
    Ok(values
        .into_iter()
        .map(|(key, value)| (key, Some(value)))
        .collect())
}

/// What looks like a secret is set as asked, and said: everybody in the team reads configuration.
fn warn_of_secrets(
    context: &mut Context<'_>,
    place: &Place,
    patch: &BTreeMap<String, Option<String>>,
) {
    for (key, value) in patch {
        let shape = value.as_deref().and_then(|value| secret_shape(key, value));
        if let Some(shape) = shape {
            let flags = place.flags();
            context.out.warn(format!(
                "{key} looks like a secret ({}), and the whole team can read it, later also in the history. To make it \
                 one: segue secret set {key} {flags}, then segue config unset {key} {flags}",
                shape.why()
            ));
        }
    }
}

async fn export(context: &mut Context<'_>) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let config = session.config_get(&place).await?;
    let secrets = session.secret_list(&place).await?;
    if context.out.json {
        context.out.object(&config.values)?;
        return Ok(Exit::Ok);
    }
    for (key, value) in &config.values {
        context.out.data(env_file::line(key, value))?;
    }
    for secret in &secrets {
        context.out.data(format!(
            "# {}: a secret, version {}",
            secret.key, secret.version
        ))?;
    }
    Ok(Exit::Ok)
}

async fn history(context: &mut Context<'_>) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let versions = session.config_version_list(&place).await?;
    if context.out.json {
        context.out.object(&versions)?;
        return Ok(Exit::Ok);
    }
    if versions.is_empty() {
        context.out.say("nothing was set yet");
    }
    let now = now();
    for (index, version) in versions.iter().enumerate() {
        let when = version
            .created_at
            .map_or_else(|| "-".to_owned(), |at| ago(now, at.timestamp()));
        let by = version.created_by.as_deref().unwrap_or("-");
        context
            .out
            .data(format!("version {}, {when}, by {by}", version.version))?;
        let Some(before) = versions.get(index + 1) else {
            continue;
        };
        let keys = before.values.keys().chain(version.values.keys());
        let keys: std::collections::BTreeSet<&String> = keys.collect();
        for key in keys {
            let (old, new) = (before.values.get(key), version.values.get(key));
            let line = match (old, new) {
                (None, Some(new)) => format!("  + {}", env_file::line(key, new)),
                (Some(old), None) => format!("  - {}", env_file::line(key, old)),
                (Some(old), Some(new)) if old != new => {
                    format!("  ~ {} (was {old:?})", env_file::line(key, new))
                }
                _ => continue,
            };
            context.out.data(line)?;
        }
    }
    Ok(Exit::Ok)
}

pub(crate) async fn secret(context: &mut Context<'_>, args: &Secret) -> Result<Exit> {
    match args {
        Secret::List => {
            let (session, place) = context.quiet_target().await?;
            let secrets = session.secret_list(&place).await?;
            let now = now();
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
            named::<ConfigKey>(key)?;
            let (session, place) = context.target().await?;
            let how = format!("segue secret set {key} {} < FILE", place.flags());
            let value = from_stdin(context, &format!("value of {key}"), &how)?;
            let secret = session.secret_set(&place, key, value).await?;
            context
                .out
                .done(format!("set {key} (version {})", secret.version));
            rolled_out(context, &session, &place, secret.deployment, *detach).await
        }
        Secret::Reveal { key } => {
            let (session, place) = context.target().await?;
            let secret = session.secret_reveal(&place, key).await?;
            if context.out.json {
                context.out.object(&secret)?;
            } else {
                context.out.data(&secret.value)?;
            }
            Ok(Exit::Ok)
        }
        Secret::Rotate { key, detach } => rotate(context, key, *detach).await,
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

/// A new random value for a secret that is there. Nobody sees it, this program's output included.
async fn rotate(context: &mut Context<'_>, key: &str, detach: bool) -> Result<Exit> {
    use rand::TryRngCore as _;
    let (session, place) = context.target().await?;
    let known = session.secret_list(&place).await?;
    let Some(old) = known.iter().find(|secret| secret.key == key) else {
        return Err(
            CliError::new(format!("{} has no secret {key}", place.short()))
                .why("only one that is set can get another value")
                .now("nothing was changed")
                .next(format!(
                    "segue secret list {f}; to set it: segue secret set {key} {f} < FILE",
                    f = place.flags()
                ))
                .code(NOT_FOUND),
        );
    };
    let mut bytes = [0u8; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|e| {
        CliError::new("no random value can be made")
            .why(e)
            .now("nothing was changed")
            .next(format!("segue secret set {key} {} < FILE", place.flags()))
    })?;
    let secret = session.secret_set(&place, key, hex::encode(bytes)).await?;
    context.out.done(format!(
        "{key} has a new random value (version {} → {}); what knows the old one outside of {} must learn it \
         otherwise",
        old.version,
        secret.version,
        place.short()
    ));
    rolled_out(context, &session, &place, secret.deployment, detach).await
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
