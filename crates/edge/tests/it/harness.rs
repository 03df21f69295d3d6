//! One edge in a folder of its own, with its control plane.

use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

use segue_edge::{ControlAddr, Edge, EdgeConfig, EdgeError, Limits};
use segue_model::id::{AppId, EnvironmentId, ReleaseId, TeamId};
use segue_model::route::{Endpoint, EnvironmentRoutes, Pool, Route, RouteGen, RoutePolicy};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::control::{Control, TOKEN};

pub const HOST: &str = "shop.localhost";

pub struct Running {
    pub http: SocketAddr,
    pub https: SocketAddr,
    pub admin: SocketAddr,
    pub stop: CancellationToken,
    pub task: JoinHandle<Result<(), EdgeError>>,
}

impl Running {
    /// Ends it politely.
    pub async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(60), self.task)
            .await
            .expect("the edge ends")
            .unwrap()
            .unwrap();
    }

    /// Ends it at once, as if killed.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

pub struct World {
    pub folder: TempDir,
    pub control: Control,
}

impl World {
    /// A running control plane and no edge.
    pub async fn new() -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            rustls::crypto::aws_lc_rs::default_provider()
                .install_default()
                .unwrap();
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        let control = Control::new(folder.path());
        control.start().await;
        Self { folder, control }
    }

    pub fn config(&self) -> EdgeConfig {
        let any = "127.0.0.1:0".parse().unwrap();
        EdgeConfig {
            state_dir: self.folder.path().join("edge"),
            http: vec![any],
            https: vec![any],
            admin: any,
            control: ControlAddr::Unix(self.control.socket.clone()),
            token_file: self.folder.path().join("token"),
            threads: 2,
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
        }
    }

    pub fn start(&self) -> Running {
        self.start_with(self.config())
    }

    pub fn start_with(&self, config: EdgeConfig) -> Running {
        let edge = Edge::bind(config).unwrap();
        let stop = CancellationToken::new();
        Running {
            http: edge.http()[0],
            https: edge.https().first().copied().unwrap_or(edge.http()[0]),
            admin: edge.admin(),
            task: tokio::spawn(edge.run(stop.clone())),
            stop,
        }
    }
}

/// Routes of the one environment of a test, generation after generation.
pub struct Routes {
    pub routes: EnvironmentRoutes,
    releases: u128,
}

impl Routes {
    pub fn new() -> Self {
        Self {
            routes: EnvironmentRoutes {
                team: TeamId::from_uuid(Uuid::from_u128(1)),
                app: AppId::from_uuid(Uuid::from_u128(2)),
                environment: EnvironmentId::from_uuid(Uuid::from_u128(3)),
                route_gen: RouteGen(0),
                routes: vec![Route {
                    service: "web".parse().unwrap(),
                    hosts: vec![HOST.parse().unwrap()],
                    path: "/".parse().unwrap(),
                    pools: Vec::new(),
                    policy: RoutePolicy::default(),
                }],
            },
            releases: 0,
        }
    }

    pub fn policy(&mut self, set: impl FnOnce(&mut RoutePolicy)) -> &mut Self {
        set(&mut self.routes.routes[0].policy);
        self
    }

    pub fn release(&self) -> ReleaseId {
        ReleaseId::from_uuid(Uuid::from_u128(100 + self.releases))
    }

    /// The next generation: a new release with these instances.
    pub fn next(&mut self, apps: &[&App]) -> EnvironmentRoutes {
        self.releases += 1;
        self.routes.route_gen = self.routes.route_gen.next();
        self.routes.routes[0].pools = vec![Pool {
            release: self.release(),
            weight: 100,
            endpoints: apps
                .iter()
                .map(|app| Endpoint {
                    instance: app.instance,
                    address: app.address,
                })
                .collect(),
        }];
        self.routes.clone()
    }
}

/// Waits until a condition holds.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "not in time: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
