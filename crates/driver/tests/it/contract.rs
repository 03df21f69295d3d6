//! The contract of [`Driver`]: each case runs against the fake and against a real engine.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use segue_driver::*;
use segue_model::network::ForeignNetwork;
use segue_model::spec::ImageRef;

use super::bench::*;

async fn lifecycle(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let spec = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    assert_eq!(
        driver.inspect(spec.name(), soon()).await.unwrap(),
        Observed::Absent
    );
    let first = driver.ensure_running(&spec, soon()).await.unwrap();
    let first = first.known().unwrap();
    assert_eq!(first.phase, Phase::Running);
    assert_eq!(first.identity.as_ref(), Some(spec.identity()));
    assert_eq!(first.address, spec.address());
    let again = driver.ensure_running(&spec, soon()).await.unwrap();
    assert_eq!(again.known().unwrap().engine_id, first.engine_id);
    assert_eq!(again.known().unwrap().started_at, first.started_at);
    let listed = driver.list(soon()).await.unwrap();
    assert_eq!(
        listed.iter().map(|c| &c.name).collect::<Vec<_>>(),
        [spec.name()]
    );
    let stopped = driver
        .stop(spec.name(), Duration::from_secs(5), soon())
        .await
        .unwrap();
    assert!(
        matches!(&stopped.known().unwrap().phase, Phase::Exited(exit) if exit.code == 143),
        "{stopped:?}"
    );
    // One name, one start.
    let after = driver.ensure_running(&spec, soon()).await.unwrap();
    assert!(matches!(after.known().unwrap().phase, Phase::Exited(_)));
    driver
        .stop(spec.name(), Duration::from_secs(1), soon())
        .await
        .unwrap();
    driver.remove(spec.name(), soon()).await.unwrap();
    driver.remove(spec.name(), soon()).await.unwrap();
    driver.kill(spec.name(), soon()).await.unwrap();
    assert_eq!(
        driver
            .stop(spec.name(), Duration::from_secs(1), soon())
            .await
            .unwrap(),
        Observed::Absent
    );
    assert_eq!(
        driver.inspect(spec.name(), soon()).await.unwrap(),
        Observed::Absent
    );
    assert_eq!(driver.list(soon()).await.unwrap(), []);
    ground.close().await;
}

async fn a_program_that_ignores_sigterm_is_killed(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let spec = ground.task(Does::IgnoreTerm).await;
    driver.ensure_running(&spec, soon()).await.unwrap();
    let stopped = driver
        .stop(spec.name(), Duration::from_secs(1), soon())
        .await
        .unwrap();
    assert!(
        matches!(&stopped.known().unwrap().phase, Phase::Exited(exit) if exit.code == 137),
        "{stopped:?}"
    );
    ground.close().await;
}

async fn the_name_is_a_compare_and_swap(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let addresses = ground.addresses();
    let spec = ground
        .instance_at(Does::Serve("0.0.0.0:8080"), addresses, false)
        .await;
    let calls = (0..6).map(|_| driver.ensure_running(&spec, soon()));
    let ids: Vec<String> = futures::future::join_all(calls)
        .await
        .into_iter()
        .map(|observed| observed.unwrap().known().unwrap().engine_id.clone())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(driver.list(soon()).await.unwrap().len(), 1);
    ground.close().await;
}

async fn addresses_are_respected(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let addresses = ground.addresses();
    let first = ground
        .instance_at(Does::Serve("0.0.0.0:8080"), addresses, false)
        .await;
    driver.ensure_running(&first, soon()).await.unwrap();
    let second = ground
        .instance_at(Does::Serve("0.0.0.0:8080"), addresses, false)
        .await;
    let refused = driver.ensure_running(&second, soon()).await.unwrap_err();
    assert!(
        matches!(refused, DriverError::AddressInUse(_)),
        "{refused:?}"
    );
    assert!(refused.retryable());
    // Free again as soon as the first is gone, and the retry of the same spec succeeds.
    driver.remove(first.name(), soon()).await.unwrap();
    let started = driver.ensure_running(&second, soon()).await.unwrap();
    assert_eq!(started.known().unwrap().address, Some(addresses.traffic));
    ground.close().await;
}

