//! Teams: their people, invitations, limits; and which one commands mean.

use segue_client::{InvitationCreate, QuotaFigure, QuotaSet};

use super::{Context, Place, from_stdin, idempotency_key};
use crate::args::{Invitations, Members, Quota, Teams};
use crate::config_files::Credentials;
use crate::error::{CliError, Exit, Result};
use crate::output::bytes;
use crate::session::{Session, key, server};
use crate::target::Target;

pub(crate) async fn run(context: &mut Context<'_>, args: &Teams) -> Result<Exit> {
    match args {
        Teams::List => {
            let session = context.session()?;
            let mine = session.team().await?;
            let teams = session.team_list().await?;
            context.out.table(&teams, &["TEAM", "ROLE", ""], |team| {
                let mark = if team.name == mine { "in use" } else { "" };
                vec![team.name.clone(), team.role.clone(), mark.to_owned()]
            })?;
            Ok(Exit::Ok)
        }
        Teams::Create { name } => create(context, name).await,
        Teams::Rename { name } => rename(context, name).await,
        Teams::Destroy { name } => destroy(context, name).await,
        Teams::Join => join(context).await,
        Teams::Switch { name } => switch(context, name),
        Teams::Members { verb } => members(context, verb.as_ref().unwrap_or(&Members::List)).await,
        Teams::Invite {
            email,
            role,
            only_app,
            only_env,
            expires,
        } => {
            let (session, team) = of_team(context).await?;
            let (app, environment) = reach(context, &team, *only_app, *only_env)?;
            let body = InvitationCreate {
                email: email.clone(),
                role: role.clone(),
                app,
                environment,
                expires_in_days: *expires,
            };
            context.out.say(format!("→ team {team}"));
            let made = session
                .invitation_create(&team, body, idempotency_key())
                .await?;
            context.out.done(format!(
                "{email} may become {role} until {}; the link is shown only now, and good for one use",
                made.expires_at.format("%Y-%m-%d")
            ));
            if context.out.json {
                context.out.object(&made)?;
            } else if let Some(link) = &made.link {
                context.out.data(link)?;
            }
            Ok(Exit::Ok)
        }
        Teams::Invitations { verb } => {
            invitations(context, verb.as_ref().unwrap_or(&Invitations::List)).await
        }
        Teams::Quota { verb } => quota(context, verb.as_ref().unwrap_or(&Quota::Show)).await,
    }
}

pub(super) async fn of_team(context: &mut Context<'_>) -> Result<(Session, String)> {
    let session = context.session()?;
    let team = session.team().await?;
    context.team = Some(team.clone());
    Ok((session, team))
}

/// The app and the environment that a role is for.
fn reach(
    context: &mut Context<'_>,
    team: &str,
    app: bool,
    env: bool,
) -> Result<(Option<String>, Option<String>)> {
    if !app && !env {
        return Ok((None, None));
    }
    let target = Target::of(context.out.host(), context.global)?;
    let place = context.about(Place::of(team.to_owned(), target));
    Ok((Some(place.app), env.then_some(place.env)))
}

async fn create(context: &mut Context<'_>, name: &str) -> Result<Exit> {
    let session = context.session()?;
    let made = session.team_create(name).await?;
    context.out.done(format!("team {} is made", made.name));
    if let Some(token) = &made.token {
        let mut credentials = Credentials::load(context.out.host())?;
        if let Some(kept) = credentials.servers.get_mut(&session.server()) {
            kept.others.insert(made.name.clone(), token.clone());
            credentials.save(context.out.host())?;
            context
                .out
                .say(format!("To use it: segue teams switch {}", made.name));
        }
    }
    if context.out.json {
        let mut shown = made;
        shown.token = None;
        context.out.object(&shown)?;
    }
    Ok(Exit::Ok)
}

/// The team in use gets another name; what is kept here follows it.
async fn rename(context: &mut Context<'_>, name: &str) -> Result<Exit> {
    let (session, team) = of_team(context).await?;
    context.out.say(format!("→ team {team}"));
    let renamed = session.team_rename(&team, name).await?;
    let mut credentials = Credentials::load(context.out.host())?;
    if let Some(kept) = credentials.servers.get_mut(&session.server())
        && kept.team.as_deref() == Some(team.as_str())
    {
        kept.team = Some(renamed.name.clone());
        credentials.save(context.out.host())?;
    }
    context.out.done(format!(
        "team {team} is called {} now; nobody else ever gets the old name",
        renamed.name
    ));
    if context.out.json {
        context.out.object(&renamed)?;
    }
    Ok(Exit::Ok)
}

async fn destroy(context: &mut Context<'_>, name: &str) -> Result<Exit> {
    let (session, team) = of_team(context).await?;
    if team != name {
        return Err(
            CliError::usage(format!("commands mean team {team}, and not {name}"))
                .now("nothing was changed")
                .next(format!("repeat it with -t {name}")),
        );
    }
    let question = format!("This removes team {team} with its tokens and invitations");
    context.out.confirm(context.global.yes, &question, name)?;
    session.team_delete(&team).await?;
    context.out.done(format!("team {team} is removed"));
    Ok(Exit::Ok)
}

/// The link is good for one use by whoever has it, so that it does not stand on the command line.
async fn join(context: &mut Context<'_>) -> Result<Exit> {
    let session = context.session()?;
    let how = "segue teams join < FILE, with the link of the invitation in it";
    let link = from_stdin(context, "invitation's link", how)?;
    let link = link.trim();
    let token = link.rsplit_once('#').map_or(link, |(_, token)| token);
    let joined = session.invitation_accept(token.to_owned()).await?;
    let server = session.server();
    context.out.done(format!(
        "you are {} in team {} now. To use it: segue login --server {server} --team {}",
        joined.role, joined.team, joined.team
    ));
    if context.out.json {
        context.out.object(&joined)?;
    }
    Ok(Exit::Ok)
}

