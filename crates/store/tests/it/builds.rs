//! The build queue: claims, their loss, retries, cancellation, and what a release gets from it.

use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{BuildId, WorkerId};
use segue_model::spec::ImageRef;
use segue_model::state::{BuildState, DeploymentState};
use segue_store::testing::{Fixture, TestDb, release_spec_of_build};
use segue_store::{
    BuildInput, BuildOutcome, BuildSignal, Deployment, NewBuild, StoreError, fresh_id,
};
use sqlx::Executor;

use crate::support::world;

async fn deploy(one: &Fixture) -> (Deployment, BuildId) {
    let build = BuildId::from_uuid(fresh_id());
    let new = NewBuild {
        id: build,
        input: BuildInput::Resolve("nginx:1".parse().unwrap()),
        settings: serde_json::json!({}),
    };
    let spec = release_spec_of_build(build);
    (one.deploy_with(spec, vec![new]).await.unwrap(), build)
}

fn worker() -> WorkerId {
    WorkerId::from_uuid(fresh_id())
}

fn failure() -> Failure {
    Failure {
        code: FailureCode::ImageNotPullable,
        evidence: "no such tag".into(),
    }
}

fn succeeded() -> BuildOutcome {
    BuildOutcome::Succeeded {
        image: ImageRef::Engine {
            id: format!("sha256:{}", "c".repeat(64)),
            hosts: std::collections::BTreeSet::new(),
        },
        exposed_port: Some(80),
        generated: true,
    }
}

#[tokio::test]
async fn a_finished_build_makes_its_release_ready() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let system = db.store().system();
    assert!(system.build_claim(worker()).await.unwrap().is_none());
    let (deployment, build) = deploy(&one).await;
    assert_eq!(deployment.state, DeploymentState::Queued);
    let before = world(db.store(), &one).await;
    assert!(!before.releases[&deployment.release].ready);
    assert_eq!(
        before.deployments[&1].builds[&build].state,
        BuildState::Queued
    );

    let claimed = system.build_claim(worker()).await.unwrap().unwrap();
    assert_eq!((claimed.claim.build, claimed.attempt), (build, 1));
    assert!(
        system.build_claim(worker()).await.unwrap().is_none(),
        "claimed twice"
    );
    assert_eq!(
        one.scope()
            .deployment_get(deployment.id)
            .await
            .unwrap()
            .state,
        DeploymentState::Building
    );
    assert_eq!(
        system.build_renew(&claimed.claim).await.unwrap(),
        BuildSignal::Continue
    );
    let steps = serde_json::json!([{"name": "pull"}]);
    system
        .build_progress(&claimed.claim, BuildState::Running, &steps)
        .await
        .unwrap();
    let back = system
        .build_progress(&claimed.claim, BuildState::Claimed, &steps)
        .await
        .unwrap_err();
    assert!(back.is_conflict_with("build_status_rank"), "{back:?}");
    system
        .build_finish(&claimed.claim, &succeeded())
        .await
        .unwrap();
    assert!(matches!(
        system.build_finish(&claimed.claim, &succeeded()).await,
        Err(StoreError::LeaseLost { .. })
    ));

    let view = one.scope().build_get(build).await.unwrap();
    assert_eq!((view.state, view.steps), (BuildState::Succeeded, steps));
    let after = world(db.store(), &one).await;
    let release = &after.releases[&deployment.release];
    let service = release.services.values().next().unwrap();
    assert!(release.ready && service.content.strict);
    assert_eq!(service.content.port, 80);
    let late = one.scope().build_cancel(build).await.unwrap_err();
    assert!(late.is_conflict_with("build_finished"), "{late:?}");
}

#[tokio::test]
async fn a_lost_claim_writes_nothing_and_three_losses_are_the_end() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let system = db.store().system();
    let (deployment, build) = deploy(&one).await;
    let mut admin = db.admin().await.unwrap();
    let mut lost = Vec::new();
    for attempt in 1..=3 {
        let claimed = system.build_claim(worker()).await.unwrap().unwrap();
        assert_eq!(claimed.attempt, attempt);
        lost.push(claimed.claim);
        admin
            .execute("update build_status set claim_until = now() - interval '1 second'")
            .await
            .unwrap();
    }
    assert_eq!(
        system.build_renew(&lost[0]).await.unwrap(),
        BuildSignal::Lost
    );
    assert!(matches!(
        system.build_finish(&lost[0], &succeeded()).await,
        Err(StoreError::LeaseLost { .. })
    ));
    let progress = system
        .build_progress(&lost[1], BuildState::Running, &serde_json::json!([]))
        .await;
    assert!(matches!(progress, Err(StoreError::LeaseLost { .. })));
    assert!(
        system.build_claim(worker()).await.unwrap().is_none(),
        "a fourth attempt"
    );
    assert_eq!(system.build_give_up(&failure()).await.unwrap(), 1);
    assert_eq!(system.build_give_up(&failure()).await.unwrap(), 0);
    let view = one.scope().build_get(build).await.unwrap();
    assert_eq!(
        (view.state, view.failure),
        (BuildState::Failed, Some(failure()))
    );
    let seen = world(db.store(), &one).await;
    assert_eq!(
        seen.deployments[&deployment.number].builds[&build].state,
        BuildState::Failed
    );
}

#[tokio::test]
async fn infrastructure_errors_are_tried_again_and_peoples_are_not() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let system = db.store().system();
    let (_, build) = deploy(&one).await;
    let mut admin = db.admin().await.unwrap();
    for attempt in 1..=3 {
        let claimed = system.build_claim(worker()).await.unwrap().unwrap();
        system
            .build_progress(&claimed.claim, BuildState::Running, &serde_json::json!([]))
            .await
            .unwrap();
        system
            .build_finish(&claimed.claim, &BuildOutcome::Retry(failure()))
            .await
            .unwrap();
        let state = one.scope().build_get(build).await.unwrap().state;
        let expected = if attempt < 3 {
            BuildState::Queued
        } else {
            BuildState::Failed
        };
        assert_eq!(state, expected, "attempt {attempt}");
        assert!(
            system.build_claim(worker()).await.unwrap().is_none(),
            "no pause before the next try"
        );
        admin
            .execute("update build_status set claim_until = now() - interval '1 second'")
            .await
            .unwrap();
    }
    let (_, build) = deploy(&one).await;
    let claimed = system.build_claim(worker()).await.unwrap().unwrap();
    system
        .build_finish(&claimed.claim, &BuildOutcome::Failed(failure()))
        .await
        .unwrap();
    assert_eq!(
        one.scope().build_get(build).await.unwrap().state,
        BuildState::Failed
    );
    assert!(system.build_claim(worker()).await.unwrap().is_none());
}

#[tokio::test]
async fn cancelling_a_deployment_reaches_its_builder() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let system = db.store().system();
    let (deployment, build) = deploy(&one).await;
    let claimed = system.build_claim(worker()).await.unwrap().unwrap();
    one.scope()
        .deployment_cancel(deployment.id, None)
        .await
        .unwrap();
    assert_eq!(
        system.build_renew(&claimed.claim).await.unwrap(),
        BuildSignal::Cancel
    );
    let stopped = Failure {
        code: FailureCode::Cancelled,
        evidence: "stopped".into(),
    };
    system
        .build_finish(&claimed.claim, &BuildOutcome::Cancelled(stopped))
        .await
        .unwrap();
    assert_eq!(
        one.scope().build_get(build).await.unwrap().state,
        BuildState::Cancelled
    );
    assert!(world(db.store(), &one).await.deployments[&1].cancel_requested);
}
