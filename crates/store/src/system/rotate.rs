//! Rotation of the key-encryption key: everything that it sealed is wrapped anew; values and data keys stay.

use segue_model::id::TeamId;

use super::SystemStore;
use super::certificate::place as certificate_place;
use crate::auth_keys::signing_place;
use crate::checkpoint;
use crate::error::StoreError;
use crate::seal::Place;

/// Seals the rows of one kind anew, and says how many they were: reads them, opens each in its place, writes it back. A
/// macro and no function, because queries are checked when they are compiled. What is sealed is the first value that is
/// written.
macro_rules! rewrap {
    (
        $tx:ident, $kek:ident, $read:tt $(, $given:expr)*;
        |$row:ident| $name:expr => $place:path, |$at:ident| $open:expr;
        $write:tt, $($key:expr),+
    ) => {{
        let rows = sqlx::query!($read $(, $given)*)
            .fetch_all(&mut *$tx)
            .await?;
        for $row in &rows {
            let name = $name;
            let $at = $place(&name);
            let inside = $open?;
            sqlx::query!($write, $kek.seal(&inside, &$at)?, $($key),+)
                .execute(&mut *$tx)
                .await?;
        }
        rows.len()
    }};
}

fn data_key_place((team, version): &(TeamId, i32)) -> Place<'static> {
    Place::DataKey {
        team: *team,
        version: *version,
    }
}

impl SystemStore {
    /// Wraps every data key, signing key, audit key and certificate key that an older key sealed with the current one, and
    /// returns how many data keys that were. Afterwards the older keys may be taken away. All or nothing; may be
    /// run again.
    ///
    /// # Errors
    /// [`StoreError::Seal`] if something was sealed by a key that this server does not have.
    pub async fn kek_rewrap(&self) -> Result<u64, StoreError> {
        let kek = &self.inner.kek;
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        let data_keys = rewrap!(
            tx, kek,
            "
            select team_id, version, sealed, kek_id
            from data_keys
            where kek_id <> $1
            order by team_id, version
            for update
            ",
            kek.id();
            |row| (TeamId::from_uuid(row.team_id), row.version) => data_key_place,
            |place| kek.open_of(&row.kek_id, &row.sealed, &place);
            "
            update data_keys
            set sealed = $1, kek_id = $2
            where team_id = $3 and version = $4
            ",
            kek.id(), row.team_id, row.version
        );
        rewrap!(
            tx, kek,
            "
            select kid, sealed_private_key
            from signing_keys
            order by kid
            for update
            ";
            |row| row.kid.clone() => signing_place,
            |place| kek.open(&row.sealed_private_key, &place);
            "
            update signing_keys
            set sealed_private_key = $1
            where kid = $2
            ",
            row.kid
        );
        rewrap!(
            tx, kek,
            "
            select key_id, sealed_seed
            from audit_keys
            order by key_id
            for update
            ";
            |row| row.key_id.clone() => checkpoint::place,
            |place| kek.open(&row.sealed_seed, &place);
            "
            update audit_keys
            set sealed_seed = $1
            where key_id = $2
            ",
            row.key_id
        );
        rewrap!(
            tx, kek,
            "
            select id, sealed_key
            from certificates
            where removed_at is null
            order by id
            for update
            ";
            |row| row.id.simple().to_string() => certificate_place,
            |place| kek.open(&row.sealed_key, &place);
            "
            update certificates
            set sealed_key = $1
            where id = $2
            ",
            row.id
        );
        tx.commit().await?;
        Ok(u64::try_from(data_keys).unwrap_or(u64::MAX))
    }
}
