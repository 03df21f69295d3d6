//! Sign-in of devices (RFC 8628): a command line shows a short code, a person who is signed in confirms it, and the
//! command line gets an API token of its own.
//!
//! Invariants: the short code is eight letters without vowels and proves nothing by itself; tries at it are counted;
//! the device's own code has 256 bits and is taken once; the token reaches no further than whoever confirmed it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use segue_model::Timestamp;
use segue_model::access::{Action, Role, Scope, Scopes};
use segue_model::id::{TeamId, TokenId};
use segue_store::{
    Actor, ApprovedDevice, DeviceGrant, DevicePoll, NewDevice, NewToken, StoreError, TeamContext,
    UserRecord, WaitingDevice, fresh_id,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::me::DEFAULT_DAYS;
use super::tokens::{in_days, prefix};
use crate::auth::guess;
use crate::auth::principal::{Principal, stored_role};
use crate::auth::session::{Client, Person, TeamRole};
use crate::auth::token::{self, TokenHash};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::Errors;
use crate::wire::query::ApiPath;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(device_start))
        .routes(routes!(device_confirm))
        .routes(routes!(device_token))
        .routes(routes!(device_get))
}

/// Letters of the short code: no vowels, so that no words come out, and none that look alike.
const LETTERS: [char; 20] = [
    'B', 'C', 'D', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X',
    'Z',
];

/// How many letters it has.
const CODE_LETTERS: usize = 8;

/// A device waits so many seconds.
pub(super) const PATIENCE: u32 = 15 * 60;

/// A device asks again after so many seconds.
const INTERVAL: u32 = 5;

/// Devices of one address in a minute.
pub(super) const STARTS: u32 = 20;

/// A device that wants to sign in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceStart {
    /// What the person will see, and what the token will be called: `segue on laptop`.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    pub client_name: String,
}

/// What the device shows and keeps.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct DeviceStarted {
    /// Only the device knows it.
    pub device_code: String,
    /// The person types it.
    pub user_code: String,
    /// The page where they do.
    pub verification_uri: String,
    /// The same with the code filled in.
    pub verification_uri_complete: String,
    /// Seconds until it ends.
    pub expires_in: u32,
    /// Seconds to wait between two questions.
    pub interval: u32,
}

/// A device that waits for its person.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// The code that it shows.
    pub user_code: String,
    /// What it calls itself.
    pub client_name: String,
    /// Where it asked from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// When it asked.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What the person says.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfirm {
    /// The code that the device shows; case and dashes do not matter.
    #[schema(max_length = 40)]
    pub user_code: String,
    /// Whether it may.
    pub approve: bool,
    /// Name or id of the team that it shall reach; may be missing for whoever is in one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40, nullable = false)]
    pub team: Option<String>,
}

/// The device asks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceAsk {
    /// The code that only it knows.
    #[schema(max_length = 200, format = Password)]
    pub device_code: String,
}

/// The device is signed in.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct DeviceToken {
    /// An API token, shown once.
    pub token: String,
    /// Its id: it stands in the list of tokens under the device's name.
    #[schema(value_type = String)]
    pub token_id: TokenId,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Whose it is.
    pub user: Person,
    /// The team that it reaches.
    pub team: TeamRole,
}

/// Begins the sign-in of a device.
#[utoipa::path(post, path = "/v1/device/auth", tag = "auth", security(()), request_body = DeviceStart,
    responses((status = 200, description = "What it shows and keeps.", body = DeviceStarted), Errors))]
async fn device_start(
    State(state): State<ApiState>,
    client: Client,
    ApiJson(body): ApiJson<DeviceStart>,
) -> Result<Response, Problem> {
    let name = body.client_name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Problem::invalid("/client_name", "1 to 100 characters"));
    }
    // Every one counts, and none is taken back.
    let _counted = guess::note_each(&state, "device start", client.address, STARTS).await?;
    let (secret, device_hash) = token::generate_as(token::DEVICE);
    let user_code = keep(&state, &client, name, device_hash).await?;
    let shown = shown(&user_code);
    let page = format!("{}/device", state.config().public_url);
    let started = DeviceStarted {
        device_code: token::reveal(&secret),
        verification_uri_complete: format!("{page}?code={shown}"),
        user_code: shown,
        verification_uri: page,
        expires_in: PATIENCE,
        interval: INTERVAL,
    };
    Ok(([(CACHE_CONTROL, "no-store")], ApiJson(started)).into_response())
}

