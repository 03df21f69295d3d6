//! What people are shown beside an environment's own row, for many environments at once: one statement, so that a list
//! costs as much as one of them. Reads only.

use std::collections::BTreeMap;

use segue_model::id::{AppId, EnvironmentId};
use segue_model::name::{ConfigKey, Domain};

use super::{Environment, Row};
use crate::decode;
use crate::error::StoreError;
use crate::team::TeamScope;

/// What is looked up beside an environment's row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentState {
    /// Version of the release that it stands on.
    pub serving: Option<i64>,
    /// Version of the newest release that was seen to be good.
    pub stable: Option<i64>,
    /// Host names that are routed to it, people's own first; patterns are left out.
    pub hosts: Vec<Domain>,
    /// Names of the hosts that do not answer at present and on which instances of it are wanted. Why they do not is
    /// for the platform's operators.
    pub hosts_away: Vec<String>,
    /// Names of secrets that it took over from another environment, and that nobody has set in it yet.
    pub secrets_wished: Vec<ConfigKey>,
    /// Requests that its edges counted in the last minute; `None` where nothing is served or no edge reports.
    pub requests_per_minute: Option<u64>,
}

impl TeamScope {
    /// The state of each of these environments. One that does not exist is left out.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn environment_states(
        &self,
        environments: &[EnvironmentId],
    ) -> Result<BTreeMap<EnvironmentId, EnvironmentState>, StoreError> {
        if environments.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<_> = environments.iter().map(|id| id.as_uuid()).collect();
        let mut intent = self.begin().await?;
        let rows = sqlx::query!(
            r#"
            select e.id, serving.version as "serving?", stable.version as "stable?",
                array(
                    select d.name
                    from domains d
                    where d.team_id = e.team_id and d.environment_id = e.id and d.state = 'active'
                        and d.name not like '*.%'
                    order by d.kind = 'custom' desc, d.name
                ) as "hosts!",
                array(
                    select h.name
                    from hosts h
                    join host_plan p on p.host_id = h.id
                    where h.removed_at is null and p.state in ('suspect', 'lost', 'returning')
                        and exists (
                            select from instances i
                            where i.team_id = e.team_id and i.environment_id = e.id and i.host_id = h.id
                                and i.desired = 'run'
                        )
                    order by h.name
                ) as "hosts_away!",
                array(
                    select w.key
                    from secret_wishes w
                    where w.team_id = e.team_id and w.environment_id = e.id
                    order by w.key
                ) as "secrets_wished!",
                case when s.serving_release_id is not null
                    and exists (select from edges g where g.removed_at is null and g.lease_until > now())
                then (
                    select coalesce(sum(
                        c.by_class[1] + c.by_class[2] + c.by_class[3] + c.by_class[4] + c.by_class[5] + c.edge_failed
                    ), 0)::bigint
                    from request_counts c
                    where c.team_id = e.team_id and c.environment_id = e.id and c.second > now() - interval '60 seconds'
                ) end as "requests_per_minute?"
            from environments e
            join environment_status s on s.environment_id = e.id
            left join releases serving on serving.team_id = e.team_id and serving.id = s.serving_release_id
            left join releases stable on stable.team_id = e.team_id and stable.id = s.stable_release_id
            where e.team_id = $1 and e.id = any($2)
            "#,
            intent.team(),
            &ids,
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        rows.into_iter()
            .map(|row| {
                let hosts = row.hosts.iter().map(|name| decode::text(name, "domain"));
                let wished = row.secrets_wished.iter();
                let wished = wished.map(|key| decode::text(key, "secret key"));
                let count = |count: i64| decode::number(count, "count");
                let state = EnvironmentState {
                    serving: row.serving,
                    stable: row.stable,
                    hosts: hosts.collect::<Result<_, _>>()?,
                    hosts_away: row.hosts_away,
                    secrets_wished: wished.collect::<Result<_, _>>()?,
                    requests_per_minute: row.requests_per_minute.map(count).transpose()?,
                };
                Ok((EnvironmentId::from_uuid(row.id), state))
            })
            .collect()
    }

    /// The environments of each of these apps, the oldest first, at most so many of each.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn environment_list_of(
        &self,
        apps: &[AppId],
        of_each: u32,
    ) -> Result<Vec<Environment>, StoreError> {
        let apps: Vec<_> = apps.iter().map(|id| id.as_uuid()).collect();
        let mut intent = self.begin().await?;
        sqlx::query_as!(
            Row,
            r#"
            select e.id as "id!", e.app_id as "app_id!", e.name as "name!", e.kind as "kind!", e.protected as "protected!",
                e.generation as "generation!", e.stopped as "stopped!", e.deleted_at is not null as "deleted!",
                s.observed_generation as "observed_generation!", s.serving_release_id, s.stable_release_id,
                s.reasons as "reasons!", e.branch, e.ttl_seconds, e.expires_at, o.name as "cloned_from?",
                e.created_at as "created_at!"
            from unnest($2::uuid[]) as apps (id)
            cross join lateral (
                select *
                from environments own
                where own.team_id = $1 and own.app_id = apps.id and own.deleted_at is null
                order by own.id
                limit $3
            ) e
            join environment_status s on s.environment_id = e.id
            left join environments o on o.id = e.cloned_from and o.deleted_at is null
            order by e.app_id, e.id
            "#,
            intent.team(),
            &apps,
            i64::from(of_each),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(Environment::try_from)
        .collect()
    }
}
