//! The manifest that `segue init` writes: short, commented, equal to what detection would do without it.

use crate::detect::{Detected, Runtime};
use crate::name::AppName;
use crate::spec::{Command, ServiceKind};

/// The text of a first `segue.toml`.
#[must_use]
pub fn starter(app: &AppName, detected: &Detected) -> String {
    let mut lines = vec![format!("app = {}", quoted(app.as_str())), String::new()];
    let builder = match detected.runtime {
        Runtime::Dockerfile => "dockerfile",
        other => other.key(),
    };
    lines.push("[build]".to_owned());
    lines.push(format!(
        "builder = {:<14} # {}",
        quoted(builder),
        detected.why.first().map_or("", String::as_str)
    ));
    for (name, spec) in &detected.services {
        lines.extend([String::new(), format!("[services.{name}]")]);
        let (kind, meaning) = match spec.kind {
            ServiceKind::Web => ("web", "gets requests; listens on $PORT"),
            ServiceKind::Worker => ("worker", "runs in the background"),
            ServiceKind::Job => ("job", "runs to its end"),
            ServiceKind::Data => ("data", "keeps a volume"),
        };
        lines.push(format!("kind = {:<17} # {meaning}", quoted(kind)));
        match (&spec.command, &detected.start) {
            (Some(written), _) => lines.push(format!("command = {}", command(written))),
            (None, Some(start)) if name.as_str() == "web" => {
                lines.push(format!("# command = {}", quoted(start)))
            }
            (None, _) => {}
        }
        lines.push(format!("replicas = {}", spec.replicas));
        if spec.kind == ServiceKind::Web {
            lines.push("# health = { path = \"/healthz\" }".to_owned());
        }
    }
    lines.extend([
        String::new(),
        "# [config]".to_owned(),
        "# LOG_LEVEL = \"info\"".to_owned(),
    ]);
    lines.push(String::new());
    lines.join("\n")
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn command(command: &Command) -> String {
    match command {
        Command::Argv(argv) => quoted(&shell_words::join(argv)),
        Command::Shell(line) => quoted(line),
    }
}
