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
pub(super) async fn mail_server() -> (String, Arc<Mutex<Vec<String>>>) {
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

pub(super) fn tellers(allow: &[&str], mail: Option<&str>) -> Tellers {
    let mut config = OutsideConfig::default();
    config.outbound.allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    config.mail = mail.map(|server| MailConfig {
        server: server.to_owned(),
        from: "Segue <segue@example.com>".to_owned(),
        login: None,
    });
    config.public_url = Some("https://segue.example".to_owned());
    Tellers::new(&config).unwrap()
}

async fn webhook(bench: &Bench, kind: WebhookKind, sealed: serde_json::Value) -> WebhookId {
    webhook_of(bench, kind, "deploys.*", sealed).await
}

async fn webhook_of(
    bench: &Bench,
    kind: WebhookKind,
    events: &str,
    sealed: serde_json::Value,
) -> WebhookId {
    let new = NewWebhook {
        id: WebhookId::from_uuid(fresh_id()),
        app: None,
        name: kind.to_string(),
        kind,
        shown: "there".to_owned(),
        events: vec![events.to_owned()],
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
    // An event is shown when whoever wrote before it has ended, in any database of the server.
    bench
        .eventually("the team is told", || async {
            let events = scope.event_list(None, None, Page::first(100)).await;
            let events = events.unwrap();
            let told = events.iter().any(|event| event.kind == "webhook.disabled");
            told.then_some(())
        })
        .await;
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

/// Seconds between tries, as OPERATIONS says.
const WAITS: [i64; 10] = [
    5, 30, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
];

#[tokio::test]
async fn a_delivery_is_given_up_after_its_last_wait() {
    let bench = Bench::new().await;
    let shared = bench.shared();
    let (room, said) = receiver(&["503 Later"]).await;
    let tellers = tellers(&["127.0.0.1/32"], None);
    let id = webhook(&bench, WebhookKind::Chat, json!({"url": room})).await;
    happen(&bench).await;
    for (tries, wait) in (1..).zip(WAITS) {
        assert_eq!(round(&shared, &tellers).await.unwrap(), 1);
        let made = deliveries(&bench, id).await.remove(0);
        assert_eq!((made.attempts, made.state), (tries, WebhookState::Pending));
        let waits = made.next_at.unwrap().as_second() - made.attempted_at.unwrap().as_second();
        let tenth = wait / 10 + 1;
        assert!((wait - tenth..=wait + tenth).contains(&waits), "{waits}");
        let due = "update webhook_deliveries set next_at = now() where state = 'pending'";
        bench.db.execute(due).await.unwrap();
    }
    assert_eq!(round(&shared, &tellers).await.unwrap(), 1);
    let made = deliveries(&bench, id).await.remove(0);
    assert_eq!((made.attempts, made.state), (11, WebhookState::Failed));
    assert_eq!((made.next_at, made.status), (None, Some(503)));
    assert_eq!(made.detail, "the answer was 503");
    assert_eq!(said.lock().unwrap().len(), 11);
    // Nobody is stopped for one delivery.
    let kept = bench.fixture.scope().webhook_get(id).await.unwrap();
    assert!(kept.enabled && kept.failing_since.is_some(), "{kept:?}");
}

#[tokio::test]
async fn an_address_that_does_not_open_stops_its_own_delivery_and_no_other() {
    let bench = Bench::new().await;
    let shared = bench.shared();
    let (room, said) = receiver(&["200 OK"]).await;
    let tellers = tellers(&["127.0.0.1/32"], None);
    let moved = webhook(&bench, WebhookKind::Chat, json!({"url": room})).await;
    let good = webhook(&bench, WebhookKind::Mail, json!({"url": room})).await;
    let change = "update webhooks set sealed = set_byte(sealed, 30, 255 - get_byte(sealed, 30)) where kind = 'chat'";
    bench.db.execute(change).await.unwrap();
    let turn = "update webhooks set kind = 'chat' where kind = 'mail'";
    bench.db.execute(turn).await.unwrap();
    happen(&bench).await;
    assert_eq!(round(&shared, &tellers).await.unwrap(), 2);
    let made = deliveries(&bench, moved).await.remove(0);
    assert_eq!(made.state, WebhookState::Failed, "{made:?}");
    assert!(made.detail.contains("cannot be opened"), "{made:?}");
    let made = deliveries(&bench, good).await.remove(0);
    assert_eq!(made.state, WebhookState::Delivered, "{made:?}");
    assert_eq!(said.lock().unwrap().len(), 1);
}

/// Programs follow a deployment; people hear that it is live, once, and where to look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_hear_of_the_end_of_a_deployment_only() {
    let bench = Bench::new().await;
    let (room, said) = receiver(&["200 OK"]).await;
    let tellers = tellers(&["127.0.0.1/32"], None);
    let url = json!({"url": room, "secret": SECRET});
    let people = webhook_of(&bench, WebhookKind::Chat, "deployment.*", url.clone()).await;
    let program = webhook_of(&bench, WebhookKind::Standard, "deployment.*", url).await;
    let worker = bench.start();
    let deployment = bench.deploy(bench.serving("app:1", 1)).await;
    let done = segue_model::state::DeploymentState::Succeeded;
    bench.reaches(deployment.id, done).await;
    worker.end().await;

    let states = |made: Vec<WebhookDelivery>| -> Vec<String> {
        let state = |one: &WebhookDelivery| {
            let told = &one.payload["data"]["deployment"];
            assert_eq!(told["number"], deployment.number);
            told["state"].as_str().unwrap().to_owned()
        };
        let of_change = made.iter().filter(|one| one.kind == "deployment.changed");
        of_change.map(state).rev().collect()
    };
    let told = states(deliveries(&bench, program).await);
    for state in ["starting", "live", "succeeded"] {
        assert!(told.contains(&state.to_owned()), "{state}: {told:?}");
    }
    assert_eq!(states(deliveries(&bench, people).await), ["live"]);
    // The worker itself may go nowhere, and has put off what it tried.
    let due = "update webhook_deliveries set next_at = now() where state = 'pending'";
    bench.db.execute(due).await.unwrap();
    let shared = bench.shared();
    while round(&shared, &tellers).await.unwrap() > 0 {}
    let said = said.lock().unwrap();
    let to_people = said
        .iter()
        .filter(|(_, body)| body.starts_with("{\"text\""));
    let live = to_people.filter(|(_, body)| body.contains(" is live"));
    let live: Vec<_> = live.map(|(_, body)| body.clone()).collect();
    let page = format!("/deployments/{}?team=", deployment.number);
    assert!(
        live.len() == 1
            && live[0].contains("https://segue.example/apps/")
            && live[0].contains(&page),
        "{said:?}"
    );
}
