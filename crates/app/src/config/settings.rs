//! The settings of the server, their defaults and what must hold between them.
//!
//! This is the list of everything an operator can set; docs/OPERATIONS.md shows it. Must not:
//! read a file or the environment.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net};
use segue_edge::ControlAddr;
use segue_model::name::ImageName;
use serde::{Deserialize, Serialize};

/// Longest path of a unix socket, in bytes.
const SOCKET_PATH_LIMIT: usize = 107;
/// The longest name that Segue puts into the `run` folder.
const LONGEST_SOCKET: &str = "postgres/.s.PGSQL.5432";
/// A build engine with less cannot unpack an image.
const LEAST_BUILD_MEMORY_MIB: u64 = 256;

/// `build.engine`: `segue serve` runs the build engine itself.
pub const OWN_ENGINE: &str = "own";

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Folder of everything that must survive: database, keys, routes, logs, build engine.
    pub state: PathBuf,
    /// Folder of sockets; short, because socket paths are bounded. May be lost.
    pub run: PathBuf,
    /// The database.
    pub database: DatabaseSettings,
    /// The API.
    pub api: ApiSettings,
    /// The edge.
    pub edge: EdgeSettings,
    /// The Docker engine that runs applications.
    pub engine: EngineSettings,
    /// Builds.
    pub build: BuildSettings,
    /// Requests to addresses that people name.
    pub outbound: OutboundSettings,
    /// The mail server.
    pub mail: MailSettings,
    /// Logs of the server itself.
    pub log: LogSettings,
}

/// Where the database is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DatabaseSettings {
    /// URL of a Postgres 15 or later. Without one, `segue serve` runs a private server.
    pub url: Option<String>,
    /// Folder of the private server's programs; looked for otherwise.
    pub binaries: Option<PathBuf>,
    /// Account that the private server runs as when we are root.
    pub account: Option<String>,
}

/// The API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiSettings {
    /// Where it listens. Loopback, unless `insecure_http` is set.
    pub listen: SocketAddr,
    /// Where edges on other machines reach it; nowhere by default.
    pub internal_listen: Option<SocketAddr>,
    /// Allows `listen` to be an address that others can reach without TLS.
    pub insecure_http: bool,
    /// Generated host names lie under this name.
    pub base_domain: String,
    /// URL by which people reach it; from `listen` otherwise.
    pub public_url: Option<String>,
    /// The git program, absolute.
    pub git_program: PathBuf,
    /// Requests of one credential at once.
    pub requests_at_once: u32,
    /// And so many more each second.
    pub requests_per_second: u32,
}

/// The edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EdgeSettings {
    /// Where it listens for HTTP.
    pub http: Vec<SocketAddr>,
    /// Where it listens for TLS.
    pub https: Vec<SocketAddr>,
    /// Where it answers `/readyz` and `/metrics`.
    pub admin: SocketAddr,
    /// Data threads; one per processor otherwise.
    pub threads: Option<usize>,
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The control plane (`unix:/path` or `http://host:port`); the one of this machine otherwise.
    pub control: Option<String>,
    /// File with the token that the edge presents; the one of this machine otherwise.
    pub token_file: Option<PathBuf>,
}

/// The Docker engine that runs applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineSettings {
    /// Its unix socket.
    pub socket: PathBuf,
    /// Environments get their networks out of this range.
    pub subnets: Ipv4Net,
}

/// Builds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildSettings {
    /// `own`: `segue serve` runs a second dockerd for builds. Otherwise the absolute path of an
    /// engine's socket.
    pub engine: String,
    /// Processors for all builds together.
    pub cpus: f64,
    /// Memory for all builds together, in MiB.
    pub memory_mib: u64,
    /// Processes of all builds together.
    pub pids: u64,
    /// Disk for their cache, in MiB.
    pub cache_mib: u64,
    /// One build may take this long, in seconds; its tests have ten minutes of their own.
    pub time_s: u64,
    /// Network of the build engine's bridge; one of 256 in 10.95.0.0/16 by the state folder
    /// otherwise, so that two installations on one machine do not meet.
    pub subnet: Option<Ipv4Net>,
    /// Certificate authorities (PEM) that builds trust besides the public ones.
    pub extra_ca: Option<PathBuf>,
    /// Base images by runtime and version, such as `python = { "3.11" = "…" }`. What is given
    /// here comes before the defaults.
    pub runtimes: BTreeMap<String, BTreeMap<String, ImageName>>,
}

/// Requests to addresses that people name: repositories, forges, webhooks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OutboundSettings {
    /// Networks that are reached though they are not public.
    pub allow: Vec<IpNet>,
    /// Certificate authorities (PEM, a whole bundle) that are trusted there.
    pub extra_ca: Option<PathBuf>,
}

/// The mail server that tells people of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MailSettings {
    /// `smtps://host:465`, `smtp://host:587?tls=required`, or `smtp://localhost:25`; without it no mail is sent.
    pub server: Option<String>,
    /// Who the mails are from.
    pub from: Option<String>,
    /// Name of the account.
    pub user: Option<String>,
    /// File with its password.
    pub password_file: Option<PathBuf>,
}

