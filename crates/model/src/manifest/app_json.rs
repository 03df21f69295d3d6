//! app.json: variables (`env`) and replica counts (`formation`); everything else in it means nothing here.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ConfigEntry;
use crate::name::{ConfigKey, ServiceName};
use crate::spec::bounds;

/// What app.json says that Segue uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppJson {
    /// Variables.
    pub config: BTreeMap<ConfigKey, ConfigEntry>,
    /// Replicas of services.
    pub replicas: BTreeMap<ServiceName, u32>,
}

/// An app.json that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("app.json: {0}")]
pub struct InvalidAppJson(String);

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    env: BTreeMap<ConfigKey, RawVariable>,
    formation: BTreeMap<ServiceName, RawFormation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawVariable {
    Value(String),
    Described {
        value: Option<String>,
        generator: Option<String>,
        required: Option<bool>,
    },
}

#[derive(Deserialize)]
struct RawFormation {
    quantity: Option<u32>,
}

impl AppJson {
    /// Parses the text.
    ///
    /// # Errors
    /// A sentence about the first thing that cannot be read.
    pub fn parse(text: &str) -> Result<Self, InvalidAppJson> {
        let raw: Raw = serde_json::from_str(text).map_err(|e| InvalidAppJson(e.to_string()))?;
        if raw.env.len() > bounds::CONFIG_KEYS {
            let most = bounds::CONFIG_KEYS;
            return Err(InvalidAppJson(format!("more than {most} variables")));
        }
        for (key, variable) in &raw.env {
            let value = match variable {
                RawVariable::Value(value) => Some(value),
                RawVariable::Described { value, .. } => value.as_ref(),
            };
            if value.is_some_and(|value| !bounds::is_value(value)) {
                let most = bounds::VALUE_BYTES;
                let reason = format!("env.{key}: at most {most} bytes, without NUL");
                return Err(InvalidAppJson(reason));
            }
        }
        let config = raw
            .env
            .into_iter()
            .filter(|(key, _)| bounds::reserved(key.as_str()).is_none())
            .map(|(key, variable)| (key, entry(variable)))
            .collect();
        let mut replicas = BTreeMap::new();
        for (name, formation) in raw.formation {
            if let Some(quantity) = formation.quantity {
                if !bounds::REPLICAS.contains(&quantity) {
                    let most = bounds::REPLICAS.end();
                    let reason = format!("formation.{name}: more than {most} replicas");
                    return Err(InvalidAppJson(reason));
                }
                replicas.insert(name, quantity);
            }
        }
        Ok(Self { config, replicas })
    }
}

fn entry(variable: RawVariable) -> ConfigEntry {
    match variable {
        RawVariable::Value(value) => ConfigEntry::Value(value),
        RawVariable::Described {
            value: Some(value), ..
        } => ConfigEntry::Value(value),
        RawVariable::Described {
            generator: Some(generator),
            ..
        } if generator == "secret" => ConfigEntry::Generate,
        // app.json means "required" unless it says otherwise.
        RawVariable::Described { required, .. } => ConfigEntry::Secret {
            required: required.unwrap_or(true),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_formation_are_read() {
        let text = r#"{"name": "x", "env": {"A": "1", "B": {"generator": "secret"}, "C": {"description": "c"},
            "D": {"required": false}, "PORT": "1"}, "formation": {"web": {"quantity": 2, "size": "x"}}}"#;
        let parsed = AppJson::parse(text).unwrap();
        let get = |key: &str| parsed.config.get(&ConfigKey::new(key).unwrap()).cloned();
        assert_eq!(get("A"), Some(ConfigEntry::Value("1".into())));
        assert_eq!(get("B"), Some(ConfigEntry::Generate));
        assert_eq!(get("C"), Some(ConfigEntry::Secret { required: true }));
        assert_eq!(get("D"), Some(ConfigEntry::Secret { required: false }));
        assert_eq!(get("PORT"), None);
        assert_eq!(parsed.replicas.values().copied().collect::<Vec<_>>(), [2]);
        assert!(AppJson::parse("{").is_err());
        let long = format!(
            r#"{{"env": {{"A": "{}"}}}}"#,
            "x".repeat(bounds::VALUE_BYTES + 1)
        );
        assert!(AppJson::parse(&long).is_err());
        assert!(AppJson::parse(r#"{"env": {"a b": "1"}}"#).is_err());
    }
}
