//! The public resources: one file each. Handlers extract, call the store once, answer.

use utoipa_axum::router::OpenApiRouter;

use crate::state::ApiState;

mod apps;
mod builds;
mod compose;
mod config;
mod deploy;
mod deployments;
mod domains;
mod envs;
mod events;
mod follow;
mod gather;
mod hosts;
mod instances;
mod logs;
mod me;
mod releases;
mod secrets;
mod services;
mod setup;
mod sources;
mod spec;
mod stream;
mod system;
mod teams;

pub(crate) use deploy::{DeployInput, DeployPlace, What, deploy};
pub(crate) use logs::kept_text;
pub(crate) use setup::page as setup_page;
pub(crate) use sources::{SourceMemory, receive};

/// Every public operation.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(system::routes())
        .merge(setup::routes())
        .merge(me::routes())
        .merge(teams::routes())
        .merge(apps::routes())
        .merge(envs::routes())
        .merge(spec::routes())
        .merge(services::routes())
        .merge(instances::routes())
        .merge(config::routes())
        .merge(secrets::routes())
        .merge(sources::routes())
        .merge(deployments::routes())
        .merge(builds::routes())
        .merge(releases::routes())
        .merge(logs::routes())
        .merge(events::routes())
        .merge(hosts::routes())
}
