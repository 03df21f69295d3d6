//! At least forty tokens that must not be accepted, and one that must.

use serde_json::{Value, json};

use super::*;

struct Fixture {
    keys: KeySet,
    other: KeySet,
    encoding: EncodingKey,
    kid: String,
    now: u64,
}

fn team() -> TeamId {
    TeamId::from_uuid(uuid::Uuid::from_u128(3))
}

fn session() -> Access {
    Access {
        user: UserId::from_uuid(uuid::Uuid::from_u128(1)),
        origin: Origin::Session(SessionId::from_uuid(uuid::Uuid::from_u128(4))),
    }
}

fn pkcs8(seed: u8) -> Vec<u8> {
    let prefix = hex::decode("302e020100300506032b657004220420").unwrap();
    [prefix, vec![seed; 32]].concat()
}

/// A key with this seed that signs from and ends so many seconds from now.
fn key(seed: u8, active: i64, retires: Option<i64>) -> Key {
    let at = |seconds| Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    Key::new(&pkcs8(seed), at(active), retires.map(at)).unwrap()
}

fn fixture() -> Fixture {
    let keys = KeySet(vec![key(7, -60, None)]);
    Fixture {
        kid: keys.0[0].kid.clone(),
        keys,
        other: KeySet(vec![key(8, -60, None)]),
        encoding: EncodingKey::from_ed_der(&pkcs8(7)),
        now: u64::try_from(Timestamp::now().as_second()).unwrap(),
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

    /// The same, of a session.
    fn session_claims(&self) -> Value {
        let mut claims = self.claims();
        let members = claims.as_object_mut().unwrap();
        members.remove("tok");
        members.remove("team");
        members.insert("sid".into(), json!(format!("ses_{:032x}", 4)));
        claims
    }

    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "JWT", "kid": self.kid})
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
    let by_token = Access {
        user: UserId::from_uuid(uuid::Uuid::from_u128(1)),
        origin: Origin::Token(TokenId::from_uuid(uuid::Uuid::from_u128(2)), team()),
    };
    for access in [by_token, session()] {
        let issued = f.keys.issue(access, Timestamp::now()).unwrap();
        assert_eq!(f.keys.verify(&issued, Timestamp::now()), Some(access));
    }
    for claims in [f.claims(), f.session_claims()] {
        assert!(
            f.accepts(&f.sign(&f.header(), &claims)),
            "the hand-made base of the bad ones is good: {claims}"
        );
    }
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
    claim("a session and a token", &|c| {
        c["sid"] = json!(format!("ses_{:032x}", 4))
    });
    claim("a null session and a token", &|c| c["sid"] = Value::Null);
    claim("neither session nor token", &|c| {
        c.as_object_mut()
            .unwrap()
            .retain(|k, _| k != "tok" && k != "team")
    });
    claim("a session of a team", &|c| {
        c.as_object_mut().unwrap().remove("tok");
        c["sid"] = json!(format!("ses_{:032x}", 4));
    });
    claim("a token as a session", &|c| {
        c.as_object_mut()
            .unwrap()
            .retain(|k, _| k != "tok" && k != "team");
        c["sid"] = json!(format!("tok_{:032x}", 2));
    });
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
    for bit in [0, 1, 7, 255, 256, 500, 511] {
        raw(
            &format!("bit {bit} of the signature flipped"),
            format!("{}.{}.{}", parts[0], parts[1], flip(parts[2], bit)),
        );
    }
    for bit in [0, 100, 900] {
        raw(
            &format!("bit {bit} of the claims flipped"),
            format!("{}.{}.{}", parts[0], flip(parts[1], bit), parts[2]),
        );
    }
    // The last character of 64 bytes in base64 has bits that mean nothing; they must be zero.
    let (rest, last) = parts[2].split_at(parts[2].len() - 1);
    let other = match last {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        _ => "x",
    };
    raw(
        "another spelling of the signature",
        format!("{}.{}.{rest}{other}", parts[0], parts[1]),
    );
    raw(
        "signature of another token",
        format!(
            "{}.{}.{}",
            parts[0],
            parts[1],
            f.keys
                .issue(session(), Timestamp::now())
                .unwrap()
                .rsplit_once('.')
                .unwrap()
                .1
        ),
    );
    raw("alg none, no signature", {
        let head = json!({"alg": "none", "typ": "JWT", "kid": f.kid}).to_string();
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(head), parts[1])
    });
    for (name, prefix) in [
        ("refresh token", crate::auth::token::REFRESH),
        ("device code", crate::auth::token::DEVICE),
        ("link for a new password", crate::auth::token::RESET),
        ("API token", crate::auth::token::PREFIX),
    ] {
        let (secret, _) = crate::auth::token::generate_as(prefix);
        raw(name, crate::auth::token::reveal(&secret));
    }
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
        "another installation's key",
        f.other.issue(session(), Timestamp::now()).unwrap(),
    );
    let mut borrowed = f.header();
    borrowed["kid"] = json!(f.other.0[0].kid);
    raw("another key's kid", f.sign(&borrowed, &f.claims()));
    // The old trick: the public key as the secret of an HMAC.
    let x = &f.keys.0[0].x;
    let hmac = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(x).unwrap());
    let mut head = Header::new(Algorithm::HS256);
    head.kid = Some(f.kid.clone());
    raw(
        "HMAC with the public key",
        jsonwebtoken::encode(&head, &f.claims(), &hmac).unwrap(),
    );

    let kinds: std::collections::BTreeSet<&String> = bad.iter().map(|(_, token)| token).collect();
    assert_eq!(kinds.len(), bad.len(), "each is another one");
    assert!(bad.len() >= 80, "{} tokens", bad.len());
    let accepted: Vec<_> = bad
        .iter()
        .filter(|(_, token)| f.accepts(token))
        .map(|(name, _)| name)
        .collect();
    assert!(accepted.is_empty(), "accepted: {accepted:?}");
}

