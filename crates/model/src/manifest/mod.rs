//! The manifest: `segue.toml`, the four-line YAML, a Procfile or app.json, in one normal form.
//!
//! Owns the text's grammar and what contradicts itself ([`rules`]); bounds are those of [`crate::spec::bounds`]. Invariants: a [`Manifest`] that was
//! parsed is complete and within bounds for every environment it names; a text is refused with all its
//! problems at once; a key that Segue does not act on is refused, never ignored.
//! Must not: read files, know what an installation offers, or resolve images.

mod app_json;
mod config;
mod error;
mod node;
mod procfile;
pub mod rules;
mod sections;
mod service;
mod starter;
mod walk;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use app_json::{AppJson, InvalidAppJson};
pub use error::{ManifestError, Position};
pub use procfile::{InvalidProcfile, Procfile};
pub use starter::starter;

use crate::name::{AppName, ConfigKey, EnvironmentName, ImageName, ServiceName};
use crate::revision::DEFAULT_PORT;
use crate::spec::{Command, Rollout, ServiceKind, ServiceSpec};

/// The file's usual name.
pub const FILE_NAME: &str = "segue.toml";

/// Bytes of a manifest at most.
pub const MAX_BYTES: usize = 256 << 10;

/// What an app is, for one environment, in normal form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The app.
    pub app: AppName,
    /// How its image is made.
    pub build: BuildSpec,
    /// How a new release takes over.
    pub deploy: DeploySpec,
    /// What runs. Empty: what detection finds ([`Manifest::complete`]).
    pub services: BTreeMap<ServiceName, ManifestService>,
    /// Environment variables of the services that run the app's image.
    pub config: BTreeMap<ConfigKey, ConfigEntry>,
}

/// One service of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestService {
    /// Its normal form.
    pub spec: ServiceSpec,
    /// Its own image; `None`: the app's.
    pub image: Option<ImageName>,
    /// Environment variables of its own. With an image of its own it gets no others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<ConfigKey, ConfigEntry>,
}

impl ManifestService {
    /// A service that runs the app's image and has no variables of its own.
    #[must_use]
    pub fn new(spec: ServiceSpec) -> Self {
        Self {
            spec,
            image: None,
            config: BTreeMap::new(),
        }
    }
}

/// How the app's image is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildSpec {
    /// Who writes the Dockerfile.
    pub builder: Builder,
    /// Path of the Dockerfile in the source; `None`: `Dockerfile`.
    pub dockerfile: Option<String>,
    /// Runs in the built image before the release exists; its failure stops the deployment.
    pub test: Option<Command>,
    /// A finished image, so that nothing is built.
    pub image: Option<ImageName>,
}

/// Who writes the Dockerfile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Builder {
    /// The source's Dockerfile if there is one, else detection.
    #[default]
    Auto,
    /// The source's Dockerfile.
    Dockerfile,
    /// Segue, for Python.
    Python,
    /// Segue, for Node.js.
    Node,
    /// Segue, for Go.
    Go,
    /// Segue, for Rust.
    Rust,
    /// Segue, for Ruby.
    Ruby,
    /// Segue, for PHP.
    Php,
    /// Segue, for Java.
    Java,
    /// Segue, for Deno.
    Deno,
    /// Segue, for Bun.
    Bun,
    /// Segue, for static files.
    Static,
}

/// How a new release takes over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploySpec {
    /// Strategy and limits.
    pub rollout: Rollout,
    /// Runs once per deployment in the new image, before traffic. Nothing runs it yet, so that every text that names
    /// one is refused.
    pub release: Option<Command>,
}

/// Where the value of an environment variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigEntry {
    /// The manifest itself.
    Value(String),
    /// Another service ([`Manifest::resolve`]).
    From(Reference),
    /// Made at random by the server on the first deployment, and kept as a secret.
    Generate,
    /// A person: `segue secret set` or `segue config set`.
    Secret {
        /// Whether a deployment without it is refused.
        required: bool,
    },
}

/// A property of a service of the same environment (`services.cache.address`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The service.
    pub service: ServiceName,
    /// What of it.
    pub property: Property,
}

