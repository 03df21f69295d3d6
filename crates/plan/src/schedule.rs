//! Scheduling: filters that explain themselves, then a score whose field order is the priority.
//!
//! Invariants: I12 (reservations fit capacity times overcommit) and I13 (hard constraints hold at placement).
//! A rejected host always says why; ties are broken by the host's id. Must not decide whether an instance is
//! wanted, only where it goes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use segue_model::Timestamp;
use segue_model::id::HostId;
use segue_model::name::{Label, ServiceName};
use segue_model::revision::Revision;
use segue_model::spec::ImageRef;
use segue_model::state::{Desired, HostState};
use segue_model::world::{Host, Instance, ServiceRelease, World};

use crate::addresses::Book;
use crate::overlap;

/// Early deaths of a service on a host within five minutes that put the host last.
const FAILING_HOST: u32 = 3;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) service: &'a ServiceName,
    pub(crate) release: &'a ServiceRelease,
    /// Where the slot's instances died quickly, to be tried last.
    pub(crate) avoid: Option<HostId>,
}

/// Why a host does not take an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rejection {
    NotReady(HostState),
    Cordoned,
    Pressure,
    Label(Label, Label),
    VolumeElsewhere(String),
    OnePerHost,
    Cpu { wanted: u32, free: u64 },
    Memory { wanted: u64, free: u64 },
    NoAddress,
}

impl Rejection {
    /// Whether room is all that is missing.
    pub(crate) const fn is_room(&self) -> bool {
        matches!(
            self,
            Self::Cpu { .. } | Self::Memory { .. } | Self::NoAddress
        )
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady(state) => write!(f, "is {state}"),
            Self::Cordoned => f.write_str("is cordoned"),
            Self::Pressure => f.write_str("is short of disk or memory"),
            Self::Label(key, value) => write!(f, "lacks the label {key}={value}"),
            Self::VolumeElsewhere(host) => {
                write!(f, "does not hold the volume, which is on {host}")
            }
            Self::OnePerHost => f.write_str("has one already, and one_per_host is set"),
            Self::Cpu { wanted, free } => {
                write!(f, "has {free}m CPU left of {wanted}m wanted")
            }
            Self::Memory { wanted, free } => write!(
                f,
                "has {} MiB memory left of {} MiB wanted",
                free >> 20,
                wanted >> 20
            ),
            Self::NoAddress => {
                f.write_str("has no rested address left in the environment's subnet")
            }
        }
    }
}

/// The host chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// With an address; the reservation is taken.
    On { host: HostId, address: Ipv4Addr },
    /// The best host has no subnet of the environment yet; the reservation is taken for this plan.
    NeedsSubnet { host: HostId },
}

/// What a choice is judged by: smaller is better, earlier fields first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    /// Two quick deaths of the slot here, or three early deaths of the service.
    bad_luck: bool,
    /// Instances of the set in the host's zone.
    zone_skew: u32,
    /// Instances of the set on the host.
    same_set: u32,
    /// Instances of the service on the host, whatever their revision.
    same_service: u32,
    /// Early deaths of the service here.
    recent_failures: u32,
    /// The image would have to be brought here.
    image_missing: bool,
    /// Distance between the shares of CPU and memory in use, per mille.
    imbalance: u64,
    /// The larger of the two shares, per mille: spread.
    load: u64,
    /// The tie-breaker.
    id: HostId,
}

/// How a service's wanted instances are spread.
#[derive(Debug, Clone, Default)]
struct Counts {
    sets: BTreeMap<(Revision, HostId), u32>,
    hosts: BTreeMap<HostId, u32>,
}

/// Room on hosts while a plan is made.
#[derive(Debug, Clone)]
pub(crate) struct Room<'a> {
    world: &'a World,
    zone_key: Option<Label>,
    free: BTreeMap<HostId, (u64, u64)>,
    books: BTreeMap<HostId, Book>,
    /// Wanted instances by service: those of each revision on each host, and all on each host.
    counts: BTreeMap<ServiceName, Counts>,
}

fn scaled(capacity: u64, percent: u32) -> u64 {
    capacity.saturating_mul(u64::from(percent)) / 100
}

