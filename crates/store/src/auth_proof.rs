//! What a person proves again or anew: the set-up link, links for forgotten passwords, the password in the middle of a
//! session. People and teams come into being here too. One transaction each, with its audit record.
//!
//! Invariants: a link for a new password rests on somebody's authority over that person, judged by the database when it
//! is made and once more when it is used; of one that is not good nobody learns why.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::change::EventSubject;
use segue_model::id::{SessionId, TeamId, UserId};
use segue_model::name::TeamName;
use serde_json::json;

use crate::auth::Auth;
use crate::auth_account::{AccountScope, PasswordChanged, SignIn};
use crate::context::{Actor, TeamContext, fresh_id};
use crate::decode;
use crate::error::StoreError;
use crate::letters::{self, Letter};
use crate::platform::PlatformScope;
use crate::team::intent::Intent;
use crate::team::{Role, TeamScope};

/// The first person and the first team.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Argon2id, PHC form.
    pub password_hash: String,
    /// The team.
    pub team_name: TeamName,
}

/// On whose authority a person may set a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetGiver {
    /// Somebody who is an admin in every team of the person, with at least the person's role.
    Person {
        /// Who.
        user: UserId,
        /// What the credential allows at most.
        at_most: Role,
        /// The one team that the credential reaches; `None`: all.
        only_team: Option<TeamId>,
    },
    /// The people who run the installation.
    Installation,
}

/// A link for a new password.
#[derive(Debug, Clone)]
pub struct NewReset {
    /// For whom.
    pub person: UserId,
    /// SHA-256 of its token.
    pub token_hash: [u8; 32],
    /// When it ends.
    pub expires_at: Timestamp,
    /// On whose authority.
    pub giver: ResetGiver,
    /// The mail that carries it, where mail is sent.
    pub letter: Option<Letter>,
}

/// A link for a new password that somebody asks for by their own address.
#[derive(Debug, Clone)]
pub struct AskedReset {
    /// SHA-256 of its token.
    pub token_hash: [u8; 32],
    /// When it ends.
    pub expires_at: Timestamp,
    /// The mail that carries it, to the address that asks; lower case.
    pub letter: Letter,
}

/// Between two letters to one person who asks for links.
pub const ASKED_PAUSE: Duration = Duration::from_secs(600);

impl Auth {
    /// Whether a link for a new password (SHA-256 of its token) is good now.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn reset_good(&self, token_hash: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(
            sqlx::query_scalar!(r#"select auth_reset($1) as "good!""#, token_hash.as_slice())
                .fetch_one(&self.inner.auth)
                .await?,
        )
    }
}

impl AccountScope {
    /// The person gave the password again in this session.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the session has ended.
    pub async fn session_confirm(
        &self,
        session: SessionId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let found = sqlx::query_scalar!(
            r#"
            select person_session_confirm($1, $2, $3) as "found!"
            "#,
            self.person.as_uuid(),
            session.as_uuid(),
            until.to_sqlx() as _,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if !found {
            return Err(StoreError::NotFound);
        }
        intent
            .audit("session_confirm", &session.to_string(), &json!({}))
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }
}

impl TeamScope {
    /// Makes a link for a new password of somebody in the team. The team is told.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for somebody who is not in the team; a conflict with `reset_above_own_role`.
    pub async fn reset_create(&self, new: &NewReset) -> Result<(), StoreError> {
        let member = self.member_get(new.person).await?;
        let mut intent = self.begin().await?;
        reset_insert(&mut intent, &self.inner, new).await?;
        let message = format!("{} was given a link for a new password", member.email);
        intent
            .event(
                None,
                None,
                "member.reset_link",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }
}

impl PlatformScope {
    /// Makes a link for a new password of anybody.
    ///
    /// # Errors
    /// A conflict with `reset_above_own_role` for somebody who is disabled.
    pub async fn reset_create(&self, new: &NewReset) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        reset_insert(&mut intent, &self.inner, new).await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// A new person without any membership.
    ///
    /// # Errors
    /// `users_email_taken`.
    pub async fn user_create(
        &self,
        email: &str,
        name: &str,
        password_hash: Option<&str>,
        platform_admin: bool,
    ) -> Result<UserId, StoreError> {
        let user = UserId::from_uuid(fresh_id());
        let mut intent = self.begin().await?;
        sqlx::query!(
            "select auth_user_create($1, $2, $3, $4, $5)",
            user.as_uuid(),
            email,
            name,
            password_hash,
            platform_admin,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"email": email.to_lowercase(), "platform_admin": platform_admin});
        intent
            .audit("user_create", &user.to_string(), &detail)
            .await?;
        intent.finish(None, ()).await?;
        Ok(user)
    }

