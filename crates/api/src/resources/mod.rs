//! The public resources: one file each. Handlers extract, call the store once, answer.

use utoipa_axum::router::OpenApiRouter;

use crate::state::ApiState;

mod apps;
mod audit;
mod audit_export;
mod builds;
mod compare;
mod compose;
mod config;
mod confirm;
mod deploy;
mod deployments;
mod detection;
mod device;
mod domains;
mod envs;
mod events;
mod fetch;
mod fetch_git;
mod fetch_process;
mod follow;
mod freezes;
mod gather;
mod holds;
mod hooks;
mod hooks_call;
mod hooks_status;
mod hooks_work;
mod hosts;
mod instances;
mod invitations;
mod keys;
#[cfg(test)]
mod limits_tests;
mod locks;
mod login;
mod logs;
mod me;
mod members;
mod previews;
mod promote;
mod quota;
mod registries;
mod releases;
mod resets;
mod reveal;
mod runs;
mod secrets;
mod services;
mod sessions;
mod setup;
mod sources;
mod spec;
mod stream;
mod system;
mod team_tokens;
mod teams;
mod tokens;
mod traffic;
mod unchanged;
mod webhooks;
mod webhooks_body;

pub(crate) use deploy::{DeployInput, DeployPlace, What, deploy};
pub(crate) use holds::held_problem;
pub(crate) use hooks_work::keep as keep_hooks;
pub(crate) use logs::kept_text;
pub(crate) use previews::{Previews, environment as preview_environment};
pub(crate) use quota::quota_problem;
pub use resets::reset_link;
pub(crate) use sources::{SourceMemory, receive};

/// Every public operation.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(system::routes())
        .merge(setup::routes())
        .merge(login::routes())
        .merge(device::routes())
        .merge(me::routes())
        .merge(sessions::routes())
        .merge(confirm::routes())
        .merge(resets::routes())
        .merge(keys::routes())
        .merge(teams::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(team_tokens::routes())
        .merge(quota::routes())
        .merge(audit::routes())
        .merge(apps::routes())
        .merge(envs::routes())
        .merge(compare::routes())
        .merge(spec::routes())
        .merge(services::routes())
        .merge(instances::routes())
        .merge(config::routes())
        .merge(secrets::routes())
        .merge(reveal::routes())
        .merge(sources::routes())
        .merge(detection::routes())
        .merge(fetch::routes())
        .merge(hooks::routes())
        .merge(hooks_call::routes())
        .merge(locks::routes())
        .merge(freezes::routes())
        .merge(registries::routes())
        .merge(webhooks::routes())
        .merge(deployments::routes())
        .merge(promote::routes())
        .merge(runs::routes())
        .merge(builds::routes())
        .merge(releases::routes())
        .merge(logs::routes())
        .merge(traffic::routes())
        .merge(events::routes())
        .merge(hosts::routes())
}
