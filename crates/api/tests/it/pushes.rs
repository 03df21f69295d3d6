//! Pushes of a real git: followed, rejected with their deployment, attached to, refused.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use axum::http::Method;
use segue_model::failure::{Failure, FailureCode};
use serde_json::json;
use tokio::time::timeout;

use crate::harness::Person;
use crate::live::{PATIENCE, Server, id_of, settle};

/// A working copy with one commit.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn new() -> Self {
        let copy = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        copy.git(&["init", "--quiet", "--initial-branch=main"]);
        copy.write("Dockerfile", "FROM scratch\n");
        copy.commit("first");
        copy
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "."]);
        self.git(&[
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.com",
            "commit",
            "--quiet",
            "-m",
            message,
        ]);
    }

    fn git(&self, arguments: &[&str]) {
        let status = std::process::Command::new("/usr/bin/git")
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .status()
            .unwrap();
        assert!(status.success(), "git {arguments:?}");
    }

    fn push(
        &self,
        server: &Server,
        person: &Person,
        app: &str,
        arguments: &[&str],
    ) -> tokio::process::Child {
        let address = server.url.strip_prefix("http://").unwrap();
        let url = format!("http://x:{}@{address}/git/acme/{app}.git", person.token);
        tokio::process::Command::new("/usr/bin/git")
            .arg("push")
            .args(&arguments[..arguments.len() - 1])
            .arg(url)
            .arg(arguments[arguments.len() - 1])
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Git starts helpers; Ctrl-C at a terminal reaches them all, and so does the test.
            .process_group(0)
            .spawn()
            .unwrap()
    }
}

async fn ended(child: tokio::process::Child) -> (bool, String) {
    let Output { status, stderr, .. } = timeout(PATIENCE, child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    (
        status.success(),
        String::from_utf8_lossy(&stderr).into_owned(),
    )
}

/// What Ctrl-C does.
async fn interrupt(mut push: tokio::process::Child) {
    let group = i32::try_from(push.id().unwrap()).unwrap();
    let group = rustix::process::Pid::from_raw(group).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    let status = timeout(PATIENCE, push.wait()).await.unwrap().unwrap();
    assert!(!status.success());
}

async fn exists(server: &Server, person: &Person, path: &str) -> serde_json::Value {
    let found = async {
        loop {
            let answer = server.api.get(path, person).await;
            if answer.status == 200 {
                return answer.body;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, found).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_is_deployed_followed_and_rejected_with_its_deployment() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    api.post("/v1/teams/acme/apps", &owner, json!({"name": "shop"}))
        .await
        .expect(201);
    let env_path = "/v1/teams/acme/apps/shop/envs/production";
    let copy = Copy::new();

    // The first push makes production and ends when the deployment is live.
    let push = copy.push(&server, &owner, "shop", &["main"]);
    exists(&server, &owner, &format!("{env_path}/deployments/1")).await;
    let env = id_of(&api.get(env_path, &owner).await.expect(200));
    settle(&server, env, 1, None).await;
    let (good, text) = ended(push).await;
    assert!(good, "{text}");
    for line in [
        "remote: → shop, deployment #1, pushed by acme@example.com",
        "✓ v1 live",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }

    // A deployment that fails rejects the push; the ref stays, so the same commit can be pushed again.
    copy.write("Dockerfile", "FROM scratch\n# broken\n");
    copy.commit("broken");
    let push = copy.push(&server, &owner, "shop", &["main"]);
    exists(&server, &owner, &format!("{env_path}/deployments/2")).await;
    let failure = Failure {
        code: FailureCode::BuildFailed,
        evidence: "step 3 of 4".into(),
    };
    settle(&server, env, 2, Some(failure)).await;
    let (good, text) = ended(push).await;
    assert!(
        !good && text.contains("pre-receive hook declined"),
        "{text}"
    );
    for line in [
        "✗ deployment #2 failed",
        "a build step failed: step 3 of 4",
        "code: build_failed",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let push = copy.push(&server, &owner, "shop", &["main"]);
    exists(&server, &owner, &format!("{env_path}/deployments/3")).await;

    // Another commit has to wait; the same one attaches and makes no deployment.
    copy.write("Dockerfile", "FROM scratch\n# third\n");
    copy.commit("third");
    let (good, text) = ended(copy.push(&server, &owner, "shop", &["main"])).await;
    assert!(
        !good && text.contains("another push to shop is being deployed"),
        "{text}"
    );
    // The client leaves; nothing is cancelled, and a push of the same commit goes on with it.
    interrupt(push).await;
    let push = copy.push(&server, &owner, "shop", &["HEAD~1:refs/heads/main"]);
    let mut push_output = push;
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(push_output.stderr.take().unwrap());
    let attached = async {
        use tokio::io::AsyncBufReadExt;
        while !line.contains("deployment #3") {
            line.clear();
            assert!(
                reader.read_line(&mut line).await.unwrap() > 0,
                "the push ended early"
            );
        }
    };
    timeout(PATIENCE, attached).await.unwrap();
    settle(&server, env, 3, None).await;
    let status = timeout(PATIENCE, push_output.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success());
    assert_eq!(
        api.get(&format!("{env_path}/deployments/4"), &owner)
            .await
            .status,
        404
    );

    // Nobody waits with -o detach.
    let (good, text) = ended(copy.push(&server, &owner, "shop", &["-o", "detach", "main"])).await;
    assert!(good && text.contains("deployment #4"), "{text}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_that_cannot_be_are_refused_with_a_sentence_and_nothing_is_deployed() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let viewer = api
        .member(owner.team, "viewer", segue_store::Role::Viewer)
        .await;
    let stranger = api.team("other", false).await;
    let env_path = api.app(&owner, "acme", "shop").await;
    let copy = Copy::new();
    let cases: [(&Person, &str, &[&str], &str); 8] = [
        (
            &owner,
            "shop",
            &["main:refs/heads/feature"],
            "only `main` is deployed",
        ),
        (
            &owner,
            "shop",
            &["main:refs/tags/v1"],
            "only `main` is deployed",
        ),
        (
            &owner,
            "shop",
            &["main:refs/notes/x"],
            "neither a branch nor a tag",
        ),
        (
            &owner,
            "shop",
            &["-o", "env=nope", "main"],
            "has no environment nope",
        ),
        (
            &owner,
            "shop",
            &["-o", "force", "main"],
            "unknown push option",
        ),
        (&owner, "nowhere", &["main"], "not found"),
        (&stranger, "shop", &["main"], "not found"),
        (&viewer, "shop", &["main"], "403"),
    ];
    for (person, app, arguments, expected) in cases {
        let (good, text) = ended(copy.push(&server, person, app, arguments)).await;
        assert!(!good && text.contains(expected), "{arguments:?}: {text}");
    }
    let list = api
        .get(&format!("{env_path}/deployments"), &owner)
        .await
        .expect(200);
    assert_eq!(list["items"], json!([]));
    // The dumb protocol and other files do not exist.
    for path in ["HEAD", "config", "objects/info/packs", "info/refs"] {
        let uri = format!("/git/acme/shop.git/{path}");
        let answer = api
            .call(Method::GET, &uri, Some(&owner.token), None, &[])
            .await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert!(Path::new(&api.config.git_root).exists());
    server.end().await;
}
