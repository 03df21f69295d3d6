//! What to type next where the server cannot know it: a name that was mistyped, a list that shows what there is, the
//! way round a lock.
//!
//! Runs only after a failure, and asks at most two lists. Must not: tell what is missing from what is another team's,
//! or change anything.

use super::{Context, Place};
use crate::args::{Command, Envs, Freezes};
use crate::calls::NOT_FOUND;
use crate::error::CliError;

/// The code of a deployment that a lock or a freeze window holds.
const HELD: &str = "deploys_held";
/// Letters that say which name is meant, if only one begins with them.
const BEGIN: usize = 3;
/// Names that an error lists at most.
const NAMED: usize = 5;

/// A failure with the next step that this command line knows of.
pub(super) async fn add(context: &mut Context<'_>, command: &Command, error: CliError) -> CliError {
    let place = context.place.clone();
    let team = context.team.clone();
    match (error.code.as_deref(), place, team) {
        (Some(HELD), Some(place), _) => held(command, &place, error),
        (Some(NOT_FOUND), Some(place), _) => {
            absent(context, &place, of_whole_app(command), error).await
        }
        // What is named and missing has said where to look; so that it is the team itself.
        (Some(NOT_FOUND), None, Some(team)) if error.next.is_none() => no_team(error, &team),
        (Some(NOT_FOUND), None, None) if error.next.is_none() => error
            .next("the server may be older than this program: segue whoami shows both versions"),
        _ => error,
    }
}

fn no_team(error: CliError, team: &str) -> CliError {
    let error = instead(error, format!("there is no team {team}"));
    error
        .why("or you are not a member of it")
        .next("segue teams list")
}

/// Who holds a deployment, and how it goes on all the same.
fn held(command: &Command, place: &Place, error: CliError) -> CliError {
    let flags = place.flags();
    let look = format!("segue locks {flags}");
    error.next(match command {
        Command::Up(_) | Command::Redeploy(_) => {
            format!("{look} tells until when; an admin deploys all the same with --override")
        }
        Command::Apply(_) => format!(
            "{look} tells until when; an admin rolls it out all the same: segue redeploy --override {flags}"
        ),
        _ => format!(
            "{look} tells until when; to end it: segue unlock {flags}, or segue freezes remove"
        ),
    })
}

/// Which part of a place is not there: its team, its app or its environment. If all are, the thing itself is missing.
async fn absent(
    context: &mut Context<'_>,
    place: &Place,
    whole_app: bool,
    error: CliError,
) -> CliError {
    let Ok(session) = context.session() else {
        return error;
    };
    let (team, app) = (&place.team, &place.app);
    let apps = match session.app_list(team).await {
        Ok(apps) => apps,
        Err(of_team) if of_team.code.as_deref() == Some(NOT_FOUND) => {
            return no_team(error, team);
        }
        Err(_) => return error,
    };
    let names: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
    if !names.contains(&app.as_str()) {
        let mut error = instead(error, format!("there is no app {team}/{app}"));
        error.next = Some(format!("segue apps list -t {team}"));
        return told(error, app, &names, &format!("team {team}"), "apps");
    }
    if whole_app {
        return error;
    }
    let Ok(envs) = session.env_list(place).await else {
        return error;
    };
    let names: Vec<&str> = envs.iter().map(|env| env.name.as_str()).collect();
    if !names.contains(&place.env.as_str()) {
        let mut error = instead(error, format!("there is no {}", place.short()));
        error.next = Some(format!("segue envs list -a {app}"));
        return told(error, &place.env, &names, app, "environments");
    }
    if error.next.is_none() {
        return error.next(format!("segue status {}", place.flags()));
    }
    error
}

/// The same failure of something else than the server named.
fn instead(mut error: CliError, what: String) -> CliError {
    error.what = what;
    error.why.clear();
    error
}

/// What there is in place of a name: the one that was probably meant, else the first few.
fn told(error: CliError, wanted: &str, names: &[&str], of: &str, kind: &str) -> CliError {
    let hidden = "or this sign-in may not see it";
    if let Some(near) = nearest(wanted, names) {
        return error.why(format!("did you mean {near}?")).why(hidden);
    }
    let error = error.why(hidden);
    match names {
        [] => error.why(format!("{of} has no {kind} yet")),
        names => {
            let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>();
            let more = match names.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            error.why(format!("{of} has {}{more}", shown.join(", ")))
        }
    }
}

/// The name nearest to what was written, if it is near enough to be meant.
pub(super) fn nearest<'n>(wanted: &str, names: &[&'n str]) -> Option<&'n str> {
    let wanted = wanted.to_lowercase();
    let begins = |name: &&&str| wanted.len() >= BEGIN && name.starts_with(&wanted);
    let mut begun = names.iter().filter(begins);
    if let (Some(name), None) = (begun.next(), begun.next()) {
        return Some(name);
    }
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted, name), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, name)| name)
}

/// Whether a command is about all environments of an app, or about one that is not there yet.
fn of_whole_app(command: &Command) -> bool {
    match command {
        Command::Apps { .. }
        | Command::Hooks { .. }
        | Command::Previews { .. }
        | Command::Locks
        | Command::Webhooks { .. }
        | Command::Tokens { .. } => true,
        Command::Envs { verb } => {
            matches!(
                verb,
                None | Some(Envs::List | Envs::Create(_) | Envs::Clone { .. })
            )
        }
        Command::Freezes { verb } => {
            !matches!(verb, Some(Freezes::Create(window)) if !window.whole_app)
        }
        Command::Lock(lock) => lock.whole_app,
        Command::Unlock(unlock) => unlock.whole_app,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_name_is_meant_only_if_it_is_near() {
        let names = ["production", "staging", "pr-12"];
        assert_eq!(nearest("prodution", &names), Some("production"));
        assert_eq!(nearest("Staging", &names), Some("staging"));
        assert_eq!(nearest("pr-21", &names), Some("pr-12"));
        assert_eq!(nearest("prod", &names), Some("production"));
        assert_eq!(nearest("pr", &names), None);
        assert_eq!(nearest("qa", &names), None);
        assert_eq!(nearest("qa", &[]), None);
    }
}
