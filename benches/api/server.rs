//! A private Postgres, filled, and `segue api` on it. No worker: what is in the store was never deployed.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use segue_tests::machine::{binary, signal, status, wait_for};
use segue_tests::tools::answer;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Executor as _};

/// The account that Postgres runs as under root.
const ACCOUNT: &str = "postgres";

pub struct Server {
    pub api: SocketAddr,
    /// Name and token of each team.
    pub teams: Vec<(String, String)>,
    pub said: String,
    program: Child,
    postgres: Child,
    database: PgConnectOptions,
    /// Removed when this is dropped.
    _folder: tempfile::TempDir,
}

/// The programs of the newest Postgres here.
fn postgres_programs() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")?.flatten();
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .context("no PostgreSQL in /usr/lib/postgresql")?;
    Ok(PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin")))
}

fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]);
    command.arg(program).stdin(Stdio::null());
    command
}

fn done(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

impl Server {
    pub fn start(teams: usize, apps: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        done(Command::new("chmod").arg("755").arg(folder.path()))?;
        let (data, sockets) = (at("data"), at("pg"));
        for path in [&data, &sockets] {
            done(
                Command::new("install")
                    .args(["-d", "-o", ACCOUNT])
                    .arg(path),
            )?;
        }
        let programs = postgres_programs()?;
        done(
            as_postgres(&programs.join("initdb"))
                .args(["-U", "segue", "-A", "trust", "-D"])
                .arg(&data),
        )?;
        let log = File::create(at("postgres.log"))?;
        // As the private Postgres of `segue serve`: durable, no TCP.
        let postgres = as_postgres(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&sockets)
            .args(["-c", "listen_addresses=", "-c", "max_connections=100"])
            .args(["-c", "shared_preload_libraries=pg_stat_statements"])
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        wait_for("Postgres to accept connections", || {
            let mut ready = Command::new(programs.join("pg_isready"));
            let ready = ready.arg("-h").arg(&sockets).output()?;
            Ok(ready.status.success().then_some(()))
        })?;
        done(
            Command::new(programs.join("createdb"))
                .args(["-U", "segue", "-h"])
                .arg(&sockets)
                .arg("segue"),
        )?;

        let api = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let url = format!("postgres:///segue?host={}&user=segue", sockets.display());
        let settings = [
            ("state", format!("{:?}", at("state").display().to_string())),
            ("run", format!("{:?}", at("run").display().to_string())),
            ("database.url", format!("{url:?}")),
            ("api.listen", format!("\"{api}\"")),
            ("api.requests_at_once", "1000000".to_owned()),
            ("api.requests_per_second", "100000".to_owned()),
            ("log.filter", "\"warn\"".to_owned()),
        ];
        let segue = |arguments: &[&str]| -> anyhow::Result<Command> {
            let mut command = Command::new(binary()?);
            command.args(arguments).stdin(Stdio::null());
            for (key, value) in &settings {
                command.arg("--set").arg(format!("{key}={value}"));
            }
            Ok(command)
        };
        done(&mut segue(&["migrate"])?)?;
        let mut with_tokens = Vec::new();
        for team in 0..teams {
            let name = format!("team-{team}");
            let token = done(&mut segue(&["admin", "token", "--team", &name])?)?;
            with_tokens.push((name, token));
        }
        let log = File::create(at("api.log"))?;
        let program = segue(&["api"])?
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let database = PgConnectOptions::new_without_pgpass()
            .socket(&sockets)
            .username("segue")
            .database("segue");
        let mut server = Self {
            api,
            teams: with_tokens,
            said: String::new(),
            program,
            postgres,
            database: database.clone(),
            _folder: folder,
        };
        wait_for("the API to be ready", || {
            Ok((status(api, "/readyz") == Some(200)).then_some(()))
        })?;
        server.template()?;
        let begin = Instant::now();
        server.said = format!(
            "{apps} applications of {teams} teams in {} bytes, filled in {:.1} s",
            fill(database, apps)?,
            begin.elapsed().as_secs_f64()
        );
        Ok(server)
    }

    /// One application made as people make one; the others have copies of its specification and release.
    fn template(&self) -> anyhow::Result<()> {
        let (team, _) = &self.teams[0];
        let apps = format!("/v1/teams/{team}/apps");
        let env = format!("{apps}/template/envs/production");
        self.call("POST", &apps, json!({"name": "template"}))?;
        self.call(
            "POST",
            &format!("{apps}/template/envs"),
            json!({"name": "production"}),
        )?;
        let config = json!({"LOG_LEVEL": "info", "GREETING": "hello", "REGION": "eu"});
        self.call("PATCH", &format!("{env}/config"), config)?;
        self.call(
            "PUT",
            &format!("{env}/secrets/STRIPE_KEY"),
            json!({"value": "sk_1"}),
        )?;
        let spec =
            json!({"services": {"web": {"port": 8080, "replicas": 2}, "cron": {"kind": "worker"}}});
        self.call("PUT", &format!("{env}/spec"), spec)?;
        self.call(
            "POST",
            &format!("{env}/deployments"),
            json!({"image": "registry.example/shop:1"}),
        )?;
        Ok(())
    }

    fn call(&self, method: &str, path: &str, body: Value) -> anyhow::Result<()> {
        let url = format!("http://{}{path}", self.api);
        let bearer = format!("authorization: Bearer {}", self.teams[0].1);
        let body = body.to_string();
        let json = "content-type: application/json";
        let mut arguments = vec![
            "-X",
            method,
            "-H",
            &bearer,
            "-H",
            json,
            "--data-binary",
            &body,
        ];
        let condition;
        if path.ends_with("/spec") {
            let before = answer(&url, &["-H", &bearer])?;
            condition = format!("if-match: {}", before.header("etag").context("no etag")?);
            arguments.extend(["-H", &condition]);
        }
        let answer = answer(&url, &arguments)?;
        ensure!(
            (200..300).contains(&answer.status),
            "{method} {path}: {answer:?}"
        );
        Ok(())
    }

    /// Forgets which statements were run until now.
    pub async fn count_statements(&self) -> anyhow::Result<()> {
        let mut connection: PgConnection = self.database.connect().await?;
        connection
            .execute("create extension if not exists pg_stat_statements")
            .await?;
        connection
            .execute("select pg_stat_statements_reset()")
            .await?;
        Ok(())
    }

    /// Where the time of Postgres went since then: calls, mean and sum in ms, and the statement, the most costly first.
    pub async fn statements(&self, most: i64) -> anyhow::Result<Vec<(i64, f64, f64, String)>> {
        let mut connection: PgConnection = self.database.connect().await?;
        let costly = sqlx::query_as(
            "select calls, mean_exec_time, total_exec_time, regexp_replace(query, '\\s+', ' ', 'g')
            from pg_stat_statements order by total_exec_time desc limit $1",
        );
        Ok(costly.bind(most).fetch_all(&mut connection).await?)
    }

    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        for (child, how) in [(&mut self.program, "TERM"), (&mut self.postgres, "INT")] {
            if let Ok(None) = child.try_wait() {
                let _ = signal(child.id(), how);
            }
            let _ = child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a failure; once stopped, this finds nothing.
        self.end();
    }
}

/// Fills the store; answers how large it became.
fn fill(options: PgConnectOptions, apps: usize) -> anyhow::Result<i64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection: PgConnection = options.connect().await?;
        let count = format!("set segue.apps = '{apps}'");
        connection.execute(sqlx::AssertSqlSafe(count)).await?;
        connection.execute(include_str!("fill.sql")).await?;
        let size = sqlx::query_scalar("select pg_database_size('segue')");
        Ok(size.fetch_one(&mut connection).await?)
    })
}
