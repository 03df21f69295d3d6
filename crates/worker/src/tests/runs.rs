//! One-off runs: how they end, that they are stopped, and that nothing starts one twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use segue_driver::{Behaviour, Deadline, Driver, EventKind};
use segue_model::failure::FailureCode;
use segue_model::id::RunId;
use segue_model::name::ServiceName;
use segue_model::spec::{ImageRef, ImageSource, ReleaseSpec, ServiceKind};
use segue_model::state::{DeploymentState, RunState};
use segue_store::{NewRun, RunView, fresh_id};

use super::bench::Bench;

impl Bench {
    /// A release that serves, and has a service for each way in which a command may go.
    fn commands(&self) -> ReleaseSpec {
        let mut spec = self.serving("app:1", 1);
        let web = spec.services.values().next().unwrap().clone();
        let ways = [
            (
                "fine",
                Behaviour::Print {
                    stdout: vec!["hello".into()],
                    stderr: vec!["oh".into()],
                },
            ),
            (
                "bad",
                Behaviour::Exit {
                    code: 3,
                    after: Duration::from_millis(50),
                },
            ),
            ("hungry", Behaviour::OutOfMemory),
            ("long", Behaviour::Run),
        ];
        for (name, behaviour) in ways {
            let id = self.fake.image_add(&format!("{name}:1"), behaviour);
            let mut service = web.clone();
            service.spec.kind = ServiceKind::Job;
            service.spec.stop_timeout = Duration::from_secs(1);
            service.image = ImageSource::Pinned(ImageRef::Engine {
                id,
                hosts: Default::default(),
            });
            spec.services.insert(name.parse().unwrap(), service);
        }
        spec
    }

    /// Deploys that, and waits until it has succeeded. A worker runs.
    async fn deploy_commands(&self) {
        let deployment = self.deploy(self.commands()).await;
        self.reaches(deployment.id, DeploymentState::Succeeded)
            .await;
    }

    /// Asks for a run of a service of what serves.
    async fn run(&self, service: &str, time_limit: Duration) -> RunView {
        let scope = self.fixture.scope();
        let environment = self.fixture.environment;
        let serving = scope.environment_get(environment).await.unwrap().serving;
        let new = NewRun {
            id: RunId::from_uuid(fresh_id()),
            release: serving.unwrap(),
            service: ServiceName::new(service).unwrap(),
            command: vec!["do".into(), "it".into()],
            time_limit,
        };
        let made = scope.run_create(environment, &new, None).await.unwrap();
        made.fresh().unwrap()
    }

    async fn run_now(&self, number: i64) -> RunView {
        let scope = self.fixture.scope();
        scope
            .run_get(self.fixture.environment, number)
            .await
            .unwrap()
    }

    /// Waits until the run has ended and its container is gone.
    async fn run_over(&self, number: i64) -> RunView {
        self.eventually("the run is over and its container gone", || async {
            let run = self.run_now(number).await;
            let name = run.id.instance().to_string();
            let there = self.containers().await.contains(&name);
            (run.state.is_terminal() && !there).then_some(run)
        })
        .await
    }

    async fn run_is(&self, number: i64, state: RunState) -> RunView {
        self.eventually(&format!("run {number} is {state}"), || async {
            let run = self.run_now(number).await;
            (run.state == state).then_some(run)
        })
        .await
    }

    /// Counts how often each container is started, from now on.
    fn starts(&self) -> Arc<Mutex<BTreeMap<String, u32>>> {
        let starts = Arc::<Mutex<BTreeMap<String, u32>>>::default();
        let (fake, counted) = (self.fake.clone(), starts.clone());
        tokio::spawn(async move {
            let soon = Deadline::after(Duration::from_secs(10));
            let mut events = fake.events(None, soon).await.unwrap();
            while let Some(Ok(event)) = events.next().await {
                if event.kind == EventKind::Started {
                    let name = event.container.to_string();
                    *counted.lock().unwrap().entry(name).or_default() += 1;
                }
            }
        });
        starts
    }

    /// What is reserved on all hosts.
    async fn reserved(&self) -> u64 {
        let world = self.db.store().system();
        let world = world
            .world(self.fixture.environment)
            .await
            .unwrap()
            .unwrap();
        world.hosts.values().map(|h| h.reserved_memory_bytes).sum()
    }
}

