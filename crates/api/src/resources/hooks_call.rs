//! A forge calls: it proves itself, and what it says is taken.
//!
//! Invariants: an id that does not exist and a call that does not prove itself are answered alike, after the same work;
//! a call is taken once; nothing of the body is believed but which branch moved: what is fetched later is what the
//! branch holds then, so that a call that is repeated after years deploys nothing old. Must not: fetch or deploy while
//! the forge waits.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use segue_model::Timestamp;
use segue_model::id::{DeliveryId, HookId};
use segue_model::name::GitRef;
use segue_store::{Actor, HookKind, NewHookDelivery, TeamContext, fresh_id};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::hooks::STANDARD_PREFIX;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::{ApiJson, read_bytes};
use crate::wire::params::{Errors, Octets};
use crate::wire::query::ApiPath;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(hook_call))
}

/// Bytes of a call at most. A push of many commits names them all.
const MOST_BYTES: usize = 4 << 20;
/// A signed time may be this far from ours.
pub(super) const WINDOW_SECONDS: i64 = 300;

/// What became of a call.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HookTaken {
    /// `pending`: it will be deployed; `ignored`: there is nothing to do; `seen`: it came before.
    pub state: String,
    /// One sentence.
    pub detail: String,
}

/// What a call says of itself, once it is proved.
struct Said {
    /// What the caller calls it.
    delivery: String,
    /// Kind of the event, as the forge calls it.
    event: String,
}

/// Called by forges when something was pushed. The call proves itself by the hook's secret: `X-Hub-Signature-256`
/// (GitHub), `X-Gitea-Signature`, `X-Gitlab-Token`, or the three headers of Standard Webhooks.
#[utoipa::path(post, path = "/v1/hooks/{hook}", tag = "outside", security(()),
    params(("hook" = String, Path, description = "Id of the hook")),
    request_body(content = Octets, content_type = "application/json", description = "What the forge sends, at most 4 MiB."),
    responses((status = 200, description = "There is nothing to do.", body = HookTaken),
        (status = 202, description = "It is taken and will be deployed.", body = HookTaken), Errors))]
