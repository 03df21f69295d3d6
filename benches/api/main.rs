//! Figures of the API with 10,000 applications in the store: the real program alone (`segue api`) on a private Postgres,
//! asked a fixed number of times a second whether it keeps up or not.
//!
//! Prints one table: what was asked, the goal, median, 95th percentile, largest, verdict. README.md beside this file has
//! the command. It is no test: a busy machine misses goals too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails by panicking and tells by printing"
)]

#[path = "../spine/figure.rs"]
#[allow(dead_code, reason = "shared with the other figures")]
mod figure;
mod load;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use figure::Table;
use load::{Kind, Load};
use server::Server;

/// Teams; half of all applications are the first one's.
const TEAMS: usize = 8;
const APPS: usize = 10_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

fn main() -> ExitCode {
    match figures() {
        Ok(met) => ExitCode::from(u8::from(!met)),
        Err(error) => {
            println!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn figures() -> anyhow::Result<bool> {
    figure::say_machine()?;
    let server = Server::start(TEAMS, APPS)?;
    println!("{}", server.said);
    let rate = number("SEGUE_BENCH_RATE", 300);
    let seconds = number("SEGUE_BENCH_SECONDS", 30);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let load = |seconds: u64| Load {
        api: server.api,
        teams: server.teams.clone(),
        apps: APPS,
        rate,
        time: Duration::from_secs(seconds),
    };
    // What is read for the first time comes from disk, and statements are planned once for each connection.
    runtime.block_on(load(5).run())?;
    println!(
        "\n{rate} requests/s for {seconds} s, load {}",
        figure::load()
    );
    runtime.block_on(server.count_statements())?;
    let report = runtime.block_on(load(seconds).run())?;
    let statements = i64::try_from(number("SEGUE_BENCH_STATEMENTS", 0))?;
    for (calls, mean, sum, text) in runtime.block_on(server.statements(statements))? {
        println!("{calls:>8} calls {mean:>9.3} ms {sum:>9.0} ms in all: {text:.240}");
    }

    let mut table = Table::default();
    let all = report.all();
    for (share, name) in [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")] {
        let goal = (name == "p99").then_some(50.0);
        table.value(
            format!("all requests, {name}"),
            goal,
            "ms",
            all.quantile(share),
        );
    }
    for (asked, series) in &report.series {
        let goal = (asked.kind == Kind::List).then_some(100.0);
        let name = format!("{}: {}", asked.kind.word(), asked.name);
        table.row(name.clone(), None, "ms", series.clone());
        table.value(format!("{name}, p99"), goal, "ms", series.quantile(0.99));
    }
    table.value(
        "answers that were none or 500 and above",
        Some(0.0),
        "",
        report.failed as f64,
    );
    table.value("answers 400 to 499", Some(0.0), "", report.refused as f64);
    println!("\n{table}");
    println!("asked {}, load at the end: {}", all.len(), figure::load());
    for line in &report.complaints {
        println!("{line}");
    }
    server.stop();
    Ok(!table.missed())
}
