//! What runs: services, instances, hosts, logs.

use std::collections::BTreeMap;

use reqwest::Url;
use segue_client::*;

use super::{MOST_ITEMS, OrMissing as _, failed_in_build, missing, too_many};
use crate::commands::Place;
use crate::error::Result;
use crate::session::Session;

impl Session {
    pub async fn service_list(&self, place: &Place) -> Result<Vec<ServiceView>> {
        let what = format!("listing services of {}", place.short());
        every_page!(self, &what, |cursor| self.client.service_list(
            ServiceListRequest {
                path: at!(ServiceListRequestPath, place),
                query: ServiceListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take(),
                },
            }
        ))
    }

    pub async fn scale(
        &self,
        place: &Place,
        wanted: &BTreeMap<String, u32>,
        key: Option<String>,
    ) -> Result<ScaleView> {
        let replicas = wanted
            .iter()
            .map(|(name, count)| {
                Ok((
                    name.clone(),
                    i32::try_from(*count).map_err(|_| too_many(name))?,
                ))
            })
            .collect::<Result<_>>()?;
        let request = ScaleSetRequest {
            path: at!(ScaleSetRequestPath, place),
            header: ScaleSetRequestHeader {
                idempotency_key: key,
            },
            body: ScaleSet { replicas },
        };
        let answer = self.client.scale_set(request).await;
        self.value(&format!("scaling {}", place.short()), answer)
            .await
    }

    /// Instances that are wanted or still there.
    pub async fn instance_list(&self, place: &Place) -> Result<Vec<Instance>> {
        self.instances(place, false).await
    }

    /// Also the last ones that are gone.
    pub async fn instance_list_all(&self, place: &Place) -> Result<Vec<Instance>> {
        self.instances(place, true).await
    }

    async fn instances(&self, place: &Place, gone: bool) -> Result<Vec<Instance>> {
        let what = format!("listing instances of {}", place.short());
        every_page!(self, &what, |cursor| self.client.instance_list(
            InstanceListRequest {
                path: at!(InstanceListRequestPath, place),
                query: InstanceListRequestQuery {
                    gone: Some(gone),
                    limit: Some(100),
                    cursor: cursor.take(),
                    ..InstanceListRequestQuery::default()
                },
            }
        ))
    }

    /// An instance by its name, `web.2`.
    pub async fn instance_get(&self, place: &Place, name: &str) -> Result<Instance> {
        let request = InstanceGetRequest {
            path: at!(InstanceGetRequestPath, place, instance: name.to_owned()),
        };
        let answer = self.client.instance_get(request).await;
        let found = self.maybe(&format!("looking for {name}"), answer).await?;
        found.ok_or_else(|| {
            missing(
                format!("instance {name} of {}", place.short()),
                &format!("segue ps {}", place.flags()),
            )
        })
    }

    /// Asks that an instance be replaced.
    pub async fn instance_replace(
        &self,
        place: &Place,
        instance: &Instance,
        key: Option<String>,
    ) -> Result<Instance> {
        let request = InstanceReplaceRequest {
            path: at!(InstanceReplaceRequestPath, place, instance: instance.id.clone()),
            query: InstanceReplaceRequestQuery::default(),
            header: InstanceReplaceRequestHeader {
                idempotency_key: key,
            },
        };
        let answer = self.client.instance_replace(request).await;
        self.value(&format!("replacing {}", instance.name), answer)
            .await
    }

    pub async fn host_list(&self) -> Result<Vec<Host>> {
        every_page!(self, "listing hosts", |cursor| self.client.host_list(
            HostListRequest {
                query: HostListRequestQuery {
                    limit: Some(100),
                    cursor: cursor.take(),
                },
            }
        ))
    }

    pub async fn host_get(&self, name: &str) -> Result<Host> {
        let path = HostGetRequestPath {
            host: name.to_owned(),
        };
        let answer = self.client.host_get(HostGetRequest { path }).await;
        let found = self
            .maybe(&format!("looking for host {name}"), answer)
            .await?;
        found.ok_or_else(|| missing(format!("host {name}"), "segue hosts list"))
    }

    pub async fn host_cordon(&self, name: &str) -> Result<Host> {
        let path = HostCordonRequestPath {
            host: name.to_owned(),
        };
        let answer = self.client.host_cordon(HostCordonRequest { path }).await;
        let host = self.value(&format!("cordoning {name}"), answer).await;
        host.or_missing(|| format!("host {name}"), "segue hosts list")
    }

    pub async fn host_uncordon(&self, name: &str) -> Result<Host> {
        let path = HostUncordonRequestPath {
            host: name.to_owned(),
        };
        let answer = self
            .client
            .host_uncordon(HostUncordonRequest { path })
            .await;
        let host = self.value(&format!("uncordoning {name}"), answer).await;
        host.or_missing(|| format!("host {name}"), "segue hosts list")
    }

    /// One page of a log, by its address with parameters.
    pub async fn log_page(&self, url: Url) -> Result<Vec<LogLine>> {
        let request = self
            .request(reqwest::Method::GET, url)
            .header("accept", "application/json");
        let what = "reading the log";
        let response = self.ask(what, request).await?;
        let response = self.check(what, response).await?;
        let page: LogPage = self.json(what, response).await?;
        Ok(page.items)
    }

    /// The last lines that a failed deployment wrote: its build's, or its instances'. Empty if there are none.
    pub async fn last_lines(
        &self,
        place: &Place,
        deployment: &Deployment,
        count: u32,
    ) -> Vec<String> {
        let path = match deployment.builds.last() {
            Some(build) if failed_in_build(deployment) => place.path(&["builds", build, "log"]),
            _ => place.path(&["logs"]),
        };
        let mut url = self.url(&path);
        url.query_pairs_mut()
            .append_pair("tail", &count.to_string())
            .append_pair("since", &deployment.created_at.to_rfc3339());
        // What helps to understand a failure must not hide it by its own.
        let lines = self.log_page(url).await.unwrap_or_default();
        lines.into_iter().map(|line| line.text).collect()
    }
}
