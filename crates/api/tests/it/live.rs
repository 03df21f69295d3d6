//! The API as a process runs it: listening, streaming routes to edges, taking pushes from a real git.
//!
//! The reconciler is played by the test: it commits routes and rollouts as the worker would, under a lease.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use segue_model::change::{Changes, EventKind, EventSubject, NewEvent, RolloutChange};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{EdgeId, EnvironmentId, WorkerId};
use segue_model::internal::{Report, StreamBody, StreamMessage};
use segue_model::route::{EnvironmentRoutes, RouteGen};
use segue_model::spec::Strategy;
use segue_model::state::DeploymentState;
use segue_model::world::RolloutState;
use segue_store::{Commit, Shard, Store, WORK_SHARDS, fresh_id};
use serde_json::json;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::harness::{Api, Person};

const PATIENCE: Duration = Duration::from_secs(60);

struct Server {
    api: Api,
    url: String,
    stop: CancellationToken,
    task: JoinHandle<Result<(), segue_api::ApiError>>,
}

impl Server {
    async fn start() -> Self {
        let mut api = Api::new().await;
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        api.config.listen = free.local_addr().unwrap();
        drop(free);
        std::fs::create_dir_all(&api.config.git_hooks).unwrap();
        let hook = api.config.git_hooks.join("pre-receive");
        std::os::unix::fs::symlink(hook_program(), hook).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(segue_api::run(api.config.clone(), api.store().clone(), stop.clone()));
        let url = format!("http://{}", api.config.listen);
        let server = Self { api, url, stop, task };
        let ready = async {
            while UnixStream::connect(&server.api.config.internal_socket).await.is_err() {
                assert!(!server.task.is_finished(), "the API ended");
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, ready).await.unwrap();
        server
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }

    /// A request on the internal socket.
    async fn internal(&self, request: Request<Body>) -> http::Response<hyper::body::Incoming> {
        let stream = UnixStream::connect(&self.api.config.internal_socket).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }
}

fn hook_program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().unwrap().parent().unwrap().join("examples/pre_receive");
    assert!(program.exists(), "the example pre_receive is not built: {}", program.display());
    program
}

fn edge_request(method: &str, edge: EdgeId, path: &str, token: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(format!("/internal/v1/edges/{edge}/{path}"))
        .header("host", "segue")
        .header("authorization", format!("Bearer {token}"))
        .body(body)
        .unwrap()
}

/// Reads messages line by line.
struct Messages {
    body: hyper::body::Incoming,
    rest: Vec<u8>,
}

impl Messages {
    async fn next(&mut self) -> StreamMessage {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return serde_json::from_slice(&line).unwrap();
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.unwrap().unwrap().unwrap();
            self.rest.extend_from_slice(&frame.into_data().unwrap());
        }
    }
}

fn event(message: &str) -> NewEvent {
    NewEvent {
        kind: EventKind::RoutesChanged,
        subject: EventSubject { route_gen: Some(RouteGen(1)), ..EventSubject::default() },
        message: message.into(),
        failure: None,
    }
}

