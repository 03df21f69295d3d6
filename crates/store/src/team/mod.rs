//! Tenant data: the only way to it. Every operation is one transaction that is bound to the team by
//! its queries and, a second time, by row-level security.
//!
//! A foreign id answers exactly as a missing one does: [`StoreError::NotFound`].

mod apps;
mod audit;
mod audit_verify;
pub(crate) mod builds;
mod config;
mod deployments;
mod domains;
mod environments;
mod freezes;
pub(crate) mod hooks;
pub(crate) mod instances;
pub(crate) mod intent;
mod invitations;
mod invitations_link;
mod locks;
pub(crate) mod logs;
mod members;
mod members_rules;
mod people;
mod quota;
pub(crate) mod records;
pub(crate) mod registries;
mod releases;
mod runs;
mod scale;
pub(crate) mod secrets;
mod sources;
mod tenant;
mod token_grant;
mod tokens;
mod traffic;
pub(crate) mod webhooks;

use std::sync::Arc;

use segue_model::id::TeamId;

pub use self::apps::{App, AppPatch, NewApp};
pub use self::audit::{AuditEntry, AuditFilter};
pub use self::audit_verify::{AuditVerdict, KeptRecord};
pub use self::builds::{BuildInput, BuildView, NewBuild};
pub use self::config::{ConfigVersion, NewSpec, SpecVersion};
pub use self::deployments::{
    Change, Changed, Deployment, DeploymentKind, NewDeployment, Receipt, SET_HERE, Target,
};
pub use self::domains::{DomainKind, DomainState, DomainView, NewDomain};
pub use self::environments::{
    CloneSecrets, Environment, EnvironmentKind, EnvironmentOrigin, EnvironmentState, NewEnvironment,
};
pub use self::freezes::{FreezeTime, FreezeView, NewFreeze};
pub use self::hooks::{
    HookDelivery, HookKind, HookState, HookView, NewCommitStatus, NewHook, NewHookDelivery,
};
pub use self::instances::{InstancePlace, InstanceView};
pub use self::intent::{Done, Idempotency, StoredResponse};
pub use self::invitations::{Guest, InvitationState, InvitationView, NewInvitation};
pub use self::invitations_link::InvitationLink;
pub use self::locks::LockView;
pub use self::logs::{LOG_CHUNK_BYTES, LogChunk, LogCursor, LogFilter};
pub use self::members::{Giver, Member, MemberPlace, MemberRole, NewMember, Role};
pub use self::quota::{Quota, QuotaLimits, QuotaUse};
pub use self::records::{Event, EventCursor, InvalidCursor};
pub use self::registries::{CredentialKind, CredentialView, NewCredential};
pub use self::releases::{NewRelease, ReleaseOrigin, ReleaseView};
pub use self::runs::{NewRun, RunView};
pub use self::scale::{ScaleTarget, SetBy};
pub use self::secrets::SecretInfo;
pub use self::sources::{CHUNK_BYTES, SOURCE_LIMIT_BYTES, SourceInfo};
pub(crate) use self::tokens::token_insert;
pub use self::tokens::{NewToken, TokenView};
pub use self::traffic::{MOST_TRAFFIC_POINTS, ReleaseTraffic, TrafficPoint};
pub use self::webhooks::{
    DELIVERY_HOLD, NewWebhook, WebhookDelivery, WebhookKind, WebhookPatch, WebhookState,
    WebhookView,
};

use self::intent::Intent;
use crate::context::TeamContext;
use crate::error::StoreError;
use crate::store::Inner;

/// A page of a list: at most this many items, behind the last one of the page before.
#[derive(Debug, Clone, Copy)]
pub struct Page<C> {
    /// The last item of the page before.
    pub after: Option<C>,
    /// 1 to 101; ask for one more than you show to know whether there is a next page.
    pub limit: u32,
}

impl<C> Page<C> {
    /// The first page.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    pub(crate) fn sql_limit(&self) -> i64 {
        i64::from(self.limit.clamp(1, 101))
    }
}

/// Everything that one team may do with its data.
#[derive(Debug, Clone)]
pub struct TeamScope {
    pub(crate) inner: Arc<Inner>,
    pub(crate) context: TeamContext,
    /// Locks and freeze windows do not stop its deployments; see [`Self::overriding`].
    pub(crate) overrides: bool,
}

impl TeamScope {
    pub(crate) fn new(inner: Arc<Inner>, context: TeamContext) -> Self {
        Self {
            inner,
            context,
            overrides: false,
        }
    }

    /// The team.
    #[must_use]
    pub fn team(&self) -> TeamId {
        self.context.team
    }

    pub(crate) async fn begin(&self) -> Result<Intent<'_>, StoreError> {
        Intent::begin(&self.inner, &self.context).await
    }
}
