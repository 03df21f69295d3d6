//! Apps, environments, machines and who may do what.

use clap::{Args, Subcommand};

use super::parse::{between, bytes, days, millis, segment, team, time, words};

#[derive(Debug, Subcommand)]
pub(crate) enum Apps {
    /// List them
    List,
    /// Make one
    Create {
        /// Its name
        name: String,
    },
    /// Show one
    Show {
        /// Its name
        name: String,
    },
    /// Give one another name; its address stays
    Rename {
        /// Its name
        name: String,
        /// The new one
        to: String,
    },
    /// Say from where the source of one comes, and whether a push deploys it
    Repo {
        /// Its name
        name: String,
        /// The repository
        #[arg(required_unless_present = "none", conflicts_with = "none")]
        url: Option<String>,
        /// The branch that is deployed
        #[arg(long, value_name = "NAME", conflicts_with = "none")]
        branch: Option<String>,
        /// Deploy whenever the branch moves; needs a hook (segue hooks create)
        #[arg(long, conflicts_with = "none")]
        auto_deploy: bool,
        /// From nowhere: it is sent or pushed
        #[arg(long)]
        none: bool,
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
    /// Show one
    Show {
        /// Its name
        name: String,
    },
    /// Make one
    Create(EnvCreate),
    /// Make one after another: its settings and sizes, and the names of its secrets
    Clone {
        /// The one that is there
        from: String,
        /// The new one's name
        name: String,
    },
    /// Only admins may change it
    Protect {
        /// Its name
        name: String,
    },
    /// Who may deploy may change it
    Unprotect {
        /// Its name
        name: String,
    },
    /// Say how long it lives from now on
    Ttl {
        /// Its name
        name: String,
        /// Such as 72h, or never
        time: String,
    },
    /// Stop all that runs in it; nothing is lost but the instances
    Stop {
        /// Its name
        name: String,
    },
    /// Start it again
    Start {
        /// Its name
        name: String,
    },
    /// Remove one
    Destroy {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EnvCreate {
    /// Its name
    pub name: String,
    /// production, staging or preview
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Made after this one: its settings and sizes, and the names of its secrets
    #[arg(long, value_name = "ENV")]
    pub clone_of: Option<String>,
    /// Only admins may change it
    #[arg(long)]
    pub protected: bool,
    /// Lives so long, such as 72h
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub ttl: Option<std::time::Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hosts {
    /// List them
    List,
    /// Show one
    Show {
        /// Its name
        #[arg(value_parser = segment)]
        name: String,
    },
    /// Place nothing new on one
    Cordon {
        /// Its name
        #[arg(value_parser = segment)]
        name: String,
    },
    /// Place on it again
    Uncordon {
        /// Its name
        #[arg(value_parser = segment)]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// List your own
    List {
        /// The team's deploy tokens
        #[arg(long)]
        deploy: bool,
    },
    /// Make one; it is shown once
    Create(TokenCreate),
    /// End one
    Revoke {
        /// Its id, its name, or its first characters
        #[arg(value_parser = words)]
        token: String,
        /// One of the team's deploy tokens
        #[arg(long)]
        deploy: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreate {
    /// What it is for
    #[arg(value_parser = words)]
    pub name: String,
    /// A deploy token of the team, which does not end with your membership
    #[arg(long)]
    pub deploy: bool,
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

#[derive(Debug, Subcommand)]
pub(crate) enum Teams {
    /// List those you are in
    List,
    /// Make one
    Create {
        /// Its name
        #[arg(value_parser = team)]
        name: String,
    },
    /// Give it another name
    Rename {
        /// The new one
        #[arg(value_parser = team)]
        name: String,
    },
    /// Remove one that has no apps any more
    Destroy {
        /// Its name
        #[arg(value_parser = team)]
        name: String,
    },
    /// Take an invitation; its link comes from stdin
    Join,
    /// Let commands mean another one
    Switch {
        /// Its name
        #[arg(value_parser = team)]
        name: String,
    },
    /// People in it
    Members {
        #[command(subcommand)]
        verb: Option<Members>,
    },
    /// Invite somebody: prints a link
    Invite {
        /// Their address
        #[arg(value_parser = words)]
        email: String,
        /// viewer, deployer, admin or owner
        #[arg(long, value_name = "ROLE", default_value = "deployer")]
        role: String,
        /// Only on the app of --app
        #[arg(long)]
        only_app: bool,
        /// Only on the environment of --env
        #[arg(long)]
        only_env: bool,
        /// The link ends after so many days, 1 to 30
        #[arg(long, value_name = "DAYS", value_parser = days)]
        expires: Option<i32>,
    },
    /// Invitations
    Invitations {
        #[command(subcommand)]
        verb: Option<Invitations>,
    },
    /// How much it may use
    Quota {
        #[command(subcommand)]
        verb: Option<Quota>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Members {
    /// List them
    List,
    /// Give a role, on the team or at a place; none takes it away
    Role {
        /// Their address
        #[arg(value_parser = words)]
        email: String,
        /// viewer, deployer, admin, owner, or none
        role: String,
        /// Only on the app of --app
        #[arg(long)]
        only_app: bool,
        /// Only on the environment of --env
        #[arg(long)]
        only_env: bool,
    },
    /// Take somebody out of the team
    Remove {
        /// Their address
        #[arg(value_parser = words)]
        email: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// List them
    List,
    /// End one
    End {
        /// Its id
        #[arg(value_parser = segment)]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Invitations {
    /// List them
    List,
    /// End one
    Revoke {
        /// Its id
        #[arg(value_parser = segment)]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Quota {
    /// Show limits and use
    Show,
    /// Set the limits; what is not given has none
    Set {
        /// Apps
        #[arg(long, value_name = "N", value_parser = between::<i32>(0, i64::from(i32::MAX)))]
        apps: Option<i32>,
        /// Cores, such as 4 or 500m
        #[arg(long, value_name = "CORES", value_parser = millis)]
        cpu: Option<i64>,
        /// Memory, such as 8GiB
        #[arg(long, value_name = "SIZE", value_parser = bytes)]
        memory: Option<i64>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List the newest records
    List {
        #[command(flatten)]
        filter: AuditFilter,
        /// Records at most
        #[arg(short = 'n', long, default_value_t = 50, value_name = "N", value_parser = between::<i32>(1, 100))]
        lines: i32,
    },
    /// Print all records, the oldest first
    Export {
        #[command(flatten)]
        filter: AuditFilter,
        /// How
        #[arg(long, value_enum, default_value_t = AuditForm::Ndjson)]
        form: AuditForm,
    },
    /// Check that no record was changed or removed
    Verify {
        /// A record that you kept: it must still be there
        #[arg(long, value_name = "N", requires = "hash", value_parser = between::<i64>(1, i64::MAX))]
        record: Option<i64>,
        /// The hash of that record
        #[arg(long, value_name = "HASH", requires = "record")]
        hash: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AuditFilter {
    /// By this person or token
    #[arg(long, value_name = "ID")]
    pub actor: Option<String>,
    /// Of this kind
    #[arg(long, value_name = "WORD")]
    pub action: Option<String>,
    /// About this
    #[arg(long, value_name = "ID")]
    pub resource: Option<String>,
    /// Not older than this
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<std::time::Duration>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AuditForm {
    /// One JSON object for each line
    Ndjson,
    /// Comma-separated values
    Csv,
}
