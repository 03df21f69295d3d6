//! Certificates that edges present; their private keys are sealed.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::name::Domain;
use segue_model::route::Certificate;

use super::SystemStore;
use crate::context::fresh_id;
use crate::decode;
use crate::error::{StoreError, corrupt};
use crate::seal::{Place, SecretBytes};

impl SystemStore {
    /// Every certificate, opened, and a mark that changes with any of them.
    ///
    /// # Errors
    /// [`StoreError::Seal`] if a key does not open.
    pub async fn certificate_list(&self) -> Result<(Vec<Certificate>, String), StoreError> {
        let rows = sqlx::query!(
            r#"
            select id, names, chain_pem, sealed_key
            from certificates
            where removed_at is null
            order by id
            "#
        )
        .fetch_all(&self.inner.system)
        .await?;
        let mut mark = String::new();
        let mut certificates = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.id.simple().to_string();
            let key = self.inner.kek.open(&row.sealed_key, &place(&id))?;
            let names = row
                .names
                .iter()
                .map(|name| decode::text(name, "domain"))
                .collect::<Result<Vec<Domain>, _>>()?;
            certificates.push(Certificate {
                names,
                chain_pem: row.chain_pem,
                key_pem: key
                    .expose_str()
                    .ok_or_else(|| corrupt("certificate key")("not text"))?
                    .to_owned(),
            });
            // A certificate's row never changes: another one takes its place.
            mark.push_str(&id);
        }
        Ok((certificates, mark))
    }

    /// Keeps a certificate and tells the streams; one that has exactly the same names is replaced.
    ///
    /// # Errors
    /// [`StoreError::Seal`].
    pub async fn certificate_put(
        &self,
        certificate: &Certificate,
        not_after: Timestamp,
    ) -> Result<(), StoreError> {
        let names: Vec<String> = certificate
            .names
            .iter()
            .map(|name| name.as_str().to_owned())
            .collect();
        let id = fresh_id();
        let key = SecretBytes::from(certificate.key_pem.clone());
        let sealed = self
            .inner
            .kek
            .seal(&key, &place(&id.simple().to_string()))?;
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        sqlx::query!(
            "
            update certificates
            set removed_at = now()
            where names = $1 and removed_at is null
            ",
            &names,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "
            insert into certificates (id, names, chain_pem, sealed_key, not_after)
            values ($1, $2, $3, $4, $5)
            ",
            id,
            &names,
            certificate.chain_pem,
            sealed,
            not_after.to_sqlx() as _,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("select pg_notify('segue_routes', '')")
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(super) fn place(id: &str) -> Place<'_> {
    Place::Platform {
        kind: "certificate",
        name: id,
    }
}
