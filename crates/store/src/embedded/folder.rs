//! The folder of the private Postgres: binaries, permissions, version, first initialisation.
//!
//! Invariant: `data/` appears only when `initdb` has finished (it works beside and renames), so
//! a half made cluster is never started.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::account::Account;
use super::error::{EmbeddedError, io_error};

/// Oldest major version that the migrations work with.
const OLDEST_MAJOR: u32 = 15;
/// Where Debian keeps one folder per major version.
const DEBIAN_ROOT: &str = "/usr/lib/postgresql";
/// Other usual places of the binaries.
const OTHER_PLACES: [&str; 3] = ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"];
/// The superuser of the private server.
pub(super) const SUPERUSER: &str = "segue";
/// Initialisation writes about 40 MiB; a slow disk may take a while.
const INITDB_TIMEOUT: Duration = Duration::from_secs(120);

/// The PostgreSQL programs of one major version.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub folder: PathBuf,
    pub major: u32,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Finds binaries: the named folder, else those of the data's version, else the newest.
pub(super) async fn find_binaries(
    named: Option<&Path>,
    data_major: Option<&str>,
) -> Result<Binaries, EmbeddedError> {
    let mut candidates: Vec<PathBuf> = Vec::new();
    if let Some(folder) = named {
        candidates.push(folder.to_owned());
    } else {
        let mut majors: Vec<u32> = fs::read_dir(DEBIAN_ROOT)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        majors.sort_unstable_by_key(|major| {
            (
                data_major != Some(major.to_string().as_str()),
                u32::MAX - major,
            )
        });
        candidates.extend(
            majors
                .iter()
                .map(|m| Path::new(DEBIAN_ROOT).join(m.to_string()).join("bin")),
        );
        candidates.extend(OTHER_PLACES.iter().map(PathBuf::from));
    }
    for folder in &candidates {
        if let Some(major) = major_of(&folder.join("postgres")).await
            && major >= OLDEST_MAJOR
            && folder.join("initdb").is_file()
        {
            return Ok(Binaries {
                folder: folder.clone(),
                major,
            });
        }
    }
    let looked: Vec<String> = candidates.iter().map(|c| c.display().to_string()).collect();
    Err(EmbeddedError::BinariesMissing {
        looked: looked.join(", "),
    })
}

/// Asks a `postgres` program for its major version.
async fn major_of(program: &Path) -> Option<u32> {
    if !program.is_file() {
        return None;
    }
    let output = Command::new(program)
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    parse_major(std::str::from_utf8(&output.stdout).ok()?)
}

fn parse_major(version_line: &str) -> Option<u32> {
    // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "... 17beta1"
    let version = version_line.split_whitespace().nth(2)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The major version written in a data folder; `None` when it is not initialised.
pub(super) fn data_major(data: &Path) -> Result<Option<String>, EmbeddedError> {
    let path = data.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(format!("cannot read {}", path.display()))(error)),
    }
}

/// Makes a folder that only the account may enter.
pub(super) fn make_private(path: &Path, account: Option<&Account>) -> Result<(), EmbeddedError> {
    if !path.is_dir() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(io_error(format!("cannot make {}", path.display())))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(io_error(format!(
        "cannot close {} to others",
        path.display()
    )))?;
    if let Some(account) = account {
        chown(path, Some(account.uid), Some(account.gid)).map_err(io_error(format!(
            "cannot give {} to {}",
            path.display(),
            account.name
        )))?;
    }
    Ok(())
}

/// Runs `initdb` beside the data folder and moves the result into place.
pub(super) async fn initialise(
    binaries: &Binaries,
    root: &Path,
    data: &Path,
    account: Option<&Account>,
) -> Result<(), EmbeddedError> {
    let fresh = root.join("data.new");
    if fresh.exists() {
        // Left over from an initialisation that was killed. Nothing ever ran on it.
        fs::remove_dir_all(&fresh)
            .map_err(io_error(format!("cannot remove {}", fresh.display())))?;
    }
    make_private(&fresh, account)?;
    let mut command = Command::new(binaries.program("initdb"));
    command
        .arg(format!("--pgdata={}", fresh.display()))
        .arg(format!("--username={SUPERUSER}"))
        .args([
            // The socket folder is 0700: who can reach the socket may come in. No TCP at all.
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            // Byte order for text: indexes do not depend on the system's collation version.
            "--locale=C",
            "--data-checksums",
            "--no-instructions",
        ])
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    let output = tokio::time::timeout(INITDB_TIMEOUT, command.output())
        .await
        .map_err(|_| EmbeddedError::Deadline {
            what: "initdb",
            seconds: INITDB_TIMEOUT.as_secs(),
        })?
        .map_err(io_error("cannot start initdb"))?;
    if !output.status.success() {
        return Err(EmbeddedError::EndedEarly {
            program: "initdb",
            status: output.status.to_string(),
            output: last_lines(&String::from_utf8_lossy(&output.stderr)),
        });
    }
    fs::rename(&fresh, data)
        .map_err(io_error(format!("cannot move data to {}", data.display())))?;
    // The rename must survive a power cut like the data itself.
    fs::File::open(root)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error(format!("cannot sync {}", root.display())))
}

/// The last few lines of a program's output, as one line.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let from = lines.len().saturating_sub(6);
    lines.get(from..).unwrap_or_default().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(parse_major("postgres"), None);
    }
}