/// Workers that die at the same time.
const SEVERAL: usize = 6;
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_tells_how_it_ended_and_leaves_nothing_behind() {
    let bench = Bench::new().await;
    let worker = bench.start();
    bench.deploy_commands().await;
    let served = bench.ready(1).await;
    let before = bench.reserved().await;

    let fine = bench.run("fine", HOUR).await;
    assert_eq!((fine.number, fine.state), (1, RunState::Queued));
    let fine = bench.run_over(1).await;
    assert_eq!((fine.state, fine.exit_code), (RunState::Succeeded, Some(0)));
    assert!(fine.started_at.is_some() && fine.finished_at.is_some());
    assert_eq!(fine.host.as_deref(), Some("host-a"));
    // What it wrote stays, under its id.
    let filter = segue_store::LogFilter {
        instance: Some(fine.id.instance()),
        ..Default::default()
    };
    bench
        .eventually("what it wrote is kept", || async {
            let scope = bench.fixture.scope();
            let kept = scope
                .log_read(bench.fixture.environment, &filter, None, 10)
                .await
                .unwrap();
            let text: String = kept
                .iter()
                .map(|piece| String::from_utf8_lossy(&piece.data).into_owned())
                .collect();
            (text.contains("hello") && text.contains("oh")).then_some(())
        })
        .await;

    bench.run("bad", HOUR).await;
    let bad = bench.run_over(2).await;
    assert_eq!((bad.state, bad.exit_code), (RunState::Failed, Some(3)));
    assert_eq!(bad.failure, None, "the exit code says it");

    bench.run("hungry", HOUR).await;
    let hungry = bench.run_over(3).await;
    assert_eq!((hungry.state, hungry.oom), (RunState::Failed, true));
    assert_eq!(hungry.failure.unwrap().code, FailureCode::OutOfMemory);

    assert_eq!(
        bench.reserved().await,
        before,
        "reservations are given back"
    );
    assert_eq!(
        bench.ready(1).await[0].id,
        served[0].id,
        "what serves is untouched"
    );
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_stopped_by_a_person_by_its_limit_and_with_its_environment() {
    let bench = Bench::new().await;
    let worker = bench.start();
    bench.deploy_commands().await;
    let scope = bench.fixture.scope();
    let environment = bench.fixture.environment;

    bench.run("long", HOUR).await;
    bench.run_is(1, RunState::Running).await;
    scope.run_cancel(environment, 1, None).await.unwrap();
    assert_eq!(bench.run_over(1).await.state, RunState::Cancelled);
    let again = scope.run_cancel(environment, 1, None).await.unwrap_err();
    assert!(again.is_conflict_with("run_ended"), "{again:?}");

    bench.run("long", Duration::from_secs(1)).await;
    assert_eq!(bench.run_over(2).await.state, RunState::TimedOut);

    bench.run("long", HOUR).await;
    bench.run_is(3, RunState::Running).await;
    let generation = scope.environment_get(environment).await.unwrap().generation;
    let stop = scope.environment_stop(environment, Some(generation), true, None);
    stop.await.unwrap();
    assert_eq!(bench.run_over(3).await.state, RunState::Cancelled);
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_not_listed_while_it_is_made_is_not_lost() {
    let bench = Bench::new().await;
    let worker = bench.start();
    bench.deploy_commands().await;
    bench.settled(&worker.shared).await;
    let steps = &worker.shared.steps.inner;
    *steps.hold_at.lock().unwrap() = ["attempt", "call"].into();
    bench.run("fine", HOUR).await;
    // Its start is written and takes long: the engine does not know it yet.
    steps.held.notified().await;
    let held_at = worker.shared.clock.now();
    let environment = bench.fixture.environment;
    bench
        .eventually("its host was listed without it", || async {
            let world = worker
                .shared
                .store
                .world(environment)
                .await
                .unwrap()
                .unwrap();
            let listed = world.hosts.values().filter_map(|host| host.listed_at).max();
            (listed > Some(held_at)).then_some(())
        })
        .await;
    let looks = steps.count("looked");
    worker.shared.wake(environment);
    bench
        .eventually("that was looked at", || async {
            (steps.count("looked") > looks).then_some(())
        })
        .await;
    steps.release.notify_one();
    let run = bench.run_over(1).await;
    assert_eq!((run.state, run.exit_code), (RunState::Succeeded, Some(0)));
    worker.end().await;
}

/// A run during which the worker is killed at its step `at`. Answers how many steps it passed, and how the run ended.
async fn dies_at(at: usize) -> (usize, RunState) {
    let bench = Bench::new().await;
    let first = bench.start();
    bench.deploy_commands().await;
    bench.settled(&first.shared).await;
    first.end().await;

    let starts = bench.starts();
    let shared = bench.shared();
    *shared.steps.inner.stop_at.lock().unwrap() = Some(at);
    let second = bench.start_with(shared.clone());
    let run = bench.run("fine", HOUR).await;
    let name = run.id.instance().to_string();
    tokio::select! {
        () = shared.steps.inner.stopped.notified() => {}
        _ = bench.run_over(1) => {}
    }
    let passed = shared.steps.inner.passed.lock().unwrap().clone();
    second.kill().await;
    bench.forget(&shared).await;
    let third = bench.start();
    let run = bench.run_over(1).await;
    let started = starts.lock().unwrap().get(&name).copied().unwrap_or(0);
    assert!(
        started <= 1,
        "started {started} times, killed at {at} of {passed:?}"
    );
    match run.state {
        RunState::Succeeded => assert_eq!(started, 1, "killed at {at} of {passed:?}"),
        // The start may have had its effect, and nobody saw: it is not tried again.
        RunState::Unknown | RunState::Failed => assert!(
            passed.contains(&"attempt"),
            "{} without an attempt, killed at {at} of {passed:?}",
            run.state
        ),
        other => panic!("{other}, killed at {at} of {passed:?}"),
    }
    third.end().await;
    (passed.len(), run.state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_started_twice_wherever_the_worker_is_killed() {
    let (mut at, mut ends) = (1, BTreeMap::<RunState, u32>::new());
    loop {
        // Several at once: each waits for its database most of the time.
        let several = (0..SEVERAL).map(|more| dies_at(at + more));
        let ended = futures::future::join_all(several).await;
        let mut over = false;
        for (index, (passed, state)) in ended.into_iter().enumerate() {
            *ends.entry(state).or_default() += 1;
            over |= passed < at + index;
        }
        if over {
            break;
        }
        at += SEVERAL;
    }
    assert!(at > 6, "a run has more steps than {at}");
    assert!(ends[&RunState::Succeeded] > 3, "{ends:?}");
}
