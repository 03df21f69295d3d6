//! Workers that die or freeze at every step.

use std::time::Duration;

use segue_model::state::DeploymentState;

use super::bench::{Bench, shared_on};

/// A deployment during which the worker is killed at its step `at`; the next worker finishes it. Answers how many
/// steps the first one passed.
async fn dies_at(at: usize) -> usize {
    let bench = Bench::new().await;
    let shared = bench.shared();
    *shared.steps.inner.stop_at.lock().unwrap() = Some(at);
    let first = bench.start_with(shared.clone());
    let deployment = bench.deploy(bench.serving("app:1", 2)).await;
    let done = bench.reaches(deployment.id, DeploymentState::Succeeded);
    tokio::select! {
        () = shared.steps.inner.stopped.notified() => {}
        _ = done => {}
    }
    let passed = shared.steps.inner.passed.lock().unwrap().clone();
    first.kill().await;
    bench.forget(&shared).await;
    let second = bench.start();
    let ended = bench
        .reaches(deployment.id, DeploymentState::Succeeded)
        .await;
    assert_eq!(
        ended.state,
        DeploymentState::Succeeded,
        "killed at step {at} of {passed:?}: {:?}",
        ended.failure
    );
    let instances = bench.ready(2).await;
    let mut wanted: Vec<String> = instances.iter().map(|one| one.id.to_string()).collect();
    wanted.sort();
    assert_eq!(
        bench.containers().await,
        wanted,
        "killed at step {at} of {passed:?}"
    );
    second.end().await;
    passed.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_may_be_killed_at_every_step() {
    let mut at = 1;
    loop {
        // Several at once: each waits for its database most of the time.
        let (a, b, c, d) = tokio::join!(
            dies_at(at),
            dies_at(at + 1),
            dies_at(at + 2),
            dies_at(at + 3)
        );
        if [a, b, c, d]
            .iter()
            .enumerate()
            .any(|(index, passed)| *passed < at + index)
        {
            break;
        }
        at += 4;
    }
    assert!(at > 12, "a deployment has more steps than {at}");
}

#[test]
fn a_worker_that_is_stopped_past_its_lease_and_continued_has_no_effect() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let bench = Bench::new().await;
        // A process of its own, with connections of its own.
        let store = bench.db.own_store().await.unwrap();
        let frozen = shared_on(store.system(), bench.installation, bench.fake.clone());
        *frozen.steps.inner.freeze_at.lock().unwrap() = Some("call");
        // It is one thread, which stops as a whole.
        let (stop, shared) = (tokio_util::sync::CancellationToken::new(), frozen.clone());
        let stopped = stop.clone();
        let process = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime
                .block_on(crate::run_shared(shared, stopped))
                .unwrap();
        });
        let first = bench.deploy(bench.serving("app:1", 2)).await;
        frozen.steps.inner.frozen.notified().await;
        let called = frozen.steps.inner.count("called");
        let second = bench.start();
        bench.reaches(first.id, DeploymentState::Succeeded).await;
        let next = bench.deploy(bench.serving("app:2", 1)).await;
        bench.reaches(next.id, DeploymentState::Succeeded).await;
        let before = bench.ready(1).await;
        // What the second worker does from now on is nothing.
        bench.settled(&second.shared).await;
        let containers = bench.containers().await;
        frozen.steps.inner.thaw();
        bench
            .eventually("the frozen worker has gone on", || async {
                (frozen.steps.inner.count("called") > called).then_some(())
            })
            .await;
        bench.settled(&frozen).await;
        assert_eq!(
            bench.containers().await,
            containers,
            "the frozen worker touched the engine"
        );
        assert_eq!(bench.ready(1).await[0].id, before[0].id);
        assert_eq!(
            frozen.steps.inner.count("committed"),
            frozen.steps.inner.count("commit")
        );
        stop.cancel();
        tokio::task::spawn_blocking(move || process.join().unwrap())
            .await
            .unwrap();
        second.end().await;
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}
