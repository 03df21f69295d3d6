//! The audit log of a team: listed, exported, verified.

use reqwest::{Method, header};
use segue_client::AuditListRequestQuery;

use super::{Context, teams::of_team};
use crate::args::{Audit, AuditFilter, AuditForm};
use crate::error::{CliError, Exit, Result};
use crate::output::plain;
use crate::session::UNLIMITED;

pub(crate) async fn run(context: &mut Context<'_>, args: &Audit) -> Result<Exit> {
    let (session, team) = of_team(context).await?;
    let path = ["v1", "teams", &team, "audit-events"];
    match args {
        Audit::List { filter, lines } => {
            let query = AuditListRequestQuery {
                limit: Some(*lines),
                ..filter.query()
            };
            let records = session.audit_list(&team, query).await?;
            if context.out.json {
                context.out.object(&records)?;
                return Ok(Exit::Ok);
            }
            for record in &records {
                context.out.data(format!(
                    "{} {:<20} {:<24} {}",
                    record.at.format("%Y-%m-%dT%H:%M:%SZ"),
                    plain(&record.actor_name),
                    record.action,
                    plain(&record.resource)
                ))?;
            }
            if records.is_empty() {
                context.out.say("no records");
            }
        }
        Audit::Export { filter, form } => {
            let mut url = session.url(&path);
            let query = filter.query();
            let pairs = [
                ("actor", query.actor),
                ("action", query.action),
                ("resource", query.resource),
                ("since", query.since),
            ];
            for (key, value) in pairs {
                if let Some(value) = value {
                    url.query_pairs_mut().append_pair(key, &value);
                }
            }
            let media = match form {
                AuditForm::Ndjson => "application/x-ndjson",
                AuditForm::Csv => "text/csv",
            };
            let request = session
                .request(Method::GET, url)
                .header(header::ACCEPT, media);
            let what = "exporting the audit log";
            let response = session.ask(what, request.timeout(UNLIMITED)).await?;
            let mut response = session.check(what, response).await?;
            let given = response.headers().get(header::CONTENT_TYPE);
            // A page of another program's must not end up as somebody's proof.
            if !given.is_some_and(|given| given.as_bytes().starts_with(media.as_bytes())) {
                return Err(session.odd(what, response).await);
            }
            loop {
                match response.chunk().await {
                    Ok(Some(bytes)) => context.out.raw(&bytes)?,
                    Ok(None) => break,
                    // Half an export must not look like a whole one.
                    Err(error) => {
                        return Err(session
                            .unreachable(what, &error)
                            .now("what was written is not all")
                            .next("repeat it, with a shorter --since if it breaks off again"));
                    }
                }
            }
        }
        Audit::Verify { record, hash } => {
            let verdict = session.audit_verify(&team, *record, hash.clone()).await?;
            if context.out.json {
                context.out.object(&verdict)?;
            }
            if !verdict.whole {
                let mut error = CliError::new(format!("the audit log of team {team} was changed"))
                    .now(format!("{} records were read", verdict.records));
                if let Some(seq) = verdict.first_bad {
                    error = error.why(format!("record {seq} is not what was written"));
                }
                if let Some(seq) = verdict.first_bad_checkpoint {
                    error = error.why(format!(
                        "the log does not hold what was signed at record {seq}"
                    ));
                }
                return Err(error
                    .next("keep a copy (segue audit export), and ask who may write to the database")
                    .code("audit_changed"));
            }
            context.out.done(format!(
                "{} records of team {team} are as they were written",
                verdict.records
            ));
        }
    }
    Ok(Exit::Ok)
}

impl AuditFilter {
    /// As parameters of a request.
    fn query(&self) -> AuditListRequestQuery {
        let since = self.since.and_then(|since| {
            let since = jiff::SignedDuration::try_from(since).ok()?;
            Some(jiff::Timestamp::now().checked_sub(since).ok()?.to_string())
        });
        AuditListRequestQuery {
            actor: self.actor.clone(),
            action: self.action.clone(),
            resource: self.resource.clone(),
            since,
            ..AuditListRequestQuery::default()
        }
    }
}
