//! How an app is: `status` and `ps`.

use segue_client::Instance;

use super::{Context, now};
use crate::error::{Exit, Result};
use crate::output::ago;

pub(crate) async fn status(context: &mut Context<'_>) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let env = session.env_get(&place).await?;
    let services = session.service_list(&place).await?;
    let newest = session.deployment_list(&place).await?.into_iter().next();
    if context.out.json {
        context.out.object(
            &serde_json::json!({ "environment": env, "services": services, "deployment": newest }),
        )?;
        return Ok(Exit::Ok);
    }
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
    context.out.data(format!(
        "{}: {serving}, {ready}/{desired} ready{stopped}",
        place.short()
    ))?;
    for url in &env.urls {
        context.out.data(format!("  {url}"))?;
    }
    for service in &services {
        let replicas = &service.replicas;
        context.out.data(format!(
            "  {:<12} {} wanted, {} running, {} ready",
            service.name, replicas.desired, replicas.running, replicas.ready
        ))?;
    }
    if let Some(newest) = newest {
        let when = ago(now(), newest.created_at.timestamp());
        context.out.data(format!(
            "  deploy #{} {} (v{}, {when}, by {})",
            newest.number, newest.state, newest.release, newest.created_by
        ))?;
        if let Some(failure) = newest.failure {
            context
                .out
                .data(format!("    {}: {}", failure.code, failure.evidence))?;
        }
    }
    for condition in env.conditions {
        if !condition.message.is_empty() {
            context
                .out
                .data(format!("  {}: {}", condition.r#type, condition.message))?;
        }
    }
    Ok(Exit::Ok)
}

pub(crate) async fn ps(context: &mut Context<'_>) -> Result<Exit> {
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
fn state(instance: &Instance) -> String {
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