/// Keeps the wish under a code that nobody else has.
async fn keep(
    state: &ApiState,
    client: &Client,
    name: &str,
    device_hash: TokenHash,
) -> Result<String, Problem> {
    let now = Timestamp::now();
    let patience = jiff::SignedDuration::from_secs(i64::from(PATIENCE));
    let expires_at = now.checked_add(patience).unwrap_or(now);
    // One in 25,600,000,000 is taken by each that waits: a second try is rare, a fourth means something is wrong.
    for _ in 0..3 {
        let user_code = fresh_code();
        let new = NewDevice {
            device_hash,
            user_code: &user_code,
            client: name,
            address: client.address,
            expires_at,
        };
        match state.store().auth().device_start(&new).await {
            Ok(true) => return Ok(user_code),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(false) => break,
        }
    }
    Err(Problem::new(
        ProblemCode::RateLimited,
        "too many devices wait for their people at the moment",
    )
    .hint("try again in a few minutes")
    .retry_after(60))
}

fn fresh_code() -> String {
    (0..CODE_LETTERS)
        .filter_map(|_| LETTERS.get(rand::random_range(0..LETTERS.len())))
        .collect()
}

/// As people read it: `WDJB-MJHT`.
fn shown(code: &str) -> String {
    match code.split_at_checked(CODE_LETTERS / 2) {
        Some((left, right)) => format!("{left}-{right}"),
        None => code.to_owned(),
    }
}

/// As people type it. What can be no code is none.
fn typed(text: &str) -> Option<String> {
    let letters: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| c.to_ascii_uppercase())
        .take(CODE_LETTERS + 1)
        .collect();
    let fine = letters.len() == CODE_LETTERS && letters.chars().all(|c| LETTERS.contains(&c));
    fine.then_some(letters)
}

fn no_device() -> Problem {
    Problem::new(
        ProblemCode::NotFound,
        "no device waits under this code: it was mistyped, used, or is older than 15 minutes",
    )
    .hint("look at the code again, or start over on the device: segue login")
}

/// Finds a device by what a person typed; counts the ones that are not there.
async fn find(
    state: &ApiState,
    principal: &Principal,
    text: &str,
) -> Result<(String, WaitingDevice), Problem> {
    let account = principal.user.to_string();
    let guess = guess::note(state, "device code", principal.address, &account).await?;
    let found = match typed(text) {
        Some(code) => {
            let device = state.store().auth().device_show(&code).await?;
            device.map(|device| (code, device))
        }
        None => None,
    };
    match found {
        Some(found) => {
            guess.right(state).await?;
            Ok(found)
        }
        None => {
            guess.wrong(state, principal.address);
            Err(no_device())
        }
    }
}

/// Shows a device that waits, by the code that it shows.
#[utoipa::path(get, path = "/v1/device/{user_code}", tag = "auth",
    params(("user_code" = String, Path, description = "The code that the device shows")),
    responses((status = 200, description = "The device.", body = Device), Errors))]
async fn device_get(
    principal: Principal,
    State(state): State<ApiState>,
    ApiPath(text): ApiPath<String>,
) -> Result<ApiJson<Device>, Problem> {
    principal.require_account()?;
    let (code, device) = find(&state, &principal, &text).await?;
    Ok(ApiJson(Device {
        user_code: shown(&code),
        client_name: device.client,
        address: device.address.map(|address| address.to_string()),
        created_at: device.created_at,
        expires_at: device.expires_at,
    }))
}

/// Lets a device in, or turns it away.
#[utoipa::path(post, path = "/v1/device/confirm", tag = "auth", request_body = DeviceConfirm,
    responses((status = 204, description = "It will be told."), Errors))]
async fn device_confirm(
    principal: Principal,
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<DeviceConfirm>,
) -> Result<StatusCode, Problem> {
    principal.require_account()?;
    let grant = if body.approve {
        Some(granted(&principal, body.team.as_deref())?)
    } else {
        None
    };
    let (code, _) = find(&state, &principal, &body.user_code).await?;
    let account = state
        .store()
        .account(principal.user, principal.platform_context());
    match account.device_decide(&code, grant.as_ref()).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(StoreError::NotFound) => Err(no_device()),
        Err(error) => Err(error.into()),
    }
}

/// What the person may hand on: what he has himself.
fn granted(principal: &Principal, team: Option<&str>) -> Result<DeviceGrant, Problem> {
    let team = principal.team_named(team)?;
    let role = principal.strongest(team);
    principal.require(role, Action::Tokens)?;
    Ok(DeviceGrant {
        team,
        role: stored_role(role.unwrap_or(Role::Viewer)),
        scopes: handed_on(&principal.scopes),
    })
}

/// A password given again a moment ago lets its person reveal secrets, and not a device for months.
fn handed_on(scopes: &Scopes) -> Vec<String> {
    let kept = scopes
        .0
        .iter()
        .filter(|scope| **scope != Scope::SecretReveal);
    kept.map(ToString::to_string).collect()
}

