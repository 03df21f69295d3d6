//! How an app is: `status` and `ps`.

use std::time::Duration;

use segue_client::Instance;

use super::{Context, Place, events, now, watching};
use crate::args::{Ps, Status};
use crate::error::{Exit, Result};
use crate::output::{ago, plain};
use crate::session::Session;

/// Events that come closer together than this are shown as one change.
const SETTLE: Duration = Duration::from_millis(250);

pub(crate) async fn status(context: &mut Context<'_>, args: &Status) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let first = look(&session, &place).await?;
    show(context, &first, 0)?;
    if !args.watch {
        return Ok(Exit::Ok);
    }
    let ids = events::ids(&session, &place).await?;
    let come_back = format!("segue status --watch {}", place.flags());
    let watched = watching(context, &come_back, async |context: &mut Context<'_>| {
        let mut stream = session.stream(events::address(&session, Some(&ids)));
        let mut last = first;
        loop {
            stream.next().await?;
            // What belongs together comes together.
            while let Ok(more) = tokio::time::timeout(SETTLE, stream.next()).await {
                more?;
            }
            let now = look(&session, &place).await?;
            if now.value != last.value {
                show(context, &now, last.lines.len())?;
                last = now;
            }
        }
    });
    let watched: std::result::Result<(), Exit> = watched.await?;
    Ok(watched.err().unwrap_or(Exit::Ok))
}

/// How an environment is, for people and for programs.
struct Seen {
    lines: Vec<String>,
    value: serde_json::Value,
}

/// Prints it; on a terminal in the place of the lines that stood there before.
fn show(context: &mut Context<'_>, seen: &Seen, before: usize) -> Result<()> {
    if context.out.json {
        return context.out.object(&seen.value);
    }
    if before > 0 {
        if context.out.host().stdout_terminal {
            context
                .out
                .raw(format!("\u{1b}[{before}A\u{1b}[J").as_bytes())?;
        } else {
            context.out.data("")?;
        }
    }
    for line in &seen.lines {
        context.out.data(line)?;
    }
    Ok(())
}

async fn look(session: &Session, place: &Place) -> Result<Seen> {
    let env = session.env_get(place).await?;
    let services = session.service_list(place).await?;
    let newest = session.deployment_list(place).await?.into_iter().next();
    let value =
        serde_json::json!({ "environment": env, "services": services, "deployment": newest });
    let mut lines = Vec::new();
    let (mut ready, mut desired) = (0, 0);
    for service in &services {
        ready += i64::from(service.replicas.ready);
        desired += i64::from(service.replicas.desired);
    }
    let serving = env.serving.map_or_else(
        || "nothing deployed".to_owned(),
        |version| format!("v{version} live"),
    );
    let stopped = if env.stopped { ", stopped" } else { "" };
    lines.push(format!(
        "{}: {serving}, {ready}/{desired} ready{stopped}",
        place.short()
    ));
    lines.extend(env.urls.iter().map(|url| format!("  {url}")));
    for service in &services {
        let replicas = &service.replicas;
        lines.push(format!(
            "  {:<12} {} wanted, {} running, {} ready",
            service.name, replicas.desired, replicas.running, replicas.ready
        ));
    }
    if let Some(newest) = newest {
        let when = ago(now(), newest.created_at.timestamp());
        lines.push(format!(
            "  deploy #{} {} (v{}, {when}, by {})",
            newest.number, newest.state, newest.release, newest.created_by
        ));
        if let Some(failure) = newest.failure {
            lines.push(format!(
                "    {}: {}",
                failure.code,
                plain(&failure.evidence)
            ));
        }
    }
    for condition in env.conditions {
        if !condition.message.is_empty() {
            lines.push(format!("  {}: {}", condition.r#type, condition.message));
        }
    }
    Ok(Seen { lines, value })
}

pub(crate) async fn ps(context: &mut Context<'_>, args: &Ps) -> Result<Exit> {
    if let Some(name) = &args.instance {
        return super::sight::why(context, name).await;
    }
    let (session, place) = context.quiet_target().await?;
    let instances = session.instance_list(&place).await?;
    let now = now();
    context.out.table(
        &instances,
        &[
            "INSTANCE", "STATE", "RELEASE", "HOST", "STARTED", "RESTARTS", "NOTE",
        ],
        |i| {
            vec![
                i.name.clone(),
                state(i),
                format!("v{}", i.release),
                i.host.clone(),
                i.started_at
                    .map_or_else(|| "-".to_owned(), |at| ago(now, at.timestamp())),
                i.restarts.to_string(),
                i.failure
                    .as_ref()
                    .map(|failure| failure.evidence.clone())
                    .unwrap_or_default(),
            ]
        },
    )?;
    if instances.is_empty() {
        context.out.say("no instances");
    }
    Ok(Exit::Ok)
}

/// The state for people: what is about to become of it stands beside what was seen.
pub(super) fn state(instance: &Instance) -> String {
    let mark = if instance.replacing == Some(true) {
        "replacing"
    } else if instance.warm == Some(true) {
        "warm"
    } else if instance.desired == "run" {
        return instance.state.clone();
    } else {
        instance.desired.as_str()
    };
    format!("{} ({mark})", instance.state)
}