impl<'a> Room<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        let policy = &world.policy;
        let mut room = Self {
            world,
            // Where no host has a zone, zones say nothing, and counting them costs a walk over all hosts.
            zone_key: (Label::new("zone").ok())
                .filter(|key| world.hosts.values().any(|h| h.labels.contains_key(key))),
            free: world
                .hosts
                .iter()
                .map(|(id, host)| {
                    let cpu = scaled(u64::from(host.cpu_millis), policy.cpu_overcommit_percent)
                        .saturating_sub(u64::from(host.reserved_cpu_millis));
                    let memory = scaled(host.memory_bytes, policy.memory_overcommit_percent)
                        .saturating_sub(host.reserved_memory_bytes);
                    (*id, (cpu, memory))
                })
                .collect(),
            books: world
                .subnets
                .iter()
                .filter(|(host, _)| !overlap::is_given_up(world, **host))
                .map(|(host, subnet)| (*host, Book::new(world, subnet)))
                .collect(),
            counts: BTreeMap::new(),
        };
        for instance in world.instances.values() {
            if instance.desired == Desired::Run {
                room.count(&instance.service, instance.revision, instance.host);
            }
        }
        room
    }

    /// Chooses a host, takes the reservation there and, if it has a subnet, an address.
    ///
    /// # Errors
    /// Every host with its rejection.
    pub(crate) fn place(
        &mut self,
        request: Request<'_>,
    ) -> Result<Placed, BTreeMap<HostId, Rejection>> {
        let mut rejected = BTreeMap::new();
        let mut best: Option<Score> = None;
        for (id, host) in &self.world.hosts {
            match self.filter(*id, host, request) {
                Err(why) => {
                    rejected.insert(*id, why);
                }
                Ok(()) => {
                    let score = self.score(*id, host, request);
                    if best.is_none_or(|so_far| score < so_far) {
                        best = Some(score);
                    }
                }
            }
        }
        let Some(Score { id: host, .. }) = best else {
            return Err(rejected);
        };
        let resources = request.release.content.resources;
        if let Some((cpu, memory)) = self.free.get_mut(&host) {
            *cpu = cpu.saturating_sub(u64::from(resources.cpu_millis));
            *memory = memory.saturating_sub(resources.memory_bytes);
        }
        self.count(request.service, request.release.revision, host);
        Ok(match self.books.get_mut(&host).and_then(Book::take) {
            Some(address) => Placed::On { host, address },
            None => Placed::NeedsSubnet { host },
        })
    }

    /// An instance is on its way out: it no longer counts for spread. Its reservation stays.
    pub(crate) fn leave(&mut self, instance: &Instance) {
        let Some(counts) = self.counts.get_mut(&instance.service) else {
            return;
        };
        let set = counts.sets.get_mut(&(instance.revision, instance.host));
        for count in set.into_iter().chain(counts.hosts.get_mut(&instance.host)) {
            *count = count.saturating_sub(1);
        }
    }

    /// What each host that does not take it says about it, in order of the hosts; empty if one takes it.
    pub(crate) fn refusals(&self, request: Request<'_>) -> Vec<String> {
        let hosts = self.world.hosts.iter();
        hosts
            .map(|(id, host)| {
                Some(format!(
                    "{} {}",
                    host.name,
                    self.filter(*id, host, request).err()?
                ))
            })
            .collect::<Option<_>>()
            .unwrap_or_default()
    }

    /// When time gives an address back on one of the hosts that were rejected for want of one.
    pub(crate) fn rested_at(&self, rejected: &BTreeMap<HostId, Rejection>) -> Option<Timestamp> {
        let wanting = rejected
            .iter()
            .filter(|(_, why)| **why == Rejection::NoAddress);
        wanting
            .filter_map(|(host, _)| self.books.get(host)?.rested_at())
            .min()
    }

    /// Instances of a service on a host that are wanted, whatever their revision.
    pub(crate) fn on_host(&self, service: &ServiceName, host: HostId) -> u32 {
        let counts = self.counts.get(service);
        counts
            .and_then(|c| c.hosts.get(&host))
            .copied()
            .unwrap_or(0)
    }

    /// The larger share of CPU or memory in use on a host, per mille.
    pub(crate) fn load(&self, id: HostId) -> u64 {
        self.world.hosts.get(&id).map_or(0, |host| {
            let (cpu, memory) = self.shares(id, host, 0, 0);
            cpu.max(memory)
        })
    }

    fn count(&mut self, service: &ServiceName, revision: Revision, host: HostId) {
        if !self.counts.contains_key(service) {
            self.counts.insert(service.clone(), Counts::default());
        }
        if let Some(counts) = self.counts.get_mut(service) {
            let set = counts.sets.entry((revision, host)).or_default();
            *set = set.saturating_add(1);
            let all = counts.hosts.entry(host).or_default();
            *all = all.saturating_add(1);
        }
    }

    fn in_set(&self, request: Request<'_>, host: HostId) -> u32 {
        let counts = self.counts.get(request.service);
        counts
            .and_then(|c| c.sets.get(&(request.release.revision, host)))
            .copied()
            .unwrap_or(0)
    }

    fn filter(&self, id: HostId, host: &Host, request: Request<'_>) -> Result<(), Rejection> {
        let spec = &request.release.spec;
        if host.state != HostState::Ready {
            return Err(Rejection::NotReady(host.state));
        }
        if host.cordoned {
            return Err(Rejection::Cordoned);
        }
        if host.pressure {
            return Err(Rejection::Pressure);
        }
        for (key, value) in &spec.place.require {
            if host.labels.get(key) != Some(value) {
                return Err(Rejection::Label(key.clone(), value.clone()));
            }
        }
        if spec.is_exclusive()
            && let Some(holder) = self.world.volume_hosts.get(request.service)
            && *holder != id
        {
            let name = self.world.hosts.get(holder);
            return Err(Rejection::VolumeElsewhere(name.map_or_else(
                || "a host that was removed".to_owned(),
                |h| h.name.clone(),
            )));
        }
        if spec.place.one_per_host && self.in_set(request, id) > 0 {
            return Err(Rejection::OnePerHost);
        }
        let wanted = request.release.content.resources;
        let (cpu, memory) = self.free.get(&id).copied().unwrap_or((0, 0));
        if cpu < u64::from(wanted.cpu_millis) {
            return Err(Rejection::Cpu {
                wanted: wanted.cpu_millis,
                free: cpu,
            });
        }
        if memory < wanted.memory_bytes {
            return Err(Rejection::Memory {
                wanted: wanted.memory_bytes,
                free: memory,
            });
        }
        if self.books.get(&id).is_some_and(|book| !book.has_free()) {
            return Err(Rejection::NoAddress);
        }
        Ok(())
    }

    fn score(&self, id: HostId, host: &Host, request: Request<'_>) -> Score {
        let zone = self.zone(host);
        // Hosts without a zone are one zone together, or they would get everything beyond the first.
        let zone_skew = if self.zone_key.is_some() {
            self.world
                .hosts
                .iter()
                .filter(|(_, other)| self.zone(other) == zone)
                .map(|(other, _)| self.in_set(request, *other))
                .sum()
        } else {
            0
        };
        let recent_failures = host
            .recent_failures
            .get(request.service)
            .copied()
            .unwrap_or(0);
        let image_missing = match &request.release.image {
            ImageRef::Engine { hosts, .. } => !hosts.contains(&id),
            ImageRef::Registry { .. } => false,
        };
        let wanted = request.release.content.resources;
        let (cpu, memory) =
            self.shares(id, host, u64::from(wanted.cpu_millis), wanted.memory_bytes);
        Score {
            bad_luck: request.avoid == Some(id) || recent_failures >= FAILING_HOST,
            zone_skew,
            same_set: self.in_set(request, id),
            same_service: self.on_host(request.service, id),
            recent_failures,
            image_missing,
            imbalance: cpu.abs_diff(memory),
            load: cpu.max(memory),
            id,
        }
    }

    fn zone<'h>(&self, host: &'h Host) -> Option<&'h Label> {
        host.labels.get(self.zone_key.as_ref()?)
    }

    /// Shares of CPU and memory in use if so much more were, per mille of capacity with overcommit.
    fn shares(&self, id: HostId, host: &Host, cpu: u64, memory: u64) -> (u64, u64) {
        let policy = &self.world.policy;
        let share = |capacity: u64, free: u64, more: u64| {
            let used = capacity.saturating_sub(free).saturating_add(more);
            used.saturating_mul(1000)
                .checked_div(capacity)
                .unwrap_or(1000)
        };
        let (free_cpu, free_memory) = self.free.get(&id).copied().unwrap_or((0, 0));
        (
            share(
                scaled(u64::from(host.cpu_millis), policy.cpu_overcommit_percent),
                free_cpu,
                cpu,
            ),
            share(
                scaled(host.memory_bytes, policy.memory_overcommit_percent),
                free_memory,
                memory,
            ),
        )
    }
}
