//! The git hook's side of a push: the archive comes in, lines go out until the deployment is settled.
//!
//! Invariants: what may be pushed is decided before anything is received (`push_wish`); the same commit pushed again goes
//! on with what is under way; a client that leaves cancels nothing.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use segue_model::access::Action;
use segue_model::id::EnvironmentId;
use segue_model::name::EnvironmentName;
use segue_store::{
    App, Deployment, Done, Environment, EnvironmentKind, NewEnvironment, StoreError, TeamScope,
    fresh_id,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::InternalState;
use super::push_story::{Lines, end, line, story};
use super::push_wish::{Wish, refuse, wish};
use crate::auth::place::may;
use crate::auth::principal::Principal;
use crate::git::hook::{UPDATE_HEADER, Update};
use crate::git::pushes::{Entry, Push, Turn};
use crate::problem::Problem;
use crate::resources::{
    DeployInput, DeployPlace, Previews, What, deploy, preview_environment, receive,
};
use crate::state::ApiState;
use crate::wire::drain::drain;
use crate::wire::params::{Errors, Octets};
use crate::wire::respond::{Call, stored};

pub(super) fn routes() -> OpenApiRouter<InternalState> {
    OpenApiRouter::new().routes(routes!(push_receive))
}

/// How often a removal is tried while others change the environment.
const REMOVAL_TRIES: usize = 5;

/// Takes a pushed commit and tells its deployment.
#[utoipa::path(put, path = "/internal/v1/pushes", tag = "pushes",
    params(("X-Segue-Push" = String, Header, description = "What git says was pushed, JSON")),
    request_body(content = Octets, content_type = "application/octet-stream",
        description = "The commit as a tar."),
    responses((status = 200, description = "Messages for the one who pushes, one JSON object a line.",
        body = String, content_type = "application/x-ndjson"), Errors))]
