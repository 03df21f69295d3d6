//! A server that answers from a list and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone)]
struct Answer {
    status: u16,
    media: &'static str,
    body: String,
    headers: Vec<(&'static str, String)>,
}

struct Route {
    line: String,
    answers: VecDeque<Answer>,
}

#[derive(Default)]
struct State {
    routes: Vec<Route>,
    asked: Vec<Asked>,
    stopped: bool,
}

/// A running server.
pub struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
    count: watch::Receiver<usize>,
}

pub const ENV: &str = "/v1/teams/acme/apps/shop/envs/production";

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state: Arc<Mutex<State>> = Arc::default();
        let (counter, count) = watch::channel(0);
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (state, counter) = (Arc::clone(&serving), counter.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        answer(Arc::clone(&state), counter.clone(), request)
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, state, count }
    }

    fn route(&self, line: &str, answer: Answer) -> &Self {
        let mut state = self.state.lock().unwrap();
        match state.routes.iter_mut().find(|route| route.line == line) {
            Some(route) => route.answers.push_back(answer),
            None => state.routes.push(Route {
                line: line.to_owned(),
                answers: [answer].into(),
            }),
        }
        drop(state);
        self
    }

    /// Answers a request (`GET /path`, without query) so; several answers come one after another, the last for ever.
    pub fn on(&self, line: &str, status: u16, body: Value) -> &Self {
        self.route(
            line,
            Answer {
                status,
                media: "application/json",
                body: body.to_string(),
                headers: Vec::new(),
            },
        )
    }

    pub fn on_with_date(&self, line: &str, status: u16, body: Value, date: String) -> &Self {
        let headers = vec![("date", date)];
        self.route(
            line,
            Answer {
                status,
                media: "application/json",
                body: body.to_string(),
                headers,
            },
        )
    }

    pub fn text(&self, line: &str, status: u16, body: &str) -> &Self {
        self.route(
            line,
            Answer {
                status,
                media: "text/html",
                body: body.to_owned(),
                headers: Vec::new(),
            },
        )
    }

    pub fn export(&self, line: &str, body: &str) -> &Self {
        self.route(
            line,
            Answer {
                status: 200,
                media: "application/x-ndjson",
                body: body.to_owned(),
                headers: Vec::new(),
            },
        )
    }

    pub fn events(&self, line: &str, body: &str) -> &Self {
        self.route(
            line,
            Answer {
                status: 200,
                media: "text/event-stream",
                body: body.to_owned(),
                headers: Vec::new(),
            },
        )
    }

    pub fn problem(&self, line: &str, status: u16, code: &str, detail: &str) -> &Self {
        let body = problem(status, code, detail).to_string();
        self.route(
            line,
            Answer {
                status,
                media: "application/problem+json",
                body,
                headers: Vec::new(),
            },
        )
    }

    /// From now on every connection is closed without an answer.
    pub fn stop(&self) {
        self.state.lock().unwrap().stopped = true;
    }

    /// Everything that was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    pub fn find(&self, line: &str) -> Asked {
        let asked = self.asked();
        let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
        asked
            .iter()
            .find(|asked| asked.line.split('?').next() == Some(line))
            .cloned()
            .unwrap_or_else(|| panic!("{line} in {lines:#?}"))
    }

    /// Waits until this was asked so often.
    pub async fn wait(&self, line: &str, times: usize) {
        let mut count = self.count.clone();
        let reached = |state: &State| {
            state
                .asked
                .iter()
                .filter(|a| a.line.split('?').next() == Some(line))
                .count()
                >= times
        };
        while !reached(&self.state.lock().unwrap()) {
            tokio::time::timeout(std::time::Duration::from_secs(30), count.changed())
                .await
                .unwrap()
                .unwrap();
        }
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    counter: watch::Sender<usize>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    let line = format!("{} {}", parts.method, parts.uri.path());
    let full = format!("{} {}", parts.method, parts.uri);
    let headers = parts
        .headers
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_str().unwrap_or("").to_owned()))
        .collect();
    let gone = state.lock().unwrap().stopped;
    let answer = {
        let mut state = state.lock().unwrap();
        state.asked.push(Asked {
            line: full,
            headers,
            body,
        });
        let found = state.routes.iter_mut().find(|route| route.line == line);
        found.and_then(|route| {
            if route.answers.len() > 1 {
                route.answers.pop_front()
            } else {
                route.answers.front().cloned()
            }
        })
    };
    counter.send_modify(|count| *count += 1);
    if gone {
        return Err(std::io::Error::other("stopped").into());
    }
    let answer = answer.unwrap_or_else(|| unlisted(&line));
    let mut response = Response::builder().status(answer.status);
    if answer.status != 204 {
        response = response.header("content-type", answer.media);
    }
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = if answer.status == 204 {
        String::new()
    } else {
        answer.body
    };
    Ok(response.body(Full::new(Bytes::from(body))).unwrap())
}

/// The team has one app with one environment, and nothing else that no test speaks of.
fn unlisted(line: &str) -> Answer {
    let (status, media, body) = match line {
        "GET /v1/teams/acme/apps" => (200, "application/json", json!({ "items": [app()] })),
        "GET /v1/teams/acme/apps/shop/envs" => {
            (200, "application/json", json!({ "items": [env(None)] }))
        }
        _ => {
            let problem = problem(404, "not_found", "there is no such thing");
            (404, "application/problem+json", problem)
        }
    };
    Answer {
        status,
        media,
        body: body.to_string(),
        headers: Vec::new(),
    }
}

fn problem(status: u16, code: &str, detail: &str) -> Value {
    json!({ "type": format!("urn:segue:problem:{code}"), "title": code, "status": status, "code": code,
        "detail": detail, "request_id": "req-1", "hint": "the hint" })
}

pub fn me() -> Value {
    json!({ "id": "usr_1", "email": "ada@example.com", "name": "ada", "platform_admin": false, "team_id": "team_1",
        "team": "acme", "role": "owner", "teams": [{ "id": "team_1", "name": "acme", "role": "owner" }], "scopes": ["read"], "token_id": "tok_1", "expires_at": "2030-01-02T00:00:00Z" })
}

pub fn app() -> Value {
    json!({ "id": "app_0190b5a0000070008000000000000001", "name": "shop", "labels": {}, "git_url": "http://x/git/acme/shop.git", "generation": 1,
        "created_at": "2026-01-01T00:00:00Z" })
}

pub fn env(serving: Option<i64>) -> Value {
    let mut env = json!({ "id": "env_1", "name": "production", "kind": "production", "protected": false, "stopped": false,
        "generation": 7, "observed_generation": 7, "urls": ["http://shop.localhost:8080"], "conditions": [],
        "created_at": "2026-01-01T00:00:00Z" });
    if let Some(serving) = serving {
        env["serving"] = json!(serving);
    }
    env
}

pub fn deployment(number: i64, state: &str, phase: &str) -> Value {
    let live = matches!(state, "live" | "baking" | "succeeded");
    let finished = matches!(
        state,
        "succeeded" | "failed" | "rolled_back" | "cancelled" | "superseded"
    );
    json!({ "id": "dep_1", "number": number, "state": state, "phase": phase, "finished": finished, "live": live,
        "github_state": "in_progress", "kind": "deploy", "release": number, "release_id": "rel_1", "builds": ["bld_1"],
        "cancel_requested": false, "message": "", "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" })
}

/// A stream of deployments, as the server sends it.
pub fn stream(deployments: &[Value]) -> String {
    deployments
        .iter()
        .map(|d| format!("event: deployment\ndata: {d}\n\n"))
        .collect()
}
