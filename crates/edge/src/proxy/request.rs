//! One request: what is known about it, finding its route, waiting for an endpoint, own answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use segue_model::id::InstanceId;
use segue_model::route::RoutePolicy;
use smallvec::SmallVec;

use super::EdgeProxy;
use super::headers::{self, RequestId};
use crate::conn::client::Client;
use crate::conn::head;
use crate::conn::stream::{HANDSHAKE_TIMED_OUT, MALFORMED_BODY, SLOW_BODY};
use crate::pages;
use crate::shared::Counted;
use crate::stats::End;
use crate::table::{Claim, Found, RouteEntry};

/// State of one request between pingora's hooks.
pub(crate) struct Request {
    pub(super) id: RequestId,
    pub(super) client: Option<Arc<Client>>,
    pub(super) websocket: bool,
    pub(super) started: Instant,
    /// How long it waited for an endpoint.
    pub(super) waited: Duration,
    pub(super) route: Option<Routed>,
    pub(super) claim: Option<Claim>,
    /// Endpoints that did not work for it.
    pub(super) tried: SmallVec<[InstanceId; 4]>,
    pub(super) tries: u64,
    /// When it was handed to the endpoint last.
    pub(super) sent_at: Instant,
    pub(super) body_bytes: u64,
    /// Status of the application.
    pub(super) status: Option<u16>,
    pub(super) end: Option<End>,
    /// Authority that the client asked for.
    pub(super) host: Box<str>,
}

/// A request's route, counted in it.
pub(super) struct Routed {
    pub(super) entry: Arc<RouteEntry>,
    pub(super) policy: RoutePolicy,
}

impl Drop for Routed {
    fn drop(&mut self) {
        self.entry.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Request {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            id: RequestId::generate(),
            client: None,
            websocket: false,
            started: now,
            waited: Duration::ZERO,
            route: None,
            claim: None,
            tried: SmallVec::new(),
            tries: 0,
            sent_at: now,
            body_bytes: 0,
            status: None,
            end: None,
            host: Box::default(),
        }
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.websocket && self.status == Some(101)
    }

    pub(super) fn response_timeout(&self) -> Duration {
        self.policy(|policy| policy.response_timeout)
    }

    pub(super) fn max_body_bytes(&self) -> u64 {
        self.policy(|policy| policy.max_body_bytes)
    }

    pub(super) fn hold(&self) -> Duration {
        self.policy(|policy| policy.hold)
    }

    fn policy<T>(&self, read: impl Fn(&RoutePolicy) -> T) -> T {
        match &self.route {
            Some(route) => read(&route.policy),
            None => read(&RoutePolicy::default()),
        }
    }
}

/// An answer of the edge itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    text: String,
    location: Option<String>,
    retry_after: bool,
    close: bool,
}

impl Answer {
    fn new(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            location: None,
            retry_after: status == 503,
            close: matches!(status, 400 | 413),
        }
    }

    pub(super) fn no_endpoint() -> Self {
        Self::new(
            503,
            "The application is not ready. Try again in a few seconds.",
        )
    }

    /// What a failed request is answered with; nothing if the client is gone.
    pub(super) fn of_error(error: &Error) -> Option<Self> {
        Some(match (error.etype(), error.esource()) {
            (ErrorType::HTTPStatus(503), _) => Self::no_endpoint(),
            (ErrorType::HTTPStatus(413), _) => Self::too_large(),
            (
                ErrorType::ReadTimedout | ErrorType::WriteTimedout | ErrorType::ConnectTimedout,
                ErrorSource::Upstream,
            ) => Self::new(504, "The application took too long to answer."),
            (_, ErrorSource::Upstream) => Self::new(
                502,
                "The application closed the connection or sent something that is not HTTP.",
            ),
            (ErrorType::ReadError, ErrorSource::Downstream)
                if error.to_string().contains(HANDSHAKE_TIMED_OUT) =>
            {
                Self::new(504, "The application took too long to answer.")
            }
            (ErrorType::ReadError, ErrorSource::Downstream)
                if error.to_string().contains(SLOW_BODY) =>
            {
                Self::new(408, "The request body comes too slowly.")
            }
            (
                ErrorType::WriteError | ErrorType::ConnectionClosed | ErrorType::WriteTimedout,
                ErrorSource::Downstream,
            ) => return None,
            (ErrorType::ReadError, ErrorSource::Downstream)
                if !error.to_string().contains(MALFORMED_BODY) =>
            {
                return None;
            }
            (ErrorType::ReadTimedout, ErrorSource::Downstream) => {
                Self::new(408, "The request body took too long.")
            }
            (_, ErrorSource::Downstream) => Self::new(400, "The request is malformed."),
            _ => Self::new(502, "The edge could not pass the request on."),
        })
    }

    fn too_large() -> Self {
        Self::new(413, "The request body is larger than this route accepts.")
    }

    fn is_failure(&self) -> bool {
        matches!(self.status, 502..=504)
    }
}

