//! Quotas: how many apps a team may have, and how much CPU and memory it may ask for over all its environments.
//!
//! Invariants: a transaction that asks for more is judged by what it leaves behind, while it holds the lock on the
//! team's quota, so that two that fit alone and not together cannot both pass; what asks for no more than before is
//! never refused, so that a quota that was lowered below the use stops nothing and keeps nobody from mending or
//! shrinking. Without a quota nothing is locked or counted.
//!
//! What an environment asks for is the most that it may come to run: the release that it stands on, the one it would
//! go back to, and every deployment that is not over; replicas by the scale target. What is stopped, and jobs, which
//! are not kept running, ask for nothing; a one-off run asks for one instance until it is over. Instances that a
//! rollout runs besides the others for its time do not count.

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::EnvironmentId;
use segue_model::manifest::Manifest;
use segue_model::spec::ServiceKind;
use serde_json::{Value, json};

use super::TeamScope;
use super::intent::Intent;
use super::members_rules::lock_team;
use crate::decode;
use crate::error::{QuotaExceeded, StoreError};

/// What a team may have at most. `None`: as much as it likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Apps.
    pub apps: Option<u32>,
    /// Thousandths of a core.
    pub cpu_millis: Option<u64>,
    /// Bytes.
    pub memory_bytes: Option<u64>,
}

/// What a team has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaUse {
    /// Apps.
    pub apps: u32,
    /// Thousandths of a core that its environments ask for.
    pub cpu_millis: u64,
    /// Bytes that its environments ask for.
    pub memory_bytes: u64,
}

/// Quota and use of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Allowed.
    pub allowed: QuotaLimits,
    /// In use.
    pub used: QuotaUse,
    /// Who set it, and when; `None` if nobody did.
    pub set: Option<(String, Timestamp)>,
}

impl TeamScope {
    /// Quota and use of the team.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn quota_get(&self) -> Result<Quota, StoreError> {
        let mut intent = self.begin().await?;
        read(&mut intent).await
    }

    /// Sets the quota. The caller has checked that an operator of the installation asks.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Invalid`] for figures out of bounds.
    pub async fn quota_set(&self, limits: QuotaLimits) -> Result<Quota, StoreError> {
        let mut intent = self.begin().await?;
        lock_team(&mut intent).await?;
        let number = |value: u64| decode::number::<u64, i64>(value, "quota");
        sqlx::query!(
            "
            insert into team_quotas (team_id, apps, cpu_millis, memory_bytes, set_by)
            values ($1, $2, $3, $4, $5)
            on conflict (team_id) do update
                set apps = excluded.apps, cpu_millis = excluded.cpu_millis, memory_bytes = excluded.memory_bytes,
                    set_by = excluded.set_by, updated_at = now()
            ",
            intent.team(),
            limits
                .apps
                .map(|apps| decode::number::<u32, i32>(apps, "quota"))
                .transpose()?,
            limits.cpu_millis.map(number).transpose()?,
            limits.memory_bytes.map(number).transpose()?,
            intent.actor(),
        )
        .execute(&mut *intent.tx)
        .await?;
        let detail = json!({
            "apps": limits.apps, "cpu_millis": limits.cpu_millis, "memory_bytes": limits.memory_bytes,
        });
        let team = self.team().to_string();
        intent.audit("quota_set", &team, &detail).await?;
        intent
            .event(
                None,
                None,
                "quota.changed",
                &EventSubject::default(),
                "the team's quota changed",
            )
            .await?;
        let quota = read(&mut intent).await?;
        intent.finish(None, ()).await?;
        Ok(quota)
    }
}

/// One more app: locks the team, so that it cannot be counted or deleted meanwhile.
pub(super) async fn admit_app(intent: &mut Intent<'_>) -> Result<(), StoreError> {
    lock_team(intent).await?;
    let row = sqlx::query!(
        r#"
        select q.apps as "allowed!", (select count(*) from apps a where a.team_id = $1 and a.deleted_at is null) as "used!"
        from team_quotas q
        where q.team_id = $1 and q.apps is not null
        "#,
        intent.team(),
    )
    .fetch_optional(&mut *intent.tx)
    .await?;
    let Some(row) = row else {
        return Ok(());
    };
    let allowed = decode::number(row.allowed, "quota")?;
    let used: u64 = decode::number(row.used, "apps")?;
    if used < allowed {
        return Ok(());
    }
    Err(QuotaExceeded {
        resource: "apps",
        used,
        asked: used + 1,
        allowed,
    }
    .into())
}