/// Logs of the server itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogSettings {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged: a level, or directives such as `info,segue_edge=debug`.
    pub filter: String,
}

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            state: PathBuf::from("/var/lib/segue"),
            run: PathBuf::from("/run/segue"),
            database: DatabaseSettings::default(),
            api: ApiSettings {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
                internal_listen: None,
                insecure_http: false,
                base_domain: "localhost".to_owned(),
                public_url: None,
                git_program: PathBuf::from("/usr/bin/git"),
                requests_at_once: 1000,
                requests_per_second: 50,
            },
            edge: EdgeSettings {
                http: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080))],
                https: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8443))],
                admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
                threads: None,
                trusted_proxies: Vec::new(),
                control: None,
                token_file: None,
            },
            engine: EngineSettings {
                socket: PathBuf::from("/var/run/docker.sock"),
                subnets: network([10, 96, 0, 0], 12),
            },
            build: BuildSettings {
                engine: OWN_ENGINE.to_owned(),
                cpus: 2.0,
                memory_mib: 4096,
                pids: 4096,
                cache_mib: 20 * 1024,
                time_s: 15 * 60,
                subnet: None,
                extra_ca: None,
                runtimes: BTreeMap::new(),
            },
            outbound: OutboundSettings::default(),
            mail: MailSettings::default(),
            log: LogSettings {
                format: LogFormat::Text,
                filter: "info".to_owned(),
            },
        }
    }
}

/// A network of the private range.
fn network(address: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new(Ipv4Addr::from(address), prefix).unwrap_or_default()
}

/// A part of the settings that one role reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `database`
    Database,
    /// `api`
    Api,
    /// `edge`
    Edge,
    /// `engine`
    Engine,
    /// `build`
    Build,
    /// `outbound`
    Outbound,
    /// `mail`
    Mail,
}

impl Section {
    fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Api => "api",
            Self::Edge => "edge",
            Self::Engine => "engine",
            Self::Build => "build",
            Self::Outbound => "outbound",
            Self::Mail => "mail",
        }
    }
}

impl Settings {
    /// The settings as a file for a child that reads only some of them, so that a change of the
    /// others does not touch it. `state`, `run` and `log` are always there.
    ///
    /// # Errors
    /// A value that TOML cannot hold.
    pub fn file_for(&self, sections: &[Section]) -> Result<String, toml::ser::Error> {
        let mut whole = toml::Table::try_from(self)?;
        let wanted = |key: &str| {
            matches!(key, "state" | "run" | "log")
                || sections.iter().any(|section| section.name() == key)
        };
        whole.retain(|key, _| wanted(key));
        toml::to_string(&whole)
    }