fn flip(part: &str, bit: usize) -> String {
    let mut bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn a_key_signs_from_its_beginning_and_verifies_to_its_end() {
    let now = Timestamp::now();
    let set = |old: i64, new: i64| KeySet(vec![key(2, new, None), key(1, -3600, Some(old))]);
    let (first, second) = (key(1, 0, None).kid, key(2, 0, None).kid);
    // Just made: the old one still signs, and both are known.
    let fresh = set(625, 15);
    assert_eq!(fresh.signing(now).unwrap().kid, first);
    assert_eq!(fresh.public(now).len(), 2);
    let before = fresh.issue(session(), now).unwrap();
    // Active: the new one signs, what the old one signed is good.
    let active = set(600, -1);
    assert_eq!(active.signing(now).unwrap().kid, second);
    assert!(active.verify(&before, now).is_some());
    let after = active.issue(session(), now).unwrap();
    // A server that has read it but whose clock is behind takes it all the same.
    assert!(fresh.verify(&after, now).is_some());
    // Past: the old one is nothing any more, also for a server that has not looked again.
    let past = set(-1, -700);
    assert!(past.verify(&before, now).is_none());
    assert!(past.verify(&after, now).is_some());
    assert_eq!(past.public(now).len(), 1);
    // No key that is active: nothing is signed.
    assert!(
        KeySet(vec![key(1, 60, None)])
            .issue(session(), now)
            .is_none()
    );
    assert!(
        KeySet(vec![key(1, -60, Some(-1))])
            .issue(session(), now)
            .is_none()
    );
}

#[test]
fn what_is_no_ed25519_key_is_no_key() {
    let now = Timestamp::now();
    for bad in [&[][..], &[0; 48], &pkcs8(1)[..40], b"text"] {
        assert!(Key::new(bad, now, None).is_none(), "{bad:?}");
    }
}
