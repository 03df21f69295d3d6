//! This folder, this program, and the API itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::parse::{header, method};

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Replace a segue.toml that is there
    #[arg(long)]
    pub force: bool,
    /// Print the Dockerfile that would be used, and write nothing
    #[arg(long)]
    pub print_dockerfile: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Api {
    /// GET, POST, PUT, PATCH or DELETE
    #[arg(value_parser = method)]
    pub method: reqwest::Method,
    /// Path, such as /v1/me
    pub path: String,
    /// Body: text, @FILE, or @- for stdin
    #[arg(short, long, value_name = "BODY")]
    pub data: Option<String>,
    /// Another header
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The token; asked for, or read from stdin, if not given
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, default_missing_value = "-")]
    pub token: Option<String>,
}

/// What git asks of a credential helper.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum GitCredential {
    /// Answer with the token, if git asks about a server you are signed in to
    Get,
    /// Nothing: the token is kept by segue login
    Store,
    /// Nothing: the token is removed by segue logout
    Erase,
    /// Any other word of a newer git; nothing is done
    #[command(external_subcommand)]
    Other(Vec<String>),
}
