//! Hosts: one holding of a lease per host; under it its observer, its logs, its strangers, and its state.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use segue_driver::{Driver, Role};
use segue_model::Timestamp;
use segue_model::id::HostId;
use segue_model::state::HostState;
use segue_store::{HostRecord, Lease, Shard, StoreError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::core::lease::{Term, lead};
use crate::db::StoreBook;
use crate::lead::{Chain, StoreLease};
use crate::observe::HostSighting;
use crate::observe::host::{Logs, Observer, Setup, Strangers};
use crate::shared::Shared;

/// Between two looks at which hosts there are.
const HOSTS_EVERY: Duration = Duration::from_secs(5);
/// A host that has not answered for this long is lost: its instances are replaced elsewhere.
const LOST_AFTER: Duration = Duration::from_secs(15);
/// Pings missed until a host is in doubt.
const SUSPECT_AFTER: u32 = 3;
/// A task that nobody removed: longer than any task may run.
const TASK_GRACE: Duration = Duration::from_secs(2 * 3600);
/// To remove a stranger.
const REMOVE_LIMIT: Duration = Duration::from_secs(60);

/// Looks after every host until `stop`.
pub(crate) async fn keep(shared: Arc<Shared>, stop: CancellationToken) -> Result<(), StoreError> {
    let mut tasks: JoinSet<HostId> = JoinSet::new();
    let mut looked_after: BTreeMap<HostId, CancellationToken> = BTreeMap::new();
    loop {
        match shared.store.hosts().await {
            Ok(records) => {
                let ids: Vec<HostId> = records.iter().map(|record| record.id).collect();
                looked_after.retain(|host, token| {
                    let stays = ids.contains(host);
                    if !stays {
                        token.cancel();
                    }
                    stays
                });
                shared.engines.keep(&ids);
                for record in records {
                    let driver = match shared.engines.ensure(record.id, &record.endpoint) {
                        Ok(driver) => driver,
                        Err(error) => {
                            tracing::warn!(host.id = %record.id, host.name = %record.name, error, "the host's engine cannot be reached from here");
                            continue;
                        }
                    };
                    if let Entry::Vacant(free) = looked_after.entry(record.id) {
                        let token = stop.child_token();
                        free.insert(token.clone());
                        tasks.spawn(look_after(shared.clone(), record, driver, token));
                    }
                }
            }
            Err(error) => tracing::debug!(error = %Chain(&error), "the hosts could not be read"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = sleep(HOSTS_EVERY) => {}
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => match ended {
                Ok(host) => { looked_after.remove(&host); }
                Err(error) => {
                    tracing::error!(%error, "what looks after a host has panicked, beginning anew");
                    // Which one is not known: begin all anew.
                    tasks.shutdown().await;
                    looked_after.clear();
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn look_after(
    shared: Arc<Shared>,
    record: HostRecord,
    driver: Arc<dyn Driver>,
    stop: CancellationToken,
) -> HostId {
    let shard = Shard::host(record.id);
    let lease = StoreLease {
        store: shared.store.clone(),
        shard,
        worker: shared.worker,
    };
    let name = format!("host {}", record.name);
    while !stop.is_cancelled() {
        lead(&lease, &name, &stop, |term| {
            term_of(shared.clone(), record.clone(), driver.clone(), term)
        })
        .await;
    }
    record.id
}

/// The observer's inputs stand in the shared table for as long as this lives.
struct Place(Arc<Shared>, HostId);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.observer(self.1, None);
    }
}

async fn term_of(
    shared: Arc<Shared>,
    record: HostRecord,
    driver: Arc<dyn Driver>,
    term: Term<Lease>,
) {
    let (inputs, receiver) = mpsc::unbounded_channel();
    let (strangers, stranger_list) = watch::channel(Strangers::new());
    let (written_logs, logs) = watch::channel(Logs::new());
    let (written, host_seen) = watch::channel(HostSighting::default());
    shared.observer(record.id, Some(inputs));
    let _place = Place(shared.clone(), record.id);
    let observer = Observer::new(
        Setup {
            host: record.id,
            name: record.name.to_string(),
            driver: driver.clone(),
            dial: shared.engines.dial.clone(),
            book: Arc::new(StoreBook {
                shared: shared.clone(),
                term: term.clone(),
            }),
            clock: shared.clock.clone(),
            strangers,
            written_logs,
            written,
        },
        receiver,
    );
    let mut tasks = JoinSet::new();
    tasks.spawn(observer.run());
    tasks.spawn(crate::logs::follow_host(
        shared.clone(),
        record.id,
        driver.clone(),
        term.clone(),
        logs,
    ));
    let grace = shared.config.stranger_grace;
    tasks.spawn(remove_strangers(
        record.clone(),
        driver,
        term.clone(),
        stranger_list,
        grace,
    ));
    tasks.spawn(states(shared, record, term, host_seen));
    // Each runs until the term ends; one that ends or panics ends the term, and all begin anew.
    if let Some(Err(error)) = tasks.join_next().await {
        tracing::error!(%error, "a part of looking after a host has panicked");
    }
}

/// Moves the host's state as what was seen of it demands.
async fn states(
    shared: Arc<Shared>,
    record: HostRecord,
    term: Term<Lease>,
    mut seen: watch::Receiver<HostSighting>,
) {
    let begun = Instant::now();
    let mut state = record.state;
    let mut answered = begun;
    let mut silent_since_listing: Option<Timestamp> = None;
    // The room that the host has follows from what its engine says; written once more with each holding.
    let mut sized: Option<(u32, u64)> = None;
    loop {
        let now = seen.borrow_and_update().clone();
        if now.misses == 0 && now.pinged_at.is_some() {
            answered = Instant::now();
        } else if now.misses >= SUSPECT_AFTER {
            silent_since_listing = now.listed_at;
        }
        let facts = Facts {
            misses: now.misses,
            answered: now.misses == 0 && now.pinged_at.is_some(),
            listed: now.listed_at.is_some() && now.listed_at > silent_since_listing,
            networks: now.foreign.is_some(),
            silent: answered.elapsed(),
            // The engine of this machine: a silent dockerd is no lost machine, its containers go on.
            local: record.endpoint.starts_with("unix:"),
        };
        let next = next_state(state, &facts);
        let size = now.info.as_ref().map(|info| (info.cpus, info.memory_bytes));
        if next != state || (size.is_some() && size != sized) {
            match term
                .call(shared.store.host_state(term.fence(), record.id, next))
                .await
            {
                Ok(Ok(())) => {
                    if next != state {
                        tracing::info!(host.id = %record.id, host.name = %record.name, from = %state, to = %next, "the host's state changed");
                    }
                    (state, sized) = (next, size.or(sized));
                }
                Ok(Err(StoreError::LeaseLost { .. })) | Err(_) => return,
                Ok(Err(error)) => {
                    tracing::warn!(error = %Chain(&error), "the host's state could not be written")
                }
            }
        }
        tokio::select! {
            changed = seen.changed() => if changed.is_err() { return },
            () = sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// What a host's next state depends on.
struct Facts {
    misses: u32,
    answered: bool,
    listed: bool,
    /// The networks of others are written: nothing is placed over them.
    networks: bool,
    silent: Duration,
    local: bool,
}

/// The host's machine. Pure.
fn next_state(state: HostState, facts: &Facts) -> HostState {
    let back = facts.answered && facts.listed && facts.networks;
    match state {
        HostState::Joining | HostState::Suspect | HostState::Returning if back => HostState::Ready,
        HostState::Ready if facts.misses >= SUSPECT_AFTER => HostState::Suspect,
        HostState::Suspect | HostState::Returning if facts.silent >= LOST_AFTER && !facts.local => {
            HostState::Lost
        }
        HostState::Lost if facts.answered => HostState::Returning,
        HostState::Joining
        | HostState::Ready
        | HostState::Suspect
        | HostState::Lost
        | HostState::Returning
        | HostState::Removed => state,
    }
}

/// Removes containers of this installation that the store does not know.
async fn remove_strangers(
    record: HostRecord,
    driver: Arc<dyn Driver>,
    term: Term<Lease>,
    strangers: watch::Receiver<Strangers>,
    stranger_grace: Duration,
) {
    let mut told = BTreeSet::new();
    loop {
        // Only those of the last complete listing, about which the store was asked after it.
        let due: Vec<_> = strangers
            .borrow()
            .values()
            .filter(|(container, since)| {
                let grace = if container.role == Role::Task {
                    TASK_GRACE
                } else {
                    stranger_grace
                };
                since.elapsed() >= grace
            })
            .map(|(container, _)| container.name.clone())
            .collect();
        for name in due {
            let removed = term
                .call(driver.remove(&name, segue_driver::Deadline::after(REMOVE_LIMIT)))
                .await;
            match removed {
                Ok(Ok(())) if told.insert(name.clone()) => {
                    tracing::warn!(host.id = %record.id, host.name = %record.name, container = %name, "removed a container of this installation that the store does not know");
                }
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(host.id = %record.id, container = %name, %error, "a stranger could not be removed")
                }
                Err(_) => return,
            }
        }
        sleep(Duration::from_secs(2)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            misses: 0,
            answered: true,
            listed: true,
            networks: true,
            silent: Duration::ZERO,
            local: false,
        }
    }

    #[test]
    fn a_host_is_in_doubt_then_lost_then_listed_before_it_is_ready() {
        use HostState as S;
        assert_eq!(
            next_state(
                S::Joining,
                &Facts {
                    listed: false,
                    ..facts()
                }
            ),
            S::Joining
        );
        assert_eq!(
            next_state(
                S::Joining,
                &Facts {
                    networks: false,
                    ..facts()
                }
            ),
            S::Joining
        );
        assert_eq!(next_state(S::Joining, &facts()), S::Ready);
        let silent = Facts {
            misses: 3,
            answered: false,
            silent: Duration::from_secs(6),
            ..facts()
        };
        assert_eq!(next_state(S::Ready, &silent), S::Suspect);
        assert_eq!(next_state(S::Suspect, &silent), S::Suspect);
        let long = Facts {
            silent: LOST_AFTER,
            ..silent
        };
        assert_eq!(next_state(S::Suspect, &long), S::Lost);
        assert_eq!(
            next_state(
                S::Suspect,
                &Facts {
                    local: true,
                    ..long
                }
            ),
            S::Suspect
        );
        assert_eq!(next_state(S::Lost, &facts()), S::Returning);
        assert_eq!(
            next_state(
                S::Returning,
                &Facts {
                    listed: false,
                    ..facts()
                }
            ),
            S::Returning
        );
        assert_eq!(next_state(S::Returning, &facts()), S::Ready);
        assert_eq!(next_state(S::Removed, &facts()), S::Removed);
    }
}
