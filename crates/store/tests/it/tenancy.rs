//! Teams do not see each other: by the queries, and a second time by the database.

use segue_model::id::AppId;
use segue_store::testing::{Fixture, TestDb, release_spec};
use segue_store::{
    Actor, Giver, NewMember, NewToken, Page, Role, StoreError, TeamContext, fresh_id,
};
use sqlx::{Connection, PgConnection};

async fn as_role(db: &TestDb, role: &str) -> PgConnection {
    PgConnection::connect_with(&db.connect_options().options([("role", role)]))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_foreign_id_answers_like_a_missing_one() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let two = Fixture::new(db.store(), "two").await.unwrap();
    let deployment = one.deploy(release_spec('a')).await.unwrap();
    let scope = two.scope();
    let missing = AppId::from_uuid(fresh_id());
    for id in [one.app, missing] {
        let error = scope.app_get(id).await.unwrap_err();
        assert!(matches!(error, StoreError::NotFound), "{error:?}");
    }
    assert!(matches!(
        scope.environment_get(one.environment).await,
        Err(StoreError::NotFound)
    ));
    assert!(matches!(
        scope.deployment_get(deployment.id).await,
        Err(StoreError::NotFound)
    ));
    assert!(matches!(
        scope.release_get(deployment.release).await,
        Err(StoreError::NotFound)
    ));
    assert!(matches!(
        scope.source_begin(one.app).await,
        Err(StoreError::NotFound)
    ));
    assert!(matches!(
        scope.app_delete(one.app, 1).await,
        Err(StoreError::NotFound)
    ));
    assert!(scope.config_get(one.environment).await.unwrap().is_none());
    assert_eq!(scope.app_list(Page::first(100)).await.unwrap().len(), 1);
    assert!(
        scope
            .event_recent(Some(one.app), None, Page::first(100))
            .await
            .unwrap()
            .is_empty()
    );
    // The owner still has everything.
    assert_eq!(one.scope().app_get(one.app).await.unwrap().id, one.app);
}

#[tokio::test]
async fn row_level_security_is_the_second_lock() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let two = Fixture::new(db.store(), "two").await.unwrap();
    let mut api = as_role(&db, "segue_api").await;
    // Without a team nothing is seen, also after a transaction that had one.
    let count = "select count(*) from apps";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(count)
            .fetch_one(&mut api)
            .await
            .unwrap(),
        0
    );
    let mut tx = api.begin().await.unwrap();
    sqlx::query("select set_config('segue.team', $1, true)")
        .bind(two.team.as_uuid().to_string())
        .execute(&mut *tx)
        .await
        .unwrap();
    let seen: Vec<uuid::Uuid> = sqlx::query_scalar("select id from apps")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    assert_eq!(seen, [two.app.as_uuid()], "a query that forgets the team");
    let changed = sqlx::query("update apps set generation = 99")
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    tx.rollback().await.unwrap();
    assert_eq!(
        sqlx::query_scalar::<_, i64>(count)
            .fetch_one(&mut api)
            .await
            .unwrap(),
        0
    );

    // A row of another team cannot be written, and an own row cannot point at another team's.
    let mut tx = api.begin().await.unwrap();
    sqlx::query("select set_config('segue.team', $1, true)")
        .bind(two.team.as_uuid().to_string())
        .execute(&mut *tx)
        .await
        .unwrap();
    let foreign =
        sqlx::query("insert into apps (id, team_id, name) values (gen_random_uuid(), $1, 'x')")
            .bind(one.team.as_uuid())
            .execute(&mut *tx)
            .await
            .unwrap_err();
    assert_eq!(
        foreign.as_database_error().unwrap().code().unwrap(),
        "42501"
    );
    tx.rollback().await.unwrap();
    let mut tx = api.begin().await.unwrap();
    sqlx::query("select set_config('segue.team', $1, true)")
        .bind(two.team.as_uuid().to_string())
        .execute(&mut *tx)
        .await
        .unwrap();
    let pointing = sqlx::query(
        "insert into environments (id, team_id, app_id, name, kind) values (gen_random_uuid(), $1, $2, 'x', 'staging')",
    )
    .bind(two.team.as_uuid())
    .bind(one.app.as_uuid())
    .execute(&mut *tx)
    .await
    .unwrap_err();
    assert_eq!(
        pointing.as_database_error().unwrap().code().unwrap(),
        "23503"
    );
}

