//! `segue up --dry-run`: everything that can be said before anything is sent or made.

use std::path::Path;

use segue_client::{EnvironmentSpec, PlannedChange};
use segue_model::manifest::Manifest;

use super::{Context, Place, apply, init, up};
use crate::args::Up;
use crate::error::{Exit, Result};
use crate::output::bytes;
use crate::pack;
use crate::session::Session;
use crate::{target, wire};

pub(super) async fn run(context: &mut Context<'_>, folder: &Path, args: &Up) -> Result<Exit> {
    let session = context.session()?;
    let target = up::target(context, folder, args)?;
    let app = target.app.clone();
    let env = target.env.clone();
    let place = context.about(Place::new(&session, target).await?);
    context.out.say(format!("→ {place} (nothing is changed)"));
    let (spec, what) = match &args.image {
        Some(image) => (None, format!("image {image}")),
        None => {
            let mut manifest = match target::manifest(folder)? {
                Some((_, file)) => file.for_environment(&env).clone(),
                None => Manifest::bare(app),
            };
            let measured = pack::measure(folder)?;
            let detected = init::detected(folder, &measured.contents, &manifest)?;
            context.out.say(format!(
                "  would send {} files, {}",
                measured.contents.paths.len(),
                bytes(measured.bytes)
            ));
            if manifest.needs_source() {
                context
                    .out
                    .say(format!("  would build {}", detected.summary()));
            }
            manifest.complete(&detected);
            (Some(wire::spec(&manifest)), detected.summary())
        }
    };
    let plan = plan(&session, &place, spec.as_ref()).await?;
    let made = match &plan {
        Some(plan) => {
            for change in plan {
                context.out.say(apply::line(change));
            }
            false
        }
        None => {
            context.out.say(format!("  would make {}", place.short()));
            true
        }
    };
    if context.out.json {
        context.out.object(&serde_json::json!({
            "app": place.app, "environment": place.env, "deploys": what, "creates_environment": made,
            "plan": plan.unwrap_or_default(),
        }))?;
    }
    Ok(Exit::Ok)
}

/// What the specification would change; `None` if there is no such environment yet.
async fn plan(
    session: &Session,
    place: &Place,
    spec: Option<&EnvironmentSpec>,
) -> Result<Option<Vec<PlannedChange>>> {
    let Some(env) = session.env_maybe(place).await? else {
        // An app that is not there yet can be made; in a team that is not there nothing can.
        session.app_list(&place.team).await?;
        return Ok(None);
    };
    let Some(spec) = spec else {
        return Ok(Some(Vec::new()));
    };
    let view = session.spec_put(place, env.generation, spec, true).await?;
    Ok(Some(view.plan.unwrap_or_default()))
}
