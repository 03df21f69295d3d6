//! Builds: listed, read, stopped.

use super::{Context, logs, now};
use crate::args::Builds;
use crate::error::{Exit, Result};
use crate::output::ago;

pub(crate) async fn run(context: &mut Context<'_>, args: &Builds) -> Result<Exit> {
    match args {
        Builds::List => {
            let (session, place) = context.quiet_target().await?;
            let builds = session.build_list(&place).await?;
            let now = now();
            context.out.table(
                &builds,
                &["BUILD", "STATE", "KIND", "WHEN", "TOOK", "NOTE"],
                |build| {
                    let took = match (build.started_at, build.finished_at) {
                        (Some(from), Some(to)) => {
                            format!("{}s", (to - from).num_seconds().max(0))
                        }
                        _ => "-".to_owned(),
                    };
                    vec![
                        build.id.clone(),
                        build.state.clone(),
                        build.kind.clone(),
                        ago(now, build.created_at.timestamp()),
                        took,
                        build
                            .failure
                            .as_ref()
                            .map(|failure| failure.code.clone())
                            .unwrap_or_default(),
                    ]
                },
            )?;
            if builds.is_empty() {
                context.out.say("nothing was built yet");
            }
            Ok(Exit::Ok)
        }
        Builds::Logs { build, follow } => {
            let (session, place) = context.quiet_target().await?;
            let build = match build {
                Some(build) => build.clone(),
                None => session
                    .build_list(&place)
                    .await?
                    .into_iter()
                    .next()
                    .map(|build| build.id)
                    .ok_or_else(|| logs::nothing_built(&place))?,
            };
            logs::of_build(context, &session, &place, &build, *follow).await
        }
        Builds::Cancel { build } => {
            let (session, place) = context.target().await?;
            let stopped = session.build_cancel(&place, build).await?;
            context.out.done(format!("build {build} is being stopped"));
            if context.out.json {
                context.out.object(&stopped)?;
            }
            Ok(Exit::Ok)
        }
    }
}
