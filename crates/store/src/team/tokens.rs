//! API and deploy tokens. Only the hash is kept; the token is shown once by whoever made it.

use ipnet::IpNet;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, TokenId, UserId};
use serde_json::json;

use super::intent::{Done, Idempotency, Intent};
use super::{Page, Role, TeamScope};
use crate::decode;
use crate::error::StoreError;

/// A token to be kept.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// A fresh id.
    pub id: TokenId,
    /// For people.
    pub name: String,
    /// First characters of the token.
    pub prefix: String,
    /// SHA-256 of the whole token.
    pub hash: [u8; 32],
    /// At most what its creator has.
    pub role: Role,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Good for this app only.
    pub app: Option<AppId>,
    /// Good from these networks only; empty: from everywhere.
    pub address_ranges: Vec<IpNet>,
    /// When it ends; every token ends.
    pub expires_at: Timestamp,
    /// Who made it.
    pub created_by: UserId,
}

/// What may be known of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Its id.
    pub id: TokenId,
    /// For people.
    pub name: String,
    /// First characters.
    pub prefix: String,
    /// At most what its creator has.
    pub role: Role,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Good for this app only.
    pub app: Option<AppId>,
    /// Good from these networks only.
    pub address_ranges: Vec<IpNet>,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

impl TeamScope {
    /// Keeps a new token.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an app of another team.
    pub async fn token_create(
        &self,
        new: &NewToken,
        idempotency: Option<Idempotency<'_, TokenView>>,
    ) -> Result<Done<TokenView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let view = token_insert(&mut intent, new).await?;
        intent.finish(idempotency, view).await
    }

    /// Ends a token at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also when it was revoked before.
    pub async fn token_revoke(&self, id: TokenId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let revoked = sqlx::query!(
            "
            update tokens
            set revoked_at = now()
            where team_id = $1 and id = $2 and revoked_at is null
            ",
            intent.team(),
            id.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?
        .rows_affected();
        if revoked == 0 {
            return Err(StoreError::NotFound);
        }
        intent
            .audit("token_revoke", &id.to_string(), &json!({}))
            .await?;
        intent
            .event(
                None,
                None,
                "token.revoked",
                &EventSubject::default(),
                "a token was revoked",
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Tokens of the team in order of age, of one maker or of all, each with the maker's name.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn token_list_of(
        &self,
        maker: Option<UserId>,
        page: Page<TokenId>,
    ) -> Result<Vec<(TokenView, String)>, StoreError> {
        let mut intent = self.begin().await?;
        sqlx::query!(
            r#"
            select t.id, t.name, t.prefix, t.role, t.scopes, t.app_id, t.address_ranges as "address_ranges: Vec<IpNet>",
                t.created_by, t.created_at, t.expires_at, t.revoked_at, s.used_at as "used_at?", u.name as maker
            from tokens t
            join users u on u.id = t.created_by
            left join token_uses s on s.token_id = t.id
            where t.team_id = $1 and ($2::uuid is null or t.id > $2) and ($3::uuid is null or t.created_by = $3)
            order by t.id
            limit $4
            "#,
            intent.team(),
            page.after.map(TokenId::as_uuid),
            maker.map(UserId::as_uuid),
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            let token = TokenView {
                id: TokenId::from_uuid(row.id),
                name: row.name,
                prefix: row.prefix,
                role: decode::text(&row.role, "role")?,
                scopes: row.scopes,
                app: row.app_id.map(AppId::from_uuid),
                address_ranges: row.address_ranges,
                created_by: UserId::from_uuid(row.created_by),
                created_at: row.created_at.to_jiff(),
                expires_at: row.expires_at.to_jiff(),
                revoked_at: decode::time(row.revoked_at),
                used_at: decode::time(row.used_at),
            };
            Ok((token, row.maker))
        })
        .collect()
    }
}

/// Keeps a token, with its audit record and event, in a transaction that has begun.
pub(crate) async fn token_insert(
    intent: &mut Intent<'_>,
    new: &NewToken,
) -> Result<TokenView, StoreError> {
    let created_at = sqlx::query_scalar!(
        "
        insert into tokens (id, team_id, created_by, name, prefix, hash, role, scopes, app_id, address_ranges, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        returning created_at
        ",
        new.id.as_uuid(),
        intent.team(),
        new.created_by.as_uuid(),
        new.name,
        new.prefix,
        new.hash.as_slice(),
        new.role.as_str(),
        &new.scopes,
        new.app.map(AppId::as_uuid),
        &new.address_ranges as _,
        new.expires_at.to_sqlx() as _,
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    let detail = json!({
        "name": new.name, "prefix": new.prefix, "role": new.role.as_str(), "scopes": new.scopes, "app": new.app,
        "address_ranges": new.address_ranges, "expires_at": new.expires_at,
    });
    intent
        .audit("token_create", &new.id.to_string(), &detail)
        .await?;
    let message = format!("token {} created", new.prefix);
    intent
        .event(
            new.app,
            None,
            "token.created",
            &EventSubject::default(),
            &message,
        )
        .await?;
    Ok(TokenView {
        id: new.id,
        name: new.name.clone(),
        prefix: new.prefix.clone(),
        role: new.role,
        scopes: new.scopes.clone(),
        app: new.app,
        address_ranges: new.address_ranges.clone(),
        created_by: new.created_by,
        created_at: created_at.to_jiff(),
        expires_at: new.expires_at,
        revoked_at: None,
        used_at: None,
    })
}
