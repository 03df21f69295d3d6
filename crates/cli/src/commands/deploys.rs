//! Deployments and releases: listed, shown, followed, stopped, undone.

use segue_client::{Deployment, DeploymentCreate, Release};

use super::{Context, follow, idempotency_key, now};
use crate::args::{Deploys, Redeploy, Releases, Restart, Rollback};
use crate::error::{CliError, Exit, Result};
use crate::output::ago;

pub(crate) async fn deploys(context: &mut Context<'_>, args: &Deploys) -> Result<Exit> {
    match args {
        Deploys::List => {
            let (session, place) = context.quiet_target().await?;
            let deployments = session.deployment_list(&place).await?;
            let now = now();
            context.out.table(
                &deployments,
                &[
                    "NUMBER", "STATE", "RELEASE", "KIND", "WHEN", "BY", "MESSAGE",
                ],
                |d| {
                    vec![
                        format!("#{}", d.number),
                        state(d),
                        format!("v{}", d.release),
                        d.kind.clone(),
                        ago(now, d.created_at.timestamp()),
                        d.created_by.clone(),
                        d.message.lines().next().unwrap_or_default().to_owned(),
                    ]
                },
            )?;
            Ok(Exit::Ok)
        }
        Deploys::Show { number } => {
            let (session, place) = context.quiet_target().await?;
            let deployment = session.deployment_get(&place, *number).await?;
            let receipt = session.receipt(&place, *number).await?;
            if context.out.json {
                context
                    .out
                    .object(&serde_json::json!({ "deployment": deployment, "receipt": receipt }))?;
                return Ok(Exit::Ok);
            }
            context.out.data(format!(
                "#{} {} → v{}, by {}",
                deployment.number,
                state(&deployment),
                deployment.release,
                deployment.created_by
            ))?;
            if let Some(failure) = &deployment.failure {
                context
                    .out
                    .data(format!("  {}: {}", failure.code, failure.sentence))?;
                context.out.data(format!("  {}", failure.evidence))?;
            }
            if let Some(receipt) = receipt {
                context.out.data(format!(
                    "  switch: {} requests, {} failed, longest wait {:.1} ms{}",
                    receipt.requests,
                    receipt.failed,
                    micros(receipt.longest_wait_us),
                    if receipt.until.is_none() {
                        " (going on)"
                    } else {
                        ""
                    }
                ))?;
            }
            Ok(Exit::Ok)
        }
        Deploys::Follow { number } => {
            let (session, place) = context.target().await?;
            // A number that is not there is told as such before anything is waited for.
            session.deployment_get(&place, *number).await?;
            follow::after(context, &session, &place, *number, false).await
        }
        Deploys::Cancel { number } => {
            let (session, place) = context.target().await?;
            let deployment = session
                .deployment_cancel(&place, *number, idempotency_key())
                .await?;
            context
                .out
                .done(format!("deployment #{number} is being stopped"));
            if context.out.json {
                context.out.object(&deployment)?;
            }
            Ok(Exit::Ok)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn micros(us: i64) -> f64 {
    us as f64 / 1000.0
}

/// The state for people: a deployment that waits to be stopped says so.
fn state(deployment: &Deployment) -> String {
    if deployment.cancel_requested && !deployment.finished {
        format!("{} (stopping)", deployment.state)
    } else {
        deployment.state.clone()
    }
}

pub(crate) async fn rollback(context: &mut Context<'_>, args: &Rollback) -> Result<Exit> {
    let (session, place) = context.target().await?;
    let deployment = match args.release {
        Some(release) => {
            let create = DeploymentCreate {
                release: Some(release),
                message: Some(format!("rollback to v{release}")),
                ..DeploymentCreate::default()
            };
            let deployed = session.deploy(&place, create, idempotency_key()).await?;
            deployed.deployment
        }
        None => {
            let serving = session.env_get(&place).await?.serving.ok_or_else(|| {
                CliError::new(format!("{} serves nothing", place.short()))
                    .why("nothing that was deployed there became live")
                    .now("nothing was changed")
                    .next(format!("segue deploys list {}", place.flags()))
            })?;
            let deployments = session.deployment_list(&place).await?;
            let last = deployments
                .iter()
                .find(|d| d.release == serving && d.live_at.is_some());
            let number = last.map(|d| d.number).ok_or_else(|| {
                CliError::new(format!("no deployment of v{serving} is known"))
                    .now("nothing was changed")
                    .why("it is older than the deployments that are kept in the list")
                    .next(format!(
                        "segue releases list {f}, then segue rollback vN {f}",
                        f = place.flags()
                    ))
            })?;
            context.out.say(format!("undoing #{number} (v{serving})"));
            session
                .deployment_rollback(&place, number, idempotency_key())
                .await?
        }
    };
    follow::after(context, &session, &place, deployment.number, args.detach).await
}

/// The image that runs, with the specification and the settings of now.
pub(crate) async fn redeploy(context: &mut Context<'_>, args: &Redeploy) -> Result<Exit> {
    let (session, place) = context.target().await?;
    let create = DeploymentCreate {
        spec: Some(true),
        r#override: Some(args.overriding),
        message: args.message.clone().or_else(|| Some("redeploy".to_owned())),
        ..DeploymentCreate::default()
    };
    let deployed = session.deploy(&place, create, idempotency_key()).await?;
    let deployment = deployed.deployment;
    follow::after(context, &session, &place, deployment.number, args.detach).await
}

pub(crate) async fn restart(context: &mut Context<'_>, args: &Restart) -> Result<Exit> {
    // Names of services have no dots: `web.2` is an instance.
    if let Some(name) = args.what.as_deref().filter(|name| name.contains('.')) {
        return super::replace::replace(context, name, args.detach).await;
    }
    let (session, place) = context.target().await?;
    let create = DeploymentCreate {
        restart: Some(args.what.iter().cloned().collect()),
        message: Some(match &args.what {
            Some(service) => format!("restart {service}"),
            None => "restart".to_owned(),
        }),
        ..DeploymentCreate::default()
    };
    let deployed = session.deploy(&place, create, idempotency_key()).await?;
    let deployment = deployed.deployment;
    follow::after(context, &session, &place, deployment.number, args.detach).await
}

pub(crate) async fn releases(context: &mut Context<'_>, args: &Releases) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    match args {
        Releases::List => {
            let releases = session.release_list(&place).await?;
            let serving = session.env_get(&place).await?.serving;
            let now = now();
            context
                .out
                .table(&releases, &["RELEASE", "WHEN", "BY", "MESSAGE"], |r| {
                    let mark = if serving == Some(r.version) {
                        " (serves)"
                    } else {
                        ""
                    };
                    vec![
                        format!("v{}{mark}", r.version),
                        ago(now, r.created_at.timestamp()),
                        r.created_by.clone(),
                        r.message.lines().next().unwrap_or_default().to_owned(),
                    ]
                })?;
        }
        Releases::Show { release } => {
            let release = session.release_get(&place, *release).await?;
            if context.out.json {
                context.out.object(&release)?;
            } else {
                show(context, &release)?;
            }
        }
        Releases::Diff { release, other } => {
            let diff = session.release_diff(&place, *release, *other).await?;
            if context.out.json {
                context.out.object(&diff)?;
                return Ok(Exit::Ok);
            }
            for change in &diff.changes {
                let line = match (&change.before, &change.after) {
                    (None, Some(after)) => format!("+ {} {}: {after}", change.service, change.what),
                    (Some(before), None) => {
                        format!("- {} {}: {before}", change.service, change.what)
                    }
                    (Some(before), Some(after)) => {
                        format!("~ {} {}: {before} → {after}", change.service, change.what)
                    }
                    (None, None) => format!("~ {} {}", change.service, change.what),
                };
                context.out.data(line)?;
            }
            if diff.changes.is_empty() {
                context
                    .out
                    .say(format!("v{} and v{} do not differ", diff.from, diff.to));
            }
        }
    }
    Ok(Exit::Ok)
}

/// A release in words.
fn show(context: &mut Context<'_>, release: &Release) -> Result<()> {
    let origin = release.origin.as_ref();
    let origin = origin.map(|from| format!("v{} of {}", from.release, from.environment));
    context.out.fields(&[
        ("release", format!("v{}", release.version)),
        (
            "made",
            format!(
                "{}, by {}",
                release.created_at.format("%Y-%m-%d %H:%M UTC"),
                release.created_by
            ),
        ),
        (
            "message",
            release
                .message
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        ),
        ("commit", release.commit.clone().unwrap_or_default()),
        ("promoted", origin.unwrap_or_default()),
        (
            "proved",
            release.stable_at.map_or_else(
                || "not yet".to_owned(),
                |at| at.format("%Y-%m-%d %H:%M UTC").to_string(),
            ),
        ),
    ])?;
    for (name, service) in &release.services {
        let image = service.image.clone();
        context.out.data(format!("  {name:<12} {image}"))?;
    }
    Ok(())
}
