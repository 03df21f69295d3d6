//! Who may do what in a team: roles on the team, on an app, on an environment.
//!
//! Invariants: nobody gives or takes a role above the own one, judged inside of the transaction that does it; a team
//! always has an owner; who has lost the last role loses the tokens of the team and the invitations that rest on
//! that role in the same transaction. Changes of one team's members run one after the other, by a lock on the team.

use segue_model::access::Role as Rank;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId, UserId};
use segue_model::name::{AppName, EnvironmentName};
use serde_json::json;

use super::intent::{Done, Idempotency, Intent};
use super::members_rules::{after_loss, change, insert, lock_team, may_give, place_exists};
use super::{Page, TeamScope};
use crate::decode;
use crate::error::StoreError;
use crate::text_enum;

text_enum! {
    /// Roles, the mightiest first.
    Role {
        /// Everything, the team itself included.
        Owner = "owner",
        /// Everything but the team itself.
        Admin = "admin",
        /// Deploys, scales, configures.
        Deployer = "deployer",
        /// Looks.
        Viewer = "viewer",
    }
}

impl Role {
    /// The same in words of the model, which are in order of might.
    pub(super) const fn rank(self) -> Rank {
        match self {
            Self::Owner => Rank::Owner,
            Self::Admin => Rank::Admin,
            Self::Deployer => Rank::Deployer,
            Self::Viewer => Rank::Viewer,
        }
    }
}

/// Who gives or takes roles.
#[derive(Debug, Clone, Copy)]
pub enum Giver {
    /// A person, with what the credential of the request allows at most. The role itself is read in the transaction.
    Person {
        /// The person.
        user: UserId,
        /// At most this.
        at_most: Role,
    },
    /// Segue itself.
    Installation,
}

/// Where a role is good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemberPlace {
    /// Only on this app; `None`: on the whole team.
    pub app: Option<AppId>,
    /// Only on this environment of the app.
    pub environment: Option<EnvironmentId>,
}

/// A person in the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do, and where; the team first.
    pub roles: Vec<MemberRole>,
}

/// A role at a place, with the place's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRole {
    /// What they may do.
    pub role: Role,
    /// Only on this app.
    pub app: Option<(AppId, AppName)>,
    /// Only on this environment of the app.
    pub environment: Option<(EnvironmentId, EnvironmentName)>,
}

impl Member {
    /// The role on the whole team.
    #[must_use]
    pub fn team_role(&self) -> Option<Role> {
        self.roles
            .iter()
            .find(|given| given.app.is_none())
            .map(|given| given.role)
    }
}

/// A membership to be given.
#[derive(Debug, Clone, Copy)]
pub struct NewMember {
    /// The person.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// Only on this app.
    pub app: Option<AppId>,
    /// Only on this environment of the app.
    pub environment: Option<EnvironmentId>,
}

