//! Requests at a fixed rate, whatever becomes of them: the time of one counts from when it was due, so that a server that
//! falls behind is not asked less.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::figure::Series;

/// Longest time one request may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Requests under way at most; one more is counted as failed.
const UNDER_WAY: usize = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Read,
    List,
    Write,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
        }
    }
}

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    pub kind: Kind,
    pub name: &'static str,
}

/// What is asked, and how often among a hundred requests. `{env}` and `{app}` are somebody's, `{n}` is new.
const MIX: &[(u32, Kind, &str, &str, &str)] = &[
    (4, Kind::Read, "me", "GET", "/v1/me"),
    (4, Kind::Read, "team", "GET", "/v1/teams/{team}"),
    (5, Kind::Read, "app", "GET", "{app}"),
    (14, Kind::Read, "environment", "GET", "{env}"),
    (6, Kind::Read, "deployment", "GET", "{env}/deployments/5"),
    (3, Kind::Read, "release", "GET", "{env}/releases/3"),
    (5, Kind::Read, "configuration", "GET", "{env}/config"),
    (3, Kind::Read, "specification", "GET", "{env}/spec"),
    (2, Kind::Read, "requests of an hour", "GET", "{env}/metrics"),
    (
        8,
        Kind::List,
        "apps",
        "GET",
        "/v1/teams/{team}/apps?limit=50",
    ),
    (
        4,
        Kind::List,
        "apps with environments",
        "GET",
        "/v1/teams/{team}/apps?limit=50&environments=true",
    ),
    (5, Kind::List, "environments", "GET", "{app}/envs"),
    (8, Kind::List, "deployments", "GET", "{env}/deployments"),
    (3, Kind::List, "releases", "GET", "{env}/releases"),
    (
        3,
        Kind::List,
        "versions of a configuration",
        "GET",
        "{env}/config-versions",
    ),
    (2, Kind::List, "builds", "GET", "{env}/builds"),
    (2, Kind::List, "secrets", "GET", "{env}/secrets"),
    (2, Kind::List, "instances", "GET", "{env}/instances"),
    (2, Kind::List, "services", "GET", "{env}/services"),
    (
        2,
        Kind::List,
        "events",
        "GET",
        "/v1/events?team={team}&limit=50",
    ),
    (1, Kind::List, "members", "GET", "/v1/teams/{team}/members"),
    (1, Kind::List, "tokens", "GET", "/v1/teams/{team}/tokens"),
    (1, Kind::List, "hooks", "GET", "{app}/hooks"),
    (
        5,
        Kind::Write,
        "configuration",
        "PATCH",
        "{env}/config?deploy=false",
    ),
    (
        2,
        Kind::Write,
        "secret",
        "PUT",
        "{env}/secrets/STRIPE_KEY?deploy=false",
    ),
    (2, Kind::Write, "app", "POST", "/v1/teams/{team}/apps"),
    (1, Kind::Write, "scale", "POST", "{env}/scale"),
];

pub struct Load {
    pub api: SocketAddr,
    pub teams: Vec<(String, String)>,
    pub apps: usize,
    pub rate: u64,
    pub time: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    pub series: BTreeMap<Asked, Series>,
    /// No answer, or 500 and above.
    pub failed: u64,
    pub refused: u64,
    /// The first few of both.
    pub complaints: Vec<String>,
}

impl Report {
    pub fn all(&self) -> Series {
        let mut all = Series::default();
        for series in self.series.values() {
            all.extend(series);
        }
        all
    }

    fn note(&mut self, asked: Asked, took: Duration, came: anyhow::Result<(u16, Bytes)>) {
        self.series.entry(asked).or_default().add_ms(took);
        let complaint = match came {
            Ok((status, _)) if status < 400 => return,
            Ok((status, body)) => {
                if status >= 500 {
                    self.failed += 1;
                } else {
                    self.refused += 1;
                }
                format!("{status} {}", String::from_utf8_lossy(&body))
            }
            Err(error) => {
                self.failed += 1;
                format!("{error:#}")
            }
        };
        if self.complaints.len() < 5 {
            self.complaints.push(format!("{}: {complaint}", asked.name));
        }
    }
}

/// Numbers that look random and come again: xorshift.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap_or_default()
    }
}

type Connection = SendRequest<Full<Bytes>>;

impl Load {
    pub async fn run(self) -> anyhow::Result<Report> {
        let load = Arc::new(self);
        let report = Arc::new(Mutex::new(Report::default()));
        let idle: Arc<Mutex<Vec<Connection>>> = Arc::default();
        let mut dice = Dice(0x2026_1121_5e67_0e01 ^ u64::from(std::process::id()));
        let total: u32 = MIX.iter().map(|row| row.0).sum();
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        let requests = load.rate * load.time.as_secs();
        for number in 0..requests {
            let due =
                begin + Duration::from_secs(1) * u32::try_from(number)? / u32::try_from(load.rate)?;
            tokio::time::sleep_until(due.into()).await;
            let mut at = dice.next(total as usize);
            let row = MIX.iter().find(|row| {
                let here = at < row.0 as usize;
                at = at.saturating_sub(row.0 as usize);
                here
            });
            let (_, kind, name, method, path) = *row.context("no request")?;
            let asked = Asked { kind, name };
            let request = load.request(&mut dice, number, (method, name, path))?;
            while let Some(ended) = tasks.try_join_next() {
                ended?;
            }
            let (load, report, idle) = (Arc::clone(&load), Arc::clone(&report), Arc::clone(&idle));
            let full = tasks.len() >= UNDER_WAY;
            tasks.spawn(async move {
                let came = if full {
                    Err(anyhow::anyhow!("too many requests under way"))
                } else {
                    let sent = tokio::time::timeout(PATIENCE, load.send(&idle, request)).await;
                    sent.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in {PATIENCE:?}")))
                };
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                report.note(asked, due.elapsed(), came);
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended?;
        }
        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *report))
    }

    /// A request of somebody's team. The first team has every even application, the others share the odd ones.
    fn request(
        &self,
        dice: &mut Dice,
        number: u64,
        (method, name, path): (&str, &str, &str),
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        let n = 1 + dice.next(self.apps);
        let at = if n.is_multiple_of(2) {
            0
        } else {
            1 + (n / 2) % (self.teams.len() - 1)
        };
        let (team, token) = &self.teams[at];
        let app = format!("/v1/teams/{team}/apps/app-{n}");
        let path = path
            .replace("{env}", &format!("{app}/envs/production"))
            .replace("{app}", &app)
            .replace("{team}", team);
        let stamp = u128::from(number) ^ std::time::UNIX_EPOCH.elapsed()?.as_nanos();
        let body = match (method, name) {
            ("GET", _) => String::new(),
            (_, "configuration") => json!({"LOG_LEVEL": format!("level-{stamp}")}).to_string(),
            (_, "secret") => json!({"value": format!("sk_{stamp}")}).to_string(),
            (_, "scale") => json!({"replicas": {"web": 1 + n % 3}}).to_string(),
            _ => json!({"name": format!("new-{stamp:x}")}).to_string(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        Ok(request.body(Full::new(Bytes::from(body)))?)
    }

    async fn send(
        &self,
        idle: &Mutex<Vec<Connection>>,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(u16, Bytes)> {
        let kept = loop {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match kept {
                Some(kept) if kept.is_closed() => {}
                kept => break kept,
            }
        };
        let mut connection = match kept {
            Some(kept) => kept,
            None => {
                let stream = TcpStream::connect(self.api).await?;
                stream.set_nodelay(true)?;
                let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::spawn(driver);
                connection
            }
        };
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        idle.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        Ok((status, body))
    }
}
