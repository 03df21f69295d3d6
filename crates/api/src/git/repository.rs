//! Bare repositories, one folder per app, named by id.
//!
//! Invariant: what git may do is said by configuration given with each call (`GIT_CONFIG_*`), so a repository's own
//! configuration file cannot weaken it; hooks are looked for in our folder only.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use segue_model::id::AppId;

use crate::config::ApiConfig;
use crate::problem::Problem;
use crate::process::{GIT_ENVIRONMENT, command};

/// Bytes of a pushed pack at most.
pub(crate) const MAX_PACK_BYTES: u64 = 256 << 20;

/// Folder of an app's repository.
pub(crate) fn path(config: &ApiConfig, app: AppId) -> PathBuf {
    config.git_root.join(format!("{app}.git"))
}

/// Configuration of every git process that serves a repository.
pub(crate) fn settings(config: &ApiConfig) -> Vec<(String, String)> {
    let on = "true".to_owned();
    let mut settings = vec![
        (
            "core.hooksPath".to_owned(),
            config.git_hooks.display().to_string(),
        ),
        ("core.fsyncMethod".to_owned(), "batch".to_owned()),
        // Larger blobs are streamed instead of held in memory.
        ("core.bigFileThreshold".to_owned(), "1m".to_owned()),
        ("receive.fsckObjects".to_owned(), on.clone()),
        ("receive.advertisePushOptions".to_owned(), on.clone()),
        (
            "receive.maxInputSize".to_owned(),
            MAX_PACK_BYTES.to_string(),
        ),
        // Which branch may go is the hook's to say: one with a preview.
        ("receive.denyDeletes".to_owned(), "false".to_owned()),
        ("receive.autogc".to_owned(), "false".to_owned()),
        ("http.receivepack".to_owned(), on.clone()),
        ("http.uploadpack".to_owned(), on),
        ("gc.auto".to_owned(), "0".to_owned()),
        ("protocol.allow".to_owned(), "never".to_owned()),
    ];
    // Submodules are never followed, whatever a repository says.
    settings.push(("fetch.recurseSubmodules".to_owned(), "false".to_owned()));
    settings
}

/// The same as environment variables.
pub(crate) fn environment(config: &ApiConfig) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = GIT_ENVIRONMENT
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let settings = settings(config);
    all.push(("GIT_CONFIG_COUNT".to_owned(), settings.len().to_string()));
    for (index, (key, value)) in settings.into_iter().enumerate() {
        all.push((format!("GIT_CONFIG_KEY_{index}"), key));
        all.push((format!("GIT_CONFIG_VALUE_{index}"), value));
    }
    all
}

/// Makes the repository if it is not there. Made beside and renamed, so that nobody sees half of one.
pub(crate) async fn ensure(config: &ApiConfig, app: AppId) -> Result<PathBuf, Problem> {
    let path = path(config, app);
    if tokio::fs::try_exists(path.join("HEAD"))
        .await
        .unwrap_or(false)
    {
        return Ok(path);
    }
    tokio::fs::create_dir_all(&config.git_root)
        .await
        .map_err(|error| Problem::internal(&error))?;
    let beside = config
        .git_root
        .join(format!(".new-{}", uuid::Uuid::new_v4().simple()));
    init(config, &beside).await?;
    match tokio::fs::rename(&beside, &path).await {
        Ok(()) => Ok(path),
        // Another push made it at the same moment.
        Err(_)
            if tokio::fs::try_exists(path.join("HEAD"))
                .await
                .unwrap_or(false) =>
        {
            let _ = tokio::fs::remove_dir_all(&beside).await;
            Ok(path)
        }
        Err(error) => Err(Problem::internal(&error)),
    }
}

async fn init(config: &ApiConfig, folder: &Path) -> Result<(), Problem> {
    let arguments = [
        "init",
        "--quiet",
        "--bare",
        "--template=",
        "--initial-branch=main",
        "--",
    ]
    .map(OsStr::new);
    let environment = environment(config);
    let environment = environment
        .iter()
        .map(|(name, value)| (OsStr::new(name), OsStr::new(value)));
    let status = command(
        &config.git_program,
        arguments.into_iter().chain([folder.as_os_str()]),
        environment,
    )
    .status()
    .await
    .map_err(|error| Problem::internal(&error))?;
    if status.success() {
        Ok(())
    } else {
        Err(Problem::internal(&std::io::Error::other(format!(
            "git init ended with {status}"
        ))))
    }
}
