//! Uploaded sources: chunks of at most 1 MiB, content-addressed per team.
//!
//! An upload is many short transactions: `source_begin`, one `source_chunk_put` per chunk in order, then
//! `source_finish`. One that is never finished is swept away.

use bytes::Bytes;
use jiff::Timestamp;
use segue_model::id::{AppId, SourceId};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::TeamScope;
use crate::context::fresh_id;
use crate::decode;
use crate::error::StoreError;

/// Longest chunk.
pub const CHUNK_BYTES: usize = 1 << 20;
/// Largest source.
pub const SOURCE_LIMIT_BYTES: u64 = 256 << 20;

/// A complete source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceInfo {
    /// Its id.
    pub id: SourceId,
    /// Its app.
    pub app: AppId,
    /// SHA-256 of the whole archive.
    pub sha256: [u8; 32],
    /// Its size.
    pub size_bytes: u64,
    /// When the upload began.
    pub created_at: Timestamp,
}

impl TeamScope {
    /// Begins an upload.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown app.
    pub async fn source_begin(&self, app: AppId) -> Result<SourceId, StoreError> {
        let mut intent = self.begin().await?;
        super::apps::find(&mut intent, app).await?;
        let id = SourceId::from_uuid(fresh_id());
        sqlx::query!(
            "
            insert into sources (id, team_id, app_id)
            values ($1, $2, $3)
            ",
            id.as_uuid(),
            intent.team(),
            app.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        intent.finish(None, ()).await?;
        Ok(id)
    }

    /// Adds the chunk at a position; positions start at 0 and have no gap.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a chunk that is too long or a position beyond the limit;
    /// [`StoreError::NotFound`] if the upload is not open.
    pub async fn source_chunk_put(
        &self,
        source: SourceId,
        position: u32,
        data: &[u8],
    ) -> Result<(), StoreError> {
        let digest: [u8; 32] = Sha256::digest(data).into();
        let mut intent = self.begin().await?;
        sqlx::query!(
            "
            select id
            from sources
            where team_id = $1 and id = $2 and state = 'uploading'
            for share
            ",
            intent.team(),
            source.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        // Touching an old chunk keeps the sweep from taking it away under us.
        sqlx::query!(
            "
            insert into chunks (team_id, digest, data)
            values ($1, $2, $3)
            on conflict (team_id, digest) do update set created_at = now()
            ",
            intent.team(),
            digest.as_slice(),
            data,
        )
        .execute(&mut *intent.tx)
        .await?;
        sqlx::query!(
            "
            insert into source_chunks (team_id, source_id, position, digest)
            values ($1, $2, $3, $4)
            ",
            intent.team(),
            source.as_uuid(),
            decode::number::<u32, i32>(position, "position")?,
            digest.as_slice(),
        )
        .execute(&mut *intent.tx)
        .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Ends an upload. If the app has the same source already, that one is the answer and the upload
    /// is dropped.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the upload is not open; [`StoreError::Invalid`] if it is too large.
    pub async fn source_finish(
        &self,
        source: SourceId,
        sha256: [u8; 32],
        size_bytes: u64,
    ) -> Result<SourceInfo, StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query!(
            "
            select app_id
            from sources
            where team_id = $1 and id = $2 and state = 'uploading'
            for update
            ",
            intent.team(),
            source.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let app = AppId::from_uuid(row.app_id);
        // One upload of an app is finished at a time, so that equal ones meet here and not at the index.
        sqlx::query!(
            "
            select id
            from apps
            where team_id = $1 and id = $2
            for no key update
            ",
            intent.team(),
            app.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let known = sqlx::query!(
            "
            update sources
            set last_used_at = now()
            where team_id = $1 and app_id = $2 and sha256 = $3 and state = 'complete'
            returning id, created_at
            ",
            intent.team(),
            app.as_uuid(),
            sha256.as_slice(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        let info = if let Some(known) = known {
            sqlx::query!(
                "
                delete from source_chunks
                where team_id = $1 and source_id = $2
                ",
                intent.team(),
                source.as_uuid(),
            )
            .execute(&mut *intent.tx)
            .await?;
            sqlx::query!(
                "
                update sources
                set state = 'dropped', sha256 = $3, size_bytes = $4
                where team_id = $1 and id = $2
                ",
                intent.team(),
                source.as_uuid(),
                sha256.as_slice(),
                decode::number::<u64, i64>(size_bytes, "size")?,
            )
            .execute(&mut *intent.tx)
            .await?;
            SourceInfo {
                id: SourceId::from_uuid(known.id),
                app,
                sha256,
                size_bytes,
                created_at: known.created_at.to_jiff(),
            }
        } else {
            let created_at = sqlx::query_scalar!(
                "
                update sources
                set state = 'complete', sha256 = $3, size_bytes = $4, completed_at = now(), last_used_at = now()
                where team_id = $1 and id = $2
                returning created_at
                ",
                intent.team(),
                source.as_uuid(),
                sha256.as_slice(),
                decode::number::<u64, i64>(size_bytes, "size")?,
            )
            .fetch_one(&mut *intent.tx)
            .await?;
            SourceInfo {
                id: source,
                app,
                sha256,
                size_bytes,
                created_at: created_at.to_jiff(),
            }
        };
        let detail = json!({"sha256": hex::encode(sha256), "size_bytes": size_bytes});
        intent
            .audit("source_put", &app.to_string(), &detail)
            .await?;
        intent.finish(None, ()).await?;
        Ok(info)
    }

    /// Gives up an upload.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn source_abort(&self, source: SourceId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        sqlx::query!(
            "
            delete from source_chunks
            where team_id = $1 and source_id in (
                select id from sources where team_id = $1 and id = $2 and state = 'uploading'
            )
            ",
            intent.team(),
            source.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// A complete source of an app, by its hash.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also when its chunks were dropped.
    pub async fn source_by_sha256(
        &self,
        app: AppId,
        sha256: [u8; 32],
    ) -> Result<SourceInfo, StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query!(
            r#"
            select id, size_bytes as "size_bytes!", created_at
            from sources
            where team_id = $1 and app_id = $2 and sha256 = $3 and state = 'complete'
            "#,
            intent.team(),
            app.as_uuid(),
            sha256.as_slice(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        Ok(SourceInfo {
            id: SourceId::from_uuid(row.id),
            app,
            sha256,
            size_bytes: decode::number(row.size_bytes, "size")?,
            created_at: row.created_at.to_jiff(),
        })
    }

    /// A source by id, while its chunks are kept.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also when its chunks were dropped.
    pub async fn source_get(&self, source: SourceId) -> Result<SourceInfo, StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query!(
            r#"
            select app_id, sha256 as "sha256!", size_bytes as "size_bytes!", created_at
            from sources
            where team_id = $1 and id = $2 and state = 'complete'
            "#,
            intent.team(),
            source.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let sha256 = <[u8; 32]>::try_from(row.sha256.as_slice());
        Ok(SourceInfo {
            id: source,
            app: AppId::from_uuid(row.app_id),
            sha256: sha256.map_err(crate::error::corrupt("source hash"))?,
            size_bytes: decode::number(row.size_bytes, "size")?,
            created_at: row.created_at.to_jiff(),
        })
    }

    /// A chunk of a complete source; `None` behind the last one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn source_chunk(
        &self,
        source: SourceId,
        position: u32,
    ) -> Result<Option<Bytes>, StoreError> {
        let mut intent = self.begin().await?;
        let data = sqlx::query_scalar!(
            "
            select c.data
            from source_chunks s
            join chunks c on c.team_id = s.team_id and c.digest = s.digest
            where s.team_id = $1 and s.source_id = $2 and s.position = $3
            ",
            intent.team(),
            source.as_uuid(),
            decode::number::<u32, i32>(position, "position")?,
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        Ok(data.map(Bytes::from))
    }
}
