//! Promotion: the images that run in one environment, with the values of another one.
//!
//! Invariants: nothing is built and no image is looked up again, so that what was tried is what runs; variables,
//! secrets, host names and the number of instances are the target's own. What shapes the services (command, port,
//! health, resources) is the target's part of the `segue.toml` that the release was made from, while its source is
//! kept; else the promoted release's, with what the target's specification says of resources and placement.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use segue_model::detect;
use segue_model::id::ReleaseId;
use segue_model::manifest::{FILE_NAME, Manifest, ManifestFile};
use segue_model::name::ServiceName;
use segue_model::spec::{ImageRef, ServiceSpec};
use segue_store::{Change, NewRelease, ReleaseView, StoreError, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::compose;
use super::deploy::{DeployInput, DeployPlace, What};
use super::deployments::{make, message};
use super::gather;
use super::sources;
use super::spec::{PlannedChange, compare, edited, manifest_faults};
use crate::auth::place::{Deploy, InEnv, Read};
use crate::dto::deployment::{DeploymentView, is_live};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::params::{EnvPath, Errors, IdempotencyHeader};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::Call;
use crate::wire::wait::WaitQuery;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(deployment_promote))
}

/// What is carried over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Promotion {
    /// The release.
    pub release: ReleaseView,
    /// What its environment was last told to run, for services that the target's specification does not name.
    pub written: Manifest,
    /// Its images, pinned, by service.
    pub images: BTreeMap<ServiceName, (ImageRef, bool)>,
}

impl Eq for Promotion {}

/// Where a deployment's release shall go.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentPromote {
    /// Name or id of the environment, of the same app.
    #[schema(max_length = 40)]
    pub to: String,
    /// What to say about it.
    #[serde(default)]
    #[schema(max_length = 1000, pattern = "^[^\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub message: String,
}

/// What a promotion would do.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PromotionPlan {
    /// The environment that the images come from.
    pub from: String,
    /// The environment that they go to.
    pub to: String,
    /// Version of the release that is promoted.
    pub release: i64,
    /// Content addresses of the images, by service.
    pub images: BTreeMap<String, String>,
    /// What happens to the target's services.
    pub changes: Vec<PlannedChange>,
    /// Variables that have a value there and none in the target.
    pub config_only_there: Vec<String>,
    /// Secrets that are set there and not in the target.
    pub secrets_only_there: Vec<String>,
}

/// How a promotion is sent.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PromoteQuery {
    /// Answer what would happen, and change nothing.
    #[serde(default)]
    dry_run: bool,
    /// Answer when it is live or has ended, at most after this time: `30s`, up to `300s`.
    #[param(pattern = "^([0-9]{1,2}|[0-2][0-9]{2}|300)s$")]
    wait: Option<String>,
}

/// Deploys the images of a deployment to another environment of the app, with that one's own values.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs/{env}/deployments/{number}/promote",
    tag = "deployments",
    params(EnvPath, PromoteQuery, IdempotencyHeader,
        ("number" = i64, Path, description = "Number of the deployment whose images are promoted")),
    request_body = DeploymentPromote,
    responses((status = 202, description = "It is under way in the other environment; `Location` follows it.",
            body = DeploymentView),
        (status = 200, description = "With `dry_run`: what would happen.", body = PromotionPlan), Errors))]
async fn deployment_promote(
    at: InEnv<Read>,
    State(state): State<ApiState>,
    ApiPath((_, _, _, number)): ApiPath<(String, String, String, i64)>,
    ApiQuery(query): ApiQuery<PromoteQuery>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<DeploymentPromote>,
) -> Result<Response, Problem> {
    let target = at.other::<Deploy>(&body.to).await?;
    let wait = WaitQuery::of(query.wait).time()?;
    let promotion = promotion(&at, &target, number).await?;
    let place = DeployPlace {
        state: &state,
        scope: &target.scope,
        app: &target.app,
        env: &target.env,
    };
    let words = message(body.message)?;
    let input = DeployInput {
        message: if words.is_empty() {
            format!("v{} of {}", promotion.release.version, at.env.name)
        } else {
            words
        },
        what: What::Promote(Box::new(promotion)),
        git: None,
    };
    if query.dry_run {
        let plan = plan(&at, place, &input).await?;
        return Ok(ApiJson(plan).into_response());
    }
    make(&target, &state, &input, &call.body(&bytes), wait).await
}

