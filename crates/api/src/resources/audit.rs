//! The audit log: asked for by filter, exported as a stream, verified. For admins: it holds people's addresses.

use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use segue_model::Timestamp;
use segue_store::{AuditCheckpoint, AuditEntry, AuditFilter, AuditVerdict, KeptRecord};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit_export::{Form, export};
use crate::auth::place::{InTeam, Members};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{Errors, TeamPath};
use crate::wire::query::ApiQuery;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(audit_list))
        .routes(routes!(audit_verify))
}

/// Verifying takes at most this long; a debug build verifies 30,000 records in a second.
const VERIFY_DEADLINE: Duration = Duration::from_secs(120);

/// What somebody did: one record per write, in the same transaction.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// Its number in the team's chain, from 1.
    pub seq: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who: id of a person or token, or a part of Segue.
    pub actor: String,
    /// The name that they have now.
    pub actor_name: String,
    /// The operation.
    pub action: String,
    /// To what, by id.
    pub resource: String,
    /// How; no values of configuration and secrets.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    /// The request, as in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub request_id: Option<String>,
    /// The address that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// SHA-256 over the hash of the record before and everything of this one but `actor_name`.
    pub hash: String,
}

page! {
    /// A page of audit records, newest first.
    AuditPage of AuditRecord
}

/// What verifying the chain found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    /// Whether every record follows from the one before it, up to the newest, and is what was signed and kept.
    pub whole: bool,
    /// Records that were found to be good.
    pub records: i64,
    /// Number of the first record that was changed, removed or moved, also of one that is missing at the end; missing if
    /// there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub first_bad: Option<i64>,
    /// Number of the signed checkpoint that shows it, where the chain by itself does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub first_bad_checkpoint: Option<i64>,
    /// Signed checkpoints that were found to be good; missing in a broken log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub checkpoints: Option<i64>,
    /// The newest of them. Keep `seq` and `hash` elsewhere, and ask with them later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub newest_checkpoint: Option<Checkpoint>,
}

/// The end of the log at a moment, signed by the server.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditCheckpoint)]
pub struct Checkpoint {
    /// Its number in the team, from 1.
    pub number: i64,
    /// The record.
    pub seq: i64,
    /// The record's hash.
    pub hash: String,
    /// When it was signed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The key: 16 digits of the SHA-256 of its public half.
    pub key_id: String,
    /// Public half of the key (Ed25519), hexadecimal.
    pub public_key: String,
    /// Signature over `segue audit checkpoint v1`, the team's UUID, `number`, `seq`, `hash`, microseconds of `at`, and
    /// `key_id`, each behind its length in eight bytes; numbers in eight bytes. Hexadecimal.
    pub signature: String,
}

impl From<AuditCheckpoint> for Checkpoint {
    fn from(kept: AuditCheckpoint) -> Self {
        Self {
            number: kept.number,
            seq: kept.seq,
            hash: hex::encode(kept.hash),
            at: kept.at,
            key_id: kept.key_id,
            public_key: hex::encode(kept.public_key),
            signature: hex::encode(kept.signature),
        }
    }
}

/// A record that was written down elsewhere.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct KeptQuery {
    /// Number of a record that you kept, with its `hash`: it must still be there.
    #[param(minimum = 1)]
    seq: Option<i64>,
    /// Its hash, 64 hexadecimal digits.
    #[param(pattern = "^[0-9a-f]{64}$")]
    hash: Option<String>,
}

impl KeptQuery {
    fn kept(&self) -> Result<Option<KeptRecord>, Problem> {
        let (seq, text) = match (self.seq, &self.hash) {
            (None, None) => return Ok(None),
            (Some(seq), Some(text)) if seq > 0 => (seq, text),
            (Some(_), Some(_)) => return Err(wrong("seq", "1 or more")),
            (Some(_), None) => return Err(wrong("hash", "the hash of that record is needed too")),
            (None, Some(_)) => return Err(wrong("seq", "the number of that record is needed too")),
        };
        let mut hash = [0u8; 32];
        hex::decode_to_slice(text, &mut hash)
            .map_err(|_| wrong("hash", "64 hexadecimal digits"))?;
        Ok(Some(KeptRecord { seq, hash }))
    }
}

impl From<AuditEntry> for AuditRecord {
    fn from(entry: AuditEntry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            actor: entry.actor,
            actor_name: entry.actor_name,
            action: entry.action,
            resource: entry.resource,
            detail: entry.detail,
            request_id: entry.request_id,
            address: entry.address,
            hash: hex::encode(entry.hash),
        }
    }
}

/// Which records.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    /// Of this person (id or e-mail address; what their tokens did is theirs too), this token by id, or this part of
    /// Segue (`segue/worker`).
    #[param(
        min_length = 1,
        max_length = 254,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    actor: Option<String>,
    /// Of this operation, `deployment_create`.
    #[param(max_length = 100, pattern = "^[a-z_]+$")]
    action: Option<String>,
    /// About this thing, by id.
    #[param(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    resource: Option<String>,
    /// Not older than this (RFC 3339).
    since: Option<String>,
    /// Older than this (RFC 3339).
    until: Option<String>,
    /// Items wanted, 1 to 100; 50 if not given. Not of an export, which has all.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before. Not of an export.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

