//! The life of deployments and instances: live, replaced, restarted, removed by hand, failing.

use std::collections::BTreeMap;
use std::time::Duration;

use segue_driver::{Behaviour, Deadline, Driver, Fault, Op};
use segue_model::failure::FailureCode;
use segue_model::spec::{Check, ImageRef, ImageSource};
use segue_model::state::{DeploymentState, Desired, HostState, Observed};

use super::bench::{Bench, container};

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_goes_live_and_the_next_replaces_it() {
    let bench = Bench::new().await;
    let worker = bench.start();
    let first = bench.deploy(bench.serving("app:1", 2)).await;
    let first = bench.reaches(first.id, DeploymentState::Live).await;
    assert_eq!(first.failure, None);
    let old = bench.ready(2).await;
    let second = bench.deploy(bench.serving("app:2", 2)).await;
    let second = bench.reaches(second.id, DeploymentState::Succeeded).await;
    assert_eq!(
        (second.state, second.failure),
        (DeploymentState::Succeeded, None)
    );
    let new = bench.ready(2).await;
    assert!(new.iter().all(|new| old.iter().all(|old| old.id != new.id)));
    assert_eq!(
        bench.containers().await.len(),
        2,
        "the old containers are removed"
    );
    bench
        .eventually("both have their service's name", || async {
            new.iter()
                .all(|one| bench.fake.alias(&container(one)).as_deref() == Some("web"))
                .then_some(())
        })
        .await;
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_environment_costs_no_write_and_no_call() {
    let bench = Bench::new().await;
    let worker = bench.start();
    bench.brings_up(bench.serving("app:1", 2)).await;
    let before = (
        bench.settled(&worker.shared).await,
        versions(&bench).await,
        calls(&bench),
    );
    let looks = worker.shared.steps.inner.count("looked");
    for look in 1..=5 {
        worker.shared.wake(bench.fixture.environment);
        bench
            .eventually("the look has ended", || async {
                (worker.shared.steps.inner.count("looked") >= looks + look).then_some(())
            })
            .await;
    }
    let after = bench.settled(&worker.shared).await;
    assert_eq!(
        after[before.0.len()..],
        Vec::<&str>::new(),
        "steps of looks at an unchanged environment"
    );
    assert_eq!(versions(&bench).await, before.1, "rows were written");
    assert_eq!(calls(&bench), before.2, "the engine was called");
    // The same count sees what one more replica costs.
    let wanted = [("web".parse().unwrap(), 3)].into();
    let scope = bench.fixture.scope();
    scope
        .scale_set(bench.fixture.environment, None, &wanted, None)
        .await
        .unwrap();
    bench.ready(3).await;
    assert_ne!(versions(&bench).await, before.1);
    assert_ne!(calls(&bench), before.2);
    worker.end().await;
}

/// What was written, but for what time alone makes the worker write: that its leases run, that its host answers.
async fn versions(bench: &Bench) -> BTreeMap<String, String> {
    let mut versions = bench.db.row_versions().await.unwrap();
    versions.retain(|table, _| !matches!(table.as_str(), "leases" | "host_seen"));
    versions
}

/// What the engine was asked for, but for what the observer does by the clock: pings, listings, streams.
fn calls(bench: &Bench) -> Vec<(Op, u64)> {
    let ops = [
        Op::Inspect,
        Op::Run,
        Op::Stop,
        Op::Kill,
        Op::Remove,
        Op::Network,
        Op::Image,
    ];
    ops.map(|op| (op, bench.fake.calls(op))).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_replaced_on_request_and_the_only_one_serves_until_the_fresh_one_does() {
    let bench = Bench::new().await;
    let worker = bench.start();
    let old = bench.brings_up(bench.serving("app:1", 1)).await.remove(0);
    let scope = bench.fixture.scope();
    scope
        .instance_replace(bench.fixture.environment, old.id, None)
        .await
        .unwrap();
    let fresh = bench
        .eventually("another one alone", || async {
            let all = bench.instances().await;
            let serving = all
                .iter()
                .filter(|one| one.desired == Desired::Run && one.observed == Observed::Ready);
            assert!(serving.count() > 0, "nobody serves: {all:#?}");
            (all.len() == 1 && all[0].id != old.id).then(|| all[0].clone())
        })
        .await;
    assert_eq!(fresh.revision, old.revision);
    let versions = bench.db.row_versions().await.unwrap();
    assert_eq!(
        versions["instance_replacements"], "",
        "the request is met and gone"
    );
    bench.settled(&worker.shared).await;
    assert_eq!(
        bench.ready(1).await[0].id,
        fresh.id,
        "it is not replaced again"
    );
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_does_not_exist_is_named_however_late_its_words_are_read() {
    let bench = Bench::new().await;
    let says = Behaviour::Print {
        stdout: Vec::new(),
        stderr: vec!["[FATAL tini (7)] exec nope failed: No such file or directory".to_owned()],
    };
    // The engine starts it again after 0.1, 0.2, 0.4 s: it has died three times when its words come.
    bench.fake.script(Fault::Delay {
        op: Op::Look,
        times: 40,
        by: Duration::from_millis(1200),
    });
    let failure = fails_with(bench.release("app:nope", says), &bench).await;
    assert_eq!(failure.code, FailureCode::CommandNotFound, "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_is_healed_by_the_engine_and_counted() {
    let bench = Bench::new().await;
    let worker = bench.start();
    let before = bench.brings_up(bench.serving("app:1", 1)).await;
    bench.fake.crash(&container(&before[0]), 137);
    let after = bench
        .eventually("restarted and ready again", || async {
            bench
                .instances()
                .await
                .into_iter()
                .find(|one| one.restarts == 1 && one.observed == Observed::Ready)
        })
        .await;
    assert_eq!(
        after.id, before[0].id,
        "the engine's restart keeps the instance"
    );
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_was_removed_by_hand_comes_back() {
    let bench = Bench::new().await;
    let worker = bench.start();
    let before = bench.brings_up(bench.serving("app:1", 3)).await;
    bench
        .fake
        .remove(&container(&before[1]), soon())
        .await
        .unwrap();
    bench
        .eventually("three again, one of them new", || async {
            let now = bench.instances().await;
            let ready = now
                .iter()
                .filter(|one| one.observed == Observed::Ready)
                .count();
            (ready == 3 && now.iter().all(|one| one.id != before[1].id)).then_some(())
        })
        .await;
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn docker_gone_deletes_nothing_and_all_goes_on_when_it_is_back() {
    let bench = Bench::new().await;
    let worker = bench.start();
    let before = bench.brings_up(bench.serving("app:1", 2)).await;
    bench.fake.set_down(true);
    let store = bench.db.store().system();
    bench
        .eventually("the host is in doubt", || async {
            let hosts = store.hosts().await.unwrap();
            hosts
                .iter()
                .any(|host| host.state == HostState::Suspect)
                .then_some(())
        })
        .await;
    let next = bench.deploy(bench.serving("app:2", 2)).await;
    bench.settled(&worker.shared).await;
    let during = bench.instances().await;
    assert!(before.iter().all(|one| {
        during
            .iter()
            .any(|now| now.id == one.id && now.observed == Observed::Ready)
    }));
    bench.fake.set_down(false);
    let next = bench.reaches(next.id, DeploymentState::Succeeded).await;
    assert_eq!(next.failure, None);
    bench.ready(2).await;
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_exits_fails_its_deployment_and_the_old_one_stays() {
    let bench = Bench::new().await;
    let worker = bench.start();
    let before = bench.brings_up(bench.serving("app:1", 1)).await;
    let exits = Behaviour::Exit {
        code: 3,
        after: Duration::from_millis(100),
    };
    let bad = bench.deploy(bench.release("app:bad", exits)).await;
    let bad = bench.reaches(bad.id, DeploymentState::Succeeded).await;
    assert_eq!(bad.state, DeploymentState::RolledBack);
    let failure = bad.failure.unwrap();
    assert_eq!(failure.code, FailureCode::ExitedAtOnce, "{failure:?}");
    assert!(failure.evidence.contains("exit code 3"), "{failure:?}");
    let after = bench.ready(1).await;
    assert_eq!(after[0].id, before[0].id);
    worker.end().await;
}

async fn fails_with(
    spec: segue_model::spec::ReleaseSpec,
    bench: &Bench,
) -> segue_model::failure::Failure {
    let worker = bench.start();
    let deployment = bench.deploy(spec).await;
    let ended = bench
        .reaches(deployment.id, DeploymentState::Succeeded)
        .await;
    assert_eq!(ended.state, DeploymentState::Failed);
    worker.end().await;
    ended.failure.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_is_nowhere_has_its_own_code() {
    let bench = Bench::new().await;
    let mut spec = bench.serving("app:1", 1);
    for service in spec.services.values_mut() {
        let id = format!("sha256:{}", "ab".repeat(32));
        service.image = ImageSource::Pinned(ImageRef::Engine {
            id,
            hosts: Default::default(),
        });
    }
    let failure = fails_with(spec, &bench).await;
    assert_eq!(failure.code, FailureCode::ImageNotPullable, "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_killed_for_memory_has_its_own_code() {
    let bench = Bench::new().await;
    let failure = fails_with(bench.release("app:fat", Behaviour::OutOfMemory), &bench).await;
    assert_eq!(failure.code, FailureCode::OutOfMemory, "{failure:?}");
}

async fn unhealthy(listen: Option<&str>) -> segue_model::failure::Failure {
    let bench = Bench::new().await;
    let behaviour = listen.map_or(Behaviour::Run, |listen| {
        Behaviour::Serve(listen.parse().unwrap())
    });
    let mut spec = bench.release("app:odd", behaviour);
    for service in spec.services.values_mut() {
        service.spec.port = Some(8080);
        service.spec.health.start_timeout = Duration::from_millis(800);
    }
    fails_with(spec, &bench).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_port_loopback_and_silence_are_told_apart() {
    let (port, loopback, silent) = tokio::join!(
        unhealthy(Some("0.0.0.0:3000")),
        unhealthy(Some("127.0.0.1:8080")),
        unhealthy(None)
    );
    assert_eq!(port.code, FailureCode::HealthPortMismatch, "{port:?}");
    assert!(port.evidence.contains("0.0.0.0:3000"), "{port:?}");
    assert_eq!(loopback.code, FailureCode::HealthLoopback, "{loopback:?}");
    assert_eq!(silent.code, FailureCode::HealthTimeout, "{silent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_asked_in_the_container() {
    let bench = Bench::new().await;
    let mut spec = bench.release("app:worker", Behaviour::Run);
    for service in spec.services.values_mut() {
        service.spec.health.check = Check::Command {
            argv: vec!["check".into()],
        };
    }
    let worker = bench.start();
    bench.brings_up(spec).await;
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_that_the_store_does_not_know_are_removed() {
    let (bench, other) = (Bench::new().await, Bench::new().await);
    // A container of this installation whose instance another database decided.
    let foreign = other.deploy(other.serving("app:1", 1)).await;
    let shared = other.shared_of(bench.installation, bench.fake.clone());
    bench
        .fake
        .image_add("app:1", Behaviour::Serve("0.0.0.0:8080".parse().unwrap()));
    let maker = other.start_with(shared);
    other.reaches(foreign.id, DeploymentState::Succeeded).await;
    maker.kill().await;
    assert_eq!(bench.containers().await.len(), 1);
    let worker = bench.start();
    bench
        .eventually("the stranger is gone", || async {
            bench.containers().await.is_empty().then_some(())
        })
        .await;
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_environment_ends_its_containers() {
    let bench = Bench::new().await;
    let worker = bench.start();
    bench.brings_up(bench.serving("app:1", 2)).await;
    let scope = bench.fixture.scope();
    scope
        .environment_stop(bench.fixture.environment, None, true, None)
        .await
        .unwrap();
    bench
        .eventually("nothing runs", || async {
            bench.containers().await.is_empty().then_some(())
        })
        .await;
    scope
        .environment_stop(bench.fixture.environment, None, false, None)
        .await
        .unwrap();
    bench.ready(2).await;
    worker.end().await;
}
