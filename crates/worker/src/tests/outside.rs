//! Those who are told of events: a program, a chat room and a mail server on loopback, that answer as a script says.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use segue_model::Timestamp;
use segue_model::id::WebhookId;
use segue_store::seal::SecretBytes;
use segue_store::{
    LockView, NewWebhook, Page, WebhookDelivery, WebhookKind, WebhookPatch, WebhookState, fresh_id,
};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::bench::Bench;
use crate::config::{MailConfig, OutsideConfig};
use crate::outside::{Tellers, round};

type Heard = Arc<Mutex<Vec<(Vec<(String, String)>, String)>>>;

/// Hears requests and answers each with the next status of the script, the last one again and again.
async fn receiver(script: &'static [&'static str]) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard: Heard = Arc::default();
    let kept = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let (mut headers, mut line) = (Vec::new(), String::new());
            stream.read_line(&mut line).await.unwrap();
            loop {
                line.clear();
                stream.read_line(&mut line).await.unwrap();
                let Some((name, value)) = line.trim().split_once(": ") else {
                    break;
                };
                headers.push((name.to_lowercase(), value.to_owned()));
            }
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let mut body = vec![0; length.unwrap().1.parse().unwrap()];
            stream.read_exact(&mut body).await.unwrap();
            let turn = kept.lock().unwrap().len().min(script.len() - 1);
            let answer = format!("HTTP/1.1 {}\r\nContent-Length: 0\r\n\r\n", script[turn]);
            kept.lock()
                .unwrap()
                .push((headers, String::from_utf8(body).unwrap()));
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, heard)
}

/// Takes mails and keeps them.
async fn mail_server() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let mails: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = mails.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 sink\r\n").await.unwrap();
            let mut line = String::new();
            loop {
                line.clear();
                if stream.read_line(&mut line).await.unwrap() == 0 {
                    break;
                }
                let answer = match line.get(..4).unwrap_or_default() {
                    "DATA" => {
                        stream.write_all(b"354 go on\r\n").await.unwrap();
                        let mut mail = String::new();
                        while !mail.ends_with("\r\n.\r\n") {
                            stream.read_line(&mut mail).await.unwrap();
                        }
                        kept.lock().unwrap().push(mail);
                        "250 kept"
                    }
                    "QUIT" => "221 bye",
                    _ => "250 fine",
                };
                stream
                    .write_all(format!("{answer}\r\n").as_bytes())
                    .await
                    .unwrap();
            }
        }
    });
    (url, mails)
}

fn tellers(allow: &[&str], mail: Option<&str>) -> Tellers {
    let mut config = OutsideConfig::default();
    config.outbound.allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    config.mail = mail.map(|server| MailConfig {
        server: server.to_owned(),
        from: "Segue <segue@example.com>".to_owned(),
        login: None,
    });
    Tellers::new(&config).unwrap()
}

async fn webhook(bench: &Bench, kind: WebhookKind, sealed: serde_json::Value) -> WebhookId {
    let new = NewWebhook {
        id: WebhookId::from_uuid(fresh_id()),
        app: None,
        name: kind.to_string(),
        kind,
        shown: "there".to_owned(),
        events: vec!["deploys.*".to_owned()],
        sealed: SecretBytes::from(sealed.to_string()),
    };
    let scope = bench.fixture.scope();
    scope.webhook_create(&new, None).await.unwrap();
    new.id
}

/// Something happens.
async fn happen(bench: &Bench) {
    let lock = LockView {
        environment: None,
        reason: "the <big> sale".to_owned(),
        created_by: String::new(),
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: None,
    };
    let scope = bench.fixture.scope();
    scope
        .lock_take(bench.fixture.app, &lock, None)
        .await
        .unwrap();
}

