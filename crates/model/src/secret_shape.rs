//! What a setting looks like that should rather be a secret.
//!
//! Owns the rules by which a key and its value are taken for something that not everybody in a team should read. The
//! dashboard has the same rules in its own language; `tests/fixtures/secret_shapes.json` holds both to one answer.
//! Invariants: few false alarms come before finding everything, because a warning that is mostly wrong is not read; a
//! reference (`$NAME`, `<password>`), a path, a number of seconds are no secrets. Must not: keep, log or answer any
//! part of the value.

/// Why a setting looks like a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretShape {
    /// The value is a private key.
    PrivateKey,
    /// The value begins as keys of a well-known service do, or is a signed token.
    KnownKey,
    /// The value is an address, or parameters of a connection, with a password in it.
    PasswordInAddress,
    /// The key is called so.
    Name,
}

impl SecretShape {
    /// The word by which programs know it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PrivateKey => "private_key",
            Self::KnownKey => "known_key",
            Self::PasswordInAddress => "password_in_address",
            Self::Name => "name",
        }
    }

    /// The reason in words, to stand behind "looks like a secret".
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::PrivateKey => "its value is a private key",
            Self::KnownKey => "its value begins like a key of a known service",
            Self::PasswordInAddress => "its address holds a password",
            Self::Name => "its name says so",
        }
    }
}

/// Beginnings of keys, each with how many of the usual characters follow at least.
const BEGINS: &[(&str, usize)] = &[
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("whsec_", 16),
    ("sk-ant-", 20),
    ("sk-", 32),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xapp-", 16),
    ("AIza", 35),
    ("ya29.", 20),
    ("npm_", 30),
    ("pypi-", 30),
    ("dop_v1_", 32),
    ("SG.", 20),
    ("key-", 32),
    ("shpat_", 20),
    ("hf_", 20),
    ("hvs.", 20),
    ("tskey-", 16),
    ("dckr_pat_", 16),
    ("AGE-SECRET-KEY-1", 20),
    ("segue_", 64),
];

/// Addresses that are themselves the key: whoever knows one may write.
const ADDRESSES: &[&str] = &[
    "https://hooks.slack.com/services/",
    "https://discord.com/api/webhooks/",
];

/// Values that say whether, and not what.
const SWITCHES: &[&str] = &[
    "true", "false", "yes", "no", "on", "off", "none", "null", "0", "1",
];

/// Why a setting looks like a secret; `None` if it does not.
#[must_use]
pub fn secret_shape(key: &str, value: &str) -> Option<SecretShape> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    if is_private_key(value) {
        Some(SecretShape::PrivateKey)
    } else if is_known_key(value) {
        Some(SecretShape::KnownKey)
    } else if holds_password(value) {
        Some(SecretShape::PasswordInAddress)
    } else if is_called_secret(key, value) {
        Some(SecretShape::Name)
    } else {
        None
    }
}

fn is_private_key(value: &str) -> bool {
    value.split("-----BEGIN ").skip(1).any(|behind| {
        let label = behind.split('-').next().unwrap_or_default();
        let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
        label.contains("PRIVATE KEY") && label.chars().all(upper)
    })
}

fn is_known_key(value: &str) -> bool {
    let value = value.strip_prefix("Bearer ").unwrap_or(value).trim_start();
    let usual = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let begins = BEGINS.iter().any(|(begin, least)| {
        let rest = value.strip_prefix(begin);
        rest.is_some_and(|rest| rest.chars().take_while(|c| usual(*c)).count() >= *least)
    });
    let addressed = ADDRESSES.iter().any(|address| {
        value
            .strip_prefix(address)
            .is_some_and(|rest| !rest.is_empty())
    });
    begins || addressed || is_access_key_id(value) || is_signed_token(value)
}

