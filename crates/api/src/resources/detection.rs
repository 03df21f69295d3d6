//! What would be built and run of a kept source: detection and the manifest in it, shown before anything is deployed.
//!
//! Invariant: it answers what a deployment of the same source would do, by the same functions, and writes nothing. A
//! source that could not be deployed is answered by the failure that its deployment would be answered with.

use std::collections::BTreeSet;

use axum::extract::State;
use segue_model::detect::{self, Detected, Dockerfile};
use segue_model::manifest::{ConfigEntry, FILE_NAME, Manifest, ManifestFile, starter};
use segue_model::name::{ConfigKey, EnvironmentName, ServiceName};
use segue_model::spec::{Command, ServiceKind};
use segue_store::{App, Environment, StoreError, TeamScope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sources::{self, parse_sha256};
use crate::auth::place::{InApp, Read};
use crate::dto::spec::Kind;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::{AppPath, Errors};
use crate::wire::query::{ApiPath, ApiQuery};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(source_plan))
}

/// For which environment the plan is made.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanQuery {
    /// Name of the environment; it need not exist yet. `production` if none is named.
    #[param(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    environment: Option<String>,
}

/// What a deployment of a source would build and run.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SourcePlan {
    /// SHA-256 of the source.
    pub sha256: String,
    /// The environment that it is for.
    pub environment: String,
    /// One line for people: `Python 3.11 (requirements.txt) · start "gunicorn app:app" (Procfile: web)`.
    pub summary: String,
    /// Who writes the Dockerfile: `python`, `node`, `static`, …, `dockerfile` for the source's own, `image` if nothing
    /// is built. New ones may be added.
    pub builder: String,
    /// The runtime's version, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub version: Option<String>,
    /// The base image, or the finished image that the manifest names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub image: Option<String>,
    /// What the image starts if a service names nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start: Option<String>,
    /// The files that decided.
    pub why: Vec<String>,
    /// Whether the source brings a segue.toml.
    pub has_manifest: bool,
    /// Path of the Dockerfile in the source, if that is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dockerfile_path: Option<String>,
    /// Text of the Dockerfile that Segue writes, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dockerfile: Option<String>,
    /// What would run.
    pub services: Vec<PlannedService>,
    /// Variables that the source asks for.
    pub variables: Vec<PlannedVariable>,
    /// Keys without a value, without which it is not deployed.
    pub missing: Vec<String>,
    /// A segue.toml that says the same, to be edited and kept.
    pub manifest: String,
}

/// A service that would run.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PlannedService {
    /// Its name.
    #[schema(value_type = String)]
    pub name: ServiceName,
    /// What it is for.
    pub kind: Kind,
    /// What starts it; none: what the image says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub command: Option<String>,
    /// Its own image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub image: Option<String>,
    /// Where it has to listen, given to it as `PORT`; none: the one port that the image exposes, else 8080.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub port: Option<u16>,
    /// How many of it.
    pub replicas: u32,
}

/// A variable that the source asks for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PlannedVariable {
    /// Its key.
    #[schema(value_type = String)]
    pub key: ConfigKey,
    /// Where its value comes from: `value`, `service`, `generated`, or `person`.
    pub origin: String,
    /// The value that the source gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub value: Option<String>,
    /// Nothing is deployed without it.
    pub required: bool,
    /// The environment has a value for it.
    pub set: bool,
}

/// Shows what would be built and run of a kept source.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/sources/{sha256}/plan", tag = "sources",
    params(AppPath, ("sha256" = String, Path, description = "SHA-256 of its canonical tar, hexadecimal"), PlanQuery),
    responses((status = 200, description = "What a deployment would do.", body = SourcePlan), Errors))]
async fn source_plan(
    at: InApp<Read>,
    State(state): State<ApiState>,
    ApiPath((_, _, sha256)): ApiPath<(String, String, String)>,
    ApiQuery(query): ApiQuery<PlanQuery>,
) -> Result<ApiJson<SourcePlan>, Problem> {
    let name = query.environment.as_deref().unwrap_or("production");
    let name =
        EnvironmentName::new(name).map_err(|error| Problem::invalid("environment", error))?;
    let sha256 = parse_sha256(&sha256).ok_or_else(Problem::not_found)?;
    plan(&state, &at.scope, &at.app, &name, sha256)
        .await
        .map(ApiJson)
}