/// What is promoted, or why it is not.
async fn promotion(
    at: &InEnv<Read>,
    target: &InEnv<Deploy>,
    number: i64,
) -> Result<Promotion, Problem> {
    let conflict = |detail: String| Problem::new(ProblemCode::Conflict, detail);
    if at.env.id == target.env.id {
        let detail = format!(
            "{} is the environment that #{number} belongs to",
            at.env.name
        );
        return Err(conflict(detail).hint("name another environment, or go back: segue rollback"));
    }
    let deployment = at.scope.deployment_by_number(at.env.id, number).await?;
    if deployment.live_at.is_none() && !is_live(deployment.state) {
        let detail = format!(
            "#{number} of {} was never live, it is {}",
            at.env.name, deployment.state
        );
        return Err(conflict(detail).hint("promote a deployment that was: segue deploys"));
    }
    let release = at.scope.release_get(deployment.release).await?;
    let images = at.scope.release_images(&release).await?;
    if images.len() != release.spec.services.len() {
        let detail = format!("the images of v{} are not known any more", release.version);
        return Err(conflict(detail).hint("deploy its source again: segue up"));
    }
    let written = match at.scope.spec_get(at.env.id).await? {
        Some(version) => {
            serde_json::from_value(version.spec).map_err(|error| Problem::internal(&error))?
        }
        None => Manifest::bare(at.app.name.clone()),
    };
    Ok(Promotion {
        release,
        written,
        images,
    })
}

/// Puts the target's release together. Writes nothing.
pub(super) async fn compose(
    at: DeployPlace<'_>,
    promotion: &Promotion,
    input: &DeployInput,
) -> Result<(NewRelease, Vec<Change>), Problem> {
    let (manifest, spec_change, services) = shaped(at, promotion).await?;
    let base = at.scope.release_wanted(at.env.id).await?;
    let (loaded, mut changes) = gather::values(at, &manifest, &input.what).await?;
    changes.extend(spec_change.map(Change::Spec));
    let spec = compose::promoted(
        &manifest,
        &loaded.values,
        services,
        base.as_ref().map(|base| &base.spec),
    )
    .map_err(|error| {
        let mut problem = gather::uncomposable(error);
        problem.detail = format!("{} cannot take it: {}", at.env.name, problem.detail);
        problem
    })?;
    let release = NewRelease {
        id: ReleaseId::from_uuid(fresh_id()),
        spec,
        builds: Vec::new(),
        config_version: loaded.config_version,
        source: promotion.release.source,
        commit: promotion.release.commit.clone(),
        origin: Some(promotion.release.id),
        message: input.message.clone(),
    };
    Ok((release, changes))
}

type Shaped = (
    Manifest,
    Option<segue_store::NewSpec>,
    BTreeMap<ServiceName, (ServiceSpec, ImageRef, bool)>,
);

/// The specification that the target has from now on, and what shapes each of its services.
async fn shaped(at: DeployPlace<'_>, promotion: &Promotion) -> Result<Shaped, Problem> {
    let before = at.scope.spec_get(at.env.id).await?;
    let from_file = manifest_in_source(at, promotion).await?;
    let is_whole = from_file.is_some();
    let mut manifest = match from_file {
        Some(manifest) => manifest,
        None => gather::manifest(at).await?,
    };
    let change = if is_whole {
        edited(before.as_ref(), &manifest)?
    } else {
        None
    };
    let mut services = BTreeMap::new();
    for (name, released) in &promotion.release.spec.services {
        let Some((image, generated)) = promotion.images.get(name) else {
            continue;
        };
        let own = manifest.services.get(name).map(|service| &service.spec);
        let spec = shape(own, &released.spec, is_whole);
        services.insert(name.clone(), (spec, image.clone(), *generated));
    }
    // A service that is new to the target has the variables that it was tried with, by their names.
    for (name, written) in &promotion.written.services {
        if !manifest.services.contains_key(name) && services.contains_key(name) {
            let mut written = written.clone();
            written.spec.domains.clear();
            manifest.services.insert(name.clone(), written);
        }
    }
    if before.is_none() && !is_whole {
        manifest.config.clone_from(&promotion.written.config);
        manifest.deploy.clone_from(&promotion.written.deploy);
    }
    Ok((manifest, change, services))
}

