//! Freeze windows: times in which nothing is deployed, once or every week.
//!
//! What they stop is decided in the store, inside of the transaction that makes a deployment.

use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use segue_model::Timestamp;
use segue_model::id::{EnvironmentId, FreezeId};
use segue_store::{FreezeTime, FreezeView, NewFreeze, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::holds::{hold, place_and_reason, yet_to_come};
use crate::auth::place::{InApp, Members, Read};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{AppPath, Errors, IdempotencyHeader};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, answer, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(freeze_list, freeze_create))
        .routes(routes!(freeze_delete))
}

/// A freeze window: nothing is deployed while it lasts. Either `starts_at` and `ends_at` are there, or `days`, `from`
/// and `minutes`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FreezeWindow {
    /// Its id.
    #[schema(value_type = String)]
    pub id: FreezeId,
    /// The environment; none: all of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub environment: Option<EnvironmentId>,
    /// Why.
    pub reason: String,
    /// Its time zone.
    pub time_zone: String,
    /// Once: from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub starts_at: Option<Timestamp>,
    /// Once: until.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub ends_at: Option<Timestamp>,
    /// Every week: days on which it begins, 1 is Monday.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub days: Option<Vec<i16>>,
    /// Every week: when it begins, `16:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub from: Option<String>,
    /// Every week: how long it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub minutes: Option<i32>,
    /// Who.
    pub created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

page! {
    /// A page of freeze windows, oldest first.
    FreezePage of FreezeWindow
}

hold! {
    /// A new freeze window. Either `starts_at` and `ends_at`, or `days`, `from` and `minutes`.
    FreezeCreate {
        /// Name of the time zone, `Europe/Berlin`.
        #[serde(default = "utc")]
        #[schema(max_length = 100)]
        pub time_zone: String,
        /// Once: from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = String, format = DateTime, nullable = false)]
        pub starts_at: Option<Timestamp>,
        /// Once: until.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = String, format = DateTime, nullable = false)]
        pub ends_at: Option<Timestamp>,
        /// Every week: days on which it begins, 1 is Monday.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(
            nullable = false,
            min_items = 1,
            max_items = 7,
            minimum = 1,
            maximum = 7
        )]
        pub days: Option<Vec<i16>>,
        /// Every week: when it begins, `16:00`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
        pub from: Option<String>,
        /// Every week: how long it lasts, at most a week.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false, minimum = 1, maximum = 10_080)]
        pub minutes: Option<i32>,
    }
}

fn utc() -> String {
    "UTC".to_owned()
}

impl From<&FreezeView> for FreezeWindow {
    fn from(view: &FreezeView) -> Self {
        let mut shown = Self {
            id: view.id,
            environment: view.environment,
            reason: view.reason.clone(),
            time_zone: view.time_zone.clone(),
            starts_at: None,
            ends_at: None,
            days: None,
            from: None,
            minutes: None,
            created_by: view.created_by.clone(),
            created_at: view.created_at,
        };
        match &view.time {
            FreezeTime::Once { starts_at, ends_at } => {
                shown.starts_at = Some(*starts_at);
                shown.ends_at = Some(*ends_at);
            }
            FreezeTime::Weekly {
                days,
                from_minute,
                minutes,
            } => {
                shown.days = Some(days.clone());
                shown.from = Some(format!("{:02}:{:02}", from_minute / 60, from_minute % 60));
                shown.minutes = Some(*minutes);
            }
        }
        shown
    }
}

/// Lists freeze windows of an app, oldest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/freezes", tag = "outside", params(AppPath, PageQuery),
    responses((status = 200, description = "Freeze windows.", body = FreezePage), Errors))]
async fn freeze_list(
    at: InApp<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<FreezePage>, Problem> {
    let (found, next_cursor) = query
        .read(|page| at.scope.freeze_list(at.app.id, page), |view| view.id)
        .await?;
    let items = found.iter().map(FreezeWindow::from).collect();
    Ok(ApiJson(FreezePage { items, next_cursor }))
}

/// Makes a freeze window: a time in which nothing is deployed but rollbacks.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/freezes", tag = "outside",
    params(AppPath, IdempotencyHeader), request_body = FreezeCreate,
    responses((status = 201, description = "The freeze window.", body = FreezeWindow), Errors))]
async fn freeze_create(
    at: InApp<Members>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<FreezeCreate>,
) -> Result<Response, Problem> {
    if TimeZone::get(&body.time_zone).is_err() {
        return Err(Problem::invalid(
            "/time_zone",
            "a name such as Europe/Berlin, or UTC",
        ));
    }
    let time = time(&body)?;
    let name = body.environment.as_deref();
    let (environment, reason) = place_and_reason(&at.scope, &at.app, name, body.reason).await?;
    let new = NewFreeze {
        id: FreezeId::from_uuid(fresh_id()),
        environment,
        time,
        reason,
        time_zone: body.time_zone,
    };
    let call = call.body(&bytes);
    let respond = |view: &FreezeView| stored(StatusCode::CREATED, &FreezeWindow::from(view), None);
    let done = at
        .scope
        .freeze_create(at.app.id, &new, call.idempotency(&respond))
        .await?;
    Ok(answer(done, respond))
}

/// Takes a freeze window away.
#[utoipa::path(delete, path = "/v1/teams/{team}/apps/{app}/freezes/{freeze}", tag = "outside",
    params(AppPath, ("freeze" = String, Path, description = "Id of the freeze window")),
    responses((status = 204, description = "It is gone."), Errors))]
async fn freeze_delete(
    at: InApp<Members>,
    ApiPath((_, _, id)): ApiPath<(String, String, FreezeId)>,
) -> Result<StatusCode, Problem> {
    at.scope.freeze_delete(at.app.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn time(body: &FreezeCreate) -> Result<FreezeTime, Problem> {
    let weekly = (body.days.as_ref(), body.from.as_ref(), body.minutes);
    match (body.starts_at, body.ends_at, weekly) {
        (Some(starts_at), Some(ends_at), (None, None, None)) => {
            if ends_at <= starts_at {
                return Err(Problem::invalid(
                    "/ends_at",
                    "must be later than `starts_at`",
                ));
            }
            let hint = "name times to come; what was is kept in the audit log";
            yet_to_come("/ends_at", ends_at, hint)?;
            Ok(FreezeTime::Once { starts_at, ends_at })
        }
        (None, None, (Some(days), Some(from), Some(minutes))) => {
            let mut days = days.clone();
            days.sort_unstable();
            days.dedup();
            if days.is_empty() || !days.iter().all(|day| (1..=7).contains(day)) {
                return Err(Problem::invalid(
                    "/days",
                    "one to seven of 1 (Monday) to 7 (Sunday)",
                ));
            }
            if !(1..=7 * 24 * 60).contains(&minutes) {
                return Err(Problem::invalid("/minutes", "1 to 10080"));
            }
            let from_minute = minute(from)
                .ok_or_else(|| Problem::invalid("/from", "a time of the day such as 16:00"))?;
            Ok(FreezeTime::Weekly {
                days,
                from_minute,
                minutes,
            })
        }
        _ => Err(Problem::invalid(
            "",
            "either `starts_at` and `ends_at`, or `days`, `from` and `minutes`",
        )),
    }
}

fn minute(text: &str) -> Option<i16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, most: i16| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i16>().ok().filter(|n| digits && *n <= most)
    };
    Some(number(hours, 23)? * 60 + number(minutes, 59)?)
}
