//! A control plane of the test: the internal interface on a unix socket, as the edge dials it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody as HttpStreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use segue_model::id::{EnvironmentId, ReleaseId};
use segue_model::internal::{Report, StreamBody, StreamMessage, digest};
use segue_model::route::{Certificate, EnvironmentRoutes, OpenByInstance, RequestCounts, RouteGen};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// What reports have told so far.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub acknowledged: BTreeMap<EnvironmentId, RouteGen>,
    /// The last report's.
    pub draining: OpenByInstance,
    pub counts: BTreeMap<Option<ReleaseId>, RequestCounts>,
    pub last_number: u64,
    pub reports: u64,
    pub goodbyes: u64,
    pub streams: u64,
}

struct State {
    environments: BTreeMap<EnvironmentId, EnvironmentRoutes>,
    certificates: Vec<Certificate>,
    streams: Vec<mpsc::UnboundedSender<StreamBody>>,
    wrong_digest: bool,
    other_edges: u32,
    refuse_reports: bool,
}

#[derive(Clone)]
pub struct Control {
    pub socket: PathBuf,
    /// The same over TCP, once started.
    pub tcp: Arc<OnceLock<SocketAddr>>,
    state: Arc<Mutex<State>>,
    told: watch::Sender<Told>,
    running: Arc<Mutex<CancellationToken>>,
    at_report: Arc<Mutex<Option<AtReport>>>,
}

/// Sees a report before it is answered.
type AtReport = Box<dyn FnMut(&Report) + Send>;

pub const TOKEN: &str = "edge-token-of-the-test";

impl Control {
    /// A control plane that is not there yet.
    pub fn new(folder: &Path) -> Self {
        Self {
            socket: folder.join("control.sock"),
            tcp: Arc::default(),
            state: Arc::new(Mutex::new(State {
                environments: BTreeMap::new(),
                certificates: Vec::new(),
                streams: Vec::new(),
                wrong_digest: false,
                other_edges: 0,
                refuse_reports: false,
            })),
            told: watch::Sender::new(Told::default()),
            running: Arc::default(),
            at_report: Arc::default(),
        }
    }

    /// Calls `see` with each report before it is answered.
    pub fn at_report(&self, see: impl FnMut(&Report) + Send + 'static) {
        *self.at_report.lock().unwrap() = Some(Box::new(see));
    }