async fn push_receive(
    State(state): State<InternalState>,
    request: Request,
) -> Result<Response, Problem> {
    let said = Said {
        secret: header(&request, AUTHORIZATION.as_str()),
        update: header(&request, UPDATE_HEADER),
    };
    let mut body = request.into_body();
    let taken = take(&state.api, said, &mut body).await;
    // Whether it was wanted or not: the hook is heard to its end before it is answered.
    drain(&mut body).await;
    let story = match taken? {
        Taken::Deployed(deployed) => {
            let (push, deployment, detach, turn) = *deployed;
            story(&state.api, push, &deployment, detach, turn)
        }
        Taken::Removed(said) => Box::pin(futures::stream::iter([line(&said), end(true)])) as Lines,
    };
    let mut response = Body::from_stream(story).into_response();
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// What the hook says of itself.
struct Said {
    secret: Option<String>,
    update: Option<String>,
}

/// What a push became.
enum Taken {
    /// A deployment, followed or not, with the turn while it is followed.
    Deployed(Box<(Push, Deployment, bool, Option<Turn>)>),
    /// A branch is gone, and with it its environment; what is said about it.
    Removed(String),
}

async fn take(state: &ApiState, said: Said, body: &mut Body) -> Result<Taken, Problem> {
    let secret = said
        .secret
        .as_deref()
        .and_then(|text| text.strip_prefix("Bearer "))
        .ok_or_else(Problem::unauthenticated)?;
    let push = state
        .pushes()
        .find(secret)
        .ok_or_else(Problem::unauthenticated)?;
    let update: Update = said
        .update
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or_else(|| refuse("git's update cannot be read"))?;
    let repo = push.app.repo.as_ref();
    let branch = repo.and_then(|repo| repo.get("branch")?.as_str().map(str::to_owned));
    let previews = Previews::of(&push.app).filter(|previews| previews.enabled);
    let wish = wish(&update, branch.as_deref(), previews.is_some())?;
    let Some(commit) = &wish.commit else {
        return Ok(Taken::Removed(removed(state, &push, &wish).await?));
    };
    let (deployment, turn) = match state.pushes().enter(secret, push.app.id, commit) {
        Entry::Busy => {
            let name = &push.app.name;
            return Err(refuse(format!("another push to {name} is being deployed"))
                .hint("wait for it, or stop it: segue deploys cancel"));
        }
        Entry::Attach(id) => (push.scope.deployment_get(id).await?, None),
        Entry::Yours(turn) => {
            let deployment = begin(state, &push, &wish, commit, previews.as_ref(), body).await?;
            turn.set_deployment(deployment.id);
            (deployment, Some(turn))
        }
    };
    Ok(Taken::Deployed(Box::new((
        push,
        deployment,
        wish.detach,
        turn,
    ))))
}

/// Removes the environment of a branch that is removed. A branch that has none is simply gone.
async fn removed(state: &ApiState, push: &Push, wish: &Wish) -> Result<String, Problem> {
    let branch = wish.preview.as_deref().unwrap_or_default();
    // Who may make a branch's environment may let it go with its branch.
    may(asks(push), None, Action::Create)?;
    for _ in 0..REMOVAL_TRIES {
        let Some(env) = push
            .scope
            .environment_of_branch(push.app.id, branch)
            .await?
        else {
            return Ok(format!("→ {} had no preview of {branch}", push.app.name));
        };
        let done = push.scope.environment_delete(env.id, env.generation).await;
        match done {
            // Somebody changed it at the same moment; it goes all the same.
            Err(StoreError::PreconditionFailed { .. }) => continue,
            Err(error) if error.is_conflict_with("environment_protected") => {
                return Err(refuse(format!("{} is protected and stays", env.name))
                    .hint("take its protection away first"));
            }
            done => done?,
        }
        state.news().tell();
        return Ok(format!(
            "→ {}, environment {} is being removed",
            push.app.name, env.name
        ));
    }
    Err(refuse("the environment is being changed by others all the time").hint("push again"))
}

fn header(request: &Request, name: &str) -> Option<String> {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// The deployment of a push: the one that this commit has already, or a new one.
async fn begin(
    state: &ApiState,
    push: &Push,
    wish: &Wish,
    commit: &str,
    previews: Option<&Previews>,
    body: &mut Body,
) -> Result<Deployment, Problem> {
    let env = match (&wish.preview, previews) {
        (Some(branch), Some(previews)) => preview(push, previews, branch).await?,
        _ => environment(push, wish).await?,
    };
    let before = push
        .scope
        .deployment_of_push(push.app.id, &wish.name, commit)
        .await?;
    let before = before.filter(|before| before.environment == env.id);
    if let Some(before) = &before
        && (!before.state.is_terminal() || crate::dto::deployment::is_live(before.state))
    {
        return Ok(before.clone());
    }
    let source = receive(state, &push.scope, &push.app, body).await?;
    let input = DeployInput {
        what: What::Source(source.sha256),
        message: format!("push of {} to {}", short(commit), wish.name),
        git: Some((wish.name.clone(), commit.to_owned())),
    };
    // A commit whose deployment failed may be pushed again: that is another attempt, with another key.
    let attempt = before.map_or(0, |before| before.number);
    let key = format!("push:{}:{}:{}:{attempt}", push.app.id, wish.name, commit);
    let call = Call::named(
        hex::encode(<sha2::Sha256 as sha2::Digest>::digest(key)),
        "git push",
    );
    let place = DeployPlace {
        state,
        scope: &push.scope,
        app: &push.app,
        env: &env,
    };
    let respond = |deployment: &Deployment| {
        stored(
            StatusCode::ACCEPTED,
            &serde_json::json!({"id": deployment.id}),
            None,
        )
    };
    let done = deploy(place, &input, &call, &respond).await?;
    state.news().tell();
    match done {
        Done::Fresh(deployment) => Ok(deployment),
        Done::Replayed(kept) => {
            let id = kept
                .body
                .and_then(|body| body.get("id")?.as_str()?.parse().ok())
                .ok_or_else(|| refuse("the earlier push of this commit cannot be found"))?;
            Ok(push.scope.deployment_get(id).await?)
        }
    }
}

/// The environment of a branch, which is made with its first push.
async fn preview(push: &Push, previews: &Previews, branch: &str) -> Result<Environment, Problem> {
    let known = push
        .scope
        .environment_of_branch(push.app.id, branch)
        .await?;
    let action = match &known {
        Some(_) => Action::Deploy,
        None => Action::Create,
    };
    may(asks(push), known.as_ref(), action)?;
    preview_environment(&push.scope, &push.app, previews, branch).await
}

/// Who pushes where.
fn asks(push: &Push) -> (&Principal, &TeamScope, &App) {
    (&push.principal, &push.scope, &push.app)
}

fn short(commit: &str) -> String {
    commit.chars().take(10).collect()
}

/// The environment that was named, or production, which is made at the first push.
async fn environment(push: &Push, wish: &Wish) -> Result<Environment, Problem> {
    let wanted = match &wish.environment {
        Some(name) => name.clone(),
        None => EnvironmentName::new("production").map_err(|error| Problem::internal(&error))?,
    };
    match push.scope.environment_by_name(push.app.id, &wanted).await {
        Ok(env) => {
            may(asks(push), Some(&env), Action::Deploy)?;
            Ok(env)
        }
        Err(StoreError::NotFound) if wish.environment.is_some() => Err(refuse(format!(
            "{} has no environment {wanted}",
            push.app.name
        ))
        .hint(format!("segue envs create {wanted}"))),
        Err(StoreError::NotFound) => {
            may(asks(push), None, Action::Create)?;
            let new = NewEnvironment {
                id: EnvironmentId::from_uuid(fresh_id()),
                name: wanted.clone(),
                kind: EnvironmentKind::Production,
                protected: false,
                domains: Vec::new(),
            };
            match push.scope.environment_create(push.app.id, &new, None).await {
                Ok(Done::Fresh(env)) => Ok(env),
                // Another push made it at the same moment.
                _ => Ok(push.scope.environment_by_name(push.app.id, &wanted).await?),
            }
        }
        Err(error) => Err(error.into()),
    }
}
