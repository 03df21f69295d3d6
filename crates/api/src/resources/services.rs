//! Services: what runs of each, and scaling.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use segue_model::manifest::rules;
use segue_model::name::ServiceName;
use segue_model::spec::{ServiceSpec, bounds};
use segue_model::state::{Desired, Observed};
use segue_store::{InstanceView, ReleaseView, ScaleTarget};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{InEnv, Permission, Read, Scale};
use crate::dto::spec::Service;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{EnvPath, Errors, IdempotencyHeader};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, answer, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(service_list))
        .routes(routes!(service_get, service_update))
        .routes(routes!(scale_set))
}

/// A service as it runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ServiceView {
    /// Its name.
    pub name: String,
    /// What the newest wanted release says about it.
    pub spec: Service,
    /// Instances wanted, running, ready.
    pub replicas: Replicas,
}

/// How many instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replicas {
    /// Wanted by people or the release.
    pub desired: u32,
    /// Whose process was seen to run.
    pub running: u32,
    /// Passing their checks.
    pub ready: u32,
}

page! {
    /// A page of the services of an environment, by name.
    ServicePage of ServiceView
}

/// What may change about a service here; the rest is in the specification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceUpdate {
    /// Instances wanted.
    #[schema(maximum = 1000)]
    pub replicas: u32,
}

/// Instances wanted by service.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleSet {
    /// Instances wanted, by name of the service.
    pub replicas: BTreeMap<String, u32>,
}

/// Instances wanted by service, as they stand.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ScaleView {
    /// Instances wanted, by name of the service.
    pub replicas: BTreeMap<String, u32>,
}

async fn load<P: Permission>(at: &InEnv<P>) -> Result<Vec<ServiceView>, Problem> {
    let Some(release) = at.scope.release_wanted(at.env.id).await? else {
        return Ok(Vec::new());
    };
    let targets = at.scope.scale_list(at.env.id).await?;
    let instances = at.scope.instance_list(at.env.id, false).await?;
    Ok(views(&release, &targets, &instances))
}

fn views(
    release: &ReleaseView,
    targets: &[ScaleTarget],
    instances: &[InstanceView],
) -> Vec<ServiceView> {
    let views = release.spec.services.iter().map(|(name, service)| {
        // What is kept for a way back serves nobody.
        let own = || {
            instances.iter().filter(|instance| {
                instance.service == *name && instance.desired == Desired::Run && !instance.warm
            })
        };
        let count = |wanted: &dyn Fn(&InstanceView) -> bool| {
            u32::try_from(own().filter(|instance| wanted(instance)).count()).unwrap_or(u32::MAX)
        };
        let image = match &service.image {
            segue_model::spec::ImageSource::Resolve { name, .. } => Some(name.to_string()),
            _ => None,
        };
        ServiceView {
            name: name.to_string(),
            spec: Service::of(&service.spec, image),
            replicas: Replicas {
                desired: targets
                    .iter()
                    .find(|target| target.service == *name)
                    .map_or(service.spec.replicas, |target| target.replicas),
                running: count(&|instance| {
                    matches!(
                        instance.observed,
                        Observed::Started | Observed::Ready | Observed::Unready
                    )
                }),
                ready: count(&|instance| instance.observed == Observed::Ready),
            },
        }
    });
    views.collect()
}

/// Lists the services of the newest wanted release.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/services", tag = "services",
    params(EnvPath, PageQuery),
    responses((status = 200, description = "Services.", body = ServicePage), Errors))]
async fn service_list(
    at: InEnv<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<ServicePage>, Problem> {
    let (items, next_cursor) = query.of_all(load(&at).await?, |service| service.name.clone())?;
    Ok(ApiJson(ServicePage { items, next_cursor }))
}

/// Shows a service.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/services/{service}", tag = "services",
    params(EnvPath, ("service" = String, Path, description = "Name of the service")),
    responses((status = 200, description = "The service.", body = ServiceView), Errors))]
async fn service_get(
    at: InEnv<Read>,
    ApiPath((_, _, _, name)): ApiPath<(String, String, String, String)>,
) -> Result<ApiJson<ServiceView>, Problem> {
    Ok(ApiJson(one(&at, &name).await?))
}

async fn one<P: Permission>(at: &InEnv<P>, name: &str) -> Result<ServiceView, Problem> {
    load(at)
        .await?
        .into_iter()
        .find(|view| view.name == name)
        .ok_or_else(Problem::not_found)
}

/// Scales a service.
#[utoipa::path(patch, path = "/v1/teams/{team}/apps/{app}/envs/{env}/services/{service}", tag = "services",
    params(EnvPath, ("service" = String, Path, description = "Name of the service")),
    request_body(content = ServiceUpdate, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The service.", body = ServiceView), Errors))]
async fn service_update(
    at: InEnv<Scale>,
    ApiPath((_, _, _, name)): ApiPath<(String, String, String, String)>,
    ApiJson(body): ApiJson<ServiceUpdate>,
) -> Result<ApiJson<ServiceView>, Problem> {
    one(&at, &name).await?;
    let targets = checked(&at, [(name.clone(), body.replicas)].into()).await?;
    at.scope.scale_set(at.env.id, None, &targets, None).await?;
    Ok(ApiJson(one(&at, &name).await?))
}

/// Scales several services at once.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs/{env}/scale", tag = "services",
    params(EnvPath, IdempotencyHeader), request_body = ScaleSet,
    responses((status = 200, description = "What is wanted now.", body = ScaleView), Errors))]
async fn scale_set(
    at: InEnv<Scale>,
    State(_state): State<ApiState>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<ScaleSet>,
) -> Result<Response, Problem> {
    let targets = checked(&at, body.replicas).await?;
    let call = call.body(&bytes);
    let respond = |targets: &Vec<ScaleTarget>| {
        let replicas = targets
            .iter()
            .map(|target| (target.service.to_string(), target.replicas))
            .collect();
        stored(StatusCode::OK, &ScaleView { replicas }, None)
    };
    let done = at
        .scope
        .scale_set(at.env.id, None, &targets, call.idempotency(&respond))
        .await?;
    Ok(answer(done, respond))
}

/// Figures for services that exist, within bounds.
async fn checked(
    at: &InEnv<Scale>,
    wanted: BTreeMap<String, u32>,
) -> Result<BTreeMap<ServiceName, u32>, Problem> {
    if wanted.is_empty() {
        return Err(Problem::invalid("/replicas", "at least one service"));
    }
    let known = at.scope.release_wanted(at.env.id).await?;
    let mut targets = BTreeMap::new();
    for (name, replicas) in wanted {
        let pointer = format!("/replicas/{name}");
        let service = ServiceName::new(name.clone()).ok();
        let spec = service
            .as_ref()
            .and_then(|name| known.as_ref()?.spec.services.get(name))
            .map(|service| &service.spec);
        let (Some(service), Some(spec)) = (service.clone(), spec) else {
            return Err(Problem::invalid(pointer, "there is no such service"));
        };
        let wanted = ServiceSpec {
            replicas,
            ..spec.clone()
        };
        let most = bounds::REPLICAS.end();
        if !bounds::REPLICAS.contains(&replicas) {
            return Err(Problem::invalid(pointer, format!("0 to {most}")));
        }
        let contradiction = rules::service(&wanted)
            .into_iter()
            .find(|c| c.key == "replicas");
        if let Some(contradiction) = contradiction {
            return Err(Problem::invalid(pointer, contradiction.reason));
        }
        targets.insert(service, replicas);
    }
    Ok(targets)
}
