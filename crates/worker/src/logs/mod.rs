//! Logs of containers: followed, redacted, and kept in pieces that outlive them.
//!
//! Invariants: nothing unredacted is kept (while the secrets are not known, nothing is read); after a restart the
//! next line is the one after the last that was kept; a slow store slows the reading down and loses nothing; a line
//! above an instance's rate is dropped and counted. One follower per running instance, under the host's lease.

mod follow;
pub(crate) mod piece;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use segue_driver::Driver;
use segue_model::id::{HostId, InstanceId};
use segue_store::Lease;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::core::lease::Term;
use crate::lead::Chain;
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

/// Follows every running instance of a host until it is dropped.
pub(crate) async fn follow_host(
    shared: Arc<Shared>,
    host: HostId,
    driver: Arc<dyn Driver>,
    term: Term<Lease>,
    mut running: watch::Receiver<BTreeMap<InstanceId, Arc<Target>>>,
) {
    let (out, pieces) = mpsc::channel(QUEUE);
    let mut tasks: JoinSet<Option<InstanceId>> = JoinSet::new();
    let writer = shared.clone();
    tasks.spawn(async move {
        write(writer, host, term, pieces).await;
        None
    });
    let mut followed: HashMap<InstanceId, ()> = HashMap::new();
    loop {
        let wanted: Vec<Arc<Target>> = running.borrow_and_update().values().cloned().collect();
        for target in wanted {
            let id = target.instance;
            if followed.insert(id, ()).is_none() {
                let follow = follow::Follow {
                    shared: shared.clone(),
                    driver: driver.clone(),
                    target,
                    out: out.clone(),
                };
                tasks.spawn(async move {
                    follow.run().await;
                    Some(id)
                });
            }
        }
        tokio::select! {
            changed = running.changed() => if changed.is_err() { return },
            Some(ended) = tasks.join_next() => match ended {
                Ok(Some(id)) => {
                    followed.remove(&id);
                    // The engine may be starting it again: looked at with the next change, or in a moment.
                    sleep(Duration::from_millis(100)).await;
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
async fn write(shared: Arc<Shared>, host: HostId, term: Term<Lease>, mut pieces: mpsc::Receiver<Out>) {
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
