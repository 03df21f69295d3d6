//! Signing in before anybody is known: sessions, guesses, set-up links, devices. Each method calls one
//! security-definer function; the role has no right on any table.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::id::{SessionId, TeamId, UserId};
use uuid::Uuid;

use crate::auth::{Auth, UserRecord};
use crate::context::fresh_id;
use crate::decode;
use crate::error::StoreError;
use crate::team::Role;
use crate::text_enum;

/// Whether a guess may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// It may; it counts until [`Auth::guess_good`] says that it was none.
    Noted(Uuid),
    /// Not for so many seconds.
    Wait(u32),
}

/// A session that is good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionGrant {
    /// Whose.
    pub person: UserRecord,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The person gave the password again in it; that counts until then. `None`: not, or not any more.
    pub confirmed_until: Option<Timestamp>,
}

text_enum! {
    /// What has become of a set-up link.
    SetupState {
        /// It can be used.
        Good = "good",
        /// It was used.
        Used = "used",
        /// It is too old, or a newer one was made.
        Expired = "expired",
        /// Somebody administers this installation already.
        SetUp = "set_up",
        /// There is no such link.
        Unknown = "unknown",
    }
}

/// A device that wants to sign in.
#[derive(Debug, Clone)]
pub struct NewDevice<'a> {
    /// SHA-256 of what only the device knows.
    pub device_hash: [u8; 32],
    /// Eight letters.
    pub user_code: &'a str,
    /// What it calls itself.
    pub client: &'a str,
    /// Where it asks from.
    pub address: Option<IpAddr>,
    /// When it gives up.
    pub expires_at: Timestamp,
}

/// A device that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingDevice {
    /// What it calls itself.
    pub client: String,
    /// Where it asked from.
    pub address: Option<IpAddr>,
    /// When.
    pub created_at: Timestamp,
    /// When it gives up.
    pub expires_at: Timestamp,
}

/// What a person gave a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedDevice {
    /// By this person.
    pub person: UserId,
    /// A token in this team,
    pub team: TeamId,
    /// with at most this role
    pub role: Role,
    /// and these scopes.
    pub scopes: Vec<String>,
    /// What the device calls itself.
    pub client: String,
}

/// What a device is told that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevicePoll {
    /// Nobody has decided.
    Pending,
    /// It asks too often and must wait this long from now on.
    SlowDown {
        /// Seconds between two questions.
        seconds: u32,
    },
    /// A person let it in.
    Approved(ApprovedDevice),
    /// A person did not.
    Denied,
    /// It waited too long, was let in before, or never asked.
    Expired,
}

impl Auth {
    /// A session that is good now.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn session(
        &self,
        session: SessionId,
        person: UserId,
    ) -> Result<Option<SessionGrant>, StoreError> {
        let row = sqlx::query!(
            r#"
            select id as "id!", email as "email!", name as "name!", platform_admin as "platform_admin!",
                expires_at as "expires_at!", confirmed_until
            from auth_session($1, $2)
            "#,
            session.as_uuid(),
            person.as_uuid(),
        )
        .fetch_optional(&self.inner.auth)
        .await?;
        Ok(row.map(|row| SessionGrant {
            person: UserRecord {
                id: UserId::from_uuid(row.id),
                email: row.email,
                name: row.name,
                platform_admin: row.platform_admin,
            },
            expires_at: row.expires_at.to_jiff(),
            confirmed_until: decode::time(row.confirmed_until),
        }))
    }

    /// Notes a guess for each of these keys (hashes of what is counted), unless one had `allowed` of them within a
    /// minute. All servers count together.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn guess(&self, keys: &[[u8; 32]], allowed: u32) -> Result<Guess, StoreError> {
        let attempt = fresh_id();
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
        let wait = sqlx::query_scalar!(
            r#"
            select auth_attempt($1, $2, $3) as "wait!"
            "#,
            attempt,
            &keys,
            decode::number::<u32, i32>(allowed, "allowed")?,
        )
        .fetch_one(&self.inner.auth)
        .await?;
        Ok(match decode::number::<i32, u32>(wait, "wait")? {
            0 => Guess::Noted(attempt),
            seconds => Guess::Wait(seconds),
        })
    }

    /// It was no guess: it does not count.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn guess_good(&self, attempt: Uuid) -> Result<(), StoreError> {
        sqlx::query!("select auth_attempt_good($1)", attempt)
            .fetch_one(&self.inner.auth)
            .await?;
        Ok(())
    }

    /// What has become of a set-up link (SHA-256 of its token).
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn setup_state(&self, token_hash: &[u8; 32]) -> Result<SetupState, StoreError> {
        let state = sqlx::query_scalar!(
            r#"select auth_setup_state($1) as "state!""#,
            token_hash.as_slice()
        )
        .fetch_one(&self.inner.auth)
        .await?;
        decode::text(&state, "state of a set-up link")
    }

    /// Keeps that a device wants to sign in. `false`: too many wait.
    ///
    /// # Errors
    /// `device_requests_user_code` if the code is taken.
    pub async fn device_start(&self, new: &NewDevice<'_>) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"
            select auth_device_start($1, $2, $3, $4, $5, $6) as "started!"
            "#,
            fresh_id(),
            new.device_hash.as_slice(),
            new.user_code,
            new.client,
            new.address.map(IpNet::from) as _,
            new.expires_at.to_sqlx() as _,
        )
        .fetch_one(&self.inner.auth)
        .await?)
    }

    /// A device that waits, by the code that its person was told.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn device_show(&self, user_code: &str) -> Result<Option<WaitingDevice>, StoreError> {
        let row = sqlx::query!(
            r#"
            select client as "client!", address as "address: IpNet", created_at as "created_at!", expires_at as "expires_at!"
            from auth_device_show($1)
            "#,
            user_code,
        )
        .fetch_optional(&self.inner.auth)
        .await?;
        Ok(row.map(|row| WaitingDevice {
            client: row.client,
            address: row.address.map(|net| net.addr()),
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
        }))
    }

    /// A device asks whether its person has decided (SHA-256 of its code).
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn device_poll(&self, device_hash: &[u8; 32]) -> Result<DevicePoll, StoreError> {
        let row = sqlx::query!(
            r#"
            select outcome as "outcome!", person, team, role, scopes, client, wait_ms
            from auth_device_poll($1)
            "#,
            device_hash.as_slice(),
        )
        .fetch_one(&self.inner.auth)
        .await?;
        Ok(match row.outcome.as_str() {
            "pending" => DevicePoll::Pending,
            "denied" => DevicePoll::Denied,
            "slow_down" => DevicePoll::SlowDown {
                seconds: decode::number::<i32, u32>(row.wait_ms.unwrap_or(5000), "wait")?
                    .div_ceil(1000),
            },
            "approved" => match (row.person, row.team, row.role, row.scopes, row.client) {
                (Some(person), Some(team), Some(role), Some(scopes), Some(client)) => {
                    DevicePoll::Approved(ApprovedDevice {
                        person: UserId::from_uuid(person),
                        team: TeamId::from_uuid(team),
                        role: decode::text(&role, "role")?,
                        scopes,
                        client,
                    })
                }
                _ => DevicePoll::Expired,
            },
            _ => DevicePoll::Expired,
        })
    }
}
