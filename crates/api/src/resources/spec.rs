//! The specification of an environment: read, replaced under `If-Match`, planned with `dry_run`.
//!
//! Replica figures are not part of a release: an edited figure sets the service's scale target in the same request.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use segue_model::Timestamp;
use segue_model::manifest::{Manifest, ManifestError};
use segue_model::name::ServiceName;
use segue_model::revision::RevisionContent;
use segue_model::spec::{ImageRef, ImageSource, ReleaseService, ReleaseSpec, Strategy};
use segue_store::{NewSpec, SpecVersion};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::compose::{self, AppImage, Resolves};
use super::deploy::DeployPlace;
use super::gather::{load, manifest, uncomposable};
use crate::auth::place::{Configure, InEnv, Read};
use crate::dto::check::check;
use crate::dto::spec::EnvironmentSpec;
use crate::problem::{FieldError, Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::headers::{IfMatch, etag, stale};
use crate::wire::json::ApiJson;
use crate::wire::params::{EnvPath, Errors, IfMatchHeader};
use crate::wire::query::ApiQuery;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(spec_get, spec_put))
}

/// The specification of an environment with its version.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SpecView {
    /// 1 and up; 0 while nobody has written one.
    pub version: i64,
    /// The environment's generation with it; also the `ETag`.
    pub generation: i64,
    /// What people want, in normal form.
    pub spec: EnvironmentSpec,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub created_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub created_at: Option<Timestamp>,
    /// With `dry_run`: what the next deployment would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub plan: Option<Vec<PlannedChange>>,
}

/// What a specification would change about one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedChange {
    /// The service.
    pub service: String,
    /// What happens to it.
    pub action: PlannedAction,
    /// Instances before.
    pub replicas_before: u32,
    /// Instances after.
    pub replicas_after: u32,
    /// Whether users may notice: the old instances must stop before the new ones start.
    pub downtime: bool,
    /// Why, in one sentence.
    pub reason: String,
}

/// What happens to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlannedAction {
    /// It is new.
    Create,
    /// It goes.
    Remove,
    /// Its containers are replaced.
    Replace,
    /// Only the number of instances changes.
    Scale,
    /// Nothing that needs a new container.
    Keep,
}

/// How a specification is sent.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SpecQuery {
    /// Answer what would change, and change nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Shows the specification.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/spec", tag = "environments",
    params(EnvPath),
    responses((status = 200, description = "The specification.", body = SpecView), Errors))]
async fn spec_get(at: InEnv<Read>) -> Result<Response, Problem> {
    let view = match at.scope.spec_get(at.env.id).await? {
        Some(version) => view(&version)?,
        None => SpecView {
            version: 0,
            generation: at.env.generation,
            spec: EnvironmentSpec::default(),
            created_by: None,
            created_at: None,
            plan: None,
        },
    };
    Ok((etag(view.generation), ApiJson(view)).into_response())
}

/// Replaces the specification. It counts from the next deployment on; edited replica figures count at once.
#[utoipa::path(put, path = "/v1/teams/{team}/apps/{app}/envs/{env}/spec", tag = "environments",
    params(EnvPath, SpecQuery, IfMatchHeader), request_body = EnvironmentSpec,
    responses((status = 200, description = "The specification, or with `dry_run` what it would change.",
        body = SpecView), Errors))]
async fn spec_put(
    at: InEnv<Configure>,
    State(state): State<ApiState>,
    IfMatch(generation): IfMatch,
    ApiQuery(query): ApiQuery<SpecQuery>,
    ApiJson(body): ApiJson<EnvironmentSpec>,
) -> Result<Response, Problem> {
    let wanted = check(&at.app.name, &body)?;
    if generation != at.env.generation {
        return Err(stale());
    }
    if query.dry_run {
        let place = DeployPlace {
            state: &state,
            scope: &at.scope,
            app: &at.app,
            env: &at.env,
        };
        let view = SpecView {
            version: 0,
            generation,
            spec: EnvironmentSpec::from(&wanted),
            created_by: None,
            created_at: None,
            plan: Some(plan(place, &wanted).await?),
        };
        return Ok((etag(generation), ApiJson(view)).into_response());
    }
    let before = at.scope.spec_get(at.env.id).await?;
    let after = match edited(before.as_ref(), &wanted)? {
        Some(new) => {
            let put = at.scope.spec_put(at.env.id, Some(generation), &new, None);
            put.await?.fresh()
        }
        None => before,
    };
    let after = after.ok_or_else(Problem::not_found)?;
    let view = view(&after)?;
    Ok((etag(view.generation), ApiJson(view)).into_response())
}

fn view(version: &SpecVersion) -> Result<SpecView, Problem> {
    let manifest: Manifest =
        serde_json::from_value(version.spec.clone()).map_err(|error| Problem::internal(&error))?;
    Ok(SpecView {
        version: version.version,
        generation: version.generation,
        spec: EnvironmentSpec::from(&manifest),
        created_by: Some(version.created_by.clone()),
        created_at: Some(version.created_at),
        plan: None,
    })
}

/// What is to be kept if a specification differs from the one before, with the scale targets of services whose figure
/// was edited.
pub(super) fn edited(
    before: Option<&SpecVersion>,
    wanted: &Manifest,
) -> Result<Option<NewSpec>, Problem> {
    let spec = serde_json::to_value(wanted).map_err(|error| Problem::internal(&error))?;
    if before.is_some_and(|before| before.spec == spec) {
        return Ok(None);
    }
    let old: Option<Manifest> =
        before.and_then(|before| serde_json::from_value(before.spec.clone()).ok());
    let scale = edited_replicas(old.as_ref(), wanted);
    Ok(Some(NewSpec { spec, scale }))
}

