//! The private Postgres of an installation, looked at from outside: clocks of rows, notifications, counters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use segue_tests::machine::Machine;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::runtime::Runtime;

/// A connection.
pub struct Database {
    runtime: Runtime,
    connection: PgConnection,
    options: PgConnectOptions,
}

impl Database {
    pub fn open(machine: &Machine) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let options = PgConnectOptions::new_without_pgpass()
            .socket(machine.run().join("postgres"))
            .username("segue")
            .database("segue");
        let connection = runtime.block_on(options.connect())?;
        Ok(Self {
            runtime,
            connection,
            options,
        })
    }

    /// Milliseconds since 1970 of each column of the one row that the query answers.
    pub fn clocks(&mut self, query: &'static str, id: &str) -> anyhow::Result<Vec<Option<f64>>> {
        let row = sqlx::query(query).bind(id).fetch_one(&mut self.connection);
        let row = self.runtime.block_on(row)?;
        (0..row.len())
            .map(|at| Ok(row.try_get::<Option<f64>, _>(at)?))
            .collect()
    }

    /// One number.
    pub fn number(&mut self, query: &'static str) -> anyhow::Result<i64> {
        let number = sqlx::query_scalar(query).fetch_one(&mut self.connection);
        Ok(self.runtime.block_on(number)?)
    }

    /// Rows inserted, updated and deleted so far by table, and reads of each table.
    pub fn tables(&mut self) -> anyhow::Result<BTreeMap<String, (i64, i64)>> {
        let query = "select relname::text, n_tup_ins + n_tup_upd + n_tup_del, \
             coalesce(seq_scan, 0) + coalesce(idx_scan, 0) from pg_stat_user_tables";
        let rows = self
            .runtime
            .block_on(sqlx::query(query).fetch_all(&mut self.connection))?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?))))
            .collect()
    }

    /// When each notification of a channel arrived here. It is sent when the transaction has committed.
    pub fn listen(&self, channel: &'static str) -> anyhow::Result<Heard> {
        let heard = Heard::default();
        let told = heard.clone();
        let options = self.options.clone();
        let mut listener = self.runtime.block_on(async {
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .connect_with(options);
            let mut listener = PgListener::connect_with(&pool.await?).await?;
            listener.listen(channel).await?;
            anyhow::Ok(listener)
        })?;
        self.runtime.spawn(async move {
            while listener.recv().await.is_ok() {
                told.0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(now_ms());
            }
        });
        Ok(heard)
    }
}

/// Arrivals, in milliseconds since 1970.
#[derive(Default, Clone)]
pub struct Heard(Arc<Mutex<Vec<f64>>>);

impl Heard {
    /// The last one not after a moment.
    pub fn before(&self, moment: f64) -> Option<f64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().copied().rfind(|at| *at <= moment)
    }
}

/// Milliseconds since 1970. Postgres runs on the same machine, so its clock is the same.
pub fn now_ms() -> f64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64() * 1e3)
}
