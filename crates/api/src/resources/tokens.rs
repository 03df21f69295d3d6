//! API tokens as people see them, whoever asks for them: one view, one way to list and to make them.
//!
//! Invariant: the token itself is in the answer that made it and nowhere else; what is kept of that answer for a
//! repeated request has none.

use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use segue_model::Timestamp;
use segue_model::id::{AppId, TokenId, UserId};
use segue_store::{Done, NewToken, TeamScope, TokenView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::token;
use crate::problem::Problem;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, page};
use crate::wire::respond::{Call, send, stored};

/// Days of the longest token.
pub(super) const MAX_DAYS: u32 = 366;

/// A token, without its secret unless it was made just now.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id.
    #[schema(value_type = String)]
    pub id: TokenId,
    /// For people.
    pub name: String,
    /// Its first characters, so that it can be told apart.
    pub prefix: String,
    /// At most this role.
    pub role: String,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// Good for this app only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub app: Option<AppId>,
    /// Good from these networks only; empty: from everywhere.
    pub address_ranges: Vec<String>,
    /// The person who made it, and whose role bounds it.
    #[schema(value_type = String)]
    pub created_by: UserId,
    /// Their name.
    pub created_by_name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub used_at: Option<Timestamp>,
    /// The token itself: only in the answer that made it, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub token: Option<String>,
}

page! {
    /// A page of tokens, oldest first.
    TokenPage of Token
}

fn view(kept: &TokenView, maker: &str) -> Token {
    let ranges = kept.address_ranges.iter().map(ToString::to_string);
    Token {
        id: kept.id,
        name: kept.name.clone(),
        prefix: kept.prefix.clone(),
        role: kept.role.to_string(),
        scopes: kept.scopes.clone(),
        app: kept.app,
        address_ranges: ranges.collect(),
        created_by: kept.created_by,
        created_by_name: maker.to_owned(),
        created_at: kept.created_at,
        expires_at: kept.expires_at,
        revoked_at: kept.revoked_at,
        used_at: kept.used_at,
        token: None,
    }
}

/// A page of a team's tokens: of one maker, or of all.
pub(super) async fn page(
    query: &PageQuery,
    scope: &TeamScope,
    maker: Option<UserId>,
) -> Result<TokenPage, Problem> {
    let (tokens, next_cursor) = query
        .read(
            |page| scope.token_list_of(maker, page),
            |(token, _)| token.id,
        )
        .await?;
    let items = tokens.iter().map(|(token, maker)| view(token, maker));
    Ok(TokenPage {
        items: items.collect(),
        next_cursor,
    })
}

/// Keeps a token and shows it, once.
pub(super) async fn create(
    scope: &TeamScope,
    new: &NewToken,
    secret: &SecretString,
    maker: &str,
    call: &Call,
) -> Result<Response, Problem> {
    let respond = |kept: &TokenView| stored(StatusCode::CREATED, &view(kept, maker), None);
    let done = scope.token_create(new, call.idempotency(&respond));
    Ok(match done.await? {
        Done::Fresh(kept) => {
            let mut shown = view(&kept, maker);
            shown.token = Some(token::reveal(secret));
            let no_store = [(CACHE_CONTROL, "no-store")];
            (StatusCode::CREATED, no_store, ApiJson(shown)).into_response()
        }
        // What is kept has no secret in it.
        Done::Replayed(kept) => send(kept),
    })
}

/// What tells tokens apart: part of the hash, so that nothing of the secret is shown.
pub(super) fn prefix(hash: &[u8; 32]) -> String {
    let short: String = hex::encode(hash).chars().take(8).collect();
    format!("{}{short}", token::PREFIX)
}

/// So many days from now.
pub(super) fn in_days(days: u32) -> Timestamp {
    let seconds = i64::from(days) * 86_400;
    let now = Timestamp::now();
    now.checked_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap_or(now)
}
