//! The audit log as a file: NDJSON for machines, CSV for spreadsheets.
//!
//! Invariants: one batch of records is in memory, however many there are; an export that cannot be finished breaks
//! the connection off, so that half a file never looks like a whole one; no cell of the CSV can become a formula.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use csv::{QuoteStyle, WriterBuilder};
use futures::Stream;
use segue_store::{AuditFilter, TeamScope};
use tokio::time::Instant;

use super::audit::AuditRecord;
use crate::problem::Problem;
use crate::state::ApiState;

/// A reader that takes longer than this for a whole export is cut off.
const DEADLINE: Duration = Duration::from_secs(1800);

/// Columns of the CSV.
const COLUMNS: [&str; 10] = [
    "seq",
    "at",
    "actor",
    "actor_name",
    "action",
    "resource",
    "detail",
    "request_id",
    "address",
    "hash",
];

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Ndjson,
    Csv,
}

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the export took too long")]
    Deadline,
    #[error("the server stops")]
    Stopping,
    #[error("the records could not be read")]
    Store(#[from] segue_store::StoreError),
    #[error("a record could not be written")]
    Json(#[from] serde_json::Error),
    #[error("a record could not be written")]
    Csv(#[from] csv::Error),
}

/// Answers with everything that fits the filter.
pub(super) async fn export(
    state: ApiState,
    scope: TeamScope,
    team: &str,
    filter: AuditFilter,
    form: Form,
) -> Result<Response, Problem> {
    // What is added meanwhile is not of this export, so that it has an end.
    let until = scope.audit_newest().await?;
    let (media, ending) = match form {
        Form::Ndjson => ("application/x-ndjson", "ndjson"),
        Form::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = format!("attachment; filename=\"audit-{team}.{ending}\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    let body = Body::from_stream(pieces(state, scope, filter, form, until));
    Ok((headers, body).into_response())
}

/// The file, batch by batch. Nothing is read before the reader has taken what was read before.
fn pieces(
    state: ApiState,
    scope: TeamScope,
    filter: AuditFilter,
    form: Form,
    until: i64,
) -> impl Stream<Item = Result<Bytes, Broken>> + Send {
    let deadline = Instant::now() + DEADLINE;
    // The place to go on behind; `None` at the end.
    let begin = Some((0i64, true));
    futures::stream::try_unfold(begin, move |place| {
        let (state, scope, filter) = (state.clone(), scope.clone(), filter.clone());
        async move {
            let Some((after, first)) = place else {
                return Ok(None);
            };
            if state.stop().is_cancelled() {
                return Err(Broken::Stopping);
            }
            let batch = scope.audit_batch(&filter, after, until);
            let batch = tokio::time::timeout_at(deadline, batch)
                .await
                .map_err(|_| Broken::Deadline)??;
            let next = batch.last().map(|entry| (entry.seq, false));
            let records: Vec<AuditRecord> = batch.into_iter().map(AuditRecord::from).collect();
            let bytes = match form {
                Form::Ndjson => ndjson(&records)?,
                Form::Csv => csv_rows(&records, first)?,
            };
            if bytes.is_empty() && next.is_none() {
                return Ok(None);
            }
            Ok(Some((Bytes::from(bytes), next)))
        }
    })
}

fn ndjson(records: &[AuditRecord]) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    for record in records {
        serde_json::to_writer(&mut bytes, record)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn csv_rows(records: &[AuditRecord], head: bool) -> Result<Vec<u8>, Broken> {
    let mut writer = WriterBuilder::new()
        .quote_style(QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    if head {
        writer.write_record(COLUMNS)?;
    }
    for record in records {
        let detail = serde_json::to_string(&record.detail)?;
        writer.write_record([
            record.seq.to_string(),
            record.at.to_string(),
            cell(&record.actor),
            cell(&record.actor_name),
            cell(&record.action),
            cell(&record.resource),
            cell(&detail),
            cell(record.request_id.as_deref().unwrap_or_default()),
            cell(record.address.as_deref().unwrap_or_default()),
            cell(&record.hash),
        ])?;
    }
    writer
        .into_inner()
        .map_err(|error| Broken::Csv(csv::Error::from(error.into_error())))
}

/// A cell that no spreadsheet takes for a formula. People choose their names: one that begins with a sign that
/// begins a formula, also behind blanks or in its wide form, gets an apostrophe before it.
fn cell(text: &str) -> String {
    let begins = text
        .trim_start_matches(|c: char| c.is_whitespace() || c.is_control())
        .chars()
        .next();
    let formula = begins.is_some_and(|c| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '|' | '%'
        )
    });
    let odd = text.starts_with(['\t', '\r', '\n', '\u{feff}']);
    if formula || odd {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(name: &str) -> AuditRecord {
        AuditRecord {
            seq: 1,
            at: "2026-01-31T12:00:00Z".parse().unwrap(),
            actor: "usr_1".into(),
            actor_name: name.into(),
            action: "app_create".into(),
            resource: "app_1".into(),
            detail: json!({"name": "a\"b,c"}),
            request_id: None,
            address: Some("::1".into()),
            hash: "00".into(),
        }
    }

    #[test]
    fn no_cell_becomes_a_formula() {
        for bad in [
            "=cmd|' /C calc'!A0",
            "+1",
            "-1+1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "  =1",
            "\u{a0}=1",
            "\u{feff}=1",
            "＝1",
            "|calc",
            "%0",
        ] {
            assert!(cell(bad).starts_with('\''), "{bad:?}");
            let bytes = csv_rows(&[record(bad)], true).unwrap();
            let mut reader = csv::Reader::from_reader(bytes.as_slice());
            let row = reader.records().next().unwrap().unwrap();
            assert_eq!(row.get(3).unwrap(), format!("'{bad}"));
            assert_eq!(row.len(), COLUMNS.len());
        }
        for fine in ["ada", "", "a=b", "O'Hara", "token ci", "{\"a\":1}", "::1"] {
            assert_eq!(cell(fine), fine);
        }
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let bytes = csv_rows(&[record("Ada, \"the\" first\nof hers")], true).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        assert_eq!(reader.headers().unwrap(), &COLUMNS[..]);
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!(row.get(3).unwrap(), "Ada, \"the\" first\nof hers");
        assert_eq!(row.get(6).unwrap(), "{\"name\":\"a\\\"b,c\"}");
    }
}
