//! The typed calls: every use of the generated client, each a line of meaning and its request.
//!
//! Must not: print, or decide what a missing thing means.

use std::collections::BTreeMap;

use reqwest::{Response, Url};
use segue_client::*;

use crate::commands::Place;
use crate::error::{CliError, Result};
use crate::session::Session;

/// Items of a list that are shown at most; a longer list is for the API itself.
const MOST_ITEMS: usize = 1000;

/// The path of an environment, for requests of whatever type.
macro_rules! at {
    ($path:ident, $place:expr $(, $more:ident: $value:expr)*) => {
        $path { team: $place.team.clone(), app: $place.app.clone(), env: $place.env.clone() $(, $more: $value)* }
    };
}

/// Reads every page of a list, up to [`MOST_ITEMS`].
macro_rules! every_page {
    ($session:expr, $what:expr, |$cursor:ident| $call:expr) => {{
        let mut items = Vec::new();
        let mut $cursor: Option<String> = None;
        loop {
            let page = $session.value($what, $call.await).await?;
            items.extend(page.items);
            $cursor = page.next_cursor;
            if $cursor.is_none() || items.len() >= MOST_ITEMS {
                break Ok(items);
            }
        }
    }};
}

fn etag(generation: i64) -> String {
    format!("\"{generation}\"")
}

impl Session {
    /// Who is signed in.
    pub async fn me(&self) -> Result<Me> {
        self.value(
            "asking who is signed in",
            self.client.me_get(MeGetRequest {}).await,
        )
        .await
    }

    /// The server's version.
    pub async fn version(&self) -> Result<String> {
        let answer = self.client.health_get(HealthGetRequest {}).await;
        Ok(self.value("asking for the version", answer).await?.version)
    }

    /// Whether the server can serve, with the headers of its answer.
    pub async fn ready(&self) -> Result<Response> {
        let request = self.request(reqwest::Method::GET, self.url(&["readyz"]));
        let response = self
            .send(request.timeout(std::time::Duration::from_secs(10)))
            .await?;
        self.check("asking whether the server is ready", response)
            .await
    }

    pub async fn app_list(&self, team: &str) -> Result<Vec<App>> {
        every_page!(self, "listing apps", |cursor| self.client.app_list(
            AppListRequest {
                path: AppListRequestPath {
                    team: team.to_owned()
                },
                query: AppListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }
        ))
    }

    pub async fn app_get(&self, place: &Place) -> Result<App> {
        let found = self.app_maybe(place).await?;
        found.ok_or_else(|| {
            missing(
                format!("app {}/{}", place.team, place.app),
                "segue apps list",
            )
        })
    }

    pub async fn app_maybe(&self, place: &Place) -> Result<Option<App>> {
        let path = AppGetRequestPath {
            team: place.team.clone(),
            app: place.app.clone(),
        };
        let answer = self.client.app_get(AppGetRequest { path }).await;
        self.maybe(&format!("looking for app {}", place.app), answer)
            .await
    }

    pub async fn app_create(&self, place: &Place, key: Option<String>) -> Result<App> {
        let request = AppCreateRequest {
            path: AppCreateRequestPath {
                team: place.team.clone(),
            },
            header: AppCreateRequestHeader {
                idempotency_key: key,
            },
            body: AppCreate {
                name: place.app.clone(),
                ..AppCreate::default()
            },
        };
        let answer = self.client.app_create(request).await;
        self.value(&format!("making app {}", place.app), answer)
            .await
    }

    pub async fn app_delete(&self, place: &Place, generation: i64) -> Result<()> {
        let request = AppDeleteRequest {
            path: AppDeleteRequestPath {
                team: place.team.clone(),
                app: place.app.clone(),
            },
            header: AppDeleteRequestHeader {
                if_match: etag(generation),
            },
        };
        let answer = self.client.app_delete(request).await;
        self.done(&format!("removing app {}", place.app), answer)
            .await
            .map(|_| ())
    }

    pub async fn env_list(&self, place: &Place) -> Result<Vec<Environment>> {
        every_page!(self, "listing environments", |cursor| self
            .client
            .environment_list(EnvironmentListRequest {
                path: EnvironmentListRequestPath {
                    team: place.team.clone(),
                    app: place.app.clone()
                },
                query: EnvironmentListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }))
    }

    pub async fn env_get(&self, place: &Place) -> Result<Environment> {
        let found = self.env_maybe(place).await?;
        found.ok_or_else(|| missing(place.short(), "segue apps list, segue envs list"))
    }