/// Makes the plan of a source.
async fn plan(
    state: &ApiState,
    scope: &TeamScope,
    app: &App,
    name: &EnvironmentName,
    sha256: [u8; 32],
) -> Result<SourcePlan, Problem> {
    let source = scope.source_by_sha256(app.id, sha256).await?;
    let contents = sources::contents(state, scope, &source).await?;
    let env = match scope.environment_by_name(app.id, name).await {
        Ok(env) => Some(env).filter(|env| !env.deleted),
        Err(StoreError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let seen = detect::Source {
        paths: &contents.paths,
        files: &contents.files,
    };
    let text = seen.text(FILE_NAME);
    let mut manifest = manifest(scope, app, name, env.as_ref(), text).await?;
    let detected = if manifest.needs_source() {
        let found = detect::detect(seen, &manifest, &state.config().runtimes)
            .map_err(|failure| Problem::failure(&failure))?;
        manifest.complete(&found);
        Some(found)
    } else {
        None
    };
    let set = set_keys(scope, env.as_ref()).await?;
    let mut plan = shown(app, &manifest, detected.as_ref(), &set);
    plan.sha256 = hex::encode(sha256);
    plan.environment = name.to_string();
    plan.has_manifest = text.is_some();
    if let Some(text) = text {
        plan.manifest = text.to_owned();
    }
    Ok(plan)
}

/// What the source says of itself, else what the environment has, else nothing.
async fn manifest(
    scope: &TeamScope,
    app: &App,
    name: &EnvironmentName,
    env: Option<&Environment>,
    text: Option<&str>,
) -> Result<Manifest, Problem> {
    if let Some(text) = text {
        let file = ManifestFile::from_toml(text)
            .map_err(|faults| super::spec::manifest_faults(&faults))?;
        return Ok(Manifest {
            app: app.name.clone(),
            ..file.for_environment(name).clone()
        });
    }
    let kept = match env {
        Some(env) => scope.spec_get(env.id).await?,
        None => None,
    };
    match kept {
        Some(version) => {
            serde_json::from_value(version.spec).map_err(|error| Problem::internal(&error))
        }
        None => Ok(Manifest::bare(app.name.clone())),
    }
}

/// Keys that have a value in the environment.
async fn set_keys(
    scope: &TeamScope,
    env: Option<&Environment>,
) -> Result<BTreeSet<ConfigKey>, Problem> {
    let Some(env) = env else {
        return Ok(BTreeSet::new());
    };
    let config = scope.config_get(env.id).await?;
    let secrets = scope.secret_list(env.id).await?;
    let plain = config
        .into_iter()
        .flat_map(|config| config.config.into_keys());
    Ok(plain
        .chain(secrets.into_iter().map(|one| one.key))
        .collect())
}

fn shown(
    app: &App,
    manifest: &Manifest,
    detected: Option<&Detected>,
    set: &BTreeSet<ConfigKey>,
) -> SourcePlan {
    let own = manifest.build.image.as_ref().map(ToString::to_string);
    let (dockerfile_path, dockerfile) = match detected.map(|found| &found.dockerfile) {
        Some(Dockerfile::Source { path }) => (Some(path.clone()), None),
        Some(Dockerfile::Generated { text }) => (None, Some(text.clone())),
        None => (None, None),
    };
    let variables = variables(manifest, set);
    SourcePlan {
        sha256: String::new(),
        environment: String::new(),
        summary: match (detected, &own) {
            (Some(found), _) => found.summary(),
            (None, Some(image)) => format!("image {image}"),
            (None, None) => "images of its services".to_owned(),
        },
        builder: detected
            .map_or("image", |found| found.runtime.key())
            .to_owned(),
        version: detected.and_then(|found| found.version.clone()),
        image: detected
            .and_then(|found| found.base.as_ref().map(ToString::to_string))
            .or(own),
        start: detected.and_then(|found| found.start.clone()),
        why: detected.map(|found| found.why.clone()).unwrap_or_default(),
        has_manifest: false,
        dockerfile_path,
        dockerfile,
        services: services(manifest),
        missing: variables
            .iter()
            .filter(|one| one.required && !one.set)
            .map(|one| one.key.to_string())
            .collect(),
        variables,
        manifest: detected
            .map(|found| starter(&app.name, found))
            .unwrap_or_default(),
    }
}

fn services(manifest: &Manifest) -> Vec<PlannedService> {
    let services = manifest.services.iter();
    services
        .map(|(name, service)| PlannedService {
            name: name.clone(),
            kind: match service.spec.kind {
                ServiceKind::Web => Kind::Web,
                ServiceKind::Worker => Kind::Worker,
                ServiceKind::Job => Kind::Job,
                ServiceKind::Data => Kind::Data,
            },
            command: service.spec.command.as_ref().map(line),
            image: service.image.as_ref().map(ToString::to_string),
            port: service
                .spec
                .port
                .filter(|_| service.spec.kind == ServiceKind::Web),
            replicas: service.spec.replicas,
        })
        .collect()
}

fn line(command: &Command) -> String {
    match command {
        Command::Argv(argv) => shell_words::join(argv),
        Command::Shell(line) => line.clone(),
    }
}

fn variables(manifest: &Manifest, set: &BTreeSet<ConfigKey>) -> Vec<PlannedVariable> {
    let own = manifest.services.values().map(|service| &service.config);
    let mut seen = BTreeSet::new();
    [&manifest.config]
        .into_iter()
        .chain(own)
        .flatten()
        .filter(|(key, _)| seen.insert((*key).clone()))
        .map(|(key, entry)| {
            let (origin, value, required) = match entry {
                ConfigEntry::Value(value) => ("value", Some(value.clone()), false),
                ConfigEntry::From(_) => ("service", None, false),
                ConfigEntry::Generate => ("generated", None, false),
                ConfigEntry::Secret { required } => ("person", None, *required),
            };
            PlannedVariable {
                key: key.clone(),
                origin: origin.to_owned(),
                value,
                required,
                set: set.contains(key),
            }
        })
        .collect()
}
