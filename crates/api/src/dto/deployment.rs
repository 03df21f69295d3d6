//! A deployment as people follow it.

use segue_model::Timestamp;
use segue_model::id::{BuildId, DeploymentId, ReleaseId};
use segue_model::route::RequestCounts;
use segue_model::state::DeploymentState;
use segue_store::{Deployment, Receipt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::failure::FailureView;

/// An attempt to carry an environment to a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Deployment)]
pub struct DeploymentView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: DeploymentId,
    /// `#42`.
    pub number: i64,
    /// Where it is: `queued`, `building`, `release_task`, `starting`, `switching`, `live`, `baking`, `failing`,
    /// `rolling_back`, `succeeded`, `rolled_back`, `failed`, `cancelled`, `superseded`. New ones may be added.
    pub state: String,
    /// The same for people: `build`, `release`, `start`, `switch`, `live`, `rollback`, `done`.
    pub phase: String,
    /// Nothing follows.
    pub finished: bool,
    /// Whether its release serves every request; only these count as deployed.
    pub live: bool,
    /// The same as a GitHub deployment state.
    pub github_state: String,
    /// Why it was asked for: `deploy`, `rollback`, `promote`, `restart`, `config`, `secret`, `spec`.
    pub kind: String,
    /// Version of the release it goes to.
    pub release: i64,
    /// That release.
    #[schema(value_type = String)]
    pub release_id: ReleaseId,
    /// The ref that was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub git_ref: Option<String>,
    /// Builds that its release waits for.
    #[schema(value_type = Vec<String>)]
    pub builds: Vec<BuildId>,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// What people say about it.
    pub message: String,
    /// Who asked for it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its rollout began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub started_at: Option<Timestamp>,
    /// When every live edge served its release alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub live_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub finished_at: Option<Timestamp>,
    /// Why it fails or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<FailureView>,
}

impl From<&Deployment> for DeploymentView {
    fn from(deployment: &Deployment) -> Self {
        let state = deployment.state;
        Self {
            id: deployment.id,
            number: deployment.number,
            state: state.to_string(),
            phase: phase(state).to_owned(),
            finished: state.is_terminal(),
            live: is_live(state),
            github_state: github(state).to_owned(),
            kind: deployment.kind.to_string(),
            release: deployment.version,
            release_id: deployment.release,
            git_ref: deployment.git_ref.as_ref().map(ToString::to_string),
            builds: deployment.builds.clone(),
            cancel_requested: deployment.cancel_requested,
            message: deployment.message.clone(),
            created_by: deployment.created_by.clone(),
            created_at: deployment.created_at,
            started_at: deployment.started_at,
            live_at: deployment.live_at,
            finished_at: deployment.finished_at,
            failure: deployment.failure.as_ref().map(FailureView::from),
        }
    }
}

/// Whether its release serves everything.
pub(crate) const fn is_live(state: DeploymentState) -> bool {
    matches!(
        state,
        DeploymentState::Live | DeploymentState::Baking | DeploymentState::Succeeded
    )
}

/// Whether nobody has to wait any longer: it is live, or it will not be.
pub(crate) const fn is_settled(state: DeploymentState) -> bool {
    is_live(state) || state.is_terminal()
}

const fn phase(state: DeploymentState) -> &'static str {
    use DeploymentState as S;
    match state {
        S::Queued | S::Building => "build",
        S::ReleaseTask => "release",
        S::Starting => "start",
        S::Switching => "switch",
        S::Live | S::Baking => "live",
        S::Failing | S::RollingBack => "rollback",
        S::Succeeded | S::RolledBack | S::Failed | S::Cancelled | S::Superseded => "done",
    }
}

const fn github(state: DeploymentState) -> &'static str {
    use DeploymentState as S;
    match state {
        S::Queued => "queued",
        S::Building | S::ReleaseTask | S::Starting | S::Switching | S::Failing | S::RollingBack => {
            "in_progress"
        }
        S::Live | S::Baking | S::Succeeded => "success",
        S::RolledBack | S::Failed => "failure",
        S::Cancelled => "error",
        S::Superseded => "inactive",
    }
}

/// What a deployment's switch did to requests.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Receipt)]
pub struct ReceiptView {
    /// Number of the deployment.
    pub deployment: i64,
    /// First generation of the routes with the new release.
    pub first_generation: i64,
    /// When the switch began.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// When it was over, drain time included; missing while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub until: Option<Timestamp>,
    /// Requests that ended in between, of every release.
    pub requests: u64,
    /// Those that Segue itself failed: its own 502, 503 and 504, and broken answers.
    pub failed: u64,
    /// The edge's own 502, 503 and 504.
    pub edge_failed: u64,
    /// Answers that broke off.
    pub broken: u64,
    /// Tries on another instance that users did not notice.
    pub retries: u64,
    /// Answers of the application by class of status.
    pub by_class: StatusClasses,
    /// The longest wait for an instance, microseconds.
    pub longest_wait_us: u64,
    /// The longest request, microseconds.
    pub longest_request_us: u64,
}

/// Answers by class of status.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StatusClasses {
    /// 100 to 199.
    pub informational: u64,
    /// 200 to 299.
    pub success: u64,
    /// 300 to 399.
    pub redirection: u64,
    /// 400 to 499.
    pub client_error: u64,
    /// 500 to 599, of the application.
    pub server_error: u64,
}

impl ReceiptView {
    pub(crate) fn new(number: i64, receipt: &Receipt) -> Self {
        let counts: &RequestCounts = &receipt.counts;
        let [
            informational,
            success,
            redirection,
            client_error,
            server_error,
        ] = counts.by_class;
        Self {
            deployment: number,
            first_generation: receipt.first_gen,
            from: receipt.from,
            until: receipt.until,
            requests: counts.total(),
            failed: counts.edge_failed.saturating_add(counts.broken),
            edge_failed: counts.edge_failed,
            broken: counts.broken,
            retries: counts.retries,
            by_class: StatusClasses {
                informational,
                success,
                redirection,
                client_error,
                server_error,
            },
            longest_wait_us: counts.wait_max_us,
            longest_request_us: counts.latency_max_us,
        }
    }
}
