//! Which images of builds nobody needs any more.
//!
//! Invariant: an image of one of the newest releases of an environment, of what serves, is under way or was last
//! good, or of an instance that may exist, is never named here. Must not touch engines.

use segue_model::id::{AppId, BuildId};

use super::SystemStore;
use crate::error::StoreError;

/// What a build left on engines and nothing needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldImage {
    /// The build; with the app it makes the image's name.
    pub build: BuildId,
    /// Its app.
    pub app: AppId,
    /// The image's id; `None` if the build did not succeed and its image, if there is one, has only its name.
    pub id: Option<String>,
}

impl SystemStore {
    /// Images of builds that ended more than an hour ago and that are not needed: a page of at most `limit` in
    /// order of their builds, behind `after`. Of each environment that was not deleted the newest `releases` keep
    /// theirs. Images that people named are theirs and never among these.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn images_old(
        &self,
        releases: u16,
        after: Option<BuildId>,
        limit: u32,
    ) -> Result<Vec<OldImage>, StoreError> {
        let rows = sqlx::query!(
            r#"
            with needed as (
                select r.id
                from environments e
                cross join lateral (
                    select n.id
                    from releases n
                    where n.environment_id = e.id
                    order by n.version desc
                    limit $1
                ) r
                where e.deleted_at is null
                union
                select u.release_id
                from environments e
                join environment_status s on s.environment_id = e.id
                cross join lateral (values (s.serving_release_id), (s.stable_release_id)) u (release_id)
                where e.deleted_at is null
                union
                select u.release_id
                from environments e
                join deployments d on d.environment_id = e.id
                left join rollouts o on o.deployment_id = d.id
                cross join lateral (values (d.release_id), (o.from_release_id)) u (release_id)
                where e.deleted_at is null and coalesce(o.rank, 0) < 100
                union
                select i.release_id
                from instances i
                join instance_seen s on s.instance_id = i.id
                where i.desired <> 'gone' or s.state not in ('gone', 'lost')
            ), kept as (
                select s.value -> 'image' -> 'pinned' -> 'engine' ->> 'id' as content
                from needed n
                join releases r on r.id = n.id
                cross join lateral jsonb_each(r.spec -> 'services') s
                union
                select t.image -> 'engine' ->> 'id'
                from needed n
                join release_builds b on b.release_id = n.id
                join build_status t on t.build_id = b.build_id
            )
            select b.id, b.app_id, t.image -> 'engine' ->> 'id' as content
            from builds b
            join build_status t on t.build_id = b.id
            where b.kind = 'source' and t.rank >= 100 and t.finished_at < now() - interval '1 hour'
                and ($2::uuid is null or b.id > $2)
                and not exists (select from kept k where k.content = t.image -> 'engine' ->> 'id')
            order by b.id
            limit $3
            "#,
            i64::from(releases),
            after.map(BuildId::as_uuid),
            i64::from(limit),
        )
        .fetch_all(&self.inner.system)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| OldImage {
                build: BuildId::from_uuid(row.id),
                app: AppId::from_uuid(row.app_id),
                id: row.content,
            })
            .collect())
    }
}
