//! Freeze windows: times in which nothing is deployed, once or every week.
//!
//! Invariant: a weekly window is read in its own time zone, so that it stays at the same hour of the wall clock. Must
//! not: decide about a deployment; `locks` asks here.

use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId, FreezeId};
use serde_json::json;

use super::intent::{Done, Idempotency, Intent};
use super::{Page, TeamScope};
use crate::decode;
use crate::error::{StoreError, corrupt};

/// When a freeze window is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreezeTime {
    /// Once.
    Once {
        /// From.
        starts_at: Timestamp,
        /// Until.
        ends_at: Timestamp,
    },
    /// Every week.
    Weekly {
        /// Days on which it begins, 1 is Monday.
        days: Vec<i16>,
        /// Minute of the day at which it begins.
        from_minute: i16,
        /// How long.
        minutes: i32,
    },
}

/// A freeze window to be kept.
#[derive(Debug, Clone)]
pub struct NewFreeze {
    /// A fresh id.
    pub id: FreezeId,
    /// The environment; `None`: all of the app.
    pub environment: Option<EnvironmentId>,
    /// Why.
    pub reason: String,
    /// Name of its time zone.
    pub time_zone: String,
    /// When.
    pub time: FreezeTime,
}

/// A freeze window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeView {
    /// Its id.
    pub id: FreezeId,
    /// The environment; `None`: all of the app.
    pub environment: Option<EnvironmentId>,
    /// Why.
    pub reason: String,
    /// Name of its time zone.
    pub time_zone: String,
    /// When.
    pub time: FreezeTime,
    /// Who.
    pub created_by: String,
    /// Since when it is known.
    pub created_at: Timestamp,
}

impl FreezeTime {
    /// The end of the window that `now` is in, if it is in one.
    pub(super) fn end_at(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Once { starts_at, ends_at } => {
                (*starts_at <= now && now < *ends_at).then_some(*ends_at)
            }
            Self::Weekly {
                days,
                from_minute,
                minutes,
            } => {
                let today = now.to_zoned(zone.clone()).date();
                let length = SignedDuration::from_mins(i64::from(*minutes));
                let hour = i8::try_from(from_minute / 60).ok()?;
                let begin = Time::new(hour, i8::try_from(from_minute % 60).ok()?, 0, 0).ok()?;
                // A window is a week long at most, so that the one of eight days ago is over.
                (0..=7_i64)
                    .filter_map(|back| today.checked_sub(back.days()).ok())
                    .filter(|day| days.contains(&i16::from(day.weekday().to_monday_one_offset())))
                    .filter_map(|day| {
                        let start = day
                            .to_datetime(begin)
                            .to_zoned(zone.clone())
                            .ok()?
                            .timestamp();
                        let end = start.checked_add(length).ok()?;
                        (start <= now && now < end).then_some(end)
                    })
                    .max()
            }
        }
    }
}

impl TeamScope {
    /// Keeps a freeze window.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn freeze_create(
        &self,
        app: AppId,
        new: &NewFreeze,
        idempotency: Option<Idempotency<'_, FreezeView>>,
    ) -> Result<Done<FreezeView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let (starts_at, ends_at, days, from_minute, minutes) = match &new.time {
            FreezeTime::Once { starts_at, ends_at } => {
                (Some(*starts_at), Some(*ends_at), None, None, None)
            }
            FreezeTime::Weekly {
                days,
                from_minute,
                minutes,
            } => (
                None,
                None,
                Some(days.as_slice()),
                Some(*from_minute),
                Some(*minutes),
            ),
        };
        let row = sqlx::query!(
            "
            insert into freeze_windows (id, team_id, app_id, environment_id, reason, time_zone, starts_at, ends_at, days, from_minute, minutes, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            returning created_by, created_at
            ",
            new.id.as_uuid(),
            intent.team(),
            app.as_uuid(),
            new.environment.map(EnvironmentId::as_uuid),
            new.reason,
            new.time_zone,
            decode::sql_time(starts_at) as _,
            decode::sql_time(ends_at) as _,
            days,
            from_minute,
            minutes,
            intent.actor(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"reason": new.reason, "environment": new.environment, "app": app});
        intent
            .audit("freeze_create", &new.id.to_string(), &detail)
            .await?;
        let message = format!("a freeze window was made: {}", new.reason);
        intent
            .event(
                Some(app),
                new.environment,
                "deploys.freeze_created",
                &EventSubject::default(),
                &message,
            )
            .await?;
        let view = FreezeView {
            id: new.id,
            environment: new.environment,
            reason: new.reason.clone(),
            time_zone: new.time_zone.clone(),
            time: new.time.clone(),
            created_by: intent.name_of(row.created_by).await?,
            created_at: row.created_at.to_jiff(),
        };
        intent.finish(idempotency, view).await
    }

    /// Freeze windows of an app, the oldest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn freeze_list(
        &self,
        app: AppId,
        page: Page<FreezeId>,
    ) -> Result<Vec<FreezeView>, StoreError> {
        let mut intent = self.begin().await?;
        let mut views = windows(&mut intent, app, page.after, page.sql_limit()).await?;
        intent
            .name_all(views.iter_mut().map(|view| &mut view.created_by))
            .await?;
        Ok(views)
    }

    /// Takes a freeze window away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn freeze_delete(&self, app: AppId, id: FreezeId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query!(
            "
            delete from freeze_windows
            where team_id = $1 and app_id = $2 and id = $3
            returning reason, environment_id
            ",
            intent.team(),
            app.as_uuid(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"reason": row.reason, "app": app});
        intent
            .audit("freeze_delete", &id.to_string(), &detail)
            .await?;
        let environment = row.environment_id.map(EnvironmentId::from_uuid);
        let message = format!("a freeze window was removed: {}", row.reason);
        intent
            .event(
                Some(app),
                environment,
                "deploys.freeze_deleted",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }
}

