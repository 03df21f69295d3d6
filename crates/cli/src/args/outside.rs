//! What reaches in from other servers and what is told to them; what keeps deployments from being made.

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::parse::{between, clock, moment, segment, time, words};

#[derive(Debug, Subcommand)]
pub(crate) enum Hooks {
    /// List them
    List,
    /// Make one: prints the address and the secret that the other side wants
    Create {
        /// Who will call
        #[arg(value_enum)]
        kind: HookKind,
    },
    /// Show the last calls, and what became of each
    Calls {
        /// Its id; not needed if there is only one
        #[arg(value_parser = segment)]
        id: Option<String>,
    },
    /// Remove one; calls of it are answered no more
    Remove {
        /// Its id
        #[arg(value_parser = segment)]
        id: String,
    },
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HookKind {
    /// GitHub
    Github,
    /// GitLab
    Gitlab,
    /// Gitea or Forgejo
    Gitea,
    /// Any program that signs as docs/OPERATIONS.md says
    Generic,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Webhooks {
    /// List them
    List,
    /// Make one; the address comes from stdin, because who knows it may write there
    Create(WebhookCreate),
    /// Change one
    Set(WebhookSet),
    /// Show what was told lately, and whether it arrived
    Deliveries {
        /// Its name or id
        #[arg(value_parser = words)]
        webhook: String,
    },
    /// Tell it once more what it was told
    Retry {
        /// Its name or id
        #[arg(value_parser = words)]
        webhook: String,
        /// Id of the delivery: segue webhooks deliveries
        #[arg(value_parser = words)]
        delivery: String,
    },
    /// Send a test
    Test {
        /// Its name or id
        #[arg(value_parser = words)]
        webhook: String,
    },
    /// Remove one
    Remove {
        /// Its name or id
        #[arg(value_parser = words)]
        webhook: String,
    },
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WebhookKind {
    /// A program: signed JSON (Standard Webhooks)
    Standard,
    /// A chat room: Slack, Mattermost and their like
    Chat,
    /// A mail address
    Mail,
}

#[derive(Debug, Args)]
pub(crate) struct WebhookCreate {
    /// Its name
    #[arg(value_parser = words)]
    pub name: String,
    /// Who is told
    #[arg(long, value_enum, value_name = "KIND", default_value_t = WebhookKind::Standard)]
    pub kind: WebhookKind,
    /// The mail address
    #[arg(long, value_name = "ADDRESS", required_if_eq("kind", "mail"))]
    pub address: Option<String>,
    /// Only events of the app of --app
    #[arg(long)]
    pub only_app: bool,
    /// Kinds of events, such as deployment.changed, deployment.* or *; how deployments go if not given
    #[arg(long = "event", value_name = "KIND", value_delimiter = ',')]
    pub events: Vec<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args(["name", "events", "enable", "disable"])))]
pub(crate) struct WebhookSet {
    /// Its name or id
    #[arg(value_parser = words)]
    pub webhook: String,
    /// Another name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Other kinds of events
    #[arg(long = "event", value_name = "KIND", value_delimiter = ',')]
    pub events: Vec<String>,
    /// Tell again
    #[arg(long, conflicts_with = "disable")]
    pub enable: bool,
    /// Tell nothing
    #[arg(long)]
    pub disable: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Credentials {
    /// List them, without passwords
    List,
    /// Keep one; the password or token comes from stdin, and is never shown again
    Set {
        /// The host, such as ghcr.io or git.example.com:8443
        #[arg(value_parser = segment)]
        host: String,
        /// Name of the account
        #[arg(long, value_name = "NAME", value_parser = words)]
        user: String,
        /// For git repositories, and not for images
        #[arg(long)]
        git: bool,
    },
    /// Remove one
    Remove {
        /// Its id, or its host
        #[arg(value_parser = segment)]
        credential: String,
        /// The one for git repositories
        #[arg(long)]
        git: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Lock {
    /// Why; everybody who tries to deploy reads it
    #[arg(value_parser = words)]
    pub reason: String,
    /// Ends after this long
    #[arg(long = "for", value_name = "TIME", value_parser = time, conflicts_with = "until")]
    pub lasts: Option<std::time::Duration>,
    /// Ends then, such as 2026-12-24T18:00:00+01:00
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub until: Option<DateTime<Utc>>,
    /// All environments of the app
    #[arg(long)]
    pub whole_app: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Unlock {
    /// The lock of the whole app
    #[arg(long)]
    pub whole_app: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Freezes {
    /// List them
    List,
    /// Make one: a time in which nothing is deployed, once or every week
    Create(FreezeCreate),
    /// Remove one
    Remove {
        /// Its id
        #[arg(value_parser = segment)]
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("when").required(true).args(["weekly", "starts"])))]
pub(crate) struct FreezeCreate {
    /// Why; everybody who tries to deploy reads it
    #[arg(value_parser = words)]
    pub reason: String,
    /// Every week, beginning on these days
    #[arg(long, value_enum, value_name = "DAY", value_delimiter = ',', requires_all = ["at", "lasts"])]
    pub weekly: Vec<Day>,
    /// Every week: when it begins, such as 16:00
    #[arg(long, value_name = "HH:MM", value_parser = clock)]
    pub at: Option<String>,
    /// Every week: how long it lasts, such as 64h
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub lasts: Option<std::time::Duration>,
    /// Once: from, such as 2026-12-24T00:00:00+01:00
    #[arg(long, value_name = "MOMENT", value_parser = moment, requires = "ends", conflicts_with_all = ["at", "lasts"])]
    pub starts: Option<DateTime<Utc>>,
    /// Once: until
    #[arg(long, value_name = "MOMENT", value_parser = moment, requires = "starts")]
    pub ends: Option<DateTime<Utc>>,
    /// Time zone, such as Europe/Berlin; UTC if not given
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// All environments of the app
    #[arg(long)]
    pub whole_app: bool,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Day {
    /// Monday
    Mon,
    /// Tuesday
    Tue,
    /// Wednesday
    Wed,
    /// Thursday
    Thu,
    /// Friday
    Fri,
    /// Saturday
    Sat,
    /// Sunday
    Sun,
}

impl Day {
    /// Its number: Monday is 1.
    pub const fn number(self) -> i32 {
        self as i32 + 1
    }

    /// Its name, by number.
    pub fn name(number: i32) -> &'static str {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let index = usize::try_from(number - 1).ok();
        index
            .and_then(|index| days.get(index))
            .copied()
            .unwrap_or("?")
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Previews {
    /// List the environments that branches have
    List,
    /// Show how they are made
    Show,
    /// Let pushes of other branches make environments; what is not given stays as it was
    On {
        /// The environment that they are made after
        #[arg(long, value_name = "ENV")]
        from: Option<String>,
        /// How long one lives after the last push, such as 72h
        #[arg(long, value_name = "TIME", value_parser = time)]
        ttl: Option<std::time::Duration>,
        /// A secret of that environment whose value they get
        #[arg(long = "secret", value_name = "KEY", value_delimiter = ',')]
        secrets: Vec<String>,
        /// How many there may be at a time
        #[arg(long, value_name = "N", value_parser = between::<i32>(1, 50))]
        limit: Option<i32>,
    },
    /// Make no more of them; those that are there stay
    Off,
}
