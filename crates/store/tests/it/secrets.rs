//! Secrets are sealed for their place, and a row that was moved does not open.

use segue_store::seal::{KeyEncryptionKey, SealError, SecretBytes};
use segue_store::testing::{Fixture, TestDb};
use segue_store::{
    Actor, AuditVerdict, NewSigningKey, Store, StoreConfig, StoreError, TeamContext,
};

#[tokio::test]
async fn a_secret_is_sealed_versioned_and_revealed_with_a_record() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let scope = one.scope();
    let key = "STRIPE_KEY".parse().unwrap();
    for value in ["first-canary-value", "second-canary-value"] {
        let value = SecretBytes::from(value.to_owned());
        scope
            .secret_set(one.environment, None, &key, &value, None)
            .await
            .unwrap();
    }
    let listed = scope.secret_list(one.environment).await.unwrap();
    assert_eq!((listed.len(), listed[0].version), (1, 2));
    let revealed = scope.secret_reveal(one.environment, &key).await.unwrap();
    assert_eq!(revealed.expose(), b"second-canary-value");
    let opened = db
        .store()
        .system()
        .secret_open(one.environment, &[(key.clone(), 1)])
        .await
        .unwrap();
    assert_eq!(opened[&key].expose(), b"first-canary-value");
    assert_eq!(
        db.store()
            .system()
            .secret_all(one.environment)
            .await
            .unwrap()
            .len(),
        2
    );
    let records = scope
        .audit_list(
            &segue_store::AuditFilter::default(),
            segue_store::Page::first(100),
        )
        .await
        .unwrap();
    assert!(
        records
            .iter()
            .any(|record| record.action == "secret_reveal")
    );

    // No table holds the plaintext.
    let mut admin = db.admin().await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
            .fetch_all(&mut admin)
            .await
            .unwrap();
    for table in tables {
        let query = format!(
            "select count(*) from {table} t where t::text like '%canary%' or t::text like '%' || encode('canary', 'hex') || '%'"
        );
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&mut admin)
            .await
            .unwrap();
        assert_eq!(found, 0, "{table}");
    }
    scope
        .secret_unset(one.environment, None, &key)
        .await
        .unwrap();
    assert!(scope.secret_list(one.environment).await.unwrap().is_empty());
    assert!(matches!(
        scope.secret_reveal(one.environment, &key).await,
        Err(StoreError::NotFound)
    ));
    let removed = db
        .store()
        .system()
        .secret_open(one.environment, &[(key.clone(), 3)])
        .await;
    assert!(matches!(removed, Err(StoreError::NotFound)));
    assert!(
        db.store()
            .system()
            .secret_open(one.environment, &[(key, 1)])
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_moved_or_changed_row_does_not_open() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let two = Fixture::new(db.store(), "two").await.unwrap();
    let key: segue_model::name::ConfigKey = "A".parse().unwrap();
    for fixture in [&one, &two] {
        let value = SecretBytes::from(format!("of {}", fixture.team));
        fixture
            .scope()
            .secret_set(fixture.environment, None, &key, &value, None)
            .await
            .unwrap();
    }
    let mut admin = db.admin().await.unwrap();
    sqlx::raw_sql(
        "alter table secret_versions disable trigger all;
         update secret_versions a set sealed = b.sealed from secret_versions b where b.team_id <> a.team_id;
         alter table secret_versions enable trigger all;",
    )
    .execute(&mut admin)
    .await
    .unwrap();
    let error = one
        .scope()
        .secret_reveal(one.environment, &key)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Seal(SealError::DoesNotOpen)),
        "{error:?}"
    );
    let error = db
        .store()
        .system()
        .secret_open(two.environment, &[(key, 1)])
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Seal(SealError::DoesNotOpen)),
        "{error:?}"
    );
}

#[tokio::test]
async fn another_key_encryption_key_opens_nothing() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let key: segue_model::name::ConfigKey = "A".parse().unwrap();
    let value = SecretBytes::from("x".to_owned());
    one.scope()
        .secret_set(one.environment, None, &key, &value, None)
        .await
        .unwrap();
    let other = KeyEncryptionKey::from_bytes(*b"another-key-of-thirty-two-bytes!");
    let store = Store::connect(StoreConfig::new(db.connect_options(), other))
        .await
        .unwrap();
    let error = store
        .team(&one.context)
        .secret_reveal(one.environment, &key)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Seal(SealError::OtherKek { .. })),
        "{error:?}"
    );
    let error = store
        .system()
        .secret_open(one.environment, &[(key, 1)])
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Seal(SealError::OtherKek { .. })),
        "{error:?}"
    );
}

