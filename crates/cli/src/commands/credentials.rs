//! Credentials: accounts at registries of images and at git servers. Passwords go in and never come out.

use segue_client::{Registry, RegistryCreate, RegistryKind};

use super::{Context, from_stdin, idempotency_key, now, teams::of_team};
use crate::args::Credentials;
use crate::calls::NOT_FOUND;
use crate::error::{CliError, Exit, Result};
use crate::output::ago;

pub(crate) async fn run(context: &mut Context<'_>, args: &Credentials) -> Result<Exit> {
    let (session, team) = of_team(context).await?;
    match args {
        Credentials::List => {
            let known = session.credential_list(&team).await?;
            let now = now();
            context.out.table(
                &known,
                &["CREDENTIAL", "FOR", "HOST", "ACCOUNT", "SET", "BY"],
                |one| {
                    vec![
                        one.id.clone(),
                        kind(one).to_owned(),
                        one.host.clone(),
                        one.username.clone(),
                        ago(now, one.created_at.timestamp()),
                        one.created_by.clone(),
                    ]
                },
            )?;
            if known.is_empty() {
                context
                    .out
                    .say("no credentials: segue credentials set HOST --user NAME");
            }
        }
        Credentials::Set { host, user, git } => {
            context.out.say(format!("→ team {team}"));
            let body = RegistryCreate {
                kind: if *git {
                    RegistryKind::Git
                } else {
                    RegistryKind::Registry
                },
                host: host.clone(),
                username: user.clone(),
                password: from_stdin(
                    context,
                    "password or token",
                    &format!("segue credentials set {host} --user {user} < FILE"),
                )?,
            };
            let kept = session
                .credential_set(&team, body, idempotency_key())
                .await?;
            context.out.done(format!(
                "{} at {} is kept for {}",
                kept.username,
                kept.host,
                kind(&kept)
            ));
            if context.out.json {
                context.out.object(&kept)?;
            }
        }
        Credentials::Remove { credential, git } => {
            let known = session.credential_list(&team).await?;
            let wanted = if *git { "git" } else { "images" };
            let found = known.iter().find(|one| {
                one.id == *credential || (one.host == *credential && kind(one) == wanted)
            });
            let found = found.ok_or_else(|| {
                CliError::new(format!(
                    "team {team} has no credential {credential} for {wanted}"
                ))
                .now("nothing was changed")
                .next(format!(
                    "segue credentials list -t {team}; --git means those for repositories"
                ))
                .code(NOT_FOUND)
            })?;
            context.out.say(format!("→ team {team}"));
            session.credential_delete(&team, &found.id).await?;
            context.out.done(format!(
                "{} at {} is removed; what needs it for {} fails from now on",
                found.username,
                found.host,
                kind(found)
            ));
        }
    }
    Ok(Exit::Ok)
}

fn kind(one: &Registry) -> &'static str {
    match one.kind {
        RegistryKind::Git => "git",
        _ => "images",
    }
}
