//! `segue config diff`: two environments of an app side by side, as the server compares them. Secrets are compared by
//! name only; their values are nobody's.

use segue_client::EnvironmentComparison;

use super::{Context, Place, apps::named};
use crate::calls::NOT_FOUND;
use crate::error::{CliError, Exit, Result};

/// What the command was asked.
pub(super) struct Asked<'a> {
    pub left: &'a str,
    pub right: &'a str,
    /// Also specification and release.
    pub all: bool,
    pub detailed: bool,
}

pub(super) async fn run(context: &mut Context<'_>, asked: Asked<'_>) -> Result<Exit> {
    let Asked { left, right, .. } = asked;
    if left == right {
        return Err(CliError::usage("the two environments are the same one")
            .now("nothing was compared")
            .next("segue envs list, then segue config diff ONE OTHER"));
    }
    let (session, place) = context.quiet_target().await?;
    let at = |env: &str| -> Result<Place> {
        let mut place = place.clone();
        place.env = named::<segue_model::name::EnvironmentName>(env)?.to_string();
        Ok(place)
    };
    let (from, to) = (at(left)?, at(right)?);
    // Which of the two is missing is told by name.
    let found = match session.compare(&from, &to.env).await {
        Err(error) if error.code.as_deref() == Some(NOT_FOUND) => {
            for place in [from, to] {
                session.env_get(&context.about(place)).await?;
            }
            return Err(error);
        }
        found => found?,
    };
    let lines = settings(&found, left, right);
    let others = others(&found);
    if context.out.json {
        context.out.object(&found)?;
    } else {
        for line in &lines {
            context.out.data(line)?;
        }
        for line in others.iter().filter(|_| asked.all) {
            context.out.data(line)?;
        }
    }
    if lines.is_empty() {
        context
            .out
            .say(format!("{left} and {right} have the same settings"));
    }
    if !asked.all && !others.is_empty() {
        let count = others.len();
        context.out.say(format!(
            "{count} more differences of specification and release: --all shows them"
        ));
    }
    let differ = !lines.is_empty() || (asked.all && !others.is_empty());
    Ok(if asked.detailed && differ {
        Exit::Usage
    } else {
        Exit::Ok
    })
}

fn settings(found: &EnvironmentComparison, left: &str, right: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &found.config {
        lines.push(match (&one.value, &one.other) {
            (Some(_), None) => format!("- {}: only in {left}", one.key),
            (None, _) => format!("+ {}: only in {right}", one.key),
            (Some(a), Some(b)) => format!("~ {}: {a:?} in {left}, {b:?} in {right}", one.key),
        });
    }
    for one in &found.secrets {
        lines.push(match (one.state.as_str(), one.other.as_str()) {
            (_, "none") => format!("- {} (secret): only in {left}", one.key),
            ("none", _) => format!("+ {} (secret): only in {right}", one.key),
            (a, b) => format!("~ {} (secret): {a} in {left}, {b} in {right}", one.key),
        });
    }
    lines
}

/// What differs besides settings.
fn others(found: &EnvironmentComparison) -> Vec<String> {
    let nothing = "-";
    let mut lines: Vec<String> = found
        .spec
        .iter()
        .map(|one| {
            let value = one.value.as_deref().unwrap_or(nothing);
            let other = one.other.as_deref().unwrap_or(nothing);
            format!("~ {}: {value}, {other}", one.pointer)
        })
        .collect();
    let release = &found.release;
    if !release.same_images {
        let name = |version: Option<i64>| {
            version.map_or_else(|| "nothing".to_owned(), |version| format!("v{version}"))
        };
        lines.push(format!(
            "~ images: {} and {} are not the same",
            name(release.version),
            name(release.other)
        ));
    }
    lines
}