async fn a_missing_image_is_said_so(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let image = ImageRef::Engine {
        id: format!("sha256:{}", "ab".repeat(32)),
        hosts: Default::default(),
    };
    let spec = ground.task_with(&image, vec!["x".into()]);
    let error = bench
        .driver()
        .ensure_running(&spec, soon())
        .await
        .unwrap_err();
    assert!(matches!(error, DriverError::ImageMissing(_)), "{error:?}");
    assert!(
        !bench
            .driver()
            .image_present(image.content(), soon())
            .await
            .unwrap()
    );
    assert_eq!(
        bench.driver().inspect(spec.name(), soon()).await.unwrap(),
        Observed::Absent
    );
    ground.close().await;
}

async fn an_exit_is_seen_everywhere(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let mut events = driver.events(None, soon()).await.unwrap();
    let spec = ground.task(Does::Exit(7)).await;
    driver.ensure_running(&spec, soon()).await.unwrap();
    let exit = driver.wait(spec.name(), soon()).await.unwrap();
    assert_eq!((exit.code, exit.oom), (7, false));
    let mut seen = Vec::new();
    while !seen.contains(&EventKind::Died { code: 7 }) {
        let event = tokio::time::timeout(Duration::from_secs(30), events.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(event.container, *spec.name());
        seen.push(event.kind);
    }
    assert_eq!(seen, [EventKind::Started, EventKind::Died { code: 7 }]);
    let observed = driver.inspect(spec.name(), soon()).await.unwrap();
    assert!(matches!(&observed.known().unwrap().phase, Phase::Exited(exit) if exit.code == 7));
    assert_eq!(observed.known().unwrap().role, Role::Task);
    ground.close().await;
}

async fn memory_kills_are_told_apart(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let spec = ground.task(Does::Hog).await;
    driver.ensure_running(&spec, soon()).await.unwrap();
    let exit = driver.wait(spec.name(), soon()).await.unwrap();
    assert_eq!((exit.code, exit.oom), (137, true));
    assert_eq!(
        exit.failure_code(""),
        segue_model::failure::FailureCode::OutOfMemory
    );
    ground.close().await;
}

async fn listeners_are_seen_from_inside(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    for (at, reachable) in [("0.0.0.0:8080", true), ("127.0.0.1:3000", false)] {
        let spec = ground.instance(Does::Serve(at)).await;
        driver.ensure_running(&spec, soon()).await.unwrap();
        let wanted: Listen = at.parse().unwrap();
        // The process is started; that it listens yet is what is waited for.
        let deadline = soon();
        loop {
            let seen = driver.listeners(spec.name(), deadline).await.unwrap();
            if let Some(found) = seen.iter().find(|listen| **listen == wanted) {
                assert_eq!(found.reachable(), reachable);
                break;
            }
        }
        let listed = driver.list(soon()).await.unwrap();
        assert!(
            listed.iter().all(|container| container.role != Role::Probe),
            "a probe was left behind"
        );
        driver.remove(spec.name(), soon()).await.unwrap();
    }
    ground.close().await;
}

async fn logs_are_complete_and_resume(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let spec = ground.task(Does::Print(&["one", "two", ""])).await;
    driver.ensure_running(&spec, soon()).await.unwrap();
    // Following ends with the container.
    let follow = driver.logs(spec.name(), None, true, soon()).await.unwrap();
    let lines: Vec<LogLine> = tokio::time::timeout(Duration::from_secs(30), follow.try_collect())
        .await
        .unwrap()
        .unwrap();
    let text = |stream| -> Vec<String> {
        let of = lines.iter().filter(|line| line.stream == stream);
        of.map(|line| String::from_utf8(line.message.to_vec()).unwrap())
            .collect()
    };
    assert_eq!(text(LogStream::Stdout), ["one", "two", ""]);
    assert_eq!(text(LogStream::Stderr), ["to stderr"]);
    driver.wait(spec.name(), soon()).await.unwrap();
    let mut all: Vec<LogLine> = driver
        .logs(spec.name(), None, false, soon())
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    all.sort_by_key(|line| line.at);
    let from = all[0].at;
    let later: Vec<LogLine> = driver
        .logs(spec.name(), Some(from), false, soon())
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        later.len(),
        all.iter().filter(|line| line.at > from).count()
    );
    assert!(later.len() < all.len());
    ground.close().await;
}

