//! What a person does with the own account: sessions, password, name, devices. One transaction each, with its
//! audit record in the installation's chain.
//!
//! Invariant: whoever hands out an [`AccountScope`] has proved who the person is. The functions behind it touch
//! that person's rows only.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::id::{SessionId, TeamId, TokenId, UserId};
use serde_json::{Value, json};

use crate::auth_sign_in::ApprovedDevice;
use crate::context::{Actor, TeamContext, fresh_id};
use crate::decode;
use crate::error::StoreError;
use crate::store::Inner;
use crate::team::intent::Intent;
use crate::team::{Done, NewToken, Page, Role, TeamScope, TokenView};

/// The own account of one person.
#[derive(Debug, Clone)]
pub struct AccountScope {
    inner: Arc<Inner>,
    pub(crate) person: UserId,
    context: TeamContext,
}

/// A sign-in that begins.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// SHA-256 of its first refresh token.
    pub token_hash: [u8; 32],
    /// When that one ends.
    pub token_expires_at: Timestamp,
    /// When the whole sign-in ends.
    pub expires_at: Timestamp,
    /// Socket peer.
    pub address: Option<IpAddr>,
    /// What the client calls itself.
    pub client: String,
}

/// A sign-in that is good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub used_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Socket peer at its beginning.
    pub address: Option<IpAddr>,
    /// What the client called itself.
    pub client: String,
}

/// What became of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Exchanged.
    Rotated {
        /// For this person,
        user: UserId,
        /// in this session.
        session: SessionId,
    },
    /// It was exchanged a moment ago, by another tab: nothing was done.
    Superseded,
    /// Used a second time: the whole sign-in was revoked.
    Reused {
        /// Of this person.
        user: UserId,
    },
    /// Unknown, expired or revoked.
    Refused,
}

/// What a person lets a device have.
#[derive(Debug, Clone)]
pub struct DeviceGrant {
    /// A token in this team,
    pub team: TeamId,
    /// with at most this role
    pub role: Role,
    /// and these scopes.
    pub scopes: Vec<String>,
}

/// What a new password leaves alone: what it was set with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// This session.
    Session(SessionId),
    /// This token, also if a device has it.
    Token(TokenId),
}

/// What a new password ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordChanged {
    /// Sessions.
    pub sessions_ended: u32,
    /// Tokens of devices.
    pub devices_ended: u32,
}

impl PasswordChanged {
    /// As the audit record has it.
    pub(crate) fn detail(self) -> Value {
        json!({"sessions_ended": self.sessions_ended, "devices_ended": self.devices_ended})
    }
}

impl AccountScope {
    pub(crate) fn new(inner: Arc<Inner>, person: UserId, context: TeamContext) -> Self {
        Self {
            inner,
            person,
            context,
        }
    }

