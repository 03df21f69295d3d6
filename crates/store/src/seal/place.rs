//! The associated data of a box: where it belongs.
//!
//! Every part carries its length, so that no two places have the same encoding.

use segue_model::id::{AppId, EnvironmentId, TeamId};
use segue_model::name::ConfigKey;

/// Where a sealed value belongs.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// A secret of an environment.
    Secret {
        /// Its team.
        team: TeamId,
        /// Its app.
        app: AppId,
        /// Its environment.
        environment: EnvironmentId,
        /// Its key.
        key: &'a ConfigKey,
        /// Its version.
        version: i64,
    },
    /// A team's data key.
    DataKey {
        /// Its team.
        team: TeamId,
        /// Its version.
        version: i32,
    },
    /// Something else of a team: kind and id.
    TeamThing {
        /// Its team.
        team: TeamId,
        /// What it is.
        kind: &'a str,
        /// Which one.
        id: uuid::Uuid,
    },
    /// Something of the installation: kind and name.
    Platform {
        /// What it is.
        kind: &'a str,
        /// Which one.
        name: &'a str,
    },
}

impl Place<'_> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = b"segue seal v1".to_vec();
        let mut part = |bytes: &[u8]| {
            out.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            out.extend(bytes);
        };
        match self {
            Self::Secret {
                team,
                app,
                environment,
                key,
                version,
            } => {
                part(b"secret");
                part(team.as_uuid().as_bytes());
                part(app.as_uuid().as_bytes());
                part(environment.as_uuid().as_bytes());
                part(key.as_str().as_bytes());
                part(&version.to_be_bytes());
            }
            Self::DataKey { team, version } => {
                part(b"data key");
                part(team.as_uuid().as_bytes());
                part(&version.to_be_bytes());
            }
            Self::TeamThing { team, kind, id } => {
                part(b"team thing");
                part(team.as_uuid().as_bytes());
                part(kind.as_bytes());
                part(id.as_bytes());
            }
            Self::Platform { kind, name } => {
                part(b"platform");
                part(kind.as_bytes());
                part(name.as_bytes());
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_letter_between_parts_is_another_place() {
        let one = Place::Platform {
            kind: "ab",
            name: "c",
        };
        let two = Place::Platform {
            kind: "a",
            name: "bc",
        };
        assert_ne!(one.encode(), two.encode());
    }
}
