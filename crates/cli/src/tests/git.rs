//! Git: who is answered, what `init` leaves in a repository; and the manual.

use std::process::Command;

use super::*;

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn signed_in(world: World) -> World {
    let path = world.config("credentials.toml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = "current = \"http://127.0.0.1:9\"\n[servers.\"http://127.0.0.1:9\"]\ntoken = \"seg_secret\"\nteam = \"acme\"\n\
                [servers.\"https://other.example.com\"]\ntoken = \"seg_other\"\n";
    std::fs::write(&path, text).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    world
}

#[tokio::test]
async fn git_is_answered_for_servers_somebody_signed_in_to_and_for_no_other() {
    for (question, answer) in [
        (
            "protocol=http\nhost=127.0.0.1:9\n\n",
            "username=segue\npassword=seg_secret\n",
        ),
        (
            "protocol=https\nhost=other.example.com\npath=git/a/b.git\n\n",
            "username=segue\npassword=seg_other\n",
        ),
        ("protocol=https\nhost=127.0.0.1:9\n\n", ""),
        ("protocol=http\nhost=127.0.0.1:10\n\n", ""),
        ("protocol=http\nhost=127.0.0.1\n\n", ""),
        ("protocol=http\nhost=other.example.com\n\n", ""),
        (
            "protocol=https\nhost=other.example.com.evil.example\n\n",
            "",
        ),
        (
            "protocol=https\nhost=other.example.com@evil.example\n\n",
            "",
        ),
        ("protocol=http\nhost=127.0.0.1:9@evil.example\n\n", ""),
        ("", ""),
        ("nonsense", ""),
    ] {
        let world = signed_in(World::new(&[])).input(question);
        let ran = world.run("git-credential get").await;
        assert_eq!(
            (ran.exit, ran.stdout.as_str()),
            (Exit::Ok, answer),
            "{question}"
        );
        for verb in ["store", "erase", "capability"] {
            let ran = world.run(&format!("git-credential {verb}")).await;
            assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Ok, ""), "{verb}");
        }
        let kept = std::fs::read_to_string(world.config("credentials.toml")).unwrap();
        assert!(kept.contains("seg_secret"));
    }
}

#[tokio::test]
async fn a_variables_token_is_for_the_variables_server() {
    let world = World::new(&[])
        .var("SEGUE_SERVER", "http://127.0.0.1:9")
        .var("SEGUE_TOKEN", "seg_variable");
    let ours = world.input("protocol=http\nhost=127.0.0.1:9\n\n");
    let ran = ours.run("git-credential get").await;
    assert_eq!(ran.stdout, "username=segue\npassword=seg_variable\n");
    let foreign = ours.input("protocol=http\nhost=127.0.0.1:10\n\n");
    assert_eq!(foreign.run("git-credential get").await.stdout, "");
}

#[tokio::test]
async fn init_leads_git_to_the_server_and_signs_it_in() {
    let world = signed_in(World::new(&[("index.html", "x")]));
    let folder = world.folder.path().to_owned();
    git(&folder, &["init", "-q"]);
    let ran = world.run("init --app shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("✓ git remote segue → http://127.0.0.1:9/git/acme/shop.git"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        git(&folder, &["remote", "get-url", "segue"]),
        "http://127.0.0.1:9/git/acme/shop.git\n"
    );
    let helpers = git(
        &folder,
        &[
            "config",
            "--get-all",
            "credential.http://127.0.0.1:9.helper",
        ],
    );
    let helpers: Vec<&str> = helpers.lines().collect();
    assert_eq!(helpers.len(), 2, "{helpers:?}");
    assert_eq!(helpers[0], "");
    assert!(
        helpers[1].starts_with('!') && helpers[1].ends_with(" git-credential"),
        "{helpers:?}"
    );
    // The same again finds it as it is; what leads elsewhere is left alone.
    let ran = world.run("init --app shop --force").await;
    assert!(!ran.stderr.contains("remote"), "{}", ran.stderr);
    git(
        &folder,
        &["remote", "set-url", "segue", "https://elsewhere"],
    );
    let ran = world.run("init --app shop --force").await;
    assert!(ran.stderr.contains("left alone"), "{}", ran.stderr);
    assert_eq!(
        git(&folder, &["remote", "get-url", "segue"]),
        "https://elsewhere\n"
    );
    // A manifest that is there already is kept, and the remote still made.
    git(&folder, &["remote", "remove", "segue"]);
    let ran = world.run("init").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(world.run("init").await.exit, Exit::Failed);
}

#[tokio::test]
async fn a_folder_inside_of_a_repository_gets_no_remote() {
    let world = signed_in(World::new(&[("part/index.html", "x")]));
    git(world.folder.path(), &["init", "-q"]);
    let ran = world
        .run_in(&world.folder.path().join("part"), "init --app shop")
        .await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(git(world.folder.path(), &["remote"]), "");
}

#[tokio::test]
async fn every_command_has_a_page_of_the_manual() {
    let world = World::new(&[]);
    let ran = world.run("man pages").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    for page in [
        "segue.1",
        "segue-up.1",
        "segue-config-set.1",
        "segue-git-credential.1",
    ] {
        let text = world.read(&format!("pages/{page}"));
        assert!(text.contains(".TH"), "{page}: {text}");
    }
}
