//! A token by its id: for access tokens that were made from it, which end when it does, and for whoever looks after it.

use ipnet::IpNet;
use segue_model::id::{AppId, TokenId, UserId};

use super::TeamScope;
use crate::auth::{TokenGrant, UserRecord};
use crate::decode;
use crate::error::StoreError;

impl TeamScope {
    /// A token of the team that is good now: not revoked, not ended, its maker still a member who may sign in.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn token_grant(&self, id: TokenId) -> Result<Option<TokenGrant>, StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query!(
            r#"
            select t.id, t.created_by, t.role, t.scopes, t.app_id, t.address_ranges as "address_ranges: Vec<IpNet>", t.expires_at,
                exists (
                    select from token_uses k where k.token_id = t.id and k.used_at >= now() - interval '1 minute'
                ) as "noted!", u.email, u.name, u.platform_admin
            from tokens t
            join users u on u.id = t.created_by and u.disabled_at is null
            where t.team_id = $1 and t.id = $2 and t.revoked_at is null and t.expires_at > now()
                and exists (select from memberships m where m.team_id = t.team_id and m.user_id = t.created_by)
            "#,
            intent.team(),
            id.as_uuid(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        row.map(|row| {
            Ok(TokenGrant {
                token: TokenId::from_uuid(row.id),
                team: self.team(),
                person: UserRecord {
                    id: UserId::from_uuid(row.created_by),
                    email: row.email,
                    name: row.name,
                    platform_admin: row.platform_admin,
                },
                role: decode::text(&row.role, "role")?,
                scopes: row.scopes,
                app: row.app_id.map(AppId::from_uuid),
                address_ranges: row.address_ranges,
                expires_at: row.expires_at.to_jiff(),
                noted: row.noted,
            })
        })
        .transpose()
    }

    /// Who made a token of the team.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn token_maker(&self, id: TokenId) -> Result<UserId, StoreError> {
        let mut intent = self.begin().await?;
        let maker = sqlx::query_scalar!(
            "
            select created_by
            from tokens
            where team_id = $1 and id = $2
            ",
            intent.team(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        Ok(UserId::from_uuid(maker))
    }
}
