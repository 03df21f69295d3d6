//! Who may do what: actions, roles and token scopes, and the one matrix between them.
//!
//! Owns the decision, not its place: the API's extractors ask [`Role::allows`] and [`Scopes::allow`] and nothing
//! else decides. A request made with a token needs both. Ownership (which team a thing belongs to) is decided
//! before, by the store's team scope; this module never sees ids.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text that names nothing of the kind wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}; known are {known}")]
pub struct UnknownWord {
    kind: &'static str,
    text: String,
    known: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident $kind:literal { $($(#[$vdoc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $label)] $variant,)*
        }

        impl $name {
            /// Every value, weakest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text form, as stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| UnknownWord {
                    kind: $kind,
                    text: text.chars().take(40).collect(),
                    known: Self::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

words! {
    /// A person's role in a team; each contains the ones before it.
    Role "role" {
        /// Sees everything but secrets' values.
        Viewer = "viewer",
        /// Deploys: sources, deployments, scale, configuration, secrets, new apps and environments.
        Deployer = "deployer",
        /// Removes apps and environments, administers members and other people's tokens.
        Admin = "admin",
        /// Everything, the team itself included, and may make others owners.
        Owner = "owner",
    }
}

words! {
    /// What a token is good for; each is asked for by name, none contains another but as [`Scopes::allow`] says.
    Scope "scope" {
        /// Reads.
        Read = "read",
        /// Sources, deployments, scale, restart.
        Deploy = "deploy",
        /// Specification, configuration, secrets (writing), apps and environments.
        Write = "write",
        /// Removal, members, tokens.
        Admin = "admin",
        /// Reads values of secrets; apart from all others.
        SecretReveal = "secret:reveal",
    }
}

words! {
    /// What an operation does, as far as permission is concerned.
    Action "action" {
        /// Looks at anything of the team but values of secrets.
        Read = "read",
        /// Sends sources and starts, stops or returns deployments.
        Deploy = "deploy",
        /// Changes the number of instances or replaces one.
        Scale = "scale",
        /// Makes an app or an environment, or changes its description.
        Create = "create",
        /// Changes specification or configuration.
        Configure = "configure",
        /// Sets or removes a secret.
        SecretWrite = "secret_write",
        /// Removes an app or an environment.
        Delete = "delete",
        /// Adds, changes or removes members.
        Members = "members",
        /// Makes or revokes own tokens of the team.
        Tokens = "tokens",
        /// Reads a secret's value.
        SecretReveal = "secret_reveal",
        /// Renames or removes the team itself.
        Team = "team",
    }
}

impl Role {
    /// Whether this role may do that in its team.
    #[must_use]
    pub const fn allows(self, action: Action) -> bool {
        let least = match action {
            Action::Read | Action::Tokens => Self::Viewer,
            Action::Deploy
            | Action::Scale
            | Action::Create
            | Action::Configure
            | Action::SecretWrite => Self::Deployer,
            Action::Delete | Action::Members | Action::SecretReveal => Self::Admin,
            Action::Team => Self::Owner,
        };
        self as u8 >= least as u8
    }

    /// Whether somebody with this role may give (or take) the other one: nobody grants above his own.
    #[must_use]
    pub const fn may_grant(self, other: Self) -> bool {
        self.allows(Action::Members) && self as u8 >= other as u8
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(pub BTreeSet<Scope>);

impl Scopes {
    /// Everything but revealing secrets: what a person's own sign-in has.
    #[must_use]
    pub fn full() -> Self {
        Self([Scope::Read, Scope::Deploy, Scope::Write, Scope::Admin].into())
    }

    /// Whether these scopes let a token do that.
    #[must_use]
    pub fn allow(&self, action: Action) -> bool {
        let needed = match action {
            // Whoever may change a thing may look at it: clients read before they write.
            Action::Read => {
                return !self.0.is_empty() && self.0.iter().any(|s| *s != Scope::SecretReveal);
            }
            Action::Deploy | Action::Scale => Scope::Deploy,
            Action::Create | Action::Configure | Action::SecretWrite => Scope::Write,
            Action::Delete | Action::Members | Action::Tokens | Action::Team => Scope::Admin,
            Action::SecretReveal => Scope::SecretReveal,
        };
        self.0.contains(&needed)
    }

    /// Whether every scope of the other is in this one: a token cannot make a stronger one.
    #[must_use]
    pub fn contain(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_is_as_documented() {
        // One row per action: viewer, deployer, admin, owner.
        let rows = [
            (Action::Read, [true, true, true, true]),
            (Action::Deploy, [false, true, true, true]),
            (Action::Scale, [false, true, true, true]),
            (Action::Create, [false, true, true, true]),
            (Action::Configure, [false, true, true, true]),
            (Action::SecretWrite, [false, true, true, true]),
            (Action::Delete, [false, false, true, true]),
            (Action::Members, [false, false, true, true]),
            (Action::Tokens, [true, true, true, true]),
            (Action::SecretReveal, [false, false, true, true]),
            (Action::Team, [false, false, false, true]),
        ];
        assert_eq!(rows.len(), Action::ALL.len());
        for (action, allowed) in rows {
            for (role, expected) in Role::ALL.iter().zip(allowed) {
                assert_eq!(role.allows(action), expected, "{role} {action}");
            }
        }
    }

    #[test]
    fn nobody_grants_above_his_own_role() {
        assert!(Role::Admin.may_grant(Role::Admin) && Role::Owner.may_grant(Role::Owner));
        assert!(!Role::Admin.may_grant(Role::Owner) && !Role::Deployer.may_grant(Role::Viewer));
    }

    #[test]
    fn scopes_bound_tokens() {
        let read = Scopes([Scope::Read].into());
        let deploy = Scopes([Scope::Deploy].into());
        assert!(read.allow(Action::Read) && !read.allow(Action::Deploy));
        assert!(deploy.allow(Action::Read) && deploy.allow(Action::Scale));
        assert!(!deploy.allow(Action::Configure));
        assert!(!Scopes::default().allow(Action::Read));
        assert!(!Scopes([Scope::SecretReveal].into()).allow(Action::Read));
        assert!(!Scopes::full().allow(Action::SecretReveal));
        assert!(Scopes::full().contain(&deploy) && !deploy.contain(&read));
        assert_eq!("secret:reveal".parse(), Ok(Scope::SecretReveal));
        assert!("root".parse::<Role>().is_err());
    }
}