    pub(crate) async fn begin(&self) -> Result<Intent<'_>, StoreError> {
        Intent::begin(&self.inner, &self.context).await
    }

    /// Begins a session.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for somebody who may not sign in.
    pub async fn session_start(&self, new: &NewSession) -> Result<SessionId, StoreError> {
        let session = SessionId::from_uuid(fresh_id());
        let mut intent = self.begin().await?;
        let started = sqlx::query_scalar!(
            r#"
            select person_session_start($1, $2, $3, $4, $5, $6, $7) as "started!"
            "#,
            session.as_uuid(),
            self.person.as_uuid(),
            new.token_hash.as_slice(),
            new.token_expires_at.to_sqlx() as _,
            new.expires_at.to_sqlx() as _,
            new.address.map(IpNet::from) as _,
            new.client,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if !started {
            return Err(StoreError::NotFound);
        }
        let detail = json!({"client": new.client});
        intent
            .audit("session_start", &session.to_string(), &detail)
            .await?;
        intent.finish(None, ()).await?;
        Ok(session)
    }

    /// Sessions that are good now, the newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn session_list(
        &self,
        page: Page<SessionId>,
    ) -> Result<Vec<SessionView>, StoreError> {
        let mut intent = self.begin().await?;
        let rows = sqlx::query!(
            r#"
            select id as "id!", created_at as "created_at!", used_at as "used_at!", expires_at as "expires_at!",
                address as "address: IpNet", client as "client!"
            from person_session_list($1, $2, $3)
            "#,
            self.person.as_uuid(),
            page.after.map(SessionId::as_uuid),
            decode::number::<i64, i32>(page.sql_limit(), "limit")?,
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| SessionView {
                id: SessionId::from_uuid(row.id),
                created_at: row.created_at.to_jiff(),
                used_at: row.used_at.to_jiff(),
                expires_at: row.expires_at.to_jiff(),
                address: row.address.map(|net| net.addr()),
                client: row.client,
            })
            .collect())
    }

    /// Ends a session at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also for another person's.
    pub async fn session_end(&self, session: SessionId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let ended = sqlx::query_scalar!(
            r#"
            select person_session_end($1, $2) as "ended!"
            "#,
            self.person.as_uuid(),
            session.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if !ended {
            return Err(StoreError::NotFound);
        }
        intent
            .audit("session_end", &session.to_string(), &json!({}))
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// The password's hash, if there is one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn password_hash(&self) -> Result<Option<String>, StoreError> {
        let mut intent = self.begin().await?;
        Ok(
            sqlx::query_scalar!("select person_password_get($1)", self.person.as_uuid())
                .fetch_one(&mut *intent.tx)
                .await?,
        )
    }

    /// Sets a new password. Every other session ends, and so do the tokens of devices and links that were not used.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn password_set(
        &self,
        hash: &str,
        keep: Keep,
    ) -> Result<PasswordChanged, StoreError> {
        let (session, token) = match keep {
            Keep::Nothing => (None, None),
            Keep::Session(session) => (Some(session.as_uuid()), None),
            Keep::Token(token) => (None, Some(token.as_uuid())),
        };
        let mut intent = self.begin().await?;
        let row = sqlx::query!(
            r#"
            select sessions as "sessions!", devices as "devices!"
            from person_password_set($1, $2, $3, $4)
            "#,
            self.person.as_uuid(),
            hash,
            session,
            token,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let changed = PasswordChanged {
            sessions_ended: decode::number(row.sessions, "sessions")?,
            devices_ended: decode::number(row.devices, "devices")?,
        };
        intent
            .audit("password_set", &self.person.to_string(), &changed.detail())
            .await?;
        intent.finish(None, ()).await?;
        Ok(changed)
    }

    /// Sets the person's name.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn rename(&self, name: &str) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        sqlx::query!(
            "select person_name_set($1, $2)",
            self.person.as_uuid(),
            name
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        intent
            .audit(
                "person_rename",
                &self.person.to_string(),
                &json!({"name": name}),
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Keeps a person from signing in, or lets them again. For operators.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn disable(&self, disabled: bool) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let found = sqlx::query_scalar!(
            r#"
            select person_disable($1, $2) as "found!"
            "#,
            self.person.as_uuid(),
            disabled,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if !found {
            return Err(StoreError::NotFound);
        }
        let action = if disabled {
            "person_disable"
        } else {
            "person_enable"
        };
        intent
            .audit(action, &self.person.to_string(), &json!({}))
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Lets a device in, or turns it away with `None`; answers what it calls itself.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if no device waits under this code.
    pub async fn device_decide(
        &self,
        user_code: &str,
        grant: Option<&DeviceGrant>,
    ) -> Result<String, StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query!(
            r#"
            select request as "request!", client as "client!"
            from person_device_decide($1, $2, $3, $4, $5, $6)
            "#,
            self.person.as_uuid(),
            user_code,
            grant.is_some(),
            grant.map(|grant| grant.team.as_uuid()),
            grant.map(|grant| grant.role.as_str()),
            grant.map(|grant| grant.scopes.as_slice()),
        )
        .fetch_optional(&mut *intent.tx)
        .await?
        .ok_or(StoreError::NotFound)?;
        let action = if grant.is_some() {
            "device_approve"
        } else {
            "device_deny"
        };
        let detail = json!({"client": row.client, "team": grant.map(|grant| grant.team)});
        intent
            .audit(action, &row.request.to_string(), &detail)
            .await?;
        intent.finish(None, ()).await?;
        Ok(row.client)
    }
}

/// Steps that prove who the person is while they are done.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub(crate) inner: Arc<Inner>,
    request_id: Option<String>,
    address: Option<IpAddr>,
}

