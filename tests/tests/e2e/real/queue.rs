//! A queue with a consumer, and what was sent to it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use segue_tests::images::docker_build;
use segue_tests::machine::{Machine, signal, wait_for};

use super::{fixture, inspect, up};

/// Messages of one sending.
const BATCH: u32 = 200;

/// Debian's redis-server and its consumer, deployed from source; the consumer's health is its lag.
pub(super) struct Queue {
    source: PathBuf,
    /// The queue's container, which no deployment of the consumer may replace.
    container: String,
    environment: String,
    redis: Redis,
    sent: u32,
}

impl Queue {
    /// Deploys both.
    pub(super) fn deploy(machine: &Machine) -> anyhow::Result<Self> {
        docker_build("segue-test/redis:v1", &fixture(machine, "redis")?)?;
        let source = fixture(machine, "consumer")?;
        let file = source.join("segue.toml");
        let manifest = std::fs::read_to_string(&file)?;
        let queue = "[deploy.rollout]\nbake = \"1s\"\n[services.queue]\nkind = \"worker\"\n\
                     image = \"segue-test/redis:v1\"\nport = 6379\n";
        std::fs::write(&file, format!("{manifest}\n{queue}"))?;
        up(machine, &source, "1")?;
        let environment = machine.production("consumer")?;
        let container = of(machine, &environment, "queue")?
            .first()
            .cloned()
            .context("the queue does not run")?;
        let address = inspect(
            &container,
            "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}",
        )?;
        let address = address
            .split_whitespace()
            .next()
            .context("no address")?
            .to_owned();
        Ok(Self {
            redis: Redis::connect(&format!("{address}:6379"))?,
            source,
            container,
            environment,
            sent: 0,
        })
    }

    /// Sends more messages.
    pub(super) fn send(&mut self) -> anyhow::Result<()> {
        for _ in 0..BATCH {
            let number = self.sent.to_string();
            self.redis
                .command(&["XADD", "messages", "*", "n", &number])?;
            self.sent += 1;
        }
        Ok(())
    }

    /// Deploys the consumer again, from changed source.
    pub(super) fn deploy_consumer(&self, machine: &Machine, version: &str) -> anyhow::Result<()> {
        up(machine, &self.source, version)
    }

    /// Kills a consumer.
    pub(super) fn crash_consumer(&self, machine: &Machine) -> anyhow::Result<()> {
        let consumers = of(machine, &self.environment, "worker")?;
        let consumer = consumers.first().context("no consumer")?;
        let process = inspect(consumer, "{{.State.Pid}}")?.parse()?;
        ensure!(process != 0, "the consumer does not run");
        signal(process, "KILL")
    }

    /// Waits until every message was worked on, and answers how many there were.
    pub(super) fn settle(&mut self, machine: &Machine) -> anyhow::Result<u32> {
        let queues = of(machine, &self.environment, "queue")?;
        ensure!(
            queues.len() == 1 && queues.contains(&self.container),
            "the queue was replaced although nothing of it changed: {queues:?}"
        );
        let wanted = format!(":{}", self.sent);
        wait_for("every message to be worked on", || {
            let done = self.redis.command(&["SCARD", "done"])?;
            Ok((done == wanted).then_some(()))
        })
        .with_context(|| machine.tail())?;
        Ok(self.sent)
    }
}

fn of(machine: &Machine, environment: &str, service: &str) -> anyhow::Result<Vec<String>> {
    machine.labelled(&[
        &format!("segue.environment={environment}"),
        &format!("segue.service={service}"),
    ])
}

/// The least of a Redis client.
struct Redis {
    stream: BufReader<TcpStream>,
}

impl Redis {
    fn connect(address: &str) -> anyhow::Result<Self> {
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