    pub async fn env_maybe(&self, place: &Place) -> Result<Option<Environment>> {
        let request = EnvironmentGetRequest {
            path: at!(EnvironmentGetRequestPath, place),
        };
        let answer = self.client.environment_get(request).await;
        self.maybe(&format!("looking for {}", place.short()), answer)
            .await
    }

    pub async fn env_create(&self, place: &Place, key: Option<String>) -> Result<Environment> {
        let request = EnvironmentCreateRequest {
            path: EnvironmentCreateRequestPath {
                team: place.team.clone(),
                app: place.app.clone(),
            },
            header: EnvironmentCreateRequestHeader {
                idempotency_key: key,
            },
            body: EnvironmentCreate {
                name: place.env.clone(),
                ..EnvironmentCreate::default()
            },
        };
        let answer = self.client.environment_create(request).await;
        self.value(&format!("making environment {}", place.short()), answer)
            .await
    }

    pub async fn env_delete(&self, place: &Place, generation: i64) -> Result<()> {
        let request = EnvironmentDeleteRequest {
            path: at!(EnvironmentDeleteRequestPath, place),
            header: EnvironmentDeleteRequestHeader {
                if_match: etag(generation),
            },
        };
        let answer = self.client.environment_delete(request).await;
        self.done(&format!("removing {}", place.short()), answer)
            .await
            .map(|_| ())
    }

    pub async fn spec_put(
        &self,
        place: &Place,
        generation: i64,
        spec: &EnvironmentSpec,
        dry_run: bool,
    ) -> Result<SpecView> {
        let request = SpecPutRequest {
            path: at!(SpecPutRequestPath, place),
            query: SpecPutRequestQuery {
                dry_run: Some(dry_run),
            },
            header: SpecPutRequestHeader {
                if_match: etag(generation),
            },
            body: spec.clone(),
        };
        let answer = self.client.spec_put(request).await;
        self.value(&format!("applying to {}", place.short()), answer)
            .await
    }

    pub async fn service_list(&self, place: &Place) -> Result<Vec<ServiceView>> {
        let request = ServiceListRequest {
            path: at!(ServiceListRequestPath, place),
        };
        let answer = self.client.service_list(request).await;
        Ok(self
            .value(&format!("listing services of {}", place.short()), answer)
            .await?
            .items)
    }

    pub async fn scale(
        &self,
        place: &Place,
        wanted: &BTreeMap<String, u32>,
        key: Option<String>,
    ) -> Result<ScaleView> {
        let replicas = wanted
            .iter()
            .map(|(name, count)| {
                Ok((
                    name.clone(),
                    i32::try_from(*count).map_err(|_| too_many(name))?,
                ))
            })
            .collect::<Result<_>>()?;
        let request = ScaleSetRequest {
            path: at!(ScaleSetRequestPath, place),
            header: ScaleSetRequestHeader {
                idempotency_key: key,
            },
            body: ScaleSet { replicas },
        };
        let answer = self.client.scale_set(request).await;
        self.value(&format!("scaling {}", place.short()), answer)
            .await
    }

    /// Instances that are wanted or still there.
    pub async fn instance_list(&self, place: &Place) -> Result<Vec<Instance>> {
        self.instances(place, false).await
    }

    /// Also the last ones that are gone.
    pub async fn instance_list_all(&self, place: &Place) -> Result<Vec<Instance>> {
        self.instances(place, true).await
    }

    async fn instances(&self, place: &Place, gone: bool) -> Result<Vec<Instance>> {
        let request = InstanceListRequest {
            path: at!(InstanceListRequestPath, place),
            query: InstanceListRequestQuery {
                gone: Some(gone),
                ..InstanceListRequestQuery::default()
            },
        };
        let answer = self.client.instance_list(request).await;
        Ok(self
            .value(&format!("listing instances of {}", place.short()), answer)
            .await?
            .items)
    }

    pub async fn config_get(&self, place: &Place) -> Result<Config> {
        let request = ConfigGetRequest {
            path: at!(ConfigGetRequestPath, place),
        };
        let answer = self.client.config_get(request).await;
        self.value(
            &format!("reading the configuration of {}", place.short()),
            answer,
        )
        .await
    }

    pub async fn config_update(
        &self,
        place: &Place,
        patch: &BTreeMap<String, Option<String>>,
    ) -> Result<Config> {
        let request = ConfigUpdateRequest {
            path: at!(ConfigUpdateRequestPath, place),
            query: ConfigUpdateRequestQuery::default(),
            body: ConfigPatch {
                additional_properties: patch.clone().into_iter().collect(),
            },
        };
        let answer = self.client.config_update(request).await;
        self.value(&format!("configuring {}", place.short()), answer)
            .await
    }