impl SignIn {
    pub(crate) fn new(
        inner: Arc<Inner>,
        request_id: Option<String>,
        address: Option<IpAddr>,
    ) -> Self {
        Self {
            inner,
            request_id,
            address,
        }
    }

    pub(crate) fn context(&self) -> TeamContext {
        TeamContext {
            request_id: self.request_id.clone(),
            address: self.address,
            ..TeamContext::platform(Actor::System("sign-in"))
        }
    }

    /// Exchanges a refresh token for the next one, once.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn refresh(
        &self,
        old_hash: &[u8; 32],
        new_hash: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<Refresh, StoreError> {
        let context = self.context();
        let mut intent = Intent::begin(&self.inner, &context).await?;
        let row = sqlx::query!(
            r#"
            select outcome as "outcome!", user_id, family_id
            from auth_refresh_use($1, $2, $3)
            "#,
            old_hash.as_slice(),
            new_hash.as_slice(),
            expires_at.to_sqlx() as _,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let user = row.user_id.map(UserId::from_uuid);
        let session = row.family_id.map(SessionId::from_uuid);
        let outcome = match (row.outcome.as_str(), user, session) {
            ("rotated", Some(user), Some(session)) => Refresh::Rotated { user, session },
            ("superseded", ..) => Refresh::Superseded,
            ("reused", Some(user), Some(session)) => {
                let detail = json!({"person": user});
                intent
                    .audit("session_reuse", &session.to_string(), &detail)
                    .await?;
                Refresh::Reused { user }
            }
            _ => Refresh::Refused,
        };
        intent.finish(None, ()).await?;
        Ok(outcome)
    }

    /// Signs out whoever holds this refresh token.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn refresh_end(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        let context = self.context();
        let mut intent = Intent::begin(&self.inner, &context).await?;
        let ended = sqlx::query!(
            r#"
            select person as "person!", session as "session!"
            from person_refresh_end($1)
            "#,
            token_hash.as_slice(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        if let Some(row) = ended {
            let session = SessionId::from_uuid(row.session).to_string();
            let detail = json!({"person": UserId::from_uuid(row.person)});
            intent.audit("session_end", &session, &detail).await?;
        }
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// A person by address, disabled or not. For operators.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn person_by_email(&self, email: &str) -> Result<UserId, StoreError> {
        let context = self.context();
        let mut intent = Intent::begin(&self.inner, &context).await?;
        sqlx::query_scalar!("select person_by_email($1)", email)
            .fetch_one(&mut *intent.tx)
            .await?
            .map(UserId::from_uuid)
            .ok_or(StoreError::NotFound)
    }
}

impl TeamScope {
    /// Makes the token of a device that was let in, once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if somebody took the approval before.
    pub async fn device_token_create(
        &self,
        device_hash: &[u8; 32],
        approved: &ApprovedDevice,
        new: &NewToken,
    ) -> Result<TokenView, StoreError> {
        if approved.team != self.team() || approved.person != new.created_by {
            return Err(StoreError::NotFound);
        }
        let mut intent = self.begin().await?;
        let taken = sqlx::query_scalar!(
            r#"
            select person_device_use($1) as "taken!"
            "#,
            device_hash.as_slice(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if !taken {
            return Err(StoreError::NotFound);
        }
        let view = crate::team::token_insert(&mut intent, new).await?;
        sqlx::query!(
            "
            update tokens
            set device = true
            where team_id = $1 and id = $2
            ",
            intent.team(),
            new.id.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        match intent.finish(None, view).await? {
            Done::Fresh(view) => Ok(view),
            Done::Replayed(_) => Err(StoreError::NotFound),
        }
    }
}
