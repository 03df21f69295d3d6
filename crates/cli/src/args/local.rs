//! This folder, this program, and the API itself.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// Confirm a code in the browser, as without any flag
    #[arg(long, conflicts_with = "token")]
    pub device: bool,
    /// With a token in place of the browser; without its value it is asked for, or read from stdin
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, default_missing_value = "-")]
    pub token: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// What kind of file it is
    #[arg(value_enum)]
    pub format: ImportFormat,
    /// The file
    pub file: PathBuf,
    /// Where to write; - prints it
    #[arg(short, long, value_name = "FILE", default_value = "segue.toml")]
    pub output: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// A kind of file that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// docker-compose.yml, compose.yaml
    Compose,
    /// Procfile
    Procfile,
    /// app.json
    AppJson,
    /// fly.toml
    Fly,
    /// render.yaml
    Render,
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
