//! What stops deployments: locks with a reason, and freeze windows.

use std::collections::BTreeMap;

use segue_client::{FreezeCreate as Window, FreezeWindow, Lock as Seen, LockCreate};

use super::{Context, Place, idempotency_key, now};
use crate::args::{Day, FreezeCreate, Freezes, Lock, Unlock};
use crate::calls::NOT_FOUND;
use crate::error::{CliError, Exit, Result};
use crate::output::ago;
use crate::session::Session;

pub(crate) async fn lock(context: &mut Context<'_>, args: &Lock) -> Result<Exit> {
    let (session, place) = said(context, args.whole_app).await?;
    let lasting = args.lasts.map(|time| {
        chrono::TimeDelta::from_std(time)
            .ok()
            .and_then(|time| chrono::Utc::now().checked_add_signed(time))
            .ok_or_else(|| {
                CliError::usage("--for: that is too long")
                    .now("nothing was changed")
                    .next("leave --for out: until somebody takes the lock away")
            })
    });
    let body = LockCreate {
        reason: args.reason.clone(),
        environment: (!args.whole_app).then(|| place.env.clone()),
        until: args.until.or(lasting.transpose()?),
    };
    let lock = session.lock_create(&place, body, idempotency_key()).await?;
    let until = lock.until.map_or_else(
        || "until somebody takes it away".to_owned(),
        |until| format!("until {}", until.format("%Y-%m-%d %H:%M UTC")),
    );
    context.out.done(format!(
        "nothing is deployed {until}; rollbacks go on. To end it: segue unlock{}",
        flags(&place, args.whole_app)
    ));
    if context.out.json {
        context.out.object(&lock)?;
    }
    Ok(Exit::Ok)
}

pub(crate) async fn unlock(context: &mut Context<'_>, args: &Unlock) -> Result<Exit> {
    let (session, place) = said(context, args.whole_app).await?;
    let environment = (!args.whole_app).then(|| place.env.clone());
    match session.lock_delete(&place, environment).await {
        Err(error) if error.code.as_deref() == Some(NOT_FOUND) => {
            return Err(
                CliError::new(format!("{} is not locked", reach(&place, args.whole_app)))
                    .now("nothing was changed")
                    .next(format!("segue locks -a {}", place.app))
                    .code(NOT_FOUND),
            );
        }
        done => done?,
    }
    context.out.done("deployments may be made again");
    Ok(Exit::Ok)
}

/// The target, said as far as the command reaches.
async fn said(context: &mut Context<'_>, whole_app: bool) -> Result<(Session, Place)> {
    let (session, place) = context.quiet_target().await?;
    context
        .out
        .say(format!("→ {}/{}", place.team, reach(&place, whole_app)));
    Ok((session, place))
}

fn reach(place: &Place, whole_app: bool) -> String {
    if whole_app {
        format!("{}, all environments", place.app)
    } else {
        place.short()
    }
}

fn flags(place: &Place, whole_app: bool) -> String {
    if whole_app {
        format!(" --whole-app -a {}", place.app)
    } else {
        format!(" {}", place.flags())
    }
}

/// Locks and freeze windows, all of an app.
pub(crate) async fn list(context: &mut Context<'_>) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let locks = session.lock_list(&place).await?;
    let freezes = session.freeze_list(&place).await?;
    if context.out.json {
        context
            .out
            .object(&serde_json::json!({ "locks": locks, "freezes": freezes }))?;
        return Ok(Exit::Ok);
    }
    let names = names(&session, &place).await?;
    let now = now();
    context.out.table(
        &locks,
        &["LOCKED", "SINCE", "UNTIL", "BY", "REASON"],
        |lock: &Seen| {
            vec![
                where_it_holds(lock.environment.as_deref(), &names),
                ago(now, lock.created_at.timestamp()),
                lock.until.map_or_else(
                    || "taken away".to_owned(),
                    |until| until.format("%Y-%m-%d %H:%M UTC").to_string(),
                ),
                lock.created_by.clone(),
                lock.reason.clone(),
            ]
        },
    )?;
    windows(context, &freezes, &names)?;
    if locks.is_empty() && freezes.is_empty() {
        context.out.say("nothing stops deployments");
    }
    Ok(Exit::Ok)
}

