//! The command line's grammar: options of every command, and the tree of commands.
//!
//! Owns what people may write; what a command does with it is [`crate::commands`]. Must not: look at the machine or
//! ask a server, so that the grammar can be printed (help, completion, man pages) anywhere.

mod deploy;
mod local;
mod look;
mod outside;
mod parse;
mod places;
mod values;

use clap::{Args, Parser, Subcommand};

pub(crate) use deploy::*;
pub(crate) use local::*;
pub(crate) use look::*;
pub(crate) use outside::*;
pub(crate) use parse::{GitSource, method};
pub(crate) use places::*;
pub(crate) use values::*;

const AFTER: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage or pending changes, 3 the deployment failed or was rolled back, \
4 not signed in, 130 interrupted.\nData goes to stdout, talk to stderr; --json gives data as JSON. Values are taken \
from flags, then SEGUE_* variables, then the nearest segue.toml, then .segue/link.toml.";

/// Runs your applications on your own machines.
#[derive(Debug, Parser)]
#[command(name = "segue", version, after_help = AFTER, disable_help_subcommand = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Global {
    /// App (else SEGUE_APP, segue.toml)
    #[arg(short, long, global = true, value_name = "NAME")]
    pub app: Option<String>,
    /// Environment (else SEGUE_ENV; production)
    #[arg(short, long, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// Team (else SEGUE_TEAM; the one you signed in to)
    #[arg(short, long, global = true, value_name = "NAME")]
    pub team: Option<String>,
    /// Server (else SEGUE_SERVER; the one you signed in to)
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Print data as JSON; one object per line when streaming
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Answer yes to questions
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// No colour (also NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Give up on a single request after this long
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = parse::time)]
    pub timeout: Option<std::time::Duration>,
    /// Send the token over unencrypted HTTP to another machine
    #[arg(long, global = true)]
    pub insecure_http: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at this folder and write segue.toml
    Init(Init),
    /// Deploy this folder, or an image
    #[command(visible_alias = "deploy")]
    Up(Up),
    /// Show what a file would change
    Plan(Plan),
    /// Make an app be what a file says
    Apply(Apply),
    /// Say how an app is
    Status(Status),
    /// List instances, or say of one why it is where and how it is
    Ps(Ps),
    /// List services
    Services,
    /// Show requests over time
    Metrics(Metrics),
    /// Open an app in the browser
    Open(Open),
    /// Show logs
    Logs(Logs),
    /// Show what happened, and why
    Events(Events),
    /// Go back to an earlier release
    Rollback(Rollback),
    /// Deploy once more what runs, with the settings of now
    Redeploy(Redeploy),
    /// Restart instances, without losing a request
    Restart(Restart),
    /// Bring what serves one environment to another: the very same images
    Promote(Promote),
    /// Run a command once, in the image that serves
    Run(Run),
    /// One-off runs
    Runs {
        #[command(subcommand)]
        verb: Option<Runs>,
    },
    /// Change how many instances run
    Scale(Scale),
    /// Settings that applications read as variables
    Config {
        #[command(subcommand)]
        verb: Option<Config>,
    },
    /// Settings whose values nobody can read back
    Secret {
        #[command(subcommand)]
        verb: Option<Secret>,
    },
    /// Apps
    #[command(visible_alias = "app")]
    Apps {
        #[command(subcommand)]
        verb: Option<Apps>,
    },
    /// Environments of an app
    #[command(visible_alias = "env")]
    Envs {
        #[command(subcommand)]
        verb: Option<Envs>,
    },
    /// Deployments
    #[command(visible_alias = "deployments")]
    Deploys {
        #[command(subcommand)]
        verb: Option<Deploys>,
    },
    /// Releases
    Releases {
        #[command(subcommand)]
        verb: Option<Releases>,
    },
    /// Builds of images
    #[command(visible_alias = "build")]
    Builds {
        #[command(subcommand)]
        verb: Option<Builds>,
    },
    /// Environments by branch
    #[command(visible_alias = "preview")]
    Previews {
        #[command(subcommand)]
        verb: Option<Previews>,
    },
    /// Stop deployments, and say why
    Lock(Lock),
    /// Let deployments be made again
    Unlock(Unlock),
    /// Show what stops deployments
    Locks,
    /// Times in which nothing is deployed
    #[command(visible_alias = "freeze")]
    Freezes {
        #[command(subcommand)]
        verb: Option<Freezes>,
    },
    /// Addresses that GitHub, GitLab, Gitea or a program calls after a push
    #[command(visible_alias = "hook")]
    Hooks {
        #[command(subcommand)]
        verb: Option<Hooks>,
    },
    /// Who is told of events: programs, chat rooms, people
    #[command(visible_aliases = ["webhook", "notifications"])]
    Webhooks {
        #[command(subcommand)]
        verb: Option<Webhooks>,
    },
    /// Accounts at registries of images and at git servers
    #[command(visible_alias = "registries")]
    Credentials {
        #[command(subcommand)]
        verb: Option<Credentials>,
    },
    /// Machines that applications run on
    Hosts {
        #[command(subcommand)]
        verb: Option<Hosts>,
    },
    /// Teams, their people, invitations and limits
    #[command(visible_alias = "team")]
    Teams {
        #[command(subcommand)]
        verb: Option<Teams>,
    },
    /// What was done in the team, and by whom
    Audit {
        #[command(subcommand)]
        verb: Audit,
    },
    /// API tokens: your own, and the team's for deploying
    #[command(visible_alias = "token")]
    Tokens {
        #[command(subcommand)]
        verb: Option<Tokens>,
    },
    /// Your sign-ins in browsers
    #[command(visible_alias = "session")]
    Sessions {
        #[command(subcommand)]
        verb: Option<Sessions>,
    },
    /// Write segue.toml from another tool's file
    Import(Import),
    /// Call the API
    Api(Api),
    /// Check this folder, the sign-in and the server
    Doctor,
    /// Sign in
    Login(Login),
    /// Sign out
    Logout,
    /// Say who is signed in, and where
    Whoami,
    /// Sign git in: a credential helper
    GitCredential {
        #[command(subcommand)]
        verb: GitCredential,
    },
    /// Print a completion script
    Completion {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual's pages into a folder
    Man {
        /// The folder
        dir: std::path::PathBuf,
    },
}
