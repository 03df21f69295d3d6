//! What an installation has on its engine: found and removed by the label that only its own containers carry.

use std::process::Stdio;

use anyhow::Context as _;

use super::Machine;

impl Machine {
    /// Running and stopped containers of a service of this installation, in every environment.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn containers(&self, service: &str) -> anyhow::Result<Vec<String>> {
        self.labelled(&[&format!("segue.service={service}")])
    }

    /// Running and stopped containers of this installation that carry these labels, `key=value`.
    ///
    /// # Errors
    /// The engine does not answer.
    pub fn labelled(&self, labels: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut command = self.docker();
        command
            .args(["ps", "-aq", "--no-trunc", "--filter"])
            .arg(format!("label=segue.installation={}", self.installation()?));
        for label in labels {
            command.arg("--filter").arg(format!("label={label}"));
        }
        let output = command.output()?;
        Ok(String::from_utf8_lossy(&output.stdout)
            .split_whitespace()
            .map(str::to_owned)
            .collect())
    }

    /// The identity that its containers carry.
    fn installation(&self) -> anyhow::Result<String> {
        let path = self.folder.join("state/installation");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.trim().to_owned())
    }

    /// Removes containers and networks of this installation.
    pub(super) fn sweep(&self) {
        let Ok(installation) = self.installation() else {
            return;
        };
        let filter = format!("label=segue.installation={installation}");
        for (list, remove) in [(["ps", "-aq"], "rm"), (["network", "ls"], "network")] {
            let mut command = self.docker();
            command.args(list).args(["--filter", &filter]);
            if remove == "network" {
                command.arg("-q");
            }
            let Ok(output) = command.output() else {
                continue;
            };
            // All at once: each takes a part of a second.
            let mut removing = Vec::new();
            for id in String::from_utf8_lossy(&output.stdout).split_whitespace() {
                let mut command = self.docker();
                match remove {
                    "rm" => command.args(["rm", "-f", id]),
                    _ => command.args(["network", "rm", id]),
                };
                command.stdout(Stdio::null()).stderr(Stdio::null());
                removing.extend(command.spawn());
            }
            for mut child in removing {
                drop(child.wait());
            }
        }
    }
}
