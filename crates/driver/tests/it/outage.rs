//! A Docker daemon that is killed and comes back, on a daemon of the test's own.

use std::time::Duration;

use futures::StreamExt;
use segue_driver::*;

use super::bench::*;
use super::engine::Engine;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_is_told_and_what_it_missed_is_seen_when_it_is_back() {
    let mut engine = Engine::start("10.225.0.0/24".parse().unwrap()).await;
    let bench = DockerBench::at(&engine.config.socket()).await;
    let ground = Ground::open(&bench).await;
    let driver = bench.driver();
    let stays = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    driver.ensure_running(&stays, soon()).await.unwrap();
    let dies = ground.task(Does::IgnoreTerm).await;
    let dies_as = driver.ensure_running(&dies, soon()).await.unwrap();
    let before = driver.inspect(stays.name(), soon()).await.unwrap();
    let mut events = driver.events(None, soon()).await.unwrap();
    // Polled once, so that the stream is open when the engine goes.
    assert!(
        tokio::time::timeout(Duration::from_millis(200), events.next())
            .await
            .is_err()
    );

    engine.kill();
    let last = tokio::time::timeout(Duration::from_secs(30), events.next())
        .await
        .unwrap();
    assert!(
        matches!(last, Some(Err(ref error)) if error.retryable()),
        "{last:?}"
    );
    let refused =
        |error: DriverError| assert!(matches!(error, DriverError::Unavailable(_)), "{error:?}");
    refused(driver.ping(soon()).await.unwrap_err());
    refused(driver.list(soon()).await.unwrap_err());
    refused(driver.inspect(stays.name(), soon()).await.unwrap_err());
    refused(driver.ensure_running(&stays, soon()).await.unwrap_err());
    // Ends while nobody looks.
    let pid = dies_as.known().unwrap().pid.unwrap();
    let killed = std::process::Command::new("/bin/kill")
        .args(["-9", &pid.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());

    engine.restart().await;
    // The same handle goes on; nothing was stopped, and the end that nobody saw is there with its code.
    let after = driver.inspect(stays.name(), soon()).await.unwrap();
    assert_eq!(after, before);
    let exit = driver.wait(dies.name(), soon()).await.unwrap();
    assert_eq!(exit.code, 137);
    assert_eq!(driver.list(soon()).await.unwrap().len(), 2);
    ground.close().await;
}