/// Commits changes as the worker would.
async fn commit(store: &Store, env: EnvironmentId, make: impl Fn(&segue_model::world::World) -> Changes) {
    let [.., last] = *env.as_uuid().as_bytes();
    let shard = Shard::environments(i16::from(last) % WORK_SHARDS);
    let system = store.system();
    let worker = WorkerId::from_uuid(fresh_id());
    let lease = system.lease_acquire(&shard, worker, PATIENCE).await.unwrap().unwrap();
    // People may change their wishes in between: then the world is loaded again, as the worker does.
    for _ in 0..20 {
        let world = system.world(env).await.unwrap().unwrap();
        let changes = make(&world);
        let commit = Commit { world: &world, changes: &changes, reasons: &[], next_check: None };
        match system.commit(&lease, commit).await {
            Ok(_) => {
                system.lease_release(&lease).await.unwrap();
                return;
            }
            Err(error) if error.is_retryable() => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("the world would not hold still");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committed_route_reaches_an_edge_and_reports_come_back() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let path = api.app(&owner, "acme", "shop").await;
    let env: EnvironmentId =
        api.get(&path, &owner).await.expect(200)["id"].as_str().unwrap().parse().unwrap();
    let token = std::fs::read_to_string(&api.config.edge_token_file).unwrap();
    let edge = EdgeId::from_uuid(fresh_id());

    for bad in ["", "wrong", &token[..31], &format!("{token}x")] {
        let refused = server.internal(edge_request("GET", edge, "stream", bad, Body::empty())).await;
        assert_eq!(refused.status(), 401, "{bad}");
    }
    // People's tokens open nothing here.
    let refused = server.internal(edge_request("GET", edge, "stream", &owner.token, Body::empty())).await;
    assert_eq!(refused.status(), 401);

    let response = server.internal(edge_request("GET", edge, "stream", &token, Body::empty())).await;
    assert_eq!(response.status(), 200);
    let mut messages = Messages { body: response.into_body(), rest: Vec::new() };
    let first = messages.next().await;
    assert_eq!(first.number, 1);
    assert!(matches!(first.body, StreamBody::Snapshot { ref environments, .. } if environments.is_empty()));

    for generation in 1..=20 {
        commit(api.store(), env, |world| Changes {
            routes: Some(EnvironmentRoutes {
                team: world.team,
                app: world.app,
                environment: env,
                route_gen: RouteGen(generation),
                routes: Vec::new(),
            }),
            events: vec![event("routes changed")],
            ..Changes::default()
        })
        .await;
        let message = loop {
            let message = messages.next().await;
            if !matches!(message.body, StreamBody::Heartbeat { .. }) {
                break message;
            }
        };
        match message.body {
            StreamBody::Change { routes } => assert_eq!(routes.route_gen, RouteGen(generation)),
            other => panic!("{other:?}"),
        }
    }

    let report = Report {
        acknowledged: [(env, RouteGen(20))].into(),
        report_number: 1,
        http_port: Some(8080),
        ..Report::default()
    };
    let body = Body::from(serde_json::to_vec(&report).unwrap());
    let kept = server.internal(edge_request("POST", edge, "reports", &token, body)).await;
    assert_eq!(kept.status(), 204);
    let world = api.store().system().world(env).await.unwrap().unwrap();
    assert_eq!(world.edges[&edge].acknowledged, RouteGen(20));
    assert!(world.edges[&edge].is_live(world.now));
    let gone = server.internal(edge_request("POST", edge, "goodbye", &token, Body::empty())).await;
    assert_eq!(gone.status(), 204);
    let world = api.store().system().world(env).await.unwrap().unwrap();
    assert!(!world.edges.contains_key(&edge));
    server.end().await;
}

/// A working copy with one commit.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn new() -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        copy.git(&["init", "--quiet", "--initial-branch=main"]);
        copy.write("Dockerfile", "FROM scratch\n");
        copy.commit("first");
        copy
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "."]);
        self.git(&["-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", message]);
    }

    fn git(&self, arguments: &[&str]) {
        let status = std::process::Command::new("/usr/bin/git")
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .status()
            .unwrap();
        assert!(status.success(), "git {arguments:?}");
    }

    fn push(&self, server: &Server, person: &Person, app: &str, arguments: &[&str]) -> tokio::process::Child {
        let address = server.url.strip_prefix("http://").unwrap();
        let url = format!("http://x:{}@{address}/git/acme/{app}.git", person.token);
        tokio::process::Command::new("/usr/bin/git")
            .arg("push")
            .args(&arguments[..arguments.len() - 1])
            .arg(url)
            .arg(arguments[arguments.len() - 1])
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }
}

async fn ended(child: tokio::process::Child) -> (bool, String) {
    let Output { status, stderr, .. } = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    (status.success(), String::from_utf8_lossy(&stderr).into_owned())
}

