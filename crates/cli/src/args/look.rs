//! What is looked at: logs, events, status.

use clap::Args;

use super::parse::{between, deployment, segment, time};

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print it again whenever it changes
    #[arg(short, long)]
    pub watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// Print the address, and open nothing
    #[arg(long)]
    pub print: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Go on as lines come
    #[arg(short, long)]
    pub follow: bool,
    /// Lines to begin with
    #[arg(short = 'n', long, default_value_t = 100, value_name = "N", value_parser = between::<u32>(0, 5000))]
    pub lines: u32,
    /// Not older than this
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<std::time::Duration>,
    /// Only this service
    #[arg(short, long, value_name = "NAME", value_parser = segment)]
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
pub(crate) struct Events {
    /// Go on as they come
    #[arg(short, long)]
    pub follow: bool,
    /// Events to begin with
    #[arg(short = 'n', long, default_value_t = 50, value_name = "N", value_parser = between::<u32>(0, 100))]
    pub lines: u32,
    /// Of the whole team
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ps {
    /// One instance, such as web.2
    #[arg(value_name = "INSTANCE", value_parser = segment)]
    pub instance: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Metrics {
    /// Not older than this, at most 48h
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "1h")]
    pub since: std::time::Duration,
    /// Each line stands for this long
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub step: Option<std::time::Duration>,
}
