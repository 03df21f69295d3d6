//! `segue logs`: from the store, so that they are there after the container is gone.

use std::collections::BTreeSet;

use reqwest::Url;
use segue_client::{Deployment, LogLine};

use super::{Context, Place, watching};
use crate::answers::UNREACHABLE;
use crate::args::Logs;
use crate::calls::{NOT_FOUND, failed_in_build};
use crate::error::{CliError, Exit, Result};
use crate::output::plain;
use crate::session::Session;

/// Which lines are shown of those that the server sends.
#[derive(Debug, Default)]
struct Filter {
    /// Only of these instances; `None`: of all.
    instances: Option<BTreeSet<String>>,
}

impl Filter {
    fn shows(&self, line: &LogLine) -> bool {
        match (&self.instances, &line.instance) {
            (None, _) => true,
            (Some(names), Some(name)) => names.contains(name),
            (Some(_), None) => false,
        }
    }
}

pub(crate) async fn run(context: &mut Context<'_>, args: &Logs) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let deployment = match args.deploy {
        Some(number) => Some(session.deployment_get(&place, number).await?),
        None if args.build => session
            .deployment_list(&place)
            .await?
            .into_iter()
            .find(|d| !d.builds.is_empty()),
        None => None,
    };
    // A deployment that failed before anything started has only its build to show.
    let built_only = deployment.as_ref().is_some_and(failed_in_build);
    if args.build || built_only {
        let deployment = deployment.ok_or_else(|| nothing_built(&place))?;
        for build in &deployment.builds {
            let url = url(&session, &place, &["builds", build, "log"], args, None);
            let exit = show(
                context,
                &session,
                &place,
                url,
                args,
                &Filter::default(),
                Some(build),
            )
            .await?;
            if exit != Exit::Ok {
                return Ok(exit);
            }
        }
        return Ok(Exit::Ok);
    }
    let filter = match &deployment {
        Some(deployment) => Filter {
            instances: Some(instances(&session, &place, deployment).await?),
        },
        None => Filter::default(),
    };
    let url = url(&session, &place, &["logs"], args, deployment.as_ref());
    show(context, &session, &place, url, args, &filter, None).await
}

/// Names of the instances that run a deployment's release, those that are gone included.
async fn instances(
    session: &Session,
    place: &Place,
    deployment: &Deployment,
) -> Result<BTreeSet<String>> {
    let all = session.instance_list_all(place).await?;
    let own = all
        .into_iter()
        .filter(|instance| instance.release == deployment.release);
    Ok(own
        .flat_map(|instance| [instance.name, instance.id])
        .collect())
}

fn url(
    session: &Session,
    place: &Place,
    path: &[&str],
    args: &Logs,
    deployment: Option<&Deployment>,
) -> Url {
    let mut url = session.url(&place.path(path));
    let since = args.since.and_then(|since| {
        let since = jiff::SignedDuration::try_from(since).ok()?;
        jiff::Timestamp::now().checked_sub(since).ok()
    });
    let since = since
        .map(|since| since.to_string())
        .or_else(|| Some(deployment?.created_at.to_rfc3339()));
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("tail", &args.lines.to_string());
        if let Some(service) = &args.service {
            query.append_pair("service", service);
        }
        if let Some(text) = &args.grep {
            query.append_pair("contains", text);
        }
        if let Some(since) = since {
            query.append_pair("since", &since);
        }
    }
    url
}

async fn show(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    url: Url,
    args: &Logs,
    filter: &Filter,
    build: Option<&str>,
) -> Result<Exit> {
    let missing = |error: CliError| match (build, error.code.as_deref()) {
        (Some(build), Some(NOT_FOUND)) => Session::no_build(place, build),
        _ => error,
    };
    if !args.follow {
        for line in session.log_page(url).await.map_err(missing)? {
            if filter.shows(&line) {
                print(context, &line)?;
            }
        }
        return Ok(Exit::Ok);
    }
    let come_back = match build {
        Some(build) => format!("segue builds logs {build} -f {}", place.flags()),
        None => format!("segue logs -f {}", place.flags()),
    };
    let followed = watching(context, &come_back, async |context: &mut Context<'_>| {
        let mut stream = session.stream(url);
        loop {
            match stream.next().await.map_err(missing)? {
                Some(frame) if frame.event == "line" => {
                    let line: LogLine = match serde_json::from_str(&frame.data) {
                        Ok(line) => line,
                        Err(_) => continue,
                    };
                    if filter.shows(&line) {
                        print(context, &line)?;
                    }
                }
                Some(_) => {}
                None => {
                    let Some(build) = build else { continue };
                    match session.build_ended(place, build).await {
                        Ok(true) => return Ok(()),
                        Ok(false) => {}
                        // It is being restarted: the stream tries on, and gives up after a while.
                        Err(error) if error.code.as_deref() == Some(UNREACHABLE) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    });
    Ok(followed.await?.err().unwrap_or(Exit::Ok))
}

/// The error where there is no build to show.
pub(super) fn nothing_built(place: &Place) -> CliError {
    CliError::new(format!("nothing was built for {}", place.short()))
        .why("it was never deployed from source, or its builds are older than those that are kept")
        .next(format!("segue deploys list {}", place.flags()))
}

/// A build's log, from its begin.
pub(super) async fn of_build(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    build: &str,
    follow: bool,
) -> Result<Exit> {
    let args = Logs {
        follow,
        lines: 5000,
        since: None,
        service: None,
        deploy: None,
        build: true,
        grep: None,
    };
    let url = url(session, place, &["builds", build, "log"], &args, None);
    let filter = Filter::default();
    show(context, session, place, url, &args, &filter, Some(build)).await
}

fn print(context: &mut Context<'_>, line: &LogLine) -> Result<()> {
    if context.out.json {
        return context.out.object(line);
    }
    let at = line.at.format("%Y-%m-%dT%H:%M:%S%.3fZ");
    let from = line
        .instance
        .as_deref()
        .or(line.service.as_deref())
        .unwrap_or(&line.stream);
    context
        .out
        .data(format!("{at} {from} {}", plain(&line.text)))
}
