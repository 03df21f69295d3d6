//! Deno: deno.json with its tasks, or one of the usual first files beside it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::dockerfile::{copy, copy_all};
use super::scripts::fixed_port;
use super::{Image, Runtime, Runtimes, Source, failure};
use crate::failure::{Failure, FailureCode};
use crate::spec::Command;

const SIGNS: &[&str] = &["deno.json", "deno.jsonc"];

/// Files that programs begin with, the most telling first.
const FIRST: &[&str] = &[
    "main.ts",
    "server.ts",
    "app.ts",
    "index.ts",
    "mod.ts",
    "main.js",
    "server.js",
    "src/main.ts",
];

/// What Deno serves on when a program says nothing.
const DEFAULT_PORT: u16 = 8000;

/// What a program without a task of its own may do: serve, read its settings and its files.
const RIGHTS: &str = "--allow-net --allow-env --allow-read --allow-sys";

/// Packages lie where the application's user may add to them: Deno writes down what it has compiled.
const KEEP: &str = "chown -R 10001:10001 /deno";

#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    tasks: BTreeMap<String, serde_json::Value>,
    imports: BTreeMap<String, serde_json::Value>,
    workspace: Option<serde_json::Value>,
}

impl Config {
    /// A task's command, written as a text or as an object with one.
    fn task(&self, name: &str) -> Option<&str> {
        let task = self.tasks.get(name)?;
        task.as_str().or_else(|| task.get("command")?.as_str())
    }
}

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    source.first(SIGNS).map(str::to_owned)
}

pub(super) fn image(
    source: Source<'_>,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let file = source.first(SIGNS);
    let config: Config = match file.and_then(|file| source.text(file)) {
        Some(text) => serde_json::from_str(&without_comments(text))
            .map_err(|e| failure(FailureCode::BuildFailed, format!("{why}: {e}")))?,
        None => Config::default(),
    };
    let mut image = Image::new(runtimes.choose(Runtime::Deno, None, |_| true)?, why);
    image
        .body
        .push("ENV DENO_DIR=/deno DENO_NO_UPDATE_CHECK=1 NODE_ENV=production".to_owned());
    let first = source.first(FIRST);
    let listed = !config.imports.is_empty() || source.has("package.json");
    if listed && config.workspace.is_none() {
        let mut files: Vec<&str> = file.into_iter().collect();
        let others = ["deno.lock", "package.json"];
        files.extend(others.into_iter().filter(|file| source.has(file)));
        image
            .body
            .extend([copy(&files), format!("RUN deno install && {KEEP}")]);
    }
    image.body.push(copy_all());
    let mut steps: Vec<String> = Vec::new();
    steps.extend(first.map(|file| format!("deno cache {file}")));
    steps.extend(config.task("build").map(|_| "deno task build".to_owned()));
    if !steps.is_empty() {
        steps.push(format!("mkdir -p /deno && {KEEP}"));
        image.body.push(format!("RUN {}", steps.join(" && ")));
    }
    if let Some(task) = config.task("start") {
        image.start = Some((of_task(task), format!("{}: tasks.start", image.why)));
        image.port = port(source, task, first);
    } else if let Some(file) = first {
        let line = if serves(source, file) {
            format!("deno serve {RIGHTS} --host 0.0.0.0 --port $PORT {file}")
        } else {
            image.port = port(source, "", Some(file));
            format!("deno run {RIGHTS} {file}")
        };
        image.start = Command::parse(&line)
            .ok()
            .map(|command| (command, file.to_owned()));
    } else {
        image.unclear =
            Some("there is neither a task `start` nor a main.ts or server.ts".to_owned());
    }
    Ok(image)
}

/// The task itself where it is one call of Deno, so that nothing stands between the engine's signals and it.
fn of_task(task: &str) -> Command {
    let plain = task.starts_with("deno ")
        && !task.contains("deno task")
        && !task.contains(['&', ';', '|', '$', '*']);
    match Command::parse(task) {
        Ok(command) if plain => command,
        _ => Command::Argv(["deno", "task", "start"].map(str::to_owned).to_vec()),
    }
}

/// Whether a file leaves serving to `deno serve`: it exports an object with `fetch` and calls no server.
fn serves(source: Source<'_>, file: &str) -> bool {
    source.text(file).is_some_and(|text| {
        text.contains("export default") && text.contains("fetch") && !text.contains("Deno.serve")
    })
}

/// A port that the program has of its own, unless it asks for the one it is given.
fn port(source: Source<'_>, task: &str, first: Option<&str>) -> Option<u16> {
    let named = |text: &str| text.contains("PORT");
    if named(task) {
        return None;
    }
    let in_task = task.split_once("--port").and_then(|(_, rest)| {
        rest.trim_start_matches([' ', '='])
            .split(' ')
            .next()?
            .parse()
            .ok()
    });
    let text = first.and_then(|file| source.text(file));
    let in_file = || match text {
        Some(text) if named(text) => None,
        Some(text) => {
            fixed_port(text).or_else(|| text.contains("Deno.serve").then_some(DEFAULT_PORT))
        }
        None => None,
    };
    in_task
        .or_else(in_file)
        .or_else(|| task.starts_with("deno serve").then_some(DEFAULT_PORT))
}

/// JSON without the comments that `deno.jsonc` may have. Deno also allows a comma before a closing bracket.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            '\\' if quoted => {
                out.push(c);
                out.extend(chars.next());
            }
            '/' if !quoted && chars.peek() == Some(&'/') => {
                while chars.next_if(|c| *c != '\n').is_some() {}
            }
            '/' if !quoted && chars.peek() == Some(&'*') => {
                chars.next();
                let mut before = ' ';
                for c in chars.by_ref() {
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
            }
            ']' | '}' if !quoted => {
                let end = out.trim_end().len();
                if out.get(..end).is_some_and(|text| text.ends_with(',')) {
                    out.truncate(end.saturating_sub(1));
                }
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::without_comments;

    #[test]
    fn comments_and_last_commas_go_and_texts_stay() {
        let text = "{ // a\n \"a\": \"// no /* no */ ,}\", /* b\n */ \"b\": [1, 2,\n], }";
        let value: serde_json::Value = serde_json::from_str(&without_comments(text)).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"a": "// no /* no */ ,}", "b": [1, 2]})
        );
    }

    proptest! {
        /// What is JSON already says the same afterwards.
        #[test]
        fn plain_json_stays_as_it_is(keys in proptest::collection::vec("\\PC{0,12}", 0..6), text in "\\PC{0,40}") {
            let value = serde_json::json!({"keys": keys, "text": text, "empty": {}, "list": [[], 1]});
            let again: serde_json::Value = serde_json::from_str(&without_comments(&value.to_string())).unwrap();
            prop_assert_eq!(again, value);
        }

        #[test]
        fn any_text_has_an_end(text in "\\PC{0,200}") {
            without_comments(&text);
        }
    }
}