    pub async fn start(&self) {
        let _ = std::fs::remove_file(&self.socket);
        let unix = UnixListener::bind(&self.socket).unwrap();
        let tcp = self
            .tcp
            .get()
            .copied()
            .unwrap_or(([127, 0, 0, 1], 0).into());
        let tcp = TcpListener::bind(tcp).await.unwrap();
        let _ = self.tcp.set(tcp.local_addr().unwrap());
        let stop = CancellationToken::new();
        *self.running.lock().unwrap() = stop.clone();
        let this = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = unix.accept() => this.serve(accepted.unwrap().0, stop.clone()),
                    accepted = tcp.accept() => this.serve(accepted.unwrap().0, stop.clone()),
                }
            }
        });
    }

    fn serve<S>(&self, stream: S, stop: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let this = self.clone();
        tokio::spawn(async move {
            let served = hyper::server::conn::http1::Builder::new().serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    let this = this.clone();
                    async move { Ok::<_, Infallible>(this.respond(request).await) }
                }),
            );
            tokio::select! {
                _ = served => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Gone, with all its connections.
    pub fn stop(&self) {
        self.running.lock().unwrap().cancel();
        self.state.lock().unwrap().streams.clear();
        let _ = std::fs::remove_file(&self.socket);
    }

    pub fn set(&self, routes: EnvironmentRoutes) {
        let mut state = self.state.lock().unwrap();
        state
            .environments
            .insert(routes.environment, routes.clone());
        state.streams.retain(|stream| {
            stream
                .send(StreamBody::Change {
                    routes: routes.clone(),
                })
                .is_ok()
        });
    }

    pub fn set_certificates(&self, certificates: Vec<Certificate>) {
        let mut state = self.state.lock().unwrap();
        state.certificates = certificates.clone();
        state.streams.retain(|stream| {
            stream
                .send(StreamBody::Certificates {
                    certificates: certificates.clone(),
                })
                .is_ok()
        });
    }

    /// Sends something that does not follow from the state.
    pub fn send_raw(&self, body: StreamBody) {
        for stream in &self.state.lock().unwrap().streams {
            let _ = stream.send(body.clone());
        }
    }

    pub fn heartbeat(&self, wrong: bool) {
        let mut state = self.state.lock().unwrap();
        state.wrong_digest = wrong;
        let beat = state.beat();
        for stream in &state.streams {
            let _ = stream.send(beat.clone());
        }
        state.wrong_digest = false;
    }

    /// Tells how many other edges are live, now and from now on.
    pub fn set_other_edges(&self, count: u32) {
        self.state.lock().unwrap().other_edges = count;
        self.heartbeat(false);
    }

    /// Whether reports are answered 503 from now on.
    pub fn refuse_reports(&self, refuse: bool) {
        self.state.lock().unwrap().refuse_reports = refuse;
    }

    pub fn told(&self) -> Told {
        self.told.borrow().clone()
    }

    /// Waits until reports have told what is asked for.
    pub async fn wait(&self, what: &str, condition: impl Fn(&Told) -> bool) -> Told {
        let mut told = self.told.subscribe();
        match tokio::time::timeout(
            Duration::from_secs(30),
            told.wait_for(|told| condition(told)),
        )
        .await
        {
            Ok(told) => told.unwrap().clone(),
            Err(_) => panic!("not told in time: {what}; last: {:?}", self.told()),
        }
    }

    pub async fn wait_acknowledged(&self, routes: &EnvironmentRoutes) -> Told {
        let (id, at) = (routes.environment, routes.route_gen);
        self.wait("acknowledgement", |told| {
            told.acknowledged.get(&id) >= Some(&at)
        })
        .await
    }

    /// Sets routes and waits until they are in force.
    pub async fn switch(&self, routes: EnvironmentRoutes) -> Told {
        self.set(routes.clone());
        self.wait_acknowledged(&routes).await
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
        let authorized = request
            .headers()
            .get("authorization")
            .is_some_and(|value| *value == format!("Bearer {TOKEN}"));
        if !authorized {
            return status(StatusCode::UNAUTHORIZED);
        }
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["", "internal", "v1", "edges", edge, "stream"]) => {
                assert!(edge.starts_with("edge_"));
                self.stream()
            }
            (&Method::POST, ["", "internal", "v1", "edges", _, "reports"]) => {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                if self.state.lock().unwrap().refuse_reports {
                    return status(StatusCode::SERVICE_UNAVAILABLE);
                }
                let report: Report = serde_json::from_slice(&body).unwrap();
                self.take(report);
                status(StatusCode::NO_CONTENT)
            }
            (&Method::POST, ["", "internal", "v1", "edges", _, "goodbye"]) => {
                self.told.send_modify(|told| told.goodbyes += 1);
                status(StatusCode::NO_CONTENT)
            }
            other => panic!("unknown request {other:?}"),
        }
    }

    fn take(&self, report: Report) {
        if let Some(see) = &mut *self.at_report.lock().unwrap() {
            see(&report);
        }
        self.told.send_modify(|told| {
            told.reports += 1;
            told.acknowledged.extend(report.acknowledged);
            told.draining = report.draining;
            if report.report_number > told.last_number {
                told.last_number = report.report_number;
                for row in report.counts {
                    told.counts.entry(row.release).or_default().add(&row.counts);
                }
            }
        });
    }

    fn stream(&self) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        {
            let mut state = self.state.lock().unwrap();
            let snapshot = StreamBody::Snapshot {
                environments: state.environments.values().cloned().collect(),
                certificates: state.certificates.clone(),
                other_edges: state.other_edges,
            };
            sender.send(snapshot).unwrap();
            state.streams.push(sender);
        }
        self.told.send_modify(|told| told.streams += 1);
        let mut number = 0;
        let this = self.clone();
        let messages = futures::stream::unfold(receiver, move |mut receiver| {
            let this = this.clone();
            async move {
                let body = match tokio::time::timeout(Duration::from_secs(1), receiver.recv()).await
                {
                    Ok(body) => body?,
                    Err(_) => this.state.lock().unwrap().beat(),
                };
                Some((body, receiver))
            }
        })
        .map(move |body| {
            number += 1;
            let mut line = serde_json::to_vec(&StreamMessage { number, body }).unwrap();
            line.push(b'\n');
            Ok(Frame::data(Bytes::from(line)))
        });
        Response::new(HttpStreamBody::new(messages.boxed()).boxed_unsync())
    }
}

impl State {
    fn beat(&self) -> StreamBody {
        StreamBody::Heartbeat {
            digest: self.digest(),
            other_edges: self.other_edges,
        }
    }

    fn digest(&self) -> String {
        if self.wrong_digest {
            return "0".repeat(64);
        }
        let table: BTreeMap<_, _> = self
            .environments
            .iter()
            .map(|(id, routes)| (*id, routes.route_gen))
            .collect();
        digest(&table)
    }
}

fn status(status: StatusCode) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
    *response.status_mut() = status;
    response
}
