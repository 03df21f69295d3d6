//! Look-ups before a team is known. The role has no right on any table; every method calls one
//! security-definer function that answers one narrow question.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::Timestamp;
use segue_model::id::{AppId, EnvironmentId, TeamId, TokenId, UserId};
use segue_model::name::TeamName;
use uuid::Uuid;

use crate::decode;
use crate::error::StoreError;
use crate::store::Inner;
use crate::team::Role;

/// Look-ups by token, address and session.
#[derive(Debug, Clone)]
pub struct Auth {
    pub(crate) inner: Arc<Inner>,
}

/// A token that is good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenGrant {
    /// Its id.
    pub token: TokenId,
    /// Its team.
    pub team: TeamId,
    /// Who made it; their memberships bound it.
    pub person: UserRecord,
    /// At most this.
    pub role: Role,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Good for this app only.
    pub app: Option<AppId>,
    /// Good from these networks only; empty: from everywhere.
    pub address_ranges: Vec<IpNet>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Its use was noted a moment ago, and need not be noted again ([`Auth::token_used`]).
    pub noted: bool,
}

/// A person who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Their id.
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// May manage the installation.
    pub platform_admin: bool,
}

/// A role that a person has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// In this team.
    pub team: TeamId,
    /// Its name.
    pub team_name: TeamName,
    /// Access tokens of an older epoch are void.
    pub team_epoch: i64,
    /// What they may do.
    pub role: Role,
    /// Only on this app.
    pub app: Option<AppId>,
    /// Only on this environment of the app.
    pub environment: Option<EnvironmentId>,
}

impl Auth {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// The token with this SHA-256, if it is good now.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenGrant>, StoreError> {
        let row = sqlx::query!(
            r#"
            select token_id as "token_id!", team_id as "team_id!", created_by as "created_by!", role as "role!",
                scopes as "scopes!", app_id, address_ranges as "address_ranges!: Vec<IpNet>", expires_at as "expires_at!",
                noted as "noted!", email as "email!", name as "name!", platform_admin as "platform_admin!"
            from auth_token($1)
            "#,
            hash.as_slice(),
        )
        .fetch_optional(&self.inner.auth)
        .await?;
        row.map(|row| {
            Ok(TokenGrant {
                token: TokenId::from_uuid(row.token_id),
                team: TeamId::from_uuid(row.team_id),
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

    /// Notes that a token was used; at most one write a minute.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn token_used(&self, token: TokenId, team: TeamId) -> Result<(), StoreError> {
        sqlx::query!(
            "select auth_token_used($1, $2)",
            token.as_uuid(),
            team.as_uuid()
        )
        .fetch_one(&self.inner.auth)
        .await?;
        Ok(())
    }

    /// A person by address, with the password hash if there is one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn user_by_email(
        &self,
        email: &str,
    ) -> Result<Option<(UserRecord, Option<String>)>, StoreError> {
        let row = sqlx::query!(
            r#"
            select id as "id!", email as "email!", name as "name!", password_hash, platform_admin as "platform_admin!"
            from auth_user_by_email($1)
            "#,
            email,
        )
        .fetch_optional(&self.inner.auth)
        .await?;
        Ok(row.map(|row| {
            let user = UserRecord {
                id: UserId::from_uuid(row.id),
                email: row.email,
                name: row.name,
                platform_admin: row.platform_admin,
            };
            (user, row.password_hash)
        }))
    }

    /// A person who may sign in.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn user(&self, id: UserId) -> Result<Option<UserRecord>, StoreError> {
        let row = sqlx::query!(
            r#"
            select id as "id!", email as "email!", name as "name!", platform_admin as "platform_admin!"
            from auth_user($1)
            "#,
            id.as_uuid(),
        )
        .fetch_optional(&self.inner.auth)
        .await?;
        Ok(row.map(|row| UserRecord {
            id: UserId::from_uuid(row.id),
            email: row.email,
            name: row.name,
            platform_admin: row.platform_admin,
        }))
    }

    /// Everything that a person was given, by team.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        sqlx::query!(
            r#"
            select team_id as "team_id!", team_name as "team_name!", team_epoch as "team_epoch!", role as "role!", app_id, environment_id
            from auth_memberships($1)
            "#,
            user.as_uuid(),
        )
        .fetch_all(&self.inner.auth)
        .await?
        .into_iter()
        .map(|row| {
            Ok(Membership {
                team: TeamId::from_uuid(row.team_id),
                team_name: decode::text(&row.team_name, "team name")?,
                team_epoch: row.team_epoch,
                role: decode::text(&row.role, "role")?,
                app: row.app_id.map(AppId::from_uuid),
                environment: row.environment_id.map(EnvironmentId::from_uuid),
            })
        })
        .collect()
    }

    /// Epochs above 1, by the UUID of person or team. `i64::MAX`: disabled or deleted. Read it every few
    /// seconds to see revocations.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn epochs(&self) -> Result<BTreeMap<Uuid, i64>, StoreError> {
        Ok(
            sqlx::query!(r#"select subject as "subject!", epoch as "epoch!" from auth_epochs()"#)
                .fetch_all(&self.inner.auth)
                .await?
                .into_iter()
                .map(|row| (row.subject, row.epoch))
                .collect(),
        )
    }

    /// Whether anybody exists.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn is_set_up(&self) -> Result<bool, StoreError> {
        Ok(
            sqlx::query_scalar!(r#"select auth_is_set_up() as "set_up!""#)
                .fetch_one(&self.inner.auth)
                .await?,
        )
    }

    /// Ends every access and refresh token of a person.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn user_revoke(&self, user: UserId) -> Result<i64, StoreError> {
        sqlx::query_scalar!("select auth_revoke_user($1)", user.as_uuid())
            .fetch_one(&self.inner.auth)
            .await?
            .ok_or(StoreError::NotFound)
    }
}
