//! Revisions: the hash of everything that shapes a container, and of nothing else.
//!
//! Invariant: two services with equal revisions may exchange containers. Therefore replicas, placement,
//! strategy, domains and health timing stay out (they change without a new container), and the image's
//! content address, command, resolved environment, port, resources, volumes, user profile and restart
//! nonce are in. Decision record: `docs/decisions/0002-revision.md`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::name::{ConfigKey, VolumeName};
use crate::spec::{Command, EnvValue, ImageRef, ReleaseService, Resources, ServiceKind, Volume};

/// SHA-256 of a service's [`RevisionContent`]; 64 hexadecimal digits in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision([u8; 32]);

impl Revision {
    /// Wraps a digest, as the store keeps it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 hexadecimal digits, for people and labels.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(self.0).chars().take(12).collect()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Revision({})", self.short())
    }
}

impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Self, InvalidRevision> {
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidRevision)?;
        Ok(Self(bytes))
    }
}

/// Text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a revision is 64 hexadecimal digits")]
pub struct InvalidRevision;

impl Serialize for Revision {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Revision {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Everything that shapes a container of a service; the worker builds containers from this and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionContent {
    /// Decides the restart policy together with the volumes.
    pub kind: ServiceKind,
    /// Content address of the image: digest or engine id.
    pub image: String,
    /// Command, if the image's own is not used.
    pub command: Option<Command>,
    /// Environment without `PORT`, which follows from `port`.
    pub env: BTreeMap<ConfigKey, EnvValue>,
    /// Port the application listens on; also given as `PORT`.
    pub port: u16,
    /// Limits.
    pub resources: Resources,
    /// Exclusive volumes.
    pub volumes: BTreeMap<VolumeName, Volume>,
    /// From SIGTERM to SIGKILL.
    pub stop_timeout: Duration,
    /// Root file system read-only.
    pub read_only: bool,
    /// Profile `strict` instead of `compatible`.
    pub strict: bool,
    /// Raised by restarts.
    pub restart_nonce: u32,
}

/// Port of a service that names none and whose image exposes none or several.
pub const DEFAULT_PORT: u16 = 8080;

impl RevisionContent {
    /// Content of a service of a release whose image is known.
    ///
    /// `exposed` is the image's single exposed port, if it has exactly one.
    #[must_use]
    pub fn new(service: &ReleaseService, image: &ImageRef, exposed: Option<u16>) -> Self {
        let spec = &service.spec;
        Self {
            kind: spec.kind,
            image: image.content().to_owned(),
            command: spec.command.clone(),
            env: service.env.clone(),
            port: spec.port.or(exposed).unwrap_or(DEFAULT_PORT),
            resources: spec.resources,
            volumes: spec.volumes.clone(),
            stop_timeout: spec.stop_timeout,
            read_only: spec.read_only,
            strict: service.generated,
            restart_nonce: service.restart_nonce,
        }
    }

    /// The hash. The encoding is JSON with fields in declaration order and maps in key order, behind a
    /// version tag: changing it changes every revision, and with it every container, once.
    #[must_use]
    pub fn revision(&self) -> Revision {
        let mut hash = Sha256::new();
        hash.update(b"segue revision v1\0");
        match serde_json::to_vec(self) {
            Ok(json) => hash.update(json),
            // Plain data with string keys always encodes; should that ever change, the Debug form is as stable.
            Err(_) => hash.update(format!("{self:?}")),
        }
        Revision(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{ServiceSpec, Strategy};

    fn service() -> ReleaseService {
        ReleaseService {
            spec: ServiceSpec::new(ServiceKind::Web),
            image: crate::spec::ImageSource::Pinned(image()),
            env: BTreeMap::from([(ConfigKey::new("A").unwrap(), EnvValue::Value("1".into()))]),
            restart_nonce: 0,
            generated: false,
        }
    }

    fn image() -> ImageRef {
        ImageRef::Engine {
            id: "sha256:aa".into(),
            hosts: Default::default(),
        }
    }

    fn revision(service: &ReleaseService) -> Revision {
        RevisionContent::new(service, &image(), None).revision()
    }

    #[test]
    fn what_does_not_shape_a_container_does_not_change_the_revision() {
        let base = revision(&service());
        let mut same = service();
        same.spec.replicas = 9;
        same.spec.health.failures = 9;
        same.spec.domains = vec!["a.example.com".parse().unwrap()];
        same.spec.place.one_per_host = true;
        assert_eq!(base, revision(&same));
        let moved = ImageRef::Engine {
            id: "sha256:aa".into(),
            hosts: [crate::id::HostId::from_uuid(uuid::Uuid::from_u128(1))].into(),
        };
        assert_eq!(
            base,
            RevisionContent::new(&service(), &moved, None).revision()
        );
        assert_eq!(Strategy::default(), Strategy::Switch);
    }

    #[test]
    fn what_shapes_a_container_changes_the_revision() {
        let base = revision(&service());
        type Edit = fn(&mut ReleaseService);
        let edits: [Edit; 8] = [
            |s| s.restart_nonce = 1,
            |s| s.spec.port = Some(3000),
            |s| s.spec.command = Some(Command::Argv(vec!["x".into()])),
            |s| s.spec.resources.memory_bytes += 1,
            |s| s.spec.read_only = true,
            |s| s.generated = true,
            |s| s.spec.stop_timeout = Duration::from_secs(31),
            |s| {
                s.env.insert(
                    ConfigKey::new("A").unwrap(),
                    EnvValue::Secret { version: 1 },
                );
            },
        ];
        for (index, edit) in edits.iter().enumerate() {
            let mut changed = service();
            edit(&mut changed);
            assert_ne!(base, revision(&changed), "edit {index}");
        }
        assert_ne!(
            base,
            RevisionContent::new(&service(), &image(), Some(80)).revision()
        );
    }

    #[test]
    fn the_encoding_is_pinned() {
        // A change here replaces every container of every installation: only with a decision record.
        assert_eq!(revision(&service()).short(), "9c6c0351bc91");
    }
}