async fn a_strangers_container_is_neither_seen_nor_touched(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let stranger = bench.stranger();
    let spec = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    let mine = bench.driver().ensure_running(&spec, soon()).await.unwrap();
    assert_eq!(stranger.list(soon()).await.unwrap(), []);
    let refused =
        |error: DriverError| assert!(matches!(error, DriverError::NotOurs(_)), "{error:?}");
    refused(stranger.inspect(spec.name(), soon()).await.unwrap_err());
    refused(
        stranger
            .stop(spec.name(), Duration::from_secs(1), soon())
            .await
            .unwrap_err(),
    );
    refused(stranger.kill(spec.name(), soon()).await.unwrap_err());
    refused(stranger.remove(spec.name(), soon()).await.unwrap_err());
    refused(stranger.ensure_running(&spec, soon()).await.unwrap_err());
    refused(
        stranger
            .exec(spec.name(), &["/app".into()], soon())
            .await
            .unwrap_err(),
    );
    refused(
        stranger
            .logs(spec.name(), None, false, soon())
            .await
            .map(drop)
            .unwrap_err(),
    );
    refused(stranger.listeners(spec.name(), soon()).await.unwrap_err());
    refused(
        stranger
            .remove_network(ground.network(false).name, soon())
            .await
            .unwrap_err(),
    );
    refused(
        stranger
            .ensure_network(&ground.network(false), soon())
            .await
            .unwrap_err(),
    );
    assert_eq!(stranger.networks(soon()).await.unwrap(), []);
    assert_eq!(
        bench.driver().inspect(spec.name(), soon()).await.unwrap(),
        mine
    );
    ground.close().await;
}

async fn networks_are_idempotent(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let (traffic, names) = (ground.network(false), ground.network(true));
    driver.ensure_network(&traffic, soon()).await.unwrap();
    let mut found = driver.networks(soon()).await.unwrap();
    found.sort();
    assert_eq!(found, [traffic.name, names.name]);
    let other = NetworkSpec {
        subnet: names.subnet,
        gateway: names.gateway,
        ..traffic.clone()
    };
    let refused = driver.ensure_network(&other, soon()).await.unwrap_err();
    assert!(matches!(refused, DriverError::Conflict(_)), "{refused:?}");
    let spec = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    driver.ensure_running(&spec, soon()).await.unwrap();
    let refused = driver
        .remove_network(traffic.name, soon())
        .await
        .unwrap_err();
    assert!(matches!(refused, DriverError::Conflict(_)), "{refused:?}");
    driver.remove(spec.name(), soon()).await.unwrap();
    for _ in 0..2 {
        driver.remove_network(traffic.name, soon()).await.unwrap();
        driver.remove_network(names.name, soon()).await.unwrap();
    }
    assert_eq!(driver.networks(soon()).await.unwrap(), []);
    ground.close().await;
}

async fn subnets_of_others_are_told_and_ours_are_not(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let ours = [ground.network(false), ground.network(true)];
    let tells = |list: &[ForeignNetwork], spec: &NetworkSpec| {
        let (name, subnet) = (spec.name.to_string(), spec.subnet);
        list.contains(&ForeignNetwork { name, subnet })
    };
    let mine = bench.driver().foreign_networks(soon()).await.unwrap();
    assert!(ours.iter().all(|spec| !tells(&mine, spec)), "{mine:?}");
    let others = bench.stranger().foreign_networks(soon()).await.unwrap();
    assert!(ours.iter().all(|spec| tells(&others, spec)), "{others:?}");
    assert!(others.len() <= FOREIGN_LIMIT && others.is_sorted());
    // What it tells of is what the engine refuses.
    let base = u32::from(ours[0].subnet.network());
    let wanted = NetworkSpec {
        name: NetworkName::Traffic(segue_model::id::EnvironmentId::from_uuid(
            uuid::Uuid::now_v7(),
        )),
        subnet: ipnet::Ipv4Net::new(base.into(), 25).unwrap(),
        ..ours[0].clone()
    };
    let refused = bench.stranger().ensure_network(&wanted, soon()).await;
    assert!(
        matches!(refused, Err(DriverError::Conflict(_))),
        "{refused:?}"
    );
    ground.close().await;
    let others = bench.stranger().foreign_networks(soon()).await.unwrap();
    assert!(ours.iter().all(|spec| !tells(&others, spec)), "{others:?}");
}