/// What shapes a service in the target. Pure.
fn shape(own: Option<&ServiceSpec>, released: &ServiceSpec, is_whole: bool) -> ServiceSpec {
    let Some(own) = own else {
        return ServiceSpec {
            domains: Vec::new(),
            ..released.clone()
        };
    };
    if is_whole {
        // What detection found is not in the file.
        return ServiceSpec {
            command: own.command.clone().or_else(|| released.command.clone()),
            port: own.port.or(released.port),
            ..own.clone()
        };
    }
    ServiceSpec {
        replicas: own.replicas,
        resources: own.resources,
        place: own.place.clone(),
        domains: own.domains.clone(),
        ..released.clone()
    }
}

/// The target's part of the manifest that the release was made from, while the source is kept.
async fn manifest_in_source(
    at: DeployPlace<'_>,
    promotion: &Promotion,
) -> Result<Option<Manifest>, Problem> {
    let Some(source) = promotion.release.source else {
        return Ok(None);
    };
    let source = match at.scope.source_get(source).await {
        Ok(source) => source,
        Err(StoreError::NotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let contents = sources::contents(at.state, at.scope, &source).await?;
    let seen = detect::Source {
        paths: &contents.paths,
        files: &contents.files,
    };
    let Some(text) = seen.text(FILE_NAME) else {
        return Ok(None);
    };
    let file = ManifestFile::from_toml(text).map_err(|faults| manifest_faults(&faults))?;
    let manifest = file.for_environment(gather::template(at)).clone();
    Ok(Some(Manifest {
        app: at.app.name.clone(),
        ..manifest
    }))
}

/// What a promotion would do.
async fn plan(
    from: &InEnv<Read>,
    at: DeployPlace<'_>,
    input: &DeployInput,
) -> Result<PromotionPlan, Problem> {
    let What::Promote(promotion) = &input.what else {
        return Err(Problem::not_found());
    };
    let (release, _) = compose(at, promotion, input).await?;
    let base = at.scope.release_wanted(at.env.id).await?;
    let targets = at.scope.scale_list(at.env.id).await?;
    let targets = targets
        .into_iter()
        .map(|target| (target.service, target.replicas))
        .collect();
    let base = base.as_ref().map(|base| &base.spec);
    let here = gather::load(at).await?.values;
    let there = gather::load(DeployPlace {
        env: &from.env,
        ..at
    })
    .await?
    .values;
    let images = promotion.images.iter();
    Ok(PromotionPlan {
        from: from.env.name.to_string(),
        to: at.env.name.to_string(),
        release: promotion.release.version,
        images: images
            .map(|(name, (image, _))| (name.to_string(), image.content().to_owned()))
            .collect(),
        changes: compare(base, &release.spec, &targets, &BTreeMap::new()),
        config_only_there: (there.config.keys())
            .filter(|key| !here.config.contains_key(*key))
            .map(ToString::to_string)
            .collect(),
        secrets_only_there: (there.secrets.keys())
            .filter(|key| !here.secrets.contains_key(*key))
            .map(ToString::to_string)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use segue_model::spec::ServiceKind;

    use super::*;

    #[test]
    fn what_was_tried_runs_with_the_targets_own_size() {
        let mut released = ServiceSpec::new(ServiceKind::Web);
        released.port = Some(3000);
        released.replicas = 1;
        released.domains = vec!["staging.example.com".parse().unwrap()];
        let mut own = ServiceSpec::new(ServiceKind::Web);
        own.port = Some(9);
        own.replicas = 4;
        own.resources.memory_bytes = 1 << 30;
        own.domains = vec!["shop.example.com".parse().unwrap()];
        let kept = shape(Some(&own), &released, false);
        assert_eq!((kept.port, kept.replicas), (Some(3000), 4));
        assert_eq!(kept.resources, own.resources);
        assert_eq!(kept.domains, own.domains);
        // The file that the image was made from says it all.
        own.port = None;
        let whole = shape(Some(&own), &released, true);
        assert_eq!((whole.port, whole.replicas), (Some(3000), 4));
        // A host name never comes along.
        assert!(shape(None, &released, false).domains.is_empty());
    }
}
