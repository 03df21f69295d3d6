//! Invitations: links by which a person becomes a member. Only the hash of the token is kept.
//!
//! Invariants: an invitation is good once, for one e-mail address, until it ends or is taken back; two people who
//! accept at the same moment make one membership; an accepted invitation never lowers a role that the person has.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId, InvitationId, UserId};
use segue_model::name::{AppName, EnvironmentName};
use serde_json::json;

use super::intent::{Done, Idempotency, Intent};
use super::members::{self, Giver, Member, MemberPlace, Role};
use super::members_rules::{change, insert, lock_team, may_give, place_exists};
use super::{Page, TeamScope};
use crate::decode;
use crate::error::StoreError;
use crate::text_enum;

text_enum! {
    /// What became of an invitation.
    InvitationState {
        /// It can be accepted.
        Open = "open",
        /// Somebody accepted it.
        Accepted = "accepted",
        /// It was taken back, or what it was for is gone.
        Revoked = "revoked",
        /// It was not accepted in time.
        Expired = "expired",
    }
}

/// Open invitations of a team at most; more is a mistake or an attack.
pub const OPEN_INVITATIONS: i64 = 500;

/// An invitation to be kept.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// A fresh id.
    pub id: InvitationId,
    /// For whom: lower case.
    pub email: String,
    /// What they will be.
    pub role: Role,
    /// Where.
    pub place: MemberPlace,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Who invites.
    pub created_by: UserId,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What may be known of an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationView {
    /// Its id.
    pub id: InvitationId,
    /// For whom.
    pub email: String,
    /// What they will be.
    pub role: Role,
    /// Only on this app.
    pub app: Option<(AppId, AppName)>,
    /// Only on this environment of the app.
    pub environment: Option<(EnvironmentId, EnvironmentName)>,
    /// Name of the person who invites.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What became of it.
    pub state: InvitationState,
}

/// Who accepts.
#[derive(Debug, Clone)]
pub enum Guest {
    /// A person with an account, whose address has been compared with the invitation's.
    Known(UserId),
    /// A new one.
    New {
        /// A fresh id.
        id: UserId,
        /// Their name.
        name: String,
        /// Argon2id, PHC form.
        password_hash: String,
    },
}

struct Row {
    id: uuid::Uuid,
    email: String,
    role: String,
    app_id: Option<uuid::Uuid>,
    app_name: Option<String>,
    environment_id: Option<uuid::Uuid>,
    environment_name: Option<String>,
    created_by: String,
    created_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
    state: String,
}

impl TryFrom<Row> for InvitationView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: InvitationId::from_uuid(row.id),
            email: row.email,
            role: decode::text(&row.role, "role")?,
            app: match (row.app_id, row.app_name) {
                (Some(id), Some(name)) => {
                    Some((AppId::from_uuid(id), decode::text(&name, "app name")?))
                }
                _ => None,
            },
            environment: match (row.environment_id, row.environment_name) {
                (Some(id), Some(name)) => Some((
                    EnvironmentId::from_uuid(id),
                    decode::text(&name, "environment name")?,
                )),
                _ => None,
            },
            created_by: row.created_by,
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
            state: decode::text(&row.state, "invitation state")?,
        })
    }
}

impl TeamScope {
    /// Keeps a new invitation. An open one for the same person and place is taken back: the new link replaces it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an app or environment of another team; conflicts with `above_own_role`,
    /// `memberships_given_twice` (a member has a role there already) and `too_many_invitations`.
    pub async fn invitation_create(
        &self,
        by: Giver,
        new: &NewInvitation,
        idempotency: Option<Idempotency<'_, InvitationView>>,
    ) -> Result<Done<InvitationView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        lock_team(&mut intent).await?;
        place_exists(&mut intent, new.place).await?;
        may_give(&mut intent, by, new.role).await?;
        let replaced = make_room(&mut intent, new).await?;
        sqlx::query!(
            "
            insert into invitations (id, team_id, email, role, app_id, environment_id, hash, created_by, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ",
            new.id.as_uuid(),
            intent.team(),
            new.email,
            new.role.as_str(),
            new.place.app.map(AppId::as_uuid),
            new.place.environment.map(EnvironmentId::as_uuid),
            new.hash.as_slice(),
            new.created_by.as_uuid(),
            new.expires_at.to_sqlx() as _,
        )
        .execute(&mut *intent.tx)
        .await?;
        let detail = json!({
            "email": new.email, "role": new.role.as_str(), "app": new.place.app,
            "environment": new.place.environment, "replaced": replaced,
        });
        intent
            .audit("invitation_create", &new.id.to_string(), &detail)
            .await?;
        let message = format!("{} was invited as {}", new.email, new.role);
        tell(&mut intent, "invitation.created", new.place, &message).await?;
        let view = find(&mut intent, new.id).await?;
        intent.finish(idempotency, view).await
    }

