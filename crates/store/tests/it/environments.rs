//! Environments that are made after others, that live for a time, and what is left of those that were removed; runs.

use std::collections::BTreeSet;
use std::time::Duration;

use segue_model::id::{EnvironmentId, RunId};
use segue_model::name::{ConfigKey, EnvironmentName};
use segue_model::run::UNFINISHED_LIMIT;
use segue_store::seal::SecretBytes;
use segue_store::testing::{Fixture, TestDb, release_spec};
use segue_store::{
    CloneSecrets, EnvironmentKind, EnvironmentOrigin, NewEnvironment, NewRun, StoreError, fresh_id,
};
use sqlx::{AssertSqlSafe, Executor, PgConnection};

fn new(name: &str) -> NewEnvironment {
    NewEnvironment {
        id: EnvironmentId::from_uuid(fresh_id()),
        name: EnvironmentName::new(name).unwrap(),
        kind: EnvironmentKind::Preview,
        protected: false,
        domains: Vec::new(),
    }
}

fn key(text: &str) -> ConfigKey {
    ConfigKey::new(text).unwrap()
}

async fn count(admin: &mut PgConnection, table: &str, environment: EnvironmentId) -> i64 {
    let query = format!("select count(*) from {table} where environment_id = $1");
    sqlx::query_scalar(AssertSqlSafe(query))
        .bind(environment.as_uuid())
        .fetch_one(admin)
        .await
        .unwrap()
}

/// A production with values, and an environment made after it.
async fn cloned(fixture: &Fixture, secrets: CloneSecrets, limit: Option<u32>) -> EnvironmentId {
    let scope = fixture.scope();
    let value = |text: &str| SecretBytes::from(text.to_owned());
    for (name, text) in [("ALLOWED", "one"), ("HIDDEN", "two")] {
        let (name, text) = (key(name), value(text));
        let set = scope.secret_set(fixture.environment, None, &name, &text, None);
        set.await.unwrap();
    }
    let patch = [(key("COLOUR"), Some("green".to_owned()))].into();
    let set = scope.config_patch(fixture.environment, None, &patch, None);
    set.await.unwrap();
    let origin = EnvironmentOrigin {
        of: Some(fixture.environment),
        secrets: Some(secrets),
        branch: limit.map(|_| "login".to_owned()),
        ttl: limit.map(|_| Duration::from_secs(60)),
        previews_limit: limit,
    };
    let new = new("copy");
    let made = scope.environment_create_from(fixture.app, &new, &origin, None);
    made.await.unwrap().fresh().unwrap();
    new.id
}

