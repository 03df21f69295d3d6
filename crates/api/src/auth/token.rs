//! API tokens: a prefix, 256 random bits, a checksum. Only the SHA-256 is kept.
//!
//! The checksum lets a scanner or a typo be recognised without a look-up; it adds no secrecy.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Every API token begins with this.
pub(crate) const PREFIX: &str = "segue_";

/// Refresh tokens are no API tokens, and their form says so.
pub(crate) const REFRESH: &str = "segue_refresh_";

/// Links for new passwords.
pub(crate) const RESET: &str = "segue_reset_";

/// Codes of devices that sign in.
pub(crate) const DEVICE: &str = "segue_device_";

const RANDOM_HEX: usize = 64;
const CHECK_HEX: usize = 8;

/// The form in which a token is kept.
pub(crate) type TokenHash = [u8; 32];

/// Makes a new API token: what its owner gets, once, and what is kept.
pub(crate) fn generate() -> (SecretString, TokenHash) {
    generate_as(PREFIX)
}

/// Makes a new secret of another kind.
pub(crate) fn generate_as(prefix: &str) -> (SecretString, TokenHash) {
    let random = hex::encode(rand::random::<[u8; 32]>());
    let text = format!("{prefix}{random}{}", checksum(&random));
    let hash = hash(&text);
    (SecretString::from(text), hash)
}

/// The hash of a well-formed API token; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<TokenHash> {
    parse_as(PREFIX, text)
}

/// The hash of a well-formed secret of another kind.
pub(crate) fn parse_as(prefix: &str, text: &str) -> Option<TokenHash> {
    let rest = text.strip_prefix(prefix)?;
    if rest.len() != RANDOM_HEX + CHECK_HEX
        || !rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    let (random, check) = rest.split_at_checked(RANDOM_HEX)?;
    (checksum(random) == check).then(|| hash(text))
}

/// Shows a fresh token to its owner, once.
pub(crate) fn reveal(token: &SecretString) -> String {
    token.expose_secret().to_owned()
}

fn checksum(random: &str) -> String {
    let digest = Sha256::digest(format!("segue token check\0{random}"));
    hex::encode(digest).chars().take(CHECK_HEX).collect()
}

fn hash(text: &str) -> TokenHash {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_tokens_parse_and_damaged_ones_do_not() {
        let (token, kept) = generate();
        let text = reveal(&token);
        assert_eq!(parse(&text), Some(kept));
        assert_eq!(text.len(), PREFIX.len() + 72);
        let mut flipped = text.clone().into_bytes();
        flipped[10] = if flipped[10] == b'0' { b'1' } else { b'0' };
        let flipped = String::from_utf8(flipped).unwrap();
        for bad in [
            "",
            "segue_",
            &text[1..],
            &text[..77],
            &format!("{text}0"),
            &text.to_uppercase(),
            &flipped,
            &format!(" {text}"),
            &format!("segue_{}é", "0".repeat(70)),
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_ne!(generate().1, kept);
        // One kind is not taken for another.
        let (refresh, kept) = generate_as(REFRESH);
        let text = reveal(&refresh);
        assert_eq!(parse_as(REFRESH, &text), Some(kept));
        assert_eq!((parse(&text), parse_as(DEVICE, &text)), (None, None));
        assert_eq!(parse_as(RESET, &text), None);
    }
}
