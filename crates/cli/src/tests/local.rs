//! Commands that need no server.

use super::*;

#[tokio::test]
async fn the_help_is_short_and_complete() {
    let ran = World::new(&[]).run("--help").await;
    assert_eq!(ran.exit, Exit::Ok);
    insta::assert_snapshot!(ran.stdout);
    assert_eq!(ran.stderr, "");
}

#[tokio::test]
async fn wrong_usage_ends_with_2_and_says_so_on_stderr() {
    for line in [
        "",
        "nonsense",
        "scale",
        "scale web",
        "scale web=many",
        "rollback 1.2",
        "api FETCH /x",
        "config set a-b=1",
        "logs --since soon",
        "up --timeout x",
    ] {
        let ran = World::new(&[]).run(line).await;
        assert_eq!(
            (ran.exit, ran.stdout.as_str()),
            (Exit::Usage, ""),
            "{line}: {}",
            ran.stderr
        );
        assert!(!ran.stderr.is_empty(), "{line}");
    }
    assert_eq!(Exit::Usage.code(), 2);
}

#[tokio::test]
async fn init_writes_a_manifest_that_says_what_was_found() {
    let world = World::new(&[
        ("requirements.txt", "flask\ngunicorn\n"),
        ("Procfile", "web: gunicorn app:app\n"),
        ("app.json", r#"{"env": {"STRIPE_KEY": {}}}"#),
    ]);
    let ran = world.run("init --app shop").await;
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Ok, ""));
    insta::assert_snapshot!(format!("{}---\n{}", ran.stderr, world.read("segue.toml")));
    let again = world.run("init --app shop").await;
    assert_eq!(again.exit, Exit::Failed);
    insta::assert_snapshot!(again.stderr);
    assert_eq!(world.run("init --app shop --force").await.exit, Exit::Ok);
}