    pub async fn secret_list(&self, place: &Place) -> Result<Vec<Secret>> {
        let request = SecretListRequest {
            path: at!(SecretListRequestPath, place),
        };
        let answer = self.client.secret_list(request).await;
        Ok(self
            .value(&format!("listing secrets of {}", place.short()), answer)
            .await?
            .items)
    }

    pub async fn secret_set(&self, place: &Place, key: &str, value: String) -> Result<Secret> {
        let request = SecretSetRequest {
            path: at!(SecretSetRequestPath, place, key: key.to_owned()),
            query: SecretSetRequestQuery::default(),
            body: SecretSet { value },
        };
        let answer = self.client.secret_set(request).await;
        self.value(&format!("setting {key}"), answer).await
    }

    pub async fn secret_unset(&self, place: &Place, key: &str) -> Result<()> {
        let request = SecretDeleteRequest {
            path: at!(SecretDeleteRequestPath, place, key: key.to_owned()),
            query: SecretDeleteRequestQuery::default(),
        };
        let answer = self.client.secret_delete(request).await;
        self.done(&format!("removing {key}"), answer)
            .await
            .map(|_| ())
    }

    /// The last deployments, newest first.
    pub async fn deployment_list(&self, place: &Place) -> Result<Vec<Deployment>> {
        let request = DeploymentListRequest {
            path: at!(DeploymentListRequestPath, place),
            query: DeploymentListRequestQuery {
                limit: Some(50),
                cursor: None,
            },
        };
        let answer = self.client.deployment_list(request).await;
        Ok(self
            .value(&format!("listing deployments of {}", place.short()), answer)
            .await?
            .items)
    }

    /// The number of the newest deployment.
    pub async fn newest_deployment(&self, place: &Place) -> Result<Option<i64>> {
        Ok(self
            .deployment_list(place)
            .await?
            .first()
            .map(|deployment| deployment.number))
    }

    pub async fn deployment_get(&self, place: &Place, number: i64) -> Result<Deployment> {
        let request = DeploymentGetRequest {
            path: at!(DeploymentGetRequestPath, place, number: number),
            query: DeploymentGetRequestQuery::default(),
        };
        let answer = self.client.deployment_get(request).await;
        let found = self
            .maybe(&format!("looking for deployment #{number}"), answer)
            .await?;
        found.ok_or_else(|| {
            missing(
                format!("deployment #{number} of {}", place.short()),
                "segue deploys list",
            )
        })
    }