async fn hook_call(
    State(state): State<ApiState>,
    ApiPath(id): ApiPath<String>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let body = read_bytes(request, MOST_BYTES).await?;
    let found = match id.parse::<HookId>() {
        Ok(id) => state
            .store()
            .auth()
            .hook(id)
            .await?
            .map(|grant| (id, grant)),
        Err(_) => None,
    };
    let Some((id, grant)) = found else {
        // The same work as for a hook that exists.
        let _ = prove(
            HookKind::Github,
            &[0; 32],
            &headers,
            &body,
            Timestamp::now(),
        );
        return Err(Problem::not_found());
    };
    let said = prove(
        grant.kind,
        grant.secret.expose(),
        &headers,
        &body,
        Timestamp::now(),
    )
    .ok_or_else(Problem::not_found)?;
    let pushed = pushed(grant.kind, &said.event, &body);
    let (push, detail) = match pushed {
        Ok(push) => (Some(push), String::new()),
        Err(detail) => (None, detail.to_owned()),
    };
    let new = NewHookDelivery {
        id: DeliveryId::from_uuid(fresh_id()),
        body_hash: Sha256::digest(&body).into(),
        delivery: said.delivery,
        push,
        detail,
    };
    let context = TeamContext::new(grant.team, Actor::System("hook"));
    let fresh = state
        .store()
        .team(&context)
        .hook_deliver(grant.app, id, &new)
        .await?;
    let (status, word, detail) = match (fresh, new.push.is_some()) {
        (false, _) => (StatusCode::OK, "seen", "this call came before"),
        (true, false) => (StatusCode::OK, "ignored", new.detail.as_str()),
        (true, true) => {
            state.outside().called.notify_one();
            (
                StatusCode::ACCEPTED,
                "pending",
                "it will be fetched and deployed",
            )
        }
    };
    let taken = HookTaken {
        state: word.to_owned(),
        detail: detail.to_owned(),
    };
    Ok((status, ApiJson(taken)).into_response())
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Proves a call, in the same time whatever is wrong with it. `None`: it is not from somebody who knows the secret, or
/// too old.
fn prove(
    kind: HookKind,
    secret: &[u8],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Option<Said> {
    let (good, delivery, event) = match kind {
        HookKind::Github => (
            signed(
                secret,
                &[body],
                &from_hex(header(headers, "x-hub-signature-256")?.strip_prefix("sha256=")?)?,
            ),
            "x-github-delivery",
            "x-github-event",
        ),
        HookKind::Gitea => (
            signed(
                secret,
                &[body],
                &from_hex(header(headers, "x-gitea-signature")?)?,
            ),
            "x-gitea-delivery",
            "x-gitea-event",
        ),
        HookKind::Gitlab => (
            // The token itself is sent. Compared by hash, so that its length takes no time either.
            bool::from(
                Sha256::digest(header(headers, "x-gitlab-token")?).ct_eq(&Sha256::digest(secret)),
            ),
            "x-gitlab-event-uuid",
            "x-gitlab-event",
        ),
        HookKind::Generic => (standard(secret, headers, body, now)?, "webhook-id", ""),
    };
    // Old GitLab names no delivery; then it is called after its body.
    let fallback = || hex::encode(Sha256::digest(body));
    let named = header(headers, delivery).filter(|text| (1..=200).contains(&text.len()));
    good.then(|| Said {
        delivery: named.map_or_else(fallback, str::to_owned),
        event: header(headers, event).unwrap_or_default().to_owned(),
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok().filter(|bytes| bytes.len() == 32)
}

fn signed(secret: &[u8], parts: &[&[u8]], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return false;
    };
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(signature).is_ok()
}

/// Standard Webhooks: id, time and body are signed together.
fn standard(secret: &[u8], headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<bool> {
    let id = header(headers, "webhook-id")?;
    let at = header(headers, "webhook-timestamp")?;
    let seconds: i64 = at.parse().ok()?;
    let text = std::str::from_utf8(secret)
        .ok()?
        .strip_prefix(STANDARD_PREFIX)?;
    let key = STANDARD.decode(text).ok()?;
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", at.as_bytes(), b".", body];
    let good = header(headers, "webhook-signature")?
        .split(' ')
        .take(8)
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .fold(false, |good, signature| {
            signed(&key, &parts, &signature) | good
        });
    Some(good && now.as_second().abs_diff(seconds) <= WINDOW_SECONDS.unsigned_abs())
}

/// The branch that moved and its commit, or why there is nothing to do.
fn pushed(kind: HookKind, event: &str, body: &[u8]) -> Result<(GitRef, String), &'static str> {
    let is_push = match kind {
        HookKind::Github | HookKind::Gitea => event == "push",
        HookKind::Gitlab => event == "Push Hook",
        HookKind::Generic => true,
    };
    if !is_push {
        return Err("only pushes are deployed");
    }
    let body: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON")?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let name = text("ref").ok_or("it names no ref")?;
    let commit = match kind {
        HookKind::Generic => text("commit"),
        HookKind::Github | HookKind::Gitea | HookKind::Gitlab => text("after"),
    };
    let commit = commit.ok_or("it names no commit")?;
    if !name.starts_with("refs/heads/") {
        return Err("only branches are deployed");
    }
    let name = GitRef::new(name).map_err(|_| "its ref is none that can be deployed")?;
    let hexadecimal = commit
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !hexadecimal || !matches!(commit.len(), 40 | 64) {
        return Err("it names no commit");
    }
    if commit.bytes().all(|b| b == b'0') {
        return Err("the branch was removed");
    }
    Ok((name, commit.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"It's a Secret to Everybody";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn proves(kind: HookKind, secret: &[u8], pairs: &[(&'static str, &str)], body: &[u8]) -> bool {
        prove(
            kind,
            secret,
            &headers(pairs),
            body,
            "2026-11-21T10:00:00Z".parse().unwrap(),
        )
        .is_some()
    }

    /// The example of GitHub's own documentation.
    #[test]
    fn github_and_gitea_sign_the_body() {
        let good = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let body = b"Hello, World!";
        let github = |signature: &str, body: &[u8]| {
            proves(
                HookKind::Github,
                SECRET,
                &[("x-hub-signature-256", signature)],
                body,
            )
        };
        assert!(github(&format!("sha256={good}"), body));
        assert!(proves(
            HookKind::Gitea,
            SECRET,
            &[("x-gitea-signature", good)],
            body
        ));
        for bad in [
            "",
            good,
            "sha256=",
            "sha1=757107",
            &format!("sha256={}", "0".repeat(64)),
            &format!("sha256={good}00"),
            &format!("sha256={}", &good[..62]),
        ] {
            assert!(!github(bad, body), "{bad}");
        }
        assert!(!github(&format!("sha256={good}"), b"Hello, World?"));
        assert!(!proves(
            HookKind::Github,
            b"other",
            &[("x-hub-signature-256", &format!("sha256={good}"))],
            body
        ));
        assert!(!proves(HookKind::Github, SECRET, &[], body));
    }

    #[test]
    fn gitlab_sends_its_token() {
        let with =
            |token: &str| proves(HookKind::Gitlab, SECRET, &[("x-gitlab-token", token)], b"x");
        assert!(with("It's a Secret to Everybody"));
        assert!(!with("it's a Secret to Everybody") && !with("") && !with("It's a Secret"));
    }

    #[test]
    fn standard_webhooks_sign_id_and_time_too() {
        let key = [7u8; 32];
        let secret = format!("{STANDARD_PREFIX}{}", STANDARD.encode(key));
        let sign = |id: &str, at: &str, body: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(format!("{id}.{at}.{body}").as_bytes());
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        };
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let with = |id: &str, at: i64, signature: &str| {
            let pairs = [
                ("webhook-id", id),
                ("webhook-timestamp", &at.to_string()),
                ("webhook-signature", signature),
            ];
            proves(HookKind::Generic, secret.as_bytes(), &pairs, b"body")
        };
        let at = |off: i64| now.as_second() + off;
        for off in [0, -300, 300] {
            let signature = sign("m", &at(off).to_string(), "body");
            assert!(with("m", at(off), &signature), "{off}");
            assert!(with("m", at(off), &format!("v1,AAAA v2,x {signature}")));
            assert!(!with("n", at(off), &signature));
            assert!(!with("m", at(off) + 1, &signature));
        }
        for off in [-301, 301, -86_400] {
            assert!(
                !with("m", at(off), &sign("m", &at(off).to_string(), "body")),
                "{off}"
            );
        }
        assert!(!with("m", at(0), &sign("m", &at(0).to_string(), "another")));
    }

    #[test]
    fn only_pushes_of_branches_are_deployed() {
        let commit = "1".repeat(40);
        let said = |kind, event: &str, name: &str, commit: &str| {
            let body =
                serde_json::json!({"ref": name, "after": commit, "commit": commit}).to_string();
            pushed(kind, event, body.as_bytes()).is_ok()
        };
        assert!(said(HookKind::Github, "push", "refs/heads/main", &commit));
        assert!(said(
            HookKind::Gitlab,
            "Push Hook",
            "refs/heads/main",
            &commit
        ));
        assert!(said(HookKind::Generic, "", "refs/heads/feature/x", &commit));
        for (kind, event, name, commit) in [
            (HookKind::Github, "ping", "refs/heads/main", commit.as_str()),
            (HookKind::Github, "pull_request", "refs/heads/main", &commit),
            (
                HookKind::Gitlab,
                "Merge Request Hook",
                "refs/heads/main",
                &commit,
            ),
            (HookKind::Github, "push", "refs/tags/v1", &commit),
            (HookKind::Github, "push", "refs/heads/../x", &commit),
            (HookKind::Github, "push", "--upload-pack=x", &commit),
            (HookKind::Github, "push", "refs/heads/main", &"0".repeat(40)),
            (HookKind::Github, "push", "refs/heads/main", "HEAD"),
        ] {
            assert!(!said(kind, event, name, commit), "{event} {name} {commit}");
        }
        assert!(pushed(HookKind::Github, "push", b"{").is_err());
    }
}
