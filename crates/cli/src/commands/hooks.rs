//! Hooks: addresses that a forge calls after a push.

use segue_client::{Forge, Hook};

use super::{Context, Place, idempotency_key, now};
use crate::args::{HookKind, Hooks};
use crate::calls::NOT_FOUND;
use crate::error::{CliError, Exit, Result};
use crate::output::{ago, plain};
use crate::session::Session;

pub(crate) async fn run(context: &mut Context<'_>, args: &Hooks) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    match args {
        Hooks::List => {
            let hooks = session.hook_list(&place).await?;
            let now = now();
            context
                .out
                .table(&hooks, &["HOOK", "KIND", "CALLED", "ADDRESS"], |hook| {
                    vec![
                        hook.id.clone(),
                        hook.kind.to_string(),
                        hook.called_at
                            .map_or_else(|| "never".to_owned(), |at| ago(now, at.timestamp())),
                        hook.url.clone(),
                    ]
                })?;
            if hooks.is_empty() {
                context.out.say("no hooks: segue hooks create github");
            }
        }
        Hooks::Create { kind } => create(context, &session, &place, *kind).await?,
        Hooks::Calls { id } => calls(context, &session, &place, id.as_deref()).await?,
        Hooks::Remove { id } => {
            context.out.say(format!("→ {}", place.whole_app()));
            session.hook_delete(&place, id).await?;
            context.out.done(format!(
                "hook {id} is answered no more; remove it at the forge too"
            ));
        }
    }
    Ok(Exit::Ok)
}

/// The address is data; the secret is too, because it is shown only now.
async fn create(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    kind: HookKind,
) -> Result<()> {
    context.out.say(format!("→ {}", place.whole_app()));
    let kind = match kind {
        HookKind::Github => Forge::Github,
        HookKind::Gitlab => Forge::Gitlab,
        HookKind::Gitea => Forge::Gitea,
        HookKind::Generic => Forge::Generic,
    };
    let hook = session.hook_create(place, kind, idempotency_key()).await?;
    context
        .out
        .done("hook made; give the forge these two (POST, JSON). The secret is shown only now");
    if context.out.json {
        context.out.object(&hook)?;
    } else {
        context.out.data(format!("address {}", hook.url))?;
        match &hook.secret {
            Some(secret) => context.out.data(format!("secret  {secret}"))?,
            None => context.out.warn(
                "this request was repeated: the secret was shown the first time, and is not kept",
            ),
        }
    }
    let app = session.app_get(place).await?;
    if app.repo.is_none_or(|repo| repo.auto_deploy != Some(true)) {
        context.out.say(format!(
            "A push deploys once the app knows its repository: segue apps repo {} URL --branch main --auto-deploy",
            place.app
        ));
    }
    Ok(())
}

async fn calls(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    id: Option<&str>,
) -> Result<()> {
    let id = match id {
        Some(id) => id.to_owned(),
        None => only(session.hook_list(place).await?, place)?,
    };
    let calls = session.hook_calls(place, &id).await?;
    let now = now();
    context.out.table(
        &calls,
        &["WHEN", "STATE", "REF", "COMMIT", "DETAIL"],
        |call| {
            let commit: String = call
                .commit
                .iter()
                .flat_map(|c| c.chars())
                .take(12)
                .collect();
            vec![
                ago(now, call.received_at.timestamp()),
                call.state.clone(),
                call.r#ref.clone().unwrap_or_default(),
                commit,
                plain(&call.detail),
            ]
        },
    )?;
    if calls.is_empty() {
        context.out.say("nobody has called yet");
    }
    Ok(())
}

fn only(hooks: Vec<Hook>, place: &Place) -> Result<String> {
    let mut hooks = hooks.into_iter();
    match (hooks.next(), hooks.next()) {
        (Some(hook), None) => Ok(hook.id),
        (None, _) => Err(CliError::new(format!("{} has no hook", place.app))
            .next(format!("segue hooks create github -a {}", place.app))
            .code(NOT_FOUND)),
        (Some(_), Some(_)) => Err(CliError::usage(format!("{} has several hooks", place.app))
            .next(format!(
                "segue hooks list -a {a}, then segue hooks calls HOOK -a {a}",
                a = place.app
            ))),
    }
}
