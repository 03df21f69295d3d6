//! Other people's applications, deployed from source by real builds, replaced under constant load.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use segue_tests::images::{docker_build, image, repository};
use segue_tests::load::{Load, Mix};
use segue_tests::machine::{Machine, docker, signal, wait_for};

/// A figure that a long run raises: `SEGUE_E2E_DEPLOYMENTS=20 SEGUE_E2E_RATE=300`.
fn figure(name: &str, default: u32) -> u32 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Deployments of one application under load.
fn deployments() -> u32 {
    figure("SEGUE_E2E_DEPLOYMENTS", 4)
}

/// A copy of a fixture that the test may change.
fn fixture(machine: &Machine, name: &str) -> anyhow::Result<PathBuf> {
    let folder = machine.state().join("sources").join(name);
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(repository().join("tests/fixtures/real").join(name))? {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    Ok(folder)
}

fn constant(
    machine: &Machine,
    host: &str,
    rate: u32,
    paths: (&str, &str),
    echo: bool,
    websockets: usize,
) -> Load {
    let post = if paths.1.is_empty() { 0 } else { 2 };
    Load {
        edge: machine.edge(),
        host: host.to_owned(),
        get_path: paths.0.to_owned(),
        post_path: paths.1.to_owned(),
        echo,
        websocket_path: "/ws".into(),
        rate,
        mix: Mix {
            keep_alive: 6,
            fresh: 2,
            post,
        },
        websockets,
        version_header: "x-version".into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployments_from_source_under_load_lose_no_request() -> anyhow::Result<()> {
    let machine = Machine::start()?;
    let httpbin = fixture(&machine, "httpbin")?;
    machine.cli(&httpbin, &["up"])?;
    // The websocket half of the load goes to an application that has websockets.
    let sockets = image("segue-test/sockets:v1", &[("VERSION", "v1")])?;
    crate::switch::apply(&machine, &sockets, 2)?;

    let requests = constant(
        &machine,
        "httpbin.localhost",
        figure("SEGUE_E2E_RATE", 100),
        ("/headers", "/post"),
        true,
        0,
    )
    .start();
    let messages = constant(&machine, "shop.localhost", 20, ("/", "/echo"), true, 4).start();
    for number in 0..deployments() {
        std::fs::write(httpbin.join("VERSION.txt"), format!("{number}\n"))?;
        machine.cli(&httpbin, &["up"])?;
        if number % 2 == 1 {
            let next = image(
                "segue-test/sockets:v2",
                &[("VERSION", &format!("v{number}"))],
            )?;
            crate::switch::apply(&machine, &next, 2)?;
        }
    }
    let (requests, messages) = (requests.stop().await, messages.stop().await);
    println!("{}\n{}", requests.summary(), messages.summary());
    ensure!(
        requests.failed == 0,
        "{}\n{}",
        requests.summary(),
        machine.tail()
    );
    ensure!(
        messages.failed == 0,
        "{}\n{}",
        messages.summary(),
        machine.tail()
    );
    ensure!(messages.messages > 0, "no websocket message came back");
    machine.stop()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn express_verdaccio_and_nginx_answer() -> anyhow::Result<()> {
    let machine = Machine::start()?;
    for (name, path, wanted) in [
        ("express", "/profile", "segue"),
        ("verdaccio", "/-/ping", "{"),
    ] {
        let folder = fixture(&machine, name)?;
        machine.cli(&folder, &["up"])?;
        let answer = get(&machine, &format!("{name}.localhost"), path)?;
        ensure!(answer.contains(wanted), "{name}: {answer}");
    }
    let nginx = fixture(&machine, "nginx")?;
    docker_build("segue-test/nginx:v1", &nginx)?;
    let folder = machine.state();
    std::fs::write(
        folder.join("nginx.yaml"),
        "application: nginx\nimage: segue-test/nginx:v1\nreplicas: 1\nport: 80\n",
    )?;
    machine.cli(&folder, &["apply", "-f", "nginx.yaml"])?;
    let answer = get(&machine, "nginx.localhost", "/")?;
    ensure!(answer.contains("nginx"), "{answer}");
    machine.stop()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_loses_no_message_in_deployments_and_a_crash() -> anyhow::Result<()> {
    let machine = Machine::start()?;
    docker_build("segue-test/redis:v1", &fixture(&machine, "redis")?)?;
    let consumer = fixture(&machine, "consumer")?;
    let manifest = std::fs::read_to_string(consumer.join("segue.toml"))?;
    let queue =
        "\n[services.queue]\nkind = \"worker\"\nimage = \"segue-test/redis:v1\"\nport = 6379\n";
    std::fs::write(
        consumer.join("segue.toml"),
        format!("{manifest}\n[deploy.rollout]\nbake = \"1s\"\n{queue}"),
    )?;
    machine.cli(&consumer, &["up"])?;

    let id = machine
        .containers("queue")?
        .first()
        .cloned()
        .context("the queue does not run")?;
    let mut redis = Redis::connect(address(&id)?)?;
    let mut sent = 0u32;
    let mut send = |redis: &mut Redis| -> anyhow::Result<()> {
        for _ in 0..200 {
            redis.command(&["XADD", "messages", "*", "n", &sent.to_string()])?;
            sent += 1;
        }
        Ok(())
    };
    for number in 0..deployments() {
        send(&mut redis)?;
        std::fs::write(consumer.join("VERSION.txt"), format!("{number}\n"))?;
        machine.cli(&consumer, &["up"])?;
        if number == deployments() / 2 {
            let worker = machine
                .containers("worker")?
                .first()
                .cloned()
                .context("no consumer")?;
            let output = docker()
                .args(["inspect", "-f", "{{.State.Pid}}", &worker])
                .output()?;
            signal(
                String::from_utf8_lossy(&output.stdout).trim().parse()?,
                "KILL",
            )?;
        }
        send(&mut redis)?;
    }
    let queues = machine.containers("queue")?;
    ensure!(
        queues == [id],
        "the queue was replaced although nothing of it changed: {queues:?}"
    );
    wait_for("every message to be worked on", || {
        let done = redis.command(&["SCARD", "done"])?;
        Ok((done == format!(":{sent}")).then_some(()))
    })
    .with_context(|| machine.tail())?;
    machine.stop()
}

fn get(machine: &Machine, host: &str, path: &str) -> anyhow::Result<String> {
    let output = std::process::Command::new("curl")
        .args([
            "-sS",
            "--fail-with-body",
            "-m",
            "30",
            "-H",
            &format!("host: {host}"),
        ])
        .arg(format!("http://{}{path}", machine.edge()))
        .output()?;
    ensure!(output.status.success(), "{host}{path}: {output:?}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn address(container: &str) -> anyhow::Result<SocketAddr> {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
    let output = docker()
        .args(["inspect", "-f", format, container])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.split_whitespace().next().context("no address")?;
    Ok(format!("{first}:6379").parse()?)
}

/// The least of a Redis client.
struct Redis {
    stream: BufReader<TcpStream>,
}

impl Redis {
    fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a command and answers the first line, or the text it announces.
    fn command(&mut self, words: &[&str]) -> anyhow::Result<String> {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(text.as_bytes())?;
        let line = self.line()?;
        match line.strip_prefix('$') {
            Some(_) => self.line(),
            None if line.starts_with('-') => bail!("redis: {line}"),
            None => Ok(line),
        }
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