    pub async fn deploy(
        &self,
        place: &Place,
        body: DeploymentCreate,
        key: Option<String>,
    ) -> Result<Deployment> {
        let request = DeploymentCreateRequest {
            path: at!(DeploymentCreateRequestPath, place),
            query: DeploymentCreateRequestQuery::default(),
            header: DeploymentCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.deployment_create(request).await;
        let deployed = self
            .value(&format!("deploying {}", place.short()), answer)
            .await;
        deployed.map_err(|error| {
            if error.now.is_none() {
                error.now("nothing was changed")
            } else {
                error
            }
        })
    }

    pub async fn deployment_cancel(
        &self,
        place: &Place,
        number: i64,
        key: Option<String>,
    ) -> Result<Deployment> {
        let request = DeploymentCancelRequest {
            path: at!(DeploymentCancelRequestPath, place, number: number),
            header: DeploymentCancelRequestHeader {
                idempotency_key: key,
            },
        };
        let answer = self.client.deployment_cancel(request).await;
        self.value(&format!("stopping #{number}"), answer).await
    }

    pub async fn deployment_rollback(
        &self,
        place: &Place,
        number: i64,
        key: Option<String>,
    ) -> Result<Deployment> {
        let request = DeploymentRollbackRequest {
            path: at!(DeploymentRollbackRequestPath, place, number: number),
            query: DeploymentRollbackRequestQuery::default(),
            header: DeploymentRollbackRequestHeader {
                idempotency_key: key,
            },
        };
        let answer = self.client.deployment_rollback(request).await;
        self.value(&format!("undoing #{number}"), answer).await
    }

    /// What a deployment's switch did to requests; `None` if it has not begun.
    pub async fn receipt(&self, place: &Place, number: i64) -> Result<Option<Receipt>> {
        let request = DeploymentReceiptRequest {
            path: at!(DeploymentReceiptRequestPath, place, number: number),
        };
        let answer = self.client.deployment_receipt(request).await;
        self.maybe(&format!("reading the receipt of #{number}"), answer)
            .await
    }

    /// Whether a build writes no more.
    pub async fn build_ended(&self, place: &Place, build: &str) -> Result<bool> {
        let request = BuildGetRequest {
            path: at!(BuildGetRequestPath, place, build: build.to_owned()),
        };
        let answer = self.client.build_get(request).await;
        Ok(self
            .value("looking at the build", answer)
            .await?
            .finished_at
            .is_some())
    }

    pub async fn release_list(&self, place: &Place) -> Result<Vec<Release>> {
        let request = ReleaseListRequest {
            path: at!(ReleaseListRequestPath, place),
            query: ReleaseListRequestQuery {
                limit: Some(50),
                cursor: None,
            },
        };
        let answer = self.client.release_list(request).await;
        Ok(self
            .value(&format!("listing releases of {}", place.short()), answer)
            .await?
            .items)
    }

    pub async fn release_get(&self, place: &Place, version: i64) -> Result<Release> {
        let request = ReleaseGetRequest {
            path: at!(ReleaseGetRequestPath, place, version: version),
        };
        let answer = self.client.release_get(request).await;
        let found = self
            .maybe(&format!("looking for v{version}"), answer)
            .await?;
        found.ok_or_else(|| {
            missing(
                format!("v{version} of {}", place.short()),
                "segue releases list",
            )
        })
    }

    pub async fn host_list(&self) -> Result<Vec<Host>> {
        let answer = self.client.host_list(HostListRequest {}).await;
        Ok(self.value("listing hosts", answer).await?.items)
    }

    pub async fn host_get(&self, name: &str) -> Result<Host> {
        let path = HostGetRequestPath {
            host: name.to_owned(),
        };
        let answer = self.client.host_get(HostGetRequest { path }).await;
        let found = self
            .maybe(&format!("looking for host {name}"), answer)
            .await?;
        found.ok_or_else(|| missing(format!("host {name}"), "segue hosts list"))
    }

    pub async fn host_cordon(&self, name: &str) -> Result<Host> {
        let path = HostCordonRequestPath {
            host: name.to_owned(),
        };
        let answer = self.client.host_cordon(HostCordonRequest { path }).await;
        self.value(&format!("cordoning {name}"), answer).await
    }

    pub async fn host_uncordon(&self, name: &str) -> Result<Host> {
        let path = HostUncordonRequestPath {
            host: name.to_owned(),
        };
        let answer = self
            .client
            .host_uncordon(HostUncordonRequest { path })
            .await;
        self.value(&format!("uncordoning {name}"), answer).await
    }

    /// One page of a log, by its address with parameters.
    pub async fn log_page(&self, url: Url) -> Result<Vec<LogLine>> {
        let request = self
            .request(reqwest::Method::GET, url)
            .header("accept", "application/json");
        let response = self.send(request).await?;
        let response = self.check("reading the log", response).await?;
        let page: LogPage = response
            .json()
            .await
            .map_err(|e| CliError::new("the log cannot be read").why(e))?;
        Ok(page.items)
    }

    /// The last lines that a failed deployment wrote: its build's, or its instances'. Empty if there are none.
    pub async fn last_lines(
        &self,
        place: &Place,
        deployment: &Deployment,
        count: u32,
    ) -> Vec<String> {
        let path = match deployment.builds.last() {
            Some(build) if failed_in_build(deployment) => place.path(&["builds", build, "log"]),
            _ => place.path(&["logs"]),
        };
        let mut url = self.url(&path);
        url.query_pairs_mut()
            .append_pair("tail", &count.to_string())
            .append_pair("since", &deployment.created_at.to_rfc3339());
        // What helps to understand a failure must not hide it by its own.
        let lines = self.log_page(url).await.unwrap_or_default();
        lines.into_iter().map(|line| line.text).collect()
    }
}

/// Whether a deployment failed before anything of it started, so that its build's log is the one to read.
pub(crate) fn failed_in_build(deployment: &Deployment) -> bool {
    use segue_model::failure::FailureCode as Code;
    let code = deployment
        .failure
        .as_ref()
        .and_then(|failure| failure.code.parse().ok());
    matches!(
        code,
        Some(
            Code::BuildFailed
                | Code::BuildTimedOut
                | Code::BuildLimit
                | Code::TestsFailed
                | Code::DockerfileUnsupported
                | Code::ImageNotPullable
        )
    )
}

fn missing(what: String, next: &str) -> CliError {
    CliError::new(format!("there is no {what}"))
        .why("or this sign-in may not see it")
        .next(next)
        .code("not_found")
}

fn too_many(service: &str) -> CliError {
    CliError::usage(format!("{service}: that many instances cannot be"))
}
