//! What is written about the commands agrees with the commands: the list in docs/CLI.md, the commands that documents
//! and hints name, completion scripts and the manual's pages.

use clap::CommandFactory;
use segue_model::failure::FailureCode;

use super::*;
use crate::args::Cli;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CLI.md");
const BEGIN: &str =
    "<!-- written by the program: UPDATE_COMMANDS=1 cargo nextest run -p segue-cli manual -->\n";
const END: &str = "<!-- end -->\n";

/// The server's own commands, which are no clients of its API.
const SERVER: &[&str] = &[
    "serve", "control", "worker", "edge", "migrate", "openapi", "admin", "backup", "restore",
];

fn leaves(command: &clap::Command, path: &str, into: &mut Vec<(String, String)>) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let path = format!("{path} {}", sub.get_name());
        if sub.has_subcommands() {
            leaves(sub, &path, into);
        } else {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            into.push((path, about));
        }
    }
}

fn table() -> String {
    let mut commands = Vec::new();
    leaves(&Cli::command(), "segue", &mut commands);
    let mut text = "| command | |\n|---|---|\n".to_owned();
    for (path, about) in commands {
        text.push_str(&format!("| `{path}` | {} |\n", about.replace('|', "\\|")));
    }
    text
}

#[test]
fn the_list_in_the_document_is_that_of_the_program() {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let wanted = table();
    if std::env::var_os("UPDATE_COMMANDS").is_some() {
        std::fs::write(DOCUMENT, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(written, wanted, "UPDATE_COMMANDS=1 writes it anew");
}

/// The words behind each `segue` of a text.
fn named(text: &str) -> Vec<Vec<String>> {
    text.split("segue ")
        .skip(1)
        .map(|rest| {
            let end = rest.find(['`', '\n', ',', ';', '.', ')', '"', '<', '&']);
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
            line.split_whitespace().map(str::to_owned).collect()
        })
        .collect()
}

/// The first word that the tree of commands does not have.
fn unknown(words: &[String]) -> Option<String> {
    let tree = Cli::command();
    let mut at = &tree;
    for word in words {
        if !word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') || word.starts_with('-') {
            return None;
        }
        match at.find_subcommand(word) {
            Some(sub) => at = sub,
            None if at.has_subcommands() => return Some(word.clone()),
            None => return None,
        }
    }
    None
}

#[test]
fn commands_that_documents_and_hints_name_are_there() {
    let mut wrong = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for path in [
        "docs/CLI.md",
        "docs/MANIFEST.md",
        "docs/OPERATIONS.md",
        "README.md",
    ] {
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        // Only what is set as code: prose says "segue" too.
        let parts = text.split('`').skip(1).step_by(2);
        for code in parts.filter(|code| code.starts_with("segue ")) {
            for words in named(code) {
                let own = words
                    .first()
                    .is_some_and(|word| SERVER.contains(&word.as_str()));
                wrong.extend(
                    unknown(&words)
                        .filter(|_| !own)
                        .map(|_| format!("{path}: {code}")),
                );
            }
        }
    }
    for code in FailureCode::ALL {
        for words in named(code.hint()) {
            wrong.extend(unknown(&words).map(|word| format!("{code}: {word}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_command_is_completed_and_has_a_page() {
    let mut commands = Vec::new();
    leaves(&Cli::command(), "segue", &mut commands);
    let world = World::new(&[]);
    assert_eq!(world.run("man pages").await.exit, Exit::Ok);
    let pages = world.folder.path().join("pages");
    for (path, _) in &commands {
        let page = pages.join(format!("{}.1", path.replace(' ', "-")));
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.contains(".SH NAME"), "{}", page.display());
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = world.run(&format!("completion {shell}")).await.stdout;
        for (path, _) in &commands {
            let last = path.rsplit(' ').next().unwrap();
            assert!(script.contains(last), "{shell}: {path}");
        }
    }
}