#[tokio::test]
async fn a_clone_takes_names_of_secrets_or_the_values_that_were_allowed() {
    let db = TestDb::new().await.unwrap();
    let fixture = Fixture::new(db.store(), "one").await.unwrap();
    let scope = fixture.scope();
    let copy = cloned(&fixture, CloneSecrets::Names, None).await;
    let config = scope.config_get(copy).await.unwrap().unwrap();
    assert_eq!(config.config[&key("COLOUR")], "green");
    assert!(scope.secret_list(copy).await.unwrap().is_empty());
    let wished = scope.secrets_wished(copy).await.unwrap();
    assert_eq!(wished, [key("ALLOWED"), key("HIDDEN")]);
    // Setting one, and giving the other up, ends the waiting.
    let value = SecretBytes::from("own".to_owned());
    let allowed = key("ALLOWED");
    let set = scope.secret_set(copy, None, &allowed, &value, None);
    set.await.unwrap();
    scope
        .secret_unset(copy, None, &key("HIDDEN"))
        .await
        .unwrap();
    assert!(scope.secrets_wished(copy).await.unwrap().is_empty());
    let unknown = scope.secret_unset(copy, None, &key("NOBODY")).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)));

    let other = TestDb::new().await.unwrap();
    let fixture = Fixture::new(other.store(), "two").await.unwrap();
    let scope = fixture.scope();
    let allowed = CloneSecrets::Values(BTreeSet::from([key("ALLOWED"), key("NEVER_SET")]));
    let copy = cloned(&fixture, allowed, None).await;
    let names: Vec<_> = scope.secret_list(copy).await.unwrap();
    assert_eq!(names.len(), 1);
    let value = scope.secret_reveal(copy, &key("ALLOWED")).await.unwrap();
    assert_eq!(value.expose_str(), Some("one"), "sealed anew, and it opens");
    assert!(scope.secrets_wished(copy).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_foreign_environment_is_no_template() {
    let db = TestDb::new().await.unwrap();
    let mine = Fixture::new(db.store(), "mine").await.unwrap();
    let other = Fixture::new(db.store(), "other").await.unwrap();
    let origin = EnvironmentOrigin {
        of: Some(other.environment),
        secrets: Some(CloneSecrets::Names),
        ..EnvironmentOrigin::default()
    };
    let made = mine.scope();
    let copy = new("copy");
    let made = made.environment_create_from(mine.app, &copy, &origin, None);
    assert!(made.await.is_err());
}

#[tokio::test]
async fn a_preview_has_a_time_and_an_app_has_a_number_of_them() {
    let db = TestDb::new().await.unwrap();
    let fixture = Fixture::new(db.store(), "one").await.unwrap();
    let scope = fixture.scope();
    let copy = cloned(&fixture, CloneSecrets::Names, Some(1)).await;
    let found = scope
        .environment_of_branch(fixture.app, "login")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.id, found.ttl), (copy, Some(Duration::from_secs(60))));
    let second = EnvironmentOrigin {
        branch: Some("other".to_owned()),
        previews_limit: Some(1),
        ..EnvironmentOrigin::default()
    };
    let refused = scope
        .environment_create_from(fixture.app, &new("second"), &second, None)
        .await
        .unwrap_err();
    assert!(refused.is_conflict_with("previews_full"), "{refused:?}");

    let system = db.store().system();
    assert!(system.environments_expire().await.unwrap().is_empty());
    let mut admin = db.admin().await.unwrap();
    let over =
        "update environments set expires_at = now() - interval '1 second' where branch = 'login'";
    admin.execute(over).await.unwrap();
    assert_eq!(system.environments_expire().await.unwrap(), [copy]);
    assert!(
        system.environments_expire().await.unwrap().is_empty(),
        "told twice"
    );
    assert!(scope.environment_get(copy).await.unwrap().deleted);
    assert!(
        scope
            .environment_of_branch(fixture.app, "login")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_protected_environment_neither_expires_nor_is_removed() {
    let db = TestDb::new().await.unwrap();
    let fixture = Fixture::new(db.store(), "one").await.unwrap();
    let scope = fixture.scope();
    let environment = fixture.environment;
    let generation = async || scope.environment_get(environment).await.unwrap().generation;
    let day = Some(Duration::from_secs(86_400));
    let lives = scope.environment_live_for(environment, generation().await, day);
    assert!(lives.await.unwrap().expires_at.is_some());
    let kept = scope.environment_protect(environment, generation().await, true);
    assert_eq!(
        kept.await.unwrap().expires_at,
        None,
        "it lives until it is removed"
    );
    let lives = scope
        .environment_live_for(environment, generation().await, day)
        .await;
    assert!(lives.unwrap_err().is_conflict_with("environment_protected"));
    let gone = scope
        .environment_delete(environment, generation().await)
        .await;
    assert!(gone.unwrap_err().is_conflict_with("environment_protected"));
    let app = scope.app_get(fixture.app).await.unwrap();
    let gone = scope.app_delete(app.id, app.generation).await;
    assert!(gone.unwrap_err().is_conflict_with("environment_protected"));
    let free = scope.environment_protect(environment, generation().await, false);
    free.await.unwrap();
    scope
        .environment_delete(environment, generation().await)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_removed_long_ago_leaves_its_name_and_nothing_that_it_held() {
    let db = TestDb::new().await.unwrap();
    let fixture = Fixture::new(db.store(), "one").await.unwrap();
    let scope = fixture.scope();
    let copy = cloned(&fixture, CloneSecrets::Names, None).await;
    let value = SecretBytes::from("own".to_owned());
    let allowed = key("ALLOWED");
    let set = scope.secret_set(copy, None, &allowed, &value, None);
    set.await.unwrap();
    fixture.deploy(release_spec('a')).await.unwrap();
    let deployment = segue_store::testing::deployment_of(release_spec('b'), Vec::new());
    let made = scope.deployment_create(copy, None, &deployment, None);
    let tried = made.await.unwrap().fresh().unwrap();
    let again = segue_store::testing::deployment_of(release_spec('c'), Vec::new());
    let made = scope.deployment_create(copy, None, &again, None);
    made.await.unwrap().fresh().unwrap();
    // Production has what was tried there.
    let mut promoted = segue_store::testing::deployment_of(release_spec('b'), Vec::new());
    if let segue_store::Target::New(release) = &mut promoted.target {
        release.origin = Some(tried.release);
    }
    let made = scope.deployment_create(fixture.environment, None, &promoted, None);
    let promoted = made.await.unwrap().fresh().unwrap();
    let generation = scope.environment_get(copy).await.unwrap().generation;
    scope.environment_delete(copy, generation).await.unwrap();

    let system = db.store().system();
    let purge = async || {
        system
            .environments_purge(Duration::from_secs(60))
            .await
            .unwrap()
    };
    assert_eq!(purge().await, 0, "its addresses have not rested");
    let mut admin = db.admin().await.unwrap();
    // Even by hand, nothing that never changes goes before its time.
    let early = "delete from secret_versions where environment_id in (select id from environments where deleted_at is not null)";
    assert!(admin.execute(early).await.is_err());
    let old = "update environments set deleted_at = now() - interval '25 hours' where deleted_at is not null";
    admin.execute(old).await.unwrap();
    assert_eq!(purge().await, 1);
    assert_eq!(purge().await, 0, "purged twice");
    for table in [
        "secret_versions",
        "config_versions",
        "deployments",
        "secret_wishes",
    ] {
        assert_eq!(count(&mut admin, table, copy).await, 0, "{table}");
    }
    for table in [
        "secret_versions",
        "config_versions",
        "releases",
        "deployments",
    ] {
        assert!(
            count(&mut admin, table, fixture.environment).await > 0,
            "{table} of production"
        );
    }
    assert_eq!(
        count(&mut admin, "releases", copy).await,
        1,
        "an origin stays"
    );
    let release = scope.release_get(promoted.release).await.unwrap();
    let origin = release.origin.unwrap();
    assert_eq!((origin.environment.as_str(), origin.version), ("copy", 1));
    assert!(
        count(&mut admin, "events", copy).await > 0,
        "what happened stays told"
    );
    // And of an environment that is there, nothing goes at all.
    for table in ["secret_versions", "config_versions", "releases"] {
        let statement = format!("delete from {table}");
        assert!(
            admin.execute(AssertSqlSafe(statement)).await.is_err(),
            "{table}"
        );
    }
}

#[tokio::test]
async fn runs_are_numbered_bounded_and_kept_apart_by_team() {
    let db = TestDb::new().await.unwrap();
    let fixture = Fixture::new(db.store(), "one").await.unwrap();
    let stranger = Fixture::new(db.store(), "two").await.unwrap();
    let release = fixture.deploy(release_spec('a')).await.unwrap().release;
    let run = || NewRun {
        id: RunId::from_uuid(fresh_id()),
        release,
        service: "web".parse().unwrap(),
        command: vec!["date".to_owned()],
        time_limit: Duration::from_secs(60),
    };
    let scope = fixture.scope();
    for number in 1..=UNFINISHED_LIMIT {
        let made = scope.run_create(fixture.environment, &run(), None).await;
        assert_eq!(made.unwrap().fresh().unwrap().number, number);
    }
    let refused = scope.run_create(fixture.environment, &run(), None).await;
    assert!(refused.unwrap_err().is_conflict_with("runs_unfinished"));
    let other = stranger.scope();
    let foreign = other.run_create(stranger.environment, &run(), None).await;
    assert!(foreign.is_err(), "another team's release");
    let foreign = other.run_get(fixture.environment, 1).await;
    assert!(matches!(foreign, Err(StoreError::NotFound)));
    let cancelled = scope
        .run_cancel(fixture.environment, 1, None)
        .await
        .unwrap();
    assert!(cancelled.fresh().unwrap().cancel_requested);
    // The planner sees them all.
    let system = db.store().system();
    let world = system.world(fixture.environment).await.unwrap().unwrap();
    assert_eq!(world.runs.len() as i64, UNFINISHED_LIMIT);
    assert!(world.runs.values().any(|run| run.cancel_requested));
}
