//! Who may do what in a team.

use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId, UserId};
use serde_json::json;

use super::TeamScope;
use super::intent::{Done, Idempotency};
use crate::context::fresh_id;
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

/// A membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Only on this app.
    pub app: Option<AppId>,
    /// Only on this environment of the app.
    pub environment: Option<EnvironmentId>,
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
    /// Gives a role. The caller has checked that it is not above the giver's own.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown person, app or environment; `memberships_given_twice`.
    pub async fn member_add(
        &self,
        new: NewMember,
        idempotency: Option<Idempotency<'_, ()>>,
    ) -> Result<Done<()>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        sqlx::query!(
            "
            insert into memberships (id, team_id, user_id, role, app_id, environment_id)
            values ($1, $2, $3, $4, $5, $6)
            ",
            fresh_id(),
            intent.team(),
            new.user.as_uuid(),
            new.role.as_str(),
            new.app.map(AppId::as_uuid),
            new.environment.map(EnvironmentId::as_uuid),
        )
        .execute(&mut *intent.tx)
        .await?;
        let detail =
            json!({"role": new.role.as_str(), "app": new.app, "environment": new.environment});
        intent
            .audit("member_add", &new.user.to_string(), &detail)
            .await?;
        let message = format!("{} given to a person", new.role);
        intent
            .event(
                new.app,
                new.environment,
                "member.added",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(idempotency, ()).await
    }

    /// Takes every role of a person in this team. The last owner of the whole team stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; a conflict with `last_owner`.
    pub async fn member_remove(&self, user: UserId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let removed = sqlx::query!(
            "
            delete from memberships
            where team_id = $1 and user_id = $2
            ",
            intent.team(),
            user.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?
        .rows_affected();
        if removed == 0 {
            return Err(StoreError::NotFound);
        }
        let owners = sqlx::query_scalar!(
            r#"
            select count(*) as "count!"
            from memberships
            where team_id = $1 and role = 'owner' and app_id is null
            "#,
            intent.team(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if owners == 0 {
            return Err(StoreError::Conflict {
                constraint: "last_owner".to_owned(),
            });
        }
        intent
            .audit("member_remove", &user.to_string(), &json!({}))
            .await?;
        intent
            .event(
                None,
                None,
                "member.removed",
                &EventSubject::default(),
                "a person was removed",
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Everybody in the team.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn member_list(&self) -> Result<Vec<Member>, StoreError> {
        let mut intent = self.begin().await?;
        sqlx::query!(
            "
            select m.user_id, u.email, u.name, m.role, m.app_id, m.environment_id
            from memberships m
            join users u on u.id = m.user_id
            where m.team_id = $1
            order by u.email, m.app_id, m.environment_id
            ",
            intent.team(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(Member {
                user: UserId::from_uuid(row.user_id),
                email: row.email,
                name: row.name,
                role: decode::text(&row.role, "role")?,
                app: row.app_id.map(AppId::from_uuid),
                environment: row.environment_id.map(EnvironmentId::from_uuid),
            })
        })
        .collect()
    }
}
