//! `segue scale`: how many instances run. No release is made; the same gates as in a deployment hold.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Context, Place, idempotency_key, watching};
use crate::args::Scale;
use crate::error::{Exit, Result};
use crate::session::Session;

/// Between two looks at the instances.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) async fn run(context: &mut Context<'_>, args: &Scale) -> Result<Exit> {
    let (session, place) = context.target()?;
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

/// Until every service has as many ready instances as were asked for, and no more.
async fn wait(session: &Session, place: &Place, wanted: &BTreeMap<String, u32>) -> Result<()> {
    loop {
        let services = session.service_list(place).await?;
        let reached = wanted.iter().all(|(name, count)| {
            services.iter().any(|service| {
                let now = &service.replicas;
                service.name == *name
                    && i64::from(now.ready) == i64::from(*count)
                    && i64::from(now.running) == i64::from(*count)
            })
        });
        if reached {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}
