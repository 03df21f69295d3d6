//! The writing side of the table: snapshots and changes of the stream, generations, draining.
//!
//! Invariants: a generation never goes backwards; when a call returns, no request can begin on an
//! endpoint that the applied generation left out; such an endpoint stays known until the control
//! plane was told that nothing is open on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use segue_model::id::{EnvironmentId, InstanceId, ReleaseId};
use segue_model::name::{Domain, PathPrefix, ServiceName};
use segue_model::route::{EnvironmentRoutes, Route, RouteGen};

use super::drain::Draining;
use super::route::{Endpoint, PoolState, RouteEntry, RouteState};
use super::{HostRoutes, Table};
use crate::balance::{self, Load, Micros};
use crate::stats::{Stat, StatKey};

/// A change that does not fit what the edge has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("environment {environment} went from generation {have:?} back to {got:?}")]
pub(crate) struct Refused {
    environment: EnvironmentId,
    have: RouteGen,
    got: RouteGen,
}

/// What has been applied and may be acknowledged.
pub(crate) type Applied = (EnvironmentId, RouteGen);

/// Everything that only the writer needs.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) environments: BTreeMap<EnvironmentId, Environment>,
    /// Generations of removed environments, so that an old change cannot bring one back.
    removed: BTreeMap<EnvironmentId, RouteGen>,
    pub(super) draining: BTreeMap<InstanceId, Draining>,
    /// Environments by host name; one each, unless names clash.
    owners: HashMap<Domain, BTreeSet<EnvironmentId>>,
}

pub(super) struct Environment {
    pub(super) routes: EnvironmentRoutes,
    pub(super) entries: BTreeMap<(ServiceName, PathPrefix), Arc<RouteEntry>>,
    endpoints: BTreeMap<InstanceId, Arc<Endpoint>>,
}

impl Table {
    /// Takes new routes of one environment.
    pub(crate) fn change(
        &self,
        routes: EnvironmentRoutes,
        now: Micros,
    ) -> Result<Applied, Refused> {
        let mut writer = self.writer();
        self.change_locked(&mut writer, routes, now)
    }

    /// Takes everything: environments that are not in it are removed. An environment that would go
    /// backwards stays as it is and is told in the answer.
    pub(crate) fn snapshot(
        &self,
        environments: Vec<EnvironmentRoutes>,
        now: Micros,
    ) -> (Vec<Applied>, Vec<Refused>) {
        let mut writer = self.writer();
        // A snapshot is the truth about what exists, also about environments made anew.
        writer.removed.clear();
        let named: BTreeSet<_> = environments.iter().map(|one| one.environment).collect();
        let gone: Vec<_> = writer
            .environments
            .keys()
            .filter(|id| !named.contains(id))
            .copied()
            .collect();
        for id in gone {
            self.remove_locked(&mut writer, id, now);
        }
        let mut applied = Vec::new();
        let mut refused = Vec::new();
        for routes in environments {
            match self.change_locked(&mut writer, routes, now) {
                Ok(one) => applied.push(one),
                Err(one) => refused.push(one),
            }
        }
        (applied, refused)
    }

    /// An environment is gone.
    pub(crate) fn remove(
        &self,
        environment: EnvironmentId,
        route_gen: RouteGen,
        now: Micros,
    ) -> Result<Applied, Refused> {
        let mut writer = self.writer();
        if let Some(have) = writer.generation(environment)
            && have > route_gen
        {
            return Err(Refused {
                environment,
                have,
                got: route_gen,
            });
        }
        self.remove_locked(&mut writer, environment, now);
        writer.removed.insert(environment, route_gen);
        Ok((environment, route_gen))
    }

