//! What an environment asks for, as its quota counts it: the most that it may come to run.

use std::time::Duration;

use segue_model::id::{EnvironmentId, RunId};
use segue_model::name::ServiceName;
use segue_model::spec::{ReleaseSpec, ServiceKind};
use segue_store::testing::{Fixture, TestDb, deployment_of, release_spec};
use segue_store::{
    EnvironmentKind, NewEnvironment, NewRun, QuotaExceeded, QuotaLimits, StoreError, fresh_id,
};

const MEMORY: u64 = 512 << 20;

fn replicas(digit: char, count: u32) -> ReleaseSpec {
    let mut spec = release_spec(digit);
    for service in spec.services.values_mut() {
        service.spec.replicas = count;
    }
    spec
}

async fn used(one: &Fixture) -> u64 {
    let quota = one.scope().quota_get().await.unwrap();
    assert_eq!(
        quota.used.memory_bytes,
        quota.used.cpu_millis / 250 * MEMORY
    );
    quota.used.memory_bytes / MEMORY
}

/// The newest deployment ends in this state, and what it leaves is served.
async fn end(db: &TestDb, state: &str) {
    let mut admin = db.admin().await.unwrap();
    sqlx::query(
        "insert into rollouts (deployment_id, team_id, environment_id, state, strategy, started_at, progress_at) \
         select id, team_id, environment_id, $1, 'switch', now(), now() from deployments order by id desc limit 1",
    )
    .bind(state)
    .execute(&mut admin)
    .await
    .unwrap();
    if state == "succeeded" {
        sqlx::query(
            "update environment_status s set serving_release_id = d.release_id, stable_release_id = d.release_id \
             from (select environment_id, release_id from deployments order by id desc limit 1) d \
             where s.environment_id = d.environment_id",
        )
        .execute(&mut admin)
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn room_is_given_when_what_took_it_cannot_come_back() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let scope = one.scope();
    let limits = QuotaLimits {
        memory_bytes: Some(3 * MEMORY),
        ..QuotaLimits::default()
    };
    scope.quota_set(limits).await.unwrap();
    assert_eq!(used(&one).await, 0);
    one.deploy(replicas('a', 2)).await.unwrap();
    assert_eq!(used(&one).await, 2, "asked for, not begun");
    end(&db, "succeeded").await;
    assert_eq!(used(&one).await, 2, "served");
    // A smaller one that waits may fail: until it serves, the room is not free.
    one.deploy(replicas('b', 1)).await.unwrap();
    assert_eq!(used(&one).await, 2);
    let staging = EnvironmentId::from_uuid(fresh_id());
    let new = NewEnvironment {
        id: staging,
        name: "staging".parse().unwrap(),
        kind: EnvironmentKind::Staging,
        protected: false,
        domains: Vec::new(),
    };
    scope.environment_create(one.app, &new, None).await.unwrap();
    let ask = async |count: u32| {
        let new = deployment_of(replicas('c', count), Vec::new());
        scope.deployment_create(staging, None, &new, None).await
    };
    let refused = ask(2).await.unwrap_err();
    let StoreError::Quota(QuotaExceeded {
        resource,
        used: before,
        asked,
        allowed,
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (resource, before / MEMORY, asked / MEMORY, allowed / MEMORY),
        ("memory", 2, 4, 3)
    );
    // It fails, and what served before goes on.
    end(&db, "failed").await;
    assert_eq!(used(&one).await, 2);
    assert!(ask(2).await.is_err());
    // The next one succeeds: now there is room.
    one.deploy(replicas('d', 1)).await.unwrap();
    end(&db, "succeeded").await;
    assert_eq!(used(&one).await, 1);
    let waiting = ask(2).await.unwrap().fresh().unwrap();
    assert_eq!(used(&one).await, 3);
    // What is taken back before it began asks for nothing.
    scope.deployment_cancel(waiting.id, None).await.unwrap();
    assert_eq!(used(&one).await, 1);
    // A scale target stands above what a release says.
    let web: ServiceName = "web".parse().unwrap();
    let scale = async |count: u32| {
        let targets = [(web.clone(), count)].into();
        scope.scale_set(one.environment, None, &targets, None).await
    };
    scale(3).await.unwrap();
    assert_eq!(used(&one).await, 3);
    assert!(matches!(scale(4).await, Err(StoreError::Quota(_))));
    assert!(ask(1).await.is_err());
    scale(0).await.unwrap();
    assert_eq!(used(&one).await, 0);
    ask(3).await.unwrap();
    // Nothing is left of an environment that is deleted.
    let env = scope.environment_get(staging).await.unwrap();
    scope
        .environment_delete(staging, env.generation)
        .await
        .unwrap();
    assert_eq!(used(&one).await, 0);
}

#[tokio::test]
async fn jobs_ask_for_nothing_while_they_do_not_run() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let mut spec = replicas('a', 1);
    let mut job = spec.services.values().next().unwrap().clone();
    job.spec.kind = ServiceKind::Job;
    job.spec.replicas = 50;
    spec.services.insert("nightly".parse().unwrap(), job);
    let limits = QuotaLimits {
        memory_bytes: Some(MEMORY),
        ..QuotaLimits::default()
    };
    one.scope().quota_set(limits).await.unwrap();
    one.deploy(spec).await.unwrap();
    assert_eq!(used(&one).await, 1);
}

#[tokio::test]
async fn a_one_off_run_asks_for_one_instance_until_it_is_over() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let limits = QuotaLimits {
        memory_bytes: Some(2 * MEMORY),
        ..QuotaLimits::default()
    };
    one.scope().quota_set(limits).await.unwrap();
    let deployment = one.deploy(replicas('a', 1)).await.unwrap();
    let run = async || {
        let new = NewRun {
            id: RunId::from_uuid(fresh_id()),
            release: deployment.release,
            service: "web".parse().unwrap(),
            command: vec!["true".to_owned()],
            time_limit: Duration::from_secs(60),
        };
        let scope = one.scope();
        scope.run_create(one.environment, &new, None).await
    };
    run().await.unwrap();
    assert_eq!(used(&one).await, 2);
    assert!(matches!(run().await, Err(StoreError::Quota(_))));
    let mut admin = db.admin().await.unwrap();
    sqlx::query("update run_status set state = 'succeeded', finished_at = now()")
        .execute(&mut admin)
        .await
        .unwrap();
    assert_eq!(used(&one).await, 1);
    run().await.unwrap();
}
