//! One instance replaced by a fresh one: `segue restart web.2`.

use std::time::{Duration, Instant as Moment};

use segue_client::Instance;

use super::{Context, Place, idempotency_key, watching};
use crate::error::{CliError, Exit, Result};
use crate::session::Session;

/// Between two looks at the instances.
const LOOK: Duration = Duration::from_millis(500);
/// A successor that is not ready after this long needs a look: a slow start has its own limit of an hour.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) async fn replace(context: &mut Context<'_>, name: &str, detach: bool) -> Result<Exit> {
    let (session, place) = context.target().await?;
    let instance = session.instance_get(&place, name).await?;
    let key = idempotency_key();
    let asked = session.instance_replace(&place, &instance, key).await?;
    if detach {
        if context.out.json {
            context.out.object(&asked)?;
        }
        context.out.done(format!(
            "{name} is being replaced: segue ps {}",
            place.flags()
        ));
        return Ok(Exit::Ok);
    }
    context
        .out
        .say(format!("replacing {name} on {}", instance.host));
    let come_back = format!("segue ps {}", place.flags());
    let watched = watching(context, &come_back, async |_: &mut Context<'_>| {
        successor(&session, &place, &instance).await
    });
    match watched.await? {
        Ok(Some(next)) => {
            context
                .out
                .done(format!("{} is ready on {}", next.name, next.host));
            if context.out.json {
                context.out.object(&next)?;
            }
            Ok(Exit::Ok)
        }
        Ok(None) => {
            context
                .out
                .done(format!("{name} is gone, and nobody wants another one"));
            Ok(Exit::Ok)
        }
        Err(exit) => Ok(exit),
    }
}

/// Waits for the one that took over; `None` if nothing of the service is wanted any more.
async fn successor(session: &Session, place: &Place, old: &Instance) -> Result<Option<Instance>> {
    let begin = Moment::now();
    loop {
        let present = session.instance_list(place).await?;
        let wanted: Vec<_> = present
            .into_iter()
            .filter(|i| i.service == old.service && i.desired == "run")
            .collect();
        let leaving = wanted.iter().any(|i| i.id == old.id);
        if !leaving && wanted.iter().all(|i| i.state == "ready") {
            return Ok(wanted.into_iter().max_by_key(|i| i.created_at));
        }
        if begin.elapsed() >= PATIENCE {
            let what = format!("{} has no successor that is ready", old.name);
            return Err(CliError::new(what)
                .now("it is tried for on")
                .next(format!("segue ps {}", place.flags()))
                .exit(Exit::Deploy));
        }
        tokio::time::sleep(LOOK).await;
    }
}