/// A token is for one team: the one of the other team is taken out of the drawer.
fn switch(context: &mut Context<'_>, name: &str) -> Result<Exit> {
    let mut credentials = Credentials::load(context.out.host())?;
    let base = server(context.out.host(), context.global, &credentials)?;
    let server = base.as_ref().map(key).unwrap_or_default();
    let kept = credentials.servers.get_mut(&server).ok_or_else(|| {
        let error = CliError::signed_out("not signed in").now("nothing was changed");
        match &base {
            Some(base) => error
                .why(format!("no sign-in to {} is kept", key(base)))
                .next(format!("segue login --server {} --team {name}", key(base))),
            None => error.why("no server is known: no --server, no SEGUE_SERVER, no sign-in"),
        }
    })?;
    if kept.team.as_deref() == Some(name) {
        context.out.say(format!("team {name} is in use already"));
        return Ok(Exit::Ok);
    }
    if !kept.switch(name) {
        return Err(CliError::new(format!("no sign-in for team {name} is kept"))
            .why("a token is for one team")
            .now("nothing was changed")
            .next(format!("segue login --server {server} --team {name}")));
    }
    credentials.save(context.out.host())?;
    context.out.done(format!("commands mean team {name} now"));
    Ok(Exit::Ok)
}

async fn members(context: &mut Context<'_>, args: &Members) -> Result<Exit> {
    let (session, team) = of_team(context).await?;
    match args {
        Members::List => {
            let members = session.member_list(&team).await?;
            context
                .out
                .table(&members, &["MEMBER", "NAME", "ROLE", "ONLY ON"], |member| {
                    let places: Vec<String> = member
                        .roles
                        .iter()
                        .filter_map(|role| {
                            let app = role.app.as_ref()?;
                            let env = role.environment.as_deref();
                            let env = env.map(|env| format!("/{env}")).unwrap_or_default();
                            Some(format!("{app}{env}: {}", role.role))
                        })
                        .collect();
                    vec![
                        member.email.clone(),
                        member.name.clone(),
                        member.role.clone().unwrap_or_else(|| "-".to_owned()),
                        places.join(", "),
                    ]
                })?;
        }
        Members::Role {
            email,
            role,
            only_app,
            only_env,
        } => {
            let member = session.member_find(&team, email).await?;
            let (app, environment) = reach(context, &team, *only_app, *only_env)?;
            context.out.say(format!("→ team {team}"));
            let wanted = (role != "none").then_some(role.as_str());
            session
                .member_role(&team, &member.user, wanted, app, environment)
                .await?;
            context.out.done(format!("{email}: {role}"));
        }
        Members::Remove { email } => {
            let member = session.member_find(&team, email).await?;
            let question = format!("This takes {email} out of team {team}");
            context.out.confirm(context.global.yes, &question, email)?;
            session.member_remove(&team, &member.user).await?;
            context
                .out
                .done(format!("{email} is not in team {team} any more"));
        }
    }
    Ok(Exit::Ok)
}

async fn invitations(context: &mut Context<'_>, args: &Invitations) -> Result<Exit> {
    let (session, team) = of_team(context).await?;
    match args {
        Invitations::List => {
            let list = session.invitation_list(&team).await?;
            context.out.table(
                &list,
                &["INVITATION", "FOR", "ROLE", "STATE", "ENDS", "BY"],
                |one| {
                    vec![
                        one.id.clone(),
                        one.email.clone(),
                        one.role.clone(),
                        one.state.clone(),
                        one.expires_at.format("%Y-%m-%d").to_string(),
                        one.created_by.clone(),
                    ]
                },
            )?;
            if list.is_empty() {
                context.out.say("nobody is invited");
            }
        }
        Invitations::Revoke { id } => {
            context.out.say(format!("→ team {team}"));
            session.invitation_delete(&team, id).await?;
            context
                .out
                .done(format!("the link of {id} is good for nothing any more"));
        }
    }
    Ok(Exit::Ok)
}

async fn quota(context: &mut Context<'_>, args: &Quota) -> Result<Exit> {
    let (session, team) = of_team(context).await?;
    let view = match args {
        Quota::Show => session.quota_get(&team).await?,
        Quota::Set { apps, cpu, memory } => {
            context.out.say(format!("→ team {team}"));
            let body = QuotaSet {
                apps: *apps,
                cpu_millis: *cpu,
                memory_bytes: *memory,
            };
            let view = session.quota_set(&team, body).await?;
            context.out.done(format!("limits of team {team} are set"));
            view
        }
    };
    if context.out.json {
        context.out.object(&view)?;
        return Ok(Exit::Ok);
    }
    let size = |count: i64| bytes(u64::try_from(count).unwrap_or(0));
    context
        .out
        .data(figure("apps", &view.apps, |n| n.to_string()))?;
    context
        .out
        .data(figure("cpu", &view.cpu_millis, |n| format!("{n}m")))?;
    context
        .out
        .data(figure("memory", &view.memory_bytes, size))?;
    Ok(Exit::Ok)
}

fn figure(name: &str, figure: &QuotaFigure, shown: impl Fn(i64) -> String) -> String {
    let allowed = figure.allowed.map_or_else(
        || "no limit".to_owned(),
        |allowed| format!("of {}", shown(allowed)),
    );
    format!("{name:<8} {} {allowed}", shown(figure.used))
}
