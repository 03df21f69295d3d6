//! What this machine does to a command: files that cannot be read, streams that are closed, nobody to ask.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::*;

/// A stream on which nobody listens any more, or that has no room.
struct Closed(io::ErrorKind);

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Input that breaks off.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the other end was reset"))
    }
}

/// What a command leaves where its output goes nowhere.
async fn without_output(world: &World, line: &str, kind: io::ErrorKind) -> (Exit, String) {
    let stderr = Kept::default();
    let mut host = world.host(world.folder.path(), &Kept::default(), &stderr);
    host.stdout = Box::new(Closed(kind));
    let args = shell_words::split(&format!("segue {line}")).unwrap();
    let exit = crate::run_on(&mut host, args.into_iter().map(Into::into)).await;
    (exit, stderr.text())
}

/// A server that has something to say to commands that print.
async fn talkative() -> fake::Server {
    let server = fake::Server::start().await;
    let line = json!({ "at": "2026-01-01T00:00:00Z", "stream": "stdout", "text": "hello" });
    let env = fake::ENV;
    server
        .on("GET /v1/me", 200, fake::me())
        .on(
            "GET /v1/teams/acme/apps",
            200,
            json!({ "items": [fake::app()] }),
        )
        .on(&format!("GET {env}"), 200, fake::env(Some(3)))
        .on(
            &format!("GET {env}/config"),
            200,
            json!({ "version": 1, "values": { "A": "1" } }),
        )
        .events(
            &format!("GET {env}/logs"),
            &format!("event: line\ndata: {line}\n\n"),
        )
        .export("GET /v1/teams/acme/audit-events", "{}\n");
    server
}

#[tokio::test]
async fn a_reader_that_went_away_is_no_failure_worth_words() {
    let server = talkative().await;
    let world = world(&server.url);
    for line in [
        "apps list",
        "apps list --json",
        "config list",
        "open --print",
        "logs -f",
        "audit export",
        "whoami",
        "api GET /v1/me",
        "completion bash",
    ] {
        let (exit, text) = without_output(&world, line, io::ErrorKind::BrokenPipe).await;
        assert_eq!((exit, text.as_str()), (Exit::Interrupted, ""), "{line}");
        let (exit, text) = without_output(&world, line, io::ErrorKind::StorageFull).await;
        assert_eq!(exit, Exit::Failed, "{line}: {text}");
        assert!(
            text.contains("✗ the output cannot be written"),
            "{line}: {text}"
        );
    }
    // Help that nobody reads, and a failure that only stderr hears of.
    for (line, expected) in [
        ("--help", Exit::Ok),
        ("up --nonsense --json", Exit::Usage),
        ("apps list --json --server http://127.0.0.1:9", Exit::Failed),
    ] {
        let (exit, _) = without_output(&world, line, io::ErrorKind::BrokenPipe).await;
        assert_eq!(exit, expected, "{line}");
    }
}

/// Commands that take something from stdin.
const FROM_STDIN: &[&str] = &[
    "secret set KEY",
    "credentials set ghcr.io --user bot",
    "teams join",
    "webhooks create ops",
    "login --token",
    "config import -",
    "import procfile -",
    "api POST /v1/x -d @-",
];

