//! A sign-in at work: the address, the token, the team, and the one HTTP client of a command.
//!
//! What answers mean is [`crate::answers`].

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use segue_client::SegueClient;
use segue_model::name::TeamName;

use crate::answers::asked_only;
use crate::args::Global;
use crate::config_files::{Credentials, Link};
use crate::error::{CliError, Result, chain};
use crate::host::Host;
use crate::stream::Stream;

/// A connection that was idle for longer is not used again: the server closes those that are idle for ten seconds, and
/// a request that meets the close would be lost.
const IDLE: Duration = Duration::from_secs(5);

/// A server that is there takes a connection sooner.
const CONNECT: Duration = Duration::from_secs(10);

/// Without a byte for this long a stream counts as lost: the server sends a heartbeat every 15 s.
const STREAM_SILENCE: Duration = Duration::from_secs(45);

/// What may take as long as it takes (uploads, streams, exports) has no limit but the silence between two bytes.
pub(crate) const UNLIMITED: Duration = Duration::from_secs(10 * 366 * 86_400);

/// A connected client.
pub(crate) struct Session {
    /// The generated client.
    pub client: SegueClient,
    http: reqwest::Client,
    base: Url,
    token: SecretString,
    team: Option<String>,
}

/// The address that commands talk to: flag, variable, link file, last sign-in.
pub(crate) fn server(
    host: &Host,
    global: &Global,
    credentials: &Credentials,
) -> Result<Option<Url>> {
    let link = Link::nearest(&host.cwd)?;
    let named = global
        .server
        .clone()
        .or_else(|| host.var("SEGUE_SERVER").map(str::to_owned));
    let named = named
        .or_else(|| link?.server)
        .or_else(|| credentials.current.clone());
    named.map(|text| address(&text)).transpose()
}

/// An address in the form under which sign-ins are kept.
pub(crate) fn address(text: &str) -> Result<Url> {
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(full.trim_end_matches('/')).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    });
    url.ok_or_else(|| {
        // One with a password is not repeated.
        let what = if text.contains('@') {
            "a server's address carries no name and no password".to_owned()
        } else {
            format!("{text:?} is not a server's address")
        };
        CliError::usage(what)
            .now("nothing was sent")
            .next("such as --server https://segue.example.com")
    })
}

/// The key of a server in the credentials.
pub(crate) fn key(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// One client for all requests of a command: each new one would read the certificates again and connect anew.
fn http(timeout: Duration) -> Result<reqwest::Client> {
    let built = reqwest::Client::builder()
        .user_agent(concat!("segue/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeout.min(CONNECT))
        .timeout(timeout)
        .read_timeout(timeout.max(STREAM_SILENCE))
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .build();
    built.map_err(|e| cannot_start(&chain(&e).join(": ")))
}

fn cannot_start(why: &dyn std::fmt::Display) -> CliError {
    CliError::new("the HTTP client cannot start")
        .why(why)
        .now("nothing was sent")
        .next("segue doctor")
}

fn typed(base: &Url, token: &str, http: reqwest::Client) -> Result<SegueClient> {
    SegueClient::with_client(base.as_str(), http)
        .map_err(|e| cannot_start(&e))
        .map(|client| client.with_bearer(token.to_owned()))
}

impl Session {
    /// The session that the command line, the variables and the credentials give.
    pub fn open(host: &Host, global: &Global) -> Result<Self> {
        let credentials = Credentials::load(host)?;
        let base = server(host, global, &credentials)?.ok_or_else(|| {
            CliError::signed_out("not signed in")
                .why("no server is known: no --server, no SEGUE_SERVER, no sign-in")
        })?;
        let kept = credentials.servers.get(&key(&base));
        let link = Link::nearest(&host.cwd)?;
        let team = global
            .team
            .clone()
            .or_else(|| host.var("SEGUE_TEAM").map(str::to_owned))
            .or_else(|| link?.team);
        let token = host
            .var("SEGUE_TOKEN")
            .map(str::to_owned)
            .or_else(|| kept.map(|kept| kept.token_for(team.as_deref()).to_owned()))
            .ok_or_else(|| {
                CliError::signed_out(format!("not signed in to {}", key(&base)))
                    .next(format!("segue login --server {}", key(&base)))
            })?;
        let team = team.or_else(|| kept?.team.clone());
        // It becomes a part of addresses.
        if let Some(team) = &team {
            TeamName::new(team.as_str()).map_err(|e| {
                CliError::usage(e.to_string())
                    .now("nothing was sent")
                    .next("segue teams list")
            })?;
        }
        Self::new(global, base, token, team)
    }

    /// A session for this token.
    pub fn new(global: &Global, base: Url, token: String, team: Option<String>) -> Result<Self> {
        if base.scheme() == "http" && !is_loopback(&base) && !global.insecure_http {
            return Err(CliError::usage(format!("{} is not encrypted", key(&base)))
                .why("the token would travel readable to everybody on the way")
                .now("nothing was sent")
                .next("use https, an `ssh -L` tunnel, or --insecure-http"));
        }
        let timeout = global.timeout.unwrap_or(Duration::from_secs(30));
        let http = http(timeout)?;
        let client = typed(&base, &token, http.clone())?;
        Ok(Self {
            client,
            http,
            base,
            token: SecretString::from(token),
            team,
        })
    }

    /// The generated client with more time for one request than `--timeout` gives.
    pub fn patient(&self, time: Duration) -> Result<SegueClient> {
        typed(&self.base, self.token.expose_secret(), http(time)?)
    }

    /// The server, as people know it.
    pub fn server(&self) -> String {
        key(&self.base)
    }

    /// The team, if one was said or kept.
    pub fn known_team(&self) -> Option<&str> {
        self.team.as_deref()
    }

    /// The team that the command means: the one that was said or kept, else the token's own.
    pub async fn team(&self) -> Result<String> {
        match &self.team {
            Some(team) => Ok(team.clone()),
            None => self.me().await?.team.ok_or_else(|| {
                CliError::usage("you are in several teams, and none is said")
                    .now("nothing was changed")
                    .next("add -t TEAM; segue whoami names them")
            }),
        }
    }

    /// The address of a path of the API, segment by segment, so that no name can change the path.
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// A session for somebody who is not signed in yet.
    pub fn anonymous(global: &Global, base: Url) -> Result<Self> {
        Self::new(global, base, "none".to_owned(), None)
    }

    /// A request for what the generated client does not do: uploads, streams, `segue api`.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http
            .request(method, url)
            .bearer_auth(self.token.expose_secret())
    }

    /// Sends such a request.
    pub async fn send(&self, what: &str, request: RequestBuilder) -> Result<Response> {
        request.send().await.map_err(|e| self.unreachable(what, &e))
    }

    /// The same for a question: an answer that was lost leaves nothing open.
    pub async fn ask(&self, what: &str, request: RequestBuilder) -> Result<Response> {
        self.send(what, request).await.map_err(asked_only)
    }

    /// Follows a stream of server-sent events.
    pub fn stream(&self, url: Url) -> Stream<'_> {
        Stream::new(self, url)
    }
}
