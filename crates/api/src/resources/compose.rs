//! From a specification, values and an image to a release. Pure: nothing here reads or writes.
//!
//! Invariants: a service keeps its restart nonce from release to release; what `config` and `secret` set wins
//! over the specification; a required variable without a value makes no release.

use std::collections::{BTreeMap, BTreeSet};

use segue_model::detect::{Detected, Dockerfile};
use segue_model::id::BuildId;
use segue_model::manifest::{ConfigEntry, Manifest};
use segue_model::name::{ConfigKey, ImageName, ServiceName};
use segue_model::spec::{EnvValue, ImageSource, ReleaseService, ReleaseSpec};

/// Values that an environment has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Values {
    /// Plain configuration.
    pub config: BTreeMap<ConfigKey, String>,
    /// Newest versions of secrets.
    pub secrets: BTreeMap<ConfigKey, i64>,
}

/// Where the image of services that name none comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppImage {
    pub source: ImageSource,
    /// Made by a Dockerfile that Segue wrote: profile `strict`.
    pub generated: bool,
}

/// What keeps a specification from becoming a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Uncomposable {
    /// Required variables without a value.
    #[error("no value for {}", list(.0))]
    Missing(BTreeSet<ConfigKey>),
    /// A service has no image of its own and none was given.
    #[error("nothing was deployed yet that service `{0}` could run")]
    NoImage(ServiceName),
    /// There is no service at all.
    #[error("the specification has no service")]
    NoService,
}

fn list(keys: &BTreeSet<ConfigKey>) -> String {
    keys.iter()
        .map(ConfigKey::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Secrets that the specification wants made and that do not exist yet.
pub(crate) fn to_generate(manifest: &Manifest, values: &Values) -> Vec<ConfigKey> {
    manifest
        .config
        .iter()
        .filter(|(key, entry)| {
            **entry == ConfigEntry::Generate
                && !values.secrets.contains_key(*key)
                && !values.config.contains_key(*key)
        })
        .map(|(key, _)| key.clone())
        .collect()
}

/// The environment that every service of a release gets.
pub(crate) fn environment(
    manifest: &Manifest,
    values: &Values,
) -> Result<BTreeMap<ConfigKey, EnvValue>, Uncomposable> {
    let mut env = BTreeMap::new();
    let mut missing = BTreeSet::new();
    for (key, entry) in &manifest.config {
        let has_value = values.config.contains_key(key) || values.secrets.contains_key(key);
        match entry {
            ConfigEntry::Value(value) => {
                env.insert(key.clone(), EnvValue::Value(value.clone()));
            }
            ConfigEntry::From(reference) => {
                if let Some(value) = manifest.resolve(reference) {
                    env.insert(key.clone(), EnvValue::Value(value));
                }
            }
            ConfigEntry::Generate | ConfigEntry::Secret { required: true } if !has_value => {
                missing.insert(key.clone());
            }
            ConfigEntry::Generate | ConfigEntry::Secret { .. } => {}
        }
    }
    if !missing.is_empty() {
        return Err(Uncomposable::Missing(missing));
    }
    for (key, value) in &values.config {
        env.insert(key.clone(), EnvValue::Value(value.clone()));
    }
    for (key, version) in &values.secrets {
        env.insert(key.clone(), EnvValue::Secret { version: *version });
    }
    Ok(env)
}

/// The image builds that a release newly needs: names to pin, by the build that pins each.
pub(crate) type Resolves = BTreeMap<ImageName, BuildId>;

/// Makes a release. `resolve` names the build that pins an image, the same one for the same name.
pub(crate) fn release(
    manifest: &Manifest,
    values: &Values,
    app: Option<&AppImage>,
    base: Option<&ReleaseSpec>,
    resolves: &Resolves,
) -> Result<ReleaseSpec, Uncomposable> {
    if manifest.services.is_empty() {
        return Err(Uncomposable::NoService);
    }
    let env = environment(manifest, values)?;
    let mut services = BTreeMap::new();
    for (name, service) in &manifest.services {
        let (image, generated) = match (&service.image, app) {
            (Some(own), _) => {
                let build = resolves
                    .get(own)
                    .ok_or_else(|| Uncomposable::NoImage(name.clone()))?;
                (
                    ImageSource::Resolve {
                        name: own.clone(),
                        build: *build,
                    },
                    false,
                )
            }
            (None, Some(app)) => (app.source.clone(), app.generated),
            (None, None) => return Err(Uncomposable::NoImage(name.clone())),
        };
        let nonce = base
            .and_then(|base| base.services.get(name))
            .map_or(0, |before| before.restart_nonce);
        services.insert(
            name.clone(),
            ReleaseService {
                spec: service.spec.clone(),
                image,
                env: env.clone(),
                restart_nonce: nonce,
                generated,
            },
        );
    }
    Ok(ReleaseSpec {
        services,
        rollout: manifest.deploy.rollout.clone(),
    })
}

/// Images that the manifest's services name themselves.
pub(crate) fn own_images(manifest: &Manifest) -> BTreeSet<ImageName> {
    manifest
        .services
        .values()
        .filter_map(|service| service.image.clone())
        .collect()
}

/// The image that services without one of their own ran in a release.
pub(crate) fn app_image_of(base: &ReleaseSpec, manifest: &Manifest) -> Option<AppImage> {
    let named = own_images(manifest);
    let is_own = |source: &ImageSource| match source {
        ImageSource::Resolve { name, .. } => named.contains(name),
        ImageSource::Build(_) | ImageSource::Pinned(_) => false,
    };
    base.services
        .iter()
        .filter(|(name, _)| {
            manifest
                .services
                .get(*name)
                .is_none_or(|service| service.image.is_none())
        })
        .map(|(_, service)| service)
        .find(|service| !is_own(&service.image))
        .map(|service| AppImage {
            source: service.image.clone(),
            generated: service.generated,
        })
}

/// The same services with new values: a configuration or secret change.
pub(crate) fn with_values(
    base: &ReleaseSpec,
    manifest: &Manifest,
    values: &Values,
) -> Result<ReleaseSpec, Uncomposable> {
    let env = environment(manifest, values)?;
    let mut next = base.clone();
    for service in next.services.values_mut() {
        service.env.clone_from(&env);
    }
    Ok(next)
}

/// The same release in new containers: all services, or those named.
pub(crate) fn restarted(base: &ReleaseSpec, only: &BTreeSet<ServiceName>) -> ReleaseSpec {
    let mut next = base.clone();
    for (name, service) in &mut next.services {
        if only.is_empty() || only.contains(name) {
            service.restart_nonce = service.restart_nonce.wrapping_add(1);
        }
    }
    next
}

/// Whether a detected source is built by a Dockerfile that Segue wrote.
pub(crate) fn is_generated(detected: &Detected) -> bool {
    matches!(detected.dockerfile, Dockerfile::Generated { .. })
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
