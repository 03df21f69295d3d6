//! A change and the deployment that rolls it out: both or neither. And who did it, by name.

use std::collections::BTreeMap;

use segue_model::id::TokenId;
use segue_model::name::ConfigKey;
use segue_model::spec::EnvValue;
use segue_store::seal::SecretBytes;
use segue_store::testing::{Fixture, TestDb, deployment_of, release_spec};
use segue_store::{
    Actor, Change, DeploymentKind, NewDeployment, NewSpec, NewToken, Page, Role, SET_HERE,
    TeamContext, fresh_id,
};
use sqlx::Executor;

use crate::support::keys;

fn key(name: &str) -> ConfigKey {
    name.parse().unwrap()
}

/// A deployment whose `web` has these secrets as the deployment itself sets them.
fn naming(secrets: &[&str]) -> NewDeployment {
    let mut spec = release_spec('a');
    for service in spec.services.values_mut() {
        let set_here = EnvValue::Secret { version: SET_HERE };
        let env = secrets.iter().map(|name| (key(name), set_here.clone()));
        service.env.extend(env);
    }
    NewDeployment {
        kind: DeploymentKind::Config,
        ..deployment_of(spec, Vec::new())
    }
}

fn changes() -> Vec<Change> {
    let spec = NewSpec {
        spec: serde_json::json!({"services": {}}),
        scale: BTreeMap::from([("web".parse().unwrap(), 3)]),
    };
    vec![
        Change::Spec(spec),
        Change::SecretSet(key("TOKEN"), SecretBytes::new(b"s".to_vec())),
        Change::Config(keys(&[("LEVEL", Some("debug"))])),
    ]
}

/// Everything that a change or a deployment leaves behind.
async fn left(db: &TestDb, fixture: &Fixture) -> Vec<i64> {
    let mut admin = db.admin().await.unwrap();
    let mut counts = Vec::new();
    for table in [
        "config_versions",
        "secret_versions",
        "spec_versions",
        "scale_targets",
        "releases",
        "deployments",
    ] {
        let count = format!("select count(*) from {table}");
        counts.push(
            sqlx::query_scalar(sqlx::AssertSqlSafe(count))
                .fetch_one(&mut admin)
                .await
                .unwrap(),
        );
    }
    let scope = fixture.scope();
    let env = scope.environment_get(fixture.environment).await.unwrap();
    counts.push(env.generation);
    let records: i64 = sqlx::query_scalar("select count(*) from audit")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    counts.push(records);
    counts
}

#[tokio::test]
async fn a_fault_between_a_change_and_its_deployment_leaves_neither() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let before = left(&db, &one).await;
    // The fault comes when every change is written and the deployment is not.
    let mut admin = db.admin().await.unwrap();
    admin
        .execute(
            "create function fault() returns trigger language plpgsql as
                $$begin raise exception 'the power went'; end$$;
             create trigger fault before insert on deployments execute function fault()",
        )
        .await
        .unwrap();
    let scope = one.scope();
    let (changes, new) = (changes(), naming(&["TOKEN"]));
    let create = || scope.deployment_create_with(one.environment, Some(1), &changes, &new, None);
    create().await.unwrap_err();
    assert_eq!(left(&db, &one).await, before);

    admin
        .execute("drop trigger fault on deployments")
        .await
        .unwrap();
    let (deployment, changed) = create().await.unwrap().fresh().unwrap();
    let after = left(&db, &one).await;
    assert_eq!(after[..6], [1, 1, 1, 1, 1, 1], "each of them once");
    assert_eq!(after[6], before[6] + 1, "one generation for all of it");
    let config = changed.config.unwrap();
    let release = scope.release_get(deployment.release).await.unwrap();
    assert_eq!(release.config_version, Some(config.version));
    let env = &release.spec.services[&"web".parse().unwrap()].env;
    assert_eq!(env[&key("TOKEN")], EnvValue::Secret { version: 1 });
    assert_eq!(changed.secrets[0].version, 1);
    assert_eq!(
        scope.scale_list(one.environment).await.unwrap()[0].replicas,
        3
    );
    assert!(scope.spec_get(one.environment).await.unwrap().is_some());
}

