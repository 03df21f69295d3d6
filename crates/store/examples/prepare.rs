//! Makes what is committed about the database: `.sqlx` (the checked queries) and `schema.sql` (the sum of
//! the migrations). With `--check` it changes nothing and fails if they differ.
//!
//! `cargo run -p segue-store --no-default-features --example prepare [-- --check]`
//!
//! It starts a Postgres of its own, migrates it and lets the query macros describe every query as a role
//! that may do what the three service roles may do together, and nothing else.
#![allow(clippy::print_stdout, reason = "a tool for people")]

#[path = "shared/schema.rs"]
mod dump;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use segue_store::embedded::{Embedded, EmbeddedConfig};
use sqlx::{Connection, Executor, PgConnection};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let check = std::env::args().any(|argument| argument == "--check");
    let crate_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let workspace = crate_folder
        .ancestors()
        .nth(2)
        .ok_or("no workspace")?
        .to_owned();

    let folder = tempfile::Builder::new()
        .prefix("segue-prepare-")
        .tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
    let server = Embedded::start(EmbeddedConfig::new(folder.path().join("pg"))).await?;
    let source = crate_folder.join("src/lib.rs");
    let before = fs::metadata(&source)?.modified()?;
    let made = make(&server, &workspace, &source).await;
    server.stop().await?;
    let (queries, schema) = made?;

    let mut problems = Vec::new();
    keep_folder(&workspace.join(".sqlx"), &queries, check, &mut problems)?;
    keep_file(
        &crate_folder.join("schema.sql"),
        &schema,
        check,
        &mut problems,
    )?;
    if problems.is_empty() {
        // What was compiled with the committed queries stands, here and in every crate above.
        File::options()
            .write(true)
            .open(&source)?
            .set_modified(before)?;
        println!(
            "{} queries and schema.sql are as they should be",
            queries.len()
        );
        return Ok(());
    }
    for problem in &problems {
        println!("{problem}");
    }
    if check {
        return Err("run prepare and commit the result".into());
    }
    Ok(())
}

async fn make(
    server: &Embedded,
    workspace: &Path,
    source: &Path,
) -> Result<(BTreeMap<String, String>, String)> {
    segue_store::migrate(&server.connect_options()).await?;
    let mut connection = PgConnection::connect_with(&server.connect_options()).await?;
    connection
        .execute(
            "create role segue_prepare nologin;
             grant segue_api, segue_auth, segue_system to segue_prepare;",
        )
        .await?;
    connection.close().await?;
    let queries = queries(server, workspace, source)?;
    let schema = dump::schema(server).await?;
    Ok((queries, schema))
}

/// Lets the macros look at the live database and collects what they write.
fn queries(server: &Embedded, workspace: &Path, source: &Path) -> Result<BTreeMap<String, String>> {
    let out = workspace.join("target").join("sqlx-prepare");
    let _absent = fs::remove_dir_all(&out);
    fs::create_dir_all(&out)?;
    // The compiler does not know that the database is an input.
    let touch = || {
        File::options()
            .write(true)
            .open(source)?
            .set_modified(SystemTime::now())
    };
    touch()?;
    let status = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["check", "--quiet", "--package", "segue-store"])
        .current_dir(workspace)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &out)
        .env(
            "DATABASE_URL",
            format!("{}&options=-c%20role%3Dsegue_prepare", server.url()),
        )
        .status()?;
    touch()?;
    if !status.success() {
        return Err("the queries do not fit the migrations".into());
    }
    read_folder(&out)
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry
                .file_name()
                .into_string()
                .map_err(|_| "a file name is not text")?;
            if name.starts_with("query-") {
                files.insert(name, fs::read_to_string(entry.path())?);
            }
        }
    }
    Ok(files)
}

fn keep_folder(
    folder: &Path,
    wanted: &BTreeMap<String, String>,
    check: bool,
    problems: &mut Vec<String>,
) -> Result<()> {
    fs::create_dir_all(folder)?;
    for name in read_folder(folder)?.keys() {
        if !wanted.contains_key(name) {
            problems.push(format!("not used any more: .sqlx/{name}"));
            if !check {
                fs::remove_file(folder.join(name))?;
            }
        }
    }
    for (name, text) in wanted {
        keep_file(&folder.join(name), text, check, problems)?;
    }
    Ok(())
}

fn keep_file(path: &Path, wanted: &str, check: bool, problems: &mut Vec<String>) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    problems.push(format!("differs: {}", path.display()));
    if !check {
        fs::write(path, wanted)?;
    }
    Ok(())
}
