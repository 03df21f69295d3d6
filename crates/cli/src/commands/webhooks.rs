//! Webhooks: who is told of events, and whether it arrived.

use segue_client::{Channel, Webhook, WebhookCreate as Body, WebhookUpdate};

use super::{Context, from_stdin, idempotency_key, now, teams::of_team};
use crate::args::{WebhookCreate, WebhookKind, WebhookSet, Webhooks};
use crate::calls::NOT_FOUND;
use crate::error::{CliError, Exit, Result};
use crate::output::{ago, plain};
use crate::session::Session;
use crate::target::Target;

pub(crate) async fn run(context: &mut Context<'_>, args: &Webhooks) -> Result<Exit> {
    let (session, team) = of_team(context).await?;
    match args {
        Webhooks::List => list(context, &session, &team).await?,
        Webhooks::Create(args) => create(context, &session, &team, args).await?,
        Webhooks::Set(args) => set(context, &session, &team, args).await?,
        Webhooks::Deliveries { webhook } => deliveries(context, &session, &team, webhook).await?,
        Webhooks::Retry { webhook, delivery } => {
            let webhook = find(&session, &team, webhook).await?;
            context.out.say(format!("→ team {team}"));
            let told = session
                .webhook_retry(&team, &webhook, delivery, idempotency_key())
                .await?;
            context.out.done(format!(
                "{} is on its way to {} again; whether it arrived: segue webhooks deliveries {}",
                told.kind, webhook.to, webhook.name
            ));
            if context.out.json {
                context.out.object(&told)?;
            }
        }
        Webhooks::Test { webhook } => {
            let webhook = find(&session, &team, webhook).await?;
            context.out.say(format!("→ team {team}"));
            let sent = session
                .webhook_test(&team, &webhook.id, idempotency_key())
                .await?;
            context.out.done(format!(
                "a test is under way to {}; whether it arrived: segue webhooks deliveries {}",
                webhook.to, webhook.name
            ));
            if context.out.json {
                context.out.object(&sent)?;
            }
        }
        Webhooks::Remove { webhook } => {
            let webhook = find(&session, &team, webhook).await?;
            context.out.say(format!("→ team {team}"));
            session.webhook_delete(&team, &webhook.id).await?;
            context
                .out
                .done(format!("{} is told nothing any more", webhook.to));
        }
    }
    Ok(Exit::Ok)
}

async fn list(context: &mut Context<'_>, session: &Session, team: &str) -> Result<()> {
    let webhooks = session.webhook_list(team).await?;
    let now = now();
    context.out.table(
        &webhooks,
        &["WEBHOOK", "NAME", "KIND", "TO", "EVENTS", "NOTE"],
        |webhook| {
            let mut notes = Vec::new();
            if !webhook.enabled {
                notes.push(match &webhook.disabled_reason {
                    Some(reason) => format!("stopped: {reason}"),
                    None => "disabled".to_owned(),
                });
            }
            if let Some(since) = webhook.failing_since {
                notes.push(format!(
                    "nothing arrived since {}",
                    ago(now, since.timestamp())
                ));
            }
            notes.extend(webhook.app.iter().map(|app| format!("only {app}")));
            vec![
                webhook.id.clone(),
                webhook.name.clone(),
                webhook.kind.to_string(),
                webhook.to.clone(),
                webhook.events.join(","),
                notes.join("; "),
            ]
        },
    )?;
    if webhooks.is_empty() {
        context
            .out
            .say("nobody is told: segue webhooks create NAME");
    }
    Ok(())
}

