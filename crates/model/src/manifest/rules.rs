//! What contradicts itself although each part is within its bounds, and what is not offered yet.
//!
//! Invariant: the manifest and the API refuse by these functions and sentences, so that both refuse the same. Must
//! not: know how a text is written or where in it something stands; a [`Contradiction`] names a key, the caller its
//! place.

use std::collections::BTreeMap;

use super::{BuildSpec, Builder, ManifestService, Property, Reference};
use crate::name::{Domain, PathPrefix, ServiceName};
use crate::spec::{Check, Rollout, ServiceKind, ServiceSpec};

/// What is said of a word that the design names and this version does not act on.
pub const NOT_YET: &str = "not available yet";
/// What to do instead of `[deploy] release`.
pub const RELEASE_INSTEAD: &str =
    "run it before the server in the service's command: nothing would run it yet";
/// What to do instead of `kind = "job"`.
pub const JOB_INSTEAD: &str = "use kind = \"worker\" with a command that schedules itself";

/// Two parts that exclude each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The key to point at, inside of what was judged; the whole of it where the key was not written.
    pub key: &'static str,
    /// What is wrong, in one sentence.
    pub reason: String,
    /// What to do instead.
    pub suggestion: String,
}

fn contradiction(
    key: &'static str,
    reason: impl Into<String>,
    suggestion: impl Into<String>,
) -> Contradiction {
    Contradiction {
        key,
        reason: reason.into(),
        suggestion: suggestion.into(),
    }
}

/// What contradicts itself in one service.
#[must_use]
pub fn service(spec: &ServiceSpec) -> Vec<Contradiction> {
    let mut found = Vec::new();
    if spec.is_exclusive() && spec.replicas > 1 {
        found.push(contradiction(
            "replicas",
            "a service with a volume runs one instance",
            "write replicas = 1",
        ));
    }
    if spec.kind == ServiceKind::Data && !spec.is_exclusive() {
        found.push(contradiction(
            "volumes",
            "a service of kind \"data\" needs a volume",
            "write volumes = { data = { path = \"/data\", size = \"10GiB\" } }",
        ));
    }
    match spec.health.check {
        Check::Http { .. } | Check::Tcp if spec.kind != ServiceKind::Web && spec.port.is_none() => {
            found.push(contradiction(
                "health",
                "this check needs a port",
                "set the service's port, or ask with health.command",
            ));
        }
        Check::Running if Check::of(spec.kind, spec.port) != Check::Running => {
            found.push(contradiction(
                "health",
                "a health check cannot be switched off",
                "remove the line",
            ));
        }
        _ => {}
    }
    if spec.kind != ServiceKind::Web {
        let routed = [
            ("domains", !spec.domains.is_empty()),
            ("path", spec.path != PathPrefix::root()),
        ];
        for (key, _) in routed.into_iter().filter(|(_, written)| *written) {
            found.push(not_routed(key));
        }
    }
    for (index, domain) in spec.domains.iter().enumerate() {
        if spec
            .domains
            .iter()
            .take(index)
            .any(|before| before == domain)
        {
            found.push(contradiction(
                "domains",
                format!("{domain} stands here twice"),
                "remove one of them",
            ));
        }
    }
    found
}

/// A key of routing in a service that gets no requests.
#[must_use]
pub fn not_routed(key: &'static str) -> Contradiction {
    contradiction(
        key,
        "only a service of kind \"web\" gets requests",
        format!("remove {key}, or write kind = \"web\""),
    )
}

/// Two services of an environment may share a host name only under different paths.
#[must_use]
pub fn shared_domains(services: &BTreeMap<ServiceName, ManifestService>) -> Vec<Contradiction> {
    let mut taken: BTreeMap<(&Domain, &PathPrefix), &ServiceName> = BTreeMap::new();
    let mut found = Vec::new();
    for (name, service) in services {
        for domain in &service.spec.domains {
            if let Some(other) = taken.insert((domain, &service.spec.path), name)
                && other != name
            {
                found.push(contradiction(
                    "services",
                    format!(
                        "services {other} and {name} both want {domain}{}",
                        service.spec.path
                    ),
                    "give one of them another path or domain",
                ));
            }
        }
    }
    found
}

/// What contradicts itself in how an image is made.
#[must_use]
pub fn build(spec: &BuildSpec) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let own = matches!(spec.builder, Builder::Auto | Builder::Dockerfile);
    if spec.dockerfile.is_some() && !own {
        found.push(contradiction(
            "dockerfile",
            "`dockerfile` and this builder exclude each other",
            "remove one of them",
        ));
    }
    if spec.image.is_some() && (spec.builder != Builder::Auto || spec.dockerfile.is_some()) {
        found.push(contradiction(
            "image",
            "an `image` is not built",
            "remove builder and dockerfile, or image",
        ));
    }
    found
}

/// What contradicts itself in a rollout.
#[must_use]
pub fn rollout(spec: &Rollout) -> Vec<Contradiction> {
    if spec.max_surge == Some(0) && spec.max_unavailable == 0 {
        return vec![contradiction(
            "max_surge",
            "with max_surge = 0 and max_unavailable = 0 no instance can ever be replaced",
            "raise one of them",
        )];
    }
    Vec::new()
}

/// Whether a reference asks for the port of a service that may say none.
#[must_use]
pub fn port_unknown(reference: &Reference, of: &ServiceSpec) -> bool {
    reference.property != Property::Host && of.port.is_none() && of.kind != ServiceKind::Web
}