    fn change_locked(
        &self,
        writer: &mut Writer,
        routes: EnvironmentRoutes,
        now: Micros,
    ) -> Result<Applied, Refused> {
        let id = routes.environment;
        let applied = (id, routes.route_gen);
        if let Some(have) = writer.generation(id)
            && have >= routes.route_gen
        {
            // The same generation again is no change: an edge may have it from its disk.
            return if have == routes.route_gen && writer.environments.contains_key(&id) {
                Ok(applied)
            } else {
                Err(Refused {
                    environment: id,
                    have,
                    got: routes.route_gen,
                })
            };
        }
        writer.removed.remove(&id);
        let old = writer.environments.remove(&id);
        let old_names = old
            .as_ref()
            .map_or_else(BTreeSet::new, |old| names(&old.routes));
        let (old_entries, old_endpoints) =
            old.map_or_else(Default::default, |old| (old.entries, old.endpoints));

        let mut endpoints = BTreeMap::new();
        let mut entries = BTreeMap::new();
        for route in &routes.routes {
            let state =
                self.route_state(writer, &routes, route, &old_endpoints, &mut endpoints, now);
            let key = (route.service.clone(), route.path.clone());
            let entry = match old_entries.get(&key) {
                Some(entry) => {
                    entry.swap(state);
                    entry.clone()
                }
                None => RouteEntry::new(id, state),
            };
            entries.insert(key, entry);
        }
        let removed: Vec<_> = old_entries
            .iter()
            .filter(|(key, _)| !entries.contains_key(*key))
            .map(|(key, entry)| (entry, self.removed_state(id, &key.0, routes.route_gen)))
            .collect();
        let drain = longest_upgraded_drain(&routes);
        let mut touched = names(&routes);
        let kept = endpoints.clone();
        writer.environments.insert(
            id,
            Environment {
                routes,
                entries,
                endpoints,
            },
        );
        writer.own(id, &old_names, &touched);
        touched.extend(old_names);
        self.publish(writer, &touched);
        // Names first: a waiting request that is told that its route is gone looks for another at once.
        for (entry, state) in removed {
            entry.swap(state);
        }
        writer.drain(self, &old_endpoints, &kept, drain);
        Ok(applied)
    }

    fn remove_locked(&self, writer: &mut Writer, id: EnvironmentId, _now: Micros) {
        let Some(old) = writer.environments.remove(&id) else {
            return;
        };
        let touched = names(&old.routes);
        writer.own(id, &touched, &BTreeSet::new());
        self.publish(writer, &touched);
        for (key, entry) in &old.entries {
            entry.swap(self.removed_state(id, &key.0, old.routes.route_gen));
        }
        let drain = longest_upgraded_drain(&old.routes);
        writer.drain(self, &old.endpoints, &BTreeMap::new(), drain);
    }

    /// The state of one route; endpoints that are known keep their counts and what was learnt.
    fn route_state(
        &self,
        writer: &mut Writer,
        routes: &EnvironmentRoutes,
        route: &Route,
        old: &BTreeMap<InstanceId, Arc<Endpoint>>,
        endpoints: &mut BTreeMap<InstanceId, Arc<Endpoint>>,
        now: Micros,
    ) -> RouteState {
        let mut pools = Vec::with_capacity(route.pools.len());
        for pool in &route.pools {
            let siblings = balance::mean_cost(
                pool.endpoints
                    .iter()
                    .filter_map(|endpoint| old.get(&endpoint.instance))
                    .map(|endpoint| &endpoint.load),
                now,
            );
            let mut members = Vec::with_capacity(pool.endpoints.len());
            for wanted in &pool.endpoints {
                let known = endpoints
                    .get(&wanted.instance)
                    .or_else(|| old.get(&wanted.instance))
                    .or_else(|| {
                        writer
                            .draining
                            .get(&wanted.instance)
                            .map(|draining| &draining.endpoint)
                    })
                    .filter(|endpoint| endpoint.address == wanted.address)
                    .cloned();
                let endpoint = known.unwrap_or_else(|| {
                    Endpoint::new(
                        wanted.instance,
                        wanted.address,
                        Load::new(now, siblings),
                        self.drained.clone(),
                        &self.stop_websockets,
                    )
                });
                endpoint.set_left(false, &self.stop_websockets);
                writer.draining.remove(&wanted.instance);
                endpoints.insert(wanted.instance, endpoint.clone());
                members.push(endpoint);
            }
            pools.push(PoolState {
                weight: pool.weight,
                endpoints: members,
                stat: self.stat(
                    routes.environment,
                    &route.service,
                    Some(pool.release),
                    routes.route_gen,
                ),
            });
        }
        RouteState {
            policy: route.policy.clone(),
            pools,
            unassigned: self.stat(routes.environment, &route.service, None, routes.route_gen),
            removed: false,
        }
    }

