//! Making a deployment: from what people ask for to one transaction of the store.
//!
//! Everything that is read before (specification, configuration, secrets, source) belongs to one generation of the
//! environment; if that moved meanwhile, it is read again. Must not: decide what runs where.

use std::collections::BTreeSet;

use segue_model::detect::{self, Runtimes};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{BuildId, DeploymentId, ReleaseId};
use segue_model::manifest::{Manifest, ManifestFile};
use segue_model::name::{GitRef, ImageName, ServiceName};
use segue_model::spec::{ImageSource, ReleaseSpec};
use segue_store::seal::SecretBytes;
use segue_store::{
    App, BuildInput, Deployment, DeploymentKind, Done, Environment, NewBuild, NewDeployment,
    NewRelease, StoredResponse, Target, TeamScope,
};
use segue_store::{StoreError, fresh_id};

use super::compose::{self, AppImage, Resolves, Uncomposable, Values};
use super::{domains, sources};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::respond::Call;

/// How often a deployment is composed anew because the environment moved meanwhile.
const TRIES: usize = 5;

/// What shall be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A kept source, by the hash of its canonical tar.
    Source([u8; 32]),
    /// A finished image.
    Image(ImageName),
    /// An older release, by version.
    Release(i64),
    /// The same in new containers; all services if none is named.
    Restart(BTreeSet<ServiceName>),
    /// The newest specification on the image that runs.
    Spec,
    /// New configuration values.
    Config,
    /// New secret values.
    Secret,
}

/// A deployment as it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct DeployInput {
    pub what: What,
    pub message: String,
    /// The ref and commit that were pushed.
    pub git: Option<(GitRef, String)>,
}

/// Who asks, and where.
#[derive(Clone, Copy)]
pub(crate) struct DeployPlace<'a> {
    pub state: &'a ApiState,
    pub scope: &'a TeamScope,
    pub app: &'a App,
    pub env: &'a Environment,
}

/// What becomes a deployment row.
struct Composed {
    target: Target,
    kind: DeploymentKind,
    /// The services it will have, for their host names.
    spec: Option<ReleaseSpec>,
}

/// Makes the deployment.
pub(crate) async fn deploy(
    at: DeployPlace<'_>,
    input: &DeployInput,
    call: &Call,
    respond: &(dyn Fn(&Deployment) -> StoredResponse + Send + Sync),
) -> Result<Done<Deployment>, Problem> {
    let mut env = at.env.clone();
    let mut short_taken = false;
    for _ in 0..TRIES {
        let at = DeployPlace { env: &env, ..at };
        let composed = compose(at, input).await?;
        // Composing may itself have moved the environment (a manifest in the source, a generated secret).
        let generation = at.scope.environment_get(env.id).await?.generation;
        let own_change = generation - env.generation;
        let domains = match &composed.spec {
            Some(spec) => domains::wanted(at, spec, short_taken).await?,
            None => Vec::new(),
        };
        let new = NewDeployment {
            id: DeploymentId::from_uuid(fresh_id()),
            target: composed.target,
            kind: composed.kind,
            domains,
            git: input.git.clone(),
            message: input.message.clone(),
        };
        if own_change == 0 {
            let idempotency = call.idempotency(respond);
            match at
                .scope
                .deployment_create(env.id, Some(generation), &new, idempotency)
                .await
            {
                Err(StoreError::PreconditionFailed { .. }) => {}
                // Somebody took the generated host name: the next attempt makes another one.
                Err(error) if error.is_conflict_with("domains_name_taken") && !short_taken => {
                    short_taken = true;
                }
                done => return Ok(done?),
            }
        }
        env = at.scope.environment_get(env.id).await?;
    }
    Err(Problem::new(
        ProblemCode::Conflict,
        "the environment is being changed by others all the time",
    )
    .hint("send the same request again"))
}

async fn compose(at: DeployPlace<'_>, input: &DeployInput) -> Result<Composed, Problem> {
    let DeployPlace { scope, env, .. } = at;
    let new = |release: NewRelease, kind| {
        let spec = Some(release.spec.clone());
        Composed {
            target: Target::New(Box::new(release)),
            kind,
            spec,
        }
    };
    match &input.what {
        What::Release(version) => {
            let release = scope.release_by_version(env.id, *version).await?;
            Ok(Composed {
                target: Target::Existing(release.id),
                kind: DeploymentKind::Rollback,
                spec: Some(release.spec),
            })
        }
        What::Restart(only) => {
            let base = wanted(at).await?;
            if let Some(unknown) = only
                .iter()
                .find(|name| !base.spec.services.contains_key(*name))
            {
                return Err(Problem::invalid(
                    "/restart",
                    format!("there is no service `{unknown}`"),
                ));
            }
            let spec = compose::restarted(&base.spec, only);
            Ok(new(follows(&base, spec, input), DeploymentKind::Restart))
        }
        What::Config | What::Secret => {
            let base = wanted(at).await?;
            let manifest = manifest(at).await?;
            let values = values(at, &manifest).await?;
            let spec = compose::with_values(&base.spec, &manifest, &values.values)
                .map_err(uncomposable)?;
            let kind = match input.what {
                What::Config => DeploymentKind::Config,
                _ => DeploymentKind::Secret,
            };
            let release = NewRelease {
                config_version: values.config_version,
                ..follows(&base, spec, input)
            };
            Ok(new(release, kind))
        }
        What::Source(sha256) => Ok(new(
            from_source(at, *sha256, input).await?,
            DeploymentKind::Deploy,
        )),
        What::Image(image) => {
            let mut manifest = manifest(at).await?;
            manifest.build.image = Some(image.clone());
            if manifest.services.is_empty() {
                manifest.services = one_web();
            }
            let build = BuildId::from_uuid(fresh_id());
            let app = AppImage {
                source: ImageSource::Resolve {
                    name: image.clone(),
                    build,
                },
                generated: false,
            };
            let builds = vec![NewBuild {
                id: build,
                input: BuildInput::Resolve(image.clone()),
                settings: serde_json::json!({}),
            }];
            let release = assemble(at, &manifest, Some(app), builds, input).await?;
            Ok(new(release, DeploymentKind::Deploy))
        }
        What::Spec => Ok(new(from_spec(at, input).await?, DeploymentKind::Spec)),
    }
}

