//! API tokens, one's own and the team's for deploying: listed, made, ended.

use segue_client::{TeamTokenCreate, Token, TokenCreate as Body};

use super::{Context, Place, idempotency_key, now, teams::of_team};
use crate::args::{TokenCreate, Tokens};
use crate::error::{Exit, Result};
use crate::output::ago;
use crate::target::Target;

/// Days of a deploy token for which no end was said.
const DEPLOY_DAYS: i32 = 90;

pub(crate) async fn run(context: &mut Context<'_>, args: &Tokens) -> Result<Exit> {
    match args {
        Tokens::List { deploy: false } => {
            let tokens = context.session()?.token_list().await?;
            table(context, &tokens)?;
        }
        Tokens::List { deploy: true } => {
            let (session, team) = of_team(context).await?;
            let tokens = session.team_token_list(&team).await?;
            table(context, &tokens)?;
        }
        Tokens::Create(args) => create(context, args).await?,
        Tokens::Revoke { token, deploy } => {
            let (session, team) = of_team(context).await?;
            let found = if *deploy {
                let tokens = session.team_token_list(&team).await?;
                session.token_among(tokens, token)?
            } else {
                session.token_find(token).await?
            };
            context
                .out
                .say(format!("→ token {} ({}…)", found.name, found.prefix));
            if *deploy {
                session.team_token_delete(&team, &found.id).await?;
            } else {
                session.token_delete(&found.id).await?;
            }
            context
                .out
                .done(format!("token {} is good for nothing any more", found.name));
        }
    }
    Ok(Exit::Ok)
}

async fn create(context: &mut Context<'_>, args: &TokenCreate) -> Result<()> {
    let (session, team) = of_team(context).await?;
    let app = if args.only_app {
        let target = Target::of(context.out.host(), context.global)?;
        let place = context.about(Place::of(team.clone(), target));
        Some(session.app_get(&place).await?)
    } else {
        None
    };
    let reach = match &app {
        Some(app) => format!("{team}/{}", app.name),
        None => format!("team {team}"),
    };
    context.out.say(format!("→ {reach}"));
    let address_ranges = (!args.from.is_empty()).then(|| args.from.clone());
    let app = app.map(|app| app.id);
    let token = if args.deploy {
        let body = TeamTokenCreate {
            name: args.name.clone(),
            role: args.role.clone().unwrap_or_else(|| "deployer".to_owned()),
            scopes: args.scopes.clone(),
            app,
            address_ranges,
            expires_in_days: args.expires.unwrap_or(DEPLOY_DAYS),
        };
        session
            .team_token_create(&team, body, idempotency_key())
            .await?
    } else {
        let body = Body {
            name: args.name.clone(),
            role: args.role.clone(),
            scopes: args.scopes.clone(),
            app,
            address_ranges,
            expires_in_days: args.expires,
        };
        session.token_create(body, idempotency_key()).await?
    };
    told(context, &token)
}

/// A token that was made: its secret is data, and everything about it is talk.
pub(super) fn told(context: &mut Context<'_>, token: &Token) -> Result<()> {
    context.out.done(format!(
        "token {} for {} until {}; it is shown only now",
        token.name,
        token.scopes.join(", "),
        token.expires_at.format("%Y-%m-%d")
    ));
    if context.out.json {
        return context.out.object(token);
    }
    match &token.token {
        Some(secret) => context.out.data(secret),
        None => {
            context.out.warn(
                "this request was repeated: the secret was shown the first time, and is not kept",
            );
            Ok(())
        }
    }
}

pub(super) fn table(context: &mut Context<'_>, tokens: &[Token]) -> Result<()> {
    let now = now();
    context.out.table(
        tokens,
        &[
            "TOKEN", "NAME", "BEGINS", "ROLE", "SCOPES", "ENDS", "USED", "NOTE",
        ],
        |token| {
            vec![
                token.id.clone(),
                token.name.clone(),
                format!("{}…", token.prefix),
                token.role.clone(),
                token.scopes.join(","),
                token.expires_at.format("%Y-%m-%d").to_string(),
                token
                    .used_at
                    .map_or_else(|| "never".to_owned(), |at| ago(now, at.timestamp())),
                note(token),
            ]
        },
    )?;
    if tokens.is_empty() {
        context.out.say("no tokens");
    }
    Ok(())
}

fn note(token: &Token) -> String {
    let mut notes = Vec::new();
    if token.revoked_at.is_some() {
        notes.push("revoked".to_owned());
    }
    if let Some(app) = &token.app {
        notes.push(format!("only {app}"));
    }
    if !token.address_ranges.is_empty() {
        notes.push(format!("from {}", token.address_ranges.join(", ")));
    }
    notes.join("; ")
}
