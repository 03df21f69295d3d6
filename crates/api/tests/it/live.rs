//! The API as a process runs it: listening, streaming, taking pushes.
//!
//! The reconciler is played by the test: it commits routes and rollouts as the worker would, under a lease.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use segue_model::change::{Changes, EventKind, EventSubject, NewEvent, RolloutChange};
use segue_model::failure::Failure;
use segue_model::id::{EnvironmentId, WorkerId};
use segue_model::spec::Strategy;
use segue_model::state::DeploymentState;
use segue_model::world::RolloutState;
use segue_store::{Commit, Shard, Store, WORK_SHARDS, fresh_id};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::harness::{Api, Person};

/// The longest wait for a condition.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    pub api: Api,
    pub url: String,
    stop: CancellationToken,
    task: JoinHandle<Result<(), segue_api::ApiError>>,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn start_with(set: impl FnOnce(&mut segue_api::ApiConfig)) -> Self {
        let mut api = Api::new().await;
        set(&mut api.config);
        api.router = segue_api::router(
            api.config.clone(),
            api.store().clone(),
            CancellationToken::new(),
        )
        .unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        api.config.listen = free.local_addr().unwrap();
        drop(free);
        std::fs::create_dir_all(&api.config.git_hooks).unwrap();
        let hook = api.config.git_hooks.join("pre-receive");
        std::os::unix::fs::symlink(hook_program(), hook).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(segue_api::run(
            api.config.clone(),
            api.store().clone(),
            stop.clone(),
        ));
        let url = format!("http://{}", api.config.listen);
        let server = Self {
            api,
            url,
            stop,
            task,
        };
        let ready = async {
            while UnixStream::connect(&server.api.config.internal_socket)
                .await
                .is_err()
            {
                assert!(!server.task.is_finished(), "the API ended");
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, ready).await.unwrap();
        server
    }

    pub async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    /// A request on the internal socket.
    pub async fn internal(&self, request: Request<Body>) -> http::Response<Incoming> {
        let stream = UnixStream::connect(&self.api.config.internal_socket)
            .await
            .unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }
}

fn hook_program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/pre_receive");
    assert!(
        program.exists(),
        "the example pre_receive is not built: {}",
        program.display()
    );
    program
}

/// Lines of a streamed body.
pub struct Lines {
    body: Incoming,
    rest: Vec<u8>,
}

impl Lines {
    pub fn new(body: Incoming) -> Self {
        Self {
            body,
            rest: Vec::new(),
        }
    }

    /// The next line; `None` at the end.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(String::from_utf8(line).unwrap().trim_end().to_owned());
            }
            let frame = timeout(PATIENCE, self.body.frame())
                .await
                .unwrap()?
                .unwrap();
            self.rest.extend_from_slice(&frame.into_data().unwrap());
        }
    }

    /// The next server-sent event: its name, its id, its data.
    pub async fn event(&mut self) -> Option<(String, Option<String>, serde_json::Value)> {
        let (mut name, mut id, mut data) = (String::new(), None, String::new());
        loop {
            let line = self.next().await?;
            match line.split_once(": ") {
                Some(("event", text)) => name = text.to_owned(),
                Some(("id", text)) => id = Some(text.to_owned()),
                Some(("data", text)) => data.push_str(text),
                _ if line.is_empty() && !data.is_empty() => {
                    return Some((name, id, serde_json::from_str(&data).unwrap()));
                }
                _ => {}
            }
        }
    }
}

impl Server {
    /// Opens a stream of events.
    pub async fn follow(&self, path: &str, person: &Person, last: Option<&str>) -> Lines {
        let stream = TcpStream::connect(self.api.config.listen).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut request = Request::get(path)
            .header("host", "localhost")
            .header("accept", "text/event-stream")
            .header("authorization", format!("Bearer {}", person.token));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = sender
            .send_request(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Lines::new(response.into_body())
    }
}

/// Commits changes as the worker would.
pub async fn commit(
    store: &Store,
    env: EnvironmentId,
    make: impl Fn(&segue_model::world::World) -> Changes,
) -> std::time::Instant {
    let [.., last] = *env.as_uuid().as_bytes();
    let shard = Shard::environments(i16::from(last) % WORK_SHARDS);
    let system = store.system();
    let worker = WorkerId::from_uuid(fresh_id());
    let lease = system
        .lease_acquire(&shard, worker, PATIENCE)
        .await
        .unwrap()
        .unwrap();
    // People may change their wishes in between: then the world is loaded again, as the worker does.
    for _ in 0..20 {
        let world = system.world(env).await.unwrap().unwrap();
        let changes = make(&world);
        let commit = Commit {
            world: &world,
            changes: &changes,
            reasons: &[],
            next_check: None,
        };
        match system.commit(&lease, commit).await {
            Ok(_) => {
                let committed = std::time::Instant::now();
                system.lease_release(&lease).await.unwrap();
                return committed;
            }
            Err(error) if error.is_retryable() => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("the world would not hold still");
}

/// Ends a deployment as the worker would.
pub async fn settle(server: &Server, env: EnvironmentId, number: i64, failure: Option<Failure>) {
    commit(server.api.store(), env, |world| {
        let deployment = &world.deployments[&number];
        let state = if failure.is_some() {
            DeploymentState::Failed
        } else {
            DeploymentState::Succeeded
        };
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
                    last_death: None,
                    failure: failure.clone(),
                },
            }],
            events: vec![NewEvent {
                kind: EventKind::DeploymentChanged,
                subject: EventSubject {
                    deployment: Some(deployment.id),
                    ..EventSubject::default()
                },
                message: format!("#{number} {state}"),
                failure: None,
            }],
            ..Changes::default()
        }
    })
    .await;
}

pub fn id_of(value: &serde_json::Value) -> EnvironmentId {
    value["id"].as_str().unwrap().parse().unwrap()
}
