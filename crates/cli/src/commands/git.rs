//! Git: the remote `segue` of a folder, and the credential helper that signs git in.
//!
//! Invariants: the helper answers only for a server that somebody signed in to, by scheme, host and port; it keeps
//! and removes nothing, because `segue login` and `segue logout` do. Must not: touch settings of git outside of the
//! folder's own repository, or a remote that somebody else made.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::Url;

use super::Context;
use crate::args::GitCredential;
use crate::config_files::Credentials;
use crate::error::{CliError, Exit, Result};
use crate::host::Host;
use crate::session::{address, key, server};

/// The remote's name.
pub(super) const REMOTE: &str = "segue";
/// Bytes of a question of git at most.
const QUESTION: u64 = 64 << 10;

/// `segue git-credential`: what git asks on stdin is answered on stdout, or not at all.
pub(crate) fn credential(context: &mut Context<'_>, verb: &GitCredential) -> Result<Exit> {
    let mut text = String::new();
    let question = (&mut context.out.host().stdin).take(QUESTION);
    std::io::BufReader::new(question)
        .read_to_string(&mut text)
        .map_err(|e| {
            CliError::usage("git's question is not text")
                .why(e)
                .now("nothing was answered")
                .next("it is git that calls this: git push segue main")
        })?;
    if *verb != GitCredential::Get {
        return Ok(Exit::Ok);
    }
    let Some(asked) = asked(&text) else {
        return Ok(Exit::Ok);
    };
    if let Some(token) = token(context.out.host(), context.global, &asked)? {
        context.out.data("username=segue")?;
        context.out.data(format!("password={token}"))?;
    }
    Ok(Exit::Ok)
}

/// The server that git asks about.
fn asked(text: &str) -> Option<Url> {
    let value = |wanted: &str| {
        let mut found = None;
        for line in text.lines().take_while(|line| !line.is_empty()) {
            match line.split_once('=') {
                Some((key, value)) if key == wanted => found = Some(value),
                _ => {}
            }
        }
        found
    };
    let url = match value("url") {
        Some(url) => Url::parse(url).ok()?,
        None => address(&format!("{}://{}", value("protocol")?, value("host")?)).ok()?,
    };
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// The token for a server, if this person signed in to exactly that one.
fn token(host: &Host, global: &crate::args::Global, asked: &Url) -> Result<Option<String>> {
    let same = |text: &str| address(text).is_ok_and(|url| url.origin() == asked.origin());
    let credentials = Credentials::load(host)?;
    // A token from a variable belongs to the server of the variable, or to the one in use.
    if let Some(token) = host.var("SEGUE_TOKEN")
        && server(host, global, &credentials)?.is_some_and(|url| same(&key(&url)))
    {
        return Ok(Some(token.to_owned()));
    }
    let kept = credentials.servers.iter().find(|(url, _)| same(url));
    Ok(kept.map(|(_, sign_in)| sign_in.token.clone()))
}

/// What became of the remote.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remote {
    /// It is there now, and leads here.
    Added(String),
    /// It was there.
    Kept,
    /// It was there and leads elsewhere.
    Foreign(String),
    /// The folder is no repository's top, or git is missing.
    NoRepository,
}

/// Gives the folder's repository the remote `segue`, and signs git in for it.
pub(super) fn remote(folder: &Path, base: &Url, team: &str, app: &str) -> Result<Remote> {
    let top = git(folder, &["rev-parse", "--show-toplevel"]);
    let same = |top: &str| {
        let real = |path: &Path| path.canonicalize().ok();
        real(Path::new(top.trim_end_matches('\n'))) == real(folder)
    };
    if !top.is_some_and(|top| same(&top)) {
        return Ok(Remote::NoRepository);
    }
    let server = key(base);
    let url = format!("{server}/git/{team}/{app}.git");
    let known = git(
        folder,
        &["config", "--get", &format!("remote.{REMOTE}.url")],
    );
    let known = known.map(|text| text.trim().to_owned());
    match known {
        Some(known) if known != url => return Ok(Remote::Foreign(known)),
        _ => {}
    }
    if known.is_none() {
        change(folder, &["remote", "add", REMOTE, &url])?;
    }
    let helper = format!("credential.{server}.helper");
    let program = std::env::current_exe()
        .ok()
        .and_then(|path| path.to_str().map(str::to_owned))
        .unwrap_or_else(|| "segue".to_owned());
    let command = format!("!{} git-credential", shell_words::quote(&program));
    // The empty one keeps helpers of the whole machine from storing the token a second time.
    change(folder, &["config", "--replace-all", &helper, ""])?;
    change(folder, &["config", "--add", &helper, &command])?;
    Ok(if known.is_none() {
        Remote::Added(url)
    } else {
        Remote::Kept
    })
}

/// What git answers in a folder; `None` if it refuses or is missing.
fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).ok())
        .flatten()
}

fn change(folder: &Path, args: &[&str]) -> Result<()> {
    git(folder, args).map(|_| ()).ok_or_else(|| {
        let line = format!("git -C {} {}", folder.display(), shell_words::join(args));
        CliError::new(format!("git {} failed", args.join(" ")))
            .now("segue.toml is written; the git remote is not complete")
            .next(format!("{line} tells why"))
    })
}

#[cfg(test)]
mod tests {
    use super::asked;

    #[test]
    fn a_question_names_a_server_by_its_parts_or_as_a_whole() {
        let origin = |text: &str| asked(text).map(|url| url.origin().ascii_serialization());
        assert_eq!(
            origin("protocol=https\nhost=segue.example.com\n\n"),
            Some("https://segue.example.com".to_owned())
        );
        assert_eq!(
            origin("url=http://127.0.0.1:3000/git/a/b.git\n"),
            Some("http://127.0.0.1:3000".to_owned())
        );
        for text in [
            "",
            "protocol=ssh\nhost=x\n",
            "host=x\n",
            "protocol=https\n",
            "\nhost=x",
        ] {
            assert_eq!(origin(text), None, "{text:?}");
        }
    }
}
