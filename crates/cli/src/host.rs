//! The world around a command: variables, folder, streams. One value of it is the process; tests make their own.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Component, Path, PathBuf};

/// What a command sees of its surroundings.
pub(crate) struct Host {
    /// Environment variables.
    pub vars: BTreeMap<String, String>,
    /// Working folder.
    pub cwd: PathBuf,
    /// Standard input.
    pub stdin: Box<dyn Read + Send>,
    /// Whether a person types there.
    pub stdin_terminal: bool,
    /// Data.
    pub stdout: Box<dyn Write + Send>,
    /// Talk.
    pub stderr: Box<dyn Write + Send>,
    /// Whether a person reads the data.
    pub stdout_terminal: bool,
    /// Whether a person reads the talk.
    pub stderr_terminal: bool,
    /// Opens a page in the person's browser.
    pub browser: fn(&str) -> io::Result<()>,
}

impl Host {
    /// The process's own.
    pub fn process() -> Self {
        let vars = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            vars,
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            stdin: Box::new(io::stdin()),
            stdin_terminal: io::stdin().is_terminal(),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            stdout_terminal: io::stdout().is_terminal(),
            stderr_terminal: io::stderr().is_terminal(),
            browser: |url| open::that_detached(url),
        }
    }

    /// A variable that is set to something.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A path as people gave it, from the working folder on.
    pub fn path(&self, given: &Path) -> PathBuf {
        let joined = self.cwd.join(given);
        joined
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect()
    }

    /// The folder of settings and credentials.
    pub fn config_dir(&self) -> Option<PathBuf> {
        if let Some(dir) = self.var("SEGUE_CONFIG_DIR") {
            return Some(PathBuf::from(dir));
        }
        let base = match self.var("XDG_CONFIG_HOME") {
            Some(dir) => PathBuf::from(dir),
            None => PathBuf::from(self.var("HOME")?).join(".config"),
        };
        Some(base.join("segue"))
    }
}
