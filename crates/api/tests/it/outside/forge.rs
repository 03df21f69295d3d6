//! A forge on loopback.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

/// A forge: repositories over git's own server side, and an interface that records what it is told.
pub struct Forge {
    pub url: String,
    folder: tempfile::TempDir,
    pub told: Arc<Mutex<Vec<Told>>>,
}

/// What an interface was told, and what it answered.
#[derive(Debug, Clone)]
pub struct Told {
    pub path: String,
    pub body: Value,
    pub answer: StatusCode,
}

#[derive(Clone)]
struct ForgeState {
    root: std::path::PathBuf,
    told: Arc<Mutex<Vec<Told>>>,
}

pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("/usr/bin/git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.com"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Forge {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        std::fs::create_dir(&work).unwrap();
        git(&work, &["init", "--quiet", "--initial-branch=main"]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::new(Mutex::new(Vec::new()));
        let state = ForgeState {
            root: folder.path().to_owned(),
            told: told.clone(),
        };
        let router = Router::new().fallback(serve).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, folder, told }
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// The words of the states that it took, in order.
    pub fn words(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter()
            .filter(|told| told.answer == StatusCode::CREATED)
            .map(|told| told.body["state"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Writes files, commits, and answers the commit.
    pub fn commit(&self, branch: &str, files: &[(&str, &str)]) -> String {
        let work = self.folder.path().join("work");
        if !git(&work, &["branch", "--list", branch]).is_empty() || branch == "main" {
            let _ = std::process::Command::new("/usr/bin/git")
                .args(["checkout", "--quiet", branch])
                .current_dir(&work)
                .stderr(Stdio::null())
                .status();
        } else {
            git(&work, &["checkout", "--quiet", "-b", branch]);
        }
        for (name, text) in files {
            let path = work.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(&work, &["add", "."]);
        git(&work, &["commit", "--quiet", "--allow-empty", "-m", "x"]);
        git(&work, &["rev-parse", "HEAD"])
    }
}

/// `/open.git` is for everybody, `/closed.git` for ada with her token, `/away.git` sends elsewhere.
async fn serve(
    State(state): State<ForgeState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    if path.starts_with("/api/") {
        let body = serde_json::from_slice(&body).unwrap();
        return interface(&state, path, &headers, body);
    }
    if path.starts_with("/away.git") {
        let to = format!("http://127.0.0.1:1{path}");
        return (StatusCode::FOUND, [("location", to)]).into_response();
    }
    let known = path.starts_with("/open.git") || path.starts_with("/ada/shop.git");
    let login = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    // ada:s3cret
    let proved = login == Some("Basic YWRhOnMzY3JldA==");
    if path.starts_with("/closed.git") && !proved {
        let ask = [("www-authenticate", "Basic realm=\"forge\"")];
        return (StatusCode::UNAUTHORIZED, ask).into_response();
    }
    if !known && !path.starts_with("/closed.git") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let advertise = method == Method::GET;
    let mut command = tokio::process::Command::new("/usr/bin/git");
    command.arg("upload-pack").arg("--stateless-rpc");
    if advertise {
        command.arg("--advertise-refs");
    }
    command
        .arg(state.root.join("work"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &state.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if headers
        .get("git-protocol")
        .is_some_and(|value| value == "version=2")
    {
        command.env("GIT_PROTOCOL", "version=2");
    }
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = match headers.get("content-encoding") {
        Some(_) => return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
        None => body,
    };
    tokio::spawn(async move {
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap();
    let (kind, mut sent) = if advertise {
        (
            "application/x-git-upload-pack-advertisement",
            b"001e# service=git-upload-pack\n0000".to_vec(),
        )
    } else {
        ("application/x-git-upload-pack-result", Vec::new())
    };
    sent.extend(output.stdout);
    ([("content-type", kind)], sent).into_response()
}

/// The interfaces for states of commits, as each forge documents its own: who may, which words there are, and for
/// GitLab that a state is not said twice. The first end that GitLab is told it keeps, and breaks off its answer.
fn interface(state: &ForgeState, path: String, headers: &HeaderMap, body: Value) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let short = |name: &str, most: usize| body[name].as_str().is_some_and(|t| t.len() <= most);
    let (proved, words): (bool, &[&str]) = if path.starts_with("/api/v3/repos/ada/shop/statuses/") {
        (
            header("authorization") == Some("Bearer t0ken"),
            &["error", "failure", "pending", "success"],
        )
    } else if path.starts_with("/api/v1/repos/ada/shop/statuses/") {
        (
            header("authorization") == Some("token t0ken"),
            &["pending", "success", "error", "failure", "warning"],
        )
    } else if path.starts_with("/api/v4/projects/ada%2Fshop/statuses/") {
        (
            header("private-token") == Some("t0ken"),
            &["pending", "running", "success", "failed", "canceled"],
        )
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let gitlab = path.starts_with("/api/v4/");
    let named = short("description", 140) && short("target_url", 255);
    let named = named && short(if gitlab { "name" } else { "context" }, 255);
    let mut told = state.told.lock().unwrap();
    let last = told.iter().rfind(|told| told.path == path);
    let again = gitlab && last.is_some_and(|last| last.body["state"] == body["state"]);
    let answer = if !proved {
        StatusCode::UNAUTHORIZED
    } else if again {
        StatusCode::BAD_REQUEST
    } else if !named || !words.iter().any(|word| body["state"] == **word) {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::CREATED
    };
    let broken = gitlab && answer == StatusCode::CREATED && body["state"] == "success";
    told.push(Told { path, body, answer });
    if broken {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let said = if again {
        json!({"message": "Cannot transition status via :success from :success (Reason(s): Status cannot transition via \"success\")"})
    } else {
        json!({"id": 1})
    };
    (answer, axum::Json(said)).into_response()
}
