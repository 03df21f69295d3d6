//! The observer of one host: one loop that takes every input in turn and writes what changed.
//!
//! Runs under the host's lease and is dropped with it. Its tasks (readers, looks, probes, the one write) live in
//! sets that it owns, so that they end with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use segue_driver::{Container, Driver, Event, EventKind, Observed as Seen};
use segue_model::Timestamp;
use segue_model::id::{EnvironmentId, HostId, InstanceId};
use segue_model::state::Observed;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::jobs::{self, Found, Signal};
use super::target::Target;
use super::track::{Gate, Track};
use super::{Book, HostSighting, Input, Known};
use crate::core::clock::Clock;
use crate::probe;

mod listing;
mod write;

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
    networks: bool,
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
            networks: false,
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
                _ = list.tick() => {
                    self.list();
                    self.networks();
                }
                _ = load.tick() => self.load(None),
                () = tokio::time::sleep_until(retry), if self.retry_at.is_some() => self.retry_at = None,
            }
            self.flush();
        }
    }

    fn list(&mut self) {
        if !self.listing {
            self.listing = true;
            let (driver, clock) = (self.setup.driver.clone(), self.setup.clock.clone());
            self.jobs.spawn(jobs::list(driver, clock));
        }
    }

    /// Which addresses others take changes rarely, and is asked at the rate of listings at most.
    fn networks(&mut self) {
        if !self.networks {
            self.networks = true;
            let (driver, clock) = (self.setup.driver.clone(), self.setup.clock.clone());
            self.jobs.spawn(jobs::foreign(driver, clock));
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
            Input::Calling { instance } => self.with(instance, Track::calling),
            Input::Attempted { instance } => self.with(instance, Track::attempted),
            Input::Called { instance } => {
                let now = self.setup.clock.now();
                self.with(instance, |track| track.called(now));
            }
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

    /// Makes probes, the list of running instances and the reading of last words follow what is known of one.
    fn sync(&mut self, id: InstanceId) {
        self.explain(id);
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

    /// Has the words of its last end read, if that is due; one reading at a time.
    fn explain(&mut self, id: InstanceId) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        if self.explaining.contains(&id) {
            return;
        }
        let Some(end) = track.take_end() else {
            return;
        };
        self.explaining.insert(id);
        let environment = track.target.environment;
        let (book, driver) = (self.setup.book.clone(), self.setup.driver.clone());
        self.jobs.spawn(async move {
            let redactor = book.redactor(environment).await;
            jobs::explain(driver, redactor, id, end).await
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
                self.networks();
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
            EventKind::Died { code } => {
                self.with(id, |track| track.died(as_of, event.at, code));
            }
        }
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
                oom,
                failure,
            } => {
                self.explaining.remove(&instance);
                let now = self.setup.clock.now();
                self.with(instance, |track| track.explained(now, oom, failure));
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
            Found::Foreign { as_of, networks } => {
                self.networks = false;
                match networks {
                    Ok(networks) => {
                        let news = (self.host.foreign.as_ref()).is_none_or(|(_, n)| *n != networks);
                        self.host_dirty |= news;
                        self.host.foreign = Some((as_of, networks));
                    }
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
}
