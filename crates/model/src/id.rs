//! Identifiers: one newtype per kind of object, so that no bare UUID crosses a function boundary.
//!
//! In text every id carries its kind as a prefix (`app_0198…`); parsing refuses another kind's id.
//! People's objects get UUIDv7 (ordered by time) from the crate that creates them; what the planner
//! creates gets a derived UUIDv8 ([`InstanceId::derive`]), so that planning stays deterministic.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::name::ServiceName;
use crate::revision::Revision;

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id: expected `{prefix}_` and 32 hexadecimal digits")]
pub struct InvalidId {
    kind: &'static str,
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Prefix of the text form, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a UUID that is known to name this kind of object.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside, as the store keeps it.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { kind: $kind, prefix: $prefix };
                let hex = text.strip_prefix(concat!($prefix, "_")).ok_or_else(|| invalid.clone())?;
                if hex.len() != 32 {
                    return Err(invalid);
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| invalid)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A Segue installation: one store. Every container carries it as a label.
    InstallationId "inst" "installation";
    /// A team: the tenant.
    TeamId "team" "team";
    /// A person.
    UserId "usr" "user";
    /// An API or deploy token.
    TokenId "tok" "token";
    /// A sign-in of a person at one place.
    SessionId "ses" "session";
    /// A link by which a person becomes a member.
    InvitationId "inv" "invitation";
    /// An app: one source.
    AppId "app" "app";
    /// An environment of an app: the unit of reconciliation.
    EnvironmentId "env" "environment";
    /// An uploaded source archive.
    SourceId "src" "source";
    /// A build: source to image.
    BuildId "bld" "build";
    /// An immutable release.
    ReleaseId "rel" "release";
    /// A deployment: an attempt to carry an environment to a release.
    DeploymentId "dep" "deployment";
    /// One container of one service at one revision in one slot; used once, never again.
    InstanceId "ins" "instance";
    /// A Docker engine.
    HostId "host" "host";
    /// An edge process with a persisted identity.
    EdgeId "edge" "edge";
    /// A /24 of one environment on one host.
    SubnetId "net" "subnet";
    /// A named volume on one host.
    VolumeId "vol" "volume";
    /// A one-off run of a command.
    RunId "run" "run";
    /// An event.
    EventId "evt" "event";
    /// An address that a forge calls when something was pushed.
    HookId "hook" "hook";
    /// Who is told of events.
    WebhookId "whk" "webhook";
    /// One call of a hook, or of somebody who is told.
    DeliveryId "dlv" "delivery";
    /// A password for a registry or a git server.
    CredentialId "crd" "credential";
    /// A time in which nothing is deployed.
    FreezeId "frz" "freeze window";
    /// A worker process, as the holder of leases.
    WorkerId "wrk" "worker";
}

impl RunId {
    /// The one container that a run ever has: the id is the run's own, so that it can be made once.
    #[must_use]
    pub const fn instance(self) -> InstanceId {
        InstanceId(self.0)
    }
}

impl InstanceId {
    /// Derives the id of an instance from what makes it unique: the environment and its instance
    /// serial, which only grows, with service, slot and revision mixed in so that a serial that was
    /// read stale can never name another spec's container.
    ///
    /// The result is a UUIDv8 (RFC 9562, section 5.8) of the first 128 bits of a SHA-256.
    #[must_use]
    pub fn derive(
        environment: EnvironmentId,
        service: &ServiceName,
        slot: u32,
        revision: Revision,
        serial: u64,
    ) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"segue instance v1\0");
        hash.update(environment.0.as_bytes());
        hash.update(service.as_str().as_bytes());
        hash.update([0]);
        hash.update(slot.to_be_bytes());
        hash.update(revision.as_bytes());
        hash.update(serial.to_be_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut bytes = [0u8; 16];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = from;
        }
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_carries_the_kind_and_refuses_another() {
        let id = AppId::from_uuid(Uuid::from_u128(7));
        assert_eq!(id.to_string(), "app_00000000000000000000000000000007");
        assert_eq!(id.to_string().parse::<AppId>(), Ok(id));
        assert!(id.to_string().parse::<TeamId>().is_err());
        assert!("app_7".parse::<AppId>().is_err());
        assert!(
            "app_{0000000000000000000000000000007}"
                .parse::<AppId>()
                .is_err()
        );
    }

    #[test]
    fn derived_ids_differ_by_every_part() {
        let env = EnvironmentId::from_uuid(Uuid::from_u128(1));
        let web: ServiceName = "web".parse().unwrap();
        let one = Revision::from_bytes([1; 32]);
        let base = InstanceId::derive(env, &web, 1, one, 1);
        assert_eq!(base, InstanceId::derive(env, &web, 1, one, 1));
        assert_eq!(base.as_uuid().get_version_num(), 8);
        assert_ne!(base, InstanceId::derive(env, &web, 1, one, 2));
        assert_ne!(base, InstanceId::derive(env, &web, 2, one, 1));
        assert_ne!(
            base,
            InstanceId::derive(env, &web, 1, Revision::from_bytes([2; 32]), 1)
        );
        assert_ne!(
            base,
            InstanceId::derive(
                EnvironmentId::from_uuid(Uuid::from_u128(2)),
                &web,
                1,
                one,
                1
            )
        );
    }
}
