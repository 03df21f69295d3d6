//! Access tokens: EdDSA JWTs, issued and checked in this one place.
//!
//! Invariants (security rule 4): one algorithm; the header has `alg`, `typ` and `kid` and nothing else, so `jku`,
//! `x5u`, `jwk` and `crit` cannot be meant; every claim is required and no other is known; `nbf` and `iat` are
//! checked; lifetimes above [`LIFETIME`] are refused even if signed. The library's defaults accept a token 30 s
//! expired, without audience, or with `nbf` ahead: they are all set here.
//! A valid token proves who asked, not what is allowed: the token's row is read on every request, so that a
//! revocation counts at once.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::zeroize::Zeroizing;
use segue_model::Timestamp;
use segue_model::id::{TeamId, TokenId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// How long an access token lasts.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

/// Clocks may differ by this many seconds.
const LEEWAY: u64 = 5;

const ISSUER: &str = "segue";
const AUDIENCE: &str = "segue-api";
const TYPE: &str = "JWT";

/// DER before the 32 bytes of an Ed25519 seed in PKCS#8 (RFC 8410).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Seeds that stand in documents: never a secret.
const KNOWN_SEEDS: [&str; 3] = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
];

/// Why signing keys cannot be used; starting is refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the signing key {path} cannot be read or written")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others can read it.
    #[error("the signing key {0} can be read by others; its mode must be 0400 or 0600")]
    Exposed(PathBuf),
    /// It is not an Ed25519 key.
    #[error("the signing key {0} is not an Ed25519 private key in PKCS#8 PEM")]
    NotEd25519(PathBuf),
    /// It is one that anybody knows.
    #[error("the signing key {0} is a published example")]
    Known(PathBuf),
    /// None was named.
    #[error("no signing key is configured")]
    Missing,
}

/// Claims of an access token. All are required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// Who.
    pub sub: UserId,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: String,
    /// The API token it was exchanged for; revoked together.
    pub tok: TokenId,
    /// That token's team.
    pub team: TeamId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

struct Key {
    decoding: DecodingKey,
    x: String,
}

/// The signing keys: the first signs, all verify.
pub(crate) struct Keys {
    signing: EncodingKey,
    signing_kid: String,
    by_kid: BTreeMap<String, Key>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("signing_kid", &self.signing_kid)
            .finish_non_exhaustive()
    }
}

/// A public key (RFC 8037).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PublicKey {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// `EdDSA`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// Names the key.
    pub kid: String,
    /// The key, base64url.
    pub x: String,
}

impl Keys {
    /// Reads the keys; the first one signs.
    pub(crate) fn load(paths: &[PathBuf]) -> Result<Self, KeyError> {
        let mut by_kid = BTreeMap::new();
        let mut signing = None;
        for path in paths {
            let encoding = read_key(path)?;
            let (kid, key) =
                public_half(&encoding).ok_or_else(|| KeyError::NotEd25519(path.clone()))?;
            signing.get_or_insert((encoding, kid.clone()));
            by_kid.insert(kid, key);
        }
        let (signing, signing_kid) = signing.ok_or(KeyError::Missing)?;
        Ok(Self {
            signing,
            signing_kid,
            by_kid,
        })
    }

    /// Issues an access token.
    pub(crate) fn issue(
        &self,
        user: UserId,
        (token, team): (TokenId, TeamId),
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let now = u64::try_from(now.as_second()).unwrap_or(0);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            exp: now + LIFETIME.as_secs(),
            nbf: now,
            iat: now,
            jti: uuid::Uuid::new_v4().simple().to_string(),
            tok: token,
            team,
        };
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(self.signing_kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, &claims, &self.signing)
    }

    /// Checks an access token. The answer says nothing about why it was refused.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > 2048 || !token.is_ascii() {
            return None;
        }
        let mut parts = token.split('.');
        let (head, body, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || head.is_empty() || body.is_empty() || signature.is_empty() {
            return None;
        }
        let header: StrictHeader =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        if header.alg != "EdDSA" || header.typ != TYPE {
            return None;
        }
        let key = self.by_kid.get(&header.kid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation)
            .ok()?
            .claims;
        let now = u64::try_from(now.as_second()).ok()?;
        let sound = claims.iat <= now + LEEWAY
            && claims.nbf <= now + LEEWAY
            && claims.exp > claims.iat
            && claims.exp - claims.iat <= LIFETIME.as_secs()
            && claims.exp + LEEWAY > now
            && claims.aud == AUDIENCE
            && claims.iss == ISSUER
            && !claims.jti.is_empty();
        sound.then_some(claims)
    }

    /// The public halves.
    pub(crate) fn public(&self) -> Vec<PublicKey> {
        self.by_kid
            .iter()
            .map(|(kid, key)| PublicKey {
                kty: "OKP".to_owned(),
                crv: "Ed25519".to_owned(),
                alg: "EdDSA".to_owned(),
                usage: "sig".to_owned(),
                kid: kid.clone(),
                x: key.x.clone(),
            })
            .collect()
    }
}

/// Makes a new signing key file with mode 0400. An existing file is left as it is.
///
/// # Errors
/// [`KeyError::Io`] if it cannot be written.
pub fn create_signing_key(path: &Path) -> Result<(), KeyError> {
    use std::io::Write as _;
    let io = |source| KeyError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = match std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o400)
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(io(error)),
    };
    let mut der = Zeroizing::new(PKCS8_PREFIX.to_vec());
    der.extend_from_slice(Zeroizing::new(rand::random::<[u8; 32]>()).as_slice());
    let text = Zeroizing::new(format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(&*der)
    ));
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(io)
}

fn read_key(path: &Path) -> Result<EncodingKey, KeyError> {
    let io = |source| KeyError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = std::fs::File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if meta.mode() & 0o077 != 0 {
        return Err(KeyError::Exposed(path.to_owned()));
    }
    let not_a_key = || KeyError::NotEd25519(path.to_owned());
    if !meta.is_file() || meta.len() > 4096 {
        return Err(not_a_key());
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(|_| not_a_key())?;
    let key = EncodingKey::from_ed_pem(text.as_bytes()).map_err(|_| not_a_key())?;
    let seed = key
        .as_bytes()
        .strip_prefix(&PKCS8_PREFIX)
        .ok_or_else(not_a_key)?;
    if seed.len() != 32 {
        return Err(not_a_key());
    }
    let repeated = seed
        .first()
        .is_some_and(|first| seed.iter().all(|byte| byte == first));
    if repeated || KNOWN_SEEDS.contains(&hex::encode(seed).as_str()) {
        return Err(KeyError::Known(path.to_owned()));
    }
    Ok(key)
}

fn public_half(encoding: &EncodingKey) -> Option<(String, Key)> {
    let jwk = Jwk::from_encoding_key(encoding, Algorithm::EdDSA).ok()?;
    let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else {
        return None;
    };
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    let kid = hex::encode(Sha256::digest(pair.x.as_bytes()))
        .chars()
        .take(16)
        .collect();
    Some((
        kid,
        Key {
            decoding,
            x: pair.x.clone(),
        },
    ))
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
