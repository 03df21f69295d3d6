//! Data on stdout, talk on stderr.

use std::io::Write;

use anstyle::{AnsiColor, Style as Ansi};
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use crate::args::Global;
use crate::error::{CliError, Exit, Result, unwritten};
use crate::host::Host;

/// How talk looks: colour only where a person reads and did not refuse it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    pub fn of(host: &Host, global: &Global) -> Self {
        let refused =
            global.no_color || host.var("NO_COLOR").is_some() || host.var("TERM") == Some("dumb");
        Self {
            colour: host.stderr_terminal && !refused && !global.json,
        }
    }

    fn paint(self, colour: AnsiColor, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let ansi = Ansi::new().fg_color(Some(colour.into()));
        format!("{ansi}{text}{ansi:#}")
    }
}

/// A command's voice.
pub(crate) struct Out<'h> {
    host: &'h mut Host,
    style: Style,
    quiet: bool,
    verbose: bool,
    /// Whether data is JSON.
    pub json: bool,
}

impl<'h> Out<'h> {
    pub fn new(host: &'h mut Host, global: &Global) -> Self {
        Self {
            style: Style::of(host, global),
            quiet: global.quiet,
            verbose: global.verbose,
            json: global.json,
            host,
        }
    }

    /// A line of talk.
    pub fn say(&mut self, line: impl AsRef<str>) {
        if !self.quiet {
            // Talk that nobody can read must not stop the work.
            let _ = writeln!(self.host.stderr, "{}", line.as_ref());
        }
    }

    /// A line of talk for `--verbose`.
    pub fn detail(&mut self, line: impl AsRef<str>) {
        if self.verbose {
            self.say(line);
        }
    }

    /// Something is done.
    pub fn done(&mut self, line: impl AsRef<str>) {
        let mark = self.style.paint(AnsiColor::Green, "✓");
        self.say(format!("{mark} {}", line.as_ref()));
    }

    /// Something is wrong, and the command goes on.
    pub fn warn(&mut self, line: impl AsRef<str>) {
        let mark = self.style.paint(AnsiColor::Yellow, "!");
        self.say(format!("{mark} {}", line.as_ref()));
    }

    /// A check that failed.
    pub fn bad(&mut self, line: impl AsRef<str>) {
        let mark = self.style.paint(AnsiColor::Red, "✗");
        self.say(format!("{mark} {}", line.as_ref()));
    }

    /// A line of data.
    pub fn data(&mut self, line: impl AsRef<str>) -> Result<()> {
        self.raw(format!("{}\n", line.as_ref()).as_bytes())
    }

    /// A line that a program wrote to its own standard error.
    pub fn foreign(&mut self, line: impl AsRef<str>) -> Result<()> {
        writeln!(self.host.stderr, "{}", line.as_ref()).map_err(|e| unwritten(&e))
    }

    /// Data as it is.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        let stdout = &mut self.host.stdout;
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        written.map_err(|e| unwritten(&e))
    }

    /// Data as one line of JSON.
    pub fn object<T: Serialize>(&mut self, value: &T) -> Result<()> {
        let text = serde_json::to_string(value)
            .map_err(|e| CliError::new("the answer is not JSON").why(e))?;
        self.data(text)
    }

    /// A table, or with `--json` the items it was made from. A table without rows prints nothing.
    pub fn table<T: Serialize>(
        &mut self,
        items: &[T],
        header: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<()> {
        if self.json {
            return self.object(&items);
        }
        if items.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header);
        for item in items {
            table.add_row(row(item));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let text = table.to_string();
        for line in text.lines() {
            self.data(line.trim_end())?;
        }
        Ok(())
    }

    /// What is known of one thing, a line each; what is empty is left out.
    pub fn fields(&mut self, fields: &[(&str, String)]) -> Result<()> {
        let known = || fields.iter().filter(|(_, value)| !value.is_empty());
        let width = known().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in known() {
            self.data(format!("{name:<width$}  {value}"))?;
        }
        Ok(())
    }

    /// The world, for a command that reads its input.
    pub fn host(&mut self) -> &mut Host {
        self.host
    }

    /// Asks a person; a script must say `--yes`.
    pub fn confirm(&mut self, yes: bool, what: &str, word: &str) -> Result<()> {
        if yes {
            return Ok(());
        }
        if !self.host.stdin_terminal {
            return Err(CliError::usage(format!("{what}: this needs a yes"))
                .why("there is no terminal to ask at")
                .now("nothing was changed")
                .next("repeat it with --yes"));
        }
        let _ = write!(self.host.stderr, "{what}. Type {word} to go on: ");
        let _ = self.host.stderr.flush();
        if line(self.host)?.trim() == word {
            Ok(())
        } else {
            Err(CliError::new("not confirmed")
                .now("nothing was changed")
                .next(format!("repeat it and type {word}, or say --yes")))
        }
    }
}

