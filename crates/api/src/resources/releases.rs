//! Releases: immutable; shown and compared.

use std::collections::{BTreeMap, BTreeSet};

use segue_model::Timestamp;
use segue_model::id::ReleaseId;
use segue_model::name::ServiceName;
use segue_model::spec::{EnvValue, ImageSource, ReleaseService};
use segue_store::ReleaseView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{InEnv, Read};
use crate::dto::spec::Service;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{EnvPath, Errors};
use crate::wire::query::{ApiPath, ApiQuery};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(release_list))
        .routes(routes!(release_get))
        .routes(routes!(release_diff))
}

/// A release: what runs, immutable.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ReleaseId,
    /// `v17`.
    pub version: i64,
    /// Its services.
    pub services: BTreeMap<String, ReleasedService>,
    /// Version of the configuration that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub config_version: Option<i64>,
    /// The commit that it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub commit: Option<String>,
    /// The release of another environment whose images it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub origin: Option<PromotedFrom>,
    /// What people say about it.
    pub message: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was seen to be good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub stable_at: Option<Timestamp>,
}

/// Where a promoted release came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromotedFrom {
    /// Name of the environment.
    pub environment: String,
    /// Version of the release there.
    pub release: i64,
    /// That release.
    #[schema(value_type = String)]
    pub release_id: ReleaseId,
}

/// A service of a release.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReleasedService {
    /// What it is.
    pub spec: Service,
    /// Its image: a name, a build, or a content address.
    pub image: String,
    /// Names of its environment variables; values are in `config` and `secrets`.
    pub variables: Vec<String>,
    /// How often it was restarted by people.
    pub restarts: u32,
}

page! {
    /// A page of releases, newest first.
    ReleasePage of Release
}

/// What differs between two releases.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReleaseDiff {
    /// The older version.
    pub from: i64,
    /// The newer version.
    pub to: i64,
    /// What differs, one entry each.
    pub changes: Vec<ReleaseChange>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseChange {
    /// The service.
    pub service: String,
    /// What: `service`, `image`, `variable`, `command`, `port`, `resources`, `other`.
    pub what: String,
    /// In the older one; missing if there was none. Values of variables are not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub before: Option<String>,
    /// In the newer one; missing if there is none. Values of variables are not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub after: Option<String>,
}

impl From<&ReleaseView> for Release {
    fn from(view: &ReleaseView) -> Self {
        let services = view.spec.services.iter().map(|(name, service)| {
            let released = ReleasedService {
                spec: Service::of(&service.spec, None),
                image: image(&service.image),
                variables: service.env.keys().map(ToString::to_string).collect(),
                restarts: service.restart_nonce,
            };
            (name.to_string(), released)
        });
        Self {
            id: view.id,
            version: view.version,
            services: services.collect(),
            config_version: view.config_version,
            commit: view.commit.clone(),
            origin: view.origin.as_ref().map(|origin| PromotedFrom {
                environment: origin.environment.clone(),
                release: origin.version,
                release_id: origin.id,
            }),
            message: view.message.clone(),
            created_by: view.created_by.clone(),
            created_at: view.created_at,
            stable_at: view.stable_at,
        }
    }
}

fn image(source: &ImageSource) -> String {
    match source {
        ImageSource::Build(build) => build.to_string(),
        ImageSource::Resolve { name, .. } => name.to_string(),
        ImageSource::Pinned(image) => image.content().to_owned(),
    }
}

/// Lists releases, newest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/releases", tag = "releases",
    params(EnvPath, PageQuery),
    responses((status = 200, description = "Releases.", body = ReleasePage), Errors))]
async fn release_list(
    at: InEnv<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<ReleasePage>, Problem> {
    let (releases, next_cursor) = query
        .read(
            |page| at.scope.release_list(at.env.id, page),
            |release| release.version,
        )
        .await?;
    let items = releases.iter().map(Release::from).collect();
    Ok(ApiJson(ReleasePage { items, next_cursor }))
}

/// Shows a release.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/releases/{version}", tag = "releases",
    params(EnvPath, ("version" = i64, Path, description = "Version of the release")),
    responses((status = 200, description = "The release.", body = Release), Errors))]
async fn release_get(
    at: InEnv<Read>,
    ApiPath((_, _, _, version)): ApiPath<(String, String, String, i64)>,
) -> Result<ApiJson<Release>, Problem> {
    Ok(ApiJson(Release::from(
        &at.scope.release_by_version(at.env.id, version).await?,
    )))
}

/// Compares two releases.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/releases/{version}/diff/{other}",
    tag = "releases",
    params(EnvPath, ("version" = i64, Path, description = "Version of the older release"),
        ("other" = i64, Path, description = "Version of the newer release")),
    responses((status = 200, description = "Differences.", body = ReleaseDiff), Errors))]
async fn release_diff(
    at: InEnv<Read>,
    ApiPath((_, _, _, from, to)): ApiPath<(String, String, String, i64, i64)>,
) -> Result<ApiJson<ReleaseDiff>, Problem> {
    let older = at.scope.release_by_version(at.env.id, from).await?;
    let newer = at.scope.release_by_version(at.env.id, to).await?;
    let changes = differences(&older.spec.services, &newer.spec.services);
    Ok(ApiJson(ReleaseDiff { from, to, changes }))
}

pub(super) type Services = BTreeMap<ServiceName, ReleaseService>;

