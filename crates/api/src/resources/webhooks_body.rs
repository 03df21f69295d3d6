//! What is sent and shown of those who are told of events, and its checks.
//!
//! Invariant: of an address only the host or the mail address is shown; the whole of it may be a secret.

use segue_model::Timestamp;
use segue_model::id::{AppId, DeliveryId, WebhookId};
use segue_outbound::Target;
use segue_store::{WebhookDelivery, WebhookKind, WebhookView};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::wire::page::page;

/// What is told if nothing is said: how deployments go.
pub(super) const DEFAULT_EVENTS: &[&str] = &["deployment.changed"];
/// Kinds of one webhook.
const MAX_EVENTS: usize = 20;

/// How somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A request to `url`, signed as Standard Webhooks says.
    Standard,
    /// A message to the chat room of `url`: an incoming webhook of Slack or Mattermost.
    Chat,
    /// A mail to `address`.
    Mail,
}

impl From<Channel> for WebhookKind {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Standard => Self::Standard,
            Channel::Chat => Self::Chat,
            Channel::Mail => Self::Mail,
        }
    }
}

/// Somebody who is told of events.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    #[schema(value_type = String)]
    pub id: WebhookId,
    /// For people.
    pub name: String,
    /// How.
    pub kind: Channel,
    /// Host or mail address; the whole address is not shown, because it may be a secret.
    pub to: String,
    /// Events of this app only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub app: Option<AppId>,
    /// Kinds of events (`deployment.changed`), groups (`deployment.*`) or `*`.
    pub events: Vec<String>,
    /// Whether anything is told.
    pub enabled: bool,
    /// Why Segue stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disabled_reason: Option<String>,
    /// Nothing arrived since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub failing_since: Option<Timestamp>,
    /// What requests are signed with: only in the answer that made it, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub secret: Option<String>,
    /// Raised by every change; also the `ETag`.
    pub generation: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

page! {
    /// A page of webhooks, oldest first.
    WebhookPage of Webhook
}

/// Somebody new who is told. `url` for `standard` and `chat`, `address` for `mail`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookCreate {
    /// For people.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    pub name: String,
    /// How.
    pub kind: Channel,
    /// Address of a program or of a chat room's incoming webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 2000, write_only)]
    pub url: Option<String>,
    /// A mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 254)]
    pub address: Option<String>,
    /// Events of this app only, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 40)]
    pub app: Option<String>,
    /// Kinds of events (`deployment.changed`), groups (`deployment.*`) or `*`; without any, how deployments go. Programs
    /// are told each step of a deployment; chat rooms and people only that it is live, failed, was rolled back or
    /// cancelled.
    #[serde(default)]
    #[schema(max_items = 20, pattern = "^(\\*|[a-z_]{1,40}\\.(\\*|[a-z_]{1,40}))$")]
    pub events: Vec<String>,
}

/// What may change; members that are missing stay as they are (RFC 7396).
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookUpdate {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    pub name: Option<String>,
    /// Kinds, groups or `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        min_items = 1,
        max_items = 20,
        pattern = "^(\\*|[a-z_]{1,40}\\.(\\*|[a-z_]{1,40}))$"
    )]
    pub events: Option<Vec<String>>,
    /// Whether anything is told. One that Segue stopped goes on when it is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub enabled: Option<bool>,
}

/// Something that was told, or is to be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WebhookDelivered {
    /// Its id; also the `webhook-id`.
    #[schema(value_type = String)]
    pub id: DeliveryId,
    /// Kind of the event.
    pub kind: String,
    /// What is sent.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// What became of it: `pending`, `delivered`, `failed`.
    pub state: String,
    /// Tries.
    pub attempts: u32,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub next_at: Option<Timestamp>,
    /// When it was tried last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub attempted_at: Option<Timestamp>,
    /// Status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status: Option<u16>,
    /// Why the last try failed.
    pub detail: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

page! {
    /// A page of deliveries, newest first.
    WebhookDeliveredPage of WebhookDelivered
}

impl From<&WebhookView> for Webhook {
    fn from(view: &WebhookView) -> Self {
        Self {
            id: view.id,
            name: view.name.clone(),
            kind: match view.kind {
                WebhookKind::Standard => Channel::Standard,
                WebhookKind::Chat => Channel::Chat,
                WebhookKind::Mail => Channel::Mail,
            },
            to: view.shown.clone(),
            app: view.app,
            events: view.events.clone(),
            enabled: view.enabled,
            disabled_reason: view.disabled_reason.clone(),
            failing_since: view.failing_since,
            secret: None,
            generation: view.generation,
            created_by: view.created_by.clone(),
            created_at: view.created_at,
        }
    }
}

