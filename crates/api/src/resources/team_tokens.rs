//! Tokens of a team: for machines that deploy, and for looking after everybody's.
//!
//! A token is bound to the person who made it: it never does more than they may at that moment, and ends with their
//! last role. Everybody makes and sees their own; admins see and revoke all. Where a token may come from is judged by
//! the socket's peer (see `auth::principal`), because any header can be forged.

use axum::http::StatusCode;
use axum::response::Response;
use ipnet::{IpNet, Ipv4Net};
use segue_model::access::{Action, Role, Scope, Scopes};
use segue_model::id::{AppId, TokenId};
use segue_store::{NewToken, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::members::{place, role_word};
use super::tokens::{self, MAX_DAYS, Token, TokenPage, in_days, prefix};
use crate::auth::place::{Read, Tokens};
use crate::auth::principal::stored_role;
use crate::auth::reach::Reach;
use crate::auth::token;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::PageQuery;
use crate::wire::params::{Errors, IdempotencyHeader, TeamPath};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::Call;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(team_token_list, team_token_create))
        .routes(routes!(team_token_delete))
}

/// Networks that a token may name.
const MAX_RANGES: usize = 32;

/// A new token for a machine.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamTokenCreate {
    /// For people.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    pub name: String,
    /// At most this role: `viewer`, `deployer`, `admin`, `owner`; never more than its maker's.
    #[schema(pattern = "^(viewer|deployer|admin|owner)$")]
    pub role: String,
    /// What it is good for: `read`, `deploy`, `write`, `admin`, and `secret:reveal`, for which a session must have been
    /// confirmed. `deploy` is enough to deploy an app that exists.
    #[schema(
        min_items = 1,
        max_items = 10,
        pattern = "^(read|deploy|write|admin|secret:reveal)$"
    )]
    pub scopes: Vec<String>,
    /// Good for this app only, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 40)]
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

/// Lists the team's tokens: all of them for admins, one's own for everybody else.
#[utoipa::path(get, path = "/v1/teams/{team}/tokens", tag = "teams", params(TeamPath, PageQuery),
    responses((status = 200, description = "Tokens.", body = TokenPage), Errors))]
async fn team_token_list(
    at: Reach<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<TokenPage>, Problem> {
    let all = at.require(Action::Members).is_ok();
    let maker = (!all).then_some(at.principal.user);
    Ok(ApiJson(tokens::page(&query, &at.scope, maker).await?))
}

/// Makes a token for a machine. It is shown once.
#[utoipa::path(post, path = "/v1/teams/{team}/tokens", tag = "teams", params(TeamPath, IdempotencyHeader),
    request_body = TeamTokenCreate,
    responses((status = 201, description = "The token, with its secret.", body = Token), Errors))]
async fn team_token_create(
    at: Reach<Tokens>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<TeamTokenCreate>,
) -> Result<Response, Problem> {
    let (secret, hash) = token::generate();
    let new = checked(&at, body, hash).await?;
    let call = call.body(&bytes);
    tokens::create(&at.scope, &new, &secret, &at.principal.name, &call).await
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
    at.principal.require_confirmed_for(&scopes)?;
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
