//! Writing Dockerfiles, and seeing what an old engine cannot do in those of others.

use super::{Image, Runtime, USER_ID};
use crate::spec::Command;

/// The whole text.
pub(super) fn write(runtime: Runtime, image: &Image, start: Option<&Command>) -> String {
    let version = image
        .version
        .as_deref()
        .map(|v| format!(" {v}"))
        .unwrap_or_default();
    let mut lines = vec![
        format!(
            "# Written by Segue for {}{version} ({}).",
            runtime.title(),
            image.why
        ),
        "# To change it, keep it in the source as `Dockerfile`.".to_owned(),
    ];
    if let Some(stage) = &image.build {
        lines.push(format!("FROM {} AS build", stage.base));
        lines.push("WORKDIR /src".to_owned());
        lines.extend(stage.body.iter().cloned());
    }
    lines.extend([
        format!("FROM {}", image.base),
        format!(
            "RUN getent passwd {USER_ID} > /dev/null || {{ echo 'app:x:{USER_ID}:{USER_ID}::/app:/usr/sbin/nologin' >> /etc/passwd && echo 'app:x:{USER_ID}:' >> /etc/group; }}"
        ),
        format!("RUN mkdir -p /app && chown {USER_ID}:{USER_ID} /app"),
        "ENV HOME=/app".to_owned(),
        "WORKDIR /app".to_owned(),
    ]);
    lines.extend(image.body.iter().cloned());
    if let Some(port) = image.port {
        lines.push(format!("EXPOSE {port}"));
    }
    lines.push(format!("USER {USER_ID}:{USER_ID}"));
    if let Some(start) = start {
        lines.push(format!("CMD {}", json(&start.to_argv())));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// `COPY` of the whole source, owned by the application's user.
pub(super) fn copy_all() -> String {
    format!("COPY --chown={USER_ID}:{USER_ID} . .")
}

/// `COPY` of a folder of the build stage, owned by the application's user.
pub(super) fn copy_built(from: &str, to: &str) -> String {
    format!("COPY --from=build --chown={USER_ID}:{USER_ID} {from} {to}")
}

/// `COPY` of single files into the working folder. Names must be plain ([`plain`]).
pub(super) fn copy<S: AsRef<str>>(files: &[S]) -> String {
    let names: Vec<&str> = files.iter().map(AsRef::as_ref).collect();
    format!("COPY {} ./", names.join(" "))
}

/// `RUN` of a shell script whose parameters need no quoting.
pub(super) fn run_script<S: AsRef<str>>(script: &str, parameters: &[S]) -> String {
    let mut argv = vec!["/bin/sh", "-c", script, "sh"];
    argv.extend(parameters.iter().map(AsRef::as_ref));
    run(&argv)
}

/// `RUN` without a shell, so that no argument needs quoting.
pub(super) fn run<S: AsRef<str>>(argv: &[S]) -> String {
    let argv: Vec<&str> = argv.iter().map(AsRef::as_ref).collect();
    format!("RUN {}", json(&argv))
}

/// Whether a file's name means the same to `COPY` as it says: no spaces, wildcards, variables or folders.
pub(super) fn plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['-', '.'])
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Whether a path means the same to `COPY` and to a shell as it says, and stays inside of the source.
pub(super) fn plain_path(path: &str) -> bool {
    path.len() <= 200 && path.split('/').all(plain)
}

fn json<S: AsRef<str>>(argv: &[S]) -> String {
    let items: Vec<String> = argv
        .iter()
        .map(|item| serde_json::Value::from(item.as_ref()).to_string())
        .collect();
    format!("[{}]", items.join(", "))
}

/// Something in a Dockerfile that engines before version 23 cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unsupported {
    /// `# syntax=…`: the engine would fetch a frontend from a registry.
    Syntax,
    /// `RUN <<EOF` and the like.
    Heredoc,
}

/// What of a Dockerfile an engine before version 23 cannot do, with the line (from 1).
#[must_use]
pub fn unsupported(text: &str) -> Vec<(usize, Unsupported)> {
    let mut found = Vec::new();
    let mut directives = true;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let trimmed = line.trim();
        if let Some(comment) = trimmed.strip_prefix('#') {
            // A parser directive counts only before anything else.
            if directives && let Some((name, _)) = comment.split_once('=') {
                if name.trim().eq_ignore_ascii_case("syntax") {
                    found.push((index + 1, Unsupported::Syntax));
                }
            } else {
                directives = false;
            }
            continue;
        }
        directives = false;
        let instruction = trimmed
            .split_whitespace()
            .next()
            .unwrap_or("")
            .to_ascii_uppercase();
        let heredoc = ["RUN", "COPY", "ADD"].contains(&instruction.as_str())
            && trimmed.split_whitespace().any(is_heredoc);
        if heredoc {
            found.push((index + 1, Unsupported::Heredoc));
        }
    }
    found
}

/// `<<EOF`, `<<-EOF`, `<<"EOF"`, also behind a file descriptor; not the shell's `<<<`.
fn is_heredoc(word: &str) -> bool {
    let Some(rest) = word
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .strip_prefix("<<")
    else {
        return false;
    };
    let rest = rest
        .strip_prefix('-')
        .unwrap_or(rest)
        .trim_start_matches(['"', '\'']);
    rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}
