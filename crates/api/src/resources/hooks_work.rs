//! What calls of hooks lead to: the branch is fetched and deployed, and the forge is told how it goes.
//!
//! Invariants: work is claimed in the database and comes back when its claimant dies; a commit is deployed once however
//! often it is called for; what is deployed is what the branch holds when it is fetched. Only pushes to the repository
//! itself come here, so that nobody's fork is deployed or sees a secret.

use std::time::Duration;

use axum::http::StatusCode;
use segue_model::id::DeploymentId;
use segue_model::id::{AppId, EnvironmentId};
use segue_model::name::{EnvironmentName, GitRef};
use segue_store::{
    Actor, App, ClaimedHook, Deployment, Done, Environment, EnvironmentKind, HookKind, HookState,
    NewCommitStatus, NewEnvironment, StoreError, TeamContext, TeamScope, fresh_id,
};
use tokio_util::sync::CancellationToken;

use super::deploy::{DeployInput, DeployPlace, What, deploy};
use super::fetch;
use super::fetch_git::Reference;
use super::{hooks_status, previews};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::respond::{Call, stored};

/// A call is ours for this long: longer than a fetch and its packing take.
const HOLD: Duration = Duration::from_secs(600);
/// Calls that are worked on at a time.
const AT_ONCE: u32 = 2;
/// Tries of one call.
pub(super) const TRIES: u32 = 5;
/// Between looks, if nothing calls.
const LOOK: Duration = Duration::from_secs(3);

