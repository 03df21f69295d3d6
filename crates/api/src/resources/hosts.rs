//! Hosts, for the people who run the installation.

use std::collections::BTreeMap;

use axum::extract::State;
use segue_model::Timestamp;
use segue_model::id::HostId;
use segue_model::name::MachineName;
use segue_store::{HostView, PlatformScope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::principal::PlatformAdmin;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, page};
use crate::wire::params::Errors;
use crate::wire::query::{ApiPath, ApiQuery};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(host_list))
        .routes(routes!(host_get))
        .routes(routes!(host_cordon))
        .routes(routes!(host_uncordon))
}

/// A host: a Docker engine.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Host {
    /// Its id.
    #[schema(value_type = String)]
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// `joining`, `ready`, `suspect`, `lost`, `returning`, `removed`.
    pub state: String,
    /// Takes nothing new.
    pub cordoned: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Thousandths of a core it has.
    pub cpu_millis: u64,
    /// Memory it has, bytes.
    pub memory_bytes: u64,
    /// Thousandths of a core that instances reserved.
    pub reserved_cpu_millis: u64,
    /// Memory that instances reserved, bytes.
    pub reserved_memory_bytes: u64,
    /// Instances whose container may exist.
    pub instances: u64,
    /// Version of its engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub engine_version: Option<String>,
    /// When its containers were last listed completely.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub listed_at: Option<Timestamp>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub problem: Option<String>,
}

page! {
    /// A page of the installation's hosts, by name.
    HostPage of Host
}

impl From<&HostView> for Host {
    fn from(view: &HostView) -> Self {
        let label = |(key, value): (&segue_model::name::Label, &segue_model::name::Label)| {
            (key.to_string(), value.to_string())
        };
        Self {
            id: view.id,
            name: view.name.to_string(),
            state: view.state.to_string(),
            cordoned: view.cordoned,
            labels: view.labels.iter().map(label).collect(),
            cpu_millis: view.cpu_millis,
            memory_bytes: view.memory_bytes,
            reserved_cpu_millis: view.reserved_cpu_millis,
            reserved_memory_bytes: view.reserved_memory_bytes,
            instances: view.instances,
            engine_version: view.engine_version.clone(),
            listed_at: view.listed_at,
            problem: view.problem.clone(),
        }
    }
}

fn scope(admin: &PlatformAdmin, state: &ApiState) -> PlatformScope {
    state.store().platform(admin.0.platform_context())
}

async fn find(scope: &PlatformScope, wanted: &str) -> Result<HostView, Problem> {
    if let Ok(id) = wanted.parse::<HostId>() {
        return Ok(scope.host_get(id).await?);
    }
    let name = MachineName::new(wanted).map_err(|_| Problem::not_found())?;
    Ok(scope.host_by_name(&name).await?)
}

/// Lists hosts.
#[utoipa::path(get, path = "/v1/hosts", tag = "hosts", params(PageQuery),
    responses((status = 200, description = "Hosts.", body = HostPage), Errors))]
async fn host_list(
    admin: PlatformAdmin,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<HostPage>, Problem> {
    let scope = scope(&admin, &state);
    let (hosts, next_cursor) = query
        .read(|page| scope.host_list(page), |host| host.name.clone())
        .await?;
    let items = hosts.iter().map(Host::from).collect();
    Ok(ApiJson(HostPage { items, next_cursor }))
}

/// Shows a host.
#[utoipa::path(get, path = "/v1/hosts/{host}", tag = "hosts",
    params(("host" = String, Path, description = "Name or id of the host")),
    responses((status = 200, description = "The host.", body = Host), Errors))]
async fn host_get(
    admin: PlatformAdmin,
    State(state): State<ApiState>,
    ApiPath(host): ApiPath<String>,
) -> Result<ApiJson<Host>, Problem> {
    Ok(ApiJson(Host::from(
        &find(&scope(&admin, &state), &host).await?,
    )))
}

/// Keeps new instances away from a host.
#[utoipa::path(post, path = "/v1/hosts/{host}/cordon", tag = "hosts",
    params(("host" = String, Path, description = "Name or id of the host")),
    responses((status = 200, description = "The host.", body = Host), Errors))]
async fn host_cordon(
    admin: PlatformAdmin,
    State(state): State<ApiState>,
    ApiPath(host): ApiPath<String>,
) -> Result<ApiJson<Host>, Problem> {
    set(&scope(&admin, &state), &host, true).await
}

/// Lets new instances on a host again.
#[utoipa::path(post, path = "/v1/hosts/{host}/uncordon", tag = "hosts",
    params(("host" = String, Path, description = "Name or id of the host")),
    responses((status = 200, description = "The host.", body = Host), Errors))]
async fn host_uncordon(
    admin: PlatformAdmin,
    State(state): State<ApiState>,
    ApiPath(host): ApiPath<String>,
) -> Result<ApiJson<Host>, Problem> {
    set(&scope(&admin, &state), &host, false).await
}

async fn set(scope: &PlatformScope, host: &str, cordoned: bool) -> Result<ApiJson<Host>, Problem> {
    let host = find(scope, host).await?;
    Ok(ApiJson(Host::from(
        &scope.host_cordon(host.id, cordoned).await?,
    )))
}
