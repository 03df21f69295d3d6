//! `segue scale`: how many instances run. No release is made; the same gates as in a deployment hold.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Context, Place, idempotency_key, watching};
use crate::args::Scale;
use crate::error::{CliError, Exit, Result};
use crate::session::Session;

/// Between two looks at the instances.
const LOOK: Duration = Duration::from_millis(500);

/// Without enough ready instances for this long, something stands in the way that waiting does not mend.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) async fn run(context: &mut Context<'_>, args: &Scale) -> Result<Exit> {
    let (session, place) = context.target().await?;
    let before: BTreeMap<String, i64> = session
        .service_list(&place)
        .await?
        .into_iter()
        .map(|service| (service.name, i64::from(service.replicas.desired)))
        .collect();
    let wanted: BTreeMap<String, u32> = args.targets.iter().cloned().collect();
    session.scale(&place, &wanted, idempotency_key()).await?;
    if !args.detach {
        let come_back = format!("segue ps {}", place.flags());
        let waited = watching(context, &come_back, async |_: &mut Context<'_>| {
            wait(&session, &place, &wanted).await
        });
        if let Err(exit) = waited.await? {
            return Ok(exit);
        }
    }
    for (service, count) in &wanted {
        let from = before
            .get(service)
            .map(|from| format!("{from} → "))
            .unwrap_or_default();
        context.out.done(format!("{service} {from}{count}"));
    }
    if context.out.json {
        context
            .out
            .object(&serde_json::json!({ "replicas": wanted }))?;
    }
    Ok(Exit::Ok)
}

/// Until every service has as many ready instances as were asked for. Those that are too many finish their requests
/// meanwhile; nobody has to wait for them.
async fn wait(session: &Session, place: &Place, wanted: &BTreeMap<String, u32>) -> Result<()> {
    let begin = Instant::now();
    loop {
        let services = session.service_list(place).await?;
        let ready = |name: &str| {
            let service = services.iter().find(|service| service.name == name);
            service.map_or(0, |service| i64::from(service.replicas.ready))
        };
        let short: Vec<String> = wanted
            .iter()
            .filter(|(name, count)| ready(name) < i64::from(**count))
            .map(|(name, count)| format!("{name}: {count} wanted, {} ready", ready(name)))
            .collect();
        if short.is_empty() {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            return Err(
                CliError::new(format!("{} has not enough instances", place.short()))
                    .why(short.join("; "))
                    .now("the figure is kept, and tried for on")
                    .next(format!("segue ps {f}, segue status {f}", f = place.flags())),
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}
