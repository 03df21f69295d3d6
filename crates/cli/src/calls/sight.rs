//! What is looked at in depth: one instance's reasons, differences of releases, figures; sessions in browsers.

use segue_client::*;

use super::{MOST_ITEMS, OrMissing as _, missing};
use crate::commands::Place;
use crate::error::Result;
use crate::session::Session;

impl Session {
    /// Why an instance is where and how it is.
    pub async fn instance_why(&self, place: &Place, name: &str) -> Result<Why> {
        let path = at!(InstanceWhyRequestPath, place, instance: name.to_owned());
        let answer = self.client.instance_why(InstanceWhyRequest { path }).await;
        let found = self.maybe(&format!("looking at {name}"), answer).await?;
        found.ok_or_else(|| {
            missing(
                format!("instance {name} of {}", place.short()),
                &format!("segue ps {}", place.flags()),
            )
        })
    }

    pub async fn release_diff(
        &self,
        place: &Place,
        version: i64,
        other: i64,
    ) -> Result<ReleaseDiff> {
        let path = at!(ReleaseDiffRequestPath, place, version: version, other: other);
        let answer = self.client.release_diff(ReleaseDiffRequest { path }).await;
        let found = self
            .maybe(&format!("comparing v{version} with v{other}"), answer)
            .await?;
        found.ok_or_else(|| {
            missing(
                format!("v{version} or no v{other} of {}", place.short()),
                &format!("segue releases list {}", place.flags()),
            )
        })
    }

    /// Requests over time.
    pub async fn metrics(
        &self,
        place: &Place,
        since: Option<String>,
        step: Option<i32>,
    ) -> Result<Metrics> {
        let request = MetricsSeriesRequest {
            path: at!(MetricsSeriesRequestPath, place),
            query: MetricsSeriesRequestQuery { since, step },
        };
        let answer = self.client.metrics_series(request).await;
        self.read(&format!("reading figures of {}", place.short()), answer)
            .await
    }

    /// The person's sessions in browsers.
    pub async fn session_list(&self) -> Result<Vec<segue_client::Session>> {
        every_page!(self, "listing sessions", |cursor| self.client.session_list(
            SessionListRequest {
                query: SessionListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take()
                },
            }
        ))
    }

    pub async fn session_delete(&self, id: &str) -> Result<()> {
        let path = SessionDeleteRequestPath {
            session: id.to_owned(),
        };
        let answer = self
            .client
            .session_delete(SessionDeleteRequest { path })
            .await;
        let ended = self.done(&format!("ending session {id}"), answer).await;
        ended
            .map(|_| ())
            .or_missing(|| format!("session {id}"), "segue sessions list")
    }
}
