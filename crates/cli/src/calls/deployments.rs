//! Deployments, builds and releases.

use std::time::Duration;

use segue_client::*;

use super::{Deployed, OrMissing as _, missing};
use crate::commands::Place;
use crate::error::{CliError, Result};
use crate::session::Session;

/// The server gives up by itself before.
const FETCH: Duration = Duration::from_secs(300);

impl Session {
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
            .read(&format!("listing deployments of {}", place.short()), answer)
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
                &format!("segue deploys list {}", place.flags()),
            )
        })
    }

    pub async fn deploy(
        &self,
        place: &Place,
        body: DeploymentCreate,
        key: Option<String>,
    ) -> Result<Deployed> {
        let request = DeploymentCreateRequest {
            path: at!(DeploymentCreateRequestPath, place),
            query: DeploymentCreateRequestQuery::default(),
            header: DeploymentCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let release = request.body.release;
        let answer = self.client.deployment_create(request).await;
        let made = !matches!(answer, Ok(ApiResponse::Ok(_)));
        let deployed = self
            .value(&format!("deploying {}", place.short()), answer)
            .await;
        // A release is the one thing that is named here and may be missing.
        let deployed = match release {
            Some(version) => deployed.or_missing(
                || format!("v{version} of {}", place.short()),
                &format!("segue releases list {}", place.flags()),
            ),
            None => deployed,
        };
        match deployed {
            Ok(deployment) => Ok(Deployed { deployment, made }),
            Err(error) if error.now.is_none() => Err(error.now("nothing was deployed")),
            Err(error) => Err(error),
        }
    }

    /// Lets the server fetch a source. That takes as long as the other server needs: nothing is heard meanwhile.
    pub async fn source_fetch(&self, place: &Place, body: SourceFetch) -> Result<FetchedSource> {
        let what = format!(
            "fetching {}",
            body.url.as_deref().unwrap_or("the repository")
        );
        let request = SourceFetchRequest {
            path: of!(SourceFetchRequestPath, place),
            body,
        };
        let answer = self.patient(FETCH)?.source_fetch(request).await;
        let fetched = self.value(&what, answer).await;
        fetched.map_err(|error| match error.now {
            None => error.now("nothing was changed"),
            Some(_) => error,
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
        let stopped = self.value(&format!("stopping #{number}"), answer).await;
        stopped.or_missing(
            || format!("deployment #{number} of {}", place.short()),
            &format!("segue deploys list {}", place.flags()),
        )
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

    /// The error for a build that is not there.
    pub fn no_build(place: &Place, build: &str) -> CliError {
        missing(
            format!("build {build} of {}", place.short()),
            &format!("segue builds list {}", place.flags()),
        )
    }

    /// A build, if it can be seen.
    pub async fn build_maybe(&self, place: &Place, build: &str) -> Result<Option<BuildDetail>> {
        let request = BuildGetRequest {
            path: at!(BuildGetRequestPath, place, build: build.to_owned()),
        };
        let answer = self.client.build_get(request).await;
        self.maybe("looking at the build", answer).await
    }

    /// Whether a build writes no more.
    pub async fn build_ended(&self, place: &Place, build: &str) -> Result<bool> {
        let request = BuildGetRequest {
            path: at!(BuildGetRequestPath, place, build: build.to_owned()),
        };
        let answer = self.client.build_get(request).await;
        Ok(self
            .read("looking at the build", answer)
            .await?
            .finished_at
            .is_some())
    }

    /// Builds, newest first.
    pub async fn build_list(&self, place: &Place) -> Result<Vec<BuildDetail>> {
        let request = BuildListRequest {
            path: at!(BuildListRequestPath, place),
            query: BuildListRequestQuery {
                limit: Some(50),
                cursor: None,
            },
        };
        let answer = self.client.build_list(request).await;
        Ok(self
            .read(&format!("listing builds of {}", place.short()), answer)
            .await?
            .items)
    }

    pub async fn build_cancel(&self, place: &Place, build: &str) -> Result<BuildDetail> {
        let request = BuildCancelRequest {
            path: at!(BuildCancelRequestPath, place, build: build.to_owned()),
        };
        let answer = self.client.build_cancel(request).await;
        let stopped = self.value(&format!("stopping build {build}"), answer).await;
        stopped.or_missing(
            || format!("build {build} of {}", place.short()),
            &format!("segue builds list {}", place.flags()),
        )
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
            .read(&format!("listing releases of {}", place.short()), answer)
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
                &format!("segue releases list {}", place.flags()),
            )
        })
    }
}
