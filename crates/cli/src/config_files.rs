//! What the command line keeps: who is signed in where, and which app a folder without a manifest belongs to.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{CliError, Result};
use crate::files;
use crate::host::Host;

/// Sign-ins by server. The file holds tokens, so that nobody but its owner may read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The server that commands talk to if nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Sign-ins by address.
    #[serde(default)]
    pub servers: BTreeMap<String, SignIn>,
}

/// A sign-in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// API token.
    pub token: String,
    /// The team that commands mean if nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Whether `segue login` made the token, so that `segue logout` ends it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made: bool,
    /// Tokens for other teams, by name: a token is for one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, String>,
}

impl SignIn {
    /// Takes another team's token into use; `false` if there is none.
    pub fn switch(&mut self, team: &str) -> bool {
        let Some(token) = self.others.remove(team) else {
            return false;
        };
        let before = std::mem::replace(&mut self.token, token);
        if let Some(name) = self.team.replace(team.to_owned()) {
            self.others.insert(name, before);
        }
        true
    }

    /// The token for a team: the one in use, or that team's own.
    pub fn token_for(&self, team: Option<&str>) -> &str {
        team.filter(|team| self.team.as_deref() != Some(*team))
            .and_then(|team| self.others.get(team))
            .unwrap_or(&self.token)
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn")
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    fn path(host: &Host) -> Result<PathBuf> {
        let dir = host.config_dir().ok_or_else(|| {
            CliError::new("no place for credentials")
                .why("neither HOME nor SEGUE_CONFIG_DIR is set")
                .now("nothing was kept")
                .next("set one of them, or give the token by SEGUE_TOKEN")
        })?;
        Ok(dir.join("credentials.toml"))
    }

    /// Reads the file; none is the same as an empty one.
    pub fn load(host: &Host) -> Result<Self> {
        let Ok(path) = Self::path(host) else {
            return Ok(Self::default());
        };
        let mode = match fs::metadata(&path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(unreadable(&path, &"it is no file"));
            }
            Ok(metadata) => metadata.permissions().mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        if mode & 0o077 != 0 {
            return Err(
                CliError::new(format!("{} can be read by others", path.display()))
                    .why(format!("its mode is {:o}, expected 600", mode & 0o777))
                    .now("nothing was sent")
                    .next(format!(
                        "chmod 600 {}, and think of the tokens in it as known",
                        path.display()
                    )),
            );
        }
        let text = bounded(&path).map_err(|e| unreadable(&path, &e))?;
        // The text holds tokens: the parser's own message would quote it.
        toml::from_str(&text).map_err(|_| unreadable(&path, &"not valid TOML of the expected form"))
    }

    /// Writes the file, mode 600, as a whole or not at all.
    pub fn save(&self, host: &Host) -> Result<PathBuf> {
        let path = Self::path(host)?;
        let text = toml::to_string(self).map_err(|e| unwritable(&path, &e))?;
        write_private(&path, text.as_bytes()).map_err(|e| unwritable(&path, &e))?;
        Ok(path)
    }
}

/// What this program wrote itself is small.
const MAX_BYTES: u64 = 1 << 20;

fn bounded(path: &Path) -> io::Result<String> {
    let bytes = files::bounded(fs::File::open(path)?, MAX_BYTES)?;
    let bytes = bytes.ok_or_else(|| io::Error::other("it is too large to be one of ours"))?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not text (UTF-8)"))
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> CliError {
    CliError::new(format!("{} cannot be read", path.display()))
        .why(why)
        .now("nothing was sent")
        .next("correct it, or move it away: it is made again (sign-ins by segue login)")
}

fn unwritable(path: &Path, why: &dyn std::fmt::Display) -> CliError {
    CliError::new(format!("{} cannot be written", path.display()))
        .why(why)
        .next("make room, and the folder writable, then repeat it")
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let temporary = path.with_extension(format!("tmp{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

/// Which app a folder belongs to; the last word after flags, variables and segue.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    /// Server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// App.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
}

impl Link {
    const PATH: &'static str = ".segue/link.toml";

    /// The link of the nearest folder that has one.
    pub fn nearest(from: &Path) -> Result<Option<Self>> {
        let Some(path) = from
            .ancestors()
            .map(|dir| dir.join(Self::PATH))
            .find(|path| path.is_file())
        else {
            return Ok(None);
        };
        let text = bounded(&path).map_err(|e| unreadable(&path, &e))?;
        toml::from_str(&text)
            .map(Some)
            .map_err(|e| unreadable(&path, &e.message()))
    }

    /// Writes the link of a folder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join(Self::PATH);
        let dir = folder.join(".segue");
        let write = || -> io::Result<()> {
            fs::create_dir_all(&dir)?;
            fs::write(dir.join(".gitignore"), "*\n")?;
            fs::write(&path, toml::to_string(self).map_err(io::Error::other)?)
        };
        write().map_err(|e| unwritable(&path, &e))
    }
}
