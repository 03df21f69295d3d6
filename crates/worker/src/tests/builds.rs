//! Builds: from a source and from a name, with tests, failing, cancelled.

use std::time::Duration;

use bytes::Bytes;
use segue_driver::{
    Behaviour, BuildEvent, BuildFailure, BuildFailureKind, Deadline, FakeBuild, Images, LogStream,
    StepState,
};
use segue_model::archive::{END, file};
use segue_model::failure::FailureCode;
use segue_model::id::{BuildId, SourceId};
use segue_model::manifest::Manifest;
use segue_model::spec::{Command, ImageSource, ReleaseSpec};
use segue_model::state::{BuildState, DeploymentState};
use segue_store::testing::release_spec_of_build;
use segue_store::{BuildInput, BuildView, Deployment, NewBuild, fresh_id};
use sha2::{Digest, Sha256};

use super::bench::Bench;

async fn source(bench: &Bench, files: &[(&str, &str)]) -> SourceId {
    let mut tar = Vec::new();
    for (path, text) in files {
        tar.extend_from_slice(&file(path, false, 0, text.as_bytes()));
    }
    tar.extend_from_slice(&END);
    let scope = bench.fixture.scope();
    let source = scope.source_begin(bench.fixture.app).await.unwrap();
    scope.source_chunk_put(source, 0, &tar).await.unwrap();
    scope
        .source_finish(source, Sha256::digest(&tar).into(), tar.len() as u64)
        .await
        .unwrap();
    source
}

async fn deploy(bench: &Bench, spec: ReleaseSpec, build: NewBuild) -> Deployment {
    bench.fixture.deploy_with(spec, vec![build]).await.unwrap()
}

async fn from_source(bench: &Bench, test: Option<&str>) -> (BuildId, Deployment) {
    let source = source(
        bench,
        &[
            ("Dockerfile", "FROM scratch\nCOPY . /\n"),
            ("a.txt", "hello"),
        ],
    )
    .await;
    let mut manifest = Manifest::bare("shop".parse().unwrap());
    manifest.build.test = test.map(|test| Command::parse(test).unwrap());
    let id = BuildId::from_uuid(fresh_id());
    let mut spec = release_spec_of_build(id);
    spec.rollout.bake = Duration::ZERO;
    let settings = serde_json::to_value(&manifest).unwrap();
    (
        id,
        deploy(
            bench,
            spec,
            NewBuild {
                id,
                input: BuildInput::Source(source),
                settings,
            },
        )
        .await,
    )
}

async fn build(bench: &Bench, id: BuildId) -> BuildView {
    bench.fixture.scope().build_get(id).await.unwrap()
}

