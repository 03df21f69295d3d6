//! The one place where this crate starts processes (security rule 9): absolute path, argument vector, an empty
//! environment with what is named and nothing else. There is no shell, and there is no way to get one here.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// A process to be started. Its environment is empty but for `environment`.
pub(crate) fn command<'a, A, E>(program: &Path, arguments: A, environment: E) -> Command
where
    A: IntoIterator<Item = &'a OsStr>,
    E: IntoIterator<Item = (&'a OsStr, &'a OsStr)>,
{
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Environment of every git process: no configuration of machine or person, no prompt, no locale.
pub(crate) const GIT_ENVIRONMENT: [(&str, &str); 6] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("HOME", "/nonexistent"),
    ("LC_ALL", "C"),
];
