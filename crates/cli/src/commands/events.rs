//! `segue events`: what happened, by whom, and why; a page of it, or as it comes.

use reqwest::{Method, Url, header};
use segue_client::{Event, EventPage};

use super::{Context, Place, watching};
use crate::args::Events;
use crate::error::{Exit, Result};
use crate::output::plain;
use crate::session::Session;

pub(crate) async fn run(context: &mut Context<'_>, args: &Events) -> Result<Exit> {
    let (session, url, come_back) = if args.all {
        let session = context.session()?;
        let url = address(&session, None);
        (session, url, "segue events --all -f".to_owned())
    } else {
        let (session, place) = context.quiet_target().await?;
        let ids = ids(&session, &place).await?;
        let url = address(&session, Some(&ids));
        let come_back = format!("segue events -f {}", place.flags());
        (session, url, come_back)
    };
    let cursor = recent(context, &session, &url, args.lines).await?;
    if !args.follow {
        return Ok(Exit::Ok);
    }
    let mut url = url;
    if let Some(cursor) = cursor {
        url.query_pairs_mut().append_pair("cursor", &cursor);
    }
    let followed = watching(context, &come_back, async |context: &mut Context<'_>| {
        let mut stream = session.stream(url);
        loop {
            // The server ends streams when it stops; what happens goes on.
            let Some(frame) = stream.next().await? else {
                continue;
            };
            if frame.event == "event"
                && let Ok(event) = serde_json::from_str::<Event>(&frame.data)
            {
                print(context, &event)?;
            }
        }
    });
    let followed: std::result::Result<(), Exit> = followed.await?;
    Ok(followed.err().unwrap_or(Exit::Ok))
}

/// Ids of an app and its environment: events are asked for by them.
pub(super) struct Ids {
    app: String,
    environment: String,
}

pub(super) async fn ids(session: &Session, place: &Place) -> Result<Ids> {
    Ok(Ids {
        app: session.app_get(place).await?.id,
        environment: session.env_get(place).await?.id,
    })
}

/// The address of events: of the token's team, or of one environment of it.
pub(super) fn address(session: &Session, ids: Option<&Ids>) -> Url {
    let mut url = session.url(&["v1", "events"]);
    {
        let mut query = url.query_pairs_mut();
        if let Some(ids) = ids {
            query.append_pair("app", &ids.app);
            query.append_pair("environment", &ids.environment);
        }
    }
    url
}

/// Prints the last events; answers the place behind them.
async fn recent(
    context: &mut Context<'_>,
    session: &Session,
    url: &Url,
    lines: u32,
) -> Result<Option<String>> {
    if lines == 0 {
        return Ok(None);
    }
    // The newest page is asked for without a cursor; what is older is the dashboard's and the API's.
    let mut url = url.clone();
    url.query_pairs_mut()
        .append_pair("limit", &lines.to_string());
    let request = session
        .request(Method::GET, url)
        .header(header::ACCEPT, "application/json");
    let what = "reading events";
    let response = session.ask(what, request).await?;
    let response = session.check(what, response).await?;
    let page: EventPage = session.json(what, response).await?;
    if page.items.is_empty() {
        context.out.say("nothing has happened yet");
    }
    for event in &page.items {
        print(context, event)?;
    }
    Ok(page.next_cursor)
}

fn print(context: &mut Context<'_>, event: &Event) -> Result<()> {
    if context.out.json {
        return context.out.object(event);
    }
    let at = event.at.format("%Y-%m-%dT%H:%M:%S%.3fZ");
    let message = plain(&event.message);
    let why = match &event.failure {
        Some(failure) if !message.contains(&failure.evidence) => {
            format!(": {}", plain(&failure.evidence))
        }
        _ => String::new(),
    };
    context.out.data(format!(
        "{at} {:<22} {message}{why} ({})",
        event.kind, event.actor
    ))
}
