//! The commands people type.
//!
//! Owns what a person or a script sees: data on stdout, talk on stderr, exit codes, sentences of errors.
//! Everything but `init` and `completion` is done by the public API through `segue-client`; nothing here knows
//! more than any other client of that API. Must not: print a secret, write to a terminal what a pipe expects,
//! or cancel anything because a person stopped watching.

mod answers;
mod args;
mod calls;
mod commands;
mod config_files;
mod error;
mod files;
mod host;
mod output;
mod pack;
mod session;
mod stream;
mod target;
mod wire;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

pub use error::Exit;

/// Runs one command line, the program's name first, and says how it ended.
pub async fn run<I: IntoIterator<Item = OsString>>(args: I) -> ExitCode {
    ExitCode::from(run_on(&mut host::Host::process(), args).await.code())
}

/// Whether a command line, the program's name first, is a request to the API (`segue api GET /v1/me`) and not the
/// server's role of the same name, which takes no method.
#[must_use]
pub fn is_api_call(args: &[OsString]) -> bool {
    let word = |index: usize| args.get(index).and_then(|word| word.to_str());
    word(1) == Some("api") && word(2).is_some_and(|method| args::method(method).is_ok())
}

/// The same on a given world: the tests' way in.
async fn run_on<I: IntoIterator<Item = OsString>>(host: &mut host::Host, args: I) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match args::Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => {
            // What is behind `--` belongs to a command of somebody else's.
            let mut own = args.iter().take_while(|word| *word != "--");
            return output::usage(host, &error, own.any(|word| word == "--json"));
        }
    };
    let style = output::Style::of(host, &cli.global);
    match commands::run(host, &cli).await {
        Ok(exit) => exit,
        Err(error) => {
            output::failure(host, style, &cli.global, &error);
            error.exit
        }
    }
}
