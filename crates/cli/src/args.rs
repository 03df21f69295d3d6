//! The command line's grammar.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const AFTER: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the deployment failed or was rolled back, \
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
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = time)]
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
    /// Make an app be what a file says
    Apply(Apply),
    /// Say how an app is
    Status,
    /// List instances
    Ps,
    /// Show logs
    Logs(Logs),
    /// Go back to an earlier release
    Rollback(Rollback),
    /// Restart instances, without losing a request
    Restart(Restart),
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
    /// Machines that applications run on
    Hosts {
        #[command(subcommand)]
        verb: Option<Hosts>,
    },
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
    /// Print a completion script
    Completion {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

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
pub(crate) struct Up {
    /// Folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Deploy this image instead of a folder
    #[arg(long, value_name = "IMAGE", conflicts_with = "path")]
    pub image: Option<String>,
    /// Return as soon as the server has everything
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
    /// A note for the list of deployments
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// segue.toml, or YAML with application, image, replicas and port
    #[arg(short, long, value_name = "FILE", default_value = "segue.toml")]
    pub file: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Return as soon as the server has everything
    #[arg(short, long, visible_alias = "no-wait")]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Go on as lines come
    #[arg(short, long)]
    pub follow: bool,
    /// Lines to begin with
    #[arg(short = 'n', long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub lines: u32,
    /// Not older than this
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<std::time::Duration>,
    /// Only this service
    #[arg(short, long, value_name = "NAME")]
    pub service: Option<String>,
    /// Only what belongs to this deployment
    #[arg(long, value_name = "N", value_parser = deployment)]
    pub deploy: Option<i64>,
    /// The build's log (of the last deployment, or of --deploy)
    #[arg(long)]
    pub build: bool,
    /// Only lines that contain this
    #[arg(long, value_name = "TEXT")]
    pub grep: Option<String>,
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
pub(crate) struct Restart {
    /// The service, or one instance of it such as web.2; all services if not given
    #[arg(value_name = "SERVICE|INSTANCE")]
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
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
        /// Return as soon as the server has it
        #[arg(short, long, visible_alias = "no-wait")]
        detach: bool,
    },
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
    /// Remove one, and deploy
    Unset {
        /// Key
        key: String,
        /// Return as soon as the server has it
        #[arg(short, long, visible_alias = "no-wait")]
        detach: bool,
    },
}

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

fn time(text: &str) -> Result<std::time::Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let time = parsed.and_then(|time| std::time::Duration::try_from(time).ok());
    time.ok_or_else(|| "expected a time such as 30s, 5m or 1h".to_owned())
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let key = key
        .parse::<segue_model::name::ConfigKey>()
        .map_err(|e| e.to_string())?;
    Ok((key.to_string(), value.to_owned()))
}

fn scale_target(text: &str) -> Result<(String, u32), String> {
    let (service, count) = text
        .split_once('=')
        .ok_or("expected SERVICE=N, such as web=3")?;
    let service = service
        .parse::<segue_model::name::ServiceName>()
        .map_err(|e| e.to_string())?;
    let most = *segue_model::spec::bounds::REPLICAS.end();
    let count = count
        .parse()
        .ok()
        .filter(|count| *count <= most)
        .ok_or_else(|| format!("{count:?} is not a number of instances from 0 to {most}"))?;
    Ok((service.to_string(), count))
}

fn release(text: &str) -> Result<i64, String> {
    numbered(text, 'v').ok_or_else(|| "expected a release such as v3".to_owned())
}

fn deployment(text: &str) -> Result<i64, String> {
    numbered(text, '#').ok_or_else(|| "expected a deployment's number, such as 42".to_owned())
}

fn numbered(text: &str, prefix: char) -> Option<i64> {
    let number = text.strip_prefix(prefix).unwrap_or(text).parse().ok()?;
    (number > 0).then_some(number)
}

/// A method of HTTP, in any case.
pub(crate) fn method(text: &str) -> Result<reqwest::Method, String> {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
    let upper = text.to_ascii_uppercase();
    if !known.contains(&upper.as_str()) {
        return Err(format!("expected one of {}", known.join(", ")));
    }
    upper.parse().map_err(|_| "not a method".to_owned())
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
