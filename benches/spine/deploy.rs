//! From POST to live, and from the commit of the switch to the first request on the new version.
//!
//! Each sample is one deployment of one instance whose image is on the engine; it begins when the one before has
//! ended and its container is gone.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use segue_tests::machine::Machine;

use crate::database::{Database, now_ms};
use crate::figure::{Series, Table};
use crate::install::{self, DEPLOYMENTS, IMAGES};
use crate::samples;

/// Between two requests of the client that waits for the new version.
const ASK_EVERY: Duration = Duration::from_micros(500);

/// Clocks of one deployment by the database.
const CLOCKS: &str = "select (extract(epoch from d.created_at) * 1000)::float8,
    (extract(epoch from s.finished_at) * 1000)::float8,
    (extract(epoch from r.started_at) * 1000)::float8,
    (extract(epoch from i.created_at) * 1000)::float8,
    (extract(epoch from n.ready_at) * 1000)::float8,
    (extract(epoch from r.first_gen_at) * 1000)::float8,
    (extract(epoch from r.live_at) * 1000)::float8
    from deployments d
    join rollouts r on r.deployment_id = d.id
    join instances i on i.release_id = d.release_id
    join instance_seen n on n.instance_id = i.id
    left join release_builds b on b.release_id = d.release_id
    left join build_status s on s.build_id = b.build_id
    where d.number = $1::bigint
    order by i.serial
    limit 1";

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let machine = Machine::start()?;
    install::deploy(&machine, 1)?;
    let mut database = Database::open(&machine)?;
    let heard = database.listen("segue_routes")?;
    let mut app = install::app(&machine);
    let mut live = Series::default();
    let mut seen = Series::default();
    let mut commit = Series::default();
    let mut commit_most = Series::default();
    let mut parts: [(&str, Series); 8] = [
        "the API's answer",
        "POST to the image pinned",
        "image pinned to the instance decided",
        "instance decided to container created",
        "container created to started (Docker)",
        "started to ready (gate)",
        "ready to the routes committed",
        "routes committed to live (acknowledgement)",
    ]
    .map(|name| (name, Series::default()));
    for number in 0..samples(50) {
        let (image, version) = IMAGES[(number + 1) % 2];
        // Not in step with anything that the control plane does at intervals.
        std::thread::sleep(Duration::from_millis(200 + (number as u64 * 137) % 500));
        let body = serde_json::json!({ "image": image }).to_string();
        let asked = Instant::now();
        let answer = install::api(&machine).send("POST", DEPLOYMENTS, &body)?;
        let answered = asked.elapsed();
        ensure!(
            answer.status == 202,
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        let deployment: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let first = loop {
            let response = app.get("/")?;
            if response.version.as_deref() == Some(version) {
                break now_ms();
            }
            ensure!(
                asked.elapsed() < Duration::from_secs(60),
                "{}",
                machine.tail()
            );
            std::thread::sleep(ASK_EVERY);
        };
        seen.add_ms(asked.elapsed());
        // The row says it a moment later: the acknowledgement is on its way.
        install::settled(&machine, 1)?;
        let id = deployment.get("number").context("no number")?.to_string();
        let clocks = database.clocks(CLOCKS, &id)?;
        let clocks: Vec<f64> = clocks.into_iter().map(|c| c.unwrap_or(f64::NAN)).collect();
        let [posted, pinned, _, decided, ready, routed, lived] = clocks[..] else {
            anyhow::bail!("{} clocks", clocks.len());
        };
        let container = machine.containers("web")?;
        let [created, started] =
            install::container_clocks(container.first().context("no container")?)?;
        live.add(lived - posted);
        commit_most.add(first - routed);
        // The notice of a commit may come after the answer that the commit made possible: then nothing was measurable.
        let told = heard.before(first).filter(|told| *told > posted);
        commit.add(told.map_or(0.0, |told| first - told));
        let times = [
            answered.as_secs_f64() * 1e3,
            pinned - posted,
            decided - pinned,
            created - decided,
            started - created,
            ready - started,
            routed - ready,
            lived - routed,
        ];
        for ((_, series), time) in parts.iter_mut().zip(times) {
            series.add(time);
        }
    }
    table.row(
        "POST of a deployment, image present, to live",
        Some(1500.0),
        "ms",
        live,
    );
    table.row(
        "  the same to the first answer a client gets of it",
        None,
        "ms",
        seen,
    );
    for (name, series) in parts {
        table.row(format!("  part: {name}"), None, "ms", series);
    }
    table.row(
        "commit of a route change to the first request on it",
        Some(10.0),
        "ms",
        commit,
    );
    table.row(
        "  from the begin of the committing transaction",
        None,
        "ms",
        commit_most,
    );
    machine.stop()
}
