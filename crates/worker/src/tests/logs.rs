//! Logs of containers: kept, redacted, neither lost nor doubled by a restart of the worker.

use segue_driver::Behaviour;
use segue_model::name::ConfigKey;
use segue_model::spec::{Check, EnvValue};
use segue_model::state::DeploymentState;
use segue_store::seal::SecretBytes;
use segue_store::LogFilter;

use super::bench::Bench;

async fn kept(bench: &Bench) -> String {
    let scope = bench.fixture.scope();
    let chunks =
        scope.log_read(bench.fixture.environment, &LogFilter::default(), None, 100).await.unwrap();
    chunks.iter().map(|chunk| String::from_utf8(chunk.data.to_vec()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_container_writes_is_kept_once_and_redacted() {
    let bench = Bench::new().await;
    let key: ConfigKey = "API_TOKEN".parse().unwrap();
    let value = SecretBytes::from("hunter2-hunter2".to_owned());
    let scope = bench.fixture.scope();
    let made = scope.secret_set(bench.fixture.environment, None, &key, &value, None).await.unwrap();
    let version = made.fresh().unwrap().version;
    let prints = Behaviour::Print {
        stdout: vec!["listening".into(), "token=hunter2-hunter2".into()],
        stderr: vec!["aHVudGVyMi1odW50ZXIy".into()],
    };
    let mut spec = bench.release("app:prints", prints);
    for service in spec.services.values_mut() {
        service.env.insert(key.clone(), EnvValue::Secret { version });
        service.spec.health.check = Check::Running;
    }
    let first = bench.start();
    let deployment = bench.fixture.deploy(spec).await.unwrap();
    let log = bench
        .eventually("the log is kept", || async {
            let log = kept(&bench).await;
            (log.contains("listening") && log.matches("[redacted]").count() >= 2).then_some(log)
        })
        .await;
    assert!(!log.contains("hunter2") && !log.contains("aHVudGVyMi1odW50ZXIy"), "{log}");
    bench.reaches(deployment.id, DeploymentState::Starting).await;
    first.end().await;
    // Whatever ended, failed or was explained meanwhile: no word of it holds the secret.
    for instance in bench.instances().await {
        assert!(!format!("{:?}", instance.failure).contains("hunter2"));
    }
}
