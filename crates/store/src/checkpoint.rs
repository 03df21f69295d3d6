//! Signed ends of audit chains: what is signed, by which key, and whether a signature is right.
//!
//! Whoever owns the database can compute a whole chain anew; a checkpoint he cannot, because the key that signs it is
//! sealed by a key that is not in the database. Invariant: the public half comes out of the sealed seed and never out of
//! a row, or a forger would bring his own.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use jiff::Timestamp;
use segue_model::id::TeamId;
use sha2::{Digest, Sha256};

use crate::chain::Link;
use crate::error::{StoreError, corrupt};
use crate::seal::{Key, Keyring, Place, SealError, SecretBytes};

/// The end of a chain at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCheckpoint {
    /// From 1 without gaps in each team.
    pub number: i64,
    /// Number of the record.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
    /// When it was signed.
    pub at: Timestamp,
    /// Which key.
    pub key_id: String,
    /// Its public half, raw.
    pub public_key: [u8; 32],
    /// Ed25519 over team, number, seq, hash, time and key.
    pub signature: [u8; 64],
}

/// A key that signs checkpoints.
pub(crate) struct AuditKey {
    pub id: String,
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

pub(crate) fn place(key_id: &str) -> Place<'_> {
    Place::Platform {
        kind: "audit key",
        name: key_id,
    }
}

impl AuditKey {
    /// A fresh key, and its seed as it is kept.
    pub(crate) fn fresh(kek: &Keyring) -> Result<(Self, Vec<u8>), StoreError> {
        let seed = Key::random()?;
        let key = Self::of(seed.bytes())?;
        let sealed = kek.seal(&SecretBytes::new(seed.bytes().to_vec()), &place(&key.id))?;
        Ok((key, sealed))
    }

    /// The key of a row. One that does not open, or that is not the one of this id, is none.
    pub(crate) fn open(kek: &Keyring, id: &str, sealed_seed: &[u8]) -> Result<Self, StoreError> {
        let seed = kek.open(sealed_seed, &place(id))?;
        let key = Self::of(seed.expose())?;
        if key.id == id {
            Ok(key)
        } else {
            Err(SealError::DoesNotOpen.into())
        }
    }

    fn of(seed: &[u8]) -> Result<Self, StoreError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(corrupt("audit key"))?;
        let public: [u8; 32] = crate::decode::digest(pair.public_key().as_ref())?;
        let id = hex::encode(Sha256::digest(public))
            .chars()
            .take(16)
            .collect();
        Ok(Self { id, pair, public })
    }

    /// Signs the end of a chain.
    pub(crate) fn sign(
        &self,
        team: TeamId,
        number: i64,
        end: Link,
        at: Timestamp,
    ) -> Result<AuditCheckpoint, StoreError> {
        let text = text(team, number, end, at, &self.id);
        let signature = self.pair.sign(&text);
        Ok(AuditCheckpoint {
            number,
            seq: end.seq,
            hash: end.hash,
            at,
            key_id: self.id.clone(),
            public_key: self.public,
            signature: signature
                .as_ref()
                .try_into()
                .map_err(corrupt("signature"))?,
        })
    }

    /// Whether this key signed exactly that.
    pub(crate) fn signed(
        &self,
        team: TeamId,
        number: i64,
        end: Link,
        at: Timestamp,
        signature: &[u8],
    ) -> bool {
        let text = text(team, number, end, at, &self.id);
        UnparsedPublicKey::new(&ED25519, self.public)
            .verify(&text, signature)
            .is_ok()
    }

    pub(crate) const fn public(&self) -> [u8; 32] {
        self.public
    }
}

/// What is signed. Every part carries its length, as in the records themselves.
fn text(team: TeamId, number: i64, end: Link, at: Timestamp, key_id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut part = |bytes: &[u8]| {
        out.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        out.extend(bytes);
    };
    part(b"segue audit checkpoint v1");
    part(team.as_uuid().as_bytes());
    part(&number.to_be_bytes());
    part(&end.seq.to_be_bytes());
    part(&end.hash);
    part(&at.as_microsecond().to_be_bytes());
    part(key_id.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::KeyEncryptionKey;

    fn kek(fill: u8) -> Keyring {
        let mut bytes = [fill; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = byte.wrapping_add(u8::try_from(place).unwrap());
        }
        Keyring::new(KeyEncryptionKey::from_bytes(bytes), Vec::new())
    }

    #[test]
    fn a_checkpoint_is_good_for_what_it_says_and_nothing_else() {
        let kek_one = kek(3);
        let (key, sealed) = AuditKey::fresh(&kek_one).unwrap();
        let team = TeamId::from_uuid(uuid::Uuid::from_u128(7));
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let end = Link {
            seq: 100,
            hash: [5; 32],
        };
        let made = key.sign(team, 2, end, at).unwrap();
        let again = AuditKey::open(&kek_one, &key.id, &sealed).unwrap();
        assert!(again.signed(team, 2, end, at, &made.signature));
        let other_team = TeamId::from_uuid(uuid::Uuid::from_u128(8));
        let later = at + jiff::SignedDuration::from_secs(1);
        let other = [
            (other_team, 2, end, at),
            (team, 3, end, at),
            (team, 2, Link { seq: 101, ..end }, at),
            (
                team,
                2,
                Link {
                    hash: [6; 32],
                    ..end
                },
                at,
            ),
            (team, 2, end, later),
        ];
        for (team, number, end, at) in other {
            assert!(!again.signed(team, number, end, at, &made.signature));
        }
        let mut bent = made.signature;
        bent[0] ^= 1;
        for bad in [&bent[..], &made.signature[..63], &[], &[0; 64]] {
            assert!(!again.signed(team, 2, end, at, bad));
        }
        // Another key, and a seed that was put under another name.
        let (forger, forged) = AuditKey::fresh(&kek_one).unwrap();
        assert!(!forger.signed(team, 2, end, at, &made.signature));
        assert!(AuditKey::open(&kek_one, &key.id, &forged).is_err());
        assert!(AuditKey::open(&kek(4), &key.id, &sealed).is_err());
    }
}
