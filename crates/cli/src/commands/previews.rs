//! Previews: environments that pushes of branches make.

use segue_client::Environment;
use serde_json::json;

use super::apps::present;
use super::{Context, now};
use crate::args::Previews;
use crate::error::{Exit, Result};

pub(crate) async fn run(context: &mut Context<'_>, args: &Previews) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    match args {
        Previews::List => {
            let mut previews = session.env_list(&place).await?;
            previews.retain(|env| env.kind.to_string() == "preview");
            context.out.table(
                &previews,
                &["ENVIRONMENT", "BRANCH", "SERVES", "LIVES", "URL"],
                |env| {
                    vec![
                        env.name.clone(),
                        env.branch.clone().unwrap_or_else(|| "-".to_owned()),
                        env.serving
                            .map_or_else(|| "-".to_owned(), |version| format!("v{version}")),
                        lives(env),
                        env.urls.first().cloned().unwrap_or_default(),
                    ]
                },
            )?;
            if previews.is_empty() {
                context
                    .out
                    .say("no previews; how they are made: segue previews show");
            }
        }
        Previews::Show => {
            let app = session.app_get(&place).await?;
            if context.out.json {
                context.out.object(&app.previews)?;
                return Ok(Exit::Ok);
            }
            match app.previews.filter(|previews| previews.enabled) {
                None => context
                    .out
                    .say("pushes of other branches make no environments: segue previews on"),
                Some(previews) => context.out.fields(&[
                    ("made after", previews.from.unwrap_or_default()),
                    ("live", previews.ttl.map(hours).unwrap_or_default()),
                    ("secrets", previews.secrets.unwrap_or_default().join(", ")),
                    (
                        "at most",
                        previews.limit.map(|n| n.to_string()).unwrap_or_default(),
                    ),
                ])?,
            }
        }
        Previews::On {
            from,
            ttl,
            secrets,
            limit,
        } => {
            context.out.say(format!("→ {}", place.whole_app()));
            let app = session.app_get(&place).await?;
            if let Some(from) = from {
                present(&session, &place, from).await?;
            }
            // The setting is replaced as a whole: what is not said now is sent as it is.
            let mut wanted = app.previews.unwrap_or_default();
            wanted.enabled = true;
            if let Some(from) = from {
                wanted.from = Some(from.clone());
            }
            if let Some(ttl) = ttl {
                wanted.ttl = Some(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
            }
            if !secrets.is_empty() {
                wanted.secrets = Some(secrets.clone());
            }
            if limit.is_some() {
                wanted.limit = *limit;
            }
            let body = json!({ "previews": wanted });
            session.app_change(&place, app.generation, &body).await?;
            context
                .out
                .done("a push of another branch makes an environment of its own now");
        }
        Previews::Off => {
            context.out.say(format!("→ {}", place.whole_app()));
            let app = session.app_get(&place).await?;
            // How they were made is kept, for the day somebody wants them again.
            if let Some(mut previews) = app.previews {
                previews.enabled = false;
                let body = json!({ "previews": previews });
                session.app_change(&place, app.generation, &body).await?;
            }
            context
                .out
                .done("pushes of other branches make no environments any more; those there stay");
        }
    }
    Ok(Exit::Ok)
}

/// How long an environment lives.
pub(super) fn lives(env: &Environment) -> String {
    env.expires_at.map_or_else(
        || "until removed".to_owned(),
        |end| {
            let left = end.timestamp() - now();
            if left > 0 {
                format!("{} more", hours(left))
            } else {
                "is being removed".to_owned()
            }
        },
    )
}

fn hours(seconds: i64) -> String {
    match seconds {
        ..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
