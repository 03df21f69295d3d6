//! The invitation of a link, before a team is known, and teams for the people who run the installation. Only through
//! security-definer functions, each of which answers one narrow question.

use jiff::Timestamp;
use segue_model::id::{InvitationId, TeamId, UserId};
use segue_model::name::TeamName;

use super::invitations::InvitationState;
use super::members::Role;
use crate::decode;
use crate::error::StoreError;
use crate::store::Store;

/// What a link stands for. Of one that is not open, whoever holds it may be told nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationLink {
    /// The invitation.
    pub id: InvitationId,
    /// The team that invites.
    pub team: TeamId,
    /// Its name.
    pub team_name: TeamName,
    /// For whom.
    pub email: String,
    /// What they will be.
    pub role: Role,
    /// Only on this app.
    pub app: Option<String>,
    /// Only on this environment of the app.
    pub environment: Option<String>,
    /// Name of the person who invites.
    pub invited_by: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What became of it.
    pub state: InvitationState,
    /// Who accepted it.
    pub accepted_by: Option<UserId>,
    /// Whether somebody has an account with that address.
    pub known: bool,
}

impl Store {
    /// The invitation with this SHA-256 of its token, whatever became of it.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn invitation_by_hash(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<InvitationLink>, StoreError> {
        let row = sqlx::query!(
            r#"
            select invitation_id as "invitation_id!", team_id as "team_id!", team_name as "team_name!", email as "email!",
                role as "role!", app_name, environment_name, invited_by as "invited_by!", expires_at as "expires_at!",
                state as "state!", accepted_by, known as "known!"
            from auth_invitation($1)
            "#,
            hash.as_slice(),
        )
        .fetch_optional(&self.inner.auth)
        .await?;
        row.map(|row| {
            Ok(InvitationLink {
                id: InvitationId::from_uuid(row.invitation_id),
                team: TeamId::from_uuid(row.team_id),
                team_name: decode::text(&row.team_name, "team name")?,
                email: row.email,
                role: decode::text(&row.role, "role")?,
                app: row.app_name,
                environment: row.environment_name,
                invited_by: row.invited_by,
                expires_at: row.expires_at.to_jiff(),
                state: decode::text(&row.state, "invitation state")?,
                accepted_by: row.accepted_by.map(UserId::from_uuid),
                known: row.known,
            })
        })
        .transpose()
    }

    /// A team by name or id, for operators, who need not be members of it.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn team_find(&self, wanted: &str) -> Result<Option<(TeamId, TeamName)>, StoreError> {
        let row = sqlx::query!(
            r#"
            select team_id as "team_id!", name as "name!"
            from auth_team($1)
            "#,
            wanted,
        )
        .fetch_optional(&self.inner.auth)
        .await?;
        row.map(|row| {
            Ok((
                TeamId::from_uuid(row.team_id),
                decode::text(&row.name, "team name")?,
            ))
        })
        .transpose()
    }
}
