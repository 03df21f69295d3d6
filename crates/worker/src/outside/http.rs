//! Deliveries as requests: Standard Webhooks for programs, the messages of Slack and Mattermost for chat rooms.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use segue_outbound::{Outbound, Request, Target};
use segue_store::ClaimedDelivery;
use serde::Deserialize;
use sha2::Sha256;

use super::Failed;
use super::text::Text;

/// Who takes longer does not answer.
const DEADLINE: Duration = Duration::from_secs(20);
/// What of an answer is read: enough to end the exchange in order.
const ANSWER_BYTES: usize = 4 << 10;
/// Of what happened, in a chat room; their messages end at 4,000 characters and more.
const CHAT_CHARS: usize = 2000;
/// Of why it was done.
const CAUSE_CHARS: usize = 500;

/// What is sealed of a webhook.
#[derive(Deserialize)]
struct Sealed {
    url: String,
    #[serde(default)]
    secret: String,
}

fn opened(sealed: &[u8]) -> Result<(Target, String), Failed> {
    let unreadable = || Failed::new("its address cannot be read", false);
    let sealed: Sealed = serde_json::from_slice(sealed).map_err(|_| unreadable())?;
    let target = Target::parse(&sealed.url).map_err(|_| unreadable())?;
    Ok((target, sealed.secret))
}

/// A request as Standard Webhooks says: id, time and body are signed together.
pub(super) async fn standard(
    outbound: &Outbound,
    sealed: &[u8],
    delivery: &ClaimedDelivery,
) -> Result<u16, Failed> {
    let (target, secret) = opened(sealed)?;
    let body = delivery.payload.to_string();
    let at = jiff::Timestamp::now().as_second();
    let id = delivery.id.to_string();
    let signature = sign(&secret, &id, at, &body)
        .ok_or_else(|| Failed::new("its signing secret cannot be read", false))?;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", id),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", signature),
    ] {
        let value =
            HeaderValue::from_str(&value).map_err(|_| Failed::new("it cannot be signed", false))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    send(outbound, target, headers, body).await
}

/// `v1,` and the signature, if the secret is one of Standard Webhooks.
pub(super) fn sign(secret: &str, id: &str, at: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    Some(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

/// A message of a chat room.
pub(super) async fn chat(outbound: &Outbound, sealed: &[u8], text: &Text) -> Result<u16, Failed> {
    let (target, _) = opened(sealed)?;
    let body = serde_json::json!({"text": message(text)}).to_string();
    send(outbound, target, HeaderMap::new(), body).await
}

fn message(text: &Text) -> String {
    let cut = |text: &str, most: usize| escaped(&text.chars().take(most).collect::<String>());
    let mut message = format!(
        "*{}* {}",
        cut(&text.place, 200),
        cut(&text.what, CHAT_CHARS)
    );
    if let Some(cause) = &text.cause {
        message.push('\n');
        message.push_str(&cut(cause, CAUSE_CHARS));
    }
    if let Some(link) = &text.link {
        message.push('\n');
        message.push_str(link);
    }
    message
}

/// What chat rooms read as their own signs: a message shall mention nobody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('@', "@\u{200b}")
}

async fn send(
    outbound: &Outbound,
    target: Target,
    mut headers: HeaderMap,
    body: String,
) -> Result<u16, Failed> {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let request = Request {
        method: Method::POST,
        target,
        headers,
        body: Bytes::from(body),
        deadline: DEADLINE,
        answer_bytes: ANSWER_BYTES,
    };
    let answer = outbound
        .send(request)
        .await
        .map_err(|error| Failed::new(error.to_string(), error.is_retryable()))?;
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return Ok(status);
    }
    let redirect = if answer.status.is_redirection() {
        "; redirects are not followed"
    } else {
        ""
    };
    Err(Failed {
        status: Some(status),
        detail: format!("the answer was {status}{redirect}"),
        // 410 is how a receiver says that it wants nothing more.
        retry: status != 410,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let signature = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signature.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
        assert_eq!(sign("plain", "a", 1, "b"), None);
    }

    #[test]
    fn a_message_is_where_what_why_and_a_link() {
        let text = Text {
            place: "shop/production".to_owned(),
            what: "deployment #4 is live".to_owned(),
            cause: Some("deploy by Ada: <b> & @all".to_owned()),
            link: Some("https://segue.example/apps/shop/production/deployments/4?team=acme".into()),
        };
        assert_eq!(
            message(&text),
            "*shop/production* deployment #4 is live\n\
            deploy by Ada: &lt;b&gt; &amp; @\u{200b}all\n\
            https://segue.example/apps/shop/production/deployments/4?team=acme"
        );
    }

    #[test]
    fn a_message_mentions_nobody() {
        assert_eq!(
            escaped("<!channel> @here &x"),
            "&lt;!channel&gt; @\u{200b}here &amp;x"
        );
    }
}
