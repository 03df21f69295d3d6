//! Streams: events, deployments and logs, followed from where a reader left.

use bytes::Bytes;
use segue_model::Timestamp;
use segue_store::{LogOrigin, NewLogChunk};
use serde_json::{Value, json};

use crate::live::{Server, id_of, settle};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_followed_from_where_a_reader_left() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let stranger = api.team("other", false).await;
    let mut own = server.follow("/v1/events", &owner, None).await;
    api.post("/v1/teams/other/apps", &stranger, json!({"name": "hidden"}))
        .await
        .expect(201);
    api.post("/v1/teams/acme/apps", &owner, json!({"name": "one"}))
        .await
        .expect(201);
    api.post("/v1/teams/acme/apps", &owner, json!({"name": "two"}))
        .await
        .expect(201);
    let mut messages = Vec::new();
    while messages.len() < 2 {
        let (name, id, data) = own.event().await.unwrap();
        assert_eq!(
            (name.as_str(), id.as_deref()),
            ("event", data["cursor"].as_str())
        );
        // What came before may be told late: an event appears once no older transaction is under way.
        if data["kind"] != "token.created" {
            messages.push(data);
        }
    }
    assert_eq!(
        (&messages[0]["message"], &messages[1]["message"]),
        (&json!("app one created"), &json!("app two created"))
    );
    // The connection breaks; the next one goes on behind what was read.
    drop(own);
    let mut again = server
        .follow("/v1/events", &owner, messages[0]["cursor"].as_str())
        .await;
    assert_eq!(again.event().await.unwrap().2["message"], "app two created");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_is_followed_to_its_end() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"image": "nginx"}),
    )
    .await
    .expect(202);
    let mut stream = server
        .follow(&format!("{env}/deployments/1/events"), &owner, None)
        .await;
    let (mut states, mut kinds) = (Vec::<Value>::new(), Vec::<Value>::new());
    let mut settled = false;
    while let Some((name, _, data)) = stream.event().await {
        match name.as_str() {
            "deployment" => states.push(data["state"].clone()),
            _ => kinds.push(data["kind"].clone()),
        }
        if !settled {
            settled = true;
            settle(
                &server,
                id_of(&api.get(&env, &owner).await.expect(200)),
                1,
                None,
            )
            .await;
        }
    }
    assert_eq!(states.last(), Some(&json!("succeeded")));
    assert!(
        kinds.contains(&json!("deployment.created"))
            && kinds.contains(&json!("deployment.changed")),
        "{kinds:?}"
    );
    // Waiting for what is over ends at once, and cancelling it is refused with the way back.
    let shown = api
        .get(&format!("{env}/deployments/1?wait=60s"), &owner)
        .await
        .expect(200);
    assert_eq!(
        (&shown["live"], &shown["finished"]),
        (&json!(true), &json!(true))
    );
    let refused = api
        .post(&format!("{env}/deployments/1/cancel"), &owner, json!({}))
        .await
        .expect(409);
    assert!(refused["hint"].as_str().unwrap().contains("rollback"));
    // Undoing the second deployment brings the first one's release back.
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"image": "redis"}),
    )
    .await
    .expect(202);
    let undo = api
        .post(&format!("{env}/deployments/2/rollback"), &owner, json!({}))
        .await
        .expect(202);
    assert_eq!(
        (&undo["kind"], &undo["release"]),
        (&json!("rollback"), &json!(1))
    );
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_builds_log_is_read_and_followed_from_the_store() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let made = api
        .post(
            &format!("{env}/deployments"),
            &owner,
            json!({"image": "nginx"}),
        )
        .await
        .expect(202);
    let build = made["builds"][0].as_str().unwrap();
    let path = format!("{env}/builds/{build}/log");
    let write = async |text: &str| {
        let now = Timestamp::now();
        let line = json!({"at": now, "stream": "stdout", "step": 1, "text": text});
        let chunk = NewLogChunk {
            origin: LogOrigin::Build(build.parse().unwrap()),
            first_at: now,
            last_at: now,
            lines: 1,
            dropped: 0,
            data: Bytes::from(format!("{line}\n")),
        };
        api.store().system().log_write(&[chunk]).await.unwrap();
    };
    write("first").await;
    let mut stream = server.follow(&path, &owner, None).await;
    let mut texts = vec![stream.event().await.unwrap().2["text"].clone()];
    write("second").await;
    let (_, id, data) = stream.event().await.unwrap();
    texts.push(data["text"].clone());
    assert_eq!(texts, ["first", "second"]);
    let page = api.get(&path, &owner).await.expect(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    assert_eq!(page["next_cursor"].as_str(), id.as_deref());
    let tail = api.get(&format!("{path}?tail=1"), &owner).await.expect(200);
    assert_eq!(tail["items"][0]["text"], "second");
    let some = api
        .get(&format!("{path}?contains=fir"), &owner)
        .await
        .expect(200);
    assert_eq!(some["items"][0]["text"], "first");
    let rest = api
        .get(&format!("{path}?cursor={}", id.unwrap()), &owner)
        .await
        .expect(200);
    assert_eq!(rest["items"], json!([]));
    // Builds' lines are not the applications'.
    assert_eq!(
        api.get(&format!("{env}/logs"), &owner).await.expect(200)["items"],
        json!([])
    );
    server.end().await;
}
