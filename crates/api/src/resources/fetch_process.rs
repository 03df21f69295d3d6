//! Git as a process, for as long as one fetch takes.
//!
//! Invariants: git is started by argv with an empty environment and configuration given with the call; of its protocols
//! only http and https exist, redirects are not followed, submodules not looked at, hooks not run. Memory, processor
//! time and written files are bounded; when the caller leaves, the whole process group ends and the folder goes. Must
//! not: know where git connects to.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;

use super::fetch::refused;
use super::fetch_git::Reference;
use super::sources::Upload;
use crate::problem::Problem;
use crate::process::{GIT_ENVIRONMENT, command};
use crate::state::ApiState;

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
pub(super) const FETCHED: &str = "refs/segue/fetched";

/// A folder of the moment; gone when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// A fresh one below `root`; what killed processes left there is taken away.
    pub(super) async fn make(root: &Path) -> Result<Self, Problem> {
        let internal = |error: std::io::Error| Problem::internal(&error);
        tokio::fs::create_dir_all(root).await.map_err(internal)?;
        sweep(root).await;
        let path = root.join(format!(".fetch-{}", uuid::Uuid::new_v4().simple()));
        tokio::fs::create_dir(&path).await.map_err(internal)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

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

/// Git in a folder.
pub(super) struct Git<'a> {
    pub state: &'a ApiState,
    pub folder: &'a Path,
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
    pub(super) async fn run(
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

    /// The commit that was fetched.
    pub(super) async fn commit(&self) -> Result<String, Problem> {
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

    /// The files of a commit, as a tar.
    pub(super) async fn archive(&self, commit: &str, upload: &mut Upload) -> Result<(), Problem> {
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

/// Configuration of every git process of a fetch.
pub(super) fn settings(own: &[(String, String)]) -> Vec<(String, String)> {
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
    fn words_of_git_are_one_plain_line() {
        assert_eq!(
            said("warning: x\nfatal: not\u{1b}[31m good\n"),
            "not[31m good"
        );
        assert_eq!(said(""), "it says nothing");
    }
}
