//! Logs of containers: followed, redacted, and kept in pieces that outlive them.
//!
//! Invariants: nothing unredacted is kept (while the secrets are not known, nothing is read); after a restart the
//! next line is the one after the last that was kept; a slow store slows the reading down and loses nothing; a line
//! above an instance's rate is dropped and counted. One follower per instance at a time, under the host's lease; it
//! also reads what a process wrote that had ended before anybody looked.

mod follow;
pub(crate) mod piece;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use segue_driver::Driver;
use segue_model::Timestamp;
use segue_model::id::{HostId, InstanceId};
use segue_store::Lease;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::core::lease::Term;
use crate::lead::Chain;
use crate::observe::host::Logs;
use crate::observe::target::Target;
use crate::shared::Shared;
use piece::Piece;

/// Pieces that wait for the store, of all containers of a host.
const QUEUE: usize = 256;
/// Pieces of one write.
const BATCH: usize = 64;
/// A write that failed is repeated after this.
const WRITE_RETRY: Duration = Duration::from_millis(500);

/// A piece of a container's log.
pub(crate) struct Out {
    pub target: Arc<Target>,
    pub piece: Piece,
}

/// How far one instance's log was followed.
#[derive(Default)]
struct Followed {
    active: bool,
    /// Number of the news that the last follower began with.
    marks: u64,
    /// Time of the last line that was handed on; what is in the store may lag behind it.
    last: Option<Timestamp>,
}

/// Follows every log of a host until it is dropped.
pub(crate) async fn follow_host(
    shared: Arc<Shared>,
    host: HostId,
    driver: Arc<dyn Driver>,
    term: Term<Lease>,
    mut logs: watch::Receiver<Logs>,
) {
    let (out, pieces) = mpsc::channel(QUEUE);
    let mut tasks: JoinSet<Option<(InstanceId, Option<Timestamp>)>> = JoinSet::new();
    let writer = shared.clone();
    tasks.spawn(async move {
        write(writer, host, term, pieces).await;
        None
    });
    let mut followed: HashMap<InstanceId, Followed> = HashMap::new();
    loop {
        {
            let wanted = logs.borrow_and_update();
            followed.retain(|id, known| known.active || wanted.contains_key(id));
            for (id, (target, marks)) in wanted.iter() {
                let known = followed.entry(*id).or_default();
                if known.active || known.marks >= *marks {
                    continue;
                }
                known.active = true;
                known.marks = *marks;
                let follow = follow::Follow {
                    shared: shared.clone(),
                    driver: driver.clone(),
                    target: target.clone(),
                    out: out.clone(),
                    after: known.last,
                };
                let id = *id;
                tasks.spawn(async move { Some((id, follow.run().await)) });
            }
        }
        tokio::select! {
            changed = logs.changed() => if changed.is_err() { return },
            Some(ended) = tasks.join_next() => match ended {
                Ok(Some((id, last))) => {
                    if let Some(known) = followed.get_mut(&id) {
                        known.active = false;
                        known.last = last.or(known.last);
                    }
                }
                // The writer ends only with the term.
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(host.id = %host, %error, "following a log has panicked");
                    return;
                }
            }
        }
    }
}

/// Writes pieces, several at once, in the order of their arrival; the same again until the store has taken them.
async fn write(
    shared: Arc<Shared>,
    host: HostId,
    term: Term<Lease>,
    mut pieces: mpsc::Receiver<Out>,
) {
    let mut batch: Vec<Out> = Vec::with_capacity(BATCH);
    let mut told = false;
    while pieces.recv_many(&mut batch, BATCH).await > 0 {
        loop {
            if term.check().is_err() {
                return;
            }
            match crate::db::log_append(&shared.store, &batch).await {
                Ok(()) => {
                    told = false;
                    break;
                }
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(host.id = %host, error = %Chain(&error), "logs cannot be kept, waiting");
                    }
                    sleep(WRITE_RETRY).await;
                }
            }
        }
        batch.clear();
    }
}
