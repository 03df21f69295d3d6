//! Environments by branch: what an app says of them, and the one that a pushed branch gets.
//!
//! Invariants: a preview has plain configuration of the environment it is made after, and of that one's secrets only
//! those that an admin allowed by name, because whoever may push a branch runs code with them (decision record:
//! `docs/decisions/0028-previews.md`). An app has a bounded number. A branch has one.

use std::collections::BTreeSet;
use std::time::Duration;

use segue_model::access::Role;
use segue_model::id::EnvironmentId;
use segue_model::name::{ConfigKey, EnvironmentName};
use segue_store::{
    App, CloneSecrets, Done, Environment, EnvironmentKind, EnvironmentOrigin, NewEnvironment,
    StoreError, TeamScope, fresh_id,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::envs::{TTL_MAX, TTL_MIN};
use crate::dto::faults::Faults;
use crate::problem::{Problem, ProblemCode};

/// Time to live where none is said: three days.
const DEFAULT_TTL: u64 = 3 * 24 * 3600;
/// Previews of an app where no number is said.
const DEFAULT_LIMIT: u32 = 10;
/// The most that may be said.
const MOST_PREVIEWS: u32 = 50;
/// Secrets that may be allowed.
const MOST_SECRETS: usize = 100;
/// Characters of a branch that its environment's name takes over; the rest of the name is room for what tells
/// branches apart that look alike.
const BRANCH_CHARS: usize = 24;

/// Environments by branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Previews {
    /// A push of another branch makes an environment and deploys there.
    pub enabled: bool,
    /// The environment that it is made after: specification, plain configuration, scale.
    #[serde(default = "production")]
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub from: String,
    /// Seconds that it lives after the last push, 60 to 31536000.
    #[serde(default = "ttl")]
    #[schema(minimum = 60, maximum = 31_536_000)]
    pub ttl: u64,
    /// Secrets of `from` whose values it gets; no other secret exists in it. Only admins and owners name any.
    #[serde(default)]
    #[schema(
        max_items = 100,
        max_length = 128,
        pattern = "^[A-Za-z_][A-Za-z0-9_]*$"
    )]
    pub secrets: Vec<String>,
    /// How many there may be at a time, 1 to 50.
    #[serde(default = "limit")]
    #[schema(minimum = 1, maximum = 50)]
    pub limit: u32,
}

fn production() -> String {
    "production".to_owned()
}

const fn ttl() -> u64 {
    DEFAULT_TTL
}

const fn limit() -> u32 {
    DEFAULT_LIMIT
}

impl Previews {
    /// What the app says; `None` if nothing.
    pub(crate) fn of(app: &App) -> Option<Self> {
        serde_json::from_value(app.previews.clone()?).ok()
    }

    /// The settings to be kept, if they may be.
    pub(super) fn checked(self, role: Option<Role>) -> Result<serde_json::Value, Problem> {
        let mut faults = Faults::default();
        faults.parse("/previews/from", EnvironmentName::new(self.from.clone()));
        if !(TTL_MIN..=TTL_MAX).contains(&self.ttl) {
            faults.add("/previews/ttl", format!("{TTL_MIN} to {TTL_MAX} seconds"));
        }
        if !(1..=MOST_PREVIEWS).contains(&self.limit) {
            faults.add("/previews/limit", format!("1 to {MOST_PREVIEWS}"));
        }
        if self.secrets.len() > MOST_SECRETS {
            faults.add("/previews/secrets", format!("at most {MOST_SECRETS}"));
        }
        for (index, key) in self.secrets.iter().enumerate() {
            let at = format!("/previews/secrets/{index}");
            faults.parse(&at, ConfigKey::new(key.clone()));
        }
        faults.end(())?;
        // Whoever pushes a branch could read them: that is for those who may give secrets away.
        if !self.secrets.is_empty() && role.is_none_or(|role| role < Role::Admin) {
            return Err(Problem::new(
                ProblemCode::Forbidden,
                "only admins and owners of the team allow secrets to previews: everybody who may push a branch can read them",
            )
            .hint("leave `secrets` empty, or ask an admin of the team"));
        }
        serde_json::to_value(self).map_err(|error| Problem::internal(&error))
    }
}

/// The name of a branch's environment: `preview-` and the branch as a label. Branches that would get the same label
/// are told apart by a hash.
pub(crate) fn name_of(branch: &str) -> Result<EnvironmentName, Problem> {
    let mut label = String::new();
    for c in branch.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            label.push(c);
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
    }
    let label: String = label.chars().take(BRANCH_CHARS).collect();
    let label = label.trim_end_matches('-');
    let name = if label == branch {
        format!("preview-{label}")
    } else {
        let hash: String = hex::encode(Sha256::digest(branch))
            .chars()
            .take(6)
            .collect();
        let dash = if label.is_empty() { "" } else { "-" };
        format!("preview-{label}{dash}{hash}")
    };
    EnvironmentName::new(name).map_err(|error| Problem::internal(&error))
}

