//! Quotas: what a team may have at most, and what it has. Set by the people who run the installation; the store
//! enforces them in the transaction that asks for more.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use segue_model::Timestamp;
use segue_store::{Quota, QuotaExceeded, QuotaLimits, TeamScope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::Read;
use crate::auth::principal::Principal;
use crate::auth::reach::{Reach, operated};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::{Errors, TeamPath};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(quota_get, quota_set))
}

/// Most apps that a quota can say.
const MAX_APPS: u32 = 1_000_000;

/// Most thousandths of a core that a quota can say.
const MAX_CPU_MILLIS: u64 = 1_000_000_000;

/// Most memory that a quota can say: 1 PiB.
const MAX_MEMORY_BYTES: u64 = 1 << 50;

/// What a team has and may have.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct QuotaView {
    /// Apps.
    pub apps: QuotaFigure,
    /// Thousandths of a core over all environments: instances wanted times what each reserves.
    pub cpu_millis: QuotaFigure,
    /// Bytes of memory, counted the same way.
    pub memory_bytes: QuotaFigure,
    /// Who set it; missing if nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub set_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub set_at: Option<Timestamp>,
}

/// One kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaFigure {
    /// In use. It may be more than allowed after a quota was lowered: nothing is stopped by that.
    pub used: u64,
    /// Allowed at most; missing: as much as the team likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub allowed: Option<u64>,
}

/// A quota. What is missing or null is not limited.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaSet {
    /// Apps at most.
    #[serde(default)]
    #[schema(maximum = 1000000)]
    pub apps: Option<u32>,
    /// Thousandths of a core at most.
    #[serde(default)]
    #[schema(maximum = 1000000000)]
    pub cpu_millis: Option<u64>,
    /// Bytes of memory at most.
    #[serde(default)]
    #[schema(maximum = 1125899906842624_i64)]
    pub memory_bytes: Option<u64>,
}

impl From<Quota> for QuotaView {
    fn from(quota: Quota) -> Self {
        let (set_by, set_at) = quota.set.unzip();
        Self {
            apps: QuotaFigure {
                used: quota.used.apps.into(),
                allowed: quota.allowed.apps.map(u64::from),
            },
            cpu_millis: QuotaFigure {
                used: quota.used.cpu_millis,
                allowed: quota.allowed.cpu_millis,
            },
            memory_bytes: QuotaFigure {
                used: quota.used.memory_bytes,
                allowed: quota.allowed.memory_bytes,
            },
            set_by,
            set_at,
        }
    }
}

/// A team for its members, and any team for the people who run the installation.
struct Seen {
    scope: TeamScope,
    operator: bool,
}

impl FromRequestParts<ApiState> for Seen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        if let Some(scope) = operated(&principal, parts, state).await? {
            return Ok(Self {
                scope,
                operator: true,
            });
        }
        let at = Reach::<Read>::from_request_parts(parts, state).await?;
        Ok(Self {
            scope: at.scope,
            operator: false,
        })
    }
}

/// Shows what the team has and may have.
#[utoipa::path(get, path = "/v1/teams/{team}/quota", tag = "teams", params(TeamPath),
    responses((status = 200, description = "Quota and use.", body = QuotaView), Errors))]
async fn quota_get(at: Seen) -> Result<ApiJson<QuotaView>, Problem> {
    Ok(ApiJson(at.scope.quota_get().await?.into()))
}

/// Sets what the team may have. For the people who run the installation. What runs already goes on.
#[utoipa::path(put, path = "/v1/teams/{team}/quota", tag = "teams", params(TeamPath), request_body = QuotaSet,
    responses((status = 200, description = "Quota and use.", body = QuotaView), Errors))]
async fn quota_set(
    at: Seen,
    ApiJson(body): ApiJson<QuotaSet>,
) -> Result<ApiJson<QuotaView>, Problem> {
    if !at.operator {
        return Err(Problem::new(
            ProblemCode::Forbidden,
            "this is for the people who run the installation",
        ));
    }
    let within = |pointer: &str, value: Option<u64>, most: u64| match value {
        Some(value) if value > most => Err(Problem::invalid(pointer, format!("0 to {most}"))),
        _ => Ok(()),
    };
    within("/apps", body.apps.map(u64::from), MAX_APPS.into())?;
    within("/cpu_millis", body.cpu_millis, MAX_CPU_MILLIS)?;
    within("/memory_bytes", body.memory_bytes, MAX_MEMORY_BYTES)?;
    let limits = QuotaLimits {
        apps: body.apps,
        cpu_millis: body.cpu_millis,
        memory_bytes: body.memory_bytes,
    };
    Ok(ApiJson(at.scope.quota_set(limits).await?.into()))
}

/// A refusal for want of quota: what is used, asked for and allowed, and what to do.
pub(crate) fn quota_problem(exceeded: &QuotaExceeded) -> Problem {
    let figure = |value: u64| shown(exceeded.resource, value);
    let (used, asked) = (figure(exceeded.used), figure(exceeded.asked));
    let allowed = figure(exceeded.allowed);
    let what = match exceeded.resource {
        "cpu" => "CPU",
        other => other,
    };
    let sentence = format!("{what}: {used} used, {asked} with this, {allowed} allowed");
    let hint = match exceeded.resource {
        "apps" => {
            "remove an app (segue apps destroy NAME), or ask the people who run this installation for more"
        }
        _ => {
            "make room (segue scale SERVICE=N, or smaller resources), or ask the people who run this installation \
             for more; see: segue teams quota"
        }
    };
    Problem::new(
        ProblemCode::Quota,
        format!("the team's quota does not allow it: {sentence}"),
    )
    .at(exceeded.resource, sentence)
    .hint(hint)
}

/// A figure as people read it, never rounded to look like less than it is.
fn shown(resource: &str, value: u64) -> String {
    match resource {
        "cpu" => format!("{} cores", hundredths(value, 1000)),
        "memory" if value >= 1 << 30 => format!("{} GiB", hundredths(value, 1 << 30)),
        "memory" => format!("{} MiB", hundredths(value, 1 << 20)),
        _ => value.to_string(),
    }
}

/// The number of units, rounded up to a hundredth.
fn hundredths(value: u64, unit: u64) -> String {
    let whole = (u128::from(value) * 100).div_ceil(u128::from(unit));
    let text = format!("{}.{:02}", whole / 100, whole % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_used_asked_allowed_and_what_to_do() {
        let exceeded = QuotaExceeded {
            resource: "memory",
            used: 3584 << 20,
            asked: 5 << 30,
            allowed: 4 << 30,
        };
        let problem = quota_problem(&exceeded);
        assert_eq!(problem.code, ProblemCode::Quota);
        assert_eq!(
            problem.detail,
            "the team's quota does not allow it: memory: 3.5 GiB used, 5 GiB with this, 4 GiB allowed"
        );
        assert!(problem.hint.as_deref().unwrap().contains("segue scale"));
        assert_eq!(shown("cpu", 250), "0.25 cores");
        assert_eq!(shown("cpu", 12_000), "12 cores");
        assert_eq!(shown("memory", 10 << 20), "10 MiB");
        assert_eq!(shown("memory", (4 << 30) + 1), "4.01 GiB");
        assert_eq!(shown("apps", 100), "100");
    }
}