async fn deliveries(bench: &Bench, id: WebhookId) -> Vec<WebhookDelivery> {
    let scope = bench.fixture.scope();
    scope
        .webhook_delivery_list(id, Page::first(100))
        .await
        .unwrap()
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn an_event_is_told_to_programs_chat_rooms_and_people() {
    let bench = Bench::new().await;
    let shared = bench.shared();
    let (program, told) = receiver(&["204 No Content"]).await;
    let (room, said) = receiver(&["200 OK"]).await;
    let (server, mails) = mail_server().await;
    let tellers = tellers(&["127.0.0.1/32"], Some(&server));
    let standard = webhook(
        &bench,
        WebhookKind::Standard,
        json!({"url": program, "secret": SECRET}),
    )
    .await;
    let chat = webhook(
        &bench,
        WebhookKind::Chat,
        json!({"url": format!("{room}/hooks/x")}),
    )
    .await;
    let mail = webhook(
        &bench,
        WebhookKind::Mail,
        json!({"address": "ada@example.com"}),
    )
    .await;
    assert_eq!(
        round(&shared, &tellers).await.unwrap(),
        0,
        "webhook.created was not asked for"
    );
    happen(&bench).await;
    assert_eq!(round(&shared, &tellers).await.unwrap(), 3);
    for id in [standard, chat, mail] {
        let made = deliveries(&bench, id).await;
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].state, WebhookState::Delivered, "{:?}", made[0]);
    }
    let (headers, body) = told.lock().unwrap()[0].clone();
    let header = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .clone()
    };
    let event: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["type"], "deploys.locked");
    assert_eq!(
        event["data"]["message"],
        "deployments are stopped: the <big> sale"
    );
    assert_eq!(
        header("webhook-id"),
        deliveries(&bench, standard).await[0].id.to_string()
    );
    let key = base64::engine::general_purpose::STANDARD
        .decode(&SECRET[6..])
        .unwrap();
    let text = format!(
        "{}.{}.{body}",
        header("webhook-id"),
        header("webhook-timestamp")
    );
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(text.as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{signature}"));
    let message: serde_json::Value = serde_json::from_str(&said.lock().unwrap()[0].1).unwrap();
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .contains("the &lt;big&gt; sale"),
        "{message}"
    );
    let mail = mails.lock().unwrap()[0].clone();
    for part in [
        "To: ada@example.com",
        "Subject: [segue]",
        "deployments are stopped",
        "Message-ID: <dlv_",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    // Nothing is told twice.
    assert_eq!(round(&shared, &tellers).await.unwrap(), 0);
}

#[tokio::test]
async fn what_did_not_arrive_is_tried_again_until_the_webhook_is_stopped() {
    let bench = Bench::new().await;
    let shared = bench.shared();
    let (program, told) = receiver(&["500 No", "302 Found", "200 OK", "500 No"]).await;
    let tellers = tellers(&["127.0.0.1/32"], None);
    let id = webhook(
        &bench,
        WebhookKind::Standard,
        json!({"url": program, "secret": SECRET}),
    )
    .await;
    happen(&bench).await;
    let due = "update webhook_deliveries set next_at = now() where state = 'pending'";
    for (attempt, status, state) in [
        (1, Some(500), WebhookState::Pending),
        (2, Some(302), WebhookState::Pending),
        (3, Some(200), WebhookState::Delivered),
    ] {
        assert_eq!(round(&shared, &tellers).await.unwrap(), 1);
        let made = deliveries(&bench, id).await.remove(0);
        assert_eq!(
            (made.attempts, made.status, made.state),
            (attempt, status, state),
            "{made:?}"
        );
        // It waits, whoever looks.
        assert_eq!(round(&shared, &tellers).await.unwrap(), 0);
        bench.db.execute(due).await.unwrap();
    }
    let ids: Vec<String> = told
        .lock()
        .unwrap()
        .iter()
        .map(|(headers, _)| {
            headers
                .iter()
                .find(|(name, _)| name == "webhook-id")
                .unwrap()
                .1
                .clone()
        })
        .collect();
    assert!(
        ids.iter().all(|id| *id == ids[0]),
        "one event, one id: {ids:?}"
    );
    // It fails for days.
    let scope = bench.fixture.scope();
    scope.webhook_test(id, None).await.unwrap();
    bench
        .db
        .execute("update webhooks set failing_since = now() - interval '6 days'")
        .await
        .unwrap();
    assert_eq!(round(&shared, &tellers).await.unwrap(), 1);
    let stopped = scope.webhook_get(id).await.unwrap();
    assert!(
        !stopped.enabled && stopped.disabled_reason.is_some(),
        "{stopped:?}"
    );
    assert_eq!(deliveries(&bench, id).await[0].state, WebhookState::Failed);
    let events = scope
        .event_list(None, None, Page::first(100))
        .await
        .unwrap();
    assert!(events.iter().any(|event| event.kind == "webhook.disabled"));
    // People may let it go on.
    let patch = WebhookPatch {
        enabled: Some(true),
        ..WebhookPatch::default()
    };
    let on = scope
        .webhook_update(id, stopped.generation, &patch)
        .await
        .unwrap();
    assert!(on.enabled && on.disabled_reason.is_none() && on.failing_since.is_none());
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_is_sent_to() {
    let bench = Bench::new().await;
    let shared = bench.shared();
    let (program, told) = receiver(&["200 OK"]).await;
    let tellers = tellers(&[], None);
    let inside = webhook(
        &bench,
        WebhookKind::Standard,
        json!({"url": program, "secret": SECRET}),
    )
    .await;
    let mail = webhook(
        &bench,
        WebhookKind::Mail,
        json!({"address": "ada@example.com"}),
    )
    .await;
    happen(&bench).await;
    assert_eq!(round(&shared, &tellers).await.unwrap(), 2);
    let made = deliveries(&bench, inside).await.remove(0);
    assert!(
        made.detail.contains("not public") && made.state == WebhookState::Pending,
        "{made:?}"
    );
    assert!(told.lock().unwrap().is_empty());
    let made = deliveries(&bench, mail).await.remove(0);
    assert!(made.detail.contains("mail.server"), "{made:?}");
}