impl TeamScope {
    /// Gives a person a role at a place where they have none.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown person, app or environment; conflicts with `memberships_given_twice`
    /// and `above_own_role`.
    pub async fn member_add(
        &self,
        by: Giver,
        new: NewMember,
        idempotency: Option<Idempotency<'_, Member>>,
    ) -> Result<Done<Member>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        lock_team(&mut intent).await?;
        let place = MemberPlace {
            app: new.app,
            environment: new.environment,
        };
        place_exists(&mut intent, place).await?;
        may_give(&mut intent, by, new.role).await?;
        insert(&mut intent, new.user, new.role, place).await?;
        let detail =
            json!({"role": new.role.as_str(), "app": new.app, "environment": new.environment});
        intent
            .audit("member_add", &new.user.to_string(), &detail)
            .await?;
        let member = find(&mut intent, new.user).await?;
        let message = format!("{} is {} now", member.email, new.role);
        tell(&mut intent, "member.added", place, &message).await?;
        intent.finish(idempotency, member).await
    }

    /// Sets the role of a member at a place, or takes it with `None`. Answers what is left; `None` if that was all.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for somebody who is not in the team, or has no role there that could be taken;
    /// conflicts with `last_owner` and `above_own_role`.
    pub async fn member_set(
        &self,
        by: Giver,
        user: UserId,
        role: Option<Role>,
        place: MemberPlace,
    ) -> Result<Option<Member>, StoreError> {
        let mut intent = self.begin().await?;
        lock_team(&mut intent).await?;
        if role.is_some() {
            place_exists(&mut intent, place).await?;
        }
        let before = find(&mut intent, user).await?;
        let there = before.roles.iter().find(|given| {
            given.app.as_ref().map(|app| app.0) == place.app
                && given.environment.as_ref().map(|env| env.0) == place.environment
        });
        let there = there.map(|given| given.role);
        for concerned in [there, role].into_iter().flatten() {
            may_give(&mut intent, by, concerned).await?;
        }
        match (there, role) {
            (None, None) => return Err(StoreError::NotFound),
            (None, Some(role)) => insert(&mut intent, user, role, place).await?,
            (Some(_), role) => change(&mut intent, user, role, place).await?,
        }
        after_loss(&mut intent, user).await?;
        let detail = json!({
            "role": role.map(Role::as_str), "before": there.map(Role::as_str),
            "app": place.app, "environment": place.environment,
        });
        intent
            .audit("member_update", &user.to_string(), &detail)
            .await?;
        let message = match role {
            Some(role) => format!("{} is {role} now", before.email),
            None => format!("{} has one role less", before.email),
        };
        tell(&mut intent, "member.changed", place, &message).await?;
        let after = match find(&mut intent, user).await {
            Err(StoreError::NotFound) => None,
            found => Some(found?),
        };
        intent.finish(None, ()).await?;
        Ok(after)
    }

    /// Takes every role of a person in this team. The last owner stays; whoever is not the person needs a role that
    /// is at least as strong as each of them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; conflicts with `last_owner` and `above_own_role`.
    pub async fn member_remove(&self, by: Giver, user: UserId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        lock_team(&mut intent).await?;
        let before = find(&mut intent, user).await?;
        let leaves = matches!(by, Giver::Person { user: by, .. } if by == user);
        if !leaves {
            for given in &before.roles {
                may_give(&mut intent, by, given.role).await?;
            }
        }
        sqlx::query!(
            "
            delete from memberships
            where team_id = $1 and user_id = $2
            ",
            intent.team(),
            user.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        after_loss(&mut intent, user).await?;
        intent
            .audit("member_remove", &user.to_string(), &json!({"left": leaves}))
            .await?;
        let message = if leaves {
            format!("{} left the team", before.email)
        } else {
            format!("{} was removed", before.email)
        };
        tell(
            &mut intent,
            "member.removed",
            MemberPlace::default(),
            &message,
        )
        .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// The people in the team, in order of their accounts' age.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn member_list(&self, page: Page<UserId>) -> Result<Vec<Member>, StoreError> {
        let mut intent = self.begin().await?;
        let users = sqlx::query_scalar!(
            "
            select distinct user_id
            from memberships
            where team_id = $1 and ($2::uuid is null or user_id > $2)
            order by user_id
            limit $3
            ",
            intent.team(),
            page.after.map(UserId::as_uuid),
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        fetch(&mut intent, &users).await
    }

    /// The person of the team with this address (lower case).
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn member_by_email(&self, email: &str) -> Result<Option<UserId>, StoreError> {
        let mut intent = self.begin().await?;
        let user = sqlx::query_scalar!(
            "
            select u.id
            from users u
            where u.email = $2 and exists (select from memberships m where m.team_id = $1 and m.user_id = u.id)
            ",
            intent.team(),
            email,
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        Ok(user.map(UserId::from_uuid))
    }

    /// One person in the team.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn member_get(&self, user: UserId) -> Result<Member, StoreError> {
        let mut intent = self.begin().await?;
        find(&mut intent, user).await
    }
}

/// One person of the team.
pub(super) async fn find(intent: &mut Intent<'_>, user: UserId) -> Result<Member, StoreError> {
    fetch(intent, &[user.as_uuid()])
        .await?
        .into_iter()
        .next()
        .ok_or(StoreError::NotFound)
}

async fn fetch(intent: &mut Intent<'_>, users: &[uuid::Uuid]) -> Result<Vec<Member>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select m.user_id, u.email, u.name, m.role, m.app_id, a.name as "app_name?", m.environment_id, e.name as "environment_name?"
        from memberships m
        join users u on u.id = m.user_id
        left join apps a on a.id = m.app_id
        left join environments e on e.id = m.environment_id
        where m.team_id = $1 and m.user_id = any($2)
        order by m.user_id, a.name nulls first, e.name nulls first, m.id
        "#,
        intent.team(),
        users,
    )
    .fetch_all(&mut *intent.tx)
    .await?;
    let mut members: Vec<Member> = Vec::new();
    for row in rows {
        let user = UserId::from_uuid(row.user_id);
        let given = MemberRole {
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
        };
        match members.last_mut() {
            Some(last) if last.user == user => last.roles.push(given),
            _ => members.push(Member {
                user,
                email: row.email,
                name: row.name,
                roles: vec![given],
            }),
        }
    }
    Ok(members)
}

/// Tells the team; of a place that is deleted, without it.
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
