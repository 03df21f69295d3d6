//! Rules of memberships inside of a transaction that changes them: who may give what, what a lost role takes with it.
//!
//! Every caller has locked the team first ([`lock_team`]), so that what is read here holds until the commit.

use segue_model::id::{AppId, EnvironmentId, UserId};

use super::intent::Intent;
use super::members::{Giver, MemberPlace, Role};
use crate::context::fresh_id;
use crate::decode;
use crate::error::StoreError;

/// Lets changes of members and of the team itself run one after the other.
pub(super) async fn lock_team(intent: &mut Intent<'_>) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "
        select id
        from teams
        where id = $1 and deleted_at is null
        for no key update
        ",
        intent.team(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    Ok(())
}

/// Nobody gives or takes above the own role.
pub(super) async fn may_give(
    intent: &mut Intent<'_>,
    by: Giver,
    role: Role,
) -> Result<(), StoreError> {
    let Giver::Person { user, at_most } = by else {
        return Ok(());
    };
    let own = sqlx::query_scalar!(
        "
        select role
        from memberships
        where team_id = $1 and user_id = $2 and app_id is null
        ",
        intent.team(),
        user.as_uuid(),
    )
    .fetch_optional(&mut *intent.tx)
    .await?;
    let own: Option<Role> = own.map(|own| decode::text(&own, "role")).transpose()?;
    let allowed = own.is_some_and(|own| own.rank().min(at_most.rank()).may_grant(role.rank()));
    if allowed {
        Ok(())
    } else {
        Err(StoreError::Conflict {
            constraint: "above_own_role".to_owned(),
        })
    }
}

/// The place is of this team and not deleted.
pub(super) async fn place_exists(
    intent: &mut Intent<'_>,
    place: MemberPlace,
) -> Result<(), StoreError> {
    let Some(app) = place.app else {
        return Ok(());
    };
    super::apps::find(intent, app).await?;
    let Some(environment) = place.environment else {
        return Ok(());
    };
    sqlx::query_scalar!(
        "
        select id
        from environments
        where team_id = $1 and app_id = $2 and id = $3 and deleted_at is null
        ",
        intent.team(),
        app.as_uuid(),
        environment.as_uuid(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    Ok(())
}

pub(super) async fn insert(
    intent: &mut Intent<'_>,
    user: UserId,
    role: Role,
    place: MemberPlace,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        insert into memberships (id, team_id, user_id, role, app_id, environment_id)
        values ($1, $2, $3, $4, $5, $6)
        ",
        fresh_id(),
        intent.team(),
        user.as_uuid(),
        role.as_str(),
        place.app.map(AppId::as_uuid),
        place.environment.map(EnvironmentId::as_uuid),
    )
    .execute(&mut *intent.tx)
    .await?;
    Ok(())
}

/// Changes a role that is there, or takes it.
pub(super) async fn change(
    intent: &mut Intent<'_>,
    user: UserId,
    role: Option<Role>,
    place: MemberPlace,
) -> Result<(), StoreError> {
    match role {
        Some(role) => sqlx::query!(
            "
            update memberships
            set role = $5
            where team_id = $1 and user_id = $2 and app_id is not distinct from $3 and environment_id is not distinct from $4
            ",
            intent.team(),
            user.as_uuid(),
            place.app.map(AppId::as_uuid),
            place.environment.map(EnvironmentId::as_uuid),
            role.as_str(),
        )
        .execute(&mut *intent.tx)
        .await?,
        None => sqlx::query!(
            "
            delete from memberships
            where team_id = $1 and user_id = $2 and app_id is not distinct from $3 and environment_id is not distinct from $4
            ",
            intent.team(),
            user.as_uuid(),
            place.app.map(AppId::as_uuid),
            place.environment.map(EnvironmentId::as_uuid),
        )
        .execute(&mut *intent.tx)
        .await?,
    };
    Ok(())
}

/// What follows from a lost role: an owner must be left, tokens end with the last role, and invitations end that the
/// person could not make any more.
pub(super) async fn after_loss(intent: &mut Intent<'_>, user: UserId) -> Result<(), StoreError> {
    let left = sqlx::query!(
        r#"
        select
            exists (select from memberships where team_id = $1 and role = 'owner' and app_id is null) as "owned!",
            exists (select from memberships where team_id = $1 and user_id = $2) as "member!"
        "#,
        intent.team(),
        user.as_uuid(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    if !left.owned {
        return Err(StoreError::Conflict {
            constraint: "last_owner".to_owned(),
        });
    }
    if !left.member {
        sqlx::query!(
            "
            update tokens
            set revoked_at = now()
            where team_id = $1 and created_by = $2 and revoked_at is null
            ",
            intent.team(),
            user.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
    }
    sqlx::query!(
        "
        update invitations i
        set revoked_at = now()
        where i.team_id = $1 and i.created_by = $2 and i.accepted_at is null and i.revoked_at is null
            and not exists (
                select from memberships m
                where m.team_id = $1 and m.user_id = $2 and m.app_id is null
                    and (m.role = 'owner' or (m.role = 'admin' and i.role <> 'owner'))
            )
        ",
        intent.team(),
        user.as_uuid(),
    )
    .execute(&mut *intent.tx)
    .await?;
    Ok(())
}
