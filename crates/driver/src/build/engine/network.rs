//! The build engine's bridge and the packet filter's rules for it.
//!
//! Invariant: every rule stands in a chain of our own or is found again word for word, so that asking twice changes nothing
//! and nothing of others is touched.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;

use super::BuildEngine;
use crate::error::{DriverError, cut};

impl BuildEngine {
    /// The bridge's own address: the first of its subnet.
    #[must_use]
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.subnet.network()).saturating_add(1))
    }

    pub(super) async fn bridge_make(&self) -> Result<(), DriverError> {
        let there = Path::new("/sys/class/net").join(&self.bridge).exists();
        if !there {
            run(
                &self.ip,
                &["link", "add", "name", &self.bridge, "type", "bridge"],
            )
            .await?;
        }
        let address = format!("{}/{}", self.gateway(), self.subnet.prefix_len());
        // `replace` is what makes this idempotent.
        run(
            &self.ip,
            &["address", "replace", &address, "dev", &self.bridge],
        )
        .await?;
        run(&self.ip, &["link", "set", "dev", &self.bridge, "up"]).await
    }

    pub(super) fn chain(&self) -> String {
        format!("SEGUE-{}", self.name.to_ascii_uppercase())
    }

    /// Rules in chains that others own. Each is put at its chain's beginning, once.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let (bridge, subnet, chain) = (self.bridge.as_str(), self.subnet.to_string(), self.chain());
        let rule = |table: &str, chain: &str, spec: &[&str]| Rule {
            table: table.to_owned(),
            chain: chain.to_owned(),
            spec: spec.iter().map(|part| (*part).to_owned()).collect(),
        };
        let answers = [
            "-m",
            "conntrack",
            "--ctstate",
            "RELATED,ESTABLISHED",
            "-j",
            "ACCEPT",
        ];
        vec![
            rule(
                "nat",
                "POSTROUTING",
                &["-s", &subnet, "!", "-o", bridge, "-j", "MASQUERADE"],
            ),
            rule(
                "filter",
                "FORWARD",
                &[&["-o", bridge], answers.as_slice()].concat(),
            ),
            rule("filter", "FORWARD", &["-i", bridge, "-j", &chain]),
            // The machine itself: neither the control plane nor the database nor another engine.
            rule("filter", "INPUT", &["-i", bridge, "-j", "DROP"]),
        ]
    }

    pub(super) async fn filter_make(&self) -> Result<(), DriverError> {
        let chain = self.chain();
        // There already: then it is emptied and filled again.
        let _ = self.iptables("filter", "-N", &chain, &[]).await;
        self.iptables("filter", "-F", &chain, &[]).await?;
        for denied in &self.denied {
            let spec = [
                "-d".to_owned(),
                denied.to_string(),
                "-j".to_owned(),
                "DROP".to_owned(),
            ];
            self.iptables("filter", "-A", &chain, &spec).await?;
        }
        self.iptables(
            "filter",
            "-A",
            &chain,
            &["-j".to_owned(), "ACCEPT".to_owned()],
        )
        .await?;
        for rule in self.rules() {
            if self
                .iptables(&rule.table, "-C", &rule.chain, &rule.spec)
                .await
                .is_err()
            {
                self.iptables(&rule.table, "-I", &rule.chain, &rule.spec)
                    .await?;
            }
        }
        Ok(())
    }

    pub(super) async fn iptables(
        &self,
        table: &str,
        verb: &str,
        chain: &str,
        spec: &[String],
    ) -> Result<(), DriverError> {
        // `-w`: the daemon for applications changes the same tables.
        let mut argv = vec!["-w", "-t", table, verb, chain];
        argv.extend(spec.iter().map(String::as_str));
        run(&self.iptables, &argv).await
    }
}

pub(super) struct Rule {
    pub(super) table: String,
    pub(super) chain: String,
    pub(super) spec: Vec<String>,
}

/// The only place of this crate that starts a process: a program by its path, arguments as they are, no
/// environment, no input.
pub(super) async fn run(program: &Path, argv: &[&str]) -> Result<(), DriverError> {
    let mut command = tokio::process::Command::new(program);
    command
        .args(argv)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let failed = |why: String| {
        DriverError::Unsupported(cut(&format!(
            "{} {}: {why}",
            program.display(),
            argv.join(" ")
        )))
    };
    let output = command
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()))
}
