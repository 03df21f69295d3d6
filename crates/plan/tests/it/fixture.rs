//! Worlds for tests, built from few words.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use segue_model::Timestamp;
use segue_model::id::{AppId, DeploymentId, EdgeId, EnvironmentId, HostId, ReleaseId, TeamId};
use segue_model::name::ServiceName;
use segue_model::revision::RevisionContent;
use segue_model::route::{EnvironmentRoutes, RouteGen};
use segue_model::spec::{
    ImageRef, ImageSource, ReleaseService, Rollout, ServiceKind, ServiceSpec, Volume,
};
use segue_model::state::HostState;
use segue_model::world::{Deployment, Edge, Host, Policy, Release, ServiceRelease, Subnet, World};

pub const MEMORY: u64 = 256 << 20;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn uuid(kind: u8, n: u64) -> String {
    format!("{:032x}", (u128::from(kind) << 96) | u128::from(n))
}

macro_rules! id {
    ($name:ident $type:ty, $kind:expr) => {
        pub fn $name(n: u64) -> $type {
            format!("{}_{}", <$type>::PREFIX, uuid($kind, n))
                .parse()
                .unwrap()
        }
    };
}

id!(host_id HostId, 1);
id!(edge_id EdgeId, 2);
id!(release_id ReleaseId, 3);
id!(deployment_id DeploymentId, 4);
id!(team_id TeamId, 5);
id!(app_id AppId, 6);
id!(environment_id EnvironmentId, 7);

pub fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

pub fn web(replicas: u32) -> ServiceSpec {
    let mut spec = ServiceSpec::new(ServiceKind::Web);
    spec.replicas = replicas;
    spec.resources.memory_bytes = MEMORY;
    spec
}

pub fn worker(replicas: u32) -> ServiceSpec {
    let mut spec = ServiceSpec::new(ServiceKind::Worker);
    spec.replicas = replicas;
    spec.resources.memory_bytes = MEMORY;
    spec
}

pub fn data() -> ServiceSpec {
    let mut spec = ServiceSpec::new(ServiceKind::Data);
    spec.resources.memory_bytes = MEMORY;
    spec.volumes.insert(
        "data".parse().unwrap(),
        Volume {
            path: "/data".to_owned(),
            size_bytes: 1 << 30,
        },
    );
    spec
}

/// A service at a revision that differs by `nonce` alone.
pub fn service(spec: &ServiceSpec, nonce: u32) -> ServiceRelease {
    let image = ImageRef::Engine {
        id: "sha256:aa".to_owned(),
        hosts: [host_id(1)].into(),
    };
    let wanted = ReleaseService {
        spec: spec.clone(),
        image: ImageSource::Pinned(image.clone()),
        env: BTreeMap::new(),
        restart_nonce: nonce,
        generated: false,
    };
    let content = RevisionContent::new(&wanted, &image, None);
    ServiceRelease {
        spec: spec.clone(),
        image,
        revision: content.revision(),
        content,
    }
}

pub fn release(
    version: i64,
    services: impl IntoIterator<Item = (&'static str, ServiceRelease)>,
    rollout: Rollout,
) -> Release {
    Release {
        version,
        services: services.into_iter().map(|(n, s)| (name(n), s)).collect(),
        ready: true,
        rollout,
        stable_at: None,
    }
}

pub fn host(n: u64, memory_units: u64) -> Host {
    Host {
        name: format!("host-{n}"),
        state: HostState::Ready,
        cordoned: false,
        epoch: 1,
        labels: BTreeMap::new(),
        cpu_millis: 8000,
        memory_bytes: memory_units * MEMORY,
        reserved_cpu_millis: 0,
        reserved_memory_bytes: 0,
        listed_at: Some(at(0)),
        pressure: false,
        recent_failures: BTreeMap::new(),
    }
}

pub fn subnet(n: u64) -> Subnet {
    Subnet {
        base: Ipv4Addr::new(10, 96, u8::try_from(n).unwrap(), 0),
        cursor: 1,
        held: Default::default(),
        resting: BTreeMap::new(),
        overlap: None,
    }
}

pub fn edge() -> Edge {
    Edge {
        lease_until: at(10),
        acknowledged: RouteGen(0),
        draining: BTreeMap::new(),
    }
}

/// An empty environment on `hosts` hosts with `edges` edges, all well.
pub fn world(hosts: u64, edges: u64, memory_units: u64) -> World {
    World {
        now: at(0),
        team: team_id(1),
        app: app_id(1),
        environment: environment_id(1),
        generation: 1,
        stopped: false,
        deleted: false,
        next_serial: 1,
        serving: None,
        stable: None,
        hosts_of: BTreeMap::new(),
        releases: BTreeMap::new(),
        deployments: BTreeMap::new(),
        targets: BTreeMap::new(),
        instances: BTreeMap::new(),
        runs: BTreeMap::new(),
        hosts: (1..=hosts)
            .map(|n| (host_id(n), host(n, memory_units)))
            .collect(),
        subnets: BTreeMap::new(),
        volume_hosts: BTreeMap::new(),
        edges: (1..=edges).map(|n| (edge_id(n), edge())).collect(),
        routes: EnvironmentRoutes {
            team: team_id(1),
            app: app_id(1),
            environment: environment_id(1),
            route_gen: RouteGen(0),
            routes: Vec::new(),
        },
        traffic: BTreeMap::new(),
        policy: Policy {
            // Short, so that traces see freed addresses come back.
            address_rest: Duration::from_secs(120),
            ..Policy::default()
        },
    }
}

pub fn deployment(number: i64, release: ReleaseId) -> Deployment {
    Deployment {
        id: deployment_id(u64::try_from(number).unwrap()),
        number,
        release,
        builds: BTreeMap::new(),
        created_at: at(0),
        cancel_requested: false,
        is_rollback: false,
        rollout: None,
    }
}
