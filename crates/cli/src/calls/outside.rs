//! What reaches in and out: hooks, webhooks, credentials; locks and freeze windows.

use segue_client::*;

use super::{MOST_ITEMS, OrMissing as _, etag, missing};
use crate::commands::Place;
use crate::error::Result;
use crate::session::Session;

/// Calls and deliveries that are shown at most: the newest are what people look for.
const CALLS: i32 = 50;

impl Session {
    pub async fn hook_list(&self, place: &Place) -> Result<Vec<Hook>> {
        let what = format!("listing hooks of {}", place.app);
        every_page!(self, &what, |cursor| self.client.hook_list(
            HookListRequest {
                path: of!(HookListRequestPath, place),
                query: HookListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }
        ))
    }

    pub async fn hook_create(
        &self,
        place: &Place,
        kind: Forge,
        key: Option<String>,
    ) -> Result<Hook> {
        let request = HookCreateRequest {
            path: of!(HookCreateRequestPath, place),
            header: HookCreateRequestHeader {
                idempotency_key: key,
            },
            body: HookCreate { kind },
        };
        let answer = self.client.hook_create(request).await;
        self.value(&format!("making a hook of {}", place.app), answer)
            .await
    }

    pub async fn hook_delete(&self, place: &Place, id: &str) -> Result<()> {
        let path = of!(HookDeleteRequestPath, place, hook: id.to_owned());
        let answer = self.client.hook_delete(HookDeleteRequest { path }).await;
        let removed = self.done(&format!("removing hook {id}"), answer).await;
        removed.map(|_| ()).or_missing(
            || format!("hook {id} of {}", place.app),
            &format!("segue hooks list -a {}", place.app),
        )
    }

    /// The last calls of a hook, newest first.
    pub async fn hook_calls(&self, place: &Place, id: &str) -> Result<Vec<HookCall>> {
        let request = HookDeliveryListRequest {
            path: of!(HookDeliveryListRequestPath, place, hook: id.to_owned()),
            query: HookDeliveryListRequestQuery {
                limit: Some(CALLS),
                cursor: None,
            },
        };
        let answer = self.client.hook_delivery_list(request).await;
        let what = format!("listing calls of hook {id}");
        let found = self.maybe(&what, answer).await?;
        let page = found.ok_or_else(|| {
            missing(
                format!("hook {id} of {}", place.app),
                &format!("segue hooks list -a {}", place.app),
            )
        })?;
        Ok(page.items)
    }

    pub async fn webhook_list(&self, team: &str) -> Result<Vec<Webhook>> {
        every_page!(self, "listing webhooks", |cursor| self.client.webhook_list(
            WebhookListRequest {
                path: WebhookListRequestPath {
                    team: team.to_owned()
                },
                query: WebhookListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }
        ))
    }

