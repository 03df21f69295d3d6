//! Tokens: who may act, and how.

use segue_client::*;

use super::{MOST_ITEMS, NOT_FOUND, missing};
use crate::error::Result;
use crate::session::Session;

/// Team and role of a sign-in, as people read them.
pub(crate) fn team_and_role(me: &Me) -> String {
    match (&me.team, &me.role) {
        (Some(team), Some(role)) => format!("team {team}, {role}"),
        _ => {
            let teams: Vec<&str> = me.teams.iter().map(|team| team.name.as_str()).collect();
            format!("teams {}", teams.join(", "))
        }
    }
}

impl Session {
    /// The person's own tokens.
    pub async fn token_list(&self) -> Result<Vec<Token>> {
        every_page!(self, "listing tokens", |cursor| self.client.token_list(
            TokenListRequest {
                query: TokenListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take(),
                    team: None,
                },
            }
        ))
    }

    pub async fn token_create(&self, body: TokenCreate, key: Option<String>) -> Result<Token> {
        let what = format!("making token {}", body.name);
        let request = TokenCreateRequest {
            query: TokenCreateRequestQuery { team: None },
            header: TokenCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.token_create(request).await;
        self.value(&what, answer).await
    }

    pub async fn token_delete(&self, id: &str) -> Result<()> {
        let path = TokenDeleteRequestPath {
            token: id.to_owned(),
        };
        let query = TokenDeleteRequestQuery { team: None };
        let request = TokenDeleteRequest { path, query };
        let answer = self.client.token_delete(request).await;
        match self.done(&format!("ending token {id}"), answer).await {
            Err(error) if error.code.as_deref() == Some(NOT_FOUND) => Ok(()),
            ended => ended.map(|_| ()),
        }
    }

    /// One of the person's own tokens, by id, name or first characters.
    pub async fn token_find(&self, wanted: &str) -> Result<Token> {
        self.token_among(self.token_list().await?, wanted)
    }

    /// The same among tokens that are known.
    pub fn token_among(&self, tokens: Vec<Token>, wanted: &str) -> Result<Token> {
        let live = tokens.into_iter().filter(|t| t.revoked_at.is_none());
        let mut found: Vec<Token> = live
            .filter(|t| t.id == wanted || t.name == wanted || t.prefix == wanted)
            .collect();
        match (found.pop(), found.len()) {
            (Some(token), 0) => Ok(token),
            (None, _) => Err(missing(format!("token {wanted}"), "segue tokens list")),
            (Some(_), more) => Err(crate::error::CliError::usage(format!(
                "{} tokens are called {wanted}",
                more + 1
            ))
            .now("nothing was changed")
            .next("segue tokens list, then segue tokens revoke ID")),
        }
    }
}
