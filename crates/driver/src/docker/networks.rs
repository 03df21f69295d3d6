//! Networks of environments, and names on them.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{
    Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
};
use bollard::query_parameters as query;
use ipnet::Ipv4Net;
use segue_model::id::EnvironmentId;
use segue_model::network::ForeignNetwork;

use super::Docker;
use crate::body::endpoint;
use crate::driver::{FOREIGN_LIMIT, Result};
use crate::error::DriverError;
use crate::spec::label;
use crate::types::{ContainerName, NetworkName, NetworkSpec};

/// The longest name of a network that is kept.
const NAME_LIMIT: usize = 128;

/// What `docker network inspect` finds a network by, fit to be typed: others may have given it any name.
fn findable(name: String, id: Option<String>) -> String {
    let plain = !name.is_empty()
        && name.len() <= NAME_LIMIT
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if plain {
        return name;
    }
    id.unwrap_or_default().chars().take(12).collect()
}

impl Docker {
    pub(super) async fn network_ensure(&self, spec: &NetworkSpec) -> Result<()> {
        if self.network_check(spec).await? {
            return Ok(());
        }
        let labels = [
            (label::INSTALLATION, self.owner.installation.to_string()),
            (label::TEAM, spec.team.to_string()),
            (label::ENVIRONMENT, spec.name.environment().to_string()),
            (label::SUBNET, spec.subnet.to_string()),
        ];
        let config = IpamConfig {
            subnet: Some(spec.subnet.to_string()),
            gateway: Some(spec.gateway.to_string()),
            ..Default::default()
        };
        let request = NetworkCreateRequest {
            name: spec.name.to_string(),
            driver: Some("bridge".to_owned()),
            internal: Some(matches!(spec.name, NetworkName::Names(_))),
            ipam: Some(Ipam {
                config: Some(vec![config]),
                ..Default::default()
            }),
            labels: Some(
                labels
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect(),
            ),
            ..Default::default()
        };
        match self
            .api
            .create_network(request)
            .await
            .map_err(DriverError::from)
        {
            Ok(_) => Ok(()),
            // Made by another call meanwhile, or the subnet overlaps with another network's.
            Err(DriverError::Conflict(why) | DriverError::BadConfig(why)) => {
                if self.network_check(spec).await? {
                    Ok(())
                } else {
                    Err(DriverError::Conflict(why))
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Whether it is there as it shall be.
    async fn network_check(&self, spec: &NetworkSpec) -> Result<bool> {
        let name = spec.name.to_string();
        let options = None::<query::InspectNetworkOptions>;
        let found = match self
            .api
            .inspect_network(&name, options)
            .await
            .map_err(DriverError::from)
        {
            Err(DriverError::NotFound(_)) => return Ok(false),
            other => other?,
        };
        self.network_ours(&name, &found.labels.unwrap_or_default())?;
        let configs = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let subnet = spec.subnet.to_string();
        if configs
            .iter()
            .any(|config| config.subnet.as_deref() == Some(subnet.as_str()))
        {
            Ok(true)
        } else {
            Err(DriverError::Conflict(format!(
                "{name} exists with another subnet than {subnet}"
            )))
        }
    }

    fn network_ours(&self, name: &str, labels: &HashMap<String, String>) -> Result<()> {
        let installation = self.owner.installation.to_string();
        match labels.get(label::INSTALLATION) {
            Some(found) if *found == installation => Ok(()),
            _ => Err(DriverError::NotOurs(name.to_owned())),
        }
    }

    pub(super) async fn network_remove(&self, name: NetworkName) -> Result<()> {
        let name = name.to_string();
        let options = None::<query::InspectNetworkOptions>;
        let found = match self
            .api
            .inspect_network(&name, options)
            .await
            .map_err(DriverError::from)
        {
            Err(DriverError::NotFound(_)) => return Ok(()),
            other => other?,
        };
        self.network_ours(&name, &found.labels.unwrap_or_default())?;
        match self
            .api
            .remove_network(&found.id.unwrap_or(name))
            .await
            .map_err(DriverError::from)
        {
            Err(DriverError::NotFound(_)) => Ok(()),
            // 403 with "has active endpoints".
            Err(DriverError::BadConfig(why)) => Err(DriverError::Conflict(why)),
            other => other,
        }
    }

    pub(super) async fn network_list(&self) -> Result<Vec<NetworkName>> {
        let options = query::ListNetworksOptions {
            filters: Some(self.filter()),
        };
        let found = self.api.list_networks(Some(options)).await?;
        let mut names: Vec<NetworkName> = found
            .into_iter()
            .filter_map(|network| {
                let labels = network.labels.unwrap_or_default();
                let environment: EnvironmentId = labels.get(label::ENVIRONMENT)?.parse().ok()?;
                let name = network.name?;
                [
                    NetworkName::Traffic(environment),
                    NetworkName::Names(environment),
                ]
                .into_iter()
                .find(|candidate| candidate.to_string() == name)
            })
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Every other network's subnets: of other installations, and of whoever else uses the engine.
    pub(super) async fn network_foreign(&self) -> Result<Vec<ForeignNetwork>> {
        let found = self
            .api
            .list_networks(None::<query::ListNetworksOptions>)
            .await?;
        let installation = self.owner.installation.to_string();
        let mut foreign: Vec<ForeignNetwork> = found
            .into_iter()
            .filter(|network| {
                let labels = network.labels.as_ref();
                labels.and_then(|labels| labels.get(label::INSTALLATION)) != Some(&installation)
            })
            .flat_map(|network| {
                let name = findable(network.name.unwrap_or_default(), network.id);
                let configs = network.ipam.and_then(|ipam| ipam.config);
                (configs.unwrap_or_default().into_iter())
                    .filter_map(|config| config.subnet?.parse::<Ipv4Net>().ok())
                    .map(move |subnet| ForeignNetwork {
                        name: name.clone(),
                        subnet: subnet.trunc(),
                    })
            })
            .collect();
        foreign.sort_unstable();
        foreign.truncate(FOREIGN_LIMIT);
        Ok(foreign)
    }

    /// Sets the alias of a container on its environment's names network, at the address it has there.
    ///
    /// An alias belongs to an endpoint, so a change is a disconnect and a connect. The address stays, therefore
    /// established connections do too; nothing else of the container's networking is touched.
    pub(super) async fn alias_set(
        &self,
        name: &ContainerName,
        alias: Option<&str>,
        address: Ipv4Addr,
    ) -> Result<()> {
        let found = self.find(name).await?;
        let Some(identity) = found.identity else {
            return Err(DriverError::NotOurs(name.to_string()));
        };
        let network = NetworkName::Names(identity.environment).to_string();
        let options = None::<query::InspectContainerOptions>;
        let inspected = self
            .api
            .inspect_container(&found.engine_id, options)
            .await?;
        let networks = inspected
            .network_settings
            .and_then(|settings| settings.networks)
            .unwrap_or_default();
        if let Some(current) = networks.get(&network) {
            // The engine adds the short id to the aliases by itself.
            let aliases = current.aliases.as_deref().unwrap_or_default();
            let mut ours = aliases
                .iter()
                .filter(|alias| !found.engine_id.starts_with(alias.as_str()));
            let there = current
                .ipam_config
                .as_ref()
                .and_then(|config| config.ipv4_address.as_deref());
            if ours.next().map(String::as_str) == alias
                && there == Some(address.to_string().as_str())
            {
                return Ok(());
            }
            let request = NetworkDisconnectRequest {
                container: found.engine_id.clone(),
                force: Some(false),
            };
            self.api.disconnect_network(&network, request).await?;
        }
        let request = NetworkConnectRequest {
            container: found.engine_id,
            endpoint_config: Some(endpoint(address, alias)),
        };
        Ok(self.api.connect_network(&network, request).await?)
    }
}