/// Works on calls and tells forges until `stop`.
pub(crate) async fn keep(state: ApiState, stop: CancellationToken) {
    loop {
        let worked = tokio::select! {
            () = stop.cancelled() => return,
            worked = round(&state) => worked,
        };
        let idle = match worked {
            Ok(busy) => !busy,
            Err(error) => {
                // Expected while the database is away; whoever asks the API is told then.
                tracing::info!(%error, "calls of hooks wait");
                true
            }
        };
        let told = tokio::select! {
            () = stop.cancelled() => return,
            told = hooks_status::round(&state) => told,
        };
        let wait = match told {
            Ok(true) => hooks_status::LOOK,
            Ok(false) | Err(_) => LOOK,
        };
        if idle {
            tokio::select! {
                () = stop.cancelled() => return,
                () = state.outside().called.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Works on what is due. Answers whether there was anything.
async fn round(state: &ApiState) -> Result<bool, StoreError> {
    let store = state.store().system();
    let claimed = store.hook_claim(HOLD, AT_ONCE).await?;
    let busy = !claimed.is_empty();
    let work = claimed.into_iter().map(|call| one(state, call));
    for done in futures::future::join_all(work).await {
        done?;
    }
    Ok(busy)
}

/// What became of a call.
enum Outcome {
    Deployed(DeploymentId),
    Ignored(String),
}

async fn one(state: &ApiState, call: ClaimedHook) -> Result<(), StoreError> {
    let store = state.store().system();
    match work(state, &call).await {
        Ok(Outcome::Deployed(deployment)) => {
            store
                .hook_settle(call.id, HookState::Done, "deployed", Some(deployment))
                .await
        }
        Ok(Outcome::Ignored(why)) => {
            store
                .hook_settle(call.id, HookState::Ignored, &why, None)
                .await
        }
        Err(problem) => {
            let hint = problem.hint.as_deref().map(|hint| format!(" ({hint})"));
            let detail = format!("{}{}", problem.detail, hint.unwrap_or_default());
            let again =
                problem.status >= 500 || problem.code == crate::problem::ProblemCode::FetchFailed;
            if again && call.attempts < TRIES {
                let wait = Duration::from_secs(5) * 3u32.saturating_pow(call.attempts.min(5));
                store.hook_put_off(call.id, wait, &detail).await
            } else {
                store
                    .hook_settle(call.id, HookState::Failed, &detail, None)
                    .await
            }
        }
    }
}

async fn work(state: &ApiState, call: &ClaimedHook) -> Result<Outcome, Problem> {
    let context = TeamContext::new(call.team, Actor::System("hook"));
    let scope = state.store().team(&context);
    let app = scope.app_get(call.app).await?;
    let Some(repo) = fetch::repo(&app) else {
        return Ok(Outcome::Ignored(format!(
            "{} names no repository",
            app.name
        )));
    };
    if !repo.auto_deploy {
        return Ok(Outcome::Ignored(
            "the app does not deploy by itself (`auto_deploy`)".to_owned(),
        ));
    }
    let branch = call.git_ref.as_str().trim_start_matches("refs/heads/");
    let Some(env) = environment(&scope, &app, branch, &repo.branch).await? else {
        return Ok(Outcome::Ignored(format!(
            "only {} is deployed, and {branch} is not it",
            repo.branch
        )));
    };
    if env.protected {
        return Err(Problem::new(
            crate::problem::ProblemCode::Forbidden,
            format!("{} is protected: only admins deploy to it", env.name),
        ));
    }
    let known = |found: Option<Deployment>| {
        found.filter(|before| {
            before.environment == env.id
                && (!before.state.is_terminal() || crate::dto::deployment::is_live(before.state))
        })
    };
    if let Some(before) = known(
        scope
            .deployment_of_push(app.id, &call.git_ref, &call.commit)
            .await?,
    ) {
        return Ok(Outcome::Deployed(before.id));
    }
    let target = fetch::target(&repo.url, "/repo/url")?;
    let reference = Reference::Name(call.git_ref.as_str().to_owned());
    let (source, commit) = fetch::fetch(state, &scope, &app, &target, &reference).await?;
    // The branch has moved on since, and that commit was deployed by its own call.
    let before = scope
        .deployment_of_push(app.id, &call.git_ref, &commit)
        .await?;
    let attempt = before.as_ref().map_or(0, |before| before.number);
    if let Some(before) = known(before) {
        return Ok(Outcome::Deployed(before.id));
    }
    let input = DeployInput {
        what: What::Source(source.sha256),
        message: message(call.kind, branch, &commit),
        git: Some((call.git_ref.clone(), commit.clone())),
    };
    let place = DeployPlace {
        state,
        scope: &scope,
        app: &app,
        env: &env,
    };
    let key = idempotency_key(app.id, &call.git_ref, &commit, attempt);
    let respond = |deployment: &Deployment| {
        stored(
            StatusCode::ACCEPTED,
            &serde_json::json!({"id": deployment.id}),
            None,
        )
    };
    let deployment = match deploy(place, &input, &Call::named(key, "hook"), &respond).await? {
        Done::Fresh(deployment) => deployment.id,
        Done::Replayed(kept) => kept
            .body
            .and_then(|body| body.get("id")?.as_str()?.parse().ok())
            .ok_or_else(Problem::not_found)?,
    };
    state.news().tell();
    if call.kind != HookKind::Generic {
        scope
            .commit_status_add(&NewCommitStatus {
                deployment,
                app: app.id,
                environment: env.id,
                kind: call.kind,
                repository: repo.url,
                commit,
            })
            .await?;
    }
    Ok(Outcome::Deployed(deployment))
}

fn message(kind: HookKind, branch: &str, commit: &str) -> String {
    let short: String = commit.chars().take(10).collect();
    format!("push of {short} to {branch} ({kind})")
}

fn idempotency_key(app: AppId, name: &GitRef, commit: &str, attempt: i64) -> String {
    let text = format!("hook:{app}:{name}:{commit}:{attempt}");
    hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text))
}

/// Where a push of a branch goes: production for the app's own branch, which is made at the first push; a preview for
/// others, if the app wants them.
async fn environment(
    scope: &TeamScope,
    app: &App,
    branch: &str,
    own: &str,
) -> Result<Option<Environment>, Problem> {
    if branch != own {
        return match previews::Previews::of(app).filter(|previews| previews.enabled) {
            Some(previews) => previews::environment(scope, app, &previews, branch)
                .await
                .map(Some),
            None => Ok(None),
        };
    }
    let name = EnvironmentName::new("production").map_err(|error| Problem::internal(&error))?;
    match scope.environment_by_name(app.id, &name).await {
        Ok(env) => return Ok(Some(env)),
        Err(StoreError::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    let new = NewEnvironment {
        id: EnvironmentId::from_uuid(fresh_id()),
        name: name.clone(),
        kind: EnvironmentKind::Production,
        protected: false,
        domains: Vec::new(),
    };
    match scope.environment_create(app.id, &new, None).await {
        Ok(Done::Fresh(env)) => Ok(Some(env)),
        // Somebody made it at the same moment.
        _ => Ok(Some(scope.environment_by_name(app.id, &name).await?)),
    }
}
