//! One intent, one transaction: idempotency, generations, immutability.

use std::collections::BTreeMap;

use segue_model::id::AppId;
use segue_store::testing::{Fixture, TestDb, release_spec};
use segue_store::{
    App, AppPatch, Done, Idempotency, NewApp, NewSpec, Page, StoreError, StoredResponse, fresh_id,
};

use crate::support::keys;

fn app(name: &str) -> NewApp {
    NewApp {
        id: AppId::from_uuid(fresh_id()),
        name: name.parse().unwrap(),
        repo: None,
        labels: BTreeMap::new(),
    }
}

fn respond(app: &App) -> StoredResponse {
    StoredResponse {
        status: 201,
        body: Some(serde_json::json!({"id": app.id})),
        location: None,
    }
}

fn key(key: &str, body: u8) -> Idempotency<'_, App> {
    Idempotency {
        key,
        route: "POST /apps",
        body_hash: [body; 32],
        respond: &respond,
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_does_nothing() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let two = Fixture::new(db.store(), "two").await.unwrap();
    let new = app("second");
    let Done::Fresh(made) = one
        .scope()
        .app_create(&new, Some(key("k", 1)))
        .await
        .unwrap()
    else {
        panic!("replayed")
    };
    let Done::Replayed(answer) = one
        .scope()
        .app_create(&app("other"), Some(key("k", 1)))
        .await
        .unwrap()
    else {
        panic!("done twice")
    };
    assert_eq!(answer, respond(&made));
    let other = one
        .scope()
        .app_create(&new, Some(key("k", 2)))
        .await
        .unwrap_err();
    assert!(
        matches!(other, StoreError::IdempotencyMismatch),
        "{other:?}"
    );
    assert_eq!(
        one.scope().app_list(Page::first(100)).await.unwrap().len(),
        2
    );
    // The key is the actor's and the team's own.
    let fresh = two
        .scope()
        .app_create(&app("second"), Some(key("k", 2)))
        .await
        .unwrap();
    assert!(matches!(fresh, Done::Fresh(_)));
    // What failed is not kept: the same key may be tried again.
    let taken = one
        .scope()
        .app_create(&app("second"), Some(key("n", 1)))
        .await
        .unwrap_err();
    assert!(taken.is_conflict_with("apps_name_taken"), "{taken:?}");
    let again = one
        .scope()
        .app_create(&app("third"), Some(key("n", 1)))
        .await
        .unwrap();
    assert!(matches!(again, Done::Fresh(_)));
}

#[tokio::test]
async fn of_requests_at_once_one_is_done_and_all_get_its_answer() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let scope = one.scope();
            tokio::spawn(async move {
                scope
                    .app_create(&app("second"), Some(key("k", 1)))
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut fresh = Vec::new();
    let mut replayed = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Done::Fresh(app) => fresh.push(respond(&app)),
            Done::Replayed(answer) => replayed.push(answer),
        }
    }
    assert_eq!((fresh.len(), replayed.len()), (1, 5));
    assert!(replayed.iter().all(|answer| *answer == fresh[0]));
}

#[tokio::test]
async fn a_stale_generation_is_refused_with_the_current_one() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let scope = one.scope();
    let patch = AppPatch {
        labels: Some(BTreeMap::from([("tier".into(), "gold".into())])),
        ..AppPatch::default()
    };
    let updated = scope.app_update(one.app, 1, &patch).await.unwrap();
    assert_eq!(updated.generation, 2);
    let stale = scope.app_update(one.app, 1, &patch).await.unwrap_err();
    assert!(
        matches!(stale, StoreError::PreconditionFailed { current: 2 }),
        "{stale:?}"
    );

    let patch = keys(&[("A", Some("1")), ("B", Some("2"))]);
    scope
        .config_patch(one.environment, Some(1), &patch, None)
        .await
        .unwrap();
    let stale = scope
        .config_patch(one.environment, Some(1), &patch, None)
        .await
        .unwrap_err();
    assert!(
        matches!(stale, StoreError::PreconditionFailed { current: 2 }),
        "{stale:?}"
    );
    let removed = keys(&[("A", None)]);
    scope
        .config_patch(one.environment, Some(2), &removed, None)
        .await
        .unwrap();
    let config = scope.config_get(one.environment).await.unwrap().unwrap();
    assert_eq!(config.version, 2);
    assert_eq!(
        config.config,
        BTreeMap::from([("B".parse().unwrap(), "2".to_owned())])
    );
    assert_eq!(
        scope
            .config_versions(one.environment, Page::first(10))
            .await
            .unwrap()
            .len(),
        2
    );

    let spec = NewSpec {
        spec: serde_json::json!({"services": {}}),
        scale: BTreeMap::new(),
    };
    let kept = scope
        .spec_put(one.environment, Some(3), &spec, None)
        .await
        .unwrap()
        .fresh()
        .unwrap();
    assert_eq!((kept.version, kept.generation), (1, 4));
    assert_eq!(
        scope.spec_get(one.environment).await.unwrap().unwrap().spec,
        spec.spec
    );
    let targets = BTreeMap::from([("web".parse().unwrap(), 3)]);
    scope
        .scale_set(one.environment, Some(4), &targets, None)
        .await
        .unwrap();
    assert_eq!(
        scope.scale_list(one.environment).await.unwrap()[0].replicas,
        3
    );
}

