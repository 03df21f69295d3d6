//! The observer of one host: one loop that takes every input in turn and writes what changed.
//!
//! Runs under the host's lease and is dropped with it. Its tasks (readers, looks, probes, the one write) live in
//! sets that it owns, so that they end with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use segue_driver::{Container, Driver, Event, EventKind, Exit, Observed as Seen, Role};
use segue_model::Timestamp;
use segue_model::id::{EnvironmentId, HostId, InstanceId};
use segue_model::state::Observed;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::jobs::{self, Found, Signal};
use super::target::Target;
use super::track::{Gate, Track};
use super::{Batch, Book, HostSighting, Input, Known};
use crate::core::clock::Clock;
use crate::probe;

/// Between two complete listings.
const LIST_EVERY: Duration = Duration::from_secs(10);
/// Between two loads of everything that the store knows. The reconciler of this process tells changes at once; this
/// is for those of another worker.
const TARGETS_EVERY: Duration = Duration::from_secs(60);
/// A write that failed is tried again after this.
const WRITE_RETRY: Duration = Duration::from_millis(250);
/// Pings missed until the host is written to be in doubt.
const SUSPECT_AFTER: u32 = 3;
/// The host's row is written at least this often while all is well.
const HOST_EVERY: Duration = Duration::from_secs(10);

/// A stranger with our label, and since when it is known to be one.
pub(crate) type Strangers = BTreeMap<String, (Container, Instant)>;

/// Instances with a log, each with a number that rises when there is something new in it.
pub(crate) type Logs = BTreeMap<InstanceId, (Arc<Target>, u64)>;

/// What the observer stands on.
pub(crate) struct Setup<B> {
    /// The host.
    pub host: HostId,
    /// Its name.
    pub name: String,
    /// Its engine.
    pub driver: Arc<dyn Driver>,
    /// How its instances are dialled.
    pub dial: Arc<dyn probe::Dial>,
    /// The store.
    pub book: Arc<B>,
    /// The database's clock.
    pub clock: Arc<Clock>,
    /// Where the containers that nobody knows are told, after each listing.
    pub strangers: tokio::sync::watch::Sender<Strangers>,
    /// Which instances have written or may write a log; the number rises when there is something new to read.
    pub written_logs: tokio::sync::watch::Sender<Logs>,
    /// What of the host itself was written.
    pub written: tokio::sync::watch::Sender<HostSighting>,
}

/// The observer of one host.
pub(crate) struct Observer<B: Book> {
    setup: Setup<B>,
    inputs: UnboundedReceiver<Input>,
    tracks: BTreeMap<InstanceId, Track>,
    jobs: JoinSet<Found>,
    readers: JoinSet<()>,
    probes: JoinSet<()>,
    probing: HashMap<InstanceId, (Timestamp, AbortHandle)>,
    reports: (UnboundedSender<Verdict>, UnboundedReceiver<Verdict>),
    host: HostSighting,
    host_dirty: bool,
    host_written: Instant,
    writing: bool,
    retry_at: Option<Instant>,
    listing: bool,
    loading: bool,
    strangers: Strangers,
    explaining: BTreeSet<InstanceId>,
}

struct Verdict {
    instance: InstanceId,
    run: Timestamp,
    report: probe::Report,
}

impl<B: Book> Observer<B> {
    /// An observer that takes `inputs` from the executor.
    pub(crate) fn new(setup: Setup<B>, inputs: UnboundedReceiver<Input>) -> Self {
        Self {
            setup,
            inputs,
            tracks: BTreeMap::new(),
            jobs: JoinSet::new(),
            readers: JoinSet::new(),
            probes: JoinSet::new(),
            probing: HashMap::new(),
            reports: unbounded_channel(),
            host: HostSighting::default(),
            host_dirty: false,
            host_written: Instant::now(),
            writing: false,
            retry_at: None,
            listing: false,
            loading: false,
            strangers: BTreeMap::new(),
            explaining: BTreeSet::new(),
        }
    }