    /// A new team with its owner. The team's own log begins with it.
    ///
    /// # Errors
    /// `teams_name_taken`; [`StoreError::NotFound`] for an unknown person.
    pub async fn team_create(&self, name: &TeamName, owner: UserId) -> Result<TeamId, StoreError> {
        let team = TeamId::from_uuid(fresh_id());
        let context = TeamContext {
            team,
            ..self.context.clone()
        };
        let mut intent = Intent::begin(&self.inner, &context).await?;
        sqlx::query!(
            "select auth_team_create($1, $2, $3, $4)",
            team.as_uuid(),
            name.as_str(),
            owner.as_uuid(),
            fresh_id(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        team_created(&mut intent, team, name, owner).await?;
        intent.finish(None, ()).await?;
        Ok(team)
    }
}

impl SignIn {
    /// Uses the one-time set-up token (its SHA-256). `None` if it is not good or somebody exists.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn setup(
        &self,
        token_hash: &[u8; 32],
        setup: &Setup,
    ) -> Result<Option<(UserId, TeamId)>, StoreError> {
        let user = UserId::from_uuid(fresh_id());
        let team = TeamId::from_uuid(fresh_id());
        let installation = TeamContext {
            actor: Actor::User(user),
            ..self.context()
        };
        let of_team = TeamContext {
            team,
            ..installation.clone()
        };
        let mut intent = Intent::begin(&self.inner, &installation).await?;
        let done = sqlx::query_scalar!(
            r#"
            select auth_setup($1, $2, $3, $4, $5, $6, $7, $8) as "done!"
            "#,
            token_hash.as_slice(),
            user.as_uuid(),
            setup.email,
            setup.name,
            setup.password_hash,
            team.as_uuid(),
            setup.team_name.as_str(),
            fresh_id(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if !done {
            return Ok(None);
        }
        let detail = json!({"email": setup.email.to_lowercase(), "team": team});
        intent.audit("setup", &user.to_string(), &detail).await?;
        let mut intent = intent.enter(&of_team).await?;
        team_created(&mut intent, team, &setup.team_name, user).await?;
        intent.finish(None, ()).await?;
        Ok(Some((user, team)))
    }

    /// Mails a link for a new password to whoever has this address and a password here, unless that was asked for a
    /// moment ago ([`ASKED_PAUSE`]). Who asks is told nothing of what became of it.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn reset_ask(&self, new: &AskedReset) -> Result<(), StoreError> {
        let context = self.context();
        let mut intent = Intent::begin(&self.inner, &context).await?;
        let person = sqlx::query_scalar!(
            "
            select person_reset_ask($1, $2, $3, $4, make_interval(secs => $5))
            ",
            fresh_id(),
            new.letter.address,
            new.token_hash.as_slice(),
            new.expires_at.to_sqlx() as _,
            ASKED_PAUSE.as_secs_f64(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let Some(person) = person.map(UserId::from_uuid) else {
            return Ok(());
        };
        letters::insert(&mut intent, &self.inner, &new.letter, new.expires_at).await?;
        let detail = json!({"expires_at": new.expires_at});
        intent
            .audit("reset_ask", &person.to_string(), &detail)
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Uses a link for a new password (SHA-256 of its token), once. `None` if it is not good: it says no more.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn reset_use(
        &self,
        token_hash: &[u8; 32],
        password_hash: &str,
    ) -> Result<Option<PasswordChanged>, StoreError> {
        let context = self.context();
        let mut intent = Intent::begin(&self.inner, &context).await?;
        let row = sqlx::query!(
            r#"
            select person as "person!", giver, asked as "asked!", sessions as "sessions!", devices as "devices!"
            from person_reset_use($1, $2)
            "#,
            token_hash.as_slice(),
            password_hash,
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let changed = PasswordChanged {
            sessions_ended: decode::number(row.sessions, "sessions")?,
            devices_ended: decode::number(row.devices, "devices")?,
        };
        let mut detail = changed.detail();
        let giver = match row.giver {
            Some(giver) => json!(UserId::from_uuid(giver)),
            None if row.asked => json!("own mail"),
            None => json!("segue/admin"),
        };
        if let Some(detail) = detail.as_object_mut() {
            detail.insert("link_of".to_owned(), giver);
        }
        let person = UserId::from_uuid(row.person).to_string();
        intent.audit("password_reset", &person, &detail).await?;
        intent.finish(None, ()).await?;
        Ok(Some(changed))
    }
}

/// The first record of a team's chain.
async fn team_created(
    intent: &mut Intent<'_>,
    team: TeamId,
    name: &TeamName,
    owner: UserId,
) -> Result<(), StoreError> {
    let detail = json!({"name": name, "owner": owner});
    intent
        .audit("team_create", &team.to_string(), &detail)
        .await
}

async fn reset_insert(
    intent: &mut Intent<'_>,
    inner: &crate::store::Inner,
    new: &NewReset,
) -> Result<(), StoreError> {
    let (giver, at_most, only_team) = match new.giver {
        ResetGiver::Installation => (None, None, None),
        ResetGiver::Person {
            user,
            at_most,
            only_team,
        } => (
            Some(user.as_uuid()),
            Some(at_most.as_str()),
            only_team.map(TeamId::as_uuid),
        ),
    };
    let made = sqlx::query_scalar!(
        r#"
        select person_reset_create($1, $2, $3, $4, $5, $6, $7) as "made!"
        "#,
        fresh_id(),
        new.person.as_uuid(),
        new.token_hash.as_slice(),
        new.expires_at.to_sqlx() as _,
        giver,
        at_most,
        only_team,
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    if !made {
        return Err(StoreError::Conflict {
            constraint: "reset_above_own_role".to_owned(),
        });
    }
    if let Some(letter) = &new.letter {
        letters::insert(intent, inner, letter, new.expires_at).await?;
    }
    let detail = json!({"expires_at": new.expires_at, "mailed": new.letter.is_some()});
    intent
        .audit("reset_link_create", &new.person.to_string(), &detail)
        .await
}