async fn exists(server: &Server, person: &Person, path: &str) -> serde_json::Value {
    let found = async {
        loop {
            let answer = server.api.get(path, person).await;
            if answer.status == 200 {
                return answer.body;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, found).await.unwrap()
}

/// Ends a deployment as the worker would.
async fn settle(server: &Server, env: EnvironmentId, number: i64, failure: Option<Failure>) {
    commit(server.api.store(), env, |world| {
        let deployment = &world.deployments[&number];
        let state = if failure.is_some() { DeploymentState::Failed } else { DeploymentState::Succeeded };
        Changes {
            rollouts: vec![RolloutChange {
                deployment: deployment.id,
                expected: None,
                rollout: RolloutState {
                    state,
                    from: None,
                    strategy: Strategy::Switch,
                    started_at: world.now,
                    progress_at: world.now,
                    progress: 0,
                    first_gen: None,
                    switch_gen: None,
                    live_at: failure.is_none().then_some(world.now),
                    early_deaths: 0,
                    failure: failure.clone(),
                },
            }],
            events: vec![NewEvent {
                kind: EventKind::DeploymentChanged,
                subject: EventSubject { deployment: Some(deployment.id), ..EventSubject::default() },
                message: format!("#{number} {state}"),
                failure: None,
            }],
            ..Changes::default()
        }
    })
    .await;
}

fn id_of(value: &serde_json::Value) -> EnvironmentId {
    value["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_is_deployed_followed_and_rejected_with_its_deployment() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    api.post("/v1/teams/acme/apps", &owner, json!({"name": "shop"})).await.expect(201);
    let env_path = "/v1/teams/acme/apps/shop/envs/production";
    let copy = Copy::new();

    // The first push makes production and ends when the deployment is live.
    let push = copy.push(&server, &owner, "shop", &["main"]);
    exists(&server, &owner, &format!("{env_path}/deployments/1")).await;
    let env = id_of(&api.get(env_path, &owner).await.expect(200));
    settle(&server, env, 1, None).await;
    let (good, text) = ended(push).await;
    assert!(good, "{text}");
    for line in ["remote: → shop, deployment #1, pushed by acme@example.com", "✓ v1 live"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }

    // A deployment that fails rejects the push; the ref stays, so the same commit can be pushed again.
    copy.write("Dockerfile", "FROM scratch\n# broken\n");
    copy.commit("broken");
    let push = copy.push(&server, &owner, "shop", &["main"]);
    exists(&server, &owner, &format!("{env_path}/deployments/2")).await;
    let failure = Failure { code: FailureCode::BuildFailed, evidence: "step 3 of 4".into() };
    settle(&server, env, 2, Some(failure)).await;
    let (good, text) = ended(push).await;
    assert!(!good && text.contains("pre-receive hook declined"), "{text}");
    for line in ["✗ deployment #2 failed", "a build step failed: step 3 of 4", "code: build_failed"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let push = copy.push(&server, &owner, "shop", &["main"]);
    exists(&server, &owner, &format!("{env_path}/deployments/3")).await;

    // Another commit has to wait; the same one attaches and makes no deployment.
    copy.write("Dockerfile", "FROM scratch\n# third\n");
    copy.commit("third");
    let (good, text) = ended(copy.push(&server, &owner, "shop", &["main"])).await;
    assert!(!good && text.contains("another push to shop is being deployed"), "{text}");
    // The client leaves; nothing is cancelled, and a push of the same commit goes on with it.
    let mut push = push;
    push.kill().await.unwrap();
    let push = copy.push(&server, &owner, "shop", &["HEAD~1:refs/heads/main"]);
    let mut push_output = push;
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(push_output.stderr.take().unwrap());
    let attached = async {
        use tokio::io::AsyncBufReadExt;
        while !line.contains("deployment #3") {
            line.clear();
            assert!(reader.read_line(&mut line).await.unwrap() > 0, "the push ended early");
        }
    };
    timeout(PATIENCE, attached).await.unwrap();
    settle(&server, env, 3, None).await;
    let status = timeout(PATIENCE, push_output.wait()).await.unwrap().unwrap();
    assert!(status.success());
    assert_eq!(api.get(&format!("{env_path}/deployments/4"), &owner).await.status, 404);

    // Nobody waits with -o detach.
    let (good, text) = ended(copy.push(&server, &owner, "shop", &["-o", "detach", "main"])).await;
    assert!(good && text.contains("deployment #4"), "{text}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_that_cannot_be_are_refused_with_a_sentence_and_nothing_is_deployed() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let viewer = api.member(owner.team, "viewer", segue_store::Role::Viewer).await;
    let stranger = api.team("other", false).await;
    let env_path = api.app(&owner, "acme", "shop").await;
    let copy = Copy::new();
    let cases: [(&Person, &str, &[&str], &str); 8] = [
        (&owner, "shop", &["main:refs/heads/feature"], "only `main` is deployed"),
        (&owner, "shop", &["main:refs/tags/v1"], "only `main` is deployed"),
        (&owner, "shop", &["main:refs/notes/x"], "neither a branch nor a tag"),
        (&owner, "shop", &["-o", "env=nope", "main"], "has no environment nope"),
        (&owner, "shop", &["-o", "force", "main"], "unknown push option"),
        (&owner, "nowhere", &["main"], "not found"),
        (&stranger, "shop", &["main"], "not found"),
        (&viewer, "shop", &["main"], "403"),
    ];
    for (person, app, arguments, expected) in cases {
        let (good, text) = ended(copy.push(&server, person, app, arguments)).await;
        assert!(!good && text.contains(expected), "{arguments:?}: {text}");
    }
    let list = api.get(&format!("{env_path}/deployments"), &owner).await.expect(200);
    assert_eq!(list["items"], json!([]));
    // The dumb protocol and other files do not exist.
    for path in ["HEAD", "config", "objects/info/packs", "info/refs"] {
        let uri = format!("/git/acme/shop.git/{path}");
        let answer = api.call(Method::GET, &uri, Some(&owner.token), None, &[]).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert!(Path::new(&api.config.git_root).exists());
    server.end().await;
}
