//! Machines that applications run on.

use segue_client::Host;

use super::Context;
use crate::args::Hosts;
use crate::error::{Exit, Result};
use crate::output::bytes;

pub(crate) async fn run(context: &mut Context<'_>, args: &Hosts) -> Result<Exit> {
    let session = context.session()?;
    match args {
        Hosts::List => {
            let hosts = session.host_list().await?;
            context.out.table(
                &hosts,
                &[
                    "HOST",
                    "STATE",
                    "CPU",
                    "MEMORY",
                    "INSTANCES",
                    "ENGINE",
                    "NOTE",
                ],
                |host| {
                    vec![
                        host.name.clone(),
                        state(host),
                        format!(
                            "{} of {}",
                            cores(host.reserved_cpu_millis),
                            cores(host.cpu_millis)
                        ),
                        format!(
                            "{} of {}",
                            size(host.reserved_memory_bytes),
                            size(host.memory_bytes)
                        ),
                        host.instances.to_string(),
                        host.engine_version
                            .clone()
                            .unwrap_or_else(|| "-".to_owned()),
                        host.problem.clone().unwrap_or_default(),
                    ]
                },
            )?;
        }
        Hosts::Show { name } => {
            let host = session.host_get(name).await?;
            context.out.object(&host)?;
        }
        Hosts::Cordon { name } => {
            context.out.say(format!("→ {name} on {}", session.server()));
            let host = session.host_cordon(name).await?;
            context.out.done(format!(
                "{}: nothing new is placed there; what runs stays",
                host.name
            ));
        }
        Hosts::Uncordon { name } => {
            context.out.say(format!("→ {name} on {}", session.server()));
            let host = session.host_uncordon(name).await?;
            context
                .out
                .done(format!("{}: may get instances again", host.name));
        }
    }
    Ok(Exit::Ok)
}

fn state(host: &Host) -> String {
    if host.cordoned {
        format!("{}, cordoned", host.state)
    } else {
        host.state.clone()
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn cores(millis: i64) -> String {
    format!("{:.1}", millis as f64 / 1000.0)
}

fn size(count: i64) -> String {
    bytes(u64::try_from(count).unwrap_or(0))
}
