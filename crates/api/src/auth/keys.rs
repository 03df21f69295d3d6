//! The signing keys of the installation, as this process knows them.
//!
//! They lie sealed in the store and are read again every [`FRESH`], and at once when a token names one that is not
//! known, so that every server learns of a rotation. Invariants: a new key signs only after [`HEAD_START`], when all
//! servers have read it; the old one verifies until the last token that it signed is past ([`OVERLAP`]).
//! Must not: hold up requests while the database is away; what is known goes on serving.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use segue_model::Timestamp;
use segue_store::seal::SecretBytes;
use segue_store::{NewSigningKey, Store, StoreError, TeamContext};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::jwt::{Access, Key, KeySet, LEEWAY, LIFETIME, kid};
use crate::problem::{Problem, ProblemCode};

/// What was read is good for this long.
const FRESH: Duration = Duration::from_secs(3);

/// A token with an unknown key makes us look again, but all of them together not more often than this.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// From the making of a key to its first signature.
const HEAD_START: Duration = Duration::from_secs(15);

/// From a key's last signature to its end.
const OVERLAP: Duration = Duration::from_secs(LIFETIME.as_secs() + 2 * LEEWAY);

const _: () = assert!(HEAD_START.as_secs() > FRESH.as_secs() + LEEWAY);

/// DER before the 32 bytes of an Ed25519 seed in PKCS#8 (RFC 8410).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Keys of this process.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: RwLock<Known>,
    reading: Mutex<()>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    set: Arc<KeySet>,
    /// When they were read, or when that was tried in vain.
    looked_at: Option<Instant>,
}

impl Known {
    fn younger_than(&self, age: Duration) -> bool {
        self.looked_at.is_some_and(|at| at.elapsed() < age)
    }
}

/// What a rotation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The new key.
    pub kid: String,
    /// It signs from then on.
    pub signs_from: Timestamp,
    /// The keys before it verify until then.
    pub older_until: Timestamp,
}

impl Keys {
    fn known(&self) -> Known {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Issues an access token.
    pub(crate) async fn issue(&self, store: &Store, access: Access) -> Result<String, Problem> {
        let set = self.read(store, FRESH).await?;
        set.issue(access, Timestamp::now()).ok_or_else(|| {
            tracing::error!("no signing key is active");
            Problem::new(ProblemCode::Internal, "no access token could be made")
        })
    }

    /// Checks an access token.
    pub(crate) async fn verify(
        &self,
        store: &Store,
        token: &str,
    ) -> Result<Option<Access>, Problem> {
        // What has not even the form of one costs no look at the keys.
        let Some(kid) = kid(token) else {
            return Ok(None);
        };
        let mut set = self.read(store, FRESH).await?;
        if !set.0.iter().any(|key| key.kid == kid) {
            // Another server may have made it since: whoever holds a good token waits a moment rather than being told
            // that it is none, and whoever made one up waits with him.
            if let Some(at) = self.known().looked_at {
                tokio::time::sleep_until(at + LOOK_AGAIN).await;
            }
            set = self.read(store, LOOK_AGAIN).await?;
        }
        Ok(set.verify(token, Timestamp::now()))
    }

    /// The keys as they are now.
    pub(crate) async fn fresh(&self, store: &Store) -> Result<Arc<KeySet>, Problem> {
        self.read(store, FRESH).await
    }

    /// The keys, read again if they are older than this.
    async fn read(&self, store: &Store, age: Duration) -> Result<Arc<KeySet>, Problem> {
        let known = self.known();
        if known.younger_than(age) && !known.set.0.is_empty() {
            return Ok(known.set);
        }
        // One reads, the others wait for it, or for its failure.
        let _reading = self.reading.lock().await;
        let known = self.known();
        if known.younger_than(age) {
            return usable(known.set);
        }
        let read = load(store).await;
        let set = match read {
            Ok(set) => Arc::new(set),
            Err(error) => {
                tracing::debug!(%error, "signing keys cannot be read at the moment");
                known.set
            }
        };
        let mut place = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *place = Known {
            set: Arc::clone(&set),
            looked_at: Some(Instant::now()),
        };
        drop(place);
        usable(set)
    }

    /// Forgets what is known, so that the next question is answered by the store.
    pub(crate) fn forget(&self) {
        let mut place = self.known.write().unwrap_or_else(PoisonError::into_inner);
        place.looked_at = None;
    }
}

fn usable(set: Arc<KeySet>) -> Result<Arc<KeySet>, Problem> {
    if set.0.is_empty() {
        Err(Problem::unavailable())
    } else {
        Ok(set)
    }
}

/// Reads the keys; makes the first one.
async fn load(store: &Store) -> Result<KeySet, StoreError> {
    let mut rows = store.auth().signing_keys().await?;
    if rows.iter().all(|row| row.retires_at.is_some()) {
        let now = Timestamp::now();
        let new = fresh()?;
        let times = (now, after(now, OVERLAP));
        store
            .auth()
            .signing_key_first(&described(&new, times)?)
            .await?;
        rows = store.auth().signing_keys().await?;
    }
    Ok(KeySet(
        rows.into_iter()
            .filter_map(|row| Key::new(row.private_key.expose(), row.active_at, row.retires_at))
            .collect(),
    ))
}

/// A fresh key and its PKCS#8 form.
fn fresh() -> Result<(Key, SecretBytes), StoreError> {
    let mut der = PKCS8_PREFIX.to_vec();
    der.extend_from_slice(Zeroizing::new(rand::random::<[u8; 32]>()).as_slice());
    let key = Key::new(&der, Timestamp::now(), None).ok_or_else(unusable)?;
    Ok((key, SecretBytes::new(der)))
}

fn described<'a>(
    (key, private_key): &'a (Key, SecretBytes),
    (active_at, retire_others_at): (Timestamp, Timestamp),
) -> Result<NewSigningKey<'a>, StoreError> {
    Ok(NewSigningKey {
        kid: &key.kid,
        public_key: key.public().ok_or_else(unusable)?,
        private_key,
        active_at,
        retire_others_at,
    })
}

fn unusable() -> StoreError {
    StoreError::Conflict {
        constraint: "signing_key".to_owned(),
    }
}

/// Makes a new signing key. With `at_once`, for keys that somebody else has seen, the older ones end now and every
/// access token with them; otherwise nobody notices.
///
/// # Errors
/// The database cannot be used.
pub async fn rotate_signing_keys(
    store: &Store,
    context: &TeamContext,
    at_once: bool,
) -> Result<Rotation, StoreError> {
    let now = Timestamp::now();
    let (signs_from, older_until) = if at_once {
        (now, now)
    } else {
        let from = after(now, HEAD_START);
        (from, after(from, OVERLAP))
    };
    let new = fresh()?;
    let times = (signs_from, older_until);
    store
        .signing_key_rotate(context, &described(&new, times)?)
        .await?;
    Ok(Rotation {
        kid: new.0.kid,
        signs_from,
        older_until,
    })
}

fn after(time: Timestamp, wait: Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(time)
}
