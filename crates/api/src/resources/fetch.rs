//! From a git address to a kept source.
//!
//! The request is answered when the source is kept; a client that leaves stops it. Where git may connect to, and how
//! it is started, is `fetch_git`'s business; an archive goes through the same validator as an upload.

use axum::extract::State;
use segue_outbound::Target;
use segue_store::{App, CredentialKind, SourceInfo, TeamScope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::apps::Repo;
use super::fetch_git::{self, Login, Reference};
use crate::auth::place::{Deploy, InApp};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::{AppPath, Errors};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(source_fetch))
}

/// From where a source is fetched.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SourceFetch {
    /// Address of the repository, http or https; without it the app's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 500)]
    pub url: Option<String>,
    /// Branch, tag or commit; without it the app's branch if the app's repository is fetched, else what the repository
    /// shows first.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 200)]
    pub reference: Option<String>,
}

/// A source that was fetched.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FetchedSource {
    /// SHA-256 of its canonical tar, hexadecimal: its name.
    pub sha256: String,
    /// Bytes of the canonical tar.
    pub size_bytes: u64,
    /// The commit.
    pub commit: String,
    /// Where it came from.
    pub url: String,
}

/// Fetches a source from a git repository. Nothing is kept if the client leaves before the answer.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/sources/fetch", tag = "sources", params(AppPath),
    request_body = SourceFetch,
    responses((status = 200, description = "It is kept.", body = FetchedSource), Errors))]
async fn source_fetch(
    at: InApp<Deploy>,
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<SourceFetch>,
) -> Result<ApiJson<FetchedSource>, Problem> {
    let own = repo(&at.app);
    let (url, branch) = match (body.url, own) {
        (Some(url), _) => (url, None),
        (None, Some(repo)) => (repo.url, Some(repo.branch)),
        (None, None) => {
            return Err(Problem::invalid(
                "/url",
                "the app names no repository of its own",
            ));
        }
    };
    let target = target(&url, "/url")?;
    let reference = match body.reference.or(branch) {
        Some(text) => Reference::parse(&text).map_err(|error| Problem::invalid("/ref", error))?,
        None => Reference::Head,
    };
    let (info, commit) = fetch(&state, &at.scope, &at.app, &target, &reference).await?;
    Ok(ApiJson(FetchedSource {
        sha256: hex::encode(info.sha256),
        size_bytes: info.size_bytes,
        commit,
        url: target.as_str().to_owned(),
    }))
}

/// Fetches and keeps a source. Answers it with its commit.
pub(super) async fn fetch(
    state: &ApiState,
    scope: &TeamScope,
    app: &App,
    target: &Target,
    reference: &Reference,
) -> Result<(SourceInfo, String), Problem> {
    let known = scope
        .credential_open(CredentialKind::Git, &target.authority())
        .await?;
    let login = known.map(|(user, password)| Login { user, password });
    let fetched = fetch_git::fetch(state, target, reference, login.as_ref()).await?;
    let info = fetched.keep(state, scope, app).await?;
    Ok((info, fetched.commit))
}

/// Where an app's source is fetched from.
pub(super) fn repo(app: &App) -> Option<Repo> {
    serde_json::from_value(app.repo.clone()?).ok()
}

/// Reads the address of a repository.
pub(super) fn target(url: &str, pointer: &str) -> Result<Target, Problem> {
    if url.len() > 500 {
        return Err(Problem::invalid(pointer, "at most 500 characters"));
    }
    Target::parse(url).map_err(|error| {
        let problem = Problem::invalid(pointer, error);
        if url.contains('@') {
            return problem.hint(
                "repositories are fetched over https; keep a name and a token for their host as a credential",
            );
        }
        problem
    })
}

/// A repository that could not be fetched.
pub(super) fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::FetchFailed, detail)
}