/// A property of a service that others may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// Its name in the environment's network.
    Host,
    /// Its port.
    Port,
    /// `host:port`.
    Address,
}

/// A manifest as it was written, with what differs between environments laid over the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    base: Manifest,
    environments: BTreeMap<EnvironmentName, Manifest>,
}

impl ManifestFile {
    /// Parses `segue.toml`.
    ///
    /// # Errors
    /// Every problem of the text, in order of place.
    pub fn from_toml(text: &str) -> Result<Self, Vec<ManifestError>> {
        too_long(text)?;
        sections::file(&node::from_toml(text)?)
    }

    /// Parses the smallest YAML that people write: `application`, `image`, `replicas`, `port`.
    ///
    /// # Errors
    /// Every problem of the text, in order of place.
    pub fn from_yaml(text: &str) -> Result<Self, Vec<ManifestError>> {
        too_long(text)?;
        yaml::file(text)
    }

    /// Parses a file by its name: YAML if it ends in `.yaml` or `.yml`, else TOML.
    ///
    /// # Errors
    /// Every problem of the text, in order of place.
    pub fn from_named(name: &str, text: &str) -> Result<Self, Vec<ManifestError>> {
        let lower = name.to_ascii_lowercase();
        if lower.ends_with(".yaml") || lower.ends_with(".yml") {
            Self::from_yaml(text)
        } else {
            Self::from_toml(text)
        }
    }

    /// The app.
    #[must_use]
    pub fn app(&self) -> &AppName {
        &self.base.app
    }

    /// What an environment gets: the base, with its own overrides if the file has any.
    #[must_use]
    pub fn for_environment(&self, environment: &EnvironmentName) -> &Manifest {
        self.environments.get(environment).unwrap_or(&self.base)
    }

    /// Environments with overrides.
    pub fn environments(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.environments.keys()
    }
}

fn too_long(text: &str) -> Result<(), Vec<ManifestError>> {
    if text.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(vec![ManifestError {
        at: Position { line: 1, column: 1 },
        pointer: String::new(),
        reason: format!("the manifest is longer than {MAX_BYTES} bytes"),
        suggestion: None,
    }])
}

impl Manifest {
    /// A manifest without a file: everything follows from detection ([`Manifest::complete`]).
    #[must_use]
    pub fn bare(app: AppName) -> Self {
        Self {
            app,
            build: BuildSpec::default(),
            deploy: DeploySpec::default(),
            services: BTreeMap::new(),
            config: BTreeMap::new(),
        }
    }

    /// Fills what the file leaves open with what detection found: services if it names none, start
    /// commands, variables. What the file says always wins.
    pub fn complete(&mut self, detected: &crate::detect::Detected) {
        if self.services.is_empty() {
            self.services = detected
                .services
                .iter()
                .map(|(name, spec)| (name.clone(), ManifestService::new(spec.clone())))
                .collect();
        } else {
            for (name, service) in &mut self.services {
                if service.spec.command.is_none() && service.image.is_none() {
                    service.spec.command = detected
                        .services
                        .get(name)
                        .and_then(|found| found.command.clone());
                }
            }
        }
        for (key, entry) in &detected.config {
            self.config
                .entry(key.clone())
                .or_insert_with(|| entry.clone());
        }
    }

    /// The value of a reference; `None` if it names no service, or the port of one that says none.
    #[must_use]
    pub fn resolve(&self, reference: &Reference) -> Option<String> {
        let spec = &self.services.get(&reference.service)?.spec;
        let host = reference.service.as_str();
        let port = match spec.kind {
            ServiceKind::Web => Some(spec.port.unwrap_or(DEFAULT_PORT)),
            ServiceKind::Worker | ServiceKind::Job | ServiceKind::Data => spec.port,
        };
        match reference.property {
            Property::Host => Some(host.to_owned()),
            Property::Port => port.map(|port| port.to_string()),
            Property::Address => port.map(|port| format!("{host}:{port}")),
        }
    }

    /// Whether any service runs an image that must be built from source.
    #[must_use]
    pub fn needs_source(&self) -> bool {
        self.build.image.is_none()
            && (self.services.is_empty()
                || self
                    .services
                    .values()
                    .any(|service| service.image.is_none()))
    }
}