pub(crate) async fn freezes(context: &mut Context<'_>, args: &Freezes) -> Result<Exit> {
    match args {
        Freezes::List => {
            let (session, place) = context.quiet_target().await?;
            let freezes = session.freeze_list(&place).await?;
            let names = names(&session, &place).await?;
            windows(context, &freezes, &names)?;
            if freezes.is_empty() {
                context.out.say("no freeze windows");
            }
        }
        Freezes::Create(args) => {
            let (session, place) = said(context, args.whole_app).await?;
            let body = window(args, &place)?;
            let made = session
                .freeze_create(&place, body, idempotency_key())
                .await?;
            context.out.done(format!(
                "nothing is deployed {}; rollbacks go on",
                when(&made)
            ));
            if context.out.json {
                context.out.object(&made)?;
            } else {
                context.out.data(&made.id)?;
            }
        }
        Freezes::Remove { id } => {
            let (session, place) = context.quiet_target().await?;
            context.out.say(format!("→ {}", place.whole_app()));
            session.freeze_delete(&place, id).await?;
            context.out.done(format!("freeze window {id} is removed"));
        }
    }
    Ok(Exit::Ok)
}

fn window(args: &FreezeCreate, place: &Place) -> Result<Window> {
    let minutes = match args.lasts {
        Some(time) => Some(
            i32::try_from(time.as_secs() / 60)
                .ok()
                .filter(|minutes| *minutes > 0 && time.as_secs() % 60 == 0)
                .ok_or_else(|| {
                    CliError::usage("--for: a freeze window lasts a number of minutes")
                        .now("nothing was changed")
                        .next("such as --for 64h, at most 168h")
                })?,
        ),
        None => None,
    };
    let days: Vec<i32> = args.weekly.iter().map(|day| day.number()).collect();
    Ok(Window {
        reason: args.reason.clone(),
        environment: (!args.whole_app).then(|| place.env.clone()),
        time_zone: args.zone.clone(),
        starts_at: args.starts,
        ends_at: args.ends,
        days: Some(days).filter(|days| !days.is_empty()),
        from: args.at.clone(),
        minutes,
    })
}

fn windows(
    context: &mut Context<'_>,
    freezes: &[FreezeWindow],
    names: &BTreeMap<String, String>,
) -> Result<()> {
    context.out.table(
        freezes,
        &["FREEZE", "WHERE", "WHEN", "BY", "REASON"],
        |freeze| {
            vec![
                freeze.id.clone(),
                where_it_holds(freeze.environment.as_deref(), names),
                when(freeze),
                freeze.created_by.clone(),
                freeze.reason.clone(),
            ]
        },
    )
}

/// When a window holds, in words.
fn when(freeze: &FreezeWindow) -> String {
    let moment = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
    if let (Some(starts), Some(ends)) = (freeze.starts_at, freeze.ends_at) {
        return format!("from {} until {}", moment(starts), moment(ends));
    }
    let days = freeze.days.iter().flatten().map(|day| Day::name(*day));
    let days: Vec<&str> = days.collect();
    let minutes = freeze.minutes.unwrap_or_default();
    let lasts = if minutes % 60 == 0 {
        format!("{} h", minutes / 60)
    } else {
        format!("{minutes} min")
    };
    format!(
        "every {} from {} for {lasts} ({})",
        days.join(", "),
        freeze.from.as_deref().unwrap_or("?"),
        freeze.time_zone
    )
}

/// Environments by id: locks name them so.
async fn names(session: &Session, place: &Place) -> Result<BTreeMap<String, String>> {
    let environments = session.env_list(place).await?;
    Ok(environments
        .into_iter()
        .map(|env| (env.id, env.name))
        .collect())
}

fn where_it_holds(environment: Option<&str>, names: &BTreeMap<String, String>) -> String {
    match environment {
        None => "all environments".to_owned(),
        Some(id) => names.get(id).cloned().unwrap_or_else(|| id.to_owned()),
    }
}
