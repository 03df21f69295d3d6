//! Logs of containers: kept, redacted, neither lost nor doubled by a restart of the worker.

use futures::StreamExt;
use segue_driver::{Behaviour, Driver};
use segue_model::name::ConfigKey;
use segue_model::spec::{Check, EnvValue};
use segue_model::state::DeploymentState;
use segue_store::LogFilter;
use segue_store::seal::SecretBytes;

use super::bench::Bench;

async fn kept(bench: &Bench) -> String {
    let scope = bench.fixture.scope();
    let chunks = scope
        .log_read(bench.fixture.environment, &LogFilter::default(), None, 100)
        .await
        .unwrap();
    chunks
        .iter()
        .map(|chunk| String::from_utf8(chunk.data.to_vec()).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_container_writes_is_kept_once_and_redacted() {
    let bench = Bench::new().await;
    let key: ConfigKey = "API_TOKEN".parse().unwrap();
    let value = SecretBytes::from("hunter2-hunter2".to_owned());
    let scope = bench.fixture.scope();
    let made = scope
        .secret_set(bench.fixture.environment, None, &key, &value, None)
        .await
        .unwrap();
    let version = made.fresh().unwrap().version;
    let prints = Behaviour::Print {
        stdout: vec!["listening".into(), "token=hunter2-hunter2".into()],
        stderr: vec!["aHVudGVyMi1odW50ZXIy".into()],
    };
    let mut spec = bench.release("app:prints", prints);
    for service in spec.services.values_mut() {
        service
            .env
            .insert(key.clone(), EnvValue::Secret { version });
        service.spec.health.check = Check::Running;
    }
    let first = bench.start();
    let deployment = bench.deploy(spec).await;
    let log = bench
        .eventually("the log is kept", || async {
            let log = kept(&bench).await;
            (log.contains("listening") && log.matches("[redacted]").count() >= 2).then_some(log)
        })
        .await;
    assert!(
        !log.contains("hunter2") && !log.contains("aHVudGVyMi1odW50ZXIy"),
        "{log}"
    );
    bench
        .reaches(deployment.id, DeploymentState::Starting)
        .await;
    first.end().await;
    // Whatever ended, failed or was explained meanwhile: no word of it holds the secret.
    for instance in bench.instances().await {
        assert!(!format!("{:?}", instance.failure).contains("hunter2"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_worker_loses_and_doubles_no_line() {
    let bench = Bench::new().await;
    // Says its line with every restart by the engine, whether a worker looks or not.
    let prints = Behaviour::Print {
        stdout: vec!["once more".into()],
        stderr: Vec::new(),
    };
    let mut spec = bench.release("app:prints", prints);
    spec.rollout.auto_rollback = false;
    for service in spec.services.values_mut() {
        service.spec.health.check = Check::Running;
    }
    let first = bench.start();
    bench.deploy(spec).await;
    bench
        .eventually("a line is kept", || async {
            kept(&bench).await.contains("once more").then_some(())
        })
        .await;
    let shared = first.shared.clone();
    first.kill().await;
    bench.forget(&shared).await;
    let second = bench.start();
    let name = bench
        .eventually("a container", || async {
            bench.containers().await.first().cloned()
        })
        .await;
    // Whatever the engine has of it at the end is kept, each line once.
    let written = || async {
        let name = segue_driver::ContainerName::new(name.clone()).unwrap();
        let deadline = segue_driver::Deadline::after(std::time::Duration::from_secs(5));
        let lines = bench.fake.logs(&name, None, false, deadline).await.unwrap();
        lines.collect::<Vec<_>>().await.len()
    };
    bench
        .eventually("every line is kept once", || async {
            let before = written().await;
            let log = kept(&bench).await;
            let lines: Vec<&str> = log.lines().collect();
            let distinct: std::collections::BTreeSet<&str> = lines.iter().copied().collect();
            assert_eq!(distinct.len(), lines.len(), "a line is kept twice: {log}");
            (before > 0 && lines.len() >= before).then_some(())
        })
        .await;
    second.end().await;
}
