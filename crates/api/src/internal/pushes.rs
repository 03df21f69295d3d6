//! The git hook's side of a push: the archive comes in, lines go out until the deployment is settled.
//!
//! Invariants: exactly one ref, a head or a tag; only the app's branch is deployed unless an environment is named or
//! branches have their own (previews), and only a branch with a preview is removed by a push, with it; the same commit pushed again goes on with what is under way; a client that leaves cancels
//! nothing.

use std::pin::Pin;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use segue_model::access::Action;
use segue_model::id::EnvironmentId;
use segue_model::name::{EnvironmentName, GitRef};
use segue_store::{
    App, Deployment, Done, Environment, EnvironmentKind, NewEnvironment, StoreError, TeamScope,
    fresh_id,
};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::InternalState;
use crate::auth::place::may;
use crate::auth::principal::Principal;
use crate::git::hook::{Message, UPDATE_HEADER, Update};
use crate::git::narrate::{Narrator, Told};
use crate::git::pushes::{Entry, Push, Turn};
use crate::problem::{Problem, ProblemCode};
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

/// What a push asks for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    name: GitRef,
    /// `None`: the branch is removed.
    commit: Option<String>,
    environment: Option<EnvironmentName>,
    /// The branch whose own environment it goes to.
    preview: Option<String>,
    detach: bool,
}

fn refuse(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::Invalid, detail)
}

/// Checks what git says was pushed. `previews`: other branches have environments of their own.
fn wish(update: &Update, branch: Option<&str>, previews: bool) -> Result<Wish, Problem> {
    let [(_, new, name)] = update.refs.as_slice() else {
        return Err(refuse("one branch or tag is deployed per push").hint("git push segue main"));
    };
    let name = GitRef::new(name.clone()).map_err(|_| {
        refuse(format!(
            "{} is neither a branch nor a tag that can be deployed",
            shown(name)
        ))
        .hint("git push segue main")
    })?;
    let hexadecimal =
        matches!(new.len(), 40 | 64) && new.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !hexadecimal {
        return Err(refuse("git named no commit"));
    }
    let (mut environment, mut detach) = (None, false);
    for option in &update.options {
        match option.split_once('=') {
            Some(("env", value)) => {
                let name =
                    EnvironmentName::new(value).map_err(|error| refuse(error.to_string()))?;
                environment = Some(name);
            }
            None if option == "detach" => detach = true,
            _ => {
                return Err(refuse(format!("unknown push option {}", shown(option)))
                    .hint("known are -o env=NAME and -o detach"));
            }
        }
    }
    let deployed = match branch {
        Some(branch) => name.as_str() == format!("refs/heads/{branch}"),
        None => matches!(name.as_str(), "refs/heads/main" | "refs/heads/master"),
    };
    let other = name.as_str().strip_prefix("refs/heads/");
    let preview = other.filter(|_| previews && !deployed && environment.is_none());
    if new.bytes().all(|b| b == b'0') {
        let removed = preview.ok_or_else(|| {
            refuse("only a branch with a preview is removed by a push")
                .hint("remove an environment: segue envs destroy")
        })?;
        return Ok(Wish {
            preview: Some(removed.to_owned()),
            name,
            commit: None,
            environment: None,
            detach: true,
        });
    }
    if !deployed && environment.is_none() && preview.is_none() {
        let branch = branch.unwrap_or("main");
        return Err(refuse(format!("only `{branch}` is deployed, and {name} is not it")).hint(format!(
            "git push segue HEAD:{branch}, or name an environment: git push -o env=staging segue …, or let branches have their own: the app's `previews`"
        )));
    }
    let preview = preview.map(str::to_owned);
    Ok(Wish {
        name,
        commit: Some(new.clone()),
        environment,
        preview,
        detach,
    })
}

fn shown(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    format!("`{clean}`")
}

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

type Lines = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

struct Story {
    narrator: Narrator,
    first: Option<String>,
    taken_over: CancellationToken,
    stop: CancellationToken,
    /// Held until the story ends: nobody else deploys for this app.
    turn: Option<Turn>,
    over: bool,
}

fn story(
    state: &ApiState,
    push: Push,
    deployment: &Deployment,
    detach: bool,
    turn: Option<Turn>,
) -> Lines {
    let (number, name) = (deployment.number, &push.app.name);
    let first = format!(
        "→ {name}, deployment #{number}, pushed by {}",
        push.principal.email
    );
    if detach {
        let lines = [
            line(&first),
            line(&format!(
                "  it goes on by itself; follow it: segue status -a {name}"
            )),
            end(true),
        ];
        return Box::pin(futures::stream::iter(lines));
    }
    let taken_over = turn
        .as_ref()
        .map(|turn| turn.taken_over.clone())
        .unwrap_or_default();
    let begin = Story {
        narrator: Narrator::new(push.scope, deployment.clone(), state.news().ticket()),
        first: Some(first),
        taken_over,
        stop: state.stop().clone(),
        turn,
        over: false,
    };
    Box::pin(futures::stream::unfold(begin, |mut story| async move {
        let next = story.next().await?;
        Some((next, story))
    }))
}

