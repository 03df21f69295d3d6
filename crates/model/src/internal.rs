//! The internal interface between edges and the control plane: HTTP with NDJSON, one unix socket or TCP.
//!
//! - `GET /internal/v1/edges/{edge}/stream`: the control plane sends [`StreamMessage`]s, one JSON object a
//!   line. Numbers start at 1 on each connection and have no gap; the first message is a snapshot.
//! - `POST /internal/v1/edges/{edge}/reports`: the edge sends [`Report`]s; each renews its lease.
//! - `POST /internal/v1/edges/{edge}/goodbye`: a clean end; the edge is removed.
//!
//! Every request carries `Authorization: Bearer` with the edge's token. A message that goes backwards for
//! an environment is refused by the edge; a gap ends the connection, and the next begins with a snapshot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{EnvironmentId, ReleaseId};
use crate::name::ServiceName;
use crate::route::{Certificate, EnvironmentRoutes, OpenByInstance, RequestCounts, RouteGen};

/// Path prefix of the internal interface.
pub const INTERNAL_PREFIX: &str = "/internal/v1";

/// The control plane sends at least this often, so that a silent stream is a dead one, milliseconds.
pub const HEARTBEAT_MS: u64 = 3_000;

/// An edge reports at least this often; its lease lasts [`EDGE_LEASE_MS`], milliseconds.
pub const REPORT_MS: u64 = 3_000;

/// An edge without a report for this long is silent, milliseconds.
pub const EDGE_LEASE_MS: u64 = 10_000;

/// Acknowledgements are gathered this long before they are sent, milliseconds.
pub const ACK_BATCH_MS: u64 = 5;

const _: () = assert!(
    EDGE_LEASE_MS > 3 * REPORT_MS,
    "three reports must fit into a lease"
);

/// A numbered message of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamMessage {
    /// 1, 2, 3 … on this connection.
    pub number: u64,
    /// What it says.
    #[serde(flatten)]
    pub body: StreamBody,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StreamBody {
    /// Everything there is. Environments that the edge has and the snapshot lacks are removed.
    Snapshot {
        /// Every environment with routes.
        environments: Vec<EnvironmentRoutes>,
        /// Every certificate.
        certificates: Vec<Certificate>,
        /// Other edges whose lease has not run out. A control plane that does not tell counts as none, so that
        /// an edge gives way to nobody it was not told of.
        #[serde(default)]
        other_edges: u32,
    },
    /// New routes of one environment.
    Change {
        /// The routes.
        routes: EnvironmentRoutes,
    },
    /// An environment is gone.
    Remove {
        /// Which.
        environment: EnvironmentId,
        /// The generation of its removal.
        route_gen: RouteGen,
    },
    /// New set of certificates; replaces all.
    Certificates {
        /// Every certificate.
        certificates: Vec<Certificate>,
    },
    /// No routes. Comes when there was nothing else for [`HEARTBEAT_MS`], and when the number of other edges
    /// changed. Carries what the control plane believes the edge has.
    Heartbeat {
        /// SHA-256 over `(environment, route_gen)` in order of environment, hexadecimal: [`digest`].
        digest: String,
        /// As in the snapshot.
        #[serde(default)]
        other_edges: u32,
    },
}

/// Digest of a table: an edge whose own differs asks for a snapshot by reconnecting.
pub fn digest<'a>(table: impl IntoIterator<Item = (&'a EnvironmentId, &'a RouteGen)>) -> String {
    use sha2::{Digest, Sha256};
    let ordered: BTreeMap<_, _> = table.into_iter().collect();
    let mut hash = Sha256::new();
    for (environment, route_gen) in ordered {
        hash.update(environment.as_uuid().as_bytes());
        hash.update(route_gen.0.to_be_bytes());
    }
    hex::encode(hash.finalize())
}

/// What an edge tells: acknowledgements, open requests on what it drains, and counts since the last report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Generations that no request can start behind any more.
    pub acknowledged: BTreeMap<EnvironmentId, RouteGen>,
    /// For endpoints that left the routes and still have something open, and once with zeros when they are done.
    pub draining: OpenByInstance,
    /// Requests in flight by environment, for autoscaling and idleness.
    pub in_flight: BTreeMap<EnvironmentId, u32>,
    /// Counts since the last report that was answered with success.
    pub counts: Vec<CountRow>,
    /// Raised by one for each report with new counts; a repeated one is not added twice.
    pub report_number: u64,
    /// Address people's requests reach this edge at (plain HTTP), for URLs.
    pub http_port: Option<u16>,
    /// The same for HTTPS.
    pub https_port: Option<u16>,
}

/// Counts of one service of one release in one generation of the routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountRow {
    /// The environment.
    pub environment: EnvironmentId,
    /// The service.
    pub service: ServiceName,
    /// The release whose pool answered; none if there was no endpoint.
    pub release: Option<ReleaseId>,
    /// Generation of the routes that the requests were sent by.
    pub route_gen: RouteGen,
    /// How many.
    pub counts: RequestCounts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_version_that_tells_less_or_more_are_understood() {
        let of = |text: &str| serde_json::from_str::<StreamMessage>(text).map(|read| read.body);
        let beat = |other_edges| StreamBody::Heartbeat {
            digest: "d".into(),
            other_edges,
        };
        let less = of(r#"{"number":2,"type":"heartbeat","digest":"d"}"#);
        assert_eq!(less.unwrap(), beat(0));
        let more = of(r#"{"number":2,"type":"heartbeat","digest":"d","other_edges":3,"new":1}"#);
        assert_eq!(more.unwrap(), beat(3));
        let first = of(r#"{"number":1,"type":"snapshot","environments":[],"certificates":[]}"#);
        assert!(matches!(
            first.unwrap(),
            StreamBody::Snapshot { other_edges: 0, .. }
        ));
    }
}