    pub async fn webhook_create(
        &self,
        team: &str,
        body: WebhookCreate,
        key: Option<String>,
    ) -> Result<Webhook> {
        let what = format!("making webhook {}", body.name);
        let request = WebhookCreateRequest {
            path: WebhookCreateRequestPath {
                team: team.to_owned(),
            },
            header: WebhookCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.webhook_create(request).await;
        self.value(&what, answer).await
    }

    pub async fn webhook_update(
        &self,
        team: &str,
        webhook: &Webhook,
        body: WebhookUpdate,
    ) -> Result<Webhook> {
        let request = WebhookUpdateRequest {
            path: WebhookUpdateRequestPath {
                team: team.to_owned(),
                webhook: webhook.id.clone(),
            },
            header: WebhookUpdateRequestHeader {
                if_match: etag(webhook.generation),
            },
            body,
        };
        let answer = self.client.webhook_update(request).await;
        self.value(&format!("changing webhook {}", webhook.name), answer)
            .await
    }

    pub async fn webhook_delete(&self, team: &str, id: &str) -> Result<()> {
        let path = WebhookDeleteRequestPath {
            team: team.to_owned(),
            webhook: id.to_owned(),
        };
        let answer = self
            .client
            .webhook_delete(WebhookDeleteRequest { path })
            .await;
        self.done(&format!("removing webhook {id}"), answer)
            .await
            .map(|_| ())
    }

    /// What was told lately, newest first.
    pub async fn webhook_deliveries(&self, team: &str, id: &str) -> Result<Vec<WebhookDelivered>> {
        let request = WebhookDeliveryListRequest {
            path: WebhookDeliveryListRequestPath {
                team: team.to_owned(),
                webhook: id.to_owned(),
            },
            query: WebhookDeliveryListRequestQuery {
                limit: Some(CALLS),
                cursor: None,
            },
        };
        let answer = self.client.webhook_delivery_list(request).await;
        Ok(self.read("listing deliveries", answer).await?.items)
    }

    /// Has a delivery tried once more.
    pub async fn webhook_retry(
        &self,
        team: &str,
        webhook: &Webhook,
        delivery: &str,
        key: Option<String>,
    ) -> Result<WebhookDelivered> {
        let request = WebhookDeliveryRetryRequest {
            path: WebhookDeliveryRetryRequestPath {
                team: team.to_owned(),
                webhook: webhook.id.clone(),
                delivery: delivery.to_owned(),
            },
            header: WebhookDeliveryRetryRequestHeader {
                idempotency_key: key,
            },
        };
        let answer = self.client.webhook_delivery_retry(request).await;
        let told = self.maybe("telling it again", answer).await?;
        told.ok_or_else(|| {
            missing(
                format!("delivery {delivery} of webhook {}", webhook.name),
                &format!("segue webhooks deliveries {}", webhook.name),
            )
        })
    }

    pub async fn webhook_test(
        &self,
        team: &str,
        id: &str,
        key: Option<String>,
    ) -> Result<WebhookDelivered> {
        let request = WebhookTestRequest {
            path: WebhookTestRequestPath {
                team: team.to_owned(),
                webhook: id.to_owned(),
            },
            header: WebhookTestRequestHeader {
                idempotency_key: key,
            },
        };
        let answer = self.client.webhook_test(request).await;
        self.value("sending a test", answer).await
    }

    pub async fn credential_list(&self, team: &str) -> Result<Vec<Registry>> {
        every_page!(self, "listing credentials", |cursor| self
            .client
            .registry_list(RegistryListRequest {
                path: RegistryListRequestPath {
                    team: team.to_owned()
                },
                query: RegistryListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }))
    }

    pub async fn credential_set(
        &self,
        team: &str,
        body: RegistryCreate,
        key: Option<String>,
    ) -> Result<Registry> {
        let what = format!("keeping the credential for {}", body.host);
        let request = RegistryCreateRequest {
            path: RegistryCreateRequestPath {
                team: team.to_owned(),
            },
            header: RegistryCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.registry_create(request).await;
        self.value(&what, answer).await
    }

    pub async fn credential_delete(&self, team: &str, id: &str) -> Result<()> {
        let path = RegistryDeleteRequestPath {
            team: team.to_owned(),
            registry: id.to_owned(),
        };
        let answer = self
            .client
            .registry_delete(RegistryDeleteRequest { path })
            .await;
        self.done(&format!("removing credential {id}"), answer)
            .await
            .map(|_| ())
    }

    pub async fn lock_list(&self, place: &Place) -> Result<Vec<Lock>> {
        let path = of!(LockGetRequestPath, place);
        let answer = self.client.lock_get(LockGetRequest { path }).await;
        let what = format!("listing locks of {}", place.app);
        Ok(self.read(&what, answer).await?.items)
    }

    pub async fn lock_create(
        &self,
        place: &Place,
        body: LockCreate,
        key: Option<String>,
    ) -> Result<Lock> {
        let request = LockCreateRequest {
            path: of!(LockCreateRequestPath, place),
            header: LockCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.lock_create(request).await;
        self.value(&format!("locking {}", place.app), answer).await
    }

    /// Takes away the lock of an environment, or that of the whole app.
    pub async fn lock_delete(&self, place: &Place, environment: Option<String>) -> Result<()> {
        let request = LockDeleteRequest {
            path: of!(LockDeleteRequestPath, place),
            query: LockDeleteRequestQuery { environment },
        };
        let answer = self.client.lock_delete(request).await;
        self.done(&format!("unlocking {}", place.app), answer)
            .await
            .map(|_| ())
    }

    pub async fn freeze_list(&self, place: &Place) -> Result<Vec<FreezeWindow>> {
        every_page!(self, "listing freeze windows", |cursor| self
            .client
            .freeze_list(FreezeListRequest {
                path: of!(FreezeListRequestPath, place),
                query: FreezeListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }))
    }

    pub async fn freeze_create(
        &self,
        place: &Place,
        body: FreezeCreate,
        key: Option<String>,
    ) -> Result<FreezeWindow> {
        let request = FreezeCreateRequest {
            path: of!(FreezeCreateRequestPath, place),
            header: FreezeCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.freeze_create(request).await;
        self.value("making a freeze window", answer).await
    }

    pub async fn freeze_delete(&self, place: &Place, id: &str) -> Result<()> {
        let path = of!(FreezeDeleteRequestPath, place, freeze: id.to_owned());
        let answer = self
            .client
            .freeze_delete(FreezeDeleteRequest { path })
            .await;
        let what = format!("removing freeze window {id}");
        let removed = self.done(&what, answer).await;
        removed.map(|_| ()).or_missing(
            || format!("freeze window {id} of {}", place.app),
            &format!("segue freezes list -a {}", place.app),
        )
    }
}
