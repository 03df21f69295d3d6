//! A sign-in at work: the address, the token, the team, and how answers of the API become results or errors.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use secrecy::{ExposeSecret, SecretString};
use segue_client::{ApiResponse, Problem, SegueClient};

use crate::args::Global;
use crate::config_files::{Credentials, Link};
use crate::error::{CliError, Exit, Result, chain};
use crate::host::Host;
use crate::stream::Stream;

/// A connection that was idle for longer is not used again: the server closes those that are idle for ten seconds, and
/// a request that meets the close would be lost.
const IDLE: Duration = Duration::from_secs(5);

/// Without a byte for this long a stream counts as lost: the server sends a heartbeat every 15 s.
const STREAM_SILENCE: Duration = Duration::from_secs(45);

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
        CliError::usage(format!("{text:?} is not a server's address"))
            .next("such as https://segue.example.com")
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

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("segue/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
}

fn cannot_start(error: &dyn std::error::Error) -> CliError {
    CliError::new("the HTTP client cannot start").why(chain(error).join(": "))
}

fn typed(base: &Url, token: &str, timeout: Duration) -> Result<SegueClient> {
    let http = builder().timeout(timeout).build();
    let http = http.map_err(|e| cannot_start(&e))?;
    SegueClient::with_client(base.as_str(), http)
        .map_err(|e| CliError::new("the HTTP client cannot start").why(e))
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
        let client = typed(&base, &token, timeout)?;
        let http = builder()
            .read_timeout(STREAM_SILENCE)
            .build()
            .map_err(|e| cannot_start(&e))?;
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
        typed(&self.base, self.token.expose_secret(), time)
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
                    .next("add -t TEAM")
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
    pub async fn send(&self, request: RequestBuilder) -> Result<Response> {
        request.send().await.map_err(|e| self.unreachable(&e))
    }

    /// The error for a server that does not answer.
    pub fn unreachable(&self, error: &dyn std::error::Error) -> CliError {
        CliError::new(format!("{} does not answer", self.server()))
            .why(chain(error).join(": "))
            .now("what was asked for may or may not have been done")
            .next("segue doctor")
            .code("unreachable")
    }

    /// The body of a successful answer; `None` for one without.
    pub async fn done<T>(
        &self,
        what: &str,
        answer: anyhow::Result<ApiResponse<T, Problem>>,
    ) -> Result<Option<T>> {
        match answer {
            Ok(
                ApiResponse::Ok(value) | ApiResponse::Created(value) | ApiResponse::Accepted(value),
            ) => Ok(Some(value)),
            Ok(ApiResponse::NoContent) => Ok(None),
            Ok(
                ApiResponse::ClientError(status, problem)
                | ApiResponse::ServerError(status, problem),
            ) => Err(self.refused(what, status, &problem)),
            Ok(ApiResponse::Other(response)) => Err(self.odd(what, *response).await),
            Err(error) => Err(self.broken(what, &error)),
        }
    }

    /// The body of a successful answer that must have one.
    pub async fn value<T>(
        &self,
        what: &str,
        answer: anyhow::Result<ApiResponse<T, Problem>>,
    ) -> Result<T> {
        let done = self.done(what, answer).await?;
        done.ok_or_else(|| CliError::new(format!("{what}: the server answered without a body")))
    }

    /// The same where the thing may be missing.
    pub async fn maybe<T>(
        &self,
        what: &str,
        answer: anyhow::Result<ApiResponse<T, Problem>>,
    ) -> Result<Option<T>> {
        match answer {
            Ok(ApiResponse::ClientError(StatusCode::NOT_FOUND, _)) => Ok(None),
            other => self.done(what, other).await,
        }
    }

    /// A problem that the server describes.
    pub fn refused(&self, what: &str, status: StatusCode, problem: &Problem) -> CliError {
        // What keeps an application from being deployed has a code of its own, the same wherever it is met.
        let code = problem.failure.as_ref().map(|failure| &failure.code);
        let code = code.map_or_else(|| problem.code.to_string(), ToString::to_string);
        let mut error = CliError::new(format!("{what}: {}", problem.detail)).code(code);
        for fault in problem.errors.iter().flatten() {
            let line = format!("{}: {}", fault.pointer, fault.detail);
            if fault.detail != problem.detail || !fault.pointer.is_empty() {
                error = error.why(line);
            }
        }
        if let Some(hint) = &problem.hint {
            error = error.next(hint.clone());
        }
        if status == StatusCode::UNAUTHORIZED {
            error.exit = Exit::SignedOut;
            error.next = Some(format!("segue login --server {}", self.server()));
        }
        if status.is_server_error() {
            error = error.why(format!("request {}", problem.request_id));
        }
        error
    }

    /// An answer that the API does not describe: another program listens there, or a proxy in between.
    async fn odd(&self, what: &str, response: Response) -> CliError {
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        let first: String = text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(120)
            .collect();
        let mut error = CliError::new(format!("{what}: {} answered {status}", self.server()));
        if !first.is_empty() {
            error = error.why(first);
        }
        error.next(format!("is {} a Segue server? segue doctor", self.server()))
    }

    fn broken(&self, what: &str, error: &anyhow::Error) -> CliError {
        if let Some(transport) = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<reqwest::Error>())
            && !transport.is_decode()
        {
            return self.unreachable(transport);
        }
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        // The generated client checks a request by the document before it sends it.
        if causes
            .first()
            .is_some_and(|first| first == "parameter validation")
        {
            return CliError::usage(format!("{what}: the request says something that cannot be"))
                .why(
                    causes
                        .iter()
                        .skip(1)
                        .cloned()
                        .collect::<Vec<_>>()
                        .join(": "),
                )
                .now("nothing was sent");
        }
        CliError::new(format!("{what}: the server's answer cannot be read"))
            .why(causes.join(": "))
            .next("the server may be newer than this program: segue whoami shows both versions")
    }

    /// Follows a stream of server-sent events.
    pub fn stream(&self, url: Url) -> Stream<'_> {
        Stream::new(self, url)
    }

    /// Turns an answer of [`Session::send`] into an error unless it is a success.
    pub async fn check(&self, what: &str, response: Response) -> Result<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let json = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|media| media.as_bytes().starts_with(b"application/problem+json"));
        if !json {
            return Err(self.odd(what, response).await);
        }
        match response.json::<Problem>().await {
            Ok(problem) => Err(self.refused(what, status, &problem)),
            Err(error) => Err(self.broken(what, &anyhow::Error::new(error))),
        }
    }
}
