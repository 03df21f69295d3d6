//! Real builds: on the engine for applications what needs no limits, on a build engine of the test's own what does.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use segue_driver::*;
use segue_model::archive::{END, file};
use segue_model::id::*;
use uuid::Uuid;

use super::bench::*;
use super::engine::Engine;

fn owner() -> Ownership {
    Ownership {
        installation: InstallationId::from_uuid(Uuid::now_v7()),
        host: HostId::from_uuid(Uuid::nil()),
    }
}

fn source(files: &[(&str, &[u8])]) -> BoxStream<'static, std::io::Result<Bytes>> {
    let mut tar = file("app", true, 0, &std::fs::read(app_program()).unwrap());
    for (path, content) in files {
        tar.extend(file(path, false, 0, content));
    }
    tar.extend_from_slice(&END);
    // In pieces, as it comes from a store.
    let pieces: Vec<_> = tar
        .chunks(100_000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    futures::stream::iter(pieces).boxed()
}

pub fn request(text: &str) -> BuildRequest {
    BuildRequest {
        tag: format!("segue-driver-test-build:{}", Uuid::now_v7().simple()),
        dockerfile: Dockerfile::Generated {
            text: text.to_owned(),
        },
        args: BTreeMap::new(),
        ca_bundle: None,
        labels: BTreeMap::from([("segue.test".to_owned(), "build".to_owned())]),
        target: None,
        time_limit: Duration::from_secs(120),
        no_cache: false,
        ignore: None,
    }
}

pub struct Outcome {
    events: Vec<BuildEvent>,
    pub ended: Result<BuiltImage, BuildFailure>,
}

impl Outcome {
    fn log(&self) -> String {
        let logs = self.events.iter().filter_map(|event| match event {
            BuildEvent::Log { message, .. } => Some(String::from_utf8_lossy(message).into_owned()),
            _ => None,
        });
        logs.collect()
    }

    fn states(&self, part: &str) -> Vec<StepState> {
        let steps = self.events.iter().filter_map(|event| match event {
            BuildEvent::Step {
                name,
                state,
                internal: false,
                ..
            } if name.contains(part) => Some(state.clone()),
            _ => None,
        });
        steps.collect()
    }
}

pub async fn build(
    builder: &dyn Builder,
    request: BuildRequest,
    files: &[(&str, &[u8])],
) -> Outcome {
    let mut events: Vec<BuildEvent> = builder.build(request, source(files)).collect().await;
    match events.pop() {
        Some(BuildEvent::Ended(ended)) => Outcome { events, ended },
        other => panic!("the last event is {other:?} after {events:?}"),
    }
}

async fn builder() -> DockerBuilder {
    DockerBench::new().await;
    DockerBuilder::new(Path::new(SOCKET), owner(), None).unwrap()
}

