//! A socket between Segue and the Docker engine that passes every byte on and notes each request.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Requests by method and kind of path.
pub type Calls = BTreeMap<String, usize>;

/// The proxy. Its threads end with the program.
#[derive(Clone)]
pub struct Proxy {
    socket: PathBuf,
    calls: Arc<Mutex<Calls>>,
}

impl Proxy {
    /// Listens in a folder of its own.
    pub fn start(engine: &'static str) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("segue-count-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let socket = folder.join("docker.sock");
        drop(std::fs::remove_file(&socket));
        let listener = UnixListener::bind(&socket)?;
        let calls = Arc::<Mutex<Calls>>::default();
        let noted = calls.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(Path::new(engine)) else {
                    continue;
                };
                if let (Ok(client), Ok(server)) = (client.try_clone(), server.try_clone()) {
                    let noted = noted.clone();
                    thread::spawn(move || pass(client, server, Some(&noted)));
                }
                thread::spawn(move || pass(server, client, None));
            }
        });
        Ok(Self { socket, calls })
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What was asked since the last call of this.
    pub fn take(&self) -> Calls {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if Arc::strong_count(&self.calls) <= 2 {
            drop(self.socket.parent().map(std::fs::remove_dir_all));
        }
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, noted: Option<&Mutex<Calls>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 {
            break;
        }
        if let Some(noted) = noted
            && let Some(call) = call(&buffer[..count])
        {
            let mut calls = noted.lock().unwrap_or_else(PoisonError::into_inner);
            *calls.entry(call).or_default() += 1;
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}

/// A client writes the head of a request at once, so a piece that begins with a method is a request.
fn call(piece: &[u8]) -> Option<String> {
    let line = piece.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split(' ');
    let method = words.next()?;
    if !matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "DELETE") {
        return None;
    }
    let path = words.next()?.split('?').next()?;
    let kind: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let version = part.starts_with("v1.");
            let name = part.len() > 20 || part.contains("ins_");
            if version {
                ""
            } else if name {
                "*"
            } else {
                part
            }
        })
        .filter(|part| !part.is_empty())
        .collect();
    Some(format!("{method} /{}", kind.join("/")))
}
