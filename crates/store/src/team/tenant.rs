//! The team itself: its name, and its end.
//!
//! Invariants: a name that a team has or had is never another team's; only a team without apps ends, so that nothing
//! runs for nobody.

use segue_model::change::EventSubject;
use segue_model::name::TeamName;
use serde_json::json;

use super::TeamScope;
use super::members_rules::lock_team;
use crate::error::StoreError;

impl TeamScope {
    /// Gives the team another name. The old one stays its own: nobody else gets it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; `teams_name_taken`.
    pub async fn team_rename(&self, name: &TeamName) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        lock_team(&mut intent).await?;
        let before = sqlx::query_scalar!(
            "
            select name
            from teams
            where id = $1
            ",
            intent.team(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if before == name.as_str() {
            return Ok(());
        }
        sqlx::query!(
            "
            update teams
            set name = $2
            where id = $1
            ",
            intent.team(),
            name.as_str(),
        )
        .execute(&mut *intent.tx)
        .await?;
        let team = self.team().to_string();
        let detail = json!({"name": name, "before": before});
        intent.audit("team_update", &team, &detail).await?;
        let message = format!("the team {before} is called {name} now");
        intent
            .event(
                None,
                None,
                "team.renamed",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Ends the team: nobody reaches it any more. Its records are kept.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; a conflict with `team_has_apps`.
    pub async fn team_delete(&self) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        // No app can be made meanwhile: that locks the team too.
        lock_team(&mut intent).await?;
        let apps = sqlx::query_scalar!(
            r#"
            select count(*) as "count!"
            from apps
            where team_id = $1 and deleted_at is null
            "#,
            intent.team(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if apps > 0 {
            return Err(StoreError::Conflict {
                constraint: "team_has_apps".to_owned(),
            });
        }
        sqlx::query!(
            "
            update teams
            set deleted_at = now()
            where id = $1
            ",
            intent.team(),
        )
        .execute(&mut *intent.tx)
        .await?;
        let team = self.team().to_string();
        intent.audit("team_delete", &team, &json!({})).await?;
        intent.finish(None, ()).await?;
        Ok(())
    }
}
