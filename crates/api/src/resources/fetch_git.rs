//! Git as a client of other people's servers.
//!
//! Invariants: git is started by argv with an empty environment and configuration given with the call; of its protocols
//! only http and https exist, redirects are not followed, submodules not looked at, hooks not run; everything it
//! connects to goes through one tunnel to the one host that was named, which checks where that name leads. Time, bytes
//! from the network, memory and written files are bounded, and when the caller leaves, the whole process group ends.
//! Must not: unpack anything, or keep the repository.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use base64::Engine as _;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use segue_model::name::GitRef;
use segue_outbound::{Target, Tunnel, TunnelLimits};
use segue_store::seal::SecretBytes;
use segue_store::{App, SourceInfo, TeamScope};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::fetch::refused;
use super::sources::Upload;
use crate::problem::Problem;
use crate::process::{GIT_ENVIRONMENT, command};
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
/// Address space of git: deltas are held in memory.
const MEMORY_BYTES: u64 = 1 << 30;
/// Largest file that git writes.
const FILE_BYTES: u64 = 300 << 20;
/// Processor time.
const CPU_SECONDS: u64 = 120;
/// What git says of a failure.
const WORDS_BYTES: u64 = 16 << 10;
/// Folders of fetches that were killed are taken away after this.
const LEFT_OVER: Duration = Duration::from_secs(3600);
/// Name of what was fetched, in the repository of the moment.
const FETCHED: &str = "refs/segue/fetched";

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

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let folder = std::mem::take(&mut self.0);
        // Many small files: off the async threads, if there are any.
        let remove = move || {
            if let Err(error) = std::fs::remove_dir_all(&folder) {
                tracing::info!(%error, "the folder of a fetch is left for the next one");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// A process and all that it started; they end when this is dropped.
struct Group {
    child: Child,
    group: Option<Pid>,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Group {
    async fn wait(&mut self) -> std::io::Result<bool> {
        let status = self.child.wait().await?;
        // The number may be given to somebody else from now on.
        self.group = None;
        Ok(status.success())
    }
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
    let folder = make_folder(&state.config().git_root).await?;
    let git = Git {
        state,
        folder: &folder.0,
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
            "look at the credential that is kept for this host: segue api GET /v1/teams/TEAM/registries"
        } else {
            "if it is private, keep a name and a token for its host as a credential of kind git"
        };
        return refused(format!("{host} does not show this repository")).hint(hint);
    }
    if has("not found") || has("404") {
        return refused(format!(
            "{host} has no such repository, or does not show it"
        ))
        .hint(
            "if it is private, keep a name and a token for its host as a credential of kind git",
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
            folder: &self.folder.0,
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

struct Git<'a> {
    state: &'a ApiState,
    folder: &'a Path,
}

impl Git<'_> {
    fn start(&self, arguments: &[&str], settings: &[(String, String)]) -> std::io::Result<Group> {
        let mut environment: Vec<(OsString, OsString)> = GIT_ENVIRONMENT
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect();
        let mut set = |name: &str, value: &str| environment.push((name.into(), value.into()));
        set("GIT_DIR", ".");
        set("GIT_ALLOW_PROTOCOL", "http:https");
        set("GIT_PROTOCOL_FROM_USER", "0");
        set("GIT_NO_LAZY_FETCH", "1");
        set("GIT_CONFIG_COUNT", &settings.len().to_string());
        for (index, (key, value)) in settings.iter().enumerate() {
            set(&format!("GIT_CONFIG_KEY_{index}"), key);
            set(&format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        let environment = environment
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        let program = &self.state.config().git_program;
        let child = command(program, arguments.iter().map(OsStr::new), environment)
            .current_dir(self.folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = group {
            for (resource, most) in [
                (Resource::As, MEMORY_BYTES),
                (Resource::Fsize, FILE_BYTES),
                (Resource::Cpu, CPU_SECONDS),
                (Resource::Core, 0),
            ] {
                let limit = Rlimit {
                    current: Some(most),
                    maximum: Some(most),
                };
                // It may have ended already.
                let _ = prlimit(Some(pid), resource, limit);
            }
        }
        Ok(Group { child, group })
    }

    /// Runs git to its end: its output, or what it says of its failure.
    async fn run(
        &self,
        arguments: &[&str],
        settings: &[(String, String)],
    ) -> Result<Result<String, String>, Problem> {
        let internal = |error: std::io::Error| Problem::internal(&error);
        let mut group = self.start(arguments, settings).map_err(internal)?;
        let output = group.child.stdout.take();
        let words = group.child.stderr.take();
        let (output, words) = tokio::join!(text(output), text(words));
        let good = group.wait().await.map_err(internal)?;
        Ok(if good { Ok(output) } else { Err(said(&words)) })
    }

    async fn commit(&self) -> Result<String, Problem> {
        let name = format!("{FETCHED}^{{commit}}");
        let found = self
            .run(&["rev-parse", "--verify", "--quiet", &name], &settings(&[]))
            .await?;
        let commit = found.unwrap_or_default().trim().to_owned();
        match Reference::parse(&commit) {
            Ok(Reference::Commit(commit)) => Ok(commit),
            _ => Err(refused("what was named is no commit")),
        }
    }

    async fn archive(&self, commit: &str, upload: &mut Upload) -> Result<(), Problem> {
        let internal = |error: std::io::Error| Problem::internal(&error);
        let arguments = ["archive", "--format=tar", commit];
        let mut group = self.start(&arguments, &settings(&[])).map_err(internal)?;
        let (output, words) = (group.child.stdout.take(), group.child.stderr.take());
        let read = async {
            let Some(mut output) = output else {
                return Ok::<(), Problem>(());
            };
            let mut buffer = vec![0; 64 << 10];
            loop {
                let read = output.read(&mut buffer).await.map_err(internal)?;
                if read == 0 {
                    return Ok(());
                }
                let data = buffer.get(..read).unwrap_or_default();
                upload.push(Bytes::copy_from_slice(data)).await?;
            }
        };
        let (read, words) = tokio::join!(read, text(words));
        read?;
        if group.wait().await.map_err(internal)? {
            Ok(())
        } else {
            Err(refused(format!("git: {}", said(&words))))
        }
    }
}

/// Reads what a process says, to a bound; the rest is read and dropped, so that it does not hang.
async fn text<R: AsyncRead + Unpin>(from: Option<R>) -> String {
    let Some(mut from) = from else {
        return String::new();
    };
    let mut kept = Vec::new();
    let _ = (&mut from).take(WORDS_BYTES).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

/// The last words of a failure, for people: one line, without control characters.
fn said(words: &str) -> String {
    let line = words
        .lines()
        .rev()
        .find(|line| line.starts_with("fatal:") || line.starts_with("error:"))
        .or_else(|| words.lines().rev().find(|line| !line.trim().is_empty()))
        .unwrap_or("it says nothing");
    line.trim_start_matches("fatal: ")
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect()
}

fn authorization(login: &Login) -> String {
    let mut pair = login.user.clone().into_bytes();
    pair.push(b':');
    pair.extend_from_slice(login.password.expose());
    let encoded = base64::engine::general_purpose::STANDARD.encode(&pair);
    format!("Authorization: Basic {encoded}")
}

/// Configuration of every git process of a fetch.
fn settings(own: &[(String, String)]) -> Vec<(String, String)> {
    let fixed = [
        ("core.hooksPath", "/dev/null"),
        ("core.bigFileThreshold", "1m"),
        ("core.fsmonitor", "false"),
        ("credential.helper", ""),
        ("fetch.fsckObjects", "true"),
        // Old and harmless faults of repositories that people deploy.
        ("fetch.fsck.zeroPaddedFilemode", "ignore"),
        ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
        ("fetch.fsck.badTimezone", "ignore"),
        ("fetch.unpackLimit", "1"),
        ("fetch.recurseSubmodules", "false"),
        ("submodule.recurse", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("pack.threads", "1"),
        ("http.followRedirects", "false"),
        ("http.sslVerify", "true"),
        ("transfer.bundleURI", "false"),
        ("protocol.allow", "never"),
        ("protocol.http.allow", "always"),
        ("protocol.https.allow", "always"),
    ];
    let fixed = fixed.map(|(key, value)| (key.to_owned(), value.to_owned()));
    fixed.into_iter().chain(own.iter().cloned()).collect()
}

async fn make_folder(root: &Path) -> Result<Folder, Problem> {
    let internal = |error: std::io::Error| Problem::internal(&error);
    tokio::fs::create_dir_all(root).await.map_err(internal)?;
    sweep(root).await;
    let path = root.join(format!(".fetch-{}", uuid::Uuid::new_v4().simple()));
    tokio::fs::create_dir(&path).await.map_err(internal)?;
    Ok(Folder(path))
}

/// Takes away what killed processes left behind.
async fn sweep(root: &Path) {
    let Ok(mut entries) = tokio::fs::read_dir(root).await else {
        return;
    };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let ours = entry.file_name().to_string_lossy().starts_with(".fetch-");
        let age = match entry.metadata().await {
            Ok(known) => known
                .modified()
                .ok()
                .and_then(|at| SystemTime::now().duration_since(at).ok()),
            Err(_) => None,
        };
        if ours && age.is_some_and(|age| age > LEFT_OVER) {
            let _ = tokio::fs::remove_dir_all(entry.path()).await;
        }
    }
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

    #[test]
    fn words_of_git_are_one_plain_line() {
        assert_eq!(
            said("warning: x\nfatal: not\u{1b}[31m good\n"),
            "not[31m good"
        );
        assert_eq!(said(""), "it says nothing");
    }
}
