//! What operators of the installation may do: hosts. Whoever hands out this scope has checked that the
//! actor is an operator.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use segue_model::id::HostId;
use segue_model::name::{Label, MachineName};
use segue_model::state::HostState;
use serde_json::json;

use crate::context::TeamContext;
use crate::decode;
use crate::error::StoreError;
use crate::store::Inner;
use crate::team::Page;
use crate::team::intent::Intent;

/// Operations on the installation itself.
#[derive(Debug, Clone)]
pub struct PlatformScope {
    pub(crate) inner: Arc<Inner>,
    pub(crate) context: TeamContext,
}

/// A host as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct HostView {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: MachineName,
    /// Its labels.
    pub labels: BTreeMap<Label, Label>,
    /// Takes nothing new.
    pub cordoned: bool,
    /// For `If-Match`.
    pub generation: i64,
    /// Where it is.
    pub state: HostState,
    /// What it has.
    pub cpu_millis: u64,
    /// What it has.
    pub memory_bytes: u64,
    /// What instances reserved.
    pub reserved_cpu_millis: u64,
    /// What instances reserved.
    pub reserved_memory_bytes: u64,
    /// Its engine's version.
    pub engine_version: Option<String>,
    /// When it was last listed completely.
    pub listed_at: Option<Timestamp>,
    /// What is wrong with it, if anything.
    pub problem: Option<String>,
    /// Instances whose container may exist.
    pub instances: u64,
}

impl PlatformScope {
    pub(crate) fn new(inner: Arc<Inner>, context: TeamContext) -> Self {
        Self { inner, context }
    }

    pub(crate) async fn begin(&self) -> Result<Intent<'_>, StoreError> {
        Intent::begin(&self.inner, &self.context).await
    }

    /// Hosts that are not removed, by name.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn host_list(&self, page: Page<MachineName>) -> Result<Vec<HostView>, StoreError> {
        let mut intent = self.begin().await?;
        fetch(&mut intent, Which::Page(&page)).await
    }

    /// A host by its name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn host_by_name(&self, name: &MachineName) -> Result<HostView, StoreError> {
        let mut intent = self.begin().await?;
        one(&mut intent, Which::Name(name)).await
    }

    /// A host.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn host_get(&self, id: HostId) -> Result<HostView, StoreError> {
        let mut intent = self.begin().await?;
        one(&mut intent, Which::Id(id)).await
    }

    /// Keeps new instances away from a host, or lets them on it again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn host_cordon(&self, id: HostId, cordoned: bool) -> Result<HostView, StoreError> {
        let mut intent = self.begin().await?;
        let changed = sqlx::query!(
            "
            update hosts
            set cordoned = $2, generation = generation + 1
            where id = $1 and removed_at is null
            ",
            id.as_uuid(),
            cordoned,
        )
        .execute(&mut *intent.tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Err(StoreError::NotFound);
        }
        let action = if cordoned {
            "host_cordon"
        } else {
            "host_uncordon"
        };
        intent.audit(action, &id.to_string(), &json!({})).await?;
        let host = one(&mut intent, Which::Id(id)).await?;
        intent.finish(None, ()).await?;
        Ok(host)
    }
}

/// Which hosts are read.
enum Which<'a> {
    Id(HostId),
    Name(&'a MachineName),
    Page(&'a Page<MachineName>),
}

async fn one(intent: &mut Intent<'_>, which: Which<'_>) -> Result<HostView, StoreError> {
    let found = fetch(intent, which).await?;
    found.into_iter().next().ok_or(StoreError::NotFound)
}

async fn fetch(intent: &mut Intent<'_>, which: Which<'_>) -> Result<Vec<HostView>, StoreError> {
    let (id, name, after, limit) = match which {
        Which::Id(id) => (Some(id), None, None, 1),
        Which::Name(name) => (None, Some(name), None, 1),
        Which::Page(page) => (None, None, page.after.as_ref(), page.sql_limit()),
    };
    sqlx::query!(
        r#"
        select h.id, h.name, h.labels, h.cordoned, h.generation, p.state, s.cpu_millis, s.memory_bytes, p.reserved_cpu_millis,
            p.reserved_memory_bytes, s.engine_version, s.listed_at, s.problem, host_instances(h.id) as "instances!"
        from hosts h
        join host_plan p on p.host_id = h.id
        join host_seen s on s.host_id = h.id
        where h.removed_at is null
            and ($1::uuid is null or h.id = $1)
            and ($2::text is null or h.name = $2)
            and ($3::text is null or h.name > $3)
        order by h.name
        limit $4
        "#,
        id.map(HostId::as_uuid),
        name.map(MachineName::as_str),
        after.map(MachineName::as_str),
        limit,
    )
    .fetch_all(&mut *intent.tx)
    .await?
    .into_iter()
    .map(|row| {
        Ok(HostView {
            id: HostId::from_uuid(row.id),
            name: decode::text(&row.name, "host name")?,
            labels: decode::json(row.labels, "labels")?,
            cordoned: row.cordoned,
            generation: row.generation,
            state: decode::text(&row.state, "host state")?,
            cpu_millis: decode::number(row.cpu_millis, "cpu")?,
            memory_bytes: decode::number(row.memory_bytes, "memory")?,
            reserved_cpu_millis: decode::number(row.reserved_cpu_millis, "cpu")?,
            reserved_memory_bytes: decode::number(row.reserved_memory_bytes, "memory")?,
            engine_version: row.engine_version,
            listed_at: decode::time(row.listed_at),
            problem: row.problem,
            instances: decode::number(row.instances, "instances")?,
        })
    })
    .collect()
}