#[tokio::test]
async fn stdin_that_is_closed_empty_broken_or_no_text_changes_nothing() {
    let server = fake::Server::start().await;
    let mut texts = String::new();
    for line in FROM_STDIN {
        let inputs: [(&str, Box<dyn Read + Send>); 4] = [
            ("closed", Box::new(io::empty())),
            ("broken", Box::new(Broken)),
            (
                "no text",
                Box::new(io::Cursor::new(vec![0xff, 0xfe, b'\n'])),
            ),
            ("endless", Box::new(io::repeat(b'x'))),
        ];
        for (kind, stdin) in inputs {
            // The API takes any bytes.
            if line.starts_with("api") && matches!(kind, "closed" | "no text") {
                continue;
            }
            let world = world(&server.url);
            let (stdout, stderr) = (Kept::default(), Kept::default());
            let mut host = world.host(world.folder.path(), &stdout, &stderr);
            host.stdin = stdin;
            let args = shell_words::split(&format!("segue {line}")).unwrap();
            let exit = crate::run_on(&mut host, args.into_iter().map(Into::into)).await;
            let ran = Ran {
                exit,
                stdout: stdout.text(),
                stderr: world.stable(&stderr.text()),
            };
            assert_ne!(exit, Exit::Ok, "{line}, {kind}: {}", ran.stdout);
            let text = told(line, &server.url, &ran, exit);
            let _ = writeln!(
                texts,
                "$ segue {line}   # stdin is {kind}\n? {}\n{text}",
                exit.code()
            );
        }
    }
    let lines = server.lines();
    assert!(
        lines.iter().all(|line| line.starts_with("GET ")),
        "{lines:?}"
    );
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn questions_without_a_terminal_or_answered_otherwise_change_nothing() {
    let server = fake::Server::start().await;
    let member = json!({ "user": "usr_2", "email": "eve@example.com", "name": "eve", "role": "viewer", "roles": [],
        "created_at": "2026-01-01T00:00:00Z" });
    server
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {}", fake::ENV), 200, fake::env(Some(3)))
        .on(
            "GET /v1/teams/acme/members",
            200,
            json!({ "items": [member] }),
        );
    let mut texts = String::new();
    for line in [
        "apps destroy shop",
        "envs destroy production",
        "teams destroy acme",
        "teams members remove eve@example.com",
    ] {
        for terminal in [false, true] {
            let world = world(&server.url);
            let (stdout, stderr) = (Kept::default(), Kept::default());
            let mut host = world.host(world.folder.path(), &stdout, &stderr);
            host.stdin = Box::new(io::Cursor::new(b"n\n".to_vec()));
            host.stdin_terminal = terminal;
            let args = shell_words::split(&format!("segue {line}")).unwrap();
            let exit = crate::run_on(&mut host, args.into_iter().map(Into::into)).await;
            let expected = if terminal { Exit::Failed } else { Exit::Usage };
            assert_eq!(exit, expected, "{line}");
            let _ = writeln!(texts, "$ segue {line}\n{}", stderr.text());
        }
    }
    let lines = server.lines();
    assert!(
        lines.iter().all(|line| line.starts_with("GET ")),
        "{lines:?}"
    );
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn files_that_are_missing_folders_no_text_or_too_large_are_told() {
    let server = fake::Server::start().await;
    let world = world(&server.url);
    let put = |name: &str, bytes: &[u8]| {
        std::fs::write(world.folder.path().join(name), bytes).unwrap();
    };
    put("binary", &[0xff, 0xfe, 0]);
    put("large", &vec![b'#'; 3 << 20]);
    put("wrong", b"\x1b[2Jno: [");
    std::fs::create_dir(world.folder.path().join("folder")).unwrap();
    let mut texts = String::new();
    for command in [
        "plan -f",
        "apply -f",
        "config import",
        "import compose --force",
        "import fly --force",
        "import render --force",
        "import app-json --force",
    ] {
        for file in ["missing", "folder", "binary", "large", "wrong"] {
            let line = format!("{command} {file}");
            let ran = world.run(&line).await;
            assert_ne!(ran.exit, Exit::Ok, "{line}");
            let text = told(&line, &server.url, &ran, ran.exit);
            assert!(!text.contains("\u{1b}[2J"), "{line}: {text:?}");
            let _ = writeln!(texts, "$ segue {line}\n? {}\n{text}", ran.exit.code());
        }
    }
    let lines = server.lines();
    assert!(
        lines.iter().all(|line| line.starts_with("GET ")),
        "{lines:?}"
    );
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn what_this_program_keeps_may_be_spoilt() {
    let mut texts = String::new();
    for (path, bytes) in [
        ("credentials.toml", &b"current = "[..]),
        (
            "credentials.toml",
            b"[servers.\"http://x\"]\ntoken = \"seg_secret\"\nmore = 1\n",
        ),
        ("credentials.toml", &[0xff, 0xfe]),
        ("link.toml", b"app = 3"),
        ("link.toml", &[0xff, 0xfe]),
    ] {
        let world = World::new(FILES).var("SEGUE_SERVER", "http://127.0.0.1:9");
        let file = match path {
            "link.toml" => world.folder.path().join(".segue/link.toml"),
            name => world.config(name),
        };
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, bytes).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        for line in [
            "status",
            "up",
            "login --token x",
            "logout",
            "teams switch other",
        ] {
            // What is kept beside a folder does not hinder leaving a server.
            let ran = world.run(line).await;
            assert_ne!(ran.exit, Exit::Ok, "{line}");
            let text = told(line, "http://127.0.0.1:9", &ran, ran.exit);
            let _ = writeln!(
                texts,
                "$ segue {line}   # {path}\n? {}\n{text}",
                ran.exit.code()
            );
        }
    }
    let world = World::new(FILES).var("SEGUE_SERVER", "http://127.0.0.1:9");
    std::fs::create_dir_all(world.config("credentials.toml")).unwrap();
    let text = told(
        "status",
        "http://127.0.0.1:9",
        &world.run("status").await,
        Exit::Failed,
    );
    let _ = writeln!(
        texts,
        "$ segue status   # credentials.toml is a folder\n{text}"
    );
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn another_team_that_nobody_signed_in_to_is_told() {
    let world = World::new(&[]).var("SEGUE_SERVER", "http://127.0.0.1:9");
    let text = told(
        "teams switch other",
        "-",
        &world.run("teams switch other").await,
        Exit::SignedOut,
    );
    insta::assert_snapshot!(text);
}
