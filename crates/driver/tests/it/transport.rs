//! What stands on the wire, seen by a spy that answers as an engine does.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use segue_driver::*;
use segue_model::id::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::bench::soon;

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

/// An engine that knows its version and answers `OK` to everything else.
struct Spy {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Spy {
    fn listen(socket: &Path, api: &'static str, min: &'static str) -> Spy {
        let _ = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket).unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                shared.lock().unwrap().connections += 1;
                let shared = Arc::clone(&shared);
                tasks.spawn(async move {
                    let mut read = Vec::new();
                    loop {
                        while !read.windows(4).any(|part| part == b"\r\n\r\n") {
                            let mut piece = [0; 1024];
                            match stream.read(&mut piece).await {
                                Ok(0) | Err(_) => return,
                                Ok(count) => read.extend_from_slice(&piece[..count]),
                            }
                        }
                        let text = String::from_utf8_lossy(&read).into_owned();
                        let line = text
                            .lines()
                            .next()
                            .unwrap()
                            .trim_end_matches(" HTTP/1.1")
                            .to_owned();
                        let body = match line.as_str() {
                            "GET /version" => {
                                format!("{{\"ApiVersion\":\"{api}\",\"MinAPIVersion\":\"{min}\"}}")
                            }
                            _ => "OK".to_owned(),
                        };
                        shared.lock().unwrap().requests.push(line);
                        read.clear();
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                            body.len()
                        );
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Spy { seen, task }
    }

    fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }
}

impl Drop for Spy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn socket(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("engine.sock")
}

fn docker(socket: &Path) -> Docker {
    let owner = Ownership {
        installation: InstallationId::from_uuid(Uuid::now_v7()),
        host: HostId::from_uuid(Uuid::nil()),
    };
    Docker::new(socket, owner).unwrap()
}

#[tokio::test]
async fn the_version_is_negotiated_once_and_stands_on_the_wire() {
    let folder = tempfile::tempdir().unwrap();
    let spy = Spy::listen(&socket(&folder), "1.45", "1.24");
    let driver = docker(&socket(&folder));
    for _ in 0..20 {
        driver.ping(soon()).await.unwrap();
    }
    let requests = spy.requests();
    assert_eq!(requests[0], "GET /version");
    assert_eq!(requests.len(), 21);
    assert!(
        requests[1..].iter().all(|line| line == "GET /v1.45/_ping"),
        "{requests:?}"
    );
    // Kept alive: one connection for all.
    assert_eq!(spy.seen.lock().unwrap().connections, 1);
}

#[tokio::test]
async fn an_engine_that_comes_back_as_another_version_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let driver = docker(&socket(&folder));
    let gone = driver.ping(soon()).await.unwrap_err();
    assert!(matches!(gone, DriverError::Unavailable(_)), "{gone:?}");
    let first = Spy::listen(&socket(&folder), "1.41", "1.12");
    driver.ping(soon()).await.unwrap();
    assert_eq!(first.requests().last().unwrap(), "GET /v1.41/_ping");
    drop(first);
    std::fs::remove_file(socket(&folder)).unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        match driver.ping(soon()).await {
            Err(error) => {
                assert!(matches!(error, DriverError::Unavailable(_)), "{error:?}");
                break;
            }
            // The old connection is closed a moment after its task was told to end.
            Ok(()) => assert!(
                std::time::Instant::now() < until,
                "the old engine still answers"
            ),
        }
        tokio::task::yield_now().await;
    }
    let second = Spy::listen(&socket(&folder), "1.47", "1.44");
    driver.ping(soon()).await.unwrap();
    assert_eq!(second.requests(), ["GET /version", "GET /v1.47/_ping"]);
}

#[tokio::test]
async fn an_engine_that_is_too_old_or_too_new_is_said_so() {
    for (api, min) in [("1.40", "1.12"), ("1.99", "1.90")] {
        let folder = tempfile::tempdir().unwrap();
        let _spy = Spy::listen(&socket(&folder), api, min);
        let error = docker(&socket(&folder)).ping(soon()).await.unwrap_err();
        assert!(matches!(error, DriverError::Unsupported(_)), "{error:?}");
        assert!(!error.retryable());
    }
}

#[tokio::test]
async fn an_engine_that_never_answers_ends_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let _silent = UnixListener::bind(socket(&folder)).unwrap();
    let error = docker(&socket(&folder))
        .ping(Deadline::after(Duration::from_millis(200)))
        .await
        .unwrap_err();
    assert_eq!(error, DriverError::Deadline);
}
