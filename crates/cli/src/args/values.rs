//! Settings and secrets.

use std::path::PathBuf;

use clap::Subcommand;

use super::parse::{assignment, key};

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// List them
    List,
    /// Set some, and deploy
    Set {
        /// KEY=VALUE
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = assignment)]
        values: Vec<(String, String)>,
        /// Return as soon as the server has it
        #[arg(short, long, visible_alias = "no-wait")]
        detach: bool,
    },
    /// Remove some, and deploy
    Unset {
        /// Keys
        #[arg(required = true, value_name = "KEY", value_parser = key)]
        keys: Vec<String>,
        /// Return as soon as the server has it
        #[arg(short, long, visible_alias = "no-wait")]
        detach: bool,
    },
    /// Set everything that a .env file says, and deploy once
    Import {
        /// The file; - reads stdin
        file: PathBuf,
        /// Return as soon as the server has it
        #[arg(short, long, visible_alias = "no-wait")]
        detach: bool,
    },
    /// Print them as a .env file
    Export,
    /// Compare two environments
    Diff {
        /// One environment
        left: String,
        /// The other
        right: String,
        /// Also specification and release
        #[arg(long)]
        all: bool,
        /// End with 2 if they differ
        #[arg(long)]
        detailed_exitcode: bool,
    },
    /// List the versions, the newest first
    History,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Secret {
    /// List their names
    List,
    /// Set one, from stdin, and deploy
    Set {
        /// Key; the value comes from stdin
        key: String,
        /// Return as soon as the server has it
        #[arg(short, long, visible_alias = "no-wait")]
        detach: bool,
    },
    /// Print the value of one; the team is told. Needs a token with the scope secret:reveal
    Reveal {
        /// Key
        #[arg(value_parser = key)]
        key: String,
    },
    /// Give one a new random value, and deploy; the value is shown to nobody
    Rotate {
        /// Key
        #[arg(value_parser = key)]
        key: String,
        /// Return as soon as the server has it
        #[arg(short, long, visible_alias = "no-wait")]
        detach: bool,
    },
    /// Remove one, and deploy
    Unset {
        /// Key
        #[arg(value_parser = key)]
        key: String,
        /// Return as soon as the server has it
        #[arg(short, long, visible_alias = "no-wait")]
        detach: bool,
    },
}
