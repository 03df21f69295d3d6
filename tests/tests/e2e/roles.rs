//! The control plane as two processes, an API and a worker, as a machine of a larger installation runs them: so that
//! the worker can be killed alone.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use segue_tests::machine::{Machine, binary, signal, status, wait_for};

/// Takes the place of the supervisor's own control process while it lives.
pub(crate) struct Split {
    api: Child,
    worker: Option<Child>,
    config: PathBuf,
    log: PathBuf,
}

fn role(name: &str, config: &PathBuf, log: &PathBuf) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(log)?;
    Command::new(binary()?)
        .arg(name)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| name.to_owned())
}

impl Split {
    /// Holds the supervisor, ends its control process, and starts the two.
    pub(crate) fn begin(machine: &Machine) -> anyhow::Result<Self> {
        let folder = machine.state().join("supervisor");
        let mut configs: Vec<PathBuf> = std::fs::read_dir(&folder)?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                name.starts_with("control-") && name.ends_with(".toml")
            })
            .collect();
        ensure!(
            configs.len() == 1,
            "settings of the control process: {configs:?}"
        );
        let config = configs.remove(0);
        let log = machine.state().join("log").join("split.log");
        signal(machine.supervisor().context("no supervisor")?, "STOP")?;
        signal(machine.unit("control")?, "TERM")?;
        wait_for("the control process to be gone", || {
            Ok(status(machine.api(), "/healthz").is_none().then_some(()))
        })?;
        let one = Self {
            api: role("api", &config, &log)?,
            worker: Some(role("worker", &config, &log)?),
            config,
            log,
        };
        wait_for("the API alone to be ready", || {
            Ok((status(machine.api(), "/readyz") == Some(200)).then_some(()))
        })
        .with_context(|| machine.tail())?;
        Ok(one)
    }

    /// kill -9 of the worker alone.
    pub(crate) fn kill_worker(&mut self) -> anyhow::Result<()> {
        let mut worker = self.worker.take().context("no worker")?;
        worker.kill()?;
        worker.wait()?;
        Ok(())
    }

    /// Another worker begins.
    pub(crate) fn start_worker(&mut self) -> anyhow::Result<()> {
        self.worker = Some(role("worker", &self.config, &self.log)?);
        Ok(())
    }

    /// Gives the place back to the supervisor.
    pub(crate) fn end(mut self, machine: &Machine) -> anyhow::Result<()> {
        self.stop()?;
        signal(machine.supervisor().context("no supervisor")?, "CONT")?;
        wait_for("the supervisor's control process to be ready", || {
            Ok((status(machine.api(), "/readyz") == Some(200)).then_some(()))
        })
        .with_context(|| machine.tail())
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        for child in self.worker.iter_mut().chain([&mut self.api]) {
            if child.try_wait()?.is_none() {
                signal(child.id(), "TERM")?;
                child.wait()?;
            }
        }
        Ok(())
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        // After a failed test.
        drop(self.stop());
    }
}