    fn removed_state(
        &self,
        environment: EnvironmentId,
        service: &ServiceName,
        route_gen: RouteGen,
    ) -> RouteState {
        RouteState {
            policy: segue_model::route::RoutePolicy::default(),
            pools: Vec::new(),
            unassigned: self.stat(environment, service, None, route_gen),
            removed: true,
        }
    }

    fn stat(
        &self,
        environment: EnvironmentId,
        service: &ServiceName,
        release: Option<ReleaseId>,
        route_gen: RouteGen,
    ) -> Arc<Stat> {
        let key = StatKey {
            environment,
            service: service.clone(),
            release,
        };
        self.stats.of(key, route_gen)
    }

    /// Writes the routes of these host names anew.
    fn publish(&self, writer: &Writer, touched: &BTreeSet<Domain>) {
        for name in touched {
            let Some(shard) = self.shard(name.as_str()) else {
                continue;
            };
            let fresh = writer.routes_of(name);
            let present = shard.load();
            let same = match (&fresh, present.get(name.as_str())) {
                (None, None) => true,
                (Some(new), Some(old)) => {
                    new.len() == old.len()
                        && new
                            .iter()
                            .zip(old.iter())
                            .all(|(new, old)| new.0 == old.0 && Arc::ptr_eq(&new.1, &old.1))
                }
                _ => false,
            };
            if same {
                continue;
            }
            let mut next = (**present).clone();
            match fresh {
                Some(routes) => next.insert(name.as_str().into(), routes),
                None => next.remove(name.as_str()),
            };
            shard.store(Arc::new(next));
        }
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Keeps `owners` true.
    fn own(&mut self, id: EnvironmentId, old: &BTreeSet<Domain>, new: &BTreeSet<Domain>) {
        for name in old.difference(new) {
            if let Some(owners) = self.owners.get_mut(name) {
                owners.remove(&id);
                if owners.is_empty() {
                    self.owners.remove(name);
                }
            }
        }
        for name in new.difference(old) {
            self.owners.entry(name.clone()).or_default().insert(id);
        }
    }

    /// Routes of a host name, longest path first. Host names are unique to an environment, but the
    /// edge does not stand on it: on a clash the smaller environment id wins for the same path.
    fn routes_of(&self, name: &Domain) -> Option<HostRoutes> {
        let mut found: Vec<(PathPrefix, Arc<RouteEntry>)> = Vec::new();
        for environment in self
            .owners
            .get(name)?
            .iter()
            .filter_map(|id| self.environments.get(id))
        {
            for route in &environment.routes.routes {
                let key = (route.service.clone(), route.path.clone());
                if route.hosts.contains(name)
                    && !found.iter().any(|(path, _)| *path == route.path)
                    && let Some(entry) = environment.entries.get(&key)
                {
                    found.push((route.path.clone(), entry.clone()));
                }
            }
        }
        found.sort_by_key(|(path, _)| std::cmp::Reverse(path.as_str().len()));
        (!found.is_empty()).then(|| found.into())
    }

    fn generation(&self, id: EnvironmentId) -> Option<RouteGen> {
        self.environments
            .get(&id)
            .map(|environment| environment.routes.route_gen)
            .max(self.removed.get(&id).copied())
    }
}

fn names(routes: &EnvironmentRoutes) -> BTreeSet<Domain> {
    routes
        .routes
        .iter()
        .flat_map(|route| route.hosts.iter().cloned())
        .collect()
}

fn longest_upgraded_drain(routes: &EnvironmentRoutes) -> Duration {
    routes
        .routes
        .iter()
        .map(|route| route.policy.drain_upgraded)
        .max()
        .unwrap_or_default()
}
