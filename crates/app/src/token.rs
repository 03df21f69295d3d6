//! API tokens made by the operator's commands: the form that the API takes.
//!
//! `segue_`, 64 hexadecimal digits of random bytes, and 8 of a checksum over them. Only the
//! SHA-256 of the whole is kept.

use sha2::{Digest as _, Sha256};

use crate::crypto;

const PREFIX: &str = "segue_";
const CHECK_DIGITS: usize = 8;

/// A fresh token: what its owner gets, once, and what is kept.
///
/// # Errors
/// There are no random bytes.
pub(crate) fn generate() -> anyhow::Result<(String, [u8; 32])> {
    let mut bytes = [0; 32];
    crypto::random(&mut bytes)?;
    let random = hex::encode(bytes);
    let digest = Sha256::digest(format!("segue token check\0{random}"));
    let check: String = hex::encode(digest).chars().take(CHECK_DIGITS).collect();
    let text = format!("{PREFIX}{random}{check}");
    let hash = Sha256::digest(&text).into();
    Ok((text, hash))
}

/// What lists show of a token: enough to tell it from others, nothing of its secret.
pub(crate) fn shown_prefix(hash: &[u8; 32]) -> String {
    let short: String = hex::encode(hash).chars().take(CHECK_DIGITS).collect();
    format!("{PREFIX}{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_the_form_that_the_api_takes_and_differ() {
        let (one, hash) = generate().unwrap();
        assert_eq!(one.len(), PREFIX.len() + 64 + CHECK_DIGITS);
        assert!(one.starts_with(PREFIX));
        assert_ne!(generate().unwrap().0, one);
        assert!(!one.contains(shown_prefix(&hash).trim_start_matches(PREFIX)));
    }
}
