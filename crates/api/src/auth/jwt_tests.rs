//! At least forty tokens that must not be accepted, and one that must.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::*;

struct Fixture {
    keys: Keys,
    other: Keys,
    encoding: EncodingKey,
    now: u64,
    _dir: tempfile::TempDir,
}

fn team() -> TeamId {
    TeamId::from_uuid(uuid::Uuid::from_u128(3))
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = ["a.pem", "b.pem"].map(|name| dir.path().join(name));
    create_signing_key(&a).unwrap();
    create_signing_key(&b).unwrap();
    Fixture {
        keys: Keys::load(std::slice::from_ref(&a)).unwrap(),
        other: Keys::load(&[b]).unwrap(),
        encoding: read_key(&a).unwrap(),
        now: u64::try_from(Timestamp::now().as_second()).unwrap(),
        _dir: dir,
    }
}

impl Fixture {
    fn claims(&self) -> Value {
        json!({
            "iss": "segue", "aud": "segue-api", "sub": format!("usr_{:032x}", 1),
            "exp": self.now + 300, "nbf": self.now, "iat": self.now, "jti": "x",
            "tok": format!("tok_{:032x}", 2), "team": format!("team_{:032x}", 3),
        })
    }

    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "JWT", "kid": self.keys.signing_kid})
    }

    /// A token with a signature that is right for whatever it says.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_raw(&header.to_string(), &claims.to_string())
    }

    fn sign_raw(&self, header: &str, claims: &str) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, Algorithm::EdDSA)
                .unwrap();
        format!("{message}.{signature}")
    }

    fn accepts(&self, token: &str) -> bool {
        self.keys.verify(token, Timestamp::now()).is_some()
    }
}

#[test]
fn good_tokens_are_accepted() {
    let f = fixture();
    let (user, token) = (
        UserId::from_uuid(uuid::Uuid::from_u128(1)),
        TokenId::from_uuid(uuid::Uuid::from_u128(2)),
    );
    let issued = f
        .keys
        .issue(user, (token, team()), Timestamp::now())
        .unwrap();
    let claims = f.keys.verify(&issued, Timestamp::now()).unwrap();
    assert_eq!((claims.sub, claims.tok), (user, token));
    assert!(
        f.accepts(&f.sign(&f.header(), &f.claims())),
        "the hand-made base of the bad ones is good"
    );
}