    /// Invitations of the team, the newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn invitation_list(
        &self,
        page: Page<InvitationId>,
    ) -> Result<Vec<InvitationView>, StoreError> {
        let mut intent = self.begin().await?;
        fetch(&mut intent, None, page).await
    }

    /// Takes an open invitation back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also for one that is over.
    pub async fn invitation_revoke(&self, id: InvitationId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let email = sqlx::query_scalar!(
            "
            update invitations
            set revoked_at = now()
            where team_id = $1 and id = $2 and accepted_at is null and revoked_at is null and expires_at > now()
            returning email
            ",
            intent.team(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        intent
            .audit(
                "invitation_revoke",
                &id.to_string(),
                &json!({"email": email}),
            )
            .await?;
        let message = format!("the invitation of {email} was taken back");
        tell(
            &mut intent,
            "invitation.revoked",
            MemberPlace::default(),
            &message,
        )
        .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Accepts an open invitation: the person, if they are new, and the membership in one transaction. The scope acts
    /// as that person.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; conflicts with `invitation_open` (used, taken back or expired meanwhile) and
    /// `users_email_taken`.
    pub async fn invitation_accept(
        &self,
        id: InvitationId,
        guest: &Guest,
    ) -> Result<Member, StoreError> {
        let mut intent = self.begin().await?;
        // First the team, as everything that changes members does.
        lock_team(&mut intent).await?;
        let row = sqlx::query!(
            r#"
            select email, role, app_id, environment_id,
                accepted_at is null and revoked_at is null and expires_at > now() as "open!"
            from invitations
            where team_id = $1 and id = $2
            for no key update
            "#,
            intent.team(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let place = MemberPlace {
            app: row.app_id.map(AppId::from_uuid),
            environment: row.environment_id.map(EnvironmentId::from_uuid),
        };
        if !row.open || place_exists(&mut intent, place).await.is_err() {
            return Err(StoreError::Conflict {
                constraint: "invitation_open".to_owned(),
            });
        }
        let user = match guest {
            Guest::Known(user) => *user,
            Guest::New {
                id: user,
                name,
                password_hash,
            } => {
                sqlx::query!(
                    "select invitation_person($1, $2, $3, $4)",
                    id.as_uuid(),
                    user.as_uuid(),
                    name,
                    password_hash,
                )
                .fetch_one(&mut *intent.tx)
                .await?;
                let detail = json!({"email": row.email});
                intent
                    .audit("user_create", &user.to_string(), &detail)
                    .await?;
                *user
            }
        };
        give(&mut intent, user, decode::text(&row.role, "role")?, place).await?;
        sqlx::query!(
            "
            update invitations
            set accepted_at = now(), accepted_by = $3
            where team_id = $1 and id = $2
            ",
            intent.team(),
            id.as_uuid(),
            user.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        let detail = json!({
            "email": row.email, "role": row.role, "app": place.app, "environment": place.environment, "user": user,
            "new": matches!(guest, Guest::New { .. }),
        });
        intent
            .audit("invitation_accept", &id.to_string(), &detail)
            .await?;
        let message = format!("{} accepted the invitation as {}", row.email, row.role);
        tell(&mut intent, "member.added", place, &message).await?;
        let member = members::find(&mut intent, user).await?;
        intent.finish(None, ()).await?;
        Ok(member)
    }
}

/// Gives the role where the person has none or a weaker one.
async fn give(
    intent: &mut Intent<'_>,
    user: UserId,
    role: Role,
    place: MemberPlace,
) -> Result<(), StoreError> {
    let there = role_of(intent, user, place).await?;
    match there {
        None => insert(intent, user, role, place).await,
        Some(there) if there.rank() < role.rank() => change(intent, user, Some(role), place).await,
        Some(_) => Ok(()),
    }
}

async fn role_of(
    intent: &mut Intent<'_>,
    user: UserId,
    place: MemberPlace,
) -> Result<Option<Role>, StoreError> {
    sqlx::query_scalar!(
        "
        select role
        from memberships
        where team_id = $1 and user_id = $2 and app_id is not distinct from $3 and environment_id is not distinct from $4
        ",
        intent.team(),
        user.as_uuid(),
        place.app.map(AppId::as_uuid),
        place.environment.map(EnvironmentId::as_uuid),
    )
    .fetch_optional(&mut *intent.tx)
    .await?
    .map(|role| decode::text(&role, "role"))
    .transpose()
}

/// Takes back what the new invitation replaces and tells how many that were; refuses what makes no sense.
async fn make_room(intent: &mut Intent<'_>, new: &NewInvitation) -> Result<u64, StoreError> {
    let known = sqlx::query_scalar!(
        "
        select id
        from users
        where email = $1
        ",
        new.email,
    )
    .fetch_optional(&mut *intent.tx)
    .await?;
    if let Some(user) = known
        && role_of(intent, UserId::from_uuid(user), new.place)
            .await?
            .is_some()
    {
        return Err(StoreError::Conflict {
            constraint: "memberships_given_twice".to_owned(),
        });
    }
    let replaced = sqlx::query!(
        "
        update invitations
        set revoked_at = now()
        where team_id = $1 and email = $2 and app_id is not distinct from $3 and environment_id is not distinct from $4
            and accepted_at is null and revoked_at is null
        ",
        intent.team(),
        new.email,
        new.place.app.map(AppId::as_uuid),
        new.place.environment.map(EnvironmentId::as_uuid),
    )
    .execute(&mut *intent.tx)
    .await?
    .rows_affected();
    let open = sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
        from invitations
        where team_id = $1 and accepted_at is null and revoked_at is null and expires_at > now()
        "#,
        intent.team(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    if open >= OPEN_INVITATIONS {
        return Err(StoreError::Conflict {
            constraint: "too_many_invitations".to_owned(),
        });
    }
    Ok(replaced)
}

async fn find(intent: &mut Intent<'_>, id: InvitationId) -> Result<InvitationView, StoreError> {
    fetch(intent, Some(id), Page::first(1))
        .await?
        .into_iter()
        .next()
        .ok_or(StoreError::NotFound)
}

async fn fetch(
    intent: &mut Intent<'_>,
    id: Option<InvitationId>,
    page: Page<InvitationId>,
) -> Result<Vec<InvitationView>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"
        select i.id, i.email, i.role, i.app_id, a.name as "app_name?", i.environment_id, e.name as "environment_name?",
            u.name as created_by, i.created_at, i.expires_at,
            case
                when i.accepted_at is not null then 'accepted'
                when i.revoked_at is not null or a.deleted_at is not null or e.deleted_at is not null then 'revoked'
                when i.expires_at <= now() then 'expired'
                else 'open'
            end as "state!"
        from invitations i
        join users u on u.id = i.created_by
        left join apps a on a.id = i.app_id
        left join environments e on e.id = i.environment_id
        where i.team_id = $1 and ($2::uuid is null or i.id = $2) and ($3::uuid is null or i.id < $3)
        order by i.id desc
        limit $4
        "#,
        intent.team(),
        id.map(InvitationId::as_uuid),
        page.after.map(InvitationId::as_uuid),
        page.sql_limit(),
    )
    .fetch_all(&mut *intent.tx)
    .await?
    .into_iter()
    .map(InvitationView::try_from)
    .collect()
}

async fn tell(
    intent: &mut Intent<'_>,
    kind: &str,
    place: MemberPlace,
    message: &str,
) -> Result<(), StoreError> {
    intent
        .event(
            place.app,
            place.environment,
            kind,
            &EventSubject::default(),
            message,
        )
        .await
}