pub(super) fn differences(older: &Services, newer: &Services) -> Vec<ReleaseChange> {
    let names: BTreeSet<&ServiceName> = older.keys().chain(newer.keys()).collect();
    let mut changes = Vec::new();
    for name in names {
        match (older.get(name), newer.get(name)) {
            (Some(before), Some(after)) => service(name, before, after, &mut changes),
            (before, after) => changes.push(ReleaseChange {
                service: name.to_string(),
                what: "service".to_owned(),
                before: before.map(|service| image(&service.image)),
                after: after.map(|service| image(&service.image)),
            }),
        }
    }
    changes
}

fn service(
    name: &ServiceName,
    before: &ReleaseService,
    after: &ReleaseService,
    changes: &mut Vec<ReleaseChange>,
) {
    let mut differs = |what: &str, old: Option<String>, new: Option<String>| {
        if old != new {
            let (service, what) = (name.to_string(), what.to_owned());
            changes.push(ReleaseChange {
                service,
                what,
                before: old,
                after: new,
            });
        }
    };
    differs(
        "image",
        Some(image(&before.image)),
        Some(image(&after.image)),
    );
    let line = |service: &ReleaseService| service.spec.command.as_ref().map(crate::dto::show::line);
    differs("command", line(before), line(after));
    let port = |service: &ReleaseService| service.spec.port.map(|port| port.to_string());
    differs("port", port(before), port(after));
    let resources = |service: &ReleaseService| {
        let spec = service.spec.resources;
        Some(format!(
            "{} m cpu, {} bytes, {} pids",
            spec.cpu_millis, spec.memory_bytes, spec.pids
        ))
    };
    differs("resources", resources(before), resources(after));
    let (old_rest, new_rest) = (rest(before), rest(after));
    let settings: BTreeSet<_> = old_rest.keys().chain(new_rest.keys()).collect();
    for setting in settings {
        let shown = |rest: &BTreeMap<String, String>| {
            let value = rest.get(setting)?;
            Some(format!("{setting} {value}"))
        };
        differs("other", shown(&old_rest), shown(&new_rest));
    }
    if before.restart_nonce != after.restart_nonce {
        differs("other", None, Some("a restart was asked for".to_owned()));
    }
    let keys: BTreeSet<_> = before.env.keys().chain(after.env.keys()).collect();
    for key in keys {
        let (old, new) = (before.env.get(key), after.env.get(key));
        if old == new {
            continue;
        }
        // Names and kinds only: a plain value may be one that should have been a secret.
        let shown = |value: Option<&EnvValue>| {
            value.map(|value| match value {
                EnvValue::Value(_) => format!("{key} (plain)"),
                EnvValue::Secret { version } => format!("{key} (secret, version {version})"),
            })
        };
        let (old, new) = (shown(old), shown(new));
        let new = if old == new {
            new.map(|text| format!("{text}, changed"))
        } else {
            new
        };
        differs("variable", old, new);
    }
}

/// Settings that have no line of their own, by their path in the specification as the API shows it.
fn rest(service: &ReleaseService) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    // Of a specification nothing fails to be written; a difference less would be the worst.
    let spec = serde_json::to_value(Service::of(&service.spec, None));
    if let Ok(serde_json::Value::Object(mut spec)) = spec {
        for shown in ["command", "argv", "port", "resources"] {
            spec.remove(shown);
        }
        leaves("", &serde_json::Value::Object(spec), &mut found);
    }
    found
}

/// The values of an object and of those in it, by path: `health.interval`.
fn leaves(path: &str, value: &serde_json::Value, found: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(&format!("{path}{dot}{name}"), value, found);
            }
        }
        serde_json::Value::Null => {}
        serde_json::Value::String(text) => drop(found.insert(path.to_owned(), text.clone())),
        other => drop(found.insert(path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use segue_model::name::ConfigKey;
    use segue_model::spec::{ServiceKind, ServiceSpec};

    use super::*;

    #[test]
    fn differences_never_show_values() {
        let web = ServiceName::new("web").unwrap();
        let service = |value: &str| ReleaseService {
            spec: ServiceSpec::new(ServiceKind::Web),
            image: ImageSource::Build(segue_model::id::BuildId::from_uuid(uuid::Uuid::nil())),
            env: [(
                ConfigKey::new("KEY").unwrap(),
                EnvValue::Value(value.to_owned()),
            )]
            .into(),
            restart_nonce: 0,
            generated: false,
        };
        let older = Services::from([(web.clone(), service("hunter1"))]);
        let newer = Services::from([(web, service("hunter2"))]);
        let changes = differences(&older, &newer);
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].what, "variable");
        assert!(!format!("{changes:?}").contains("hunter"));
        assert_eq!(differences(&older, &older), []);
    }

    #[test]
    fn a_setting_that_differs_is_named_with_both_values() {
        let web = ServiceName::new("web").unwrap();
        let service = |seconds: u64, restart_nonce: u32| {
            let mut spec = ServiceSpec::new(ServiceKind::Web);
            spec.health.start_timeout = std::time::Duration::from_secs(seconds);
            let service = ReleaseService {
                spec,
                image: ImageSource::Build(segue_model::id::BuildId::from_uuid(uuid::Uuid::nil())),
                env: BTreeMap::new(),
                restart_nonce,
                generated: false,
            };
            Services::from([(web.clone(), service)])
        };
        let changes = differences(&service(60, 0), &service(8, 1));
        let told: Vec<_> = changes
            .iter()
            .map(|change| (change.before.as_deref(), change.after.as_deref()))
            .collect();
        let timeout = (
            Some("health.start_timeout_ms 60000"),
            Some("health.start_timeout_ms 8000"),
        );
        assert_eq!(told, [timeout, (None, Some("a restart was asked for"))]);
    }
}