    /// Folder of keys and tokens.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.state.join("keys")
    }

    /// Folder of the private Postgres's socket.
    #[must_use]
    pub fn postgres_run(&self) -> PathBuf {
        self.run.join("postgres")
    }

    /// Socket of the internal interface.
    #[must_use]
    pub fn internal_socket(&self) -> PathBuf {
        self.run.join("internal.sock")
    }

    /// Folder of the build engine's sockets.
    #[must_use]
    pub fn build_run(&self) -> PathBuf {
        self.run.join("build")
    }

    /// Socket of the build engine.
    #[must_use]
    pub fn build_socket(&self) -> PathBuf {
        if self.build.engine == OWN_ENGINE {
            self.build_run().join("docker.sock")
        } else {
            PathBuf::from(&self.build.engine)
        }
    }

    /// What tells this installation from others on the same machine: a hash of its folder, as
    /// eight hexadecimal digits. It names bridges and control groups, and proves nothing.
    #[must_use]
    pub fn tag(&self) -> String {
        // FNV-1a: the same in every build, which a hash of std does not promise.
        let bytes = self.state.as_os_str().as_encoded_bytes();
        let hash = bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        format!("{hash:08x}")
    }

    /// Network of the build engine's bridge.
    #[must_use]
    pub fn build_subnet(&self) -> Ipv4Net {
        let third = u8::from_str_radix(self.tag().get(..2).unwrap_or_default(), 16);
        self.build
            .subnet
            .unwrap_or_else(|| network([10, 95, third.unwrap_or_default(), 0], 24))
    }

    /// File that says where the API listens, for tools on this machine.
    #[must_use]
    pub fn api_address_file(&self) -> PathBuf {
        self.run.join("api.address")
    }

    /// File with the installation's id, for tools on this machine.
    #[must_use]
    pub fn installation_file(&self) -> PathBuf {
        self.state.join("installation")
    }

    /// File with the one-time set-up link, as long as nobody has used it.
    #[must_use]
    pub fn setup_link_file(&self) -> PathBuf {
        self.run.join("setup-link")
    }

    /// File of the token that edges of this installation present.
    #[must_use]
    pub fn edge_token_file(&self) -> PathBuf {
        self.edge
            .token_file
            .clone()
            .unwrap_or_else(|| self.keys().join("edge.token"))
    }

    /// URL by which people reach the API, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> String {
        self.api.public_url.clone().unwrap_or_else(|| {
            if self.api.listen.ip().is_loopback() {
                format!("http://localhost:{}", self.api.listen.port())
            } else {
                format!("http://{}", self.api.listen)
            }
        })
    }

    /// Adds a sentence for everything that cannot work.
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        for (key, path) in [("state", &self.state), ("run", &self.run)] {
            check_absolute(key, path, problems);
        }
        check_absolute("api.git_program", &self.api.git_program, problems);
        check_absolute("engine.socket", &self.engine.socket, problems);
        for (key, path) in [
            ("database.binaries", &self.database.binaries),
            ("edge.token_file", &self.edge.token_file),
            ("build.extra_ca", &self.build.extra_ca),
            ("outbound.extra_ca", &self.outbound.extra_ca),
            ("mail.password_file", &self.mail.password_file),
        ] {
            if let Some(path) = path {
                check_absolute(key, path, problems);
            }
        }
        let longest = self.run.join(LONGEST_SOCKET).as_os_str().len();
        if longest > SOCKET_PATH_LIMIT {
            problems.push(format!(
                "run: {} is {} bytes too long for the sockets in it",
                self.run.display(),
                longest - SOCKET_PATH_LIMIT
            ));
        }
        if !self.api.listen.ip().is_loopback() && !self.api.insecure_http {
            problems.push(format!(
                "api.listen: {} can be reached by others without TLS; use a loopback address, or set api.insecure_http = true",
                self.api.listen
            ));
        }
        if let Some(Err(error)) = self
            .edge
            .control
            .as_ref()
            .map(|text| text.parse::<ControlAddr>())
        {
            problems.push(format!("edge.control: {error}"));
        }
        if self.edge.threads == Some(0) {
            problems.push("edge.threads: must be at least 1".to_owned());
        }
        if self.edge.http.is_empty() && self.edge.https.is_empty() {
            problems.push("edge.http, edge.https: the edge listens nowhere".to_owned());
        }
        self.check_mail(problems);
        self.check_ports(problems);
        self.check_build(problems);
    }

    fn check_mail(&self, problems: &mut Vec<String>) {
        let mail = &self.mail;
        if mail.server.is_some() != mail.from.is_some() {
            problems.push("mail.server, mail.from: both are needed to send mail".to_owned());
        }
        if mail.user.is_some() != mail.password_file.is_some() {
            problems.push("mail.user, mail.password_file: both are needed to sign in".to_owned());
        }
        let known = ["smtp://", "smtps://"];
        if let Some(server) = &mail.server
            && !known.iter().any(|scheme| server.starts_with(scheme))
        {
            problems.push("mail.server: begins with smtp:// or smtps://".to_owned());
        }
    }

    fn check_ports(&self, problems: &mut Vec<String>) {
        let mut taken: BTreeMap<u16, &str> = BTreeMap::new();
        let edge = self.edge.http.iter().map(|address| ("edge.http", address));
        let listeners = [
            ("api.listen", &self.api.listen),
            ("edge.admin", &self.edge.admin),
        ]
        .into_iter()
        .chain(edge)
        .chain(
            self.edge
                .https
                .iter()
                .map(|address| ("edge.https", address)),
        );
        for (key, address) in listeners {
            let port = address.port();
            // Port 0 asks for a free one. One listener may take a port on several addresses.
            if port != 0
                && let Some(other) = taken.insert(port, key)
                && other != key
            {
                problems.push(format!("{key}: port {port} is {other}'s already"));
            }
        }
    }

    fn check_build(&self, problems: &mut Vec<String>) {
        let build = &self.build;
        if build.engine != OWN_ENGINE && !Path::new(&build.engine).is_absolute() {
            problems
                .push("build.engine: must be \"own\" or the absolute path of a socket".to_owned());
        }
        if build.engine != OWN_ENGINE && Path::new(&build.engine) == self.engine.socket {
            problems.push(
                "build.engine: builds may not run on the engine of the applications".to_owned(),
            );
        }
        let (builds, applications) = (self.build_subnet(), self.engine.subnets);
        if applications.contains(&builds.network()) || builds.contains(&applications.network()) {
            problems.push(format!(
                "build.subnet: {builds} overlaps with engine.subnets, {applications}"
            ));
        }
        if !build.cpus.is_finite() || build.cpus < 0.1 {
            problems.push("build.cpus: must be at least 0.1".to_owned());
        }
        if build.memory_mib < LEAST_BUILD_MEMORY_MIB {
            problems.push(format!(
                "build.memory_mib: must be at least {LEAST_BUILD_MEMORY_MIB}"
            ));
        }
        if build.pids < 64 {
            problems.push("build.pids: must be at least 64".to_owned());
        }
        if build.time_s == 0 {
            problems.push("build.time_s: must be at least 1".to_owned());
        }
    }
}

fn check_absolute(key: &str, path: &Path, problems: &mut Vec<String>) {
    if !path.is_absolute() {
        problems.push(format!(
            "{key}: {} must be an absolute path",
            path.display()
        ));
    }
}
