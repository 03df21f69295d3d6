//! What deploys, and what came of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::parse::{
    GitSource, deployment, git_source, release, run, scale_target, segment, time, words,
};

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Deploy this image instead of a folder
    #[arg(long, value_name = "IMAGE", value_parser = words, conflicts_with = "path")]
    pub image: Option<String>,
    /// Let the server fetch this repository and deploy it, instead of a folder
    #[arg(long, value_name = "URL[@REF]", value_parser = git_source, conflicts_with_all = ["path", "image", "dry_run"])]
    pub git: Option<GitSource>,
    /// Deploy also what did not change
    #[arg(long)]
    pub force: bool,
    /// Deploy in spite of locks and freeze windows; admins only, and the audit log says so
    #[arg(long = "override")]
    pub overriding: bool,
    /// Return as soon as the server has everything
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
    /// Show the build's log, and wait until the release has proved itself
    #[arg(long, conflicts_with = "detach")]
    pub ci: bool,
    /// Show what would be sent and changed, and change nothing
    #[arg(long, conflicts_with_all = ["detach", "ci"])]
    pub dry_run: bool,
    /// A note for the list of deployments
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// segue.toml, or YAML with application, image, replicas and port
    #[arg(short, long, value_name = "FILE", default_value = "segue.toml")]
    pub file: PathBuf,
    /// End with 2 if something would change
    #[arg(long)]
    pub detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// segue.toml, or YAML with application, image, replicas and port
    #[arg(short, long, value_name = "FILE", default_value = "segue.toml")]
    pub file: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Remove services that the file does not name any more
    #[arg(long)]
    pub allow_delete: bool,
    /// Return as soon as the server has everything
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The release, such as v3; the one before the present if not given
    #[arg(value_parser = release)]
    pub release: Option<i64>,
    /// Return as soon as the server has it
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Redeploy {
    /// Deploy in spite of locks and freeze windows; admins only, and the audit log says so
    #[arg(long = "override")]
    pub overriding: bool,
    /// A note for the list of deployments
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Return as soon as the server has it
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restart {
    /// The service, or one instance of it such as web.2; all services if not given
    #[arg(value_name = "SERVICE|INSTANCE", value_parser = segment)]
    pub what: Option<String>,
    /// Return as soon as the server has it
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// Targets, such as web=3 worker=2
    #[arg(required = true, value_name = "SERVICE=N", value_parser = scale_target)]
    pub targets: Vec<(String, u32)>,
    /// Return without waiting for the instances
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Deploys {
    /// List them, the newest first
    List,
    /// Show one, with its receipt
    Show {
        /// Its number
        #[arg(value_parser = deployment)]
        number: i64,
    },
    /// Follow one to its end
    Follow {
        /// Its number
        #[arg(value_parser = deployment)]
        number: i64,
    },
    /// Stop one; traffic stays where it was
    Cancel {
        /// Its number
        #[arg(value_parser = deployment)]
        number: i64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Releases {
    /// List them, the newest first
    List,
    /// Show one
    Show {
        /// Its name, such as v3
        #[arg(value_parser = release)]
        release: i64,
    },
    /// Tell what differs between two
    Diff {
        /// One, such as v2
        #[arg(value_parser = release)]
        release: i64,
        /// The other, such as v3
        #[arg(value_parser = release)]
        other: i64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Builds {
    /// List them, the newest first
    List,
    /// Show one's log
    Logs {
        /// Its id; the newest if not given
        #[arg(value_parser = segment)]
        build: Option<String>,
        /// Go on as lines come
        #[arg(short, long)]
        follow: bool,
    },
    /// Stop one; its deployment ends with it
    Cancel {
        /// Its id
        #[arg(value_parser = segment)]
        build: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The environment whose release it is
    pub from: String,
    /// The environment that gets it
    pub to: String,
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// A note for the list of deployments
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Return as soon as the server has it
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The service whose image, variables and limits it has
    #[arg(short, long, value_name = "NAME", value_parser = segment)]
    pub service: Option<String>,
    /// Stopped after this long
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub time_limit: Option<std::time::Duration>,
    /// Return as soon as the server has it
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
    /// The command, after --
    #[arg(required = true, last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List them, the newest first
    List,
    /// Show one
    Show {
        /// Its number
        #[arg(value_parser = run)]
        number: i64,
    },
    /// Show what one writes, and end as it ends
    Follow {
        /// Its number
        #[arg(value_parser = run)]
        number: i64,
    },
    /// Stop one
    Cancel {
        /// Its number
        #[arg(value_parser = run)]
        number: i64,
    },
}
