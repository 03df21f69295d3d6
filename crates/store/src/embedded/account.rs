//! The account that Postgres runs as. Postgres refuses to run as root, rightly.
//!
//! Only `/etc/passwd` is read: accounts of services are local accounts.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::error::{EmbeddedError, io_error};

/// Tried in this order when no account is named.
const DEFAULT_ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// A local account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

/// The account to drop to; `None` when this process is not root and simply stays what it is.
pub(super) fn unprivileged(wanted: Option<&str>) -> Result<Option<Account>, EmbeddedError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").map_err(io_error("cannot read /etc/passwd"))?;
    let names: Vec<&str> = wanted.map_or_else(|| DEFAULT_ACCOUNTS.to_vec(), |name| vec![name]);
    let found = names.iter().find_map(|name| find(&passwd, name));
    match found {
        Some(account) if account.uid != 0 => Ok(Some(account)),
        _ => Err(EmbeddedError::AccountMissing {
            account: names.join("` or `"),
        }),
    }
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account {
            name: name.to_owned(),
            uid,
            gid,
        })
    })
}

/// Refuses a folder that the account cannot reach, before Postgres fails with less to say.
pub(super) fn check_reachable(account: &Account, folder: &Path) -> Result<(), EmbeddedError> {
    for ancestor in folder.ancestors().skip(1) {
        let meta = fs::metadata(ancestor)
            .map_err(io_error(format!("cannot look at {}", ancestor.display())))?;
        let mode = meta.mode();
        let may_enter = if meta.uid() == account.uid {
            mode & 0o100 != 0
        } else if meta.gid() == account.gid {
            mode & 0o010 != 0
        } else {
            mode & 0o001 != 0
        };
        if !may_enter {
            return Err(EmbeddedError::FolderUnreachable {
                account: account.name.clone(),
                blocked: ancestor.to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgresql:x:7:7::/:/bin/sh\npostgres:x:101:104:a,b:/var:/bin/bash\n";
        assert_eq!(
            find(passwd, "postgres"),
            Some(Account {
                name: "postgres".into(),
                uid: 101,
                gid: 104
            })
        );
        assert_eq!(find(passwd, "post"), None);
    }
}
