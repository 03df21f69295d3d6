//! Instances that people want replaced, and those that are kept warm.

use segue_model::change::{Changes, InstanceChange, RolloutChange};
use segue_model::state::{DeploymentState, Desired};
use segue_store::testing::{Fixture, TestDb, release_spec};
use segue_store::{Done, Idempotency, InstanceView, StoreError, StoredResponse};
use sqlx::Executor;

use crate::support::{begin, commit, created, instance, placed, rollout, world};

fn respond(view: &InstanceView) -> StoredResponse {
    StoredResponse {
        status: 202,
        body: Some(serde_json::json!({"id": view.id})),
        location: None,
    }
}

fn key(key: &str) -> Idempotency<'_, InstanceView> {
    Idempotency {
        key,
        route: "DELETE instance",
        body_hash: [0; 32],
        respond: &respond,
    }
}

#[tokio::test]
async fn an_instance_is_asked_to_be_replaced_once() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let two = Fixture::new(db.store(), "two").await.unwrap();
    let web = created(db.store(), &lease, &one, host).await;
    let scope = one.scope();
    let foreign = two
        .scope()
        .instance_replace(one.environment, web.id, None)
        .await;
    assert!(matches!(foreign, Err(StoreError::NotFound)), "{foreign:?}");
    let elsewhere = two
        .scope()
        .instance_replace(two.environment, web.id, None)
        .await;
    assert!(
        matches!(elsewhere, Err(StoreError::NotFound)),
        "{elsewhere:?}"
    );
    assert!(
        !scope
            .instance_get(one.environment, web.id)
            .await
            .unwrap()
            .replacing
    );

    let asked = scope
        .instance_replace(one.environment, web.id, Some(key("k")))
        .await
        .unwrap();
    let Done::Fresh(view) = asked else {
        panic!("replayed")
    };
    assert!(view.replacing && view.desired == Desired::Run);
    // The same request again, and another one: still one request, one event, one record.
    let again = scope
        .instance_replace(one.environment, web.id, Some(key("k")))
        .await
        .unwrap();
    assert!(matches!(again, Done::Replayed(_)));
    scope
        .instance_replace(one.environment, web.id, Some(key("other")))
        .await
        .unwrap();
    let mut admin = db.admin().await.unwrap();
    for (what, count) in [
        ("instance_replacements", 1i64),
        ("events where kind = 'instance.replace_requested'", 1),
        ("audit where action = 'instance_replace'", 1),
        ("work", 1),
    ] {
        let query = format!("select count(*) from {what}");
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&mut admin)
            .await
            .unwrap();
        assert_eq!(found, count, "{what}");
    }

    let seen = world(db.store(), &one).await;
    let changes = Changes {
        instances: vec![InstanceChange {
            id: web.id,
            desired: Desired::Drain,
            unrouted_gen: None,
            lost: false,
            died: false,
        }],
        ..Changes::default()
    };
    commit(db.store(), &lease, &seen, &changes).await.unwrap();
    let late = scope
        .instance_replace(one.environment, web.id, None)
        .await
        .unwrap_err();
    assert!(late.is_conflict_with("instance_leaving"), "{late:?}");
    assert!(
        !scope
            .instance_get(one.environment, web.id)
            .await
            .unwrap()
            .replacing
    );
}

#[tokio::test]
async fn the_old_ones_are_warm_while_the_new_ones_are_watched() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let old = created(db.store(), &lease, &one, host).await;
    let next = one.deploy(release_spec('b')).await.unwrap();
    let seen = world(db.store(), &one).await;
    let new = instance(&seen, host, 1, 2, 3);
    let changes = Changes {
        create: vec![new.clone()],
        rollouts: vec![begin(&seen, next.id)],
        ..Changes::default()
    };
    commit(db.store(), &lease, &seen, &changes).await.unwrap();
    let warm = async |id| {
        let view = one.scope().instance_get(one.environment, id).await.unwrap();
        view.warm
    };
    assert!(!warm(old.id).await, "it serves until the switch");
    for (from, to, is_warm) in [
        (DeploymentState::Starting, DeploymentState::Switching, false),
        (DeploymentState::Switching, DeploymentState::Live, true),
        (DeploymentState::Live, DeploymentState::Baking, true),
        (DeploymentState::Baking, DeploymentState::Succeeded, false),
    ] {
        let seen = world(db.store(), &one).await;
        let changes = Changes {
            rollouts: vec![RolloutChange {
                deployment: next.id,
                expected: Some(from),
                rollout: rollout(&seen, to),
            }],
            ..Changes::default()
        };
        commit(db.store(), &lease, &seen, &changes).await.unwrap();
        assert_eq!(warm(old.id).await, is_warm, "{to:?}");
        assert!(!warm(new.id).await, "{to:?}");
    }
    // A service that the new release has no more is warm as well.
    let mut admin = db.admin().await.unwrap();
    admin
        .execute("alter table rollouts disable trigger user; update rollouts set state = 'baking', finished_at = null; alter table rollouts enable trigger user")
        .await
        .unwrap();
    admin
        .execute("alter table instances disable trigger user; update instances set service = 'old' where serial = 1; alter table instances enable trigger user")
        .await
        .unwrap();
    assert!(warm(old.id).await);
}
