//! What a listing and a load of the store say to the observer: who is seen, who is gone, who is a stranger.
//!
//! Invariant: nobody is called a stranger on a failed read.

use std::collections::{BTreeMap, BTreeSet};

use segue_driver::{Container, Observed as Seen, Role};
use segue_model::Timestamp;
use segue_model::id::{EnvironmentId, InstanceId};
use tokio::time::Instant;

use super::{Found, Observer, Strangers};
use crate::observe::{Book, Known};

impl<B: Book> Observer<B> {
    pub(super) fn loaded(
        &mut self,
        asked: Timestamp,
        environment: Option<EnvironmentId>,
        known: Vec<Known>,
    ) {
        let ids: BTreeSet<InstanceId> = known.iter().map(|known| known.target.instance).collect();
        let mut fresh = false;
        for known in known {
            fresh |= !self.tracks.contains_key(&known.target.instance);
            self.watch(known);
        }
        // What the store has closed, and what was decided before the load, need not be watched any more.
        let gone: Vec<InstanceId> = self
            .tracks
            .iter()
            .filter(|(id, track)| {
                !ids.contains(id) && track.known().as_of < asked && !track.is_dirty()
            })
            .filter(|(_, track)| environment.is_none_or(|one| one == track.target.environment))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.forget(id);
        }
        if fresh {
            self.list();
        }
    }

    pub(super) fn forget(&mut self, id: InstanceId) {
        self.tracks.remove(&id);
        if let Some((_, probe)) = self.probing.remove(&id) {
            probe.abort();
        }
        self.setup
            .written_logs
            .send_if_modified(|logs| logs.remove(&id).is_some());
    }

    pub(super) fn listed(&mut self, as_of: Timestamp, containers: Vec<Container>) {
        let mut seen = BTreeSet::new();
        let mut strangers = BTreeMap::new();
        for container in containers {
            let id = container.name.as_str().parse::<InstanceId>().ok();
            match id.filter(|id| container.role == Role::Instance && self.tracks.contains_key(id)) {
                Some(id) => {
                    seen.insert(id);
                    let name = container.name.as_str().to_owned();
                    self.strangers.remove(&name);
                    self.with(id, |track| {
                        track.engine(as_of, &Seen::Known(Box::new(container)));
                    });
                }
                None => {
                    strangers.insert(container.name.as_str().to_owned(), container);
                }
            }
        }
        let missing: Vec<InstanceId> = self
            .tracks
            .keys()
            .filter(|id| !seen.contains(id))
            .copied()
            .collect();
        for id in missing {
            self.with(id, |track| track.engine(as_of, &Seen::Absent));
        }
        self.host.listed_at = Some(as_of);
        self.host.problem = None;
        self.host_dirty = true;
        // Keeps since when each has been a stranger; asks the store before anybody calls it one.
        self.strangers
            .retain(|name, _| strangers.contains_key(name));
        let now = Instant::now();
        for (name, container) in strangers {
            self.strangers.entry(name).or_insert((container, now));
        }
        if self.strangers.is_empty() {
            self.setup
                .strangers
                .send_if_modified(|known| !std::mem::take(known).is_empty());
            return;
        }
        let asked: BTreeSet<String> = self.strangers.keys().cloned().collect();
        let environments: BTreeSet<EnvironmentId> = self
            .strangers
            .values()
            .filter_map(|(container, _)| Some(container.identity.as_ref()?.environment))
            .collect();
        let (book, host) = (self.setup.book.clone(), self.setup.host);
        self.jobs.spawn(async move {
            let mut known = Ok(Vec::new());
            for environment in environments {
                known = match (known, book.targets(host, Some(environment)).await) {
                    (Ok(mut all), Ok(more)) => {
                        all.extend(more);
                        Ok(all)
                    }
                    (Err(error), _) | (_, Err(error)) => Err(error),
                };
            }
            Found::Strangers { asked, known }
        });
    }

    /// The store has said which strangers it knows after all. The rest are told to whoever removes them.
    pub(super) fn judged(&mut self, asked: &BTreeSet<String>, known: Result<Vec<Known>, String>) {
        match known {
            Ok(known) => {
                let mut found = false;
                for known in known {
                    let id = known.target.instance;
                    found |= self.strangers.remove(&id.to_string()).is_some();
                    if !self.tracks.contains_key(&id) {
                        self.watch(known);
                    }
                }
                if found {
                    self.list();
                }
                let strangers: Strangers = self
                    .strangers
                    .iter()
                    .filter(|(name, _)| asked.contains(*name))
                    .map(|(name, found)| (name.clone(), found.clone()))
                    .collect();
                self.setup.strangers.send_replace(strangers);
            }
            // Nothing is called a stranger on a failed read.
            Err(error) => {
                tracing::debug!(host.id = %self.setup.host, %error, "the store did not say who is a stranger")
            }
        }
    }
}
