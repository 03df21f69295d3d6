//! Signing in by the browser or by token, signing out, and who one is.

use segue_client::Me;

use super::{Context, device};
use crate::args::Login;
use crate::calls::people::team_and_role;
use crate::config_files::{Credentials, SignIn};
use crate::error::{CliError, Exit, Result};
use crate::output::line;
use crate::session::{Session, key, server};

/// Where `./dev up` and `segue serve` listen.
const DEFAULT_SERVER: &str = "http://127.0.0.1:3000";

pub(crate) async fn login(context: &mut Context<'_>, args: &Login) -> Result<Exit> {
    let credentials = Credentials::load(context.out.host())?;
    let base = match server(context.out.host(), context.global, &credentials)? {
        Some(base) => base,
        None => crate::session::address(DEFAULT_SERVER)?,
    };
    let mut made = false;
    let token = if args.token.is_some() {
        token(context, args, &key(&base))?
    } else {
        let session = Session::anonymous(context.global, base.clone())?;
        match device::sign_in(context, &session).await? {
            Some(signed_in) => {
                made = true;
                signed_in.token
            }
            // An older server has tokens only.
            None => token(context, args, &key(&base))?,
        }
    };
    let session = Session::new(context.global, base.clone(), token.clone(), None)?;
    let me = session.me().await?;
    let wanted = context.global.team.as_deref();
    if let Some(wanted) = wanted.filter(|wanted| me.team.as_deref() != Some(*wanted)) {
        return Err(CliError::new(format!("this token is not of team {wanted}"))
            .why(format!("it is of {}", team_and_role(&me)))
            .now("nothing was kept")
            .next(format!(
                "segue login --server {} --team {wanted}, without --token",
                key(&base)
            )));
    }
    keep(context, credentials, &base, token, made, &me)
}

/// Keeps a sign-in. A token for another team of the same server stays in the drawer.
fn keep(
    context: &mut Context<'_>,
    mut credentials: Credentials,
    base: &reqwest::Url,
    token: String,
    made: bool,
    me: &Me,
) -> Result<Exit> {
    let server = key(base);
    let mut others = std::collections::BTreeMap::new();
    if let Some(before) = credentials.servers.remove(&server) {
        others = before.others;
        if let Some(team) = before.team {
            others.insert(team, before.token);
        }
    }
    if let Some(team) = &me.team {
        others.remove(team);
    }
    let sign_in = SignIn {
        token,
        team: me.team.clone(),
        made,
        others,
    };
    credentials.servers.insert(server.clone(), sign_in);
    credentials.current = Some(server.clone());
    let path = credentials.save(context.out.host())?;
    context.out.done(format!(
        "signed in to {server} as {} ({})",
        me.name,
        team_and_role(me)
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
        return Err(CliError::usage(if token.is_empty() {
            "the token is empty"
        } else {
            "that is no token"
        })
        .why("a token is one line of letters, digits and signs")
        .now("nothing was kept")
        .next(format!("segue login --server {server} --token < FILE")));
    }
    Ok(token)
}

pub(crate) async fn logout(context: &mut Context<'_>) -> Result<Exit> {
    let mut credentials = Credentials::load(context.out.host())?;
    let base = server(context.out.host(), context.global, &credentials)?;
    let Some(base) = base else {
        context.out.say("nobody was signed in");
        return Ok(Exit::Ok);
    };
    let server = key(&base);
    let Some(kept) = credentials.servers.remove(&server) else {
        context.out.say(format!("nobody was signed in to {server}"));
        return Ok(Exit::Ok);
    };
    // The server is told first: a token that is forgotten here and good there would be nobody's.
    let ended = if kept.made {
        end(context, &base, &kept.token).await
    } else {
        Ok(false)
    };
    if credentials.current.as_ref() == Some(&server) {
        credentials.current = credentials.servers.keys().next().cloned();
    }
    credentials.save(context.out.host())?;
    match ended {
        Ok(true) => context.out.done(format!(
            "signed out of {server}; the token is good for nothing any more"
        )),
        Ok(false) => context.out.done(format!(
            "signed out of {server}; the token itself lives on until it is revoked"
        )),
        Err(error) => {
            context
                .out
                .done(format!("signed out of {server} on this machine"));
            context.out.warn(format!(
                "the token could not be ended ({}): segue tokens revoke, from elsewhere",
                error.what
            ));
        }
    }
    Ok(Exit::Ok)
}

/// Ends the token itself. One that the server does not know any more has ended already.
async fn end(context: &mut Context<'_>, base: &reqwest::Url, token: &str) -> Result<bool> {
    let session = Session::new(context.global, base.clone(), token.to_owned(), None)?;
    let me = match session.me().await {
        Ok(me) => me,
        Err(error) if error.exit == Exit::SignedOut => return Ok(true),
        Err(error) => return Err(error),
    };
    match me.token_id {
        Some(id) => session.token_delete(&id).await.map(|()| true),
        None => Ok(false),
    }
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
