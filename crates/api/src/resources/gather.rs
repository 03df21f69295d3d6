//! What a deployment is made of: reads the specification, values, the source and the release before, and puts a
//! release together by [`compose`](super::compose).
//!
//! Invariant: everything is read, nothing written; what has to change with the deployment comes out as changes.

use std::collections::BTreeMap;

use segue_model::detect::{self, Runtimes};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{BuildId, ReleaseId};
use segue_model::manifest::{Manifest, ManifestFile, ManifestService};
use segue_model::name::{ConfigKey, EnvironmentName, ImageName, ServiceName};
use segue_model::spec::{ImageSource, ReleaseSpec, bounds};
use segue_store::seal::SecretBytes;
use segue_store::{
    BuildInput, Change, DeploymentKind, EnvironmentKind, NewBuild, NewRelease, NewSpec, SET_HERE,
    StoreError, Target, fresh_id,
};

use super::compose::{self, AppImage, Resolves, Uncomposable, Values};
use super::config::check_base;
use super::deploy::{Composed, DeployInput, DeployPlace, What};
use super::{promote, sources};
use crate::problem::{Problem, ProblemCode};

/// Reads what a deployment needs and puts it together. Writes nothing.
pub(super) async fn compose(at: DeployPlace<'_>, input: &DeployInput) -> Result<Composed, Problem> {
    let DeployPlace { scope, env, .. } = at;
    match &input.what {
        What::Release(version) => {
            let release = scope.release_by_version(env.id, *version).await?;
            Ok(Composed {
                target: Target::Existing(release.id),
                kind: DeploymentKind::Rollback,
                spec: Some(release.spec),
                changes: Vec::new(),
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
            Ok(new(
                follows(&base, spec, input),
                DeploymentKind::Restart,
                Vec::new(),
            ))
        }
        What::Config(_) | What::SecretSet(..) | What::SecretUnset(_) => {
            let base = wanted(at).await?;
            let manifest = manifest(at).await?;
            let (loaded, changes) = values(at, &manifest, &input.what).await?;
            let spec = compose::with_values(&base.spec, &manifest, &loaded.values)
                .map_err(uncomposable)?;
            let kind = match input.what {
                What::Config(_) => DeploymentKind::Config,
                _ => DeploymentKind::Secret,
            };
            let release = NewRelease {
                config_version: loaded.config_version,
                ..follows(&base, spec, input)
            };
            Ok(new(release, kind, changes))
        }
        What::Source(sha256) => {
            let (release, changes) = from_source(at, *sha256, input).await?;
            Ok(new(release, DeploymentKind::Deploy, changes))
        }
        What::Image(image) => {
            let mut manifest = manifest(at).await?;
            manifest.build.image = Some(image.clone());
            if manifest.services.is_empty() {
                manifest.services = one_web();
            }
            let (app, build) = named_image(image);
            let (release, changes) = assemble(at, &manifest, Some(app), vec![build], input).await?;
            Ok(new(release, DeploymentKind::Deploy, changes))
        }
        What::Promote(promotion) => {
            let (release, changes) = promote::compose(at, promotion, input).await?;
            Ok(new(release, DeploymentKind::Promote, changes))
        }
        What::Spec => {
            let (release, changes) = from_spec(at, input).await?;
            Ok(new(release, DeploymentKind::Spec, changes))
        }
    }
}

fn new(release: NewRelease, kind: DeploymentKind, changes: Vec<Change>) -> Composed {
    let spec = Some(release.spec.clone());
    Composed {
        target: Target::New(Box::new(release)),
        kind,
        spec,
        changes,
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
        origin: base.origin.as_ref().map(|origin| origin.id),
        message: input.message.clone(),
    }
}

fn one_web() -> BTreeMap<ServiceName, ManifestService> {
    use segue_model::spec::{ServiceKind, ServiceSpec};
    let service = ManifestService::new(ServiceSpec::new(ServiceKind::Web));
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
pub(super) struct Loaded {
    pub values: Values,
    pub config_version: Option<i64>,
    /// Secrets whose names were taken over from another environment and that nobody has set.
    pub wished: Vec<ConfigKey>,
}

/// What the environment has with the change that is being deployed, and the secrets to be made because the
/// specification wants them generated.
pub(super) async fn values(
    at: DeployPlace<'_>,
    manifest: &Manifest,
    what: &What,
) -> Result<(Loaded, Vec<Change>), Problem> {
    let mut loaded = load(at).await?;
    let values = &mut loaded.values;
    match what {
        What::Config(change) => {
            check_base(at, change, loaded.config_version).await?;
            values.config = with_patch(std::mem::take(&mut values.config), &change.patch)?;
        }
        What::SecretSet(key, _) => {
            values.secrets.insert(key.clone(), SET_HERE);
        }
        What::SecretUnset(key) => {
            let removed = values.secrets.remove(key);
            if removed.is_none() && !loaded.wished.contains(key) {
                return Err(Problem::not_found());
            }
        }
        What::Source(_)
        | What::Image(_)
        | What::Release(_)
        | What::Promote(_)
        | What::Restart(_)
        | What::Spec => {}
    }
    let mut changes = Vec::new();
    for key in compose::to_generate(manifest, values) {
        let value = SecretBytes::from(hex::encode(rand::random::<[u8; 32]>()));
        values.secrets.insert(key.clone(), SET_HERE);
        changes.push(Change::SecretSet(key, value));
    }
    // A change of one value goes its way while others are still to be set.
    let of_a_value = matches!(
        what,
        What::Config(_) | What::SecretSet(..) | What::SecretUnset(_)
    );
    if !of_a_value {
        let set = &loaded.values.secrets;
        let missing = loaded.wished.iter().filter(|key| !set.contains_key(*key));
        secrets_missing(at, missing.collect())?;
    }
    Ok((loaded, changes))
}

/// Refuses where secrets were taken over by name and have no value yet.
fn secrets_missing(at: DeployPlace<'_>, missing: Vec<&ConfigKey>) -> Result<(), Problem> {
    let Some(first) = missing.first() else {
        return Ok(());
    };
    let names: Vec<&str> = missing.iter().map(|key| key.as_str()).collect();
    let (app, env) = (&at.app.name, &at.env.name);
    let failure = Failure {
        code: FailureCode::SecretMissing,
        evidence: format!("{env} has no value for {}", names.join(", ")),
    };
    Err(Problem::failure(&failure).hint(format!(
        "segue secret set {first} -a {app} -e {env}; one that is not needed: segue secret unset {first} -a {app} -e {env}"
    )))
}

/// The configuration with a change of it, which is not more than an environment may have.
pub(super) fn with_patch(
    mut config: BTreeMap<ConfigKey, String>,
    patch: &BTreeMap<ConfigKey, Option<String>>,
) -> Result<BTreeMap<ConfigKey, String>, Problem> {
    for (key, value) in patch {
        match value {
            Some(value) => config.insert(key.clone(), value.clone()),
            None => config.remove(key),
        };
    }
    let most = bounds::CONFIG_KEYS;
    if config.len() > most {
        return Err(Problem::invalid(
            "",
            format!("an environment has at most {most} variables"),
        ));
    }
    Ok(config)
}

/// What the environment has.
pub(super) async fn load(at: DeployPlace<'_>) -> Result<Loaded, Problem> {
    let config = at.scope.config_get(at.env.id).await?;
    let secrets = at.scope.secret_list(at.env.id).await?;
    let wished = at.scope.secrets_wished(at.env.id).await?;
    Ok(Loaded {
        wished,
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

/// An image that people name, and the build that pins it.
fn named_image(name: &ImageName) -> (AppImage, NewBuild) {
    let id = BuildId::from_uuid(fresh_id());
    let source = ImageSource::Resolve {
        name: name.clone(),
        build: id,
    };
    let build = NewBuild {
        id,
        input: BuildInput::Resolve(name.clone()),
        settings: serde_json::json!({}),
    };
    let image = AppImage {
        source,
        generated: false,
    };
    (image, build)
}

async fn from_source(
    at: DeployPlace<'_>,
    sha256: [u8; 32],
    input: &DeployInput,
) -> Result<(NewRelease, Vec<Change>), Problem> {
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
    let (written, edited) = match seen.text(segue_model::manifest::FILE_NAME) {
        Some(text) => written_manifest(at, text).await?,
        None => (manifest(at).await?, None),
    };
    let mut manifest = written.clone();
    let runtimes: &Runtimes = &at.state.config().runtimes;
    let (mut builds, mut app) = (Vec::new(), None);
    if let Some(image) = &manifest.build.image {
        let (named, build) = named_image(image);
        app = Some(named);
        builds.push(build);
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
    let (release, mut changes) = assemble(at, &manifest, app, builds, input).await?;
    changes.extend(edited.map(Change::Spec));
    let release = NewRelease {
        source: Some(source.id),
        commit: input.git.as_ref().map(|(_, commit)| commit.clone()),
        ..release
    };
    Ok((release, changes))
}

/// The environment whose part of a manifest counts: a preview has that of the one it is made after.
pub(super) fn template(at: DeployPlace<'_>) -> &EnvironmentName {
    match &at.env.cloned_from {
        Some(of) if at.env.kind == EnvironmentKind::Preview => of,
        _ => &at.env.name,
    }
}

/// The manifest in the source, and what it changes: what it says becomes the environment's specification.
async fn written_manifest(
    at: DeployPlace<'_>,
    text: &str,
) -> Result<(Manifest, Option<NewSpec>), Problem> {
    let file =
        ManifestFile::from_toml(text).map_err(|faults| super::spec::manifest_faults(&faults))?;
    // The request names the app; a copy of somebody's source may be deployed under another name.
    let manifest = Manifest {
        app: at.app.name.clone(),
        ..file.for_environment(template(at)).clone()
    };
    let before = at.scope.spec_get(at.env.id).await?;
    let edited = super::spec::edited(before.as_ref(), &manifest)?;
    Ok((manifest, edited))
}

async fn from_spec(
    at: DeployPlace<'_>,
    input: &DeployInput,
) -> Result<(NewRelease, Vec<Change>), Problem> {
    let mut manifest = manifest(at).await?;
    let base = at.scope.release_wanted(at.env.id).await?;
    let (mut builds, mut app) = (Vec::new(), None);
    if let Some(image) = &manifest.build.image {
        if manifest.services.is_empty() {
            manifest.services = one_web();
        }
        let (named, build) = named_image(image);
        app = Some(named);
        builds.push(build);
    } else if let Some(base) = &base {
        app = compose::app_image_of(&base.spec, &manifest);
        // Services that detection had found go on as they were.
        if manifest.services.is_empty() {
            manifest.services = base
                .spec
                .services
                .iter()
                .map(|(name, service)| (name.clone(), ManifestService::new(service.spec.clone())))
                .collect();
        }
    }
    let (mut release, changes) = assemble(at, &manifest, app, builds, input).await?;
    if let Some(base) = base {
        release.source = base.source;
        release.commit = base.commit;
    }
    Ok((release, changes))
}

/// Puts a release together and adds the builds that pin services' own images.
async fn assemble(
    at: DeployPlace<'_>,
    manifest: &Manifest,
    app: Option<AppImage>,
    mut builds: Vec<NewBuild>,
    input: &DeployInput,
) -> Result<(NewRelease, Vec<Change>), Problem> {
    let base = at.scope.release_wanted(at.env.id).await?;
    let (loaded, changes) = values(at, manifest, &input.what).await?;
    let mut resolves = Resolves::new();
    for name in compose::own_images(manifest) {
        let (_, build) = named_image(&name);
        resolves.insert(name, build.id);
        builds.push(build);
    }
    let spec = compose::release(
        manifest,
        &loaded.values,
        app.as_ref(),
        base.as_ref().map(|base| &base.spec),
        &resolves,
    )
    .map_err(uncomposable)?;
    let release = NewRelease {
        id: ReleaseId::from_uuid(fresh_id()),
        spec,
        builds,
        config_version: loaded.config_version,
        source: None,
        commit: None,
        origin: None,
        message: input.message.clone(),
    };
    Ok((release, changes))
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