fn wrong(name: &str, detail: &str) -> Problem {
    Problem::new(ProblemCode::InvalidRequest, format!("`{name}`: {detail}")).at(name, detail)
}

impl AuditQuery {
    fn filter(&self) -> Result<AuditFilter, Problem> {
        let text = |name: &str, value: &Option<String>, most: usize| match value {
            Some(text) if text.is_empty() || text.chars().count() > most => {
                Err(wrong(name, &format!("1 to {most} characters")))
            }
            Some(text) if text.chars().any(char::is_control) => {
                Err(wrong(name, "no control characters"))
            }
            value => Ok(value.clone()),
        };
        let time = |name: &str, value: &Option<String>| {
            let time = value.as_deref().map(str::parse::<Timestamp>).transpose();
            time.map_err(|_| wrong(name, "a time like 2026-01-31T12:00:00Z"))
        };
        let action = text("action", &self.action, 100)?;
        if action
            .as_ref()
            .is_some_and(|action| !action.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        {
            return Err(wrong("action", "an operation like deployment_create"));
        }
        Ok(AuditFilter {
            actor: text("actor", &self.actor, 254)?,
            action,
            resource: text("resource", &self.resource, 100)?,
            since: time("since", &self.since)?,
            until: time("until", &self.until)?,
        })
    }
}

/// In what form the client wants it, by `Accept`; a page of JSON if it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Page,
    Export(Form),
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut any = false;
        for value in parts.headers.get_all(ACCEPT) {
            for media in value.to_str().unwrap_or_default().split(',') {
                any = true;
                match media.split(';').next().unwrap_or_default().trim() {
                    "application/x-ndjson" => return Ok(Self::Export(Form::Ndjson)),
                    "text/csv" => return Ok(Self::Export(Form::Csv)),
                    "application/json" | "application/*" | "*/*" => return Ok(Self::Page),
                    _ => {}
                }
            }
        }
        if any {
            return Err(Problem::new(
                ProblemCode::NotAcceptable,
                "offered are application/json, application/x-ndjson and text/csv",
            ));
        }
        Ok(Self::Page)
    }
}

/// Lists what was done in the team, newest first.
///
/// With `Accept: application/x-ndjson` or `text/csv` the answer is an export of everything that fits, oldest first,
/// up to what was the newest record at its beginning. An export that fails in the middle breaks off without its end.
#[utoipa::path(get, path = "/v1/teams/{team}/audit-events", tag = "teams", params(TeamPath, AuditQuery),
    responses((status = 200, description = "Records.", content(
        (AuditPage = "application/json"), (AuditRecord = "application/x-ndjson"), (String = "text/csv"))), Errors))]
async fn audit_list(
    at: InTeam<Members>,
    State(state): State<ApiState>,
    wanted: Wanted,
    ApiQuery(query): ApiQuery<AuditQuery>,
) -> Result<Response, Problem> {
    let filter = query.filter()?;
    if let Wanted::Export(form) = wanted {
        if query.limit.is_some() || query.cursor.is_some() {
            return Err(wrong(
                "limit",
                "an export has all records; filter with `since` and `until`",
            ));
        }
        return export(state, at.scope, &at.team_name, filter, form).await;
    }
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let (entries, next_cursor) = page
        .read(|page| at.scope.audit_list(&filter, page), |entry| entry.seq)
        .await?;
    Ok(ApiJson(AuditPage {
        items: entries.into_iter().map(AuditRecord::from).collect(),
        next_cursor,
    })
    .into_response())
}

/// Computes the chain of the team's records again, checks the signed checkpoints and what you kept, and names the first
/// record that was changed, removed or moved.
#[utoipa::path(get, path = "/v1/teams/{team}/audit-events/verify", tag = "teams", params(TeamPath, KeptQuery),
    responses((status = 200, description = "What was found.", body = AuditVerification), Errors))]
async fn audit_verify(
    at: InTeam<Members>,
    ApiQuery(query): ApiQuery<KeptQuery>,
) -> Result<ApiJson<AuditVerification>, Problem> {
    let kept = query.kept()?;
    let verdict = tokio::time::timeout(VERIFY_DEADLINE, at.scope.audit_verify(kept));
    let verdict = verdict.await.map_err(|_| {
        Problem::new(
            ProblemCode::Unavailable,
            format!(
                "verifying took longer than {} s and was stopped",
                VERIFY_DEADLINE.as_secs()
            ),
        )
        .hint("try again when the database has less to do")
        .retry_after(60)
    })?;
    Ok(ApiJson(match verdict? {
        AuditVerdict::Whole {
            records,
            checkpoints,
            newest,
        } => AuditVerification {
            whole: true,
            records,
            first_bad: None,
            first_bad_checkpoint: None,
            checkpoints: Some(checkpoints),
            newest_checkpoint: newest.map(|newest| Checkpoint::from(*newest)),
        },
        AuditVerdict::Broken { seq, checkpoint } => AuditVerification {
            whole: false,
            records: seq - 1,
            first_bad: Some(seq),
            first_bad_checkpoint: checkpoint,
            checkpoints: None,
            newest_checkpoint: None,
        },
    }))
}