impl EdgeProxy {
    /// Finds the route and checks what can be checked before anything is sent.
    pub(super) fn admit(&self, session: &mut Session, ctx: &mut Request) -> Result<(), Answer> {
        let request = session.req_header();
        let Some(host) = headers::host_of(request) else {
            return Err(Answer::new(400, "The request has no host."));
        };
        if session.is_http2() {
            headers::check_http2(request, &host).map_err(|reason| Answer::new(400, reason))?;
        }
        let authority = host;
        let name = headers::host_name(&authority);
        let path = headers::routing_path(request.uri.path());
        let found = self.shared.table.find(&name, &path);
        ctx.host = authority.into();
        let entry = match found {
            Found::Route(entry) => entry,
            Found::NoPath => {
                return Err(Answer::new(
                    404,
                    format!("{name} has no application for this path."),
                ));
            }
            Found::NoHost => {
                self.shared.gauges.no_route.fetch_add(1, Ordering::Relaxed);
                return Err(Answer::new(
                    404,
                    format!(
                        "No application is deployed at {name}.\n\
                         If you expected one here: `segue status` shows where it is, and \
                         `segue domains` whether this name belongs to it."
                    ),
                ));
            }
        };
        entry.in_flight.fetch_add(1, Ordering::Relaxed);
        entry.budget.deposit();
        let policy = entry.state().policy.clone();
        ctx.route = Some(Routed { entry, policy });
        self.redirect(session, ctx, &name)?;
        let length = session
            .req_header()
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse::<u64>().ok());
        if length.is_some_and(|length| length > ctx.max_body_bytes()) {
            return Err(Answer::too_large());
        }
        Ok(())
    }

    fn redirect(&self, session: &Session, ctx: &Request, name: &str) -> Result<(), Answer> {
        let wanted = ctx
            .route
            .as_ref()
            .is_some_and(|route| route.policy.https_redirect);
        let (true, Some(port)) = (wanted, self.shared.https_port) else {
            return Ok(());
        };
        if headers::is_https(&self.shared, session, ctx) {
            return Ok(());
        }
        let target = session
            .req_header()
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let port = if port == 443 {
            String::new()
        } else {
            format!(":{port}")
        };
        let mut answer = Answer::new(308, "This application is served over HTTPS.");
        answer.location = Some(format!("https://{name}{port}{target}"));
        Err(answer)
    }

    /// Claims an endpoint, waiting for one as long as the route allows. The request's body stays
    /// unread meanwhile.
    pub(super) async fn wait_for_endpoint(&self, path: &str, ctx: &mut Request) -> bool {
        if self.claim(ctx) {
            return true;
        }
        let hold = ctx.hold();
        if hold.is_zero() {
            return false;
        }
        let limits = &self.shared.limits;
        let Some(first) = ctx.route.as_ref().map(|route| route.entry.clone()) else {
            return false;
        };
        let (Some(_held), Some(_held_by_route)) = (
            Counted::below(&self.shared.gauges.held, limits.held_requests),
            Counted::below(&first.held, limits.held_per_route),
        ) else {
            return false;
        };
        let since = Instant::now();
        let got = tokio::time::timeout(hold, async {
            loop {
                let Some(entry) = ctx.route.as_ref().map(|route| route.entry.clone()) else {
                    return false;
                };
                // Registered before looking, so that a change in between is not missed.
                let changed = entry.changed.notified();
                if self.claim(ctx) {
                    return true;
                }
                if entry.state().removed {
                    if self.route_again(path, ctx) {
                        continue;
                    }
                    return false;
                }
                changed.await;
            }
        })
        .await;
        ctx.waited += since.elapsed();
        got.unwrap_or(false)
    }

    /// The route was replaced by another while the request waited.
    fn route_again(&self, path: &str, ctx: &mut Request) -> bool {
        let name = headers::host_name(&ctx.host);
        let Some(old) = ctx.route.as_ref().map(|route| route.entry.clone()) else {
            return false;
        };
        let found = self.shared.table.find(&name, &headers::routing_path(path));
        match found {
            Found::Route(entry)
                if !Arc::ptr_eq(&entry, &old) && entry.environment == old.environment =>
            {
                entry.in_flight.fetch_add(1, Ordering::Relaxed);
                let policy = entry.state().policy.clone();
                ctx.route = Some(Routed { entry, policy });
                true
            }
            _ => false,
        }
    }

    pub(super) fn claim(&self, ctx: &mut Request) -> bool {
        let Some(route) = &ctx.route else {
            return false;
        };
        ctx.claim = route
            .entry
            .claim(&ctx.tried, self.shared.now(), |n| fastrand::usize(..n));
        ctx.claim.is_some()
    }

    /// Sends an answer of the edge itself.
    pub(super) async fn answer(
        &self,
        session: &mut Session,
        ctx: &mut Request,
        answer: Answer,
    ) -> Result<()> {
        ctx.end = Some(if answer.is_failure() {
            End::EdgeFailed
        } else {
            End::Status(answer.status)
        });
        let body = Bytes::from(format!(
            "{} {}\n{}\nRequest: {}\n",
            answer.status,
            pages::phrase(answer.status),
            answer.text,
            ctx.id,
        ));
        let mut head = ResponseHeader::build(answer.status, Some(8))?;
        head.insert_header(header::CONTENT_TYPE, "text/plain; charset=utf-8")?;
        head.insert_header(header::CONTENT_LENGTH, body.len())?;
        head.insert_header(header::CACHE_CONTROL, "no-store")?;
        if answer.retry_after {
            head.insert_header(header::RETRY_AFTER, HeaderValue::from_static("2"))?;
        }
        if let Some(location) = &answer.location {
            head.insert_header(header::LOCATION, location.as_str())?;
        }
        headers::for_client(&mut head, ctx)?;
        if answer.close || !session.is_body_done() {
            session.set_keepalive(None);
        }
        let head_only = session.req_header().method == Method::HEAD;
        session
            .write_response_header(Box::new(head), head_only)
            .await?;
        if !head_only {
            session.write_response_body(Some(body), true).await?;
        }
        Ok(())
    }

    /// Counts the request and lets go of what it held.
    pub(super) fn finish(&self, ctx: &mut Request, end: End) {
        let claim = ctx.claim.take();
        let stat = match (&claim, &ctx.route) {
            (Some(claim), _) => claim.stat.clone(),
            (None, Some(route)) => route.entry.state().unassigned.clone(),
            (None, None) => return,
        };
        stat.finish(end, ctx.started.elapsed(), ctx.waited, ctx.tries);
        ctx.route = None;
        drop(claim);
        self.shared.ended.notify_one();
    }
}

/// Paths that `head::check_path` refuses never reach a route, over HTTP/2 either.
pub(super) fn path_is_plain(target: &str) -> Result<(), &'static str> {
    head::check_path(target.as_bytes()).map_err(|refusal| refusal.reason)
}
