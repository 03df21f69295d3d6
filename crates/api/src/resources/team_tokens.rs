//! Tokens of a team: for machines that deploy, and for looking after everybody's.
//!
//! A token is bound to the person who made it: it never does more than they may at that moment, and ends with their
//! last role. Everybody makes and sees their own; admins see and revoke all. Where a token may come from is judged by
//! the socket's peer (see `auth::principal`), because any header can be forged.

use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use ipnet::{IpNet, Ipv4Net};
use segue_model::Timestamp;
use segue_model::access::{Action, Role, Scope, Scopes};
use segue_model::id::{AppId, TokenId, UserId};
use segue_store::{Done, NewToken, Page, TokenView, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::me::{in_days, prefix};
use super::members::{place, role_word};
use crate::auth::place::{Read, Tokens};
use crate::auth::principal::stored_role;
use crate::auth::reach::Reach;
use crate::auth::token;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, cut, page};
use crate::wire::params::{Errors, IdempotencyHeader, TeamPath};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, send, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(team_token_list, team_token_create))
        .routes(routes!(team_token_delete))
}

/// Days of the longest token.
const MAX_DAYS: u32 = 366;

/// Networks that a token may name.
const MAX_RANGES: usize = 32;

/// A token of a team, without its secret unless it was made just now.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TeamToken {
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
    /// A page of tokens of a team, oldest first.
    TeamTokenPage of TeamToken
}

/// A new token for a machine.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamTokenCreate {
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// At most this role: `viewer`, `deployer`, `admin`, `owner`; never more than its maker's.
    #[schema(pattern = "^(viewer|deployer|admin|owner)$")]
    pub role: String,
    /// What it is good for: `read`, `deploy`, `write`, `admin`. `deploy` is enough to deploy an app that exists.
    #[schema(min_items = 1, max_items = 5)]
    pub scopes: Vec<String>,
    /// Good for this app only, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub app: Option<String>,
    /// Good from these addresses and networks only (`203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`): those that
    /// connect to the API. Empty: from everywhere.
    #[serde(default)]
    #[schema(max_items = 32)]
    pub address_ranges: Vec<String>,
    /// Days until it ends, 1 to 366. Every token ends.
    #[schema(minimum = 1, maximum = 366)]
    pub expires_in_days: u32,
}

fn view(kept: &TokenView, maker: &str) -> TeamToken {
    let ranges = kept.address_ranges.iter().map(ToString::to_string);
    TeamToken {
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

/// Lists the team's tokens: all of them for admins, one's own for everybody else.
#[utoipa::path(get, path = "/v1/teams/{team}/tokens", tag = "teams", params(TeamPath, PageQuery),
    responses((status = 200, description = "Tokens.", body = TeamTokenPage), Errors))]
async fn team_token_list(
    at: Reach<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<TeamTokenPage>, Problem> {
    let limit = query.limit()?;
    let page = Page {
        after: query.after()?,
        limit: limit + 1,
    };
    let all = at.require(Action::Members).is_ok();
    let maker = (!all).then_some(at.principal.user);
    let tokens = at.scope.token_list_of(maker, page).await?;
    let (tokens, next_cursor) = cut(tokens, limit, |(token, _)| token.id);
    Ok(ApiJson(TeamTokenPage {
        items: tokens
            .iter()
            .map(|(token, maker)| view(token, maker))
            .collect(),
        next_cursor,
    }))
}

/// Makes a token for a machine. It is shown once.
#[utoipa::path(post, path = "/v1/teams/{team}/tokens", tag = "teams", params(TeamPath, IdempotencyHeader),
    request_body = TeamTokenCreate,
    responses((status = 201, description = "The token, with its secret.", body = TeamToken), Errors))]
async fn team_token_create(
    at: Reach<Tokens>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<TeamTokenCreate>,
) -> Result<Response, Problem> {
    let (secret, hash) = token::generate();
    let new = checked(&at, body, hash).await?;
    let maker = at.principal.name.clone();
    let call = call.body(&bytes);
    let respond = |kept: &TokenView| stored(StatusCode::CREATED, &view(kept, &maker), None);
    let done = at.scope.token_create(&new, call.idempotency(&respond));
    Ok(match done.await? {
        Done::Fresh(kept) => {
            let mut shown = view(&kept, &maker);
            shown.token = Some(token::reveal(&secret));
            let no_store = [(CACHE_CONTROL, "no-store")];
            (StatusCode::CREATED, no_store, ApiJson(shown)).into_response()
        }
        // What is kept has no secret in it.
        Done::Replayed(kept) => send(kept),
    })
}

