//! Passwords: argon2id, off the async threads, at most [`PARALLEL`] at a time.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::problem::{Problem, ProblemCode};

/// Characters of the shortest password.
pub(crate) const MIN_CHARS: usize = 10;

/// Bytes of the longest password: hashing more would only cost time.
pub(crate) const MAX_BYTES: usize = 256;

/// Each hash takes 19 MiB and a core for tens of milliseconds.
const PARALLEL: usize = 2;

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

/// Hashes a password into PHC text.
pub(crate) async fn hash(password: SecretString) -> Result<String, Problem> {
    run(move || {
        Argon2::default()
            .hash_password(password.expose_secret().as_bytes())
            .map(|hash| hash.to_string())
            .ok()
    })
    .await
    .flatten()
    .ok_or_else(|| Problem::new(ProblemCode::Internal, "the password could not be hashed"))
}

async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _slot = SLOTS.acquire().await.ok()?;
    tokio::task::spawn_blocking(work).await.ok()
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier;
    use argon2::password_hash::phc::PasswordHash;

    use super::*;

    fn verify(password: &str, phc: &str) -> bool {
        PasswordHash::new(phc).is_ok_and(|parsed| {
            Argon2::default()
                .verify_password(password.as_bytes(), &parsed)
                .is_ok()
        })
    }

    #[tokio::test]
    async fn hashes_are_argon2id_and_verify() {
        let password = || SecretString::from("correct horse");
        let phc = hash(password()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify("correct horse", &phc) && !verify("wrong horse", &phc));
        assert!(check_form(&SecretString::from("short"), "/password").is_err());
        assert!(check_form(&SecretString::from("x".repeat(257)), "/password").is_err());
    }
}