#[tokio::test]
async fn roles_write_only_what_is_theirs() {
    let db = TestDb::new().await.unwrap();
    let refused = |error: sqlx::Error| {
        error
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned()
            == "42501"
    };
    let mut api = as_role(&db, "segue_api").await;
    for statement in [
        "update rollouts set state = 'live'",
        "update instances set desired = 'gone'",
        "update instance_seen set state = 'ready'",
        "update routes set route_gen = 9",
        "update environment_status set next_serial = 9",
        "delete from audit",
        "update events set message = ''",
        "update deployments set number = 1",
        "select password_hash from users",
        "select token_hash from edges",
        "select * from signing_keys",
        "select * from leases",
        "set role segue_system",
    ] {
        let result = sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut api)
            .await;
        // The login account of the tests may take any role; a server's may too, but the role cannot be left by `reset`.
        if statement != "set role segue_system" {
            assert!(refused(result.unwrap_err()), "{statement}");
        }
    }
    let mut api = as_role(&db, "segue_api").await;
    sqlx::query("reset role").execute(&mut api).await.unwrap();
    let role: String = sqlx::query_scalar("select current_user::text")
        .fetch_one(&mut api)
        .await
        .unwrap();
    assert_eq!(role, "segue_api");
    let mut auth = as_role(&db, "segue_auth").await;
    for statement in [
        "select * from teams",
        "select * from tokens",
        "select * from users",
        "insert into teams values (gen_random_uuid(), 'x')",
    ] {
        let error = sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut auth)
            .await
            .unwrap_err();
        assert!(refused(error), "{statement}");
    }
    let mut system = as_role(&db, "segue_system").await;
    for statement in [
        "update apps set name = 'x'",
        "delete from audit",
        "update secret_versions set sealed = null",
        "insert into audit_heads values (gen_random_uuid(), 1, '')",
    ] {
        let error = sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut system)
            .await
            .unwrap_err();
        assert!(refused(error), "{statement}");
    }
}

#[tokio::test]
async fn tokens_are_looked_up_by_hash_and_end_with_their_creator() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let auth = db.store().auth();
    let platform = TeamContext::platform(Actor::System("test"));
    let user = db
        .store()
        .platform(platform)
        .user_create("Bob@example.com", "Bob", None, false)
        .await
        .unwrap();
    let member = NewMember {
        user,
        role: Role::Deployer,
        app: None,
        environment: None,
    };
    let add = || async {
        let scope = one.scope();
        scope.member_add(Giver::Installation, member, None).await
    };
    add().await.unwrap();
    let token = NewToken {
        id: segue_model::id::TokenId::from_uuid(fresh_id()),
        name: "ci".into(),
        prefix: "segue_abcd".into(),
        hash: [7; 32],
        role: Role::Deployer,
        scopes: vec!["deploy".into()],
        app: Some(one.app),
        address_ranges: vec!["10.0.0.0/8".parse().unwrap()],
        expires_at: jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1),
        created_by: user,
    };
    one.scope().token_create(&token, None).await.unwrap();
    let grant = auth.token(&[7; 32]).await.unwrap().unwrap();
    assert_eq!(
        (grant.team, grant.role, grant.app),
        (one.team, Role::Deployer, Some(one.app))
    );
    assert_eq!(grant.address_ranges, token.address_ranges);
    assert!(auth.token(&[8; 32]).await.unwrap().is_none());
    auth.token_used(grant.token, grant.team).await.unwrap();
    let listed = one
        .scope()
        .token_list_of(None, Page::first(10))
        .await
        .unwrap();
    assert!(listed[0].0.used_at.is_some());

    let by = Giver::Installation;
    one.scope().member_remove(by, user).await.unwrap();
    assert!(
        auth.token(&[7; 32]).await.unwrap().is_none(),
        "a removed person kept a token"
    );
    add().await.unwrap();
    assert!(
        auth.token(&[7; 32]).await.unwrap().is_none(),
        "a token came back with the person"
    );
    let other = NewToken {
        id: segue_model::id::TokenId::from_uuid(fresh_id()),
        hash: [8; 32],
        ..token
    };
    one.scope().token_create(&other, None).await.unwrap();
    assert!(auth.token(&[8; 32]).await.unwrap().is_some());
    one.scope().token_revoke(other.id).await.unwrap();
    assert!(auth.token(&[8; 32]).await.unwrap().is_none());
    assert!(matches!(
        one.scope().token_revoke(other.id).await,
        Err(StoreError::NotFound)
    ));
    let last = one.scope().member_remove(by, one.owner).await.unwrap_err();
    assert!(last.is_conflict_with("last_owner"), "{last:?}");
}

