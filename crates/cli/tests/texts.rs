//! What people read when something goes wrong, as they read it: a program of its own, a server that answers from a
//! list. Each text says what failed, why, what is true now, and what to type next; numbers are matched as patterns.
//!
//! `TRYCMD=overwrite` writes the texts anew; put the patterns (`[..]`) back before you commit.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests end the test"
)]

#[allow(dead_code, missing_docs, reason = "the unit tests use the rest of it")]
#[path = "../src/tests/fake.rs"]
mod fake;

use fake::{ENV, Server, deployment, stream};
use segue_model::failure::FailureCode;
use serde_json::json;

/// What the server has seen of each failure, in its own words.
const EVIDENCE: &[(&str, &str)] = &[
    (
        "build_failed",
        "step 4/7 RUN pip install -r requirements.txt: exit code 1",
    ),
    ("build_timed_out", "stopped after 1800 s in step 4/7"),
    ("build_limit", "step 4/7 was killed at 2 GiB of memory"),
    ("tests_failed", "`pytest -q`: exit code 1"),
    ("nothing_detected", "README.md"),
    (
        "no_start_command",
        "requirements.txt was found, and neither a Procfile nor an application object",
    ),
    ("runtime_missing", "python 3.14 is wanted; 3.11 is there"),
    (
        "dockerfile_unsupported",
        "line 1: `# syntax=docker/dockerfile:1`",
    ),
    ("image_not_pullable", "ngnix:1.27: no such image"),
    ("container_refused", "invalid mount path"),
    (
        "exec_format",
        "web.1 on host-a: exec /app/server: exec format error",
    ),
    (
        "command_not_found",
        "web.1 on host-a: gunicorn: not found (exit code 127)",
    ),
    (
        "health_port_mismatch",
        "web.1 on host-a: GET / → connection refused (12 tries); the process listens on 0.0.0.0:3000, expected 0.0.0.0:8080",
    ),
    (
        "health_loopback",
        "web.1 on host-a: GET / → connection refused (12 tries); the process listens on 127.0.0.1:8080",
    ),
    (
        "health_timeout",
        "web.1 on host-a: GET /healthz → no answer within 2 s (12 tries)",
    ),
    (
        "health_status",
        "web.1 on host-a: GET /healthz → 301 to https://shop.localhost/healthz",
    ),
    (
        "exited_at_once",
        "web.1 on host-a: exit code 1 after 2 s, 3 times",
    ),
    (
        "out_of_memory",
        "web.1 on host-a was killed at its limit of 64 MiB",
    ),
    ("no_capacity", "host-a: 4 GiB of memory wanted, 2 GiB free"),
    ("variable_missing", "STRIPE_KEY"),
    ("secret_missing", "STRIPE_KEY"),
    (
        "release_command_failed",
        "`python manage.py migrate`: exit code 1",
    ),
    (
        "progress_deadline",
        "nothing changed for 600 s: web 1 of 2 ready",
    ),
    ("error_rate", "5xx: 12 % of 4 000 requests, before 0.1 %"),
    ("too_slow", "p95: 2 400 ms, before 120 ms"),
    ("cancelled", "by ada"),
    ("run_unknown", "host-a has no such container any more"),
    ("internal", "request req-1"),
];

async fn server() -> Server {
    let server = Server::start().await;
    server
        .on("GET /v1/me", 200, fake::me())
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app());
    for code in FailureCode::ALL {
        let evidence = EVIDENCE
            .iter()
            .find(|(known, _)| *known == code.as_str())
            .map(|(_, evidence)| *evidence)
            .unwrap_or_else(|| panic!("no evidence for {code}: write one, and its text"));
        let env = ENV.replace("production", &code.as_str().replace('_', "-"));
        let mut failed = deployment(4, "failed", "done");
        failed["failure"] = json!({ "code": code.as_str(), "sentence": code.sentence(), "evidence": evidence,
            "hint": code.hint() });
        let begun = if code.as_str().contains("build") {
            deployment(4, "building", "build")
        } else {
            deployment(4, "starting", "start")
        };
        let line = json!({ "items": [{ "at": "2026-01-01T00:00:00Z", "stream": "stderr", "text": "the last line" }] });
        server
            .on(&format!("GET {env}"), 200, fake::env(Some(3)))
            .on(&format!("GET {env}/deployments/4"), 200, failed.clone())
            .on(&format!("GET {env}/logs"), 200, line.clone())
            .on(&format!("GET {env}/builds/bld_1/log"), 200, line)
            .events(
                &format!("GET {env}/deployments/4/events"),
                &stream(&[begun, failed]),
            );
    }
    refusals(&server);
    server
}

/// Requests that are refused before anything is done.
fn refusals(server: &Server) {
    let deployments = format!("POST {ENV}/deployments");
    server
        .on(&format!("GET {ENV}"), 200, fake::env(Some(3)))
        .problem(
            &deployments,
            422,
            "secret_missing",
            "STRIPE_KEY is required and has no value",
        )
        .problem(
            "POST /v1/teams/acme/apps",
            409,
            "conflict",
            "the team has an app `shop` already",
        )
        .problem(
            "GET /v1/teams/acme/apps",
            401,
            "unauthenticated",
            "the token is not known",
        )
        .problem(
            "GET /v1/hosts",
            403,
            "forbidden",
            "this needs a platform admin",
        )
        .problem(
            "POST /v1/teams/acme/apps/shop/sources/fetch",
            422,
            "fetch_failed",
            "git.example.com has no such repository, or does not show it",
        )
        .on("GET /v1/teams/acme/webhooks", 200, json!({ "items": [] }))
        .problem(
            "GET /v1/me/tokens",
            429,
            "rate_limited",
            "too many requests: try again in 12 s",
        )
        .problem(
            &format!("GET {ENV}/config"),
            503,
            "unavailable",
            "the database is being started",
        )
        .text(
            &format!("GET {ENV}/secrets"),
            502,
            "<html>Bad Gateway</html>",
        );
}

/// The example that cargo builds beside the tests.
fn program() -> std::path::PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = own.parent().and_then(|deps| deps.parent()).unwrap();
    let path = built.join("examples/segue");
    assert!(
        path.exists(),
        "{} is missing: cargo build -p segue-cli --example segue",
        path.display()
    );
    path
}

#[test]
fn texts_are_as_people_read_them() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(server());
    let home = tempfile::tempdir().unwrap();
    let cases = trycmd::TestCases::new();
    let program = program();
    cases
        .register_bin("segue", program)
        .default_bin_name("segue")
        .timeout(std::time::Duration::from_secs(120))
        .env("HOME", home.path().display().to_string())
        .env("SEGUE_SERVER", &server.url)
        .env("SEGUE_TOKEN", "seg_secret")
        .env("SEGUE_TEAM", "acme")
        .env("SEGUE_APP", "shop")
        .env("NO_COLOR", "1");
    cases
        .insert_var("[SERVER]", server.url.clone())
        .unwrap()
        .case("tests/cmd/*.trycmd")
        .run();
}

/// Every code of failure has its text.
#[test]
fn every_failure_has_a_text() {
    let written = include_str!("cmd/failures.trycmd");
    for code in FailureCode::ALL {
        assert!(
            written.contains(&format!("code: {code}")),
            "{code} is missing in tests/cmd/failures.trycmd"
        );
    }
}
