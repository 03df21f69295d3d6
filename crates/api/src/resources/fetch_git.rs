//! One commit of other people's git servers.
//!
//! Invariants: everything that git connects to goes through one tunnel to the one host that was named, which checks
//! where that name leads; time and bytes from the network are bounded. How git is started is `fetch_process`'s business.
//! Must not: unpack anything, or keep the repository.

use std::time::Duration;

use base64::Engine as _;
use segue_model::name::GitRef;
use segue_outbound::{Target, Tunnel, TunnelLimits};
use segue_store::seal::SecretBytes;
use segue_store::{App, SourceInfo, TeamScope};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::fetch::refused;
use super::fetch_process::{FETCHED, Folder, Git, settings};
use super::sources::Upload;
use crate::problem::Problem;
use crate::state::ApiState;

/// Fetches at a time: each holds a process and a core.
static FETCHES: Semaphore = Semaphore::const_new(3);

/// Waiting for a place.
const PLACE: Duration = Duration::from_secs(30);
/// A whole fetch.
const FETCH: Duration = Duration::from_secs(120);
/// Packing of what was fetched.
const ARCHIVE: Duration = Duration::from_secs(120);
/// Nothing arrives for this long: given up.
const IDLE: Duration = Duration::from_secs(30);
/// Bytes from the server; git's packs are compressed, so a source within its own bound fits.
const RECEIVED_BYTES: u64 = 256 << 20;
const SENT_BYTES: u64 = 16 << 20;

/// What is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    /// What the repository shows first.
    Head,
    /// A branch or tag, by its short or whole name.
    Name(String),
    /// A commit.
    Commit(String),
}

/// Text that names neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a branch, a tag, or the 40 hexadecimal digits of a commit")]
pub(super) struct InvalidReference;

impl Reference {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidReference> {
        let hexadecimal = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hexadecimal && matches!(text.len(), 40 | 64) {
            return Ok(Self::Commit(text.to_owned()));
        }
        let whole = text.starts_with("refs/heads/") || text.starts_with("refs/tags/");
        let name = if whole {
            text.to_owned()
        } else {
            format!("refs/heads/{text}")
        };
        GitRef::new(name).map_err(|_| InvalidReference)?;
        if text == "HEAD" {
            return Ok(Self::Head);
        }
        Ok(Self::Name(text.to_owned()))
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Head => "HEAD",
            Self::Name(name) => name,
            Self::Commit(commit) => commit,
        }
    }
}

/// With what git proves itself.
pub(super) struct Login {
    pub user: String,
    pub password: SecretBytes,
}

/// A repository of the moment; gone when dropped.
pub(super) struct Fetched {
    folder: Folder,
    pub commit: String,
}

/// Fetches one commit.
pub(super) async fn fetch(
    state: &ApiState,
    target: &Target,
    reference: &Reference,
    login: Option<&Login>,
) -> Result<Fetched, Problem> {
    let place = timeout(PLACE, FETCHES.acquire()).await;
    let Ok(Ok(_place)) = place else {
        return Err(Problem::unavailable());
    };
    let folder = Folder::make(&state.config().git_root).await?;
    let git = Git {
        state,
        folder: folder.path(),
    };
    git.run(
        &[
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--initial-branch=main",
            "--",
            ".",
        ],
        &settings(&[]),
    )
    .await?
    .map_err(|words| Problem::internal(&std::io::Error::other(words)))?;
    let outbound = state.outbound()?;
    let limits = TunnelLimits {
        received_bytes: RECEIVED_BYTES,
        sent_bytes: SENT_BYTES,
        idle: IDLE,
    };
    let tunnel = Tunnel::open(outbound, target, limits)
        .await
        .map_err(|error| Problem::internal(&error))?;
    let mut own = vec![("http.proxy".to_owned(), tunnel.proxy())];
    if let Some(path) = outbound.extra_ca() {
        own.push(("http.sslCAInfo".to_owned(), path.display().to_string()));
    }
    if let Some(login) = login {
        own.push(("http.extraHeader".to_owned(), authorization(login)));
    }
    let refspec = format!("+{}:{FETCHED}", reference.as_str());
    let arguments = [
        "fetch",
        "--quiet",
        "--depth=1",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--",
        target.as_str(),
        &refspec,
    ];
    let done = timeout(FETCH, git.run(&arguments, &settings(&own))).await;
    let words = match done {
        Ok(done) => match done? {
            Ok(_) => {
                let commit = git.commit().await?;
                return Ok(Fetched { folder, commit });
            }
            Err(words) => words,
        },
        Err(_) => {
            let seconds = FETCH.as_secs();
            return Err(refused(format!(
                "{} did not send everything within {seconds} s",
                target.host()
            )));
        }
    };
    Err(why(&tunnel, target, reference, &words, login.is_some()))
}

