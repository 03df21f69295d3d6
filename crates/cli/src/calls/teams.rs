//! Teams, their people and limits, and what was done in them.

use segue_client::*;

use super::{MOST_ITEMS, OrMissing as _, missing, not_understood};
use crate::error::Result;
use crate::session::Session;

impl Session {
    pub async fn team_list(&self) -> Result<Vec<Team>> {
        every_page!(self, "listing teams", |cursor| self.client.team_list(
            TeamListRequest {
                query: TeamListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take(),
                },
            }
        ))
    }

    pub async fn team_create(&self, name: &str) -> Result<Team> {
        let body = TeamCreate {
            name: name.to_owned(),
        };
        let answer = self.client.team_create(TeamCreateRequest { body }).await;
        self.value(&format!("making team {name}"), answer).await
    }

    pub async fn team_rename(&self, team: &str, name: &str) -> Result<Team> {
        let request = TeamUpdateRequest {
            path: TeamUpdateRequestPath {
                team: team.to_owned(),
            },
            body: TeamUpdate {
                name: name.to_owned(),
            },
        };
        let answer = self.client.team_update(request).await;
        self.value(&format!("renaming team {team}"), answer).await
    }

    pub async fn team_delete(&self, team: &str) -> Result<()> {
        let path = TeamDeleteRequestPath {
            team: team.to_owned(),
        };
        let answer = self.client.team_delete(TeamDeleteRequest { path }).await;
        self.done(&format!("removing team {team}"), answer)
            .await
            .map(|_| ())
    }

    /// Takes an invitation that is for the person who is signed in.
    pub async fn invitation_accept(&self, token: String) -> Result<InvitationAccepted> {
        let body = InvitationAccept {
            token,
            ..InvitationAccept::default()
        };
        let answer = self
            .client
            .invitation_accept(InvitationAcceptRequest { body })
            .await;
        self.value("taking the invitation", answer).await
    }

    pub async fn member_list(&self, team: &str) -> Result<Vec<Member>> {
        every_page!(self, "listing members", |cursor| self.client.member_list(
            MemberListRequest {
                path: MemberListRequestPath {
                    team: team.to_owned()
                },
                query: MemberListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }
        ))
    }

    /// A member by address, name or id.
    pub async fn member_find(&self, team: &str, wanted: &str) -> Result<Member> {
        let members = self.member_list(team).await?;
        let found = members
            .into_iter()
            .find(|m| m.email.eq_ignore_ascii_case(wanted) || m.user == wanted);
        found.ok_or_else(|| {
            missing(
                format!("member {wanted} of team {team}"),
                &format!("segue teams members -t {team}"),
            )
        })
    }

    /// Gives a person a role at a place; none takes it away.
    pub async fn member_role(
        &self,
        team: &str,
        user: &str,
        role: Option<&str>,
        app: Option<String>,
        environment: Option<String>,
    ) -> Result<()> {
        // The typed client leaves out what is null, and null means something here.
        let mut body = serde_json::json!({ "role": role });
        if let Some(body) = body.as_object_mut() {
            body.extend(app.map(|app| ("app".to_owned(), app.into())));
            body.extend(environment.map(|env| ("environment".to_owned(), env.into())));
        }
        let url = self.url(&["v1", "teams", team, "members", user]);
        self.patch("changing a role", url, None, &body).await
    }

    pub async fn member_remove(&self, team: &str, user: &str) -> Result<()> {
        let path = MemberRemoveRequestPath {
            team: team.to_owned(),
            user: user.to_owned(),
        };
        let answer = self
            .client
            .member_remove(MemberRemoveRequest { path })
            .await;
        self.done("removing a member", answer).await.map(|_| ())
    }

    pub async fn invitation_list(&self, team: &str) -> Result<Vec<Invitation>> {
        every_page!(self, "listing invitations", |cursor| self
            .client
            .invitation_list(InvitationListRequest {
                path: InvitationListRequestPath {
                    team: team.to_owned()
                },
                query: InvitationListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }))
    }

    pub async fn invitation_create(
        &self,
        team: &str,
        body: InvitationCreate,
        key: Option<String>,
    ) -> Result<Invitation> {
        let what = format!("inviting {}", body.email);
        let request = InvitationCreateRequest {
            path: InvitationCreateRequestPath {
                team: team.to_owned(),
            },
            header: InvitationCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.invitation_create(request).await;
        self.value(&what, answer).await
    }

    pub async fn invitation_delete(&self, team: &str, id: &str) -> Result<()> {
        let path = InvitationDeleteRequestPath {
            team: team.to_owned(),
            invitation: id.to_owned(),
        };
        let answer = self
            .client
            .invitation_delete(InvitationDeleteRequest { path })
            .await;
        let ended = self.done("ending an invitation", answer).await;
        ended.map(|_| ()).or_missing(
            || format!("invitation {id} of team {team}"),
            &format!("segue teams invitations -t {team}"),
        )
    }

    pub async fn quota_get(&self, team: &str) -> Result<QuotaView> {
        let path = QuotaGetRequestPath {
            team: team.to_owned(),
        };
        let answer = self.client.quota_get(QuotaGetRequest { path }).await;
        self.read("reading the limits", answer).await
    }

    pub async fn quota_set(&self, team: &str, body: QuotaSet) -> Result<QuotaView> {
        let path = QuotaSetRequestPath {
            team: team.to_owned(),
        };
        let answer = self.client.quota_set(QuotaSetRequest { path, body }).await;
        self.value("setting the limits", answer).await
    }

    /// The newest records of the audit log.
    pub async fn audit_list(
        &self,
        team: &str,
        query: AuditListRequestQuery,
    ) -> Result<Vec<AuditRecord>> {
        let request = AuditListRequest {
            path: AuditListRequestPath {
                team: team.to_owned(),
            },
            query,
        };
        let answer = self.client.audit_list(request).await;
        match self.read("reading the audit log", answer).await? {
            AuditPageOrAuditRecordOrString::AuditPage(page) => Ok(page.items),
            _ => Err(not_understood("reading the audit log")),
        }
    }

    /// Checks the audit log, also against a record (number, hash) that somebody kept.
    pub async fn audit_verify(
        &self,
        team: &str,
        seq: Option<i64>,
        hash: Option<String>,
    ) -> Result<AuditVerification> {
        let query = AuditVerifyRequestQuery { seq, hash };
        let path = AuditVerifyRequestPath {
            team: team.to_owned(),
        };
        let request = AuditVerifyRequest { path, query };
        let answer = self.client.audit_verify(request).await;
        self.read("verifying the audit log", answer).await
    }

    pub async fn team_token_list(&self, team: &str) -> Result<Vec<Token>> {
        every_page!(self, "listing deploy tokens", |cursor| self
            .client
            .team_token_list(TeamTokenListRequest {
                path: TeamTokenListRequestPath {
                    team: team.to_owned()
                },
                query: TeamTokenListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }))
    }

    pub async fn team_token_create(
        &self,
        team: &str,
        body: TeamTokenCreate,
        key: Option<String>,
    ) -> Result<Token> {
        let what = format!("making deploy token {}", body.name);
        let request = TeamTokenCreateRequest {
            path: TeamTokenCreateRequestPath {
                team: team.to_owned(),
            },
            header: TeamTokenCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.team_token_create(request).await;
        self.value(&what, answer).await
    }

    pub async fn team_token_delete(&self, team: &str, id: &str) -> Result<()> {
        let path = TeamTokenDeleteRequestPath {
            team: team.to_owned(),
            token: id.to_owned(),
        };
        let answer = self
            .client
            .team_token_delete(TeamTokenDeleteRequest { path })
            .await;
        self.done("ending a deploy token", answer).await.map(|_| ())
    }
}