fn step(number: u32, state: StepState) -> BuildEvent {
    BuildEvent::Step {
        step: number,
        name: "[2/2] RUN make".into(),
        internal: false,
        state,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_is_built_tested_and_runs() {
    let bench = Bench::new().await;
    let worker = bench.start();
    let (id, deployment) = from_source(&bench, None).await;
    let ended = bench
        .reaches(deployment.id, DeploymentState::Succeeded)
        .await;
    assert_eq!(
        (ended.state, ended.failure),
        (DeploymentState::Succeeded, None)
    );
    assert_eq!(build(&bench, id).await.state, BuildState::Succeeded);
    bench.ready(1).await;
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_step_is_named_with_its_last_lines() {
    let bench = Bench::new().await;
    bench.fake.script_build(FakeBuild {
        events: vec![
            step(1, StepState::Started),
            BuildEvent::Log {
                step: 1,
                stream: LogStream::Stderr,
                message: Bytes::from_static(b"cc a.c\nno such file: b.h"),
            },
            step(
                1,
                StepState::Failed {
                    message: "exit code: 2".into(),
                },
            ),
        ],
        takes: Duration::ZERO,
        ends: Err(BuildFailure {
            kind: BuildFailureKind::Step { exit_code: Some(2) },
            step: Some(1),
            message: "process did not complete".into(),
        }),
    });
    let worker = bench.start();
    let (id, deployment) = from_source(&bench, None).await;
    let ended = bench
        .reaches(deployment.id, DeploymentState::Succeeded)
        .await;
    assert_eq!(ended.state, DeploymentState::Failed);
    let failure = ended.failure.unwrap();
    assert_eq!(failure.code, FailureCode::BuildFailed);
    assert_eq!(
        failure.evidence,
        "[2/2] RUN make: exit code 2: cc a.c | no such file: b.h"
    );
    let view = build(&bench, id).await;
    assert_eq!(
        (view.state, view.attempt),
        (BuildState::Failed, 1),
        "people's errors are not tried again"
    );
    assert_eq!(view.steps[0]["state"], "failed");
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_infrastructure_error_is_tried_again() {
    let bench = Bench::new().await;
    bench.fake.script_build(FakeBuild {
        events: Vec::new(),
        takes: Duration::ZERO,
        ends: Err(BuildFailure {
            kind: BuildFailureKind::Source,
            step: None,
            message: "broke off".into(),
        }),
    });
    let worker = bench.start();
    let (id, deployment) = from_source(&bench, None).await;
    bench
        .reaches(deployment.id, DeploymentState::Succeeded)
        .await;
    assert_eq!(build(&bench, id).await.attempt, 2);
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_tests_stop_the_deployment_and_are_named() {
    let bench = Bench::new().await;
    bench.fake.script_build(FakeBuild {
        events: Vec::new(),
        takes: Duration::ZERO,
        ends: Ok(Behaviour::Exit {
            code: 1,
            after: Duration::from_millis(50),
        }),
    });
    let worker = bench.start();
    let (id, deployment) = from_source(&bench, Some("pytest -q")).await;
    let ended = bench
        .reaches(deployment.id, DeploymentState::Succeeded)
        .await;
    assert_eq!(ended.state, DeploymentState::Failed);
    let failure = ended.failure.unwrap();
    assert_eq!(failure.code, FailureCode::TestsFailed, "{failure:?}");
    assert!(failure.evidence.contains("exit code 1"), "{failure:?}");
    assert_eq!(build(&bench, id).await.state, BuildState::Failed);
    assert!(
        bench.containers().await.is_empty(),
        "the tests' container is removed and nothing was started"
    );
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_really_stops_the_build() {
    let bench = Bench::new().await;
    bench.fake.script_build(FakeBuild {
        events: vec![step(0, StepState::Started)],
        takes: Duration::from_secs(300),
        ends: Ok(Behaviour::Run),
    });
    let worker = bench.start();
    let (id, _) = from_source(&bench, None).await;
    bench
        .eventually("the build runs", || async {
            (build(&bench, id).await.state == BuildState::Running).then_some(())
        })
        .await;
    bench.fixture.scope().build_cancel(id).await.unwrap();
    bench
        .eventually("the build is cancelled", || async {
            (build(&bench, id).await.state == BuildState::Cancelled).then_some(())
        })
        .await;
    assert_eq!(
        bench.fake.builds_cancelled(),
        1,
        "the engine's build was cut off"
    );
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_image_is_pinned_or_refused() {
    let bench = Bench::new().await;
    let image = bench
        .fake
        .image_add("local", Behaviour::Serve("0.0.0.0:8080".parse().unwrap()));
    bench
        .fake
        .image_tag(&image, "my-app:v2", Deadline::after(Duration::from_secs(5)))
        .await
        .unwrap();
    let worker = bench.start();
    for (name, state) in [
        ("my-app:v2", DeploymentState::Succeeded),
        ("no-such:v1", DeploymentState::Failed),
    ] {
        let id = BuildId::from_uuid(fresh_id());
        let mut spec = release_spec_of_build(id);
        spec.rollout.bake = Duration::ZERO;
        for service in spec.services.values_mut() {
            service.image = ImageSource::Resolve {
                name: name.parse().unwrap(),
                build: id,
            };
        }
        let input = BuildInput::Resolve(name.parse().unwrap());
        let new = NewBuild {
            id,
            input,
            settings: serde_json::json!({}),
        };
        let deployment = deploy(&bench, spec, new).await;
        let ended = bench
            .reaches(deployment.id, DeploymentState::Succeeded)
            .await;
        assert_eq!(ended.state, state, "{name}: {:?}", ended.failure);
        if state == DeploymentState::Failed {
            assert_eq!(ended.failure.unwrap().code, FailureCode::ImageNotPullable);
        }
    }
    bench.ready(1).await;
    worker.end().await;
}