/// The release that configuration changes, restarts and specifications build on.
async fn wanted(at: DeployPlace<'_>) -> Result<segue_store::ReleaseView, Problem> {
    at.scope
        .release_wanted(at.env.id)
        .await?
        .ok_or_else(nothing_yet)
}

fn nothing_yet() -> Problem {
    Problem::new(
        ProblemCode::Conflict,
        "nothing was deployed to this environment yet",
    )
    .hint("deploy source or an image first: segue up")
}

fn follows(base: &segue_store::ReleaseView, spec: ReleaseSpec, input: &DeployInput) -> NewRelease {
    NewRelease {
        id: ReleaseId::from_uuid(fresh_id()),
        spec,
        builds: Vec::new(),
        config_version: base.config_version,
        source: base.source,
        commit: base.commit.clone(),
        message: input.message.clone(),
    }
}

fn one_web() -> std::collections::BTreeMap<ServiceName, segue_model::manifest::ManifestService> {
    use segue_model::spec::{ServiceKind, ServiceSpec};
    let service = segue_model::manifest::ManifestService {
        spec: ServiceSpec::new(ServiceKind::Web),
        image: None,
    };
    ServiceName::new("web")
        .map(|name| [(name, service)].into())
        .unwrap_or_default()
}

/// The environment's specification, as people last wrote it.
pub(super) async fn manifest(at: DeployPlace<'_>) -> Result<Manifest, Problem> {
    match at.scope.spec_get(at.env.id).await? {
        Some(version) => {
            serde_json::from_value(version.spec).map_err(|error| Problem::internal(&error))
        }
        None => Ok(Manifest::bare(at.app.name.clone())),
    }
}

/// Values with the configuration version they came from.
pub(super) struct LoadedValues {
    pub values: Values,
    pub config_version: Option<i64>,
}

/// What the environment has, with the secrets made that the specification wants generated.
async fn values(at: DeployPlace<'_>, manifest: &Manifest) -> Result<LoadedValues, Problem> {
    let mut loaded = load_values(at).await?;
    for key in compose::to_generate(manifest, &loaded.values) {
        let value = SecretBytes::from(hex::encode(rand::random::<[u8; 32]>()));
        let made = at
            .scope
            .secret_set(at.env.id, None, &key, &value, None)
            .await?;
        if let Some(info) = made.fresh() {
            loaded.values.secrets.insert(info.key, info.version);
        }
    }
    Ok(loaded)
}

/// What the environment has.
pub(super) async fn load_values(at: DeployPlace<'_>) -> Result<LoadedValues, Problem> {
    let config = at.scope.config_get(at.env.id).await?;
    let secrets = at.scope.secret_list(at.env.id).await?;
    Ok(LoadedValues {
        config_version: config.as_ref().map(|config| config.version),
        values: Values {
            config: config.map(|config| config.config).unwrap_or_default(),
            secrets: secrets
                .into_iter()
                .map(|secret| (secret.key, secret.version))
                .collect(),
        },
    })
}