async fn checked(
    at: &Reach<Tokens>,
    body: TeamTokenCreate,
    hash: [u8; 32],
) -> Result<NewToken, Problem> {
    let name = body.name;
    if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Problem::invalid("/name", "1 to 100 characters"));
    }
    let role = role_word(&body.role)?;
    let app = place(&at.scope, body.app.as_deref(), None).await?.app;
    strong_enough(at, role, app)?;
    let scopes = scopes(at, &body.scopes)?;
    if !(1..=MAX_DAYS).contains(&body.expires_in_days) {
        let detail = format!("1 to {MAX_DAYS}");
        return Err(Problem::invalid("/expires_in_days", detail));
    }
    Ok(NewToken {
        id: TokenId::from_uuid(fresh_id()),
        name,
        prefix: prefix(&hash),
        hash,
        role: stored_role(role),
        scopes: scopes.0.iter().map(ToString::to_string).collect(),
        app,
        address_ranges: address_ranges(&body.address_ranges)?,
        expires_at: in_days(body.expires_in_days),
        created_by: at.principal.user,
    })
}

/// The maker has the role where the token shall be good, and the maker's credential reaches that far.
fn strong_enough(at: &Reach<Tokens>, role: Role, app: Option<AppId>) -> Result<(), Problem> {
    let only = at.principal.only_app();
    if only.is_some() && only != app {
        return Err(Problem::new(
            ProblemCode::Forbidden,
            "a token for one app makes tokens for that app only",
        ));
    }
    let own = at.principal.role_at(at.team, app, None);
    if own.is_some_and(|own| role <= own) {
        return Ok(());
    }
    let detail = match own {
        Some(own) => format!("your role there is {own}; a token has at most that"),
        None => "your role does not reach that far; name the app that it is for".to_owned(),
    };
    Err(Problem::new(ProblemCode::Forbidden, detail).hint("ask an admin of the team"))
}

fn scopes(at: &Reach<Tokens>, words: &[String]) -> Result<Scopes, Problem> {
    let scopes: Result<_, _> = words.iter().map(|word| word.parse::<Scope>()).collect();
    let scopes = Scopes(scopes.map_err(|error| Problem::invalid("/scopes", error))?);
    if scopes.0.is_empty() {
        return Err(Problem::invalid("/scopes", "at least one scope"));
    }
    if !at.principal.scopes.contain(&scopes) {
        return Err(Problem::new(
            ProblemCode::Forbidden,
            "a token has no scope that its maker's sign-in has not",
        ));
    }
    Ok(scopes)
}

/// Addresses and networks. A network with bits behind its length is a mistake that is not guessed at.
pub(super) fn address_ranges(texts: &[String]) -> Result<Vec<IpNet>, Problem> {
    if texts.len() > MAX_RANGES {
        let detail = format!("at most {MAX_RANGES}");
        return Err(Problem::invalid("/address_ranges", detail));
    }
    let mut ranges = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let pointer = format!("/address_ranges/{place}");
        let range = match text.parse::<std::net::IpAddr>() {
            // Peers are compared in this form too.
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse::<IpNet>().map_err(|_| {
                Problem::invalid(
                    pointer.clone(),
                    "an address or a network like 203.0.113.0/24",
                )
            })?,
        };
        if range.trunc() != range {
            let detail = format!("an address in a network; the network is {}", range.trunc());
            return Err(Problem::invalid(pointer, detail));
        }
        ranges.push(canonical(range));
    }
    Ok(ranges)
}

/// A network of IPv4 addresses that are written as IPv6 is one of IPv4: peers are compared in that form.
fn canonical(range: IpNet) -> IpNet {
    let IpNet::V6(wide) = range else {
        return range;
    };
    let mapped = wide.network().to_ipv4_mapped();
    let length = wide.prefix_len().checked_sub(96);
    match (mapped, length) {
        (Some(network), Some(length)) => Ipv4Net::new(network, length).map_or(range, IpNet::from),
        _ => range,
    }
}

/// Revokes a token at once: admins any, everybody else their own.
#[utoipa::path(delete, path = "/v1/teams/{team}/tokens/{token}", tag = "teams",
    params(TeamPath, ("token" = String, Path, description = "Id of the token")),
    responses((status = 204, description = "It is revoked."), Errors))]
async fn team_token_delete(
    at: Reach<Tokens>,
    ApiPath((_, wanted)): ApiPath<(String, String)>,
) -> Result<StatusCode, Problem> {
    let wanted: TokenId = wanted.parse().map_err(|_| Problem::not_found())?;
    let maker = at.scope.token_maker(wanted).await?;
    if maker != at.principal.user && at.require(Action::Members).is_err() {
        return Err(Problem::not_found());
    }
    at.scope.token_revoke(wanted).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_taken_as_they_are_or_not_at_all() {
        let read = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            address_ranges(&texts)
        };
        let fine = read(&[
            "203.0.113.7",
            "10.0.0.0/8",
            "2001:db8::/32",
            "::ffff:10.0.0.1",
            "::ffff:10.0.0.0/104",
        ]);
        let fine: Vec<String> = fine.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            fine,
            [
                "203.0.113.7/32",
                "10.0.0.0/8",
                "2001:db8::/32",
                "10.0.0.1/32",
                "10.0.0.0/8"
            ]
        );
        for bad in [
            "",
            "localhost",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0",
            "1.2.3.4 ",
        ] {
            let problem = read(&["10.0.0.0/8", bad]).unwrap_err();
            assert_eq!(problem.errors[0].pointer, "/address_ranges/1", "{bad}");
        }
        assert!(read(&["10.0.0.0/8"; 33]).is_err());
    }
}
