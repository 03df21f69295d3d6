//! `[config]` of a manifest, and `[services.NAME.config]`.

use std::collections::BTreeMap;

use super::error::nearest;
use super::node::Value;
use super::rules;
use super::walk::{Later, Place, Walk, shown};
use super::{ConfigEntry, ManifestService, Property, Reference};
use crate::name::{ConfigKey, ServiceName};
use crate::spec::bounds;

const CONFIG: &[&str] = &["value", "from", "generate", "secret", "required"];
const CONFIG_LATER: &[Later] = &[(
    "deliver",
    "remove it: values are delivered as environment variables",
)];

/// Reads a table of variables. References may name any service of the file.
pub(super) fn config(
    walk: &mut Walk,
    place: &Place<'_>,
    services: &BTreeMap<ServiceName, ManifestService>,
) -> BTreeMap<ConfigKey, ConfigEntry> {
    let entries = walk.entries(place);
    if entries.len() > bounds::CONFIG_KEYS {
        walk.error(
            place,
            format!("more than {} keys", bounds::CONFIG_KEYS),
            None,
        );
    }
    let mut config = BTreeMap::new();
    for (key, _, inner) in entries {
        let parsed: Option<ConfigKey> = walk.name(key, &inner);
        if let Some(instead) = bounds::reserved(key) {
            walk.error(
                &inner,
                format!("{key} is given by Segue"),
                Some(instead.to_owned()),
            );
            continue;
        }
        let entry = match &inner.node.value {
            Value::Table(_) => config_table(walk, &inner, services),
            _ => walk
                .text(&inner)
                .and_then(|text| config_value(walk, &inner, text)),
        };
        if let (Some(key), Some(entry)) = (parsed, entry) {
            config.insert(key, entry);
        }
    }
    config
}

fn config_value(walk: &mut Walk, place: &Place<'_>, text: &str) -> Option<ConfigEntry> {
    if !bounds::is_value(text) {
        walk.error(place, "a value has at most 32 KiB and no NUL", None);
        return None;
    }
    Some(ConfigEntry::Value(text.to_owned()))
}

fn config_table(
    walk: &mut Walk,
    place: &Place<'_>,
    services: &BTreeMap<ServiceName, ManifestService>,
) -> Option<ConfigEntry> {
    let before = walk.errors.len();
    let fields = walk.table(place, CONFIG, CONFIG_LATER)?;
    let required = fields
        .get("required")
        .and_then(|p| walk.boolean(&p))
        .unwrap_or(false);
    let secret = fields
        .get("secret")
        .and_then(|p| walk.boolean(&p))
        .unwrap_or(false);
    let mut found = Vec::new();
    if let Some(p) = fields.get("value")
        && let Some(text) = walk.text(&p)
    {
        if secret {
            let instead = "remove `value`, and give it with: segue secret set";
            walk.error(
                &p,
                "a secret's value does not stand in the manifest",
                Some(instead.into()),
            );
        }
        found.extend(config_value(walk, &p, text));
    }
    if let Some(p) = fields.get("from") {
        found.extend(reference(walk, &p, services).map(ConfigEntry::From));
    }
    if let Some(p) = fields.get("generate")
        && walk.word(&p, &[("secret", ())], &[]).is_some()
    {
        found.push(ConfigEntry::Generate);
    }
    if found.is_empty() && (secret || required) {
        found.push(ConfigEntry::Secret { required });
    }
    if walk.errors.len() > before {
        return None;
    }
    if found.len() != 1 {
        let reason = "expected exactly one of value, from, generate, secret";
        walk.error(
            place,
            reason,
            Some("such as { secret = true, required = true }".into()),
        );
    }
    found.pop()
}

fn reference(
    walk: &mut Walk,
    place: &Place<'_>,
    services: &BTreeMap<ServiceName, ManifestService>,
) -> Option<Reference> {
    let text = walk.text(place)?;
    let mut parts = text.split('.');
    let (Some("services"), Some(name), Some(property), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        let reason = format!("{} names nothing", shown(text));
        walk.error(
            place,
            reason,
            Some("write \"services.NAME.address\"".into()),
        );
        return None;
    };
    let Some((service, found)) = services.iter().find(|(known, _)| known.as_str() == name) else {
        let near = nearest(name, services.keys().map(ServiceName::as_str));
        let suggestion = near.map(|near| format!("did you mean \"services.{near}.{property}\"?"));
        walk.error(place, format!("no service {}", shown(name)), suggestion);
        return None;
    };
    let property = match property {
        "host" => Property::Host,
        "port" => Property::Port,
        "address" => Property::Address,
        "url" => {
            let instead = "use host, port or address, and put the rest of the URL into a secret";
            walk.error(place, "`url` is not available yet", Some(instead.into()));
            return None;
        }
        other => {
            let reason = format!("a service has no property {}", shown(other));
            walk.error(place, reason, Some("one of host, port, address".into()));
            return None;
        }
    };
    let reference = Reference {
        service: service.clone(),
        property,
    };
    if rules::port_unknown(&reference, &found.spec) {
        let reason = format!("the port of service {service} is not known");
        walk.error(
            place,
            reason,
            Some(format!("set [services.{service}] port")),
        );
        return None;
    }
    Some(reference)
}
