//! `segue open`: the address of an app, and a browser at it where there is one.

use super::Context;
use crate::args::Open;
use crate::error::{CliError, Exit, Result};

pub(crate) async fn run(context: &mut Context<'_>, args: &Open) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let env = session.env_get(&place).await?;
    let Some(url) = env.urls.first() else {
        return Err(CliError::new(format!("{} has no address", place.short()))
            .why("no service of kind web has been deployed")
            .next(format!("segue up {}", place.flags())));
    };
    if context.out.json {
        context
            .out
            .object(&serde_json::json!({ "url": url, "urls": env.urls }))?;
    } else {
        context.out.data(url)?;
    }
    if env.serving.is_none() {
        context
            .out
            .warn("nothing is deployed there yet: it answers 503");
    }
    // A script that asks for the address does not want a window.
    if args.print || !context.out.host().stderr_terminal {
        return Ok(Exit::Ok);
    }
    show(context, url);
    Ok(Exit::Ok)
}

/// Opens a page where that is possible; the address was printed in any case.
pub(crate) fn show(context: &mut Context<'_>, url: &str) {
    let browser = context.out.host().browser;
    match browser(url) {
        Ok(()) => context.out.detail("opened in the browser"),
        Err(error) => context
            .out
            .detail(format!("no browser could be opened: {error}")),
    }
}
