//! Signing in by token, signing out, and who one is.

use super::Context;
use crate::args::Login;
use crate::calls::people::team_and_role;
use crate::config_files::{Credentials, SignIn};
use crate::error::{CliError, Exit, Result};
use crate::output::line;
use crate::session::{Session, key, server};

/// Where `./dev up` and `segue serve` listen.
const DEFAULT_SERVER: &str = "http://127.0.0.1:3000";

pub(crate) async fn login(context: &mut Context<'_>, args: &Login) -> Result<Exit> {
    let mut credentials = Credentials::load(context.out.host())?;
    let base = match server(context.out.host(), context.global, &credentials)? {
        Some(base) => base,
        None => crate::session::address(DEFAULT_SERVER)?,
    };
    let token = token(context, args, &key(&base))?;
    let session = Session::new(context.global, base.clone(), token.clone(), None)?;
    let me = session.me().await?;
    if let Some(wanted) = context
        .global
        .team
        .as_ref()
        .filter(|wanted| me.team.as_ref() != Some(*wanted))
    {
        return Err(CliError::new(format!("this token is not of team {wanted}"))
            .why(format!("it is of {}", team_and_role(&me)))
            .now("nothing was kept"));
    }
    let server = key(&base);
    credentials.servers.insert(
        server.clone(),
        SignIn {
            token,
            team: me.team.clone(),
        },
    );
    credentials.current = Some(server.clone());
    let path = credentials.save(context.out.host())?;
    context.out.done(format!(
        "signed in to {server} as {} ({})",
        me.name,
        team_and_role(&me)
    ));
    context.out.detail(format!("kept in {}", path.display()));
    Ok(Exit::Ok)
}

/// The token: from the flag, from a person, or from stdin.
fn token(context: &mut Context<'_>, args: &Login, server: &str) -> Result<String> {
    let given = args.token.as_deref().filter(|token| *token != "-");
    let token = match given {
        Some(token) => token.to_owned(),
        None => {
            if context.out.host().stdin_terminal {
                context.out.say(format!(
                    "Token for {server} (make one in the dashboard; end with Enter):"
                ));
            }
            line(context.out.host())?
        }
    };
    let token = token.trim().to_owned();
    if token.is_empty() || token.len() > 4096 || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(
            CliError::usage("that is no token").next("segue login --server URL --token < FILE")
        );
    }
    Ok(token)
}

pub(crate) fn logout(context: &mut Context<'_>) -> Result<Exit> {
    let mut credentials = Credentials::load(context.out.host())?;
    let base = server(context.out.host(), context.global, &credentials)?;
    let Some(server) = base.as_ref().map(key) else {
        context.out.say("nobody was signed in");
        return Ok(Exit::Ok);
    };
    if credentials.servers.remove(&server).is_none() {
        context.out.say(format!("nobody was signed in to {server}"));
        return Ok(Exit::Ok);
    }
    if credentials.current.as_ref() == Some(&server) {
        credentials.current = credentials.servers.keys().next().cloned();
    }
    credentials.save(context.out.host())?;
    context.out.done(format!(
        "signed out of {server}; the token itself lives on until it is revoked"
    ));
    Ok(Exit::Ok)
}

pub(crate) async fn whoami(context: &mut Context<'_>) -> Result<Exit> {
    let session = context.session()?;
    let me = session.me().await?;
    if context.out.json {
        context.out.object(&me)?;
        return Ok(Exit::Ok);
    }
    context.out.data(format!(
        "{} <{}> on {}",
        me.name,
        me.email,
        session.server()
    ))?;
    context.out.data(format!("  {}", team_and_role(&me)))?;
    context
        .out
        .data(format!("  token ends {}", me.expires_at.format("%Y-%m-%d")))?;
    let version = session.version().await?;
    context.out.data(format!(
        "  server {version}, this program {}",
        env!("CARGO_PKG_VERSION")
    ))?;
    Ok(Exit::Ok)
}