pub const BASE: &str = "FROM scratch\nCOPY app /app\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_build_tells_its_steps_and_makes_the_image() {
    let builder = builder().await;
    let text = format!(
        "{BASE}ARG WORD\nRUN [\"/app\", \"print\", \"hello from the build\"]\nEXPOSE 3000\nCMD [\"/app\", \"sleep\"]\n"
    );
    let mut first = request(&text);
    first.args.insert("WORD".into(), Uuid::now_v7().to_string());
    let outcome = build(&builder, first.clone(), &[]).await;
    let image = outcome.ended.clone().unwrap();
    assert!(
        outcome.log().contains("hello from the build"),
        "{:?}",
        outcome.events
    );
    let states = outcome.states("RUN");
    assert!(
        matches!(
            states.as_slice(),
            [StepState::Started, StepState::Finished { .. }]
        ),
        "{states:?}"
    );
    let info = builder
        .image_inspect(&first.tag, soon())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (info.id.as_str(), info.single_port()),
        (image.id.as_str(), Some(3000))
    );
    // The same again comes from the cache.
    let again = build(&builder, first.clone(), &[]).await;
    assert_eq!(
        again.states("RUN"),
        [StepState::Cached],
        "{:?}",
        again.events
    );
    builder.image_remove(&first.tag, soon()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_step_has_its_code_and_a_wrong_dockerfile_its_kind() {
    let builder = builder().await;
    let failed = build(
        &builder,
        request(&format!("{BASE}RUN [\"/app\", \"exit\", \"3\"]\n")),
        &[],
    )
    .await;
    let failure = failed.ended.clone().unwrap_err();
    assert_eq!(
        failure.kind,
        BuildFailureKind::Step { exit_code: Some(3) },
        "{failure:?}"
    );
    assert!(failure.step.is_some() && !failure.retryable());
    assert!(matches!(
        failed.states("RUN").last(),
        Some(StepState::Failed { .. })
    ));
    let wrong = build(&builder, request("FORM scratch\n"), &[])
        .await
        .ended
        .unwrap_err();
    assert_eq!(wrong.kind, BuildFailureKind::Dockerfile, "{wrong:?}");
    let missing = build(&builder, request("FROM scratch\nCOPY nope /\n"), &[])
        .await
        .ended
        .unwrap_err();
    assert_eq!(
        missing.kind,
        BuildFailureKind::Step { exit_code: None },
        "{missing:?}"
    );
    let base = build(&builder, request("FROM registry.invalid/none:1\n"), &[])
        .await
        .ended
        .unwrap_err();
    assert_eq!(base.kind, BuildFailureKind::BaseImage, "{base:?}");
    let program = build(&builder, request(&format!("{BASE}RUN [\"/nope\"]\n")), &[])
        .await
        .ended
        .unwrap_err();
    assert!(
        matches!(program.kind, BuildFailureKind::Step { .. }),
        "{program:?}"
    );
}

/// The engine runs equal steps of concurrent builds once, and tells the words of it to one of them only.
fn once() -> String {
    Uuid::now_v7().simple().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_reach_every_stage_and_not_the_images_environment() {
    let builder = builder().await;
    let mut request = request(&format!(
        "FROM scratch AS one\nENV ONCE={}\nCOPY app /app\nRUN [\"/app\", \"cat\", \"/etc/segue-build-ca.pem\"]\nRUN [\"/app\", \"env\"]\nFROM scratch\nCOPY --from=one /app /app\n",
        once()
    ));
    request.ca_bundle = Some(Bytes::from_static(b"a certificate"));
    // Steps from the cache write no log.
    request.no_cache = true;
    let outcome = build(&builder, request.clone(), &[]).await;
    outcome.ended.clone().unwrap();
    let log = outcome.log();
    assert!(
        log.contains("a certificate") && log.contains("SSL_CERT_FILE=/etc/segue-build-ca.pem"),
        "{log}"
    );
    builder.image_remove(&request.tag, soon()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dockerignore_excludes_is_not_in_the_build() {
    let builder = builder().await;
    let files: [(&str, &[u8]); 2] = [("keep.txt", b"kept"), ("secret.key", b"canary")];
    let steps = |path: &str| {
        format!(
            "FROM scratch\nENV ONCE={}\nCOPY . /\nRUN [\"/app\", \"cat\", \"{path}\"]\n",
            once()
        )
    };
    let mut kept = request(&steps("/keep.txt"));
    (kept.ignore, kept.no_cache) = (Some("*.key\n".into()), true);
    let outcome = build(&builder, kept.clone(), &files).await;
    outcome.ended.clone().unwrap();
    assert!(outcome.log().contains("kept"));
    builder.image_remove(&kept.tag, soon()).await.unwrap();
    let mut gone = request(&steps("/secret.key"));
    (gone.ignore, gone.no_cache) = (kept.ignore, true);
    let failure = build(&builder, gone, &files).await.ended.unwrap_err();
    assert!(
        matches!(failure.kind, BuildFailureKind::Step { .. }),
        "{failure:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_stream_stops_the_build() {
    let builder = builder().await;
    let word = format!("tick-{}", Uuid::now_v7().simple());
    let text = format!("{BASE}RUN [\"/app\", \"tick\", \"{word}\"]\n");
    let mut events = builder.build(request(&text), source(&[]));
    loop {
        match tokio::time::timeout(Duration::from_secs(60), events.next())
            .await
            .unwrap()
        {
            Some(BuildEvent::Log { .. }) => break,
            Some(BuildEvent::Step { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(processes_with(&word) > 0);
    drop(events);
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while processes_with(&word) > 0 {
        assert!(
            std::time::Instant::now() < until,
            "the build goes on after its stream was dropped"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_ends_at_its_time_limit() {
    let builder = builder().await;
    let word = format!("tick-{}", Uuid::now_v7().simple());
    let mut request = request(&format!("{BASE}RUN [\"/app\", \"tick\", \"{word}\"]\n"));
    request.time_limit = Duration::from_secs(4);
    let failure = build(&builder, request, &[]).await.ended.unwrap_err();
    assert_eq!(failure.kind, BuildFailureKind::TimedOut);
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while processes_with(&word) > 0 {
        assert!(
            std::time::Instant::now() < until,
            "the build goes on after its time limit"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_breaks_off_is_said_so() {
    let builder = builder().await;
    let broken = source(&[])
        .take(1)
        .chain(futures::stream::iter([Err(std::io::Error::other(
            "chunk 2 is gone",
        ))]));
    let events: Vec<BuildEvent> = builder.build(request(BASE), broken.boxed()).collect().await;
    let Some(BuildEvent::Ended(Err(failure))) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!(failure.kind, BuildFailureKind::Source, "{failure:?}");
    assert!(failure.message.contains("chunk 2 is gone"));
}

/// Processes of this machine with this argument.
fn processes_with(word: &str) -> usize {
    let folders = std::fs::read_dir("/proc").unwrap().flatten();
    let has = |folder: &std::fs::DirEntry| {
        let line = std::fs::read(folder.path().join("cmdline")).unwrap_or_default();
        line.windows(word.len()).any(|part| part == word.as_bytes())
            && line.windows(4).any(|part| part == b"tick")
    };
    folders.filter(has).count()
}

fn builder_of(engine: &Engine) -> DockerBuilder {
    DockerBuilder::new(
        &engine.config.socket(),
        owner(),
        Some(engine.config.cgroup()),
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_build_engines_limits_bite_and_its_images_move() {
    let bench = DockerBench::new().await;
    let (open, denied) = (Ground::open(&bench).await, Ground::open(&bench).await);
    let engine = Engine::start(denied.network(false).subnet).await;
    let builder = builder_of(&engine);

    // Builds reach what they may (through the bridge, by masquerade), and neither a denied network nor the machine.
    let mut asked = Vec::new();
    for ground in [&open, &denied] {
        let serves = ground.instance(Does::Serve("0.0.0.0:8080")).await;
        bench
            .driver()
            .ensure_running(&serves, soon())
            .await
            .unwrap();
        asked.push(format!("{}:8080", serves.address().unwrap()));
    }
    let machine = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = machine.local_addr().unwrap().port();
    asked.push(format!("{}:{port}", open.network(false).gateway));
    asked.push(format!("{}:{port}", engine.config.gateway()));
    let steps: String = asked
        .iter()
        .map(|at| format!("RUN [\"/app\", \"ask\", \"{at}\"]\n"))
        .collect();
    let reached = build(&builder, request(&format!("{BASE}{steps}")), &[]).await;
    let log = reached.log();
    reached.ended.unwrap();
    assert!(
        log.contains(&format!("{} answered: HTTP/1.1 200 OK", asked[0])),
        "{log}"
    );
    for closed in &asked[1..] {
        assert!(log.contains(&format!("no connection to {closed}")), "{log}");
    }
    open.close().await;
    denied.close().await;

    let memory = build(
        &builder,
        request(&format!("{BASE}RUN [\"/app\", \"hog\"]\n")),
        &[],
    )
    .await;
    let memory = memory.ended.unwrap_err();
    assert_eq!(memory.kind, BuildFailureKind::Memory, "{memory:?}");
    assert_eq!(
        memory.failure_code(),
        segue_model::failure::FailureCode::BuildLimit
    );

    let forks = build(
        &builder,
        request(&format!("{BASE}RUN [\"/app\", \"forks\"]\n")),
        &[],
    )
    .await;
    assert!(forks.log().contains("fork: "), "{}", forks.log());
    let forks = forks.ended.unwrap_err();
    assert_eq!(forks.kind, BuildFailureKind::Processes, "{forks:?}");

    // What fails without a limit keeps its own kind, also after limits were hit by others.
    let plain = build(
        &builder,
        request(&format!("{BASE}RUN [\"/app\", \"exit\", \"137\"]\n")),
        &[],
    )
    .await;
    assert_eq!(
        plain.ended.unwrap_err().kind,
        BuildFailureKind::Step {
            exit_code: Some(137)
        }
    );

    // A good image goes to the engine for applications by save and load, and runs there under its own id.
    let good = request(&format!("{BASE}CMD [\"/app\", \"exit\", \"5\"]\n"));
    let image = build(&builder, good.clone(), &[]).await.ended.unwrap();
    for _ in 0..2 {
        let there = image_transfer(&builder, bench.driver(), &good.tag, soon())
            .await
            .unwrap();
        assert_eq!(there.id, image.id);
    }
    let ground = Ground::open(&bench).await;
    let image = segue_model::spec::ImageRef::Engine {
        id: image.id,
        hosts: Default::default(),
    };
    let spec = ground.task_with(&image, vec!["/app".into(), "exit".into(), "5".into()]);
    bench.driver().ensure_running(&spec, soon()).await.unwrap();
    assert_eq!(
        bench.driver().wait(spec.name(), soon()).await.unwrap().code,
        5
    );
    ground.close().await;
    bench
        .driver()
        .image_remove(&good.tag, soon())
        .await
        .unwrap();
    drop(engine);
}