/// A change of what an environment asks for, from before its first write ([`Ask::begin`]) to after its last
/// ([`Ask::end`]).
#[must_use]
pub(super) struct Ask(Option<(QuotaLimits, QuotaUse)>);

impl Ask {
    /// Locks the quota, if there is one of CPU or memory, and takes down what is asked for now. Before any lock on an
    /// environment: everybody takes the two in this order.
    pub(super) async fn begin(intent: &mut Intent<'_>) -> Result<Self, StoreError> {
        let row = sqlx::query!(
            "
            select cpu_millis, memory_bytes
            from team_quotas
            where team_id = $1 and (cpu_millis is not null or memory_bytes is not null)
            for no key update
            ",
            intent.team(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        let Some(row) = row else {
            return Ok(Self(None));
        };
        let limits = limits(None, row.cpu_millis, row.memory_bytes)?;
        Ok(Self(Some((limits, asked(intent, None).await?.total()))))
    }

    /// Refuses what asks for more than before and more than is allowed.
    pub(super) async fn end(self, intent: &mut Intent<'_>) -> Result<(), StoreError> {
        let Some((limits, before)) = self.0 else {
            return Ok(());
        };
        judge(limits, before, asked(intent, None).await?.total())
    }

    /// The same, for a specification that is only written and not deployed yet: as if the environment asked for it.
    pub(super) async fn end_with_spec(
        self,
        intent: &mut Intent<'_>,
        environment: EnvironmentId,
        spec: &Value,
    ) -> Result<(), StoreError> {
        let Some((limits, before)) = self.0 else {
            return Ok(());
        };
        let wanted = written(intent, environment, spec).await?;
        let now = asked(intent, Some(environment)).await?;
        let after = QuotaUse {
            apps: 0,
            cpu_millis: now.others.cpu_millis + now.own.cpu_millis.max(wanted.cpu_millis),
            memory_bytes: now.others.memory_bytes + now.own.memory_bytes.max(wanted.memory_bytes),
        };
        judge(limits, before, after)
    }
}

fn judge(limits: QuotaLimits, before: QuotaUse, after: QuotaUse) -> Result<(), StoreError> {
    let kinds = [
        (
            "cpu",
            limits.cpu_millis,
            before.cpu_millis,
            after.cpu_millis,
        ),
        (
            "memory",
            limits.memory_bytes,
            before.memory_bytes,
            after.memory_bytes,
        ),
    ];
    for (resource, allowed, used, asked) in kinds {
        if let Some(allowed) = allowed
            && asked > allowed
            && asked > used
        {
            return Err(QuotaExceeded {
                resource,
                used,
                asked,
                allowed,
            }
            .into());
        }
    }
    Ok(())
}

/// What environments ask for: one of them apart, where one is named.
struct Asked {
    own: QuotaUse,
    others: QuotaUse,
}

impl Asked {
    fn total(&self) -> QuotaUse {
        QuotaUse {
            apps: 0,
            cpu_millis: self.own.cpu_millis + self.others.cpu_millis,
            memory_bytes: self.own.memory_bytes + self.others.memory_bytes,
        }
    }
}

async fn asked(intent: &mut Intent<'_>, apart: Option<EnvironmentId>) -> Result<Asked, StoreError> {
    let rows = sqlx::query!(
        r#"
        with candidates as (
            select e.id as environment_id, r.release_id
            from environments e
            join environment_status s on s.environment_id = e.id
            cross join lateral (values (s.serving_release_id), (s.stable_release_id)) as r (release_id)
            where e.team_id = $1 and e.deleted_at is null and not e.stopped and r.release_id is not null
            union
            select e.id, d.release_id
            from environments e
            join deployments d on d.environment_id = e.id
            left join rollouts o on o.deployment_id = d.id
            where e.team_id = $1 and e.deleted_at is null and not e.stopped
                and case when o.deployment_id is null then not d.cancel_requested else o.rank < 100 end
        ), sums as (
            select c.environment_id, c.release_id,
                sum(n.replicas * (service.value #>> '{spec,resources,cpu_millis}')::bigint) as cpu_millis,
                sum(n.replicas * (service.value #>> '{spec,resources,memory_bytes}')::bigint) as memory_bytes
            from candidates c
            join releases r on r.id = c.release_id
            cross join lateral jsonb_each(r.spec -> 'services') as service
            left join scale_targets t on t.environment_id = c.environment_id and t.service = service.key
            cross join lateral (
                select case
                    when service.value #>> '{spec,kind}' = 'job' then 0
                    else coalesce(t.replicas, (service.value #>> '{spec,replicas}')::integer)
                end::bigint as replicas
            ) as n
            group by c.environment_id, c.release_id
        ), parts as (
            select environment_id, max(cpu_millis) as cpu_millis, max(memory_bytes) as memory_bytes
            from sums
            group by environment_id
            union all
            select n.environment_id, (r.spec #>> array['services', n.service, 'spec', 'resources', 'cpu_millis'])::bigint,
                (r.spec #>> array['services', n.service, 'spec', 'resources', 'memory_bytes'])::bigint
            from runs n
            join run_status s on s.run_id = n.id and s.rank < 100
            join releases r on r.id = n.release_id
            where n.team_id = $1
        )
        select environment_id is not distinct from $2 as "own!", coalesce(sum(cpu_millis), 0)::bigint as "cpu_millis!",
            coalesce(sum(memory_bytes), 0)::bigint as "memory_bytes!"
        from parts
        group by 1
        "#,
        intent.team(),
        apart.map(EnvironmentId::as_uuid),
    )
    .fetch_all(&mut *intent.tx)
    .await?;
    let mut asked = Asked {
        own: QuotaUse::default(),
        others: QuotaUse::default(),
    };
    for row in rows {
        let part = if row.own {
            &mut asked.own
        } else {
            &mut asked.others
        };
        part.cpu_millis = decode::number(row.cpu_millis, "cpu")?;
        part.memory_bytes = decode::number(row.memory_bytes, "memory")?;
    }
    Ok(asked)
}

/// What a written specification would ask for, with the scale targets that stand.
async fn written(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    spec: &Value,
) -> Result<QuotaUse, StoreError> {
    let manifest: Manifest = decode::json(spec.clone(), "specification")?;
    let targets = super::scale::list(intent, environment).await?;
    let mut wanted = QuotaUse::default();
    for (name, service) in &manifest.services {
        if service.spec.kind == ServiceKind::Job {
            continue;
        }
        let target = targets.iter().find(|target| target.service == *name);
        let replicas = u64::from(target.map_or(service.spec.replicas, |target| target.replicas));
        let resources = service.spec.resources;
        wanted.cpu_millis += replicas * u64::from(resources.cpu_millis);
        wanted.memory_bytes = wanted
            .memory_bytes
            .saturating_add(replicas.saturating_mul(resources.memory_bytes));
    }
    Ok(wanted)
}

async fn read(intent: &mut Intent<'_>) -> Result<Quota, StoreError> {
    let row = sqlx::query!(
        "
        select apps, cpu_millis, memory_bytes, set_by, updated_at
        from team_quotas
        where team_id = $1
        ",
        intent.team(),
    )
    .fetch_optional(&mut *intent.tx)
    .await?;
    let apps = sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
        from apps
        where team_id = $1 and deleted_at is null
        "#,
        intent.team(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    let used = QuotaUse {
        apps: decode::number(apps, "apps")?,
        ..asked(intent, None).await?.total()
    };
    let Some(row) = row else {
        return Ok(Quota {
            allowed: QuotaLimits::default(),
            used,
            set: None,
        });
    };
    Ok(Quota {
        allowed: limits(row.apps, row.cpu_millis, row.memory_bytes)?,
        used,
        set: Some((intent.name_of(row.set_by).await?, row.updated_at.to_jiff())),
    })
}

fn limits(
    apps: Option<i32>,
    cpu_millis: Option<i64>,
    memory_bytes: Option<i64>,
) -> Result<QuotaLimits, StoreError> {
    Ok(QuotaLimits {
        apps: apps.map(|apps| decode::number(apps, "quota")).transpose()?,
        cpu_millis: cpu_millis
            .map(|cpu| decode::number(cpu, "quota"))
            .transpose()?,
        memory_bytes: memory_bytes
            .map(|memory| decode::number(memory, "quota"))
            .transpose()?,
    })
}
