//! A forge on loopback: one repository over git's own server side, and an interface that keeps what it is told.
//!
//! Serves until the test's process ends. Must not: know what Segue makes of it.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};

/// A request that was none of git's.
#[derive(Debug, Clone)]
pub struct Told {
    /// `POST /path`.
    pub line: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    /// The body, as text.
    pub body: String,
}

/// A forge with one repository, below every path that ends with `.git`.
#[derive(Debug)]
pub struct Forge {
    /// Where it listens.
    pub address: SocketAddr,
    folder: PathBuf,
    told: Arc<Mutex<Vec<Told>>>,
}

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.com"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "git {arguments:?}: {output:?}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Forge {
    /// Starts one whose repository lies in `folder`, which is made.
    ///
    /// # Errors
    /// Git, or no port.
    #[allow(clippy::print_stderr, reason = "what a test says when it fails")]
    pub fn start(folder: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        git(&folder, &["init", "--quiet", "--initial-branch=main"])?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let forge = Self {
            address: listener.local_addr()?,
            folder: folder.clone(),
            told: Arc::default(),
        };
        let told = Arc::clone(&forge.told);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, told) = (folder.clone(), Arc::clone(&told));
                std::thread::spawn(move || {
                    if let Err(error) = serve(stream, &folder, &told) {
                        eprintln!("the forge: {error:#}");
                    }
                });
            }
        });
        Ok(forge)
    }

    /// Where a file of the next commit lies.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Commits all files, and answers the commit.
    ///
    /// # Errors
    /// Git.
    pub fn commit(&self, message: &str) -> anyhow::Result<String> {
        git(&self.folder, &["add", "."])?;
        git(&self.folder, &["commit", "--quiet", "-m", message])?;
        git(&self.folder, &["rev-parse", "HEAD"])
    }

    /// What it was told so far.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone()
    }
}

/// One request: git's, or one that tells something and is answered with 201.
fn serve(stream: TcpStream, folder: &Path, told: &Mutex<Vec<Told>>) -> anyhow::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(());
    }
    let advertise = first.starts_with("GET ");
    let mut headers = HashMap::new();
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(Ok(0), |text| text.parse::<u64>())?;
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let (status, kind, sent) = if first.contains(".git/") {
        let mut command = Command::new("git");
        command.args(["upload-pack", "--stateless-rpc"]);
        if advertise {
            command.arg("--advertise-refs");
        }
        if let Some(protocol) = headers.get("git-protocol") {
            command.env("GIT_PROTOCOL", protocol);
        }
        let mut child = command
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no input")?.write_all(&body)?;
        let output = child.wait_with_output()?;
        if advertise {
            let mut sent = b"001e# service=git-upload-pack\n0000".to_vec();
            sent.extend(output.stdout);
            (
                "200 OK",
                "application/x-git-upload-pack-advertisement",
                sent,
            )
        } else {
            (
                "200 OK",
                "application/x-git-upload-pack-result",
                output.stdout,
            )
        }
    } else {
        let said = Told {
            line: first.trim_end().trim_end_matches(" HTTP/1.1").to_owned(),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        told.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(said);
        ("201 Created", "application/json", b"{\"id\": 1}".to_vec())
    };
    let mut stream = stream;
    let length = sent.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    Ok(stream.write_all(&sent)?)
}