#[tokio::test]
async fn a_removed_secret_gets_a_version_that_never_was() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let scope = one.scope();
    let set = Change::SecretSet(key("TOKEN"), SecretBytes::new(b"1".to_vec()));
    for (changes, names) in [
        (vec![set.clone()], vec!["TOKEN"]),
        (vec![Change::SecretUnset(key("TOKEN"))], vec![]),
        (vec![set], vec!["TOKEN"]),
    ] {
        let new = naming(&names);
        scope
            .deployment_create_with(one.environment, None, &changes, &new, None)
            .await
            .unwrap();
    }
    let release = scope.release_by_version(one.environment, 3).await.unwrap();
    let env = &release.spec.services[&"web".parse().unwrap()].env;
    assert_eq!(env[&key("TOKEN")], EnvValue::Secret { version: 3 });
    // A release cannot name what nobody sets, and then nothing is changed.
    let before = left(&db, &one).await;
    let patch = [Change::Config(keys(&[("A", Some("1"))]))];
    let new = naming(&["OTHER"]);
    scope
        .deployment_create_with(one.environment, None, &patch, &new, None)
        .await
        .unwrap_err();
    assert_eq!(left(&db, &one).await, before);
}

#[tokio::test]
async fn who_did_it_is_told_by_the_name_that_people_know() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "ada").await.unwrap();
    let two = Fixture::new(db.store(), "other").await.unwrap();
    let token = |fixture: &Fixture, name: &str| NewToken {
        id: TokenId::from_uuid(fresh_id()),
        name: name.into(),
        prefix: "segue_test".into(),
        hash: rand_hash(),
        role: Role::Deployer,
        scopes: vec!["deploy".into()],
        app: None,
        address_ranges: Vec::new(),
        expires_at: jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1),
        created_by: fixture.owner,
    };
    let (ci, foreign) = (token(&one, "ci"), token(&two, "theirs"));
    one.scope().token_create(&ci, None).await.unwrap();
    two.scope().token_create(&foreign, None).await.unwrap();
    let as_actor = |actor| db.store().team(&TeamContext::new(one.team, actor));
    let mut shown = Vec::new();
    for actor in [
        Actor::User(one.owner),
        Actor::Token(ci.id),
        Actor::System("worker"),
        // Another team's token stays an id, also if it ever stood in a row.
        Actor::Token(foreign.id),
    ] {
        let scope = as_actor(actor);
        let (made, changed) = scope
            .deployment_create_with(one.environment, None, &changes(), &naming(&["TOKEN"]), None)
            .await
            .unwrap()
            .fresh()
            .unwrap();
        let by = made.created_by.clone();
        assert_eq!(scope.deployment_get(made.id).await.unwrap().created_by, by);
        let release = scope.release_get(made.release).await.unwrap();
        assert_eq!(release.created_by, by);
        assert_eq!(changed.config.unwrap().created_by, by);
        assert_eq!(changed.secrets[0].created_by, by);
        let secrets = scope.secret_list(one.environment).await.unwrap();
        assert_eq!(secrets[0].created_by, by);
        let spec = scope.spec_get(one.environment).await.unwrap().unwrap();
        assert_eq!(spec.created_by, by);
        shown.push(by);
    }
    assert_eq!(
        shown,
        [
            "ada".to_owned(),
            "token ci".to_owned(),
            "segue/worker".to_owned(),
            foreign.id.to_string()
        ]
    );
    let page = Page::first(100);
    let events = as_actor(Actor::User(one.owner))
        .event_recent(Some(one.app), None, page)
        .await
        .unwrap();
    let actors: std::collections::BTreeSet<_> =
        events.iter().map(|event| event.actor.as_str()).collect();
    assert!(
        !actors.iter().any(|actor| actor.starts_with("usr_")),
        "{actors:?}"
    );
}

fn rand_hash() -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(fresh_id().as_bytes());
    hash
}