impl From<&WebhookDelivery> for WebhookDelivered {
    fn from(kept: &WebhookDelivery) -> Self {
        Self {
            id: kept.id,
            kind: kept.kind.clone(),
            payload: kept.payload.clone(),
            state: kept.state.as_str().to_owned(),
            attempts: kept.attempts,
            next_at: kept.next_at,
            attempted_at: kept.attempted_at,
            status: kept.status,
            detail: kept.detail.clone(),
            created_at: kept.created_at,
        }
    }
}

/// What is shown of an address, and what is sealed.
pub(super) fn place(
    body: &WebhookCreate,
    secret: Option<&str>,
) -> Result<(String, Value), Problem> {
    match (body.kind, &body.url, &body.address) {
        (Channel::Standard | Channel::Chat, Some(url), None) => {
            let target = Target::parse(url).map_err(|error| Problem::invalid("/url", error))?;
            let sealed = json!({"url": target.as_str(), "secret": secret.unwrap_or_default()});
            Ok((target.authority(), sealed))
        }
        (Channel::Mail, None, Some(address)) => {
            if !is_address(address) {
                return Err(Problem::invalid(
                    "/address",
                    "one mail address, such as ada@example.com",
                ));
            }
            Ok((address.clone(), json!({"address": address})))
        }
        (Channel::Standard | Channel::Chat, _, _) => Err(Problem::invalid(
            "/url",
            "`standard` and `chat` want `url`, and no `address`",
        )),
        (Channel::Mail, _, _) => Err(Problem::invalid(
            "/address",
            "`mail` wants `address`, and no `url`",
        )),
    }
}

/// One plain address: no name beside it, no list, nothing that a header could be made of.
fn is_address(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&c);
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && local.bytes().all(plain)
        && dots(local)
        && !domain.is_empty()
        && dots(domain)
        && domain
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'.' || c == b'-')
        && !domain.starts_with('-')
}

/// A name for people.
pub(super) fn name(text: String) -> Result<String, Problem> {
    let fine = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fine && !text.trim().is_empty() {
        Ok(text)
    } else {
        Err(Problem::invalid(
            "/name",
            "1 to 100 characters, without control characters",
        ))
    }
}

/// Kinds of events that somebody is told of.
pub(super) fn events(kinds: Vec<String>) -> Result<Vec<String>, Problem> {
    let word = |text: &str| {
        !text.is_empty()
            && text.len() <= 40
            && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')
    };
    let known = |kind: &String| {
        kind == "*"
            || kind
                .split_once('.')
                .is_some_and(|(group, rest)| word(group) && (rest == "*" || word(rest)))
    };
    if !(1..=MAX_EVENTS).contains(&kinds.len()) {
        return Err(Problem::invalid(
            "/events",
            format!("1 to {MAX_EVENTS} kinds"),
        ));
    }
    match kinds.iter().position(|kind| !known(kind)) {
        None => Ok(kinds),
        Some(index) => Err(Problem::invalid(
            format!("/events/{index}"),
            "a kind such as deployment.changed, a group such as deployment.*, or *",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_plain() {
        for good in ["ada@example.com", "a.b+c@x-y.example", "o'neil@example.com"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "ada",
            "@x",
            "a@",
            "a@b@c",
            "a b@c.d",
            "a@b c",
            "a@b\r\nBcc: x@y",
            "<a@b>",
            "a@b,c@d",
            "A <a@b>",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@-b",
            "a@.b",
            "a@b..c",
            "\"a\"@b",
        ] {
            assert!(!is_address(bad), "{bad:?}");
        }
    }

    #[test]
    fn events_are_kinds_groups_or_all() {
        let fine = |kind: &str| events(vec![kind.to_owned()]).is_ok();
        assert!(fine("deployment.changed") && fine("deployment.*") && fine("*"));
        for bad in [
            "",
            "deployment",
            "*.changed",
            "a.b.c",
            "A.b",
            "a.",
            ".b",
            "a.b*",
        ] {
            assert!(!fine(bad), "{bad}");
        }
    }
}