#[tokio::test]
async fn the_setup_link_works_once() {
    let db = TestDb::new().await.unwrap();
    let auth = db.store().auth();
    let setup = segue_store::Setup {
        email: "Ada@Example.com".into(),
        name: "Ada".into(),
        password_hash: "$argon2id$x".into(),
        team_name: "acme".parse().unwrap(),
    };
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(30);
    db.store()
        .system()
        .setup_token_put(&[1; 32], soon)
        .await
        .unwrap();
    let sign_in = db.store().sign_in(None, None);
    assert!(sign_in.setup(&[2; 32], &setup).await.unwrap().is_none());
    assert!(!auth.is_set_up().await.unwrap());
    let (user, team) = sign_in.setup(&[1; 32], &setup).await.unwrap().unwrap();
    assert!(sign_in.setup(&[1; 32], &setup).await.unwrap().is_none());
    let memberships = auth.memberships(user).await.unwrap();
    assert_eq!(
        (memberships[0].team, memberships[0].role),
        (team, Role::Owner)
    );
    let (found, hash) = auth
        .user_by_email("ada@example.COM")
        .await
        .unwrap()
        .unwrap();
    assert!(found.platform_admin && found.id == user && hash.is_some());
}

#[tokio::test]
async fn names_are_unique_in_a_team_and_host_names_everywhere() {
    use segue_store::{DomainKind, Done, NewDomain};
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let two = Fixture::new(db.store(), "two").await.unwrap();
    let domain = NewDomain {
        name: "shop.localhost".parse().unwrap(),
        service: "web".parse().unwrap(),
        kind: DomainKind::Generated,
        active: true,
    };
    one.scope()
        .domain_add(one.environment, &domain, None)
        .await
        .unwrap();
    let taken = two
        .scope()
        .domain_add(two.environment, &domain, None)
        .await
        .unwrap_err();
    assert!(taken.is_conflict_with("domains_name_taken"), "{taken:?}");
    // Given up, it still belongs to its team, which may have it again.
    one.scope()
        .domain_remove(one.environment, &domain.name)
        .await
        .unwrap();
    let taken = two
        .scope()
        .domain_add(two.environment, &domain, None)
        .await
        .unwrap_err();
    assert!(taken.is_conflict_with("domains_name_taken"), "{taken:?}");
    let again = one
        .scope()
        .domain_add(one.environment, &domain, None)
        .await
        .unwrap();
    assert!(matches!(again, Done::Fresh(view) if view.state == segue_store::DomainState::Active));
    let same = one
        .scope()
        .app_by_name(&"shop".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(same.id, one.app);
    let stranger = db
        .store()
        .team(&TeamContext::new(one.team, Actor::System("test")));
    assert_eq!(stranger.app_get(one.app).await.unwrap().id, one.app);
}

/// What `--database-url` gives: an account that owns its database and is no superuser.
#[tokio::test]
async fn an_account_that_is_no_superuser_can_migrate_and_serve() {
    use segue_store::embedded::{Embedded, EmbeddedConfig};
    use segue_store::seal::{KeyEncryptionKey, SecretBytes};
    use segue_store::{Store, StoreConfig};
    use sqlx::Executor;

    let folder = tempfile::Builder::new()
        .prefix("segue-owner-")
        .tempdir()
        .unwrap();
    std::fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o711),
    )
    .unwrap();
    let config = EmbeddedConfig::new(folder.path().join("pg")).without_durability();
    let server = Embedded::start(config).await.unwrap();
    let mut admin = PgConnection::connect_with(&server.connect_options())
        .await
        .unwrap();
    admin
        .execute("create role plain login createrole")
        .await
        .unwrap();
    admin
        .execute("create database theirs owner plain")
        .await
        .unwrap();
    let options = server
        .connect_options()
        .username("plain")
        .database("theirs");
    let kek = KeyEncryptionKey::from_bytes(*b"a-key-for-tests-0123456789-only!");
    let early = Store::connect(StoreConfig::new(options.clone(), kek.clone())).await;
    assert!(
        matches!(early, Err(StoreError::NotMigrated { .. })),
        "{early:?}"
    );
    Store::migrate(&options).await.unwrap();
    let store = Store::connect(StoreConfig::new(options, kek))
        .await
        .unwrap();
    let one = Fixture::new(&store, "one").await.unwrap();
    let two = Fixture::new(&store, "two").await.unwrap();
    one.deploy(release_spec('a')).await.unwrap();
    let key = "A".parse().unwrap();
    let value = SecretBytes::from("x".to_owned());
    one.scope()
        .secret_set(one.environment, None, &key, &value, None)
        .await
        .unwrap();
    let foreign = two.scope().app_get(one.app).await.unwrap_err();
    assert!(matches!(foreign, StoreError::NotFound), "{foreign:?}");
    let world = store
        .system()
        .world(one.environment)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(world.deployments.len(), 1);
    store
        .system()
        .sweep(&segue_store::Retention::default())
        .await
        .unwrap();
    server.stop().await.unwrap();
}