    /// Observes until it is dropped.
    pub(crate) async fn run(mut self) {
        let (tell, mut signals) = unbounded_channel();
        self.readers.spawn(jobs::follow(
            self.setup.driver.clone(),
            self.setup.clock.clone(),
            tell.clone(),
        ));
        self.readers
            .spawn(jobs::ping(self.setup.driver.clone(), tell));
        let mut list = interval(LIST_EVERY);
        let mut load = interval(TARGETS_EVERY);
        list.set_missed_tick_behavior(MissedTickBehavior::Delay);
        load.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let retry = self.retry_at.unwrap_or_else(|| Instant::now() + LIST_EVERY);
            tokio::select! {
                Some(input) = self.inputs.recv() => self.input(input),
                Some(signal) = signals.recv() => self.signal(signal),
                Some(verdict) = self.reports.1.recv() => self.verdict(verdict),
                Some(found) = self.jobs.join_next(), if !self.jobs.is_empty() => match found {
                    Ok(found) => self.found(found),
                    Err(error) => tracing::error!(host.id = %self.setup.host, %error, "a look at the host has panicked"),
                },
                Some(_) = self.probes.join_next(), if !self.probes.is_empty() => {}
                _ = list.tick() => self.list(),
                _ = load.tick() => self.load(None),
                () = tokio::time::sleep_until(retry), if self.retry_at.is_some() => self.retry_at = None,
            }
            self.flush();
        }
    }

    fn list(&mut self) {
        if !self.listing {
            self.listing = true;
            self.jobs.spawn(jobs::list(
                self.setup.driver.clone(),
                self.setup.clock.clone(),
            ));
        }
    }

    fn load(&mut self, environment: Option<EnvironmentId>) {
        if environment.is_none() && std::mem::replace(&mut self.loading, true) {
            return;
        }
        let (book, host, clock) = (
            self.setup.book.clone(),
            self.setup.host,
            self.setup.clock.clone(),
        );
        self.jobs.spawn(async move {
            let asked = clock.now();
            Found::Targets {
                asked,
                environment,
                known: book.targets(host, environment).await,
            }
        });
    }

    fn look(&mut self, instance: InstanceId) {
        self.jobs.spawn(jobs::look(
            self.setup.driver.clone(),
            self.setup.clock.clone(),
            instance,
        ));
    }

    fn input(&mut self, input: Input) {
        match input {
            Input::Watch(known) => self.watch(*known),
            Input::Attempted { instance } => self.with(instance, Track::attempted),
            Input::Failed { instance, failure } => {
                let now = self.setup.clock.now();
                self.with(instance, |track| track.failed(now, failure));
                self.look(instance);
            }
            Input::Aliased { instance, on } => {
                let now = self.setup.clock.now();
                self.with(instance, |track| track.aliased(now, on));
            }
            Input::Look { instance } => self.look(instance),
        }
    }

    /// Begins to watch, or takes over how it is watched.
    fn watch(&mut self, known: Known) {
        let id = known.target.instance;
        match self.tracks.get_mut(&id) {
            Some(track) => {
                if track.target.health != known.target.health
                    && let Some((_, probe)) = self.probing.remove(&id)
                {
                    probe.abort();
                }
                track.target = known.target;
                track.learn(&known.sighting);
            }
            None => {
                self.tracks
                    .insert(id, Track::new(known.target, known.sighting, known.unknown));
            }
        }
        self.sync(id);
    }

    fn with(&mut self, id: InstanceId, change: impl FnOnce(&mut Track)) {
        if let Some(track) = self.tracks.get_mut(&id) {
            change(track);
            self.sync(id);
        }
    }

    /// Makes probes and the list of running instances follow what is known of one.
    fn sync(&mut self, id: InstanceId) {
        let Some(track) = self.tracks.get(&id) else {
            return;
        };
        let run = track.run();
        let probed = self.probing.get(&id).map(|(run, _)| *run);
        if probed != run {
            if let Some((_, probe)) = self.probing.remove(&id) {
                probe.abort();
            }
            if let Some(run) = run {
                let gate = track.gate();
                let target = Arc::new(track.target.clone());
                let tell = self.reports.0.clone();
                let report = move |report| {
                    // The observer is gone with its channel; then nobody wants to know.
                    let _ = tell.send(Verdict {
                        instance: id,
                        run,
                        report,
                    });
                };
                let (open, was_open) = (gate == Gate::Open, gate != Gate::Closed);
                let (driver, dial) = (self.setup.driver.clone(), self.setup.dial.clone());
                let probe = self
                    .probes
                    .spawn(probe::watch(target, driver, dial, open, was_open, report));
                self.probing.insert(id, (run, probe));
            }
        }
        let marks = track.marks();
        let there = marks > 0 && track.known().state != Observed::Gone;
        let target = there.then(|| Arc::new(track.target.clone()));
        self.setup
            .written_logs
            .send_if_modified(|logs| match target {
                Some(_) if logs.get(&id).is_some_and(|(_, known)| *known == marks) => false,
                Some(target) => {
                    logs.insert(id, (target, marks));
                    true
                }
                None => logs.remove(&id).is_some(),
            });
    }

    fn verdict(&mut self, verdict: Verdict) {
        let now = self.setup.clock.now();
        let Verdict {
            instance,
            run,
            report,
        } = verdict;
        self.with(instance, |track| match report {
            probe::Report::Open => track.verdict(now, run, true),
            probe::Report::Failing(failure) => {
                track.verdict(now, run, false);
                track.failed(now, failure);
            }
            probe::Report::Late(failure) if track.run() == Some(run) => track.failed(now, failure),
            probe::Report::Late(_) => {}
        });
    }

    fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Connected => {
                self.list();
                self.jobs.spawn(jobs::info(self.setup.driver.clone()));
            }
            Signal::Event(as_of, event) => self.event(as_of, &event),
            Signal::Ping(Ok(())) => {
                self.host.pinged_at = Some(self.setup.clock.now());
                let was = std::mem::take(&mut self.host.misses);
                if was > 0 {
                    self.host_dirty = true;
                }
                if was >= SUSPECT_AFTER {
                    tracing::info!(host.id = %self.setup.host, host.name = %self.setup.name, "the Docker engine answers again");
                    self.list();
                }
            }
            Signal::Ping(Err(error)) => {
                self.host.misses = self.host.misses.saturating_add(1);
                self.host_dirty = true;
                if self.host.misses == SUSPECT_AFTER {
                    tracing::warn!(host.id = %self.setup.host, host.name = %self.setup.name, %error, "the Docker engine does not answer; nothing is deleted, all continues when it is back");
                }
                self.host.problem = Some(error);
            }
        }
    }

    fn event(&mut self, as_of: Timestamp, event: &Event) {
        let Ok(id) = event.container.as_str().parse::<InstanceId>() else {
            return;
        };
        tracing::debug!(host.id = %self.setup.host, instance.id = %id, kind = ?event.kind, "engine event");
        if !self.tracks.contains_key(&id) {
            // Decided by another worker a moment ago, or a stranger: its labels say where to ask.
            if event.kind == EventKind::Started {
                self.look(id);
            }
            return;
        }
        match event.kind {
            EventKind::Started => self.look(id),
            EventKind::Removed => self.with(id, |track| track.engine(as_of, &Seen::Absent)),
            EventKind::OutOfMemory => self.with(id, Track::oom),
            EventKind::Died { code } => self.died(id, as_of, event.at, code),
        }
    }

    /// An end: told at once where requests may still go there, and with its reason where it never worked.
    fn died(&mut self, id: InstanceId, as_of: Timestamp, at: Timestamp, code: i32) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        let exit = Exit {
            code,
            oom: track.oom_hinted(),
            at: Some(at),
        };
        let (run, environment) = (track.run(), track.target.environment);
        let stopping = track.target.is_stopping();
        if stopping || track.gate() != Gate::Closed {
            track.died(as_of, code, exit.oom);
            self.sync(id);
        }
        if stopping {
            return;
        }
        self.explaining.insert(id);
        let (book, driver) = (self.setup.book.clone(), self.setup.driver.clone());
        self.jobs.spawn(async move {
            let redactor = book.redactor(environment).await;
            jobs::explain(driver, redactor, id, run, exit, as_of).await
        });
    }

    fn found(&mut self, found: Found) {
        match found {
            Found::Nothing => {}
            Found::Look {
                instance,
                as_of,
                seen,
            } => {
                if self.tracks.contains_key(&instance) {
                    self.with(instance, |track| track.engine(as_of, &seen));
                } else if let Some(identity) = seen
                    .known()
                    .and_then(|container| container.identity.as_ref())
                {
                    self.load(Some(identity.environment));
                }
            }
            Found::End {
                instance,
                as_of,
                code,
                oom,
                failure,
            } => {
                self.explaining.remove(&instance);
                self.with(instance, |track| {
                    let early = track.gate() == Gate::Closed;
                    track.died(as_of, code, oom);
                    if early || oom {
                        track.explained(as_of, oom, failure);
                    }
                });
                self.look(instance);
            }
            Found::Info(info) => {
                self.host.info = Some(*info);
                self.host_dirty = true;
            }
            Found::Listing { as_of, listing } => {
                self.listing = false;
                match listing {
                    Ok(containers) => self.listed(as_of, containers),
                    Err(error) => {
                        self.host.problem = Some(error);
                        self.host_dirty = true;
                    }
                }
            }
            Found::Targets {
                asked,
                environment,
                known,
            } => {
                if environment.is_none() {
                    self.loading = false;
                }
                match known {
                    Ok(known) => self.loaded(asked, environment, known),
                    Err(error) => {
                        tracing::debug!(host.id = %self.setup.host, %error, "the store's view could not be loaded")
                    }
                }
            }
            Found::Strangers { asked, known } => self.judged(&asked, known),
            Found::Written {
                instances,
                host,
                result,
            } => self.written(&instances, host.map(|host| *host), result),
        }
    }

    fn loaded(&mut self, asked: Timestamp, environment: Option<EnvironmentId>, known: Vec<Known>) {
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

    fn forget(&mut self, id: InstanceId) {
        self.tracks.remove(&id);
        if let Some((_, probe)) = self.probing.remove(&id) {
            probe.abort();
        }
        self.setup
            .written_logs
            .send_if_modified(|logs| logs.remove(&id).is_some());
    }

    fn listed(&mut self, as_of: Timestamp, containers: Vec<Container>) {
        let mut seen = BTreeSet::new();
        let mut strangers = BTreeMap::new();
        for container in containers {
            let id = container.name.as_str().parse::<InstanceId>().ok();
            match id.filter(|id| container.role == Role::Instance && self.tracks.contains_key(id)) {
                Some(id) => {
                    seen.insert(id);
                    let name = container.name.as_str().to_owned();
                    self.strangers.remove(&name);
                    let explaining = self.explaining.contains(&id);
                    self.with(id, |track| {
                        // The end is being explained: told together with its reason.
                        if !explaining || container.is_running() {
                            track.engine(as_of, &Seen::Known(Box::new(container)));
                        }
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
    fn judged(&mut self, asked: &BTreeSet<String>, known: Result<Vec<Known>, String>) {
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

    /// Writes what changed, one write at a time.
    fn flush(&mut self) {
        if self.writing || self.retry_at.is_some() {
            return;
        }
        let mut batch = Batch::default();
        for (id, track) in &mut self.tracks {
            if let Some(sighting) = track.take() {
                batch
                    .instances
                    .push((*id, track.target.environment, sighting));
            }
        }
        let due = self.host_written.elapsed() >= HOST_EVERY && self.host.pinged_at.is_some();
        if self.host_dirty || due {
            self.host_dirty = false;
            self.host_written = Instant::now();
            batch.host = Some(self.host.clone());
        }
        if batch.instances.is_empty() && batch.host.is_none() {
            return;
        }
        self.writing = true;
        let instances: Vec<InstanceId> = batch.instances.iter().map(|(id, ..)| *id).collect();
        let seen = batch.host.clone().map(Box::new);
        let (book, of) = (self.setup.book.clone(), self.setup.host);
        self.jobs.spawn(async move {
            let result = book.record(of, batch).await;
            Found::Written {
                instances,
                host: seen,
                result,
            }
        });
    }

    fn written(
        &mut self,
        instances: &[InstanceId],
        host: Option<HostSighting>,
        result: Result<(), String>,
    ) {
        self.writing = false;
        match result {
            Ok(()) => {
                if let Some(host) = host {
                    self.setup.written.send_replace(host);
                }
                let gone: Vec<InstanceId> = instances
                    .iter()
                    .filter(|id| {
                        self.tracks
                            .get(id)
                            .is_some_and(|t| t.known().state == Observed::Gone && !t.is_dirty())
                    })
                    .copied()
                    .collect();
                for id in gone {
                    self.forget(id);
                }
            }
            Err(error) => {
                tracing::warn!(host.id = %self.setup.host, %error, "what was observed could not be written, trying again");
                for id in instances {
                    if let Some(track) = self.tracks.get_mut(id) {
                        track.retry();
                    }
                }
                self.host_dirty |= host.is_some();
                self.retry_at = Some(Instant::now() + WRITE_RETRY);
            }
        }
    }
}
