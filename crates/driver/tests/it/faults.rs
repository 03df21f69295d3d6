//! What the fake does wrong when it is told to.

use std::time::Duration;

use futures::StreamExt;
use segue_driver::*;

use super::bench::*;

fn down() -> DriverError {
    DriverError::Unavailable("scripted".into())
}

#[tokio::test(start_paused = true)]
async fn calls_fail_as_often_as_scripted_and_then_succeed() {
    let bench = FakeBench::new();
    let ground = Ground::open(&bench).await;
    let spec = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    bench.fake().script(Fault::Fail {
        op: Op::Run,
        times: 2,
        error: down(),
    });
    for _ in 0..2 {
        assert_eq!(
            bench
                .driver()
                .ensure_running(&spec, soon())
                .await
                .unwrap_err(),
            down()
        );
        assert_eq!(
            bench.driver().inspect(spec.name(), soon()).await.unwrap(),
            Observed::Absent
        );
    }
    let started = bench.driver().ensure_running(&spec, soon()).await.unwrap();
    assert!(started.known().unwrap().is_running());
    let address = spec.address().unwrap();
    assert_eq!(
        bench.fake().answering(address, 8080).as_ref(),
        Some(spec.name())
    );
    assert_eq!(bench.fake().answering(address, 8081), None);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_had_its_effect() {
    let bench = FakeBench::new();
    let ground = Ground::open(&bench).await;
    let spec = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    bench.fake().script(Fault::LoseAnswer {
        op: Op::Run,
        times: 1,
        error: DriverError::Deadline,
    });
    let lost = bench
        .driver()
        .ensure_running(&spec, soon())
        .await
        .unwrap_err();
    assert!(lost.effect_unknown());
    let observed = bench.driver().inspect(spec.name(), soon()).await.unwrap();
    assert!(observed.known().unwrap().is_running());
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_runs_into_its_deadline_on_the_virtual_clock() {
    let bench = FakeBench::new();
    let ground = Ground::open(&bench).await;
    let spec = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    bench.fake().script(Fault::Delay {
        op: Op::Run,
        times: 1,
        by: Duration::from_secs(3600),
    });
    let began = (std::time::Instant::now(), bench.fake().now());
    let slow = bench
        .driver()
        .ensure_running(&spec, Deadline::after(Duration::from_secs(600)))
        .await
        .unwrap_err();
    assert_eq!(slow, DriverError::Deadline);
    assert_eq!((bench.fake().now() - began.1).get_seconds(), 600);
    assert!(began.0.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn events_are_lost_and_doubled_and_listings_stale() {
    let bench = FakeBench::new();
    let ground = Ground::open(&bench).await;
    let driver = bench.driver();
    bench.fake().script_stale_list(1);
    bench.fake().script(Fault::LoseEvents(1));
    bench.fake().script(Fault::DuplicateEvents(1));
    let mut events = driver.events(None, soon()).await.unwrap();
    let spec = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    driver.ensure_running(&spec, soon()).await.unwrap();
    assert_eq!(
        driver.list(soon()).await.unwrap(),
        [],
        "the first listing is old"
    );
    assert_eq!(driver.list(soon()).await.unwrap().len(), 1);
    bench.fake().crash(spec.name(), 9);
    // The start was lost, the death comes twice, the engine's restart once.
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(events.next().await.unwrap().unwrap().kind);
    }
    assert_eq!(
        seen,
        [
            EventKind::Died { code: 9 },
            EventKind::Died { code: 9 },
            EventKind::Started
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_goes_away_keeps_its_processes_and_a_reboot_does_not() {
    let bench = FakeBench::new();
    let ground = Ground::open(&bench).await;
    let driver = bench.driver();
    let spec = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    driver.ensure_running(&spec, soon()).await.unwrap();
    let mut events = driver.events(None, soon()).await.unwrap();
    bench.fake().set_down(true);
    assert!(matches!(
        driver.ping(soon()).await,
        Err(DriverError::Unavailable(_))
    ));
    assert!(matches!(
        driver.list(soon()).await,
        Err(DriverError::Unavailable(_))
    ));
    assert!(matches!(
        events.next().await,
        Some(Err(DriverError::Unavailable(_)))
    ));
    assert!(events.next().await.is_none());
    assert!(
        bench
            .fake()
            .answering(spec.address().unwrap(), 8080)
            .is_some()
    );
    bench.fake().set_down(false);
    let boot = driver.info(soon()).await.unwrap().boot_id;
    bench.fake().reboot();
    assert_ne!(driver.info(soon()).await.unwrap().boot_id, boot);
    assert!(
        bench
            .fake()
            .answering(spec.address().unwrap(), 8080)
            .is_none()
    );
    // What the engine restarts comes back by itself.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        bench
            .fake()
            .answering(spec.address().unwrap(), 8080)
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn builds_follow_their_script_and_cancel() {
    let bench = FakeBench::new();
    let request = BuildRequest {
        tag: "segue/test:v1".into(),
        dockerfile: Dockerfile::Generated {
            text: "FROM scratch\n".into(),
        },
        args: Default::default(),
        ca_bundle: None,
        labels: Default::default(),
        target: None,
        time_limit: Duration::from_secs(60),
        no_cache: false,
        ignore: None,
    };
    let build = |request: &BuildRequest| {
        bench
            .fake()
            .build(request.clone(), futures::stream::empty().boxed())
    };
    let ended = |events: Vec<BuildEvent>| match events.last() {
        Some(BuildEvent::Ended(ended)) => ended.clone(),
        other => panic!("{other:?}"),
    };
    let built = ended(build(&request).collect().await).unwrap();
    assert_eq!(
        bench
            .driver()
            .image_inspect("segue/test:v1", soon())
            .await
            .unwrap()
            .unwrap()
            .id,
        built.id
    );
    assert_eq!(
        ended(build(&request).collect().await).unwrap(),
        built,
        "equal content, equal image"
    );
    let slow = FakeBuild {
        events: vec![],
        takes: Duration::from_secs(61),
        ends: Ok(Behaviour::serving(80)),
    };
    bench.fake().script_build(slow.clone());
    assert_eq!(
        ended(build(&request).collect().await).unwrap_err().kind,
        BuildFailureKind::TimedOut
    );
    let takes = FakeBuild {
        takes: Duration::from_secs(30),
        ..slow
    };
    bench.fake().script_build(takes);
    let stopped =
        tokio::time::timeout(Duration::from_secs(1), build(&request).collect::<Vec<_>>()).await;
    assert!(stopped.is_err());
    assert_eq!(bench.fake().builds_cancelled(), 1);
}