/// What went wrong, in words that help the one who asked.
fn why(
    tunnel: &Tunnel,
    target: &Target,
    reference: &Reference,
    words: &str,
    with_login: bool,
) -> Problem {
    if let Some(error) = tunnel.failure() {
        return refused(error.to_string());
    }
    if tunnel.is_exceeded() {
        let most = RECEIVED_BYTES >> 20;
        return refused(format!(
            "the repository has more than {most} MiB at this commit"
        ));
    }
    let host = target.host();
    let has = |text: &str| words.contains(text);
    if has("couldn't find remote ref") || has("not our ref") {
        return refused(format!("the repository has no {}", reference.as_str()));
    }
    if has("Authentication failed") || has("could not read Username") || has("403") || has("401") {
        let hint = if with_login {
            "look at the credential that is kept for this host: segue credentials list"
        } else {
            "if it is private, keep a token for its host: segue credentials set HOST --git --user NAME"
        };
        return refused(format!("{host} does not show this repository")).hint(hint);
    }
    if has("not found") || has("404") {
        return refused(format!(
            "{host} has no such repository, or does not show it"
        ))
        .hint(
            "if it is private, keep a token for its host: segue credentials set HOST --git --user NAME",
        );
    }
    if has("redirect") {
        return refused(format!(
            "{host} sends elsewhere, and redirects are not followed"
        ))
        .hint("name the address that a browser ends at");
    }
    refused(format!("git: {words}"))
}

impl Fetched {
    /// Keeps the commit's files as a source.
    pub(super) async fn keep(
        &self,
        state: &ApiState,
        scope: &TeamScope,
        app: &App,
    ) -> Result<SourceInfo, Problem> {
        let git = Git {
            state,
            folder: self.folder.path(),
        };
        let mut upload = Upload::begin(scope, app).await?;
        let done = timeout(ARCHIVE, git.archive(&self.commit, &mut upload)).await;
        let problem = match done {
            Ok(Ok(())) => return upload.finish().await.map(|(info, _)| info),
            Ok(Err(problem)) => problem,
            Err(_) => refused("packing the repository took too long"),
        };
        upload.abort().await;
        Err(problem)
    }
}

fn authorization(login: &Login) -> String {
    let mut pair = login.user.clone().into_bytes();
    pair.push(b':');
    pair.extend_from_slice(login.password.expose());
    let encoded = base64::engine::general_purpose::STANDARD.encode(&pair);
    format!("Authorization: Basic {encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_name_or_a_commit_and_never_an_option() {
        let commit = "a".repeat(40);
        assert_eq!(
            Reference::parse(&commit),
            Ok(Reference::Commit(commit.clone()))
        );
        assert_eq!(Reference::parse("HEAD"), Ok(Reference::Head));
        for good in [
            "main",
            "feature/x",
            "v1.2",
            "refs/tags/v1",
            "refs/heads/main",
        ] {
            assert_eq!(Reference::parse(good), Ok(Reference::Name(good.to_owned())));
        }
        for bad in [
            "",
            "--upload-pack=sh",
            "-x",
            "a b",
            "a..b",
            "refs/notes/x:y",
            "a:b",
            "+main",
            "x\n",
            "a^",
            "@{1}",
            "refs/../x",
        ] {
            assert_eq!(Reference::parse(bad), Err(InvalidReference), "{bad:?}");
        }
    }
}
