//! `segue admin`: what an operator does on the server itself, with the database and no API.
//!
//! Each order prints one thing to standard output, for people and scripts to take.

use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use segue_model::access::Scopes;
use segue_model::id::{TeamId, TokenId, UserId};
use segue_model::name::TeamName;
use segue_store::{Actor, AuditVerdict, NewToken, Role, Store, StoreError, TeamContext, fresh_id};

use super::database;
use crate::config::Settings;
use crate::keys::Start;
use crate::token;

/// Tokens made here end after this.
const TOKEN_LIFE: Duration = Duration::from_secs(90 * 86_400);

/// A fresh set-up link; older ones end.
///
/// # Errors
/// Somebody is set up already, or the database is away.
pub(crate) fn setup_link_new(settings: &Settings) -> anyhow::Result<String> {
    with_store(settings, async |store| {
        segue_api::setup_link(&store, &settings.public_url())
            .await?
            .context("this installation has an owner already")
    })
}

/// A deploy token of the team of that name. The team is made if nobody has it; its owner is then
/// an account without a password, in which nobody can sign in.
///
/// # Errors
/// The name is none, somebody else's team has it, or the database is away.
pub(crate) fn team_token(settings: &Settings, team: &str) -> anyhow::Result<String> {
    let team = TeamName::new(team).context("team")?;
    with_store(settings, async |store| {
        let (owner, id) = ensure_team(&store, &team).await?;
        let (text, hash) = token::generate()?;
        let new = NewToken {
            id: TokenId::from_uuid(fresh_id()),
            name: "made on the server".to_owned(),
            prefix: token::shown_prefix(&hash),
            hash,
            role: Role::Deployer,
            scopes: Scopes::full().0.iter().map(ToString::to_string).collect(),
            app: None,
            address_ranges: Vec::new(),
            expires_at: Timestamp::now().checked_add(SignedDuration::try_from(TOKEN_LIFE)?)?,
            created_by: owner,
        };
        let context = TeamContext::new(id, Actor::System("admin"));
        store.team(&context).token_create(&new, None).await?;
        Ok(text)
    })
}

async fn ensure_team(store: &Store, name: &TeamName) -> anyhow::Result<(UserId, TeamId)> {
    let auth = store.auth();
    let email = format!("{name}@segue.invalid");
    if let Some((user, _)) = auth.user_by_email(&email).await? {
        let membership = auth
            .memberships(user.id)
            .await?
            .into_iter()
            .find(|one| one.team_name == *name);
        let membership = membership.with_context(|| format!("the team {name} is gone"))?;
        return Ok((user.id, membership.team));
    }
    let platform = store.platform(operator());
    let owner = platform.user_create(&email, "Server", None, false).await?;
    let team = platform.team_create(name, owner).await?;
    Ok((owner, team))
}

/// Makes a new key for access tokens; every server learns of it.
///
/// # Errors
/// The database is away.
pub(crate) fn rotate_keys(settings: &Settings, at_once: bool) -> anyhow::Result<String> {
    with_store(settings, async |store| {
        let made = segue_api::rotate_signing_keys(&store, &operator(), at_once).await?;
        Ok(format!(
            "key {} signs from {}; older ones verify until {}",
            made.kid, made.signs_from, made.older_until
        ))
    })
}

/// Keeps a person from signing in, or lets them again.
///
/// # Errors
/// Nobody has the address, or the database is away.
pub(crate) fn person_disable(
    settings: &Settings,
    email: &str,
    disabled: bool,
) -> anyhow::Result<String> {
    with_store(settings, async |store| {
        let person = find_person(&store, email).await?;
        store.account(person, operator()).disable(disabled).await?;
        Ok(if disabled {
            format!(
                "{email} is signed out everywhere and cannot sign in; the tokens that they made answer nothing"
            )
        } else {
            format!("{email} can sign in again")
        })
    })
}

/// A one-time link by which a person sets a new password; older ones end.
///
/// # Errors
/// Nobody has the address, the person is disabled, or the database is away.
pub(crate) fn password_reset(settings: &Settings, email: &str) -> anyhow::Result<String> {
    with_store(settings, async |store| {
        let person = find_person(&store, email).await?;
        let at = settings.public_url();
        match segue_api::reset_link(&store, operator(), &at, person).await {
            Err(error) if error.is_conflict_with("reset_above_own_role") => Err(anyhow::anyhow!(
                "{email} is disabled and could not sign in: segue admin enable-person {email}"
            )),
            link => Ok(link?),
        }
    })
}

/// Verifies the installation's own audit log and that of every team; one line for each.
///
/// # Errors
/// One of them is broken, or the database is away.
pub(crate) fn audit_verify(settings: &Settings) -> anyhow::Result<String> {
    with_store(settings, async |store| {
        let (mut lines, mut broken) = (Vec::new(), 0);
        for (team, name) in store.system().audit_chains().await? {
            let context = TeamContext::new(team, Actor::System("admin"));
            let found = match store.team(&context).audit_verify(None).await? {
                AuditVerdict::Whole {
                    records,
                    checkpoints,
                    ..
                } => format!("whole, {records} records, {checkpoints} signed checkpoints"),
                AuditVerdict::Broken { seq, checkpoint } => {
                    broken += 1;
                    let by = checkpoint.map_or(String::new(), |number| {
                        format!(", as signed checkpoint {number} shows")
                    });
                    format!("BROKEN at record {seq}{by}")
                }
            };
            let name = name.unwrap_or_else(|| "(the installation)".to_owned());
            lines.push(format!("{name}: {found}"));
        }
        let text = lines.join("\n");
        if broken > 0 {
            anyhow::bail!("{text}\n{broken} audit logs are broken");
        }
        Ok(text)
    })
}

async fn find_person(store: &Store, email: &str) -> anyhow::Result<UserId> {
    let found = store.sign_in(None, None).person_by_email(email).await;
    found.map_err(|error| match error {
        StoreError::NotFound => anyhow::anyhow!("nobody has the address {email}"),
        error => error.into(),
    })
}

fn operator() -> TeamContext {
    TeamContext::platform(Actor::System("admin"))
}

fn with_store<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(Store) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = Store::connect(database::store_config(settings, Start::Later)?).await?;
        let result = work(store.clone()).await;
        store.close().await;
        result
    })
}
