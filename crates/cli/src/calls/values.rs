//! Configuration and secrets.

use std::collections::BTreeMap;

use segue_client::*;

use super::{MOST_ITEMS, OrMissing as _, missing};
use crate::commands::Place;
use crate::error::{CliError, Result};
use crate::session::Session;

/// A value and the deployment that rolls it out are one request: if it is refused, neither is there.
fn unchanged(error: CliError) -> CliError {
    match error.now {
        None => error.now("nothing was changed"),
        Some(_) => error,
    }
}

impl Session {
    pub async fn config_get(&self, place: &Place) -> Result<Config> {
        let request = ConfigGetRequest {
            path: at!(ConfigGetRequestPath, place),
        };
        let answer = self.client.config_get(request).await;
        self.read(
            &format!("reading the configuration of {}", place.short()),
            answer,
        )
        .await
    }

    pub async fn config_update(
        &self,
        place: &Place,
        patch: &BTreeMap<String, Option<String>>,
    ) -> Result<Config> {
        let request = ConfigUpdateRequest {
            path: at!(ConfigUpdateRequestPath, place),
            query: ConfigUpdateRequestQuery::default(),
            header: ConfigUpdateRequestHeader::default(),
            body: ConfigPatch {
                additional_properties: patch.clone().into_iter().collect(),
            },
        };
        let answer = self.client.config_update(request).await;
        let what = format!("configuring {}", place.short());
        self.value(&what, answer).await.map_err(unchanged)
    }

    /// What differs between two environments of an app.
    pub async fn compare(&self, place: &Place, other: &str) -> Result<EnvironmentComparison> {
        let request = EnvironmentCompareRequest {
            path: at!(EnvironmentCompareRequestPath, place, other: other.to_owned()),
        };
        let answer = self.client.environment_compare(request).await;
        self.read(&format!("comparing {} with {other}", place.short()), answer)
            .await
    }

    /// Versions of the configuration, newest first.
    pub async fn config_version_list(&self, place: &Place) -> Result<Vec<Config>> {
        let request = ConfigVersionListRequest {
            path: at!(ConfigVersionListRequestPath, place),
            query: ConfigVersionListRequestQuery {
                limit: Some(50),
                cursor: None,
            },
        };
        let answer = self.client.config_version_list(request).await;
        Ok(self
            .read(
                &format!("listing versions of the configuration of {}", place.short()),
                answer,
            )
            .await?
            .items)
    }

    pub async fn secret_list(&self, place: &Place) -> Result<Vec<Secret>> {
        let what = format!("listing secrets of {}", place.short());
        every_page!(self, &what, |cursor| self.client.secret_list(
            SecretListRequest {
                path: at!(SecretListRequestPath, place),
                query: SecretListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take(),
                },
            }
        ))
    }

    pub async fn secret_set(&self, place: &Place, key: &str, value: String) -> Result<Secret> {
        let request = SecretSetRequest {
            path: at!(SecretSetRequestPath, place, key: key.to_owned()),
            query: SecretSetRequestQuery::default(),
            body: SecretSet { value },
        };
        let answer = self.client.secret_set(request).await;
        let what = format!("setting {key}");
        self.value(&what, answer).await.map_err(unchanged)
    }

    /// The value of a secret, for who may see it.
    pub async fn secret_reveal(&self, place: &Place, key: &str) -> Result<SecretValue> {
        let path = at!(SecretRevealRequestPath, place, key: key.to_owned());
        let answer = self
            .client
            .secret_reveal(SecretRevealRequest { path })
            .await;
        let shown = self.maybe(&format!("revealing {key}"), answer).await?;
        shown.ok_or_else(|| {
            missing(
                format!("secret {key} of {}", place.short()),
                &format!("segue secret list {}", place.flags()),
            )
        })
    }

    pub async fn secret_unset(&self, place: &Place, key: &str) -> Result<()> {
        let request = SecretDeleteRequest {
            path: at!(SecretDeleteRequestPath, place, key: key.to_owned()),
            query: SecretDeleteRequestQuery::default(),
        };
        let answer = self.client.secret_delete(request).await;
        let removed = self.done(&format!("removing {key}"), answer).await;
        removed.map(|_| ()).or_missing(
            || format!("secret {key} of {}", place.short()),
            &format!("segue secret list {}", place.flags()),
        )
    }
}
