//! What people see: texts, exit codes, what is sent. The server here answers from a list; whether the real one
//! agrees is for the end-to-end tests.

mod deploy;
mod doctor;
mod everyday;
mod fake;
mod git;
mod lists;
mod local;
mod manual;
mod outside;
mod people;
mod running;
mod server;
mod unchanged;
mod worst;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::error::Exit;
use crate::host::Host;

/// A stream that remembers.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A command line in a folder of its own.
struct World {
    home: tempfile::TempDir,
    folder: tempfile::TempDir,
    vars: BTreeMap<String, String>,
    stdin: String,
    terminal: bool,
}

/// How a command ended.
#[derive(Debug)]
struct Ran {
    exit: Exit,
    stdout: String,
    stderr: String,
}

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let world = Self {
            home: tempfile::tempdir().unwrap(),
            folder: tempfile::Builder::new().prefix("shop-").tempdir().unwrap(),
            vars: BTreeMap::new(),
            stdin: String::new(),
            terminal: false,
        };
        for (path, text) in files {
            world.write(path, text);
        }
        world
    }

    /// The same, signed in to a server by variables.
    fn on(server: &fake::Server, files: &[(&str, &str)]) -> Self {
        Self::new(files)
            .var("SEGUE_SERVER", &server.url)
            .var("SEGUE_TOKEN", "seg_secret")
            .var("SEGUE_TEAM", "acme")
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    fn input(mut self, text: &str) -> Self {
        self.stdin = text.to_owned();
        self
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(path)).unwrap()
    }

    fn config(&self, path: &str) -> std::path::PathBuf {
        self.home.path().join(".config/segue").join(path)
    }

    async fn run(&self, line: &str) -> Ran {
        self.run_in(self.folder.path(), line).await
    }

    async fn run_in(&self, cwd: &Path, line: &str) -> Ran {
        let (stdout, stderr) = (Kept::default(), Kept::default());
        let mut host = self.host(cwd, &stdout, &stderr);
        let args = shell_words::split(&format!("segue {line}")).unwrap();
        let exit = crate::run_on(&mut host, args.into_iter().map(Into::into)).await;
        Ran {
            exit,
            stdout: stdout.text(),
            stderr: self.stable(&stderr.text()),
        }
    }

    fn host(&self, cwd: &Path, stdout: &Kept, stderr: &Kept) -> Host {
        let mut vars = self.vars.clone();
        vars.insert("HOME".to_owned(), self.home.path().display().to_string());
        Host {
            vars,
            cwd: cwd.to_owned(),
            stdin: Box::new(io::Cursor::new(self.stdin.clone().into_bytes())),
            stdin_terminal: false,
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            stdout_terminal: false,
            stderr_terminal: self.terminal,
            browser: |_| Err(io::Error::other("no browser in tests")),
        }
    }

    /// A text without what differs from run to run: folders and times.
    fn stable(&self, text: &str) -> String {
        let folder = self.folder.path().canonicalize().unwrap();
        let text = text.replace(&folder.display().to_string(), "FOLDER");
        let text = text.replace(&self.folder.path().display().to_string(), "FOLDER");
        let text = text.replace(&self.home.path().display().to_string(), "HOME");
        let is_time = |word: &str| {
            let number = word.trim_end_matches([',', ';']).strip_suffix('s');
            number.is_some_and(|number| number.parse::<f64>().is_ok())
        };
        let lines = text.lines().map(|line| {
            let words = line
                .split(' ')
                .map(|word| if is_time(word) { "TIME" } else { word });
            words.collect::<Vec<_>>().join(" ") + "\n"
        });
        lines.collect()
    }
}