/// The device asks whether its person has decided.
///
/// Until then the answer is a problem with the code `authorization_pending`; `slow_down` if it asks more often than it
/// was told, and it waits five seconds longer from then on; `access_denied` if the person turned it away;
/// `expired_token` after 15 minutes or a second time.
#[utoipa::path(post, path = "/v1/device/token", tag = "auth", security(()), request_body = DeviceAsk,
    responses((status = 200, description = "Signed in.", body = DeviceToken), Errors))]
async fn device_token(
    State(state): State<ApiState>,
    client: Client,
    ApiJson(body): ApiJson<DeviceAsk>,
) -> Result<Response, Problem> {
    let hash = token::parse_as(token::DEVICE, &body.device_code).ok_or_else(expired)?;
    let approved = match state.store().auth().device_poll(&hash).await? {
        DevicePoll::Approved(approved) => approved,
        DevicePoll::Pending => {
            return Err(Problem::new(
                ProblemCode::AuthorizationPending,
                "nobody has confirmed the code yet",
            )
            .hint(format!("ask again in {INTERVAL} s"))
            .retry_after(u64::from(INTERVAL)));
        }
        DevicePoll::SlowDown { seconds } => {
            return Err(
                Problem::new(ProblemCode::SlowDown, "this device asks too often")
                    .hint(format!("ask every {seconds} s from now on"))
                    .retry_after(u64::from(seconds)),
            );
        }
        DevicePoll::Denied => return Err(denied()),
        DevicePoll::Expired => return Err(expired()),
    };
    let made = make(&state, &client, &hash, &approved).await?;
    Ok(([(CACHE_CONTROL, "no-store")], ApiJson(made)).into_response())
}

fn expired() -> Problem {
    Problem::new(
        ProblemCode::ExpiredToken,
        "this sign-in was not confirmed within 15 minutes, or was used",
    )
    .hint("start over: segue login")
}

fn denied() -> Problem {
    Problem::new(ProblemCode::AccessDenied, "the sign-in was turned away")
        .hint("start over: segue login")
}

/// Makes the token of a device that was let in.
async fn make(
    state: &ApiState,
    client: &Client,
    device: &TokenHash,
    approved: &ApprovedDevice,
) -> Result<DeviceToken, Problem> {
    let auth = state.store().auth();
    let user = auth.user(approved.person).await?.ok_or_else(denied)?;
    let memberships = auth.memberships(user.id).await?;
    // Whoever is not in the team any more has nothing to hand on.
    let team_name = memberships
        .into_iter()
        .find(|membership| membership.team == approved.team)
        .ok_or_else(denied)?
        .team_name;
    let (secret, hash) = token::generate();
    let new = NewToken {
        id: TokenId::from_uuid(fresh_id()),
        name: approved.client.clone(),
        prefix: prefix(&hash),
        hash,
        role: approved.role,
        scopes: approved.scopes.clone(),
        app: None,
        address_ranges: Vec::new(),
        expires_at: in_days(DEFAULT_DAYS),
        created_by: user.id,
    };
    let context = TeamContext {
        team: approved.team,
        actor: Actor::User(user.id),
        request_id: client.request_id.clone(),
        address: client.address,
    };
    let scope = state.store().team(&context);
    match scope.device_token_create(device, approved, &new).await {
        Ok(view) => Ok(DeviceToken {
            token: token::reveal(&secret),
            token_id: view.id,
            expires_at: view.expires_at,
            user: person(user),
            team: team(approved.team, team_name.to_string(), approved),
        }),
        Err(StoreError::NotFound) => Err(expired()),
        Err(error) => Err(error.into()),
    }
}

fn person(user: UserRecord) -> Person {
    Person {
        id: user.id,
        email: user.email,
        name: user.name,
        platform_admin: user.platform_admin,
    }
}

fn team(id: TeamId, name: String, approved: &ApprovedDevice) -> TeamRole {
    TeamRole {
        id,
        name,
        role: Some(approved.role.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_shown_in_halves_and_typed_in_many_ways() {
        let code = fresh_code();
        assert_eq!(typed(&code).as_deref(), Some(code.as_str()));
        assert_eq!(typed(&shown(&code)).as_deref(), Some(code.as_str()));
        assert_eq!(typed("wdjb mjht").as_deref(), Some("WDJBMJHT"));
        for bad in [
            "",
            "WDJB-MJH",
            "WDJB-MJHTT",
            "AEIO-UAEI",
            "WDJB-MJH1",
            "ẞDJB-MJHT",
        ] {
            assert_eq!(typed(bad), None, "{bad}");
        }
        assert_eq!(shown("WDJBMJHT"), "WDJB-MJHT");
    }
}
