//! The private Postgres: start, adoption, refusal, crash.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use segue_store::embedded::{Embedded, EmbeddedConfig, EmbeddedError};
use sqlx::{Connection, PgConnection};

/// A folder that an unprivileged account can reach and whose socket path is short.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new()
        .prefix("segue-pg-")
        .tempdir_in("/tmp")
        .unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

async fn setting(server: &Embedded, name: &str) -> String {
    let mut connection = PgConnection::connect_with(&server.connect_options())
        .await
        .unwrap();
    sqlx::query_scalar("select current_setting($1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_server_is_private_durable_and_survives_its_supervisor() {
    let folder = folder();
    let config = EmbeddedConfig::new(folder.path().join("pg"));
    let first = Embedded::start(config.clone()).await.unwrap();
    assert!(!first.was_adopted());
    assert_eq!(setting(&first, "listen_addresses").await, "");
    assert_eq!(setting(&first, "fsync").await, "on");
    assert_eq!(setting(&first, "full_page_writes").await, "on");
    let socket = fs::metadata(folder.path().join("pg/socket")).unwrap();
    assert_eq!(socket.mode() & 0o777, 0o700);
    let status = fs::read_to_string(format!("/proc/{}/status", first.pid())).unwrap();
    let uid = status.lines().find(|l| l.starts_with("Uid:")).unwrap();
    assert!(!uid.split_whitespace().skip(1).any(|id| id == "0"), "{uid}");

    // Two supervisors on one folder: the second is refused while the first lives.
    match Embedded::start(config.clone()).await {
        Err(EmbeddedError::Busy { .. }) => {}
        other => panic!("{other:?}"),
    }

    // The supervisor goes, the server stays, the next supervisor adopts it.
    let pid = first.pid();
    drop(first);
    let second = Embedded::start(config.clone()).await.unwrap();
    assert!(second.was_adopted());
    assert_eq!(second.pid(), pid);
    let mut by_url = PgConnection::connect(&second.url()).await.unwrap();
    sqlx::query("create table kept (n int)")
        .execute(&mut by_url)
        .await
        .unwrap();
    second.stop().await.unwrap();
    assert!(!folder.path().join("pg/data/postmaster.pid").exists());

    let third = Embedded::start(config).await.unwrap();
    assert!(!third.was_adopted());
    let mut connection = PgConnection::connect_with(&third.connect_options())
        .await
        .unwrap();
    sqlx::query("select n from kept")
        .execute(&mut connection)
        .await
        .unwrap();
    third.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_started_again() {
    let folder = folder();
    let config = EmbeddedConfig::new(folder.path().join("pg"));
    let mut server = Embedded::start(config.clone()).await.unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    server.exited().await.unwrap();
    drop(server);
    let again = Embedded::start(config).await.unwrap();
    assert!(!again.was_adopted());
    assert_eq!(setting(&again, "fsync").await, "on");
    again.stop().await.unwrap();
}

#[tokio::test]
async fn data_of_another_major_version_is_refused_and_left_alone() {
    let folder = folder();
    let data = folder.path().join("pg/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let error = Embedded::start(EmbeddedConfig::new(folder.path().join("pg")))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EmbeddedError::OtherMajorVersion { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("PostgreSQL 9"), "{error}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_and_leaves_nothing_running() {
    let folder = folder();
    let mut config = EmbeddedConfig::new(folder.path().join("pg"));
    config
        .settings
        .push(("shared_buffers".into(), "a lot".into()));
    let error = Embedded::start(config.clone()).await.unwrap_err();
    assert!(error.to_string().contains("shared_buffers"), "{error}");
    config.settings.clear();
    Embedded::start(config).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_socket_path_that_is_too_long_is_refused() {
    let folder = folder();
    let mut config = EmbeddedConfig::new(folder.path().join("pg"));
    config.socket_folder = Some(PathBuf::from(format!("/tmp/{}", "x".repeat(100))));
    let error = Embedded::start(config).await.unwrap_err();
    assert!(
        matches!(error, EmbeddedError::SocketPathTooLong { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_store_says_that_the_database_is_away_and_goes_on_when_it_is_back() {
    use segue_store::seal::KeyEncryptionKey;
    use segue_store::testing::Fixture;
    use segue_store::{Store, StoreConfig};

    let folder = folder();
    let config = EmbeddedConfig::new(folder.path().join("pg")).without_durability();
    let server = Embedded::start(config.clone()).await.unwrap();
    Store::migrate(&server.connect_options()).await.unwrap();
    let kek = KeyEncryptionKey::from_bytes(*b"a-key-for-tests-0123456789-only!");
    let store = Store::connect(StoreConfig::new(server.connect_options(), kek))
        .await
        .unwrap();
    let one = Fixture::new(&store, "one").await.unwrap();
    let mut listener = store.system().listen(&["segue_work"]).await.unwrap();
    server.stop().await.unwrap();
    for _ in 0..3 {
        let error = one.scope().app_get(one.app).await.unwrap_err();
        assert!(
            matches!(error, segue_store::StoreError::Unavailable(_)) && error.is_retryable(),
            "{error:?}"
        );
    }
    assert!(store.ready().await.unwrap_err().is_retryable());
    let again = Embedded::start(config).await.unwrap();
    assert_eq!(one.scope().app_get(one.app).await.unwrap().id, one.app);
    // A listener hears that it may have missed something, and then what is new.
    assert!(listener.try_recv().await.unwrap().is_none());
    one.deploy(segue_store::testing::release_spec('a'))
        .await
        .unwrap();
    assert_eq!(listener.recv().await.unwrap().channel(), "segue_work");
    again.stop().await.unwrap();
}
