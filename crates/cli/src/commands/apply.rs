//! `segue plan` and `segue apply`: make an environment be what a file says, with no more than is needed for it.

use std::path::Path;

use segue_client::{DeploymentCreate, EnvironmentSpec, PlannedChange, SpecView};
use segue_model::manifest::Manifest;

use super::up::make_place;
use super::{Context, Place, follow, idempotency_key};
use crate::args::{Apply, Plan};
use crate::error::{CliError, Exit, Result};
use crate::session::Session;
use crate::target::{self, Target};
use crate::wire;

/// How often a change is tried anew because somebody else changed the environment meanwhile.
const TRIES: u32 = 3;

/// What is true once the specification is written and its deployment is not made.
const KEPT: &str = "the specification is kept, and not rolled out";

/// A file, and the environment that it shall be true of.
struct Wish {
    session: Session,
    place: Place,
    manifest: Manifest,
    spec: EnvironmentSpec,
}

async fn wish(context: &mut Context<'_>, file: &Path) -> Result<Wish> {
    let path = context.out.host().path(file);
    let file = target::read_manifest(&path)?;
    let session = context.session()?;
    let target = Target::with_app(context.out.host(), context.global, file.app().clone())?;
    let manifest = file.for_environment(&target.env).clone();
    let place = context.about(Place::new(&session, target).await?);
    let spec = wire::spec(&manifest);
    Ok(Wish {
        session,
        place,
        manifest,
        spec,
    })
}

pub(crate) async fn plan(context: &mut Context<'_>, args: &Plan) -> Result<Exit> {
    let wish = wish(context, &args.file).await?;
    context
        .out
        .say(format!("→ {} (nothing is changed)", wish.place));
    let pending = planned(context, &wish).await?;
    Ok(if pending && args.detailed_exitcode {
        Exit::Usage
    } else {
        Exit::Ok
    })
}

/// Tells the plan; answers whether anything is to be done.
async fn planned(context: &mut Context<'_>, wish: &Wish) -> Result<bool> {
    if wish.session.env_maybe(&wish.place).await?.is_none() {
        // An app that is not there yet can be made; in a team that is not there nothing can.
        wish.session.app_list(&wish.place.team).await?;
        context.out.say(format!(
            "{} does not exist yet: everything would be new",
            wish.place.short()
        ));
        if context.out.json {
            context
                .out
                .object(&serde_json::json!({ "creates_environment": true, "plan": [] }))?;
        }
        return Ok(true);
    }
    let plan = put(wish, true).await?.plan.unwrap_or_default();
    tell(context, &plan, true)?;
    let pending = plan.iter().any(is_change);
    if !pending {
        context.out.say("nothing to change");
    }
    Ok(pending)
}

fn is_change(change: &PlannedChange) -> bool {
    change.action.to_string() != "keep"
}

pub(crate) async fn run(context: &mut Context<'_>, args: &Apply) -> Result<Exit> {
    let wish = wish(context, &args.file).await?;
    if args.dry_run {
        context
            .out
            .say(format!("→ {} (nothing is changed)", wish.place));
        planned(context, &wish).await?;
        return Ok(Exit::Ok);
    }
    make_place(context, &wish.session, &wish.place).await?;
    let plan = put(&wish, true).await?.plan.unwrap_or_default();
    tell(context, &plan, false)?;
    agreed(context, &wish.place, &plan, args)?;
    put(&wish, false).await?;
    carried_out(context, &wish, &plan, args).await
}

/// What would remove something needs to be said; what changes something is asked of a person who sits there.
fn agreed(
    context: &mut Context<'_>,
    place: &Place,
    plan: &[PlannedChange],
    args: &Apply,
) -> Result<()> {
    let removed: Vec<&str> = plan
        .iter()
        .filter(|change| change.action.to_string() == "remove")
        .map(|change| change.service.as_str())
        .collect();
    if !removed.is_empty() && !args.allow_delete {
        let names = removed.join(", ");
        return Err(
            CliError::usage(format!("this removes {names} of {}", place.short()))
                .why(format!("{} does not name it any more", args.file.display()))
                .now("nothing was changed")
                .next("write it into the file again, or repeat it with --allow-delete"),
        );
    }
    // A script has said what it wants by saying it; a person may have mistyped the place.
    if plan.iter().any(is_change) && context.out.host().stdin_terminal && !context.global.yes {
        let question = format!("This changes {}", place.short());
        context.out.confirm(false, &question, "yes")?;
    }
    Ok(())
}

/// Rolls out what the specification now says, if containers must change for it.
async fn carried_out(
    context: &mut Context<'_>,
    wish: &Wish,
    plan: &[PlannedChange],
    args: &Apply,
) -> Result<Exit> {
    let (session, place) = (&wish.session, &wish.place);
    let env = session.env_get(place).await?;
    if env.serving.is_none() && wish.manifest.needs_source() {
        context
            .out
            .done("kept; nothing runs yet, because no image was built");
        context.out.say("Next: segue up");
        return Ok(Exit::Ok);
    }
    let changes: Vec<&PlannedChange> = plan.iter().filter(|change| is_change(change)).collect();
    let containers = changes
        .iter()
        .any(|change| change.action.to_string() != "scale");
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
    let deployed = session.deploy(place, create, idempotency_key()).await;
    let deployed = deployed.map_err(|error| error.now(KEPT))?;
    let number = deployed.deployment.number;
    follow::after(context, session, place, number, args.detach).await
}

/// Writes the specification over the present one.
async fn put(wish: &Wish, dry_run: bool) -> Result<SpecView> {
    let (session, place) = (&wish.session, &wish.place);
    let mut tried = 0;
    loop {
        let generation = session.env_get(place).await?.generation;
        let answer = session.spec_put(place, generation, &wish.spec, dry_run);
        match answer.await {
            Err(error) if error.code.as_deref() == Some("precondition_failed") && tried < TRIES => {
                tried += 1;
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

/// A plan that was asked for is data; beside its being carried out it is talk.
fn tell(context: &mut Context<'_>, plan: &[PlannedChange], data: bool) -> Result<()> {
    if context.out.json {
        return context.out.object(&plan);
    }
    for change in plan {
        if data {
            context.out.data(line(change))?;
        } else {
            context.out.say(line(change));
        }
    }
    Ok(())
}

/// One line of a plan.
pub(super) fn line(change: &PlannedChange) -> String {
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
    format!(
        "  {action:<8} {:<12} {replicas:<8} {}{downtime}",
        change.service, change.reason
    )
}