/// `AKIA…` and `ASIA…`: sixteen capitals or digits, and nothing else.
fn is_access_key_id(value: &str) -> bool {
    let rest = value
        .strip_prefix("AKIA")
        .or_else(|| value.strip_prefix("ASIA"));
    rest.is_some_and(|rest| {
        rest.len() == 16
            && rest
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

/// Three parts of base64, the first two of which are JSON objects.
fn is_signed_token(value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    let [head, claims, signature] = parts.as_slice() else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let object = |part: &str| part.len() >= 12 && part.starts_with("eyJ");
    object(head)
        && object(claims)
        && parts.iter().all(|part| part.chars().all(plain))
        && !signature.is_empty()
}

/// `scheme://user:password@host`, or `password=…` among the parameters of a connection.
fn holds_password(value: &str) -> bool {
    let in_authority = value.split("://").skip(1).any(|behind| {
        let end = |c: char| matches!(c, '/' | '?' | '#' | ',' | '"' | '\'') || c.is_whitespace();
        let authority = behind.split(end).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'))
            .is_some_and(|(_, password)| !is_reference(password))
    });
    in_authority || has_password_parameter(value)
}

fn has_password_parameter(value: &str) -> bool {
    let apart = |c: char| matches!(c, ';' | '&' | '?') || c.is_whitespace();
    value.split(apart).any(|part| {
        part.split_once('=').is_some_and(|(name, given)| {
            let named = name.eq_ignore_ascii_case("password") || name.eq_ignore_ascii_case("pwd");
            named && !is_reference(given)
        })
    })
}

/// Whether a text stands for a value, or switches something, and is not itself one.
fn is_reference(text: &str) -> bool {
    text.is_empty()
        || text.starts_with(['$', '<', '%'])
        || text.starts_with("{{")
        || text.chars().all(|c| c == '*')
        || SWITCHES.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_called_secret(key: &str, value: &str) -> bool {
    let words = words(key);
    let ends = |end: &[&str]| {
        words.len() >= end.len()
            && words
                .iter()
                .rev()
                .zip(end.iter().rev())
                .all(|(word, end)| word == end)
    };
    if is_reference(value)
        || is_place(value)
        || words
            .iter()
            .any(|word| word == "PUBLIC" || word == "PUBLISHABLE")
    {
        return false;
    }
    let Some(last) = words.last() else {
        return false;
    };
    let password = ["PASSWORD", "PASSWD", "PASSPHRASE"]
        .iter()
        .any(|word| last.ends_with(word))
        || (words.len() > 1 && (last == "PASS" || last == "PWD"));
    if password {
        return true;
    }
    let named = ["SECRET", "TOKEN", "APIKEY"]
        .iter()
        .any(|word| last.ends_with(word))
        || last == "CREDENTIAL"
        || last == "CREDENTIALS"
        || ends(&["SECRET", "KEY", "BASE"])
        || [
            "API",
            "PRIVATE",
            "SECRET",
            "ACCESS",
            "ENCRYPTION",
            "SIGNING",
            "MASTER",
            "AUTH",
        ]
        .iter()
        .any(|word| ends(&[word, "KEY"]));
    if named {
        return !is_small_number(value);
    }
    words.len() > 1 && (last == "KEY" || last == "SALT") && is_opaque(value)
}

/// The words of a key in capitals, `dbPassword` as `DB_PASSWORD`; numbers behind the last one do not count.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in key.chars() {
        let parts = !c.is_ascii_alphanumeric();
        if parts || (small && c.is_ascii_uppercase()) {
            words.push(String::new());
        }
        small = c.is_ascii_lowercase();
        if !parts && let Some(word) = words.last_mut() {
            word.push(c.to_ascii_uppercase());
        }
    }
    words.retain(|word| !word.is_empty());
    while words
        .last()
        .is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit()))
    {
        words.pop();
    }
    words
}

/// A path or an address: it says where a secret lies.
fn is_place(value: &str) -> bool {
    value.contains("://")
        || ["/", "./", "../", "~/"]
            .iter()
            .any(|at| value.starts_with(at))
}

fn is_small_number(value: &str) -> bool {
    value.len() < 6 && value.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a value holds sixteen letters and digits in a row, both of them: no word that people make up.
fn is_opaque(value: &str) -> bool {
    value
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|run| {
            run.len() >= 16
                && run.bytes().any(|b| b.is_ascii_digit())
                && run.bytes().any(|b| b.is_ascii_alphabetic())
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIXTURE: &str = include_str!("../../../tests/fixtures/secret_shapes.json");

    #[test]
    fn every_case_of_the_fixture_is_answered_as_it_says() {
        let fixture: serde_json::Value = serde_json::from_str(FIXTURE).unwrap();
        let cases = fixture["cases"].as_array().unwrap();
        assert!(cases.len() > 100);
        let mut wrong = Vec::new();
        for case in cases {
            let key = case["key"].as_str().unwrap();
            let parts = case["value"].as_array().unwrap();
            let value: String = parts.iter().map(|part| part.as_str().unwrap()).collect();
            let shape = secret_shape(key, &value).map(SecretShape::word);
            if shape != case["shape"].as_str() {
                wrong.push(format!("{key}={value}: {shape:?}, not {}", case["shape"]));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_beginning_has_a_case() {
        let fixture: serde_json::Value = serde_json::from_str(FIXTURE).unwrap();
        let values: Vec<String> = fixture["cases"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|case| case["shape"] == "known_key")
            .map(|case| {
                let parts = case["value"].as_array().unwrap().iter();
                parts.map(|part| part.as_str().unwrap()).collect()
            })
            .collect();
        for (begin, _) in BEGINS {
            assert!(
                values.iter().any(|value| value.starts_with(begin)),
                "{begin}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(key in ".{0,40}", value in ".{0,80}") {
            let _ = secret_shape(&key, &value);
        }

        #[test]
        fn a_password_in_an_address_is_found_wherever_the_address_stands(
            before in "[a-z ,]{0,10}",
            user in "[a-z]{0,8}",
            password in "[a-z]{4,12}",
            host in "[a-z]{1,12}",
        ) {
            prop_assume!(!is_reference(&password));
            let value = format!("{before} db://{user}:{password}@{host}/x");
            prop_assert_eq!(secret_shape("X", &value), Some(SecretShape::PasswordInAddress));
        }
    }
}
