//! Who is signed in, apps, environments and their specification.

use reqwest::Response;
use segue_client::*;

use super::{MOST_ITEMS, etag, missing};
use crate::commands::Place;
use crate::error::Result;
use crate::session::Session;

impl Session {
    /// Who is signed in.
    pub async fn me(&self) -> Result<Me> {
        self.read(
            "asking who is signed in",
            self.client.me_get(MeGetRequest {}).await,
        )
        .await
    }

    /// The server's version.
    pub async fn version(&self) -> Result<String> {
        let answer = self.client.health_get(HealthGetRequest {}).await;
        Ok(self.read("asking for the version", answer).await?.version)
    }

    /// Whether the server can serve, with the headers of its answer.
    pub async fn ready(&self) -> Result<Response> {
        let request = self.request(reqwest::Method::GET, self.url(&["readyz"]));
        let what = "asking whether the server is ready";
        let response = self.ask(what, request).await?;
        self.check(what, response).await
    }

    pub async fn app_list(&self, team: &str) -> Result<Vec<App>> {
        every_page!(self, "listing apps", |cursor| self.client.app_list(
            AppListRequest {
                path: AppListRequestPath {
                    team: team.to_owned()
                },
                query: AppListRequestQuery {
                    environments: None,
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }
        ))
    }

    pub async fn app_get(&self, place: &Place) -> Result<App> {
        let found = self.app_maybe(place).await?;
        found.ok_or_else(|| {
            missing(
                format!("app {}/{}", place.team, place.app),
                &format!("segue apps list -t {}", place.team),
            )
        })
    }

    pub async fn app_maybe(&self, place: &Place) -> Result<Option<App>> {
        let path = AppGetRequestPath {
            team: place.team.clone(),
            app: place.app.clone(),
        };
        let answer = self.client.app_get(AppGetRequest { path }).await;
        self.maybe(&format!("looking for app {}", place.app), answer)
            .await
    }

    pub async fn app_create(&self, place: &Place, key: Option<String>) -> Result<App> {
        let request = AppCreateRequest {
            path: AppCreateRequestPath {
                team: place.team.clone(),
            },
            header: AppCreateRequestHeader {
                idempotency_key: key,
            },
            body: AppCreate {
                name: place.app.clone(),
                ..AppCreate::default()
            },
        };
        let answer = self.client.app_create(request).await;
        self.value(&format!("making app {}", place.app), answer)
            .await
    }

    /// Changes something of an app; null means something, so that it is sent as it is.
    pub async fn app_change(
        &self,
        place: &Place,
        generation: i64,
        body: &serde_json::Value,
    ) -> Result<()> {
        let what = format!("changing app {}", place.app);
        let url = self.url(&["v1", "teams", &place.team, "apps", &place.app]);
        self.patch(&what, url, Some(generation), body).await
    }

    pub async fn app_delete(&self, place: &Place, generation: i64) -> Result<()> {
        let request = AppDeleteRequest {
            path: AppDeleteRequestPath {
                team: place.team.clone(),
                app: place.app.clone(),
            },
            header: AppDeleteRequestHeader {
                if_match: etag(generation),
            },
        };
        let answer = self.client.app_delete(request).await;
        self.done(&format!("removing app {}", place.app), answer)
            .await
            .map(|_| ())
    }

    pub async fn env_list(&self, place: &Place) -> Result<Vec<Environment>> {
        every_page!(self, "listing environments", |cursor| self
            .client
            .environment_list(EnvironmentListRequest {
                path: EnvironmentListRequestPath {
                    team: place.team.clone(),
                    app: place.app.clone()
                },
                query: EnvironmentListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }))
    }

    pub async fn env_get(&self, place: &Place) -> Result<Environment> {
        let found = self.env_maybe(place).await?;
        found.ok_or_else(|| missing(place.short(), &format!("segue envs list -a {}", place.app)))
    }

    pub async fn env_maybe(&self, place: &Place) -> Result<Option<Environment>> {
        let request = EnvironmentGetRequest {
            path: at!(EnvironmentGetRequestPath, place),
        };
        let answer = self.client.environment_get(request).await;
        self.maybe(&format!("looking for {}", place.short()), answer)
            .await
    }

    pub async fn env_create(&self, place: &Place, key: Option<String>) -> Result<Environment> {
        let body = EnvironmentCreate {
            name: place.env.clone(),
            ..EnvironmentCreate::default()
        };
        self.env_make(place, body, key).await
    }

    /// Makes an environment with all that may be said of a new one.
    pub async fn env_make(
        &self,
        place: &Place,
        body: EnvironmentCreate,
        key: Option<String>,
    ) -> Result<Environment> {
        let request = EnvironmentCreateRequest {
            path: EnvironmentCreateRequestPath {
                team: place.team.clone(),
                app: place.app.clone(),
            },
            header: EnvironmentCreateRequestHeader {
                idempotency_key: key,
            },
            body,
        };
        let answer = self.client.environment_create(request).await;
        self.value(&format!("making environment {}", place.short()), answer)
            .await
    }

    /// Changes one property of an environment; null means something, so that it is sent as it is.
    pub async fn env_change(
        &self,
        place: &Place,
        generation: i64,
        body: &serde_json::Value,
    ) -> Result<()> {
        let what = format!("changing {}", place.short());
        let url = self.url(&place.path(&[]));
        self.patch(&what, url, Some(generation), body).await
    }

    /// A merge patch (RFC 7396).
    pub async fn patch(
        &self,
        what: &str,
        url: reqwest::Url,
        generation: Option<i64>,
        body: &serde_json::Value,
    ) -> Result<()> {
        let mut request = self
            .request(reqwest::Method::PATCH, url)
            .header("content-type", "application/merge-patch+json")
            .body(body.to_string());
        if let Some(generation) = generation {
            request = request.header("if-match", etag(generation));
        }
        let response = self.send(what, request).await?;
        self.check(what, response).await.map(|_| ())
    }

    pub async fn env_delete(&self, place: &Place, generation: i64) -> Result<()> {
        let request = EnvironmentDeleteRequest {
            path: at!(EnvironmentDeleteRequestPath, place),
            header: EnvironmentDeleteRequestHeader {
                if_match: etag(generation),
            },
        };
        let answer = self.client.environment_delete(request).await;
        self.done(&format!("removing {}", place.short()), answer)
            .await
            .map(|_| ())
    }

    pub async fn spec_put(
        &self,
        place: &Place,
        generation: i64,
        spec: &EnvironmentSpec,
        dry_run: bool,
    ) -> Result<SpecView> {
        let request = SpecPutRequest {
            path: at!(SpecPutRequestPath, place),
            query: SpecPutRequestQuery {
                dry_run: Some(dry_run),
            },
            header: SpecPutRequestHeader {
                if_match: etag(generation),
            },
            body: spec.clone(),
        };
        let answer = self.client.spec_put(request).await;
        self.value(&format!("applying to {}", place.short()), answer)
            .await
    }
}
