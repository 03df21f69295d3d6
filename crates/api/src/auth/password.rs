//! Passwords: argon2id, off the async threads, at most [`PARALLEL`] at a time.

use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::problem::{Problem, ProblemCode};

/// Characters of the shortest password.
pub(crate) const MIN_CHARS: usize = 10;

/// Bytes of the longest password: hashing more would only cost time.
pub(crate) const MAX_BYTES: usize = 256;

/// Each hash takes 19 MiB and a core for tens of milliseconds.
const PARALLEL: usize = 2;

/// Whoever waits longer for a slot is sent away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hash of a password that nobody knows: what is checked for people who do not exist, so that they cost as much time
/// as others.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$BbBMPT7tqLSodcs8cEZzKQ$L23u1q4UQ19PKfRTRH+BSpk8pNV4yHMUvPWf89YqiXM";

static SLOTS: Semaphore = Semaphore::const_new(PARALLEL);

/// Checks the form of a new password.
pub(crate) fn check_form(password: &SecretString, pointer: &str) -> Result<(), Problem> {
    let text = password.expose_secret();
    if text.chars().count() < MIN_CHARS || text.len() > MAX_BYTES {
        return Err(Problem::invalid(
            pointer,
            format!("a password has at least {MIN_CHARS} characters and at most {MAX_BYTES} bytes"),
        ));
    }
    Ok(())
}

/// Checks that a password that is only compared is not longer than any that was set.
pub(crate) fn check_length(password: &SecretString, pointer: &str) -> Result<(), Problem> {
    if password.expose_secret().len() > MAX_BYTES {
        return Err(Problem::invalid(
            pointer,
            format!("a password has at most {MAX_BYTES} bytes"),
        ));
    }
    Ok(())
}

/// Hashes a password into PHC text.
pub(crate) async fn hash(password: SecretString) -> Result<String, Problem> {
    run(move || {
        Argon2::default()
            .hash_password(password.expose_secret().as_bytes())
            .map(|hash| hash.to_string())
            .ok()
    })
    .await?
    .ok_or_else(|| Problem::new(ProblemCode::Internal, "the password could not be hashed"))
}

/// Whether the password is the one of this hash. Without a hash the answer is no, after the same time.
pub(crate) async fn verify(password: SecretString, phc: Option<String>) -> Result<bool, Problem> {
    run(move || {
        let known = phc.is_some();
        let text = phc.as_deref().unwrap_or(NOBODY);
        let right = PasswordHash::new(text).is_ok_and(|parsed| {
            Argon2::default()
                .verify_password(password.expose_secret().as_bytes(), &parsed)
                .is_ok()
        });
        right && known
    })
    .await
}

async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let busy = || {
        Problem::new(
            ProblemCode::RateLimited,
            "too many passwords are being checked at the moment",
        )
        .hint("try again in a moment")
        .retry_after(PATIENCE.as_secs())
    };
    let slot = tokio::time::timeout(PATIENCE, SLOTS.acquire()).await;
    let slot = slot.map_err(|_| busy())?.map_err(|_| busy())?;
    // The slot belongs to the work: whoever hangs up does not make room for more of it.
    let held = move || {
        let done = work();
        drop(slot);
        done
    };
    tokio::task::spawn_blocking(held)
        .await
        .map_err(|error| Problem::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_are_argon2id_and_verify() {
        let password = || SecretString::from("correct horse");
        let phc = hash(password()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let right = verify(password(), Some(phc.clone())).await.unwrap();
        let wrong = verify(SecretString::from("wrong horse"), Some(phc))
            .await
            .unwrap();
        let nobody = verify(password(), None).await.unwrap();
        assert_eq!((right, wrong, nobody), (true, false, false));
        assert!(check_form(&SecretString::from("short"), "/password").is_err());
        assert!(check_form(&SecretString::from("x".repeat(257)), "/password").is_err());
    }

    #[tokio::test]
    async fn nobody_costs_as_much_as_somebody() {
        let phc = hash(SecretString::from("correct horse")).await.unwrap();
        let costs = |text: &str| {
            let parsed = PasswordHash::new(text).unwrap();
            let length = parsed.hash.unwrap().as_bytes().len();
            (
                parsed.algorithm.to_string(),
                parsed.version,
                parsed.params.to_string(),
                length,
            )
        };
        assert_eq!(costs(NOBODY), costs(&phc));
    }
}
