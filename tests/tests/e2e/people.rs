//! What people hand in: the smallest YAML and its edits, wrong manifests, pushes that are refused or left alone,
//! archives that nobody should send.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use segue_tests::images::{image, probeapp};
use segue_tests::load::{Load, Mix};
use segue_tests::machine::{Machine, docker, share_engine, wait_for};
use serde_json::Value;

use crate::switch::load;

/// Requests that may be sent again without a person's leave.
fn reads(machine: &Machine, host: &str) -> Load {
    Load {
        mix: Mix {
            keep_alive: 3,
            fresh: 1,
            post: 0,
        },
        websockets: 0,
        ..load(machine, host, 100)
    }
}

/// Containers of a service that run.
fn running(machine: &Machine, service: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for id in machine.containers(service)? {
        let format = ["inspect", "-f", "{{.State.Running}}", &id];
        let output = docker().args(format).output()?;
        if String::from_utf8_lossy(&output.stdout).trim() == "true" {
            found.push(id);
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_lines_of_yaml_are_kept_true() -> anyhow::Result<()> {
    share_engine()?;
    let machine = Machine::start()?;
    let name = image("segue-test/people:v1", &[("VERSION", "v1")])?;
    let folder = machine.state();
    let file = folder.join("app.yaml");
    let lines = |replicas: u32| {
        format!("application: my-app\nimage: {name}\nreplicas: {replicas}\nport: 8080\n")
    };

    std::fs::write(&file, lines(3))?;
    machine.cli(&folder, &["apply", "-f", "app.yaml"])?;
    let three = running(&machine, "web")?;
    ensure!(three.len() == 3, "{three:?}");

    // One goes by somebody's hand; nobody's request is lost, and it comes back as another.
    let load = reads(&machine, "my-app.localhost").start();
    wait_for("an answer", || {
        Ok((load.so_far().requests > 50).then_some(()))
    })?;
    let removed = three.first().context("no container")?;
    let output = docker().args(["rm", "-f", removed]).output()?;
    ensure!(output.status.success(), "{output:?}");
    wait_for("three containers again", || {
        let now = running(&machine, "web")?;
        Ok((now.len() == 3 && !now.contains(removed)).then_some(()))
    })?;
    // It is there again, and it serves.
    wait_for("three ready instances", || {
        let rows = machine.cli(&folder, &["ps", "--app", "my-app", "--json"])?;
        Ok((rows.matches("\"ready\"").count() >= 3).then_some(()))
    })?;

    // An edited figure is planned, and the plan changes nothing.
    std::fs::write(&file, lines(2))?;
    let planned = machine.try_cli(&folder, &["apply", "-f", "app.yaml", "--dry-run"])?;
    let said = String::from_utf8_lossy(&planned.stdout).into_owned();
    ensure!(planned.status.success(), "{planned:?}");
    ensure!(said.contains("scale") && said.contains("3 → 2"), "{said}");
    ensure!(
        running(&machine, "web")?.len() == 3,
        "a plan was carried out"
    );
    // And it is done.
    machine.cli(&folder, &["apply", "-f", "app.yaml"])?;
    wait_for("two containers", || {
        Ok((running(&machine, "web")?.len() == 2).then_some(()))
    })?;
    let report = load.stop().await;
    println!("{}", report.summary());
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );

    wrong_manifests(&machine)?;
    hostile_archives(&machine)?;
    machine.stop()
}

/// Line, reason and suggestion; nothing is changed.
fn wrong_manifests(machine: &Machine) -> anyhow::Result<()> {
    let folder = machine.state().join("wrong");
    std::fs::create_dir_all(&folder)?;
    let cases = [
        (
            "segue.toml",
            "app = \"my-app\"\n[services.web]\nreplcias = 2\nport = \"8080\"\n",
            vec![
                "line 3",
                "replcias",
                "did you mean `replicas`",
                "line 4",
                "8080",
            ],
        ),
        (
            "app.yaml",
            "application: my-app\nimage: a:b\nreplicas: three\n",
            vec!["line 3", "replicas"],
        ),
    ];
    for (name, text, wanted) in cases {
        std::fs::write(folder.join(name), text)?;
        let output = machine.try_cli(&folder, &["apply", "-f", name])?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        println!("{said}");
        ensure!(output.status.code() == Some(1), "{output:?}");
        for word in wanted {
            ensure!(said.contains(word), "{word} is missing: {said}");
        }
        ensure!(said.contains("nothing was changed"), "{said}");
    }
    ensure!(
        running(machine, "web")?.len() == 2,
        "a wrong file had an effect"
    );
    Ok(())
}

/// One entry of an archive as no honest tool writes it: by hand, block by block.
fn member(name: &str, kind: u8, link: &str, data: &[u8]) -> Vec<u8> {
    let size = format!("{:011o}", data.len());
    let fields = [
        (name, 100),
        ("0000644", 8),
        ("0000000", 8),
        ("0000000", 8),
        (&size, 12),
        ("00000000000", 12),
    ];
    let mut head = Vec::new();
    for (text, width) in fields {
        head.extend_from_slice(text.as_bytes());
        head.resize(head.len() + width - text.len(), 0);
    }
    let mut tail = vec![kind];
    tail.extend_from_slice(link.as_bytes());
    tail.resize(101, 0);
    tail.extend_from_slice(b"ustar\x0000");
    tail.resize(512 - 8 - head.len(), 0);
    // The sum counts its own field as eight spaces.
    let sum = head.iter().chain(&tail).map(|b| u32::from(*b)).sum::<u32>() + 8 * u32::from(b' ');
    let mut entry = head;
    entry.extend_from_slice(format!("{sum:06o}\0 ").as_bytes());
    entry.append(&mut tail);
    entry.extend_from_slice(data);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

/// Writes an archive of these entries behind a good one, compressed.
fn archive(folder: &Path, name: &str, entries: &[Vec<u8>]) -> anyhow::Result<PathBuf> {
    let plain = folder.join(name);
    let mut file = File::create(&plain)?;
    file.write_all(&member("Procfile", b'0', "", b"web: ./run\n"))?;
    for entry in entries {
        file.write_all(entry)?;
    }
    file.write_all(&[0; 1024])?;
    let gzip = Command::new("gzip").arg(&plain).status()?;
    ensure!(gzip.success(), "gzip: {gzip}");
    Ok(folder.join(format!("{name}.gz")))
}

/// Everything below a folder, with sizes.
fn listing(folder: &Path) -> anyhow::Result<String> {
    let output = Command::new("find").arg(folder).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Refused with a reason, and nothing of them is kept or written.
fn hostile_archives(machine: &Machine) -> anyhow::Result<()> {
    let path = "/v1/teams/acme/apps/my-app/sources";
    let folder = machine.state().join("archives");
    std::fs::create_dir_all(&folder)?;
    let outside = std::env::temp_dir().join(format!("segue-hostile-{}", std::process::id()));
    let outside_name = outside.display().to_string();
    let cases = [
        ("parent", vec![member("../../hostile", b'0', "", b"x")]),
        ("absolute", vec![member(&outside_name, b'0', "", b"x")]),
        ("link", vec![member("l", b'2', "../../etc", b"")]),
        (
            "through-link",
            vec![
                member("l", b'2', "/", b""),
                member("l/hostile", b'0', "", b"x"),
            ],
        ),
        (
            "hard-link",
            vec![member("l", b'1', "../../etc/passwd", b"")],
        ),
        ("device", vec![member("null", b'3', "", b"")]),
        ("pipe", vec![member("fifo", b'6', "", b"")]),
        (
            "bomb",
            (0..300)
                .map(|i| member(&format!("zeros-{i}"), b'0', "", &vec![0; 1 << 20]))
                .collect(),
        ),
    ];
    let git = machine.state().join("git");
    let before = listing(&git)?;
    for (name, entries) in cases {
        let file = archive(&folder, &format!("{name}.tar"), &entries)?;
        let data = format!("@{}", file.display());
        let octets = [
            "-H",
            "content-type: application/octet-stream",
            "--data-binary",
            &data,
        ];
        let answer = machine.ask("PUT", path, &octets)?;
        println!("{name}: {} {}", answer.status, answer.body);
        ensure!((400..500).contains(&answer.status), "{name}: {answer:?}");
        let problem: Value = serde_json::from_str(&answer.body)?;
        ensure!(problem.get("detail").is_some(), "{name}: {problem}");
        // Nor is it there by the name that it would have.
        let sum = Command::new("sha256sum").arg(&file).output()?;
        let sum = String::from_utf8_lossy(&sum.stdout).into_owned();
        let sum = sum.split(' ').next().unwrap_or_default().to_owned();
        let kept = machine.ask("HEAD", &format!("{path}/{sum}"), &["-I"])?;
        ensure!(kept.status == 404, "{name} is kept: {kept:?}");
        std::fs::remove_file(&file)?;
    }
    ensure!(!outside.exists(), "an archive wrote {}", outside.display());
    ensure!(
        listing(&git)? == before,
        "an archive changed {}",
        git.display()
    );
    // A good one passes the same way, so that the refusals mean something.
    let file = archive(&folder, "good.tar", &[member("run", b'0', "", b"x")])?;
    let data = format!("@{}", file.display());
    let octets = [
        "-H",
        "content-type: application/octet-stream",
        "--data-binary",
        &data,
    ];
    let answer = machine.ask("PUT", path, &octets)?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

/// A repository with the probe application as its source: it needs no base image.
struct Repository {
    folder: PathBuf,
}

impl Repository {
    fn new(machine: &Machine) -> anyhow::Result<Self> {
        let folder = machine.state().join("repository");
        std::fs::create_dir_all(&folder)?;
        std::fs::copy(probeapp()?, folder.join("probeapp"))?;
        let one = Self { folder };
        one.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(one)
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let status = Command::new("git")
            .args(["-c", "user.name=T", "-c", "user.email=t@example.com"])
            .args(arguments)
            .current_dir(&self.folder)
            .status()?;
        ensure!(status.success(), "git {arguments:?}");
        Ok(())
    }

    fn commit(&self, version: &str, more: &str) -> anyhow::Result<()> {
        let text = format!(
            "FROM scratch\nCOPY probeapp /probeapp\nENV VERSION={version}\n{more}EXPOSE 8080\nCMD [\"/probeapp\"]\n"
        );
        std::fs::write(self.folder.join("Dockerfile"), text)?;
        self.git(&["add", "."])?;
        self.git(&["commit", "--quiet", "-m", version])
    }

    fn push(&self, machine: &Machine, reference: &str) -> anyhow::Result<Child> {
        let url = format!(
            "http://x:{}@{}/git/acme/pushed.git",
            machine.token(),
            machine.api()
        );
        let child = Command::new("git")
            .args(["push", &url, reference])
            .current_dir(&self.folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Git starts helpers: whoever kills it kills the group.
            .process_group(0)
            .spawn()?;
        Ok(child)
    }
}

/// Whether a push succeeded, and what it said.
fn ended(push: Child) -> anyhow::Result<(bool, String)> {
    let output = push.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("{said}");
    Ok((output.status.success(), said))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_is_refused_with_a_sentence_and_is_not_cancelled_by_its_client() -> anyhow::Result<()>
{
    share_engine()?;
    let machine = Machine::start()?;
    let body = serde_json::json!({"name": "pushed"});
    machine.call("POST", "/v1/teams/acme/apps", Some(&body))?;
    let repository = Repository::new(&machine)?;
    repository.commit("v1", "")?;

    let (good, said) = ended(repository.push(&machine, "HEAD:refs/heads/feature")?)?;
    ensure!(!good && said.contains("only `main` is deployed"), "{said}");
    let (good, said) = ended(repository.push(&machine, "HEAD:refs/notes/x")?)?;
    ensure!(
        !good && said.contains("neither a branch nor a tag"),
        "{said}"
    );

    let (good, said) = ended(repository.push(&machine, "main")?)?;
    ensure!(good, "{said}\n{}", machine.tail());
    ensure!(
        machine.visit("pushed.localhost", "/")?.body.contains("v1"),
        "{said}"
    );

    // The client of the second is killed, with all its helpers, once the server follows the deployment.
    repository.commit("v2", "ENV LISTEN_DELAY_MS=3000\n")?;
    let load = load(&machine, "pushed.localhost", 50).start();
    let push = repository.push(&machine, "main")?;
    let deployments = "/v1/teams/acme/apps/pushed/envs/production/deployments";
    wait_for("the deployment to be made", || {
        let answer = machine.ask("GET", &format!("{deployments}/2"), &[])?;
        Ok((answer.status == 200).then_some(()))
    })?;
    let group = format!("-{}", push.id());
    let killed = Command::new("kill")
        .args(["-KILL", "--", &group])
        .status()?;
    ensure!(
        killed.success(),
        "the push had ended before it could be killed"
    );
    let (good, _) = ended(push)?;
    ensure!(!good, "a killed client succeeded");
    // Pushing the same again attaches to it, and ends with its result.
    let (good, said) = ended(repository.push(&machine, "main")?)?;
    ensure!(good, "{said}\n{}", machine.tail());
    ensure!(
        machine.visit("pushed.localhost", "/")?.body.contains("v2"),
        "{said}"
    );
    let list = machine.call("GET", deployments, None)?;
    let items = list
        .get("items")
        .and_then(Value::as_array)
        .context("no list")?;
    ensure!(
        items.len() == 2,
        "the second push made another deployment: {list}"
    );
    // The client's copy knows nothing of it; a third push answers at once what became of it.
    let (good, said) = ended(repository.push(&machine, "main")?)?;
    ensure!(good, "{said}");
    let report = load.stop().await;
    println!("{}", report.summary());
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );
    machine.stop()
}
