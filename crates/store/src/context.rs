//! Who acts, in which team, because of which request.

use std::fmt;
use std::net::IpAddr;

use segue_model::id::{TeamId, TokenId, UserId};
use uuid::Uuid;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
    User(UserId),
    /// An API or deploy token.
    Token(TokenId),
    /// A part of Segue itself.
    System(&'static str),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "{id}"),
            Self::Token(id) => write!(f, "{id}"),
            Self::System(part) => write!(f, "segue/{part}"),
        }
    }
}

/// A team and who acts in it. Made by whoever proved identity and membership; the store trusts it.
#[derive(Debug, Clone)]
pub struct TeamContext {
    /// The team; every query is bound to it twice (by the query and by row-level security).
    pub team: TeamId,
    /// Who acts.
    pub actor: Actor,
    /// For the audit record.
    pub request_id: Option<String>,
    /// Peer address of the request, for the audit record.
    pub address: Option<IpAddr>,
}

impl TeamContext {
    /// A context without a request.
    #[must_use]
    pub fn new(team: TeamId, actor: Actor) -> Self {
        Self {
            team,
            actor,
            request_id: None,
            address: None,
        }
    }

    /// The installation's own records hang on the zero id, which is no team.
    #[must_use]
    pub fn platform(actor: Actor) -> Self {
        Self::new(TeamId::from_uuid(Uuid::nil()), actor)
    }
}

/// A fresh id in order of time (UUIDv7), for what people create: `AppId::from_uuid(fresh_id())`.
#[must_use]
pub fn fresh_id() -> Uuid {
    Uuid::now_v7()
}