#[test]
fn bad_tokens_are_refused() {
    let f = fixture();
    let mut bad: Vec<(String, String)> = Vec::new();
    let mut claim = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut claims = f.claims();
        change(&mut claims);
        bad.push((format!("claim: {name}"), f.sign(&f.header(), &claims)));
    };
    for missing in [
        "iss", "aud", "sub", "exp", "nbf", "iat", "jti", "tok", "team",
    ] {
        claim(&format!("no {missing}"), &|c| {
            c.as_object_mut().unwrap().remove(missing);
        });
        claim(&format!("null {missing}"), &|c| c[missing] = Value::Null);
    }
    claim("expired by 6 s", &|c| {
        c["exp"] = json!(f.now - 6);
        c["iat"] = json!(f.now - 300);
    });
    claim("expired by 30 s", &|c| {
        c["exp"] = json!(f.now - 30);
        c["iat"] = json!(f.now - 300);
    });
    claim("nbf ahead", &|c| c["nbf"] = json!(f.now + 60));
    claim("iat ahead", &|c| c["iat"] = json!(f.now + 60));
    claim("exp before iat", &|c| c["exp"] = json!(f.now - 1));
    claim("lives too long", &|c| c["exp"] = json!(f.now + 601));
    claim("lives for years", &|c| c["exp"] = json!(u64::MAX));
    claim("negative exp", &|c| c["exp"] = json!(-1));
    claim("text exp", &|c| c["exp"] = json!("9999999999"));
    claim("fractional exp", &|c| c["exp"] = json!(9e18));
    claim("other issuer", &|c| c["iss"] = json!("evil"));
    claim("list of issuers", &|c| c["iss"] = json!(["segue", "evil"]));
    claim("other audience", &|c| c["aud"] = json!("edge"));
    claim("list of audiences", &|c| {
        c["aud"] = json!(["segue-api", "evil"])
    });
    claim("empty audience", &|c| c["aud"] = json!([]));
    claim("subject of another kind", &|c| {
        c["sub"] = json!(format!("team_{:032x}", 1))
    });
    claim("empty jti", &|c| c["jti"] = json!(""));
    claim("more claims", &|c| c["admin"] = json!(true));

    let mut header = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut head = f.header();
        change(&mut head);
        bad.push((format!("header: {name}"), f.sign(&head, &f.claims())));
    };
    for missing in ["alg", "typ", "kid"] {
        header(&format!("no {missing}"), &|h| {
            h.as_object_mut().unwrap().remove(missing);
        });
    }
    for alg in ["none", "None", "HS256", "RS256", "ES256", "eddsa", ""] {
        header(&format!("alg {alg}"), &|h| h["alg"] = json!(alg));
    }
    header("typ", &|h| h["typ"] = json!("at+jwt"));
    header("unknown kid", &|h| h["kid"] = json!("0123456789abcdef"));
    header("path as kid", &|h| h["kid"] = json!("../../etc/passwd"));
    header("jku", &|h| h["jku"] = json!("https://evil.example/jwks"));
    header("x5u", &|h| h["x5u"] = json!("https://evil.example/x5u"));
    header("x5c", &|h| h["x5c"] = json!(["AA"]));
    header("jwk", &|h| {
        h["jwk"] = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"})
    });
    header("crit", &|h| h["crit"] = json!(["exp"]));
    header("b64", &|h| h["b64"] = json!(false));
    header("zip", &|h| h["zip"] = json!("DEF"));

    let good = f.sign(&f.header(), &f.claims());
    let parts: Vec<&str> = good.split('.').collect();
    let mut raw = |name: &str, token: String| bad.push((format!("raw: {name}"), token));
    raw("empty", String::new());
    raw("no signature", format!("{}.{}.", parts[0], parts[1]));
    raw("two parts", format!("{}.{}", parts[0], parts[1]));
    raw("four parts", format!("{good}.x"));
    raw("padded", format!("{}=.{}.{}", parts[0], parts[1], parts[2]));
    raw("space", format!(" {good}"));
    raw("line end", format!("{good}\n"));
    raw(
        "flipped signature",
        format!("{}.{}.{}", parts[0], parts[1], flip(parts[2])),
    );
    raw(
        "short signature",
        format!("{}.{}.{}", parts[0], parts[1], &parts[2][..40]),
    );
    raw(
        "zero signature",
        format!(
            "{}.{}.{}",
            parts[0],
            parts[1],
            URL_SAFE_NO_PAD.encode([0u8; 64])
        ),
    );
    raw(
        "too long",
        f.sign_raw(
            &f.header().to_string(),
            &format!("{}{}", f.claims(), " ".repeat(4000)),
        ),
    );
    raw(
        "duplicate claim",
        f.sign_raw(
            &f.header().to_string(),
            &f.claims()
                .to_string()
                .replacen('{', "{\"iss\":\"segue\",", 1),
        ),
    );
    raw(
        "duplicate header",
        f.sign_raw(
            &f.header()
                .to_string()
                .replacen('{', "{\"alg\":\"EdDSA\",", 1),
            &f.claims().to_string(),
        ),
    );
    raw(
        "another key",
        f.other
            .issue(
                UserId::from_uuid(uuid::Uuid::nil()),
                (TokenId::from_uuid(uuid::Uuid::nil()), team()),
                Timestamp::now(),
            )
            .unwrap(),
    );
    let mut borrowed = f.header();
    borrowed["kid"] = json!(f.other.signing_kid);
    raw("another key's kid", f.sign(&borrowed, &f.claims()));
    // The old trick: the public key as the secret of an HMAC.
    let x = &f.keys.by_kid[&f.keys.signing_kid].x;
    let hmac = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(x).unwrap());
    let mut head = Header::new(Algorithm::HS256);
    head.kid = Some(f.keys.signing_kid.clone());
    raw(
        "HMAC with the public key",
        jsonwebtoken::encode(&head, &f.claims(), &hmac).unwrap(),
    );

    assert!(bad.len() >= 40, "{} tokens", bad.len());
    let accepted: Vec<_> = bad
        .iter()
        .filter(|(_, token)| f.accepts(token))
        .map(|(name, _)| name)
        .collect();
    assert!(accepted.is_empty(), "accepted: {accepted:?}");
}

fn flip(signature: &str) -> String {
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[10] ^= 1;
    URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn keys_are_refused_if_missing_short_known_or_exposed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pem");
    let refused = || Keys::load(std::slice::from_ref(&path)).unwrap_err();
    assert!(matches!(Keys::load(&[]), Err(KeyError::Missing)));
    assert!(matches!(refused(), KeyError::Io { .. }));
    let write = |seed: &[u8], mode: u32| {
        let _ = std::fs::remove_file(&path);
        let der = [&PKCS8_PREFIX[..], seed].concat();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        );
        std::fs::write(&path, pem).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write(&[1, 2, 3], 0o400);
    assert!(matches!(refused(), KeyError::NotEd25519(_)));
    write(&[0; 32], 0o400);
    assert!(matches!(refused(), KeyError::Known(_)));
    write(&hex::decode(KNOWN_SEEDS[0]).unwrap(), 0o400);
    assert!(matches!(refused(), KeyError::Known(_)));
    write(&rand::random::<[u8; 32]>(), 0o444);
    assert!(matches!(refused(), KeyError::Exposed(_)));
    write(&rand::random::<[u8; 32]>(), 0o400);
    assert!(Keys::load(std::slice::from_ref(&path)).is_ok());
}

#[test]
fn keys_rotate_with_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let [old, new] = ["old.pem", "new.pem"].map(|name| dir.path().join(name));
    create_signing_key(&old).unwrap();
    create_signing_key(&new).unwrap();
    let before = Keys::load(std::slice::from_ref(&old)).unwrap();
    let after = Keys::load(&[new, old]).unwrap();
    let nil = uuid::Uuid::nil();
    let issued = before
        .issue(
            UserId::from_uuid(nil),
            (TokenId::from_uuid(nil), team()),
            Timestamp::now(),
        )
        .unwrap();
    assert!(after.verify(&issued, Timestamp::now()).is_some());
    assert_ne!(before.signing_kid, after.signing_kid);
    assert_eq!(after.public().len(), 2);
}