/// One line of standard input.
pub(crate) fn line(host: &mut Host) -> Result<String> {
    let mut text = Vec::new();
    let mut byte = [0u8; 1];
    while host.stdin.read(&mut byte).map_err(|e| unread(&e))? == 1 && byte != [b'\n'] {
        if text.len() == LINE {
            return Err(CliError::usage("the line on stdin is too long")
                .why(format!("more than {LINE} bytes"))
                .next("end it with Enter"));
        }
        text.extend_from_slice(&byte);
    }
    String::from_utf8(text).map_err(|_| {
        CliError::usage("the line on stdin is not text")
            .why("it is not UTF-8")
            .next("type it again")
    })
}

/// Bytes of a line that somebody types, at most.
const LINE: usize = 64 << 10;

/// Standard input that gives nothing: closed in the middle, or a folder.
pub(crate) fn unread(error: &std::io::Error) -> CliError {
    CliError::usage("stdin cannot be read")
        .why(error)
        .now("nothing was sent")
        .next("give it as a file (< FILE) or by a pipe (|)")
}

/// A failure: what, why, what is true now, what next.
pub(crate) fn failure(host: &mut Host, style: Style, global: &Global, error: &CliError) {
    if error.silent {
        return;
    }
    let mark = style.paint(AnsiColor::Red, "✗");
    let mut text = format!("{mark} {}", error.what);
    if let Some(now) = &error.now {
        text.push_str(&format!("; {now}"));
    }
    text.push('\n');
    for why in &error.why {
        text.push_str(&format!("  {why}\n"));
    }
    let code = error.code.as_ref().map(|code| format!("code: {code}"));
    let last = match (&error.next, code) {
        (Some(next), Some(code)) => Some(format!("→ {next}   {code}")),
        (Some(next), None) => Some(format!("→ {next}")),
        (None, Some(code)) => Some(code),
        (None, None) => None,
    };
    if let Some(last) = last {
        text.push_str(&format!("  {last}\n"));
    }
    // What a server or a file says must not drive the terminal.
    let lines = text.lines().map(|line| plain(line) + "\n");
    let _ = host.stderr.write_all(lines.collect::<String>().as_bytes());
    if global.json {
        object(host, error);
    }
}

/// A failure as programs read it.
fn object(host: &mut Host, error: &CliError) {
    let value = serde_json::json!({ "error": {
        "what": error.what, "why": error.why, "now": error.now, "next": error.next, "code": error.code,
    }});
    let _ = writeln!(host.stdout, "{value}");
}

/// What clap has to say: help on stdout, complaints on stderr, and as an object too where JSON was asked for.
pub(crate) fn usage(host: &mut Host, error: &clap::Error, json: bool) -> Exit {
    let text = error.render();
    if !error.use_stderr() {
        let _ = write!(host.stdout, "{text}");
        return Exit::Ok;
    }
    let _ = write!(host.stderr, "{text}");
    if json {
        object(host, &grammar(&text.to_string()));
    }
    Exit::Usage
}

/// A complaint of clap's, taken apart: the first line is what, the last says where help is, the rest is evidence.
fn grammar(text: &str) -> CliError {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut lines: Vec<&str> = lines.collect();
    lines.pop_if(|line| line.starts_with("For more information"));
    let mut lines = lines.into_iter();
    let what = lines.next().unwrap_or("wrong usage");
    let error = CliError::usage(what.strip_prefix("error: ").unwrap_or(what))
        .now("nothing was tried")
        .next("repeat it with --help")
        .code("usage");
    lines.fold(error, CliError::why)
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let scaled = |unit: u64| count as f64 / unit as f64;
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.0} kB", scaled(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", scaled(1_000_000)),
        _ => format!("{:.1} GB", scaled(1_000_000_000)),
    }
}

/// A point in time as its distance from now, both in seconds since 1970.
pub(crate) fn ago(now: i64, then: i64) -> String {
    let seconds = now - then;
    match seconds {
        ..5 => "now".to_owned(),
        5..120 => format!("{seconds}s ago"),
        120..7_200 => format!("{}m ago", seconds / 60),
        7_200..172_800 => format!("{}h ago", seconds / 3_600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// A line without what could move a terminal's cursor or change its title; colours stay.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            if !c.is_control() || c == '\t' {
                out.push(c);
            }
            continue;
        }
        if rest.peek() != Some(&'[') {
            continue;
        }
        rest.next();
        let mut sequence = String::from("\u{1b}[");
        for c in rest.by_ref() {
            sequence.push(c);
            if !(c.is_ascii_digit() || c == ';') {
                break;
            }
        }
        if sequence.ends_with('m') {
            out.push_str(&sequence);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_drive_the_terminal() {
        assert_eq!(
            plain("a\tb \u{1b}[1;31mred\u{1b}[0m"),
            "a\tb \u{1b}[1;31mred\u{1b}[0m"
        );
        assert_eq!(plain("x\u{1b}[2J\u{1b}[Hy\r\u{8}z"), "xyz");
        assert_eq!(plain("\u{1b}]0;title\u{7}t"), "]0;titlet");
        assert_eq!(plain("\u{1b}"), "");
        assert_eq!(plain("\u{1b}["), "");
    }
}
