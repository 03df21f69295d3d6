//! What the first word of the command line means: a role of the server, or a command for the API.
//!
//! Must not: print anything but errors; what a role has to say goes to its log.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use segue_api::{hook, openapi};

use crate::config::{self, Flag, Settings};
use crate::roles::control::Parts;
use crate::{crypto, roles, telemetry};

/// The name under which git starts this program.
pub(crate) const HOOK: &str = "pre-receive";
/// The first words that are ours.
const SERVER_WORDS: [&str; 8] = [
    "serve", "control", "api", "worker", "edge", "migrate", "openapi", "admin",
];

#[derive(Debug, Parser)]
#[command(name = "segue", version, about = "Runs Segue's server.")]
struct Server {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Everything for one machine: the database, the control plane, the edge, the build engine
    Serve(Common),
    /// API and worker in one process
    Control(Common),
    /// The API alone
    Api(Common),
    /// The worker alone
    Worker(Common),
    /// Bring the database to this version, then end
    Migrate(Common),
    /// Print the API's description: v1 or internal
    Openapi {
        /// Which interface
        #[arg(value_enum, default_value_t = Interface::V1)]
        interface: Interface,
    },
    /// For operators on the server itself
    Admin {
        #[command(subcommand)]
        order: Admin,
    },
    /// The data plane alone
    Edge {
        #[command(flatten)]
        common: Common,
        /// The control plane: unix:/path or http://host:port (edge.control)
        #[arg(long, value_name = "URL")]
        control: Option<String>,
        /// File with this edge's token (edge.token_file)
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
}

/// An interface that has a description.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Interface {
    /// The public one
    V1,
    /// The one between Segue's own processes
    Internal,
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Print a fresh one-time link to create the owner account
    SetupLink(Common),
    /// Print a deploy token of a team, which is made if there is none of that name
    Token {
        #[command(flatten)]
        common: Common,
        /// Name of the team
        #[arg(long)]
        team: String,
    },
    /// Make a new key for people's sessions; nobody who is signed in notices
    RotateKeys {
        #[command(flatten)]
        common: Common,
        /// End the older keys now: for keys that somebody else has seen
        #[arg(long)]
        at_once: bool,
    },
    /// Sign a person out everywhere and keep them from signing in
    DisablePerson {
        #[command(flatten)]
        common: Common,
        /// Their address
        email: String,
    },
    /// Print a one-time link by which a person sets a new password
    ResetPassword {
        #[command(flatten)]
        common: Common,
        /// Their address
        email: String,
    },
    /// Verify the audit logs of the installation and of every team
    VerifyAudit(Common),
    /// Let a disabled person sign in again
    EnablePerson {
        #[command(flatten)]
        common: Common,
        /// Their address
        email: String,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// Settings file
    #[arg(long, value_name = "FILE", env = "SEGUE_CONFIG")]
    config: Option<PathBuf>,
    /// One setting, such as edge.http='["0.0.0.0:80"]'; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Flag>,
    /// A Postgres to use in place of a private one (database.url)
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// Runs the command line and answers the exit code of the process.
#[must_use]
pub fn main(args: Vec<OsString>) -> ExitCode {
    // Before anything that could make a TLS configuration.
    if let Err(error) = crypto::install() {
        return refuse(&error);
    }
    // Git calls the hook by its own name and with no word of ours.
    let called = args.first().map(Path::new).and_then(Path::file_name);
    if called.is_some_and(|name| name == HOOK) {
        return hook::pre_receive();
    }
    let word = args.get(1).and_then(|word| word.to_str());
    if segue_cli::is_api_call(&args) || !word.is_some_and(|word| SERVER_WORDS.contains(&word)) {
        return talk_to_the_api(args);
    }
    match Server::try_parse_from(args) {
        Ok(server) => match run(server.role) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refuse(&error),
        },
        Err(error) => {
            // Help and version go to standard output, mistakes to standard error.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

/// Every other word is a command of the client.
fn talk_to_the_api(args: Vec<OsString>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(segue_cli::run(args)),
        Err(error) => refuse(&error.into()),
    }
}

fn run(role: Role) -> anyhow::Result<()> {
    match role {
        Role::Serve(common) => roles::serve::run(&settings(common, Vec::new())?),
        Role::Control(common) => control(common, Parts::Both),
        Role::Api(common) => control(common, Parts::Api),
        Role::Worker(common) => control(common, Parts::Worker),
        Role::Migrate(common) => roles::database::migrate(&settings(common, Vec::new())?),
        Role::Openapi {
            interface: Interface::V1,
        } => print(&openapi::to_text(&openapi::public())),
        Role::Openapi {
            interface: Interface::Internal,
        } => print(&openapi::to_text(&openapi::internal())),
        Role::Admin { order } => print(&admin(order)?),
        Role::Edge {
            common,
            control,
            token_file,
        } => {
            let flags = [
                ("edge.control", control),
                (
                    "edge.token_file",
                    token_file.map(|path| path.display().to_string()),
                ),
            ];
            roles::edge::run(&settings(common, given(flags))?)
        }
    }
}

fn admin(order: Admin) -> anyhow::Result<String> {
    let read = |common| settings(common, Vec::new());
    match order {
        Admin::SetupLink(common) => roles::admin::setup_link_new(&read(common)?),
        Admin::Token { common, team } => roles::admin::team_token(&read(common)?, &team),
        Admin::RotateKeys { common, at_once } => roles::admin::rotate_keys(&read(common)?, at_once),
        Admin::DisablePerson { common, email } => {
            roles::admin::person_disable(&read(common)?, &email, true)
        }
        Admin::ResetPassword { common, email } => {
            roles::admin::password_reset(&read(common)?, &email)
        }
        Admin::VerifyAudit(common) => roles::admin::audit_verify(&read(common)?),
        Admin::EnablePerson { common, email } => {
            roles::admin::person_disable(&read(common)?, &email, false)
        }
    }
}

fn control(common: Common, parts: Parts) -> anyhow::Result<()> {
    roles::control::run(&settings(common, Vec::new())?, parts)
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", text.trim_end()).context("standard output")
}

/// Flags that were given, as settings.
fn given<const N: usize>(flags: [(&str, Option<String>); N]) -> Vec<Flag> {
    flags
        .into_iter()
        .filter_map(|(key, value)| {
            Some(Flag {
                key: key.to_owned(),
                value: value?,
            })
        })
        .collect()
}

/// Reads the settings and starts the log.
fn settings(common: Common, more: Vec<Flag>) -> anyhow::Result<Settings> {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut flags = given([("database.url", common.database_url)]);
    flags.extend(more);
    flags.extend(common.set);
    let settings = config::load(common.config.as_deref(), &environment, &flags)?;
    telemetry::install(&settings.log).context("log")?;
    Ok(settings)
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a process that cannot go on"
)]
fn refuse(error: &anyhow::Error) -> ExitCode {
    eprintln!("segue: {error:#}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_the_words_are_the_roles() {
        Server::command().debug_assert();
        let command = Server::command();
        let mut words: Vec<&str> = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        let mut ours = SERVER_WORDS;
        words.sort_unstable();
        ours.sort_unstable();
        assert_eq!(words, ours);
    }
}
