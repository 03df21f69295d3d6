//! One-off runs, and releases that go from one environment to another.

use segue_client::*;

use super::{OrMissing as _, missing, not_understood};
use crate::commands::Place;
use crate::error::Result;
use crate::session::Session;

impl Session {
    pub async fn run_create(
        &self,
        place: &Place,
        body: RunCreate,
        key: Option<String>,
    ) -> Result<Run> {
        let request = RunCreateRequest {
            path: at!(RunCreateRequestPath, place),
            header: RunCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.run_create(request).await;
        self.value(&format!("running in {}", place.short()), answer)
            .await
    }

    /// The last runs, newest first.
    pub async fn run_list(&self, place: &Place) -> Result<Vec<Run>> {
        let request = RunListRequest {
            path: at!(RunListRequestPath, place),
            query: RunListRequestQuery {
                limit: Some(50),
                cursor: None,
            },
        };
        let answer = self.client.run_list(request).await;
        Ok(self
            .read(&format!("listing runs of {}", place.short()), answer)
            .await?
            .items)
    }

    pub async fn run_get(&self, place: &Place, number: i64) -> Result<Run> {
        let request = RunGetRequest {
            path: at!(RunGetRequestPath, place, run: number),
            query: RunGetRequestQuery::default(),
        };
        let answer = self.client.run_get(request).await;
        let found = self
            .maybe(&format!("looking for run {number}"), answer)
            .await?;
        found.ok_or_else(|| {
            missing(
                format!("run {number} of {}", place.short()),
                &format!("segue runs list {}", place.flags()),
            )
        })
    }

    pub async fn run_cancel(&self, place: &Place, number: i64, key: Option<String>) -> Result<Run> {
        let request = RunCancelRequest {
            path: at!(RunCancelRequestPath, place, run: number),
            header: RunCancelRequestHeader {
                idempotency_key: key,
            },
        };
        let answer = self.client.run_cancel(request).await;
        let stopped = self.value(&format!("stopping run {number}"), answer).await;
        stopped.or_missing(
            || format!("run {number} of {}", place.short()),
            &format!("segue runs list {}", place.flags()),
        )
    }

    async fn promote(
        &self,
        place: &Place,
        number: i64,
        body: DeploymentPromote,
        dry_run: bool,
        key: Option<String>,
    ) -> Result<DeploymentOrPromotionPlan> {
        let to = body.to.clone();
        let request = DeploymentPromoteRequest {
            path: at!(DeploymentPromoteRequestPath, place, number: number),
            query: DeploymentPromoteRequestQuery {
                dry_run: Some(dry_run),
                wait: None,
            },
            header: DeploymentPromoteRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.deployment_promote(request).await;
        self.value(&format!("promoting {} to {to}", place.short()), answer)
            .await
    }

    /// What a promotion would do.
    pub async fn promotion_plan(
        &self,
        place: &Place,
        number: i64,
        body: DeploymentPromote,
    ) -> Result<PromotionPlan> {
        match self.promote(place, number, body, true, None).await? {
            DeploymentOrPromotionPlan::PromotionPlan(plan) => Ok(plan),
            DeploymentOrPromotionPlan::Deployment(_) => {
                Err(not_understood("planning the promotion"))
            }
        }
    }

    /// The deployment in the other environment.
    pub async fn promotion(
        &self,
        place: &Place,
        number: i64,
        body: DeploymentPromote,
        key: Option<String>,
    ) -> Result<Deployment> {
        match self.promote(place, number, body, false, key).await? {
            DeploymentOrPromotionPlan::Deployment(deployment) => Ok(deployment),
            DeploymentOrPromotionPlan::PromotionPlan(_) => Err(not_understood("promoting")),
        }
    }
}
