//! `segue config diff`: two environments of an app side by side. Secrets are compared by name and version only; their
//! values are nobody's.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Context, Place, apps::named};
use crate::error::{CliError, Exit, Result};
use crate::session::Session;

/// One difference.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Difference {
    key: String,
    secret: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<String>,
}

/// The variables of an environment: values, and names of secrets.
struct Side {
    values: BTreeMap<String, String>,
    secrets: Vec<String>,
}

pub(super) async fn run(
    context: &mut Context<'_>,
    left: &str,
    right: &str,
    detailed: bool,
) -> Result<Exit> {
    if left == right {
        return Err(CliError::usage("the two environments are the same one"));
    }
    let (session, place) = context.quiet_target().await?;
    let at = |env: &str| -> Result<Place> {
        let mut place = place.clone();
        place.env = named::<segue_model::name::EnvironmentName>(env)?.to_string();
        Ok(place)
    };
    let (left_place, right_place) = (at(left)?, at(right)?);
    let differences = differences(
        &side(&session, &left_place).await?,
        &side(&session, &right_place).await?,
    );
    if context.out.json {
        context.out.object(&differences)?;
    } else {
        for one in &differences {
            context.out.data(line(one, left, right))?;
        }
    }
    if differences.is_empty() {
        context
            .out
            .say(format!("{left} and {right} have the same settings"));
    }
    Ok(if detailed && !differences.is_empty() {
        Exit::Usage
    } else {
        Exit::Ok
    })
}

async fn side(session: &Session, place: &Place) -> Result<Side> {
    let config = session.config_get(place).await?;
    let secrets = session.secret_list(place).await?;
    Ok(Side {
        values: config.values.into_iter().collect(),
        secrets: secrets.into_iter().map(|secret| secret.key).collect(),
    })
}

fn differences(left: &Side, right: &Side) -> Vec<Difference> {
    let mut found = Vec::new();
    let keys: std::collections::BTreeSet<&String> =
        left.values.keys().chain(right.values.keys()).collect();
    for key in keys {
        let (a, b) = (left.values.get(key), right.values.get(key));
        if a != b {
            found.push(Difference {
                key: key.clone(),
                secret: false,
                left: a.cloned(),
                right: b.cloned(),
            });
        }
    }
    let keys: std::collections::BTreeSet<&String> =
        left.secrets.iter().chain(&right.secrets).collect();
    for key in keys {
        let has = |side: &Side| side.secrets.contains(key).then(|| "set".to_owned());
        let (a, b) = (has(left), has(right));
        if a != b {
            found.push(Difference {
                key: key.clone(),
                secret: true,
                left: a,
                right: b,
            });
        }
    }
    found
}

fn line(one: &Difference, left: &str, right: &str) -> String {
    let secret = if one.secret { " (secret)" } else { "" };
    match (&one.left, &one.right) {
        (Some(_), None) => format!("- {}{secret}: only in {left}", one.key),
        (None, _) => format!("+ {}{secret}: only in {right}", one.key),
        (Some(a), Some(b)) => format!("~ {}: {a:?} in {left}, {b:?} in {right}", one.key),
    }
}
