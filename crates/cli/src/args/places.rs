//! Apps, environments, machines and who may do what.

use clap::{Args, Subcommand};

use super::parse::days;

#[derive(Debug, Subcommand)]
pub(crate) enum Apps {
    /// List them
    List,
    /// Make one
    Create {
        /// Its name
        name: String,
    },
    /// Remove one, with all its environments
    Destroy {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Envs {
    /// List them
    List,
    /// Make one
    Create {
        /// Its name
        name: String,
    },
    /// Remove one
    Destroy {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hosts {
    /// List them
    List,
    /// Show one
    Show {
        /// Its name
        name: String,
    },
    /// Place nothing new on one
    Cordon {
        /// Its name
        name: String,
    },
    /// Place on it again
    Uncordon {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// List your own
    List,
    /// Make one; it is shown once
    Create(TokenCreate),
    /// End one
    Revoke {
        /// Its id, or its first characters
        token: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreate {
    /// What it is for
    pub name: String,
    /// What it is good for: read, deploy, write, admin
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        value_delimiter = ',',
        default_value = "read"
    )]
    pub scopes: Vec<String>,
    /// At most this role: viewer, deployer, admin, owner
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Good for the app of --app only
    #[arg(long)]
    pub only_app: bool,
    /// Good from this network only, such as 203.0.113.0/24
    #[arg(long = "from", value_name = "NETWORK", value_delimiter = ',')]
    pub from: Vec<String>,
    /// Ends after so many days, 1 to 366
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub expires: Option<i32>,
}