/// The environment of a branch: the one that there is, or a new one.
pub(crate) async fn environment(
    scope: &TeamScope,
    app: &App,
    previews: &Previews,
    branch: &str,
) -> Result<Environment, Problem> {
    if let Some(known) = scope.environment_of_branch(app.id, branch).await? {
        return Ok(known);
    }
    let from = EnvironmentName::new(previews.from.clone())
        .map_err(|error| Problem::invalid("/previews/from", error))?;
    let of = match scope.environment_by_name(app.id, &from).await {
        Ok(env) => env,
        Err(StoreError::NotFound) => {
            let detail = format!(
                "{} has no environment {from} that a preview could be made after",
                app.name
            );
            return Err(Problem::new(ProblemCode::Conflict, detail).hint(format!(
                "deploy to {from} first, or name another one in the app's `previews.from`"
            )));
        }
        Err(error) => return Err(error.into()),
    };
    let secrets: BTreeSet<ConfigKey> = previews
        .secrets
        .iter()
        .filter_map(|key| ConfigKey::new(key.clone()).ok())
        .collect();
    let new = NewEnvironment {
        id: EnvironmentId::from_uuid(fresh_id()),
        name: name_of(branch)?,
        kind: EnvironmentKind::Preview,
        protected: false,
        domains: Vec::new(),
    };
    let origin = EnvironmentOrigin {
        of: Some(of.id),
        secrets: Some(CloneSecrets::Values(secrets)),
        branch: Some(branch.to_owned()),
        ttl: Some(Duration::from_secs(previews.ttl)),
        previews_limit: Some(previews.limit),
    };
    match scope
        .environment_create_from(app.id, &new, &origin, None)
        .await
    {
        Ok(Done::Fresh(env)) => Ok(env),
        Err(error) if error.is_conflict_with("previews_full") => {
            let detail = format!(
                "{} has {} previews already, which is as many as it may have",
                app.name, previews.limit
            );
            Err(Problem::new(ProblemCode::Conflict, detail).hint(
                "remove one: git push segue --delete BRANCH, or segue envs destroy; or raise the app's `previews.limit`",
            ))
        }
        Err(error) if error.is_conflict_with("environments_name_taken") => {
            let detail = format!("{} has another environment named {}", app.name, new.name);
            Err(Problem::new(ProblemCode::NameTaken, detail)
                .hint("rename the branch, or remove that environment: segue envs destroy"))
        }
        // Another push of the branch made it at the same moment.
        Err(error) if error.is_conflict_with("environments_branch_taken") => scope
            .environment_of_branch(app.id, branch)
            .await?
            .ok_or_else(|| error.into()),
        Err(error) => Err(error.into()),
        Ok(Done::Replayed(_)) => Err(Problem::not_found()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_has_a_name_of_its_own() {
        let name = |branch| name_of(branch).unwrap().to_string();
        assert_eq!(name("login"), "preview-login");
        let (a, b) = (name("feature/login"), name("feature-login"));
        assert!(
            a.starts_with("preview-feature-login-") && b == "preview-feature-login",
            "{a} {b}"
        );
        assert_ne!(name("Feature/login"), a);
        for odd in ["___", "Ü", "9", "a.b_c/d", "x-", "a--b"] {
            assert!(name(odd).starts_with("preview-"), "{odd}");
        }
        let long = "b".repeat(190);
        assert!(name(&long).len() <= 40);
        assert_ne!(name(&long), name(&format!("{long}c")));
    }

    #[test]
    fn only_admins_allow_secrets() {
        let settings = |secrets: &[&str]| Previews {
            enabled: true,
            from: production(),
            ttl: DEFAULT_TTL,
            secrets: secrets.iter().map(|key| (*key).to_owned()).collect(),
            limit: DEFAULT_LIMIT,
        };
        assert!(settings(&[]).checked(Some(Role::Deployer)).is_ok());
        let refused = settings(&["KEY"])
            .checked(Some(Role::Deployer))
            .unwrap_err();
        assert_eq!(refused.code, ProblemCode::Forbidden);
        assert!(settings(&["KEY"]).checked(Some(Role::Admin)).is_ok());
        assert!(settings(&["not a key"]).checked(Some(Role::Admin)).is_err());
        let mut wrong = settings(&[]);
        wrong.ttl = 59;
        assert!(wrong.checked(Some(Role::Owner)).is_err());
    }
}
