//! Dumps a schema in a form that two runs and two minor versions share. Used by `prepare` and by its test.

use std::process::Command;

use segue_store::embedded::Embedded;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The schema without what differs between two runs or two minor versions.
pub async fn schema(server: &Embedded) -> Result<String> {
    let output = Command::new(server.program("pg_dump").await?)
        .args([
            "--schema-only",
            "--exclude-table=log_chunks_2*",
            "--exclude-table=_sqlx_migrations",
        ])
        .arg(format!("--dbname={}", server.url()))
        .env_clear()
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(normalise(&String::from_utf8(output.stdout)?))
}

fn normalise(dump: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in dump.lines() {
        let noise = line.starts_with("--")
            || line.starts_with("SET ")
            || line.starts_with("SELECT pg_catalog.set_config")
            || line.starts_with("\\restrict")
            || line.starts_with("\\unrestrict");
        let second_blank = line.is_empty() && lines.last().is_none_or(|last| last.is_empty());
        if !noise && !second_blank {
            lines.push(line);
        }
    }
    format!(
        "-- The sum of the migrations, for reading. Made by crates/store/examples/prepare.rs.\n\n{}\n",
        lines.join("\n").trim_end()
    )
}
