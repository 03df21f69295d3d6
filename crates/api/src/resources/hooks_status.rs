//! Tells forges how the deployment of a commit goes, through their own interfaces.
//!
//! Invariant: a forge is told each state once, the last one last; with no credential for its host it is told nothing,
//! and the record says so.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use segue_model::state::DeploymentState;
use segue_outbound::{Request, Target};
use segue_store::{
    Actor, ClaimedStatus, CredentialKind, Deployment, HookKind, StoreError, TeamContext, TeamScope,
};
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::state::ApiState;

/// Between looks while something is under way.
pub(super) const LOOK: Duration = Duration::from_secs(2);
/// A commit is ours for this long.
const HOLD: Duration = Duration::from_secs(60);
const AT_ONCE: u32 = 10;
/// A forge that takes longer does not answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// Failed attempts in a row.
const TRIES: u32 = 8;

/// What a forge is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Pending,
    Success,
    Failure,
}

impl Word {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

fn word(state: DeploymentState) -> Word {
    if crate::dto::deployment::is_live(state) {
        Word::Success
    } else if state.is_terminal() {
        Word::Failure
    } else {
        Word::Pending
    }
}

/// Tells what is due. Answers whether anything is under way.
pub(super) async fn round(state: &ApiState) -> Result<bool, StoreError> {
    let store = state.store().system();
    let claimed = store.commit_status_claim(HOLD, AT_ONCE).await?;
    let mut under_way = false;
    for status in claimed {
        let context = TeamContext::new(status.team, Actor::System("hook"));
        let scope = state.store().team(&context);
        let deployment = scope.deployment_get(status.deployment).await?;
        let word = word(deployment.state);
        let again = (word == Word::Pending).then_some(LOOK);
        under_way |= again.is_some();
        if status.reported.as_deref() == Some(word.as_str()) {
            store
                .commit_status_told(status.deployment, None, again)
                .await?;
            continue;
        }
        match tell(state, &scope, &status, &deployment, word).await {
            Ok(()) => {
                store
                    .commit_status_told(status.deployment, Some(word.as_str()), again)
                    .await?;
            }
            Err(refusal) => {
                let wait = Duration::from_secs(5) * 2u32.saturating_pow(status.attempts.min(10));
                let again = (refusal.retry && status.attempts + 1 < TRIES).then_some(wait);
                store
                    .commit_status_failed(status.deployment, &refusal.why, again)
                    .await?;
            }
        }
    }
    Ok(under_way)
}

/// Why a forge was not told.
#[derive(Debug)]
struct Refusal {
    why: String,
    retry: bool,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            why: problem.detail.clone(),
            retry: problem.status >= 500,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

fn never(why: impl Into<String>) -> Refusal {
    Refusal {
        why: why.into(),
        retry: false,
    }
}

async fn tell(
    state: &ApiState,
    scope: &TeamScope,
    status: &ClaimedStatus,
    deployment: &Deployment,
    word: Word,
) -> Result<(), Refusal> {
    let repository = Target::parse(&status.repository).map_err(|error| never(error.to_string()))?;
    let host = repository.authority();
    let Some((_, token)) = scope.credential_open(CredentialKind::Git, &host).await? else {
        return Err(never(format!(
            "no credential of kind git is kept for {host}"
        )));
    };
    let app = scope.app_get(status.app).await?;
    let env = scope.environment_get(deployment.environment).await?;
    let said = Said {
        word,
        target_url: format!(
            "{}/apps/{}/{}/deployments/{}?team={}",
            state.config().public_url,
            app.name,
            env.name,
            deployment.number,
            status.team_name
        ),
        context: format!("segue/{}/{}", app.name, env.name),
        description: format!("deployment #{} {}", deployment.number, deployment.state),
    };
    let (url, headers, body) = written(
        status.kind,
        &repository,
        &status.commit,
        token.expose(),
        &said,
    )
    .ok_or_else(|| never("the repository's address or the token cannot be used"))?;
    let request = Request {
        method: Method::POST,
        target: Target::parse(&url).map_err(|error| never(error.to_string()))?,
        headers,
        body: body.to_string().into(),
        deadline: DEADLINE,
        answer_bytes: 8 << 10,
    };
    let answer = state
        .outbound()?
        .send(request)
        .await
        .map_err(|error| Refusal {
            why: error.to_string(),
            retry: error.is_retryable(),
        })?;
    // GitLab refuses a state that the commit has already: an answer was lost, and what it was to be told it knows.
    let known = status.kind == HookKind::Gitlab
        && answer.status == StatusCode::BAD_REQUEST
        && String::from_utf8_lossy(&answer.body).contains("Cannot transition status");
    if answer.status.is_success() || known {
        return Ok(());
    }
    Err(Refusal {
        why: format!("{host} answers {}", answer.status),
        retry: answer.status.is_server_error() || answer.status.as_u16() == 429,
    })
}

struct Said {
    word: Word,
    target_url: String,
    context: String,
    description: String,
}

/// The request as each forge wants it.
fn written(
    kind: HookKind,
    repository: &Target,
    commit: &str,
    token: &[u8],
    said: &Said,
) -> Option<(String, HeaderMap, Value)> {
    let scheme = if repository.is_https() {
        "https"
    } else {
        "http"
    };
    let authority = repository.authority();
    let path = repository.path().trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let token = std::str::from_utf8(token).ok()?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let secret = |text: String| {
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    };
    let Said {
        word,
        target_url,
        context,
        description,
    } = said;
    let common = json!({
        "state": word.as_str(), "target_url": target_url, "context": context, "description": description,
    });
    let (url, body) = match kind {
        HookKind::Github => {
            headers.insert(AUTHORIZATION, secret(format!("Bearer {token}"))?);
            headers.insert(
                ACCEPT,
                HeaderValue::from_static("application/vnd.github+json"),
            );
            let base = if repository.host() == "github.com" {
                "https://api.github.com".to_owned()
            } else {
                format!("{scheme}://{authority}/api/v3")
            };
            (format!("{base}/repos/{path}/statuses/{commit}"), common)
        }
        HookKind::Gitea => {
            headers.insert(AUTHORIZATION, secret(format!("token {token}"))?);
            (
                format!("{scheme}://{authority}/api/v1/repos/{path}/statuses/{commit}"),
                common,
            )
        }
        HookKind::Gitlab => {
            headers.insert(
                HeaderName::from_static("private-token"),
                secret(token.to_owned())?,
            );
            let project = path.replace('/', "%2F");
            let state = match word {
                Word::Pending => "running",
                Word::Success => "success",
                Word::Failure => "failed",
            };
            (
                format!("{scheme}://{authority}/api/v4/projects/{project}/statuses/{commit}"),
                json!({"state": state, "target_url": target_url, "name": context, "description": description}),
            )
        }
        HookKind::Generic => return None,
    };
    Some((url, headers, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: HookKind, repository: &str, word: Word) -> (String, HeaderMap, Value) {
        let said = Said {
            word,
            target_url: "https://segue.example/apps/shop/production/deployments/4".into(),
            context: "segue/shop/production".into(),
            description: "deployment #4 live".into(),
        };
        written(
            kind,
            &Target::parse(repository).unwrap(),
            "abc",
            b"token",
            &said,
        )
        .unwrap()
    }

    #[test]
    fn each_forge_is_told_in_its_own_words() {
        let (url, headers, body) = request(
            HookKind::Github,
            "https://github.com/ada/shop.git",
            Word::Success,
        );
        assert_eq!(url, "https://api.github.com/repos/ada/shop/statuses/abc");
        assert_eq!(headers[AUTHORIZATION], "Bearer token");
        assert_eq!(body["state"], "success");
        assert_eq!(body["context"], "segue/shop/production");
        let (url, _, _) = request(
            HookKind::Github,
            "https://git.example/ada/shop",
            Word::Failure,
        );
        assert_eq!(
            url,
            "https://git.example/api/v3/repos/ada/shop/statuses/abc"
        );
        let (url, headers, body) = request(
            HookKind::Gitlab,
            "https://gitlab.com/a/b/shop.git",
            Word::Failure,
        );
        assert_eq!(
            url,
            "https://gitlab.com/api/v4/projects/a%2Fb%2Fshop/statuses/abc"
        );
        assert_eq!(headers["private-token"], "token");
        assert_eq!(body["state"], "failed");
        let (url, headers, body) = request(
            HookKind::Gitea,
            "http://127.0.0.1:3001/ada/shop.git",
            Word::Pending,
        );
        assert_eq!(
            url,
            "http://127.0.0.1:3001/api/v1/repos/ada/shop/statuses/abc"
        );
        assert_eq!(headers[AUTHORIZATION], "token token");
        assert_eq!(body["state"], "pending");
    }
}