#[tokio::test]
async fn deployments_are_numbered_and_releases_never_change() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let first = one.deploy(release_spec('a')).await.unwrap();
    let second = one.deploy(release_spec('b')).await.unwrap();
    assert_eq!(
        (first.number, first.version, second.number, second.version),
        (1, 1, 2, 2)
    );
    let scope = one.scope();
    assert_eq!(
        scope
            .release_wanted(one.environment)
            .await
            .unwrap()
            .unwrap()
            .version,
        2
    );
    scope.deployment_cancel(second.id, None).await.unwrap();
    assert_eq!(
        scope
            .release_wanted(one.environment)
            .await
            .unwrap()
            .unwrap()
            .version,
        1
    );
    assert_eq!(
        scope
            .release_by_version(one.environment, 1)
            .await
            .unwrap()
            .spec,
        release_spec('a')
    );
    assert_eq!(
        scope
            .deployment_by_number(one.environment, 2)
            .await
            .unwrap()
            .id,
        second.id
    );
    let page = Page {
        after: Some(2),
        limit: 1,
    };
    assert_eq!(
        scope.deployment_list(one.environment, page).await.unwrap()[0].number,
        1
    );

    let mut admin = db.admin().await.unwrap();
    for statement in [
        "update releases set message = 'x'",
        "update releases set spec = '{}'",
        "delete from releases",
        "update config_versions set config = '{}'",
        "delete from release_builds",
    ] {
        let result = sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut admin)
            .await;
        if let Ok(done) = &result {
            assert_eq!(done.rows_affected(), 0, "{statement}");
        } else {
            let error = result.unwrap_err();
            assert_eq!(
                error.as_database_error().unwrap().code().unwrap(),
                "SG001",
                "{statement}"
            );
        }
    }
    sqlx::query("update releases set stable_at = now()")
        .execute(&mut admin)
        .await
        .unwrap();
    let again = sqlx::query("update releases set stable_at = null")
        .execute(&mut admin)
        .await
        .unwrap_err();
    assert_eq!(
        again.as_database_error().unwrap().constraint().unwrap(),
        "releases_immutable"
    );
}

#[tokio::test]
async fn a_deleted_app_gives_back_its_name_and_wakes_its_environments() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let scope = one.scope();
    scope.app_delete(one.app, 1).await.unwrap();
    assert!(matches!(
        scope.app_get(one.app).await,
        Err(StoreError::NotFound)
    ));
    assert!(
        scope
            .environment_get(one.environment)
            .await
            .unwrap()
            .deleted
    );
    assert!(scope.environment_list(one.app).await.unwrap().is_empty());
    let again = scope.app_create(&app("shop"), None).await.unwrap();
    assert!(matches!(again, Done::Fresh(_)));
    let shares: Vec<i16> = (0..segue_store::WORK_SHARDS).collect();
    let due = db.store().system().work_due(&shares, 10).await.unwrap();
    assert!(
        due.iter()
            .any(|item| item.unit == one.environment.as_uuid())
    );
    assert!(
        db.store()
            .system()
            .world(one.environment)
            .await
            .unwrap()
            .unwrap()
            .deleted
    );
}

#[tokio::test]
async fn a_pushed_commit_is_found_again_with_its_deployment() {
    use segue_model::id::DeploymentId;
    use segue_store::{DeploymentKind, DomainKind, NewDeployment, NewDomain, Target};

    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let first = one.deploy(release_spec('a')).await.unwrap();
    let main: segue_model::name::GitRef = "refs/heads/main".parse().unwrap();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let new = NewDeployment {
        id: DeploymentId::from_uuid(fresh_id()),
        target: Target::Existing(first.release),
        kind: DeploymentKind::Rollback,
        domains: vec![NewDomain {
            name: "shop.localhost".parse().unwrap(),
            service: "web".parse().unwrap(),
            kind: DomainKind::Generated,
            active: true,
        }],
        git: Some((main.clone(), commit.to_owned())),
        message: "back".into(),
    };
    let scope = one.scope();
    scope
        .deployment_create(one.environment, None, &new, None)
        .await
        .unwrap();
    let found = scope
        .deployment_of_push(one.app, &main, commit)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.number, found.version), (2, 1));
    let other = "1123456789abcdef0123456789abcdef01234567";
    assert!(
        scope
            .deployment_of_push(one.app, &main, other)
            .await
            .unwrap()
            .is_none()
    );
    let world = db
        .store()
        .system()
        .world(one.environment)
        .await
        .unwrap()
        .unwrap();
    assert!(world.deployments[&2].is_rollback && !world.deployments[&1].is_rollback);
    assert_eq!(
        world.hosts_of.values().next().unwrap()[0].as_str(),
        "shop.localhost"
    );
}

#[tokio::test]
async fn a_request_does_not_wait_for_ever_for_one_with_its_key() {
    use sqlx::Connection;
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    // The other one has taken the key and does not end.
    let mut admin = db.admin().await.unwrap();
    let mut other = admin.begin().await.unwrap();
    sqlx::query("insert into idempotency (team_id, actor, key, route, body_hash) values ($1, $2, 'k', 'POST /apps', $3)")
        .bind(one.team.as_uuid())
        .bind(one.context.actor.to_string())
        .bind([1u8; 32].as_slice())
        .execute(&mut *other)
        .await
        .unwrap();
    let busy = one
        .scope()
        .app_create(&app("second"), Some(key("k", 1)))
        .await
        .unwrap_err();
    assert!(matches!(busy, StoreError::IdempotencyBusy), "{busy:?}");
    other.rollback().await.unwrap();
    let done = one
        .scope()
        .app_create(&app("second"), Some(key("k", 1)))
        .await
        .unwrap();
    assert!(matches!(done, Done::Fresh(_)));
}