#[tokio::test]
async fn init_takes_the_folders_name_and_says_when_it_cannot() {
    let world = World::new(&[("My Shop 2/index.html", "x"), ("42/index.html", "x")]);
    let ran = world
        .run_in(&world.folder.path().join("My Shop 2"), "init --json")
        .await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (found["app"].as_str(), found["runtime"].as_str()),
        (Some("my-shop-2"), Some("static"))
    );
    let ran = world.run_in(&world.folder.path().join("42"), "init").await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(
        ran.stderr.contains("segue init --app NAME"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn a_folder_without_anything_known_is_answered_with_a_code() {
    let ran = World::new(&[("README", "hello")]).run("init").await;
    assert_eq!(ran.exit, Exit::Failed);
    insta::assert_snapshot!(ran.stderr);
}

#[tokio::test]
async fn the_dockerfile_can_be_seen() {
    let world = World::new(&[("package.json", r#"{"scripts": {"start": "node s.js"}}"#)]);
    let ran = world.run("init --app shop --print-dockerfile").await;
    assert!(
        ran.stdout.starts_with("# Written by Segue for Node.js"),
        "{}",
        ran.stdout
    );
    assert!(!world.folder.path().join("segue.toml").exists());
}

#[tokio::test]
async fn a_wrong_manifest_is_told_with_lines_reasons_and_suggestions() {
    let world = World::new(&[(
        "segue.toml",
        "app = \"shop\"\n[services.web]\nreplcias = 2\nport = \"80\"\n",
    )]);
    let ran = world
        .var("SEGUE_SERVER", "http://127.0.0.1:9")
        .var("SEGUE_TOKEN", "x")
        .run("up")
        .await;
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Failed, ""));
    insta::assert_snapshot!(ran.stderr);
}

#[tokio::test]
async fn nobody_signed_in_ends_with_4() {
    let ran = World::new(&[]).run("apps list").await;
    assert_eq!((ran.exit, Exit::SignedOut.code()), (Exit::SignedOut, 4));
    insta::assert_snapshot!(ran.stderr);
}

#[tokio::test]
async fn the_app_is_looked_for_in_one_order() {
    use crate::args::Cli;
    use crate::target::Target;
    use clap::Parser;
    let world = World::new(&[("segue.toml", "app = \"manifest\"\n"), ("sub/x", "")]);
    world.write(".segue/link.toml", "app = \"link\"\nenv = \"linked\"\n");
    let of = |vars: &[(&str, &str)], cwd: &str, line: &str| {
        let host = Host {
            vars: vars
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            cwd: world.folder.path().join(cwd),
            stdin: Box::new(io::empty()),
            stdin_terminal: false,
            stdout: Box::new(io::sink()),
            stderr: Box::new(io::sink()),
            stdout_terminal: false,
            stderr_terminal: false,
            browser: |_| Ok(()),
        };
        let cli =
            Cli::try_parse_from(shell_words::split(&format!("segue {line}")).unwrap()).unwrap();
        let target = Target::of(&host, &cli.global).unwrap();
        format!("{}/{}", target.app, target.env)
    };
    let vars = [("SEGUE_APP", "variable"), ("SEGUE_ENV", "staging")];
    assert_eq!(of(&vars, "", "ps -a flag -e flagged"), "flag/flagged");
    assert_eq!(of(&vars, "", "ps"), "variable/staging");
    assert_eq!(of(&[], "sub", "ps"), "manifest/linked");
    std::fs::remove_file(world.folder.path().join("segue.toml")).unwrap();
    assert_eq!(of(&[], "sub", "ps"), "link/linked");
    std::fs::remove_file(world.folder.path().join(".segue/link.toml")).unwrap();
    let ran = world
        .var("SEGUE_SERVER", "http://127.0.0.1:9")
        .var("SEGUE_TOKEN", "x")
        .var("SEGUE_TEAM", "t")
        .run("ps")
        .await;
    assert_eq!(ran.exit, Exit::Usage);
    insta::assert_snapshot!(ran.stderr);
}

#[tokio::test]
async fn a_completion_script_is_data() {
    let ran = World::new(&[]).run("completion bash").await;
    assert!(ran.stdout.contains("_segue()") && ran.stderr.is_empty());
}

#[tokio::test]
async fn credentials_that_others_can_read_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(&[]);
    let path = world.config("credentials.toml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "current = \"http://127.0.0.1:9\"\n[servers.\"http://127.0.0.1:9\"]\ntoken = \"seg_secret\"\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = world.run("whoami").await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.stderr.contains("chmod 600") && !ran.stderr.contains("seg_secret"),
        "{}",
        ran.stderr
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "token = seg_secret").unwrap();
    let ran = world.run("whoami").await;
    assert!(
        ran.stderr.contains("not valid TOML") && !ran.stderr.contains("seg_secret"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn a_token_does_not_travel_in_the_clear() {
    let world = World::new(&[])
        .var("SEGUE_SERVER", "http://segue.example.com")
        .var("SEGUE_TOKEN", "x");
    let ran = world.run("whoami").await;
    assert_eq!(ran.exit, Exit::Usage);
    insta::assert_snapshot!(ran.stderr);
    let odd = World::new(&[])
        .var("SEGUE_SERVER", "ftp://x")
        .var("SEGUE_TOKEN", "x")
        .run("whoami")
        .await;
    assert_eq!(odd.exit, Exit::Usage);
}

#[test]
fn a_request_and_the_servers_role_are_told_apart() {
    let is = |line: &str| crate::is_api_call(&line.split(' ').map(Into::into).collect::<Vec<_>>());
    assert!(is("segue api GET /v1/me") && is("segue api post /v1/x --data @-"));
    assert!(!is("segue api") && !is("segue api --config x") && !is("segue apps GET"));
}

#[tokio::test]
async fn another_tools_file_becomes_a_manifest_and_what_is_lost_is_told() {
    let compose =
        "services:\n  web:\n    image: nginx:1\n    ports: ['80:80']\n    privileged: true\n";
    let world = World::new(&[("compose.yml", compose), ("fly.toml", "app = 'from-fly'\n")]);
    let ran = world.run("import compose compose.yml --app shop").await;
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Ok, ""));
    insta::assert_snapshot!(format!("{}---\n{}", ran.stderr, world.read("segue.toml")));
    let again = world.run("import compose compose.yml --app shop").await;
    assert_eq!(again.exit, Exit::Failed, "nothing is overwritten");
    let ran = world.run("import fly fly.toml -o - ").await;
    assert_eq!(
        (ran.exit, ran.stdout.as_str()),
        (Exit::Ok, "app = \"from-fly\"\n")
    );
    let ran = world
        .run("import compose compose.yml --app shop -o - --json")
        .await;
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        value["not_carried_over"][1]["key"],
        "services.web.privileged"
    );
    world.write("bad.yml", "a: &a [*a]");
    for (line, exit) in [
        ("import compose bad.yml --app shop -o -", Exit::Failed),
        ("import compose missing.yml --app shop", Exit::Usage),
        ("import nonsense compose.yml", Exit::Usage),
    ] {
        assert_eq!(world.run(line).await.exit, exit, "{line}");
    }
}
