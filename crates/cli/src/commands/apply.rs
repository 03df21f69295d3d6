//! `segue apply`: makes an environment be what a file says, with no more than is needed for it.

use segue_client::{DeploymentCreate, PlannedChange, SpecView};

use super::up::make_place;
use super::{Context, Place, follow, idempotency_key};
use crate::args::Apply;
use crate::error::{CliError, Exit, Result};
use crate::session::Session;
use crate::target::{self, Target};
use crate::wire;

/// How often a change is tried anew because somebody else changed the environment meanwhile.
const TRIES: u32 = 3;

pub(crate) async fn run(context: &mut Context<'_>, args: &Apply) -> Result<Exit> {
    let path = context.out.host().path(&args.file);
    let file = target::read_manifest(&path)?;
    let session = context.session()?;
    let target = Target::with_app(context.out.host(), context.global, file.app().clone())?;
    let manifest = file.for_environment(&target.env).clone();
    let place = Place::new(&session, target).await?;
    if args.dry_run {
        context.out.say(format!("→ {place}"));
        if session.env_maybe(&place).await?.is_none() {
            context
                .out
                .say("the environment does not exist yet: everything would be new");
            return Ok(Exit::Ok);
        }
    } else {
        make_place(context, &session, &place).await?;
    }
    let spec = wire::spec(&manifest);
    let planned = put(&session, &place, &spec, true).await?;
    let plan: Vec<PlannedChange> = planned.plan.unwrap_or_default();
    let changes: Vec<&PlannedChange> = plan
        .iter()
        .filter(|change| change.action.to_string() != "keep")
        .collect();
    tell(context, &plan)?;
    if args.dry_run {
        return Ok(Exit::Ok);
    }
    put(&session, &place, &spec, false).await?;
    let containers = changes
        .iter()
        .any(|change| change.action.to_string() != "scale");
    let env = session.env_get(&place).await?;
    if env.serving.is_none() && manifest.needs_source() {
        context
            .out
            .done("kept; nothing runs yet, because no image was built");
        context.out.say("Next: segue up");
        return Ok(Exit::Ok);
    }
    if !containers {
        let what = if changes.is_empty() {
            "nothing to change"
        } else {
            "applied; no container had to be replaced"
        };
        context.out.done(what);
        return Ok(Exit::Ok);
    }
    let create = DeploymentCreate {
        spec: Some(true),
        message: Some(format!("apply {}", args.file.display())),
        ..DeploymentCreate::default()
    };
    let deployment = session.deploy(&place, create, idempotency_key()).await?;
    follow::after(context, &session, &place, deployment.number, args.detach).await
}

/// Writes the specification over the present one.
async fn put(
    session: &Session,
    place: &Place,
    spec: &segue_client::EnvironmentSpec,
    dry_run: bool,
) -> Result<SpecView> {
    let mut tried = 0;
    loop {
        let generation = session.env_get(place).await?.generation;
        match session.spec_put(place, generation, spec, dry_run).await {
            Err(error) if error.code.as_deref() == Some("precondition_failed") && tried < TRIES => {
                tried += 1
            }
            Err(error) => return Err(now(error)),
            Ok(view) => return Ok(view),
        }
    }
}

fn now(error: CliError) -> CliError {
    if error.now.is_none() {
        error.now("nothing was changed")
    } else {
        error
    }
}

fn tell(context: &mut Context<'_>, plan: &[PlannedChange]) -> Result<()> {
    if context.out.json {
        return context.out.object(&plan);
    }
    for change in plan {
        let action = change.action.to_string();
        let replicas = if change.replicas_before == change.replicas_after {
            change.replicas_after.to_string()
        } else {
            format!("{} → {}", change.replicas_before, change.replicas_after)
        };
        let downtime = if change.downtime {
            "; users may notice"
        } else {
            ""
        };
        context.out.say(format!(
            "  {action:<8} {:<12} {replicas:<8} {}{downtime}",
            change.service, change.reason
        ));
    }
    Ok(())
}
