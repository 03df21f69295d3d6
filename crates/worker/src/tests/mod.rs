//! The whole worker over a real database and the fake engine.

mod bench;

use segue_driver::Driver;
use segue_model::state::DeploymentState;

use bench::{Bench, container};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_goes_live_and_the_next_replaces_it() {
    let bench = Bench::new().await;
    let worker = bench.start();
    let first = bench.fixture.deploy(bench.serving("app:1", 2)).await.unwrap();
    let first = bench.reaches(first.id, DeploymentState::Live).await;
    assert_eq!(first.failure, None);
    let old = bench.ready(2).await;
    let second = bench.fixture.deploy(bench.serving("app:2", 2)).await.unwrap();
    let second = bench.reaches(second.id, DeploymentState::Succeeded).await;
    assert_eq!((second.state, second.failure), (DeploymentState::Succeeded, None));
    let new = bench.ready(2).await;
    assert!(new.iter().all(|new| old.iter().all(|old| old.id != new.id)));
    let deadline = segue_driver::Deadline::after(std::time::Duration::from_secs(10));
    let there = bench.fake.list(deadline).await.unwrap();
    assert_eq!(there.len(), 2, "the old containers are removed");
    assert!(new.iter().all(|one| bench.fake.alias(&container(one)).as_deref() == Some("web")));
    worker.end().await;
}