/// Figures that differ from those of the version before. A first version edits nothing: new services begin with
/// their own figure.
fn edited_replicas(old: Option<&Manifest>, new: &Manifest) -> BTreeMap<ServiceName, u32> {
    let Some(old) = old else {
        return BTreeMap::new();
    };
    new.services
        .iter()
        .filter(|(name, service)| {
            old.services
                .get(*name)
                .is_some_and(|before| before.spec.replicas != service.spec.replicas)
        })
        .map(|(name, service)| (name.clone(), service.spec.replicas))
        .collect()
}

/// What the next deployment would change, against the newest wanted release.
async fn plan(at: DeployPlace<'_>, wanted: &Manifest) -> Result<Vec<PlannedChange>, Problem> {
    let base = at
        .scope
        .release_wanted(at.env.id)
        .await?
        .map(|release| release.spec);
    let loaded = load(at).await?;
    let mut values = loaded.values;
    // What would be generated counts as there.
    for key in compose::to_generate(wanted, &values) {
        values.secrets.insert(key, 1);
    }
    let nil = segue_model::id::BuildId::from_uuid(uuid::Uuid::nil());
    let resolves: Resolves = compose::own_images(wanted)
        .into_iter()
        .map(|name| (name, nil))
        .collect();
    // An image that the specification names is compared by its name, as a deployment of it would pin it anew.
    let named = wanted.build.image.as_ref().map(|name| AppImage {
        source: ImageSource::Resolve {
            name: name.clone(),
            build: nil,
        },
        generated: false,
    });
    let app = named
        .or_else(|| {
            base.as_ref()
                .and_then(|base| compose::app_image_of(base, wanted))
        })
        .unwrap_or(AppImage {
            source: ImageSource::Build(nil),
            generated: false,
        });
    let mut wanted = wanted.clone();
    if wanted.services.is_empty() {
        wanted.services = manifest(at).await?.services;
    }
    let next = compose::release(&wanted, &values, Some(&app), base.as_ref(), &resolves)
        .map_err(uncomposable)?;
    let targets: BTreeMap<ServiceName, u32> = at
        .scope
        .scale_list(at.env.id)
        .await?
        .into_iter()
        .map(|target| (target.service, target.replicas))
        .collect();
    let edited = edited_replicas(Some(&manifest(at).await?), &wanted);
    Ok(compare(base.as_ref(), &next, &targets, &edited))
}

/// Compares two releases service by service. Pure.
pub(super) fn compare(
    base: Option<&ReleaseSpec>,
    next: &ReleaseSpec,
    targets: &BTreeMap<ServiceName, u32>,
    edited: &BTreeMap<ServiceName, u32>,
) -> Vec<PlannedChange> {
    let none = BTreeMap::new();
    let before = base.map_or(&none, |base| &base.services);
    let names: BTreeSet<&ServiceName> = before.keys().chain(next.services.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let running = |service: &ReleaseService| {
                targets.get(name).copied().unwrap_or(service.spec.replicas)
            };
            let (old, new) = (before.get(name), next.services.get(name));
            let replicas_before = old.map_or(0, running);
            let replicas_after = new.map_or(0, |new| {
                edited.get(name).copied().unwrap_or_else(|| running(new))
            });
            let (action, reason) = match (old, new) {
                (None, None) => return None,
                (None, Some(_)) => (PlannedAction::Create, "the service is new"),
                (Some(_), None) => (
                    PlannedAction::Remove,
                    "the service is not in the specification",
                ),
                (Some(old), Some(new)) if shape(old) != shape(new) => {
                    (PlannedAction::Replace, "what shapes its containers differs")
                }
                _ if replicas_before != replicas_after => {
                    (PlannedAction::Scale, "only the number of instances differs")
                }
                _ => (PlannedAction::Keep, "no container changes"),
            };
            let stops_first = next.rollout.strategy == Strategy::Recreate
                || new.is_some_and(|new| new.spec.is_exclusive());
            Some(PlannedChange {
                service: name.to_string(),
                action,
                replicas_before,
                replicas_after,
                downtime: action == PlannedAction::Remove
                    || (action == PlannedAction::Replace && stops_first),
                reason: reason.to_owned(),
            })
        })
        .collect()
}

/// Everything that shapes a container, with the image as it is named instead of as it is pinned.
fn shape(service: &ReleaseService) -> RevisionContent {
    let name = match &service.image {
        ImageSource::Resolve { name, .. } => name.to_string(),
        ImageSource::Build(build) => build.to_string(),
        ImageSource::Pinned(image) => image.content().to_owned(),
    };
    RevisionContent::new(
        service,
        &ImageRef::Engine {
            id: name,
            hosts: BTreeSet::new(),
        },
        None,
    )
}

/// Faults of a manifest in a source, each with line, reason and suggestion.
pub(super) fn manifest_faults(faults: &[ManifestError]) -> Problem {
    let errors: Vec<FieldError> = faults
        .iter()
        .map(|fault| FieldError {
            pointer: format!("segue.toml:{}:{}", fault.at.line, fault.at.column),
            detail: match &fault.suggestion {
                Some(suggestion) => format!("{}; {suggestion}", fault.reason),
                None => fault.reason.clone(),
            },
        })
        .collect();
    let detail = errors.first().map_or_else(String::new, |first| {
        format!("{}: {}", first.pointer, first.detail)
    });
    let mut problem = Problem::new(ProblemCode::Invalid, detail);
    problem.errors = errors;
    problem.hint("correct segue.toml and deploy again")
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