impl Story {
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        if self.over {
            return None;
        }
        if let Some(first) = self.first.take() {
            return Some(line(&first));
        }
        let told = tokio::select! {
            told = self.narrator.next() => told,
            // Another push of the same commit takes the ref; this one has nobody who reads it.
            () = self.taken_over.cancelled() => Some(Told::End(false)),
            () = self.stop.cancelled() => {
                self.over = true;
                return Some(line("  the server restarts; the deployment goes on: segue status"));
            }
        };
        match told? {
            Told::Line(text) => Some(line(&text)),
            Told::End(live) => {
                self.over = true;
                let yields = self.turn.as_ref().is_some_and(Turn::yields);
                Some(end(live && !yields))
            }
        }
    }
}

fn line(text: &str) -> Result<Bytes, std::io::Error> {
    encode(&Message {
        line: Some(text.to_owned()),
        accept: None,
    })
}

fn end(accept: bool) -> Result<Bytes, std::io::Error> {
    encode(&Message {
        line: None,
        accept: Some(accept),
    })
}

fn encode(message: &Message) -> Result<Bytes, std::io::Error> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "1111111111111111111111111111111111111111";

    fn update(name: &str, new: &str, options: &[&str]) -> Update {
        Update {
            refs: vec![("0".repeat(40), new.to_owned(), name.to_owned())],
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        }
    }

    #[test]
    fn only_the_branch_or_a_named_environment_is_deployed() {
        for name in ["refs/heads/main", "refs/heads/master"] {
            assert!(wish(&update(name, NEW, &[]), None, false).is_ok());
        }
        assert!(wish(&update("refs/heads/main", NEW, &[]), Some("release"), false).is_err());
        assert!(
            wish(
                &update("refs/heads/release", NEW, &[]),
                Some("release"),
                false
            )
            .is_ok()
        );
        assert!(wish(&update("refs/tags/v1", NEW, &[]), None, false).is_err());
        let named = wish(
            &update("refs/tags/v1", NEW, &["env=staging", "detach"]),
            None,
            false,
        )
        .unwrap();
        assert_eq!(named.environment.unwrap().as_str(), "staging");
        assert!(named.detach);
    }

    #[test]
    fn other_branches_go_to_their_previews_and_take_them_along() {
        let ask =
            |name: &str, new: &str, options: &[&str]| wish(&update(name, new, options), None, true);
        let pushed = ask("refs/heads/login", NEW, &[]).unwrap();
        assert_eq!(pushed.preview.as_deref(), Some("login"));
        assert!(ask("refs/heads/main", NEW, &[]).unwrap().preview.is_none());
        let named = ask("refs/heads/login", NEW, &["env=staging"]).unwrap();
        assert!(named.preview.is_none());
        let zeros = "0".repeat(40);
        let gone = ask("refs/heads/login", &zeros, &[]).unwrap();
        assert_eq!(
            (gone.commit, gone.preview.as_deref()),
            (None, Some("login"))
        );
        // Neither the branch that is deployed, nor a tag, nor anything without previews.
        assert!(ask("refs/heads/main", &zeros, &[]).is_err());
        assert!(ask("refs/tags/v1", &zeros, &[]).is_err());
        assert!(ask("refs/tags/v1", NEW, &[]).is_err());
        assert!(wish(&update("refs/heads/login", &zeros, &[]), None, false).is_err());
    }

    #[test]
    fn what_is_not_a_single_new_commit_is_refused_with_a_sentence() {
        let two = Update {
            refs: [
                update("refs/heads/main", NEW, &[]).refs,
                update("refs/heads/b", NEW, &[]).refs,
            ]
            .concat(),
            options: Vec::new(),
        };
        let none = Update {
            refs: Vec::new(),
            options: Vec::new(),
        };
        let bad = [
            two,
            none,
            update("refs/heads/main", &"0".repeat(40), &[]),
            update("refs/heads/main", "abc", &[]),
            update("refs/notes/x", NEW, &[]),
            update("refs/heads/../x", NEW, &[]),
            update("HEAD", NEW, &[]),
            update("refs/heads/main", NEW, &["env=Not Valid"]),
            update("refs/heads/main", NEW, &["force"]),
        ];
        for update in bad {
            let problem = wish(&update, None, false).unwrap_err();
            assert!(!problem.detail.is_empty(), "{update:?}");
        }
    }
}