async fn create(
    context: &mut Context<'_>,
    session: &Session,
    team: &str,
    args: &WebhookCreate,
) -> Result<()> {
    if args.kind != WebhookKind::Mail && args.address.is_some() {
        return Err(CliError::usage("--address is for --kind mail")
            .why("the address of a program or a chat room comes from stdin")
            .now("nothing was sent")
            .next(format!("segue webhooks create {} < FILE", args.name)));
    }
    let app = if args.only_app {
        Some(
            Target::of(context.out.host(), context.global)?
                .app
                .to_string(),
        )
    } else {
        None
    };
    context.out.say(format!("→ team {team}"));
    let how = format!(
        "segue webhooks create {} < FILE, with the address in it",
        args.name
    );
    let (kind, url) = match args.kind {
        WebhookKind::Mail => (Channel::Mail, None),
        WebhookKind::Standard => (
            Channel::Standard,
            Some(from_stdin(context, "address", &how)?),
        ),
        WebhookKind::Chat => (Channel::Chat, Some(from_stdin(context, "address", &how)?)),
    };
    let body = Body {
        name: args.name.clone(),
        kind,
        url: url.map(|url| url.trim().to_owned()),
        address: args.address.clone(),
        app,
        events: Some(args.events.clone()).filter(|events| !events.is_empty()),
    };
    let made = session
        .webhook_create(team, body, idempotency_key())
        .await?;
    context.out.done(format!(
        "{} is told of {}; to see that it arrives: segue webhooks test {}",
        made.to,
        made.events.join(", "),
        made.name
    ));
    if context.out.json {
        return context.out.object(&made);
    }
    if let Some(secret) = &made.secret {
        context
            .out
            .say("What requests are signed with, shown only now:");
        context.out.data(secret)?;
    }
    Ok(())
}

async fn set(
    context: &mut Context<'_>,
    session: &Session,
    team: &str,
    args: &WebhookSet,
) -> Result<()> {
    let webhook = find(session, team, &args.webhook).await?;
    context.out.say(format!("→ team {team}"));
    let body = WebhookUpdate {
        name: args.name.clone(),
        events: Some(args.events.clone()).filter(|events| !events.is_empty()),
        enabled: match (args.enable, args.disable) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
    };
    let changed = session.webhook_update(team, &webhook, body).await?;
    let state = if changed.enabled { "" } else { " (disabled)" };
    context.out.done(format!(
        "{}{state}: {} is told of {}",
        changed.name,
        changed.to,
        changed.events.join(", ")
    ));
    if context.out.json {
        context.out.object(&changed)?;
    }
    Ok(())
}

async fn deliveries(
    context: &mut Context<'_>,
    session: &Session,
    team: &str,
    webhook: &str,
) -> Result<()> {
    let webhook = find(session, team, webhook).await?;
    let told = session.webhook_deliveries(team, &webhook.id).await?;
    let now = now();
    context.out.table(
        &told,
        &[
            "DELIVERY", "WHEN", "EVENT", "STATE", "TRIES", "ANSWER", "DETAIL",
        ],
        |one| {
            let next = one.next_at.filter(|_| one.state == "pending");
            let next = next.map(|at| format!("again at {}", at.format("%H:%M:%SZ")));
            let detail = [
                next,
                Some(plain(&one.detail)).filter(|text| !text.is_empty()),
            ];
            vec![
                one.id.clone(),
                ago(now, one.created_at.timestamp()),
                one.kind.clone(),
                one.state.clone(),
                one.attempts.to_string(),
                one.status
                    .map_or_else(|| "-".to_owned(), |status| status.to_string()),
                detail.into_iter().flatten().collect::<Vec<_>>().join(": "),
            ]
        },
    )?;
    if told.is_empty() {
        context.out.say("nothing was told yet");
    }
    Ok(())
}

/// A webhook by id or name.
async fn find(session: &Session, team: &str, wanted: &str) -> Result<Webhook> {
    let mut found: Vec<Webhook> = session.webhook_list(team).await?;
    found.retain(|webhook| webhook.id == wanted || webhook.name == wanted);
    match (found.pop(), found.len()) {
        (Some(webhook), 0) => Ok(webhook),
        (None, _) => Err(
            CliError::new(format!("team {team} has no webhook {wanted}"))
                .now("nothing was changed")
                .next(format!("segue webhooks list -t {team}"))
                .code(NOT_FOUND),
        ),
        (Some(_), more) => Err(CliError::usage(format!(
            "{} webhooks are called {wanted}",
            more + 1
        ))
        .now("nothing was changed")
        .next("segue webhooks list, then name one by its id")),
    }
}