fn signing_key<'a>(
    kid: &'a str,
    byte: u8,
    private_key: &'a SecretBytes,
    retire_others_at: jiff::Timestamp,
) -> NewSigningKey<'a> {
    NewSigningKey {
        kid,
        public_key: [byte; 32],
        private_key,
        active_at: jiff::Timestamp::now(),
        retire_others_at,
    }
}

#[tokio::test]
async fn servers_that_start_at_once_agree_on_one_signing_key() {
    let db = TestDb::new().await.unwrap();
    let never = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let tasks: Vec<_> = (0u8..4)
        .map(|n| {
            let auth = db.store().auth();
            tokio::spawn(async move {
                let private = SecretBytes::new(vec![n; 48]);
                let kid = format!("k{n}");
                let new = signing_key(&kid, n, &private, never);
                auth.signing_key_first(&new).await.unwrap()
            })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += u32::from(task.await.unwrap());
    }
    assert_eq!(added, 1);
    let keys = db.store().auth().signing_keys().await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].private_key.expose()[0], keys[0].public_key[0]);
    let private = SecretBytes::new(vec![9; 48]);
    let context = TeamContext::platform(Actor::System("test"));
    db.store()
        .signing_key_rotate(&context, &signing_key("next", 9, &private, never))
        .await
        .unwrap();
    let keys = db.store().auth().signing_keys().await.unwrap();
    assert_eq!(
        (
            keys[0].kid.as_str(),
            keys[0].retires_at,
            keys[1].retires_at.is_some()
        ),
        ("next", None, true)
    );
}

#[tokio::test]
async fn the_key_encryption_key_is_rotated_without_a_pause() {
    use segue_model::route::Certificate;

    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let key: segue_model::name::ConfigKey = "A".parse().unwrap();
    let value = SecretBytes::from("x".to_owned());
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    one.scope()
        .secret_set(one.environment, None, &key, &value, None)
        .await
        .unwrap();
    let private = SecretBytes::new(vec![5; 48]);
    let auth = db.store().auth();
    auth.signing_key_first(&signing_key("k", 5, &private, later))
        .await
        .unwrap();
    let certificate = Certificate {
        names: vec!["*.example.com".parse().unwrap()],
        chain_pem: "chain".into(),
        key_pem: "key".into(),
    };
    let system = db.store().system();
    system.certificate_put(&certificate, later).await.unwrap();

    let old = KeyEncryptionKey::from_bytes(*b"a-key-for-tests-0123456789-only!");
    let new = KeyEncryptionKey::from_bytes(*b"another-key-of-thirty-two-bytes!");
    let alone = StoreConfig::new(db.connect_options(), new);
    let mut both = alone.clone();
    both.older_keks = vec![old];
    let both = Store::connect(both).await.unwrap();
    let alone = Store::connect(alone).await.unwrap();
    let refused = alone.system().kek_rewrap().await.unwrap_err();
    assert!(matches!(refused, StoreError::Seal(_)), "{refused:?}");
    let reads = async |store: &Store| {
        let opened = store
            .system()
            .secret_open(one.environment, &[(key.clone(), 1)])
            .await?;
        let keys = store.auth().signing_keys().await?;
        let (certificates, _) = store.system().certificate_list().await?;
        let audit = store.team(&one.context).audit_verify(None).await?;
        assert!(
            matches!(audit, AuditVerdict::Whole { checkpoints: 1, .. }),
            "{audit:?}"
        );
        assert_eq!((opened[&key].expose(), keys.len()), (&b"x"[..], 1));
        assert_eq!(certificates, std::slice::from_ref(&certificate));
        Ok::<(), StoreError>(())
    };
    let signed = db.store().system().audit_checkpoint(one.team).await;
    assert!(matches!(signed, Ok(Some(_))), "{signed:?}");
    // Servers with both keys read before and after, and old servers until then.
    reads(db.store()).await.unwrap();
    reads(&both).await.unwrap();
    assert_eq!(both.system().kek_rewrap().await.unwrap(), 1);
    assert_eq!(both.system().kek_rewrap().await.unwrap(), 0);
    reads(&both).await.unwrap();
    reads(&alone).await.unwrap();
    assert!(matches!(reads(db.store()).await, Err(StoreError::Seal(_))));
}
