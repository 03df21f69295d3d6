//! Access tokens: EdDSA JWTs, issued and checked in this one place.
//!
//! Invariants (security rule 4): one algorithm; the header has `alg`, `typ` and `kid` and nothing else, so `jku`,
//! `x5u`, `jwk` and `crit` cannot be meant; every claim is required and no other is known; `nbf` and `iat` are
//! checked; lifetimes above [`LIFETIME`] are refused even if signed. The library's defaults accept a token 30 s
//! expired, without audience, or with `nbf` ahead: they are all set here.
//! A valid token proves who asked, not what is allowed: the session or the API token that it was made from is read
//! on every request, so that a revocation counts at once.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use segue_model::Timestamp;
use segue_model::id::{SessionId, TeamId, TokenId, UserId};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// How long an access token lasts.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

/// Clocks may differ by this many seconds.
pub(crate) const LEEWAY: u64 = 5;

const ISSUER: &str = "segue";
const AUDIENCE: &str = "segue-api";
const TYPE: &str = "JWT";

/// What an access token was made from; it ends when that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A person's sign-in.
    Session(SessionId),
    /// An API token of this team.
    Token(TokenId, TeamId),
}

/// What a good access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    /// Who.
    pub user: UserId,
    /// By what.
    pub origin: Origin,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: String,
    #[serde(
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    sid: Option<SessionId>,
    #[serde(
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    tok: Option<TokenId>,
    #[serde(
        default,
        deserialize_with = "there",
        skip_serializing_if = "Option::is_none"
    )]
    team: Option<TeamId>,
}

impl Claims {
    /// Exactly a session, or exactly a token and its team.
    fn origin(&self) -> Option<Origin> {
        match (self.sid, self.tok, self.team) {
            (Some(session), None, None) => Some(Origin::Session(session)),
            (None, Some(token), Some(team)) => Some(Origin::Token(token, team)),
            _ => None,
        }
    }
}

/// A claim that may be missing but not null.
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// A key that signs and verifies.
pub(crate) struct Key {
    pub kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    x: String,
    /// Signs from then on.
    active_at: Timestamp,
    /// Is nothing from then on.
    retires_at: Option<Timestamp>,
}

impl Key {
    /// A key from its PKCS#8 form; `None` if it is not Ed25519.
    pub(crate) fn new(
        pkcs8: &[u8],
        active_at: Timestamp,
        retires_at: Option<Timestamp>,
    ) -> Option<Self> {
        let encoding = EncodingKey::from_ed_der(pkcs8);
        let jwk = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA).ok()?;
        let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else {
            return None;
        };
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        let kid = hex::encode(Sha256::digest(pair.x.as_bytes()))
            .chars()
            .take(16)
            .collect();
        Some(Self {
            kid,
            encoding,
            decoding,
            x: pair.x.clone(),
            active_at,
            retires_at,
        })
    }

    /// The public half, raw.
    pub(crate) fn public(&self) -> Option<[u8; 32]> {
        URL_SAFE_NO_PAD.decode(&self.x).ok()?.try_into().ok()
    }

    fn good(&self, now: Timestamp) -> bool {
        self.retires_at.is_none_or(|end| end > now)
    }
}

/// The keys that are known at a moment, the newest first.
#[derive(Default)]
pub(crate) struct KeySet(pub Vec<Key>);

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| &key.kid))
            .finish()
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

impl KeySet {
    /// The key that signs now: the newest active one.
    pub(crate) fn signing(&self, now: Timestamp) -> Option<&Key> {
        self.0
            .iter()
            .find(|key| key.active_at <= now && key.good(now))
    }

    /// Issues an access token; `None` if no key signs.
    pub(crate) fn issue(&self, access: Access, now: Timestamp) -> Option<String> {
        let key = self.signing(now)?;
        let now = u64::try_from(now.as_second()).ok()?;
        let (sid, tok, team) = match access.origin {
            Origin::Session(session) => (Some(session), None, None),
            Origin::Token(token, team) => (None, Some(token), Some(team)),
        };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: access.user,
            exp: now + LIFETIME.as_secs(),
            nbf: now,
            iat: now,
            jti: uuid::Uuid::new_v4().simple().to_string(),
            sid,
            tok,
            team,
        };
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(key.kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, &claims, &key.encoding).ok()
    }

    /// Checks an access token. The answer says nothing about why it was refused.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Option<Access> {
        let kid = kid(token)?;
        let key = self.0.iter().find(|key| key.kid == kid && key.good(now))?;
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
        let origin = claims.origin()?;
        sound.then_some(Access {
            user: claims.sub,
            origin,
        })
    }

    /// The public halves.
    pub(crate) fn public(&self, now: Timestamp) -> Vec<PublicKey> {
        self.0
            .iter()
            .filter(|key| key.good(now))
            .map(|key| PublicKey {
                kty: "OKP".to_owned(),
                crv: "Ed25519".to_owned(),
                alg: "EdDSA".to_owned(),
                usage: "sig".to_owned(),
                kid: key.kid.clone(),
                x: key.x.clone(),
            })
            .collect()
    }
}

/// The key that a token names, if its form and its header are right. Proves nothing.
pub(crate) fn kid(token: &str) -> Option<String> {
    if token.len() > 2048 || !token.is_ascii() {
        return None;
    }
    let mut parts = token.split('.');
    let (head, body, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || head.is_empty() || body.is_empty() || signature.is_empty() {
        return None;
    }
    let header: StrictHeader = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
    (header.alg == "EdDSA" && header.typ == TYPE).then_some(header.kid)
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
