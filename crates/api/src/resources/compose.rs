//! From a specification, values and an image to a release. Pure: nothing here reads or writes.
//!
//! Invariants: a service keeps its restart nonce from release to release; a required variable without a value makes
//! no release. Variables of the environment reach the services that run the app's image and no others: what `config`
//! and `secret` set wins over the specification's `config`, a service's own table wins over both. A service with an
//! image of its own gets its own table only, so that no change of the app's variables replaces a database.
//! Decision record: `docs/decisions/0017-configuration-reach.md`.

use std::collections::{BTreeMap, BTreeSet};

use segue_model::detect::{Detected, Dockerfile};
use segue_model::id::BuildId;
use segue_model::manifest::{ConfigEntry, Manifest, ManifestService};
use segue_model::name::{ConfigKey, ImageName, ServiceName};
use segue_model::spec::{
    EnvValue, ImageRef, ImageSource, ReleaseService, ReleaseSpec, ServiceSpec,
};

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
pub(crate) fn to_generate(manifest: &Manifest, values: &Values) -> BTreeSet<ConfigKey> {
    let own = manifest.services.values().map(|service| &service.config);
    own.chain([&manifest.config])
        .flatten()
        .filter(|(key, entry)| {
            **entry == ConfigEntry::Generate
                && !values.secrets.contains_key(*key)
                && !values.config.contains_key(*key)
        })
        .map(|(key, _)| key.clone())
        .collect()
}

/// Makes the environments of a release's services.
struct Reach<'a> {
    manifest: &'a Manifest,
    values: &'a Values,
    /// What every service that runs the app's image gets, before its own table.
    app: BTreeMap<ConfigKey, EnvValue>,
    /// Required variables without a value.
    missing: BTreeSet<ConfigKey>,
}

impl<'a> Reach<'a> {
    fn new(manifest: &'a Manifest, values: &'a Values) -> Self {
        let mut reach = Self {
            manifest,
            values,
            app: BTreeMap::new(),
            missing: BTreeSet::new(),
        };
        let mut app = reach.table(&manifest.config);
        for (key, value) in &values.config {
            app.insert(key.clone(), EnvValue::Value(value.clone()));
        }
        for (key, version) in &values.secrets {
            app.insert(key.clone(), EnvValue::Secret { version: *version });
        }
        reach.app = app;
        reach
    }

    /// A table as values. Its secrets are those of the environment, by key.
    fn table(&mut self, table: &BTreeMap<ConfigKey, ConfigEntry>) -> BTreeMap<ConfigKey, EnvValue> {
        let mut env = BTreeMap::new();
        for (key, entry) in table {
            let value = match entry {
                ConfigEntry::Value(value) => Some(EnvValue::Value(value.clone())),
                ConfigEntry::From(reference) => {
                    self.manifest.resolve(reference).map(EnvValue::Value)
                }
                ConfigEntry::Generate | ConfigEntry::Secret { .. } => {
                    let set = self.set_value(key);
                    if set.is_none() && *entry != (ConfigEntry::Secret { required: false }) {
                        self.missing.insert(key.clone());
                    }
                    set
                }
            };
            env.extend(value.map(|value| (key.clone(), value)));
        }
        env
    }

    /// What `secret` or `config` set.
    fn set_value(&self, key: &ConfigKey) -> Option<EnvValue> {
        match self.values.secrets.get(key) {
            Some(version) => Some(EnvValue::Secret { version: *version }),
            None => self.values.config.get(key).cloned().map(EnvValue::Value),
        }
    }

    /// What a service of the specification gets.
    fn of(&mut self, service: &ManifestService) -> BTreeMap<ConfigKey, EnvValue> {
        let own = self.table(&service.config);
        if service.image.is_some() {
            return own;
        }
        let mut env = self.app.clone();
        env.extend(own);
        env
    }

    fn end<T>(self, made: T) -> Result<T, Uncomposable> {
        if self.missing.is_empty() {
            Ok(made)
        } else {
            Err(Uncomposable::Missing(self.missing))
        }
    }
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
    let mut reach = Reach::new(manifest, values);
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
                env: reach.of(service),
                restart_nonce: nonce,
                generated,
            },
        );
    }
    reach.end(ReleaseSpec {
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

/// The same services with new values: a configuration or secret change. A service that the specification no longer
/// has stays as it is; where the specification names none, all of them run the app's image.
pub(crate) fn with_values(
    base: &ReleaseSpec,
    manifest: &Manifest,
    values: &Values,
) -> Result<ReleaseSpec, Uncomposable> {
    let mut reach = Reach::new(manifest, values);
    let mut next = base.clone();
    for (name, service) in &mut next.services {
        match manifest.services.get(name) {
            Some(written) => service.env = reach.of(written),
            None if manifest.services.is_empty() => service.env.clone_from(&reach.app),
            None => {}
        }
    }
    reach.end(next)
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

/// The same images with another environment's own values: a promotion. What shapes the services is `services`; their
/// variables are those of this environment's specification and values.
pub(crate) fn promoted(
    manifest: &Manifest,
    values: &Values,
    services: BTreeMap<ServiceName, (ServiceSpec, ImageRef, bool)>,
    base: Option<&ReleaseSpec>,
) -> Result<ReleaseSpec, Uncomposable> {
    if services.is_empty() {
        return Err(Uncomposable::NoService);
    }
    let mut reach = Reach::new(manifest, values);
    let services = services
        .into_iter()
        .map(|(name, (spec, image, generated))| {
            let env = match manifest.services.get(&name) {
                Some(written) => reach.of(written),
                None => reach.app.clone(),
            };
            let before = base.and_then(|base| base.services.get(&name));
            let service = ReleaseService {
                spec,
                image: ImageSource::Pinned(image),
                env,
                restart_nonce: before.map_or(0, |before| before.restart_nonce),
                generated,
            };
            (name, service)
        })
        .collect();
    reach.end(ReleaseSpec {
        services,
        rollout: manifest.deploy.rollout.clone(),
    })
}

/// Whether a detected source is built by a Dockerfile that Segue wrote.
pub(crate) fn is_generated(detected: &Detected) -> bool {
    matches!(detected.dockerfile, Dockerfile::Generated { .. })
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
