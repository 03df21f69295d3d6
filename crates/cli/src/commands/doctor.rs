//! `segue doctor`: each thing that must hold between this folder and a deployment, checked one by one. A check
//! that fails says what to do; the others go on.

use std::time::Instant;

use segue_model::detect::{Runtimes, Source, detect};
use segue_model::manifest::Manifest;
use segue_model::name::AppName;
use serde::Serialize;

use super::{Context, Place};
use crate::config_files::Credentials;
use crate::error::{CliError, Exit, Result};
use crate::pack;
use crate::session::{Session, server};
use crate::target::{self, Target};

/// How far a clock may be off before sign-ins and certificates fail.
const CLOCK_SECONDS: i64 = 30;

/// One check.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, check: &'static str, detail: impl Into<String>) {
        self.0.push(Finding {
            check,
            ok: true,
            detail: detail.into(),
            next: None,
        });
    }

    fn bad(&mut self, check: &'static str, error: &CliError) {
        let mut detail = error.what.clone();
        for why in &error.why {
            detail.push_str(": ");
            detail.push_str(why.trim());
        }
        self.0.push(Finding {
            check,
            ok: false,
            detail,
            next: error.next.clone(),
        });
    }
}

pub(crate) async fn run(context: &mut Context<'_>) -> Result<Exit> {
    let mut findings = Findings::default();
    let manifest = check_manifest(context, &mut findings);
    check_source(context, &mut findings, manifest);
    if check_credentials(context, &mut findings) {
        check_server(context, &mut findings).await;
    }
    let failed = findings.0.iter().filter(|finding| !finding.ok).count();
    if context.out.json {
        context.out.object(&findings.0)?;
    }
    for finding in &findings.0 {
        let line = format!("{:<12} {}", finding.check, finding.detail);
        if finding.ok {
            context.out.done(line);
        } else {
            context.out.bad(line);
        }
        if let Some(next) = &finding.next {
            context.out.say(format!("  → {next}"));
        }
    }
    Ok(if failed == 0 { Exit::Ok } else { Exit::Failed })
}

/// The manifest, if there is one, is right; `None` if it is wrong.
fn check_manifest(context: &mut Context<'_>, findings: &mut Findings) -> Option<Manifest> {
    let cwd = context.out.host().cwd.clone();
    match target::manifest(&cwd) {
        Ok(Some((path, file))) => {
            let target = Target::with_app(context.out.host(), context.global, file.app().clone());
            match target {
                Ok(target) => {
                    findings.good(
                        "manifest",
                        format!("{}: app {}", path.display(), file.app()),
                    );
                    Some(file.for_environment(&target.env).clone())
                }
                Err(error) => {
                    findings.bad("manifest", &error);
                    None
                }
            }
        }
        Ok(None) => {
            findings.good("manifest", "none here; what detection finds is used");
            AppName::new("app").ok().map(Manifest::bare)
        }
        Err(error) => {
            findings.bad("manifest", &error);
            None
        }
    }
}

/// The folder can be packed, and something in it can be started.
fn check_source(context: &mut Context<'_>, findings: &mut Findings, manifest: Option<Manifest>) {
    let Some(manifest) = manifest else { return };
    if !manifest.needs_source() {
        findings.good("source", "none needed: the manifest names images");
        return;
    }
    let contents = match pack::look(&context.out.host().cwd) {
        Ok(contents) => contents,
        Err(error) => {
            findings.bad("source", &error);
            return;
        }
    };
    let source = Source {
        paths: &contents.paths,
        files: &contents.files,
    };
    match detect(source, &manifest, &Runtimes::default()) {
        Ok(detected) => findings.good(
            "source",
            format!("{} files: {}", contents.paths.len(), detected.summary()),
        ),
        Err(failure) => {
            let error = CliError::new(failure.code.sentence())
                .why(&failure.evidence)
                .next(failure.code.hint());
            findings.bad("source", &error);
        }
    }
}

/// The credentials can be read by their owner only; whether there is anything to go on with.
fn check_credentials(context: &mut Context<'_>, findings: &mut Findings) -> bool {
    let host = context.out.host();
    match Credentials::load(host) {
        Ok(credentials) => {
            let known = credentials.servers.len();
            let token = host.var("SEGUE_TOKEN").is_some();
            findings.good(
                "credentials",
                match (token, known) {
                    (true, _) => "SEGUE_TOKEN is set".to_owned(),
                    (false, 1) => "1 server".to_owned(),
                    (false, n) => format!("{n} servers"),
                },
            );
            true
        }
        Err(error) => {
            findings.bad("credentials", &error);
            false
        }
    }
}

async fn check_server(context: &mut Context<'_>, findings: &mut Findings) {
    let credentials = Credentials::load(context.out.host()).unwrap_or_default();
    let session = match server(context.out.host(), context.global, &credentials) {
        // The server is looked at even when nobody is signed in to it.
        Ok(Some(base)) => Session::open(context.out.host(), context.global)
            .or_else(|_| Session::new(context.global, base, "none".into(), None)),
        Ok(None) => Session::open(context.out.host(), context.global),
        Err(error) => Err(error),
    };
    let session = match session {
        Ok(session) => session,
        Err(error) => return findings.bad("server", &error),
    };
    let begin = Instant::now();
    let response = match session.ready().await {
        Ok(response) => response,
        Err(error) => return findings.bad("server", &error),
    };
    let took = begin.elapsed().as_millis();
    findings.good(
        "server",
        format!("{} is ready ({took} ms)", session.server()),
    );
    check_clock(findings, &response);
    match session.me().await {
        Ok(me) => findings.good(
            "sign-in",
            format!("{} ({})", me.name, crate::calls::people::team_and_role(&me)),
        ),
        Err(error) => return findings.bad("sign-in", &error),
    }
    let target = match Target::of(context.out.host(), context.global) {
        Ok(target) => target,
        Err(error) => return findings.bad("app", &error),
    };
    let place = match Place::new(&session, target).await {
        Ok(place) => place,
        Err(error) => return findings.bad("app", &error),
    };
    match session.app_maybe(&place).await {
        Ok(Some(_)) => findings.good("app", format!("{} exists", place.app)),
        Ok(None) => findings.good(
            "app",
            format!("{} does not exist yet; segue up makes it", place.app),
        ),
        Err(error) => findings.bad("app", &error),
    }
}

fn check_clock(findings: &mut Findings, response: &reqwest::Response) {
    let date = response
        .headers()
        .get(reqwest::header::DATE)
        .and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok()) else {
        return;
    };
    let off = super::now() - theirs.timestamp();
    if off.abs() <= CLOCK_SECONDS {
        findings.good("clock", format!("{} s apart from the server's", off.abs()));
    } else {
        let error = CliError::new(format!("{} s apart from the server's", off.abs()))
            .next("set this machine's clock (timedatectl set-ntp true), or the server's");
        findings.bad("clock", &error);
    }
}