/// Windows of an app, the oldest first.
pub(super) async fn windows(
    intent: &mut Intent<'_>,
    app: AppId,
    after: Option<FreezeId>,
    limit: i64,
) -> Result<Vec<FreezeView>, StoreError> {
    sqlx::query!(
        "
        select id, environment_id, reason, time_zone, starts_at, ends_at, days, from_minute, minutes, created_by, created_at
        from freeze_windows
        where team_id = $1 and app_id = $2 and ($3::uuid is null or id > $3)
        order by id
        limit $4
        ",
        intent.team(),
        app.as_uuid(),
        after.map(FreezeId::as_uuid),
        limit,
    )
    .fetch_all(&mut *intent.tx)
    .await?
    .into_iter()
    .map(|row| {
        let once = decode::time(row.starts_at).zip(decode::time(row.ends_at));
        let weekly = row.days.zip(row.from_minute.zip(row.minutes));
        let time = match (once, weekly) {
            (Some((starts_at, ends_at)), _) => FreezeTime::Once { starts_at, ends_at },
            (None, Some((days, (from_minute, minutes)))) => FreezeTime::Weekly {
                days,
                from_minute,
                minutes,
            },
            (None, None) => return Err(corrupt("freeze window")(fmt::Error)),
        };
        Ok(FreezeView {
            id: FreezeId::from_uuid(row.id),
            environment: row.environment_id.map(EnvironmentId::from_uuid),
            reason: row.reason,
            time_zone: row.time_zone,
            time,
            created_by: row.created_by,
            created_at: row.created_at.to_jiff(),
        })
    })
    .collect()
}
#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_weekly_window_is_in_its_own_time_zone_and_passes_midnight() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        // Friday 16:00 for 64 hours: until Monday 08:00.
        let window = FreezeTime::Weekly {
            days: vec![5],
            from_minute: 16 * 60,
            minutes: 64 * 60,
        };
        let end = |text| window.end_at(&zone, at(text));
        assert_eq!(end("2026-11-20T14:59:59Z"), None);
        assert_eq!(
            end("2026-11-20T15:00:00Z"),
            Some(at("2026-11-23T07:00:00Z"))
        );
        assert_eq!(
            end("2026-11-22T12:00:00Z"),
            Some(at("2026-11-23T07:00:00Z"))
        );
        assert_eq!(end("2026-11-23T07:00:00Z"), None);
        // In summer the same hour of the wall clock is another moment.
        assert_eq!(end("2026-07-03T13:59:59Z"), None);
        assert!(end("2026-07-03T14:00:00Z").is_some());
    }

    #[test]
    fn a_window_of_a_whole_week_never_ends() {
        let window = FreezeTime::Weekly {
            days: vec![1],
            from_minute: 0,
            minutes: 7 * 24 * 60,
        };
        for day in 16..30 {
            let now = at(&format!("2026-11-{day}T12:00:00Z"));
            assert!(window.end_at(&TimeZone::UTC, now).is_some(), "{now}");
        }
    }
}