async fn from_source(
    at: DeployPlace<'_>,
    sha256: [u8; 32],
    input: &DeployInput,
) -> Result<NewRelease, Problem> {
    let source =
        at.scope
            .source_by_sha256(at.app.id, sha256)
            .await
            .map_err(|error| match error {
                StoreError::NotFound => {
                    Problem::invalid("/source", "this source is not kept (any more)")
                        .hint("upload it again")
                }
                other => other.into(),
            })?;
    let contents = sources::contents(at.state, at.scope, &source).await?;
    let seen = detect::Source {
        paths: &contents.paths,
        files: &contents.files,
    };
    let written = match seen.text(segue_model::manifest::FILE_NAME) {
        Some(text) => written_manifest(at, text).await?,
        None => manifest(at).await?,
    };
    let mut manifest = written.clone();
    let runtimes: &Runtimes = &at.state.config().runtimes;
    let (mut builds, mut app) = (Vec::new(), None);
    if let Some(image) = &manifest.build.image {
        let build = BuildId::from_uuid(fresh_id());
        app = Some(AppImage {
            source: ImageSource::Resolve {
                name: image.clone(),
                build,
            },
            generated: false,
        });
        builds.push(NewBuild {
            id: build,
            input: BuildInput::Resolve(image.clone()),
            settings: serde_json::json!({}),
        });
    } else if manifest.needs_source() {
        let detected = detect::detect(seen, &manifest, runtimes)
            .map_err(|failure| Problem::failure(&failure))?;
        manifest.complete(&detected);
        let build = BuildId::from_uuid(fresh_id());
        app = Some(AppImage {
            source: ImageSource::Build(build),
            generated: compose::is_generated(&detected),
        });
        builds.push(NewBuild {
            id: build,
            input: BuildInput::Source(source.id),
            // As written, not as completed: the builder detects again and must find the same.
            settings: serde_json::to_value(&written).map_err(|error| Problem::internal(&error))?,
        });
    }
    let release = assemble(at, &manifest, app, builds, input).await?;
    Ok(NewRelease {
        source: Some(source.id),
        commit: input.git.as_ref().map(|(_, commit)| commit.clone()),
        ..release
    })
}

/// The manifest in the source: what it says becomes the environment's specification.
async fn written_manifest(at: DeployPlace<'_>, text: &str) -> Result<Manifest, Problem> {
    let file =
        ManifestFile::from_toml(text).map_err(|faults| super::spec::manifest_faults(&faults))?;
    // The request names the app; a copy of somebody's source may be deployed under another name.
    let manifest = Manifest {
        app: at.app.name.clone(),
        ..file.for_environment(&at.env.name).clone()
    };
    let before = at.scope.spec_get(at.env.id).await?;
    super::spec::put(at.scope, at.env.id, None, before.as_ref(), &manifest).await?;
    Ok(manifest)
}

async fn from_spec(at: DeployPlace<'_>, input: &DeployInput) -> Result<NewRelease, Problem> {
    let mut manifest = manifest(at).await?;
    let base = at.scope.release_wanted(at.env.id).await?;
    let (mut builds, mut app) = (Vec::new(), None);
    if let Some(image) = &manifest.build.image {
        if manifest.services.is_empty() {
            manifest.services = one_web();
        }
        let build = BuildId::from_uuid(fresh_id());
        app = Some(AppImage {
            source: ImageSource::Resolve {
                name: image.clone(),
                build,
            },
            generated: false,
        });
        builds.push(NewBuild {
            id: build,
            input: BuildInput::Resolve(image.clone()),
            settings: serde_json::json!({}),
        });
    } else if let Some(base) = &base {
        app = compose::app_image_of(&base.spec, &manifest);
        // Services that detection had found go on as they were.
        if manifest.services.is_empty() {
            manifest.services = base
                .spec
                .services
                .iter()
                .map(|(name, service)| {
                    let spec = service.spec.clone();
                    (
                        name.clone(),
                        segue_model::manifest::ManifestService { spec, image: None },
                    )
                })
                .collect();
        }
    }
    let release = assemble(at, &manifest, app, builds, input).await?;
    Ok(match base {
        Some(base) => NewRelease {
            source: base.source,
            commit: base.commit,
            ..release
        },
        None => release,
    })
}

/// Puts a release together and adds the builds that pin services' own images.
async fn assemble(
    at: DeployPlace<'_>,
    manifest: &Manifest,
    app: Option<AppImage>,
    mut builds: Vec<NewBuild>,
    input: &DeployInput,
) -> Result<NewRelease, Problem> {
    let base = at.scope.release_wanted(at.env.id).await?;
    let loaded = values(at, manifest).await?;
    let mut resolves = Resolves::new();
    for name in compose::own_images(manifest) {
        let id = BuildId::from_uuid(fresh_id());
        builds.push(NewBuild {
            id,
            input: BuildInput::Resolve(name.clone()),
            settings: serde_json::json!({}),
        });
        resolves.insert(name, id);
    }
    let spec = compose::release(
        manifest,
        &loaded.values,
        app.as_ref(),
        base.as_ref().map(|base| &base.spec),
        &resolves,
    )
    .map_err(uncomposable)?;
    Ok(NewRelease {
        id: ReleaseId::from_uuid(fresh_id()),
        spec,
        builds,
        config_version: loaded.config_version,
        source: None,
        commit: None,
        message: input.message.clone(),
    })
}

pub(super) fn uncomposable(error: Uncomposable) -> Problem {
    match &error {
        Uncomposable::Missing(keys) => {
            let names: Vec<_> = keys.iter().map(ToString::to_string).collect();
            Problem::failure(&Failure {
                code: FailureCode::VariableMissing,
                evidence: names.join(", "),
            })
        }
        Uncomposable::NoImage(_) => nothing_yet(),
        Uncomposable::NoService => Problem::new(ProblemCode::Invalid, error.to_string())
            .hint("add [services.web] to segue.toml, or deploy source that says what to start"),
    }
}
