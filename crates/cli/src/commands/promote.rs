//! `segue promote FROM TO`: the very images that serve one environment go to another, with its own settings.

use segue_client::DeploymentPromote;

use super::{Context, Place, apply, apps::named, follow, idempotency_key};
use crate::args::Promote;
use crate::error::{CliError, Exit, Result};

pub(crate) async fn run(context: &mut Context<'_>, args: &Promote) -> Result<Exit> {
    if args.from == args.to {
        return Err(CliError::usage("the two environments are the same one")
            .now("nothing was changed")
            .next("segue envs list, then segue promote FROM TO"));
    }
    let (session, place) = context.quiet_target().await?;
    let at = |env: &str| -> Result<Place> {
        let mut place = place.clone();
        place.env = named::<segue_model::name::EnvironmentName>(env)?.to_string();
        Ok(place)
    };
    let (from, to) = (at(&args.from)?, at(&args.to)?);
    context.out.say(format!("→ {to}, from {}", args.from));
    let from = context.about(from);
    let serving = session.env_get(&from).await?.serving.ok_or_else(|| {
        CliError::new(format!("{} serves nothing", from.short()))
            .why("nothing that was deployed there became live")
            .now("nothing was changed")
            .next(format!("segue up {}", from.flags()))
    })?;
    let deployments = session.deployment_list(&from).await?;
    let number = deployments
        .iter()
        .find(|d| d.release == serving && d.live_at.is_some())
        .map(|d| d.number)
        .ok_or_else(|| {
            CliError::new(format!("no deployment of v{serving} is known"))
                .why("it is older than the deployments that are kept in the list")
                .now("nothing was changed")
                .next(format!("segue redeploy {}, then repeat it", from.flags()))
        })?;
    let to = context.about(to);
    let body = DeploymentPromote {
        to: to.env.clone(),
        message: args.message.clone(),
    };
    if args.dry_run {
        let plan = session.promotion_plan(&from, number, body).await?;
        if context.out.json {
            context.out.object(&plan)?;
            return Ok(Exit::Ok);
        }
        context
            .out
            .data(format!("v{} of {} to {}", plan.release, plan.from, plan.to))?;
        for change in &plan.changes {
            context.out.data(apply::line(change))?;
        }
        for key in &plan.config_only_there {
            context
                .out
                .data(format!("  setting {key} is only in {}", plan.to))?;
        }
        for key in &plan.secrets_only_there {
            context
                .out
                .data(format!("  secret {key} is only in {}", plan.to))?;
        }
        return Ok(Exit::Ok);
    }
    let deployment = session
        .promotion(&from, number, body, idempotency_key())
        .await?;
    context
        .out
        .say(format!("promoting v{serving} of {} (#{number})", args.from));
    follow::after(context, &session, &to, deployment.number, args.detach).await
}