async fn aliases_come_and_go(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let addresses = ground.addresses();
    let spec = ground
        .instance_at(Does::Serve("0.0.0.0:8080"), addresses, false)
        .await;
    driver.ensure_running(&spec, soon()).await.unwrap();
    for _ in 0..2 {
        driver
            .connect_alias(spec.name(), "web", addresses.names.unwrap(), soon())
            .await
            .unwrap();
    }
    for _ in 0..2 {
        driver
            .disconnect_alias(spec.name(), addresses.names.unwrap(), soon())
            .await
            .unwrap();
    }
    let observed = driver.inspect(spec.name(), soon()).await.unwrap();
    assert_eq!(observed.known().unwrap().phase, Phase::Running);
    assert_eq!(observed.known().unwrap().address, Some(addresses.traffic));
    ground.close().await;
}

async fn the_engine_restarts_what_crashes(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let spec = ground.instance(Does::Exit(3)).await;
    driver.ensure_running(&spec, soon()).await.unwrap();
    let until = soon();
    loop {
        let observed = driver.inspect(spec.name(), until).await.unwrap();
        let container = observed.known().unwrap();
        if container.restarts >= 2 {
            break;
        }
        assert!(
            !matches!(container.phase, Phase::Exited(_)),
            "given up: {container:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Stopped by us, it stays down.
    let stopped = driver
        .stop(spec.name(), Duration::from_secs(1), soon())
        .await
        .unwrap();
    // It was down for a moment, or just up again.
    assert!(
        matches!(&stopped.known().unwrap().phase, Phase::Exited(exit) if [3, 143].contains(&exit.code)),
        "{stopped:?}"
    );
    ground.close().await;
}

async fn a_deadline_ends_a_call(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let spec = ground.instance(Does::Serve("0.0.0.0:8080")).await;
    bench.driver().ensure_running(&spec, soon()).await.unwrap();
    let error = bench
        .driver()
        .wait(spec.name(), Deadline::after(Duration::from_millis(300)))
        .await
        .unwrap_err();
    assert_eq!(error, DriverError::Deadline);
    assert!(error.effect_unknown());
    ground.close().await;
}

async fn images_move(bench: &dyn Bench) {
    let ground = Ground::open(bench).await;
    let driver = bench.driver();
    let (image, _) = bench.app(Does::Exit(0)).await;
    let name = format!("segue/{}:v1", ground.environment);
    driver
        .image_tag(image.content(), &name, soon())
        .await
        .unwrap();
    let info = driver.image_inspect(&name, soon()).await.unwrap().unwrap();
    assert_eq!(info.id, image.content());
    assert!(info.tags.contains(&name), "{info:?}");
    let saved = driver.image_save(&name, soon()).await.unwrap();
    driver.image_remove(&name, soon()).await.unwrap();
    driver.image_remove(&name, soon()).await.unwrap();
    assert!(!driver.image_present(&name, soon()).await.unwrap());
    let tar = saved.map_err(std::io::Error::other).boxed();
    driver.image_load(tar, soon()).await.unwrap();
    assert_eq!(
        driver
            .image_inspect(&name, soon())
            .await
            .unwrap()
            .unwrap()
            .id,
        image.content()
    );
    driver.image_remove(&name, soon()).await.unwrap();
    let missing = driver
        .image_save(&name, soon())
        .await
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(missing, DriverError::ImageMissing(_)),
        "{missing:?}"
    );
    let info = driver.info(soon()).await.unwrap();
    assert!(info.cpus > 0 && info.memory_bytes > 0 && !info.id.is_empty());
    ground.close().await;
}

macro_rules! contract {
    ($($case:ident,)*) => {
        mod docker {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(&super::DockerBench::new().await).await;
            })*
        }

        mod fake {
            $(#[tokio::test(start_paused = true)]
            async fn $case() {
                super::$case(&super::FakeBench::new()).await;
            })*
        }
    };
}

contract! {
    lifecycle,
    a_program_that_ignores_sigterm_is_killed,
    the_name_is_a_compare_and_swap,
    addresses_are_respected,
    a_missing_image_is_said_so,
    an_exit_is_seen_everywhere,
    memory_kills_are_told_apart,
    listeners_are_seen_from_inside,
    logs_are_complete_and_resume,
    a_strangers_container_is_neither_seen_nor_touched,
    networks_are_idempotent,
    subnets_of_others_are_told_and_ours_are_not,
    aliases_come_and_go,
    the_engine_restarts_what_crashes,
    a_deadline_ends_a_call,
    images_move,
}
