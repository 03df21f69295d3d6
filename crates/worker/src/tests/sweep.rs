//! Old images: those of the newest releases and of everything that runs stay on the engines, the others go.

use std::collections::BTreeSet;

use segue_driver::{Behaviour, Deadline, Images};
use segue_model::id::BuildId;
use segue_store::testing::release_spec_of_build;
use segue_store::{BuildInput, NewBuild, Retention, fresh_id};

use super::bench::Bench;
use crate::shared::Shared;

/// A release whose image a build made two hours ago, and the image's id. Nothing of it ran.
async fn released(bench: &Bench, version: usize, input: BuildInput, state: &str) -> String {
    let build = BuildId::from_uuid(fresh_id());
    let new = NewBuild {
        id: build,
        input,
        settings: serde_json::Value::Null,
    };
    let spec = release_spec_of_build(build);
    let made = bench.fixture.deploy_with(spec, vec![new]).await.unwrap();
    let id = bench
        .fake
        .image_add(&format!("image {version}"), Behaviour::serving(8080));
    name(bench, &id, build).await;
    let image = if state == "succeeded" {
        format!(r#"'{{"engine":{{"id":"{id}","hosts":[]}}}}'"#)
    } else {
        "null".to_owned()
    };
    statement(
        bench,
        format!(
            "update build_status set state = '{state}', finished_at = now() - interval '2 hours', image = {image}
             where build_id = '{build}';
             insert into rollouts (deployment_id, team_id, environment_id, state, strategy, started_at, progress_at)
             select id, team_id, environment_id, 'superseded', 'switch', now(), now() from deployments where id = '{deployment}'",
            build = build.as_uuid(),
            deployment = made.id.as_uuid()
        ),
    )
    .await;
    id
}

/// Gives the image the name that the build engine gives it.
async fn name(bench: &Bench, id: &str, build: BuildId) {
    let name = format!("segue/{}:{build}", bench.fixture.app);
    let deadline = Deadline::after(std::time::Duration::from_secs(5));
    bench.fake.image_tag(id, &name, deadline).await.unwrap();
}

async fn statement(bench: &Bench, text: String) {
    // A test's own statement, leaked so that it lives as long as the test.
    bench
        .db
        .execute(Box::leak(text.into_boxed_str()))
        .await
        .unwrap();
}

async fn source(bench: &Bench) -> BuildInput {
    let scope = bench.fixture.scope();
    let source = scope.source_begin(bench.fixture.app).await.unwrap();
    scope.source_chunk_put(source, 0, b"source").await.unwrap();
    scope.source_finish(source, [1; 32], 6).await.unwrap();
    BuildInput::Source(source)
}

/// Which of these images the engine has, by their place in the list.
async fn there(bench: &Bench, images: &[String]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for (at, id) in images.iter().enumerate() {
        let deadline = Deadline::after(std::time::Duration::from_secs(5));
        if bench.fake.image_present(id, deadline).await.unwrap() {
            found.insert(at + 1);
        }
    }
    found
}

async fn sweep(shared: &Shared) {
    let keep = Retention::default();
    let next = crate::sweep::images(shared, &keep, None).await.unwrap();
    assert_eq!(next, None, "one page was enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_ten_releases_and_what_runs_keep_their_images() {
    let bench = Bench::new().await;
    let input = source(&bench).await;
    let mut images = Vec::new();
    for version in 1..=10 {
        images.push(released(&bench, version, input.clone(), "succeeded").await);
    }
    let shared = bench.shared();
    sweep(&shared).await;
    assert_eq!(
        there(&bench, &images).await,
        (1..=10).collect(),
        "none is old"
    );

    for version in 11..=14 {
        images.push(released(&bench, version, input.clone(), "succeeded").await);
    }
    // The first is what serves, the second was last good.
    let release = |version: u32| format!("(select id from releases where version = {version})");
    let status = |serving: &str, stable: &str| {
        format!(
            "update environment_status set serving_release_id = {serving}, stable_release_id = {stable}"
        )
    };
    statement(&bench, status(&release(1), &release(2))).await;
    // A rollout leads away from the third.
    let under_way = |release: &str, state: &str| {
        format!(
            "set session_replication_role = replica; -- a rank may not fall
             update rollouts set state = '{state}', from_release_id = {release} where deployment_id =
                (select id from deployments order by number desc limit 1)"
        )
    };
    statement(&bench, under_way(&release(3), "switching")).await;
    sweep(&shared).await;
    let kept: BTreeSet<usize> = [1, 2, 3].into_iter().chain(5..=14).collect();
    assert_eq!(there(&bench, &images).await, kept);

    statement(&bench, under_way("null", "superseded")).await;
    statement(&bench, status("null", "null")).await;
    // The third's build has only just ended.
    statement(
        &bench,
        format!("update build_status set finished_at = now() where build_id = (select build_id from release_builds b
            where b.release_id = {})", release(3)),
    )
    .await;
    sweep(&shared).await;
    let kept: BTreeSet<usize> = [3].into_iter().chain(5..=14).collect();
    assert_eq!(
        there(&bench, &images).await,
        kept,
        "an image that was just made stays"
    );

    // Of an environment that was deleted nothing is needed.
    statement(
        &bench,
        "update environments set deleted_at = now()".to_owned(),
    )
    .await;
    sweep(&shared).await;
    assert_eq!(there(&bench, &images).await, [3].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_instance_keeps_its_image_until_it_is_gone() {
    let bench = Bench::new().await;
    let worker = bench.start();
    bench.brings_up(bench.serving("runs", 1)).await;
    worker.end().await;
    let shared = bench.shared();
    let input = source(&bench).await;
    // A build of long ago made what runs; equal content has an equal id.
    let runs = bench.fake.image_add("runs", Behaviour::serving(8080));
    let mut images = vec![runs.clone()];
    let built = released(&bench, 2, input.clone(), "succeeded").await;
    let image = format!(r#"'{{"engine":{{"id":"{runs}","hosts":[]}}}}'"#);
    statement(
        &bench,
        format!(
            "update build_status set image = {image} where image -> 'engine' ->> 'id' = '{built}'"
        ),
    )
    .await;
    for version in 3..=13 {
        images.push(released(&bench, version, input.clone(), "succeeded").await);
    }
    let forget =
        "update environment_status set serving_release_id = null, stable_release_id = null";
    statement(&bench, forget.to_owned()).await;
    sweep(&shared).await;
    // Versions 3 to 13 stand at the places 2 to 12; the oldest of those eleven is not among the last ten.
    let kept: BTreeSet<usize> = [1].into_iter().chain(3..=12).collect();
    assert_eq!(there(&bench, &images).await, kept);

    // Let go and not yet seen gone: still needed.
    let let_go = "update instances set desired = 'gone', reserved = false";
    statement(&bench, let_go.to_owned()).await;
    sweep(&shared).await;
    assert_eq!(there(&bench, &images).await, kept);
    let gone = "update instance_seen set state = 'gone', gone_at = now()";
    statement(&bench, gone.to_owned()).await;
    // Whatever the store says, the engine does not give up what a container has.
    sweep(&shared).await;
    assert_eq!(there(&bench, &images).await, kept);
    for name in bench.containers().await {
        let name = segue_driver::ContainerName::new(name).unwrap();
        let deadline = Deadline::after(std::time::Duration::from_secs(5));
        segue_driver::Driver::remove(&bench.fake, &name, deadline)
            .await
            .unwrap();
    }
    sweep(&shared).await;
    assert_eq!(there(&bench, &images).await, (3..=12).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_named_stays_and_what_a_failed_build_left_goes() {
    let bench = Bench::new().await;
    let input = source(&bench).await;
    let resolve = BuildInput::Resolve("people/theirs:1".parse().unwrap());
    let mut images = vec![
        released(&bench, 1, input.clone(), "failed").await,
        released(&bench, 2, input.clone(), "succeeded").await,
        released(&bench, 3, resolve, "succeeded").await,
        released(&bench, 4, input.clone(), "succeeded").await,
        released(&bench, 5, input.clone(), "testing").await,
        released(&bench, 6, input, "succeeded").await,
    ];
    // Of the sixth there is only what people named themselves.
    images[5] = bench.fake.image_add("image 6", Behaviour::Run);
    let deadline = Deadline::after(std::time::Duration::from_secs(5));
    let tagged = bench.fake.image_tag(&images[5], "people/sixth:1", deadline);
    tagged.await.unwrap();
    // People named the second too. The fourth was carried over by its id, without a name.
    let also = "people/also:1".to_owned();
    let none = Retention {
        releases: 0,
        ..Retention::default()
    };
    let fourth = bench.fake.image_add("image 4", Behaviour::Run);
    assert_eq!(&fourth, &images[3]);
    let deadline = Deadline::after(std::time::Duration::from_secs(5));
    bench
        .fake
        .image_tag(&images[1], &also, deadline)
        .await
        .unwrap();
    let shared = bench.shared();
    let next = crate::sweep::images(&shared, &none, None).await;
    assert_eq!(next.unwrap(), None);
    assert_eq!(there(&bench, &images).await, [2, 3, 5, 6].into());
    let deadline = Deadline::after(std::time::Duration::from_secs(5));
    let left = bench.fake.image_inspect(&also, deadline).await.unwrap();
    assert_eq!(left.unwrap().tags, [also]);
}
