//! Deployments, specifications, configuration and secrets.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, with_key};

#[tokio::test]
async fn an_image_is_deployed_once_whatever_is_repeated() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let deployments = format!("{env}/deployments");
    let body = json!({"image": "nginx:1.25", "message": "first"});
    let first = with_key(&api, &deployments, &owner, "k1", body.clone()).await;
    assert_eq!(first.headers["location"], format!("{deployments}/1"));
    let made = first.expect(202);
    assert_eq!(
        (&made["number"], &made["state"], &made["phase"]),
        (&json!(1), &json!("queued"), &json!("build"))
    );
    let again = with_key(&api, &deployments, &owner, "k1", body.clone()).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["location"], format!("{deployments}/1"));
    assert_eq!(again.expect(202), made);
    let other = with_key(&api, &deployments, &owner, "k1", json!({"image": "redis"})).await;
    assert_eq!(other.expect(422)["code"], "idempotency_mismatch");
    // Eight at once with one key: one deployment.
    let burst = futures::future::join_all(
        (0..8).map(|_| with_key(&api, &deployments, &owner, "k2", body.clone())),
    );
    for answer in burst.await {
        assert_eq!(answer.expect(202)["number"], 2);
    }
    let list = api.get(&deployments, &owner).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    // Its release, its service, its host name.
    let release = api
        .get(&format!("{env}/releases/1"), &owner)
        .await
        .expect(200);
    assert_eq!(release["services"]["web"]["image"], "nginx:1.25");
    let shown = api.get(&env, &owner).await.expect(200);
    assert_eq!(shown["urls"], json!(["http://shop.localhost:8080"]));
    // Waiting ends by itself.
    let waited = api
        .get(&format!("{deployments}/2?wait=1s"), &owner)
        .await
        .expect(200);
    assert_eq!(waited["finished"], false);
    api.post(&format!("{deployments}/2/cancel"), &owner, json!({}))
        .await
        .expect(202);
    // Events appear once no older transaction is under way, so they are waited for.
    let path = format!("{deployments}/2/events");
    let both = async {
        loop {
            let events = api.get(&path, &owner).await.expect(200);
            let kinds: Vec<_> = events["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| e["kind"].clone())
                .collect();
            if kinds
                == [
                    json!("deployment.created"),
                    json!("deployment.cancel_requested"),
                ]
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), both)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_second_team_gets_another_host_name() {
    let api = Api::new().await;
    for name in ["acme", "other"] {
        let owner = api.team(name, false).await;
        let env = api.app(&owner, name, "shop").await;
        api.post(
            &format!("{env}/deployments"),
            &owner,
            json!({"image": "nginx"}),
        )
        .await
        .expect(202);
        let url = api.get(&env, &owner).await.expect(200)["urls"][0]
            .as_str()
            .unwrap()
            .to_owned();
        match name {
            "acme" => assert_eq!(url, "http://shop.localhost:8080"),
            _ => assert!(
                url.starts_with("http://shop-production-")
                    && url.len() == "http://shop-production-".len() + 6 + ".localhost:8080".len(),
                "{url}"
            ),
        }
    }
}

#[tokio::test]
async fn specifications_are_replaced_under_their_etag_and_planned() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let spec = format!("{env}/spec");
    let put = async |query: &str, etag: &str, body: Value| {
        let path = format!("{spec}{query}");
        api.call(
            Method::PUT,
            &path,
            Some(&owner.token),
            Some(body),
            &[("if-match", etag)],
        )
        .await
    };
    let first = api.get(&spec, &owner).await;
    assert_eq!(first.body["version"], 0);
    let body = |replicas: u32| json!({"services": {"web": {"image": "nginx", "replicas": replicas, "port": 80}}});
    let planned = put("?dry_run=true", &first.etag(), body(2))
        .await
        .expect(200);
    assert_eq!(planned["plan"][0]["action"], "create");
    assert_eq!(api.get(&spec, &owner).await.body["version"], 0);
    let second = put("", &first.etag(), body(2)).await;
    assert_eq!(second.body["version"], 1);
    assert_eq!(
        put("", &first.etag(), body(3)).await.expect(412)["code"],
        "precondition_failed"
    );
    // The same again changes nothing.
    let same = put("", &second.etag(), body(2)).await;
    assert_eq!(
        (same.body["version"].clone(), same.etag()),
        (json!(1), second.etag())
    );
    api.post(&format!("{env}/deployments"), &owner, json!({"spec": true}))
        .await
        .expect(202);
    let services = api
        .get(&format!("{env}/services"), &owner)
        .await
        .expect(200);
    assert_eq!(services["items"][0]["replicas"]["desired"], 2);
    // An edited figure counts at once.
    let now = api.get(&spec, &owner).await;
    let plan = put("?dry_run=true", &now.etag(), body(5)).await.expect(200);
    assert_eq!(
        (
            &plan["plan"][0]["action"],
            &plan["plan"][0]["replicas_after"]
        ),
        (&json!("scale"), &json!(5))
    );
    put("", &now.etag(), body(5)).await.expect(200);
    let services = api
        .get(&format!("{env}/services"), &owner)
        .await
        .expect(200);
    assert_eq!(services["items"][0]["replicas"]["desired"], 5);
    // A person's figure is a row of its own.
    let scaled = api
        .post(
            &format!("{env}/scale"),
            &owner,
            json!({"replicas": {"web": 1}}),
        )
        .await
        .expect(200);
    assert_eq!(scaled["replicas"]["web"], 1);
    api.post(
        &format!("{env}/scale"),
        &owner,
        json!({"replicas": {"nope": 1}}),
    )
    .await
    .expect(422);
}

#[tokio::test]
async fn configuration_and_secrets_roll_out_and_values_stay_hidden() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let patch = async |body: Value| {
        api.call(
            Method::PATCH,
            &format!("{env}/config"),
            Some(&owner.token),
            Some(body),
            &[],
        )
        .await
    };
    // Nothing runs yet: nothing is rolled out.
    let config = patch(json!({"A": "1", "B": "2"})).await.expect(200);
    assert_eq!(
        (&config["version"], &config["deployment"]),
        (&json!(1), &Value::Null)
    );
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"image": "nginx"}),
    )
    .await
    .expect(202);
    let config = patch(json!({"A": null, "C": "3"})).await.expect(200);
    assert_eq!(config["values"], json!({"B": "2", "C": "3"}));
    assert_eq!(config["deployment"], 2);
    let put = async |path: &str, body: Value| {
        api.call(
            Method::PUT,
            &format!("{env}/secrets/{path}"),
            Some(&owner.token),
            Some(body),
            &[],
        )
        .await
    };
    let secret = put("TOKEN", json!({"value": "hunter2-secret"}))
        .await
        .expect(200);
    assert_eq!(
        (&secret["version"], &secret["deployment"]),
        (&json!(1), &json!(3))
    );
    put("NOT-A-KEY", json!({"value": "x"})).await.expect(422);
    let release = api
        .get(&format!("{env}/releases/3"), &owner)
        .await
        .expect(200);
    assert_eq!(
        release["services"]["web"]["variables"],
        json!(["B", "C", "TOKEN"])
    );
    let diff = api
        .get(&format!("{env}/releases/2/diff/3"), &owner)
        .await
        .expect(200);
    assert_eq!(diff["changes"][0]["what"], "variable");
    for path in [
        "config",
        "secrets",
        "secrets/TOKEN",
        "releases",
        "deployments",
        "spec",
        "services",
    ] {
        let text = api
            .get(&format!("{env}/{path}"), &owner)
            .await
            .expect(200)
            .to_string();
        assert!(!text.contains("hunter2"), "{path}");
    }
    let events = api
        .get("/v1/events?limit=100", &owner)
        .await
        .expect(200)
        .to_string();
    assert!(!events.contains("hunter2"));
    // A required variable without a value stops a deployment, with its code and the next command.
    let etag = api.get(&format!("{env}/spec"), &owner).await.etag();
    let spec = json!({"services": {"web": {"image": "nginx"}}, "config": {"KEY": {"secret": true, "required": true}}});
    api.call(
        Method::PUT,
        &format!("{env}/spec"),
        Some(&owner.token),
        Some(spec),
        &[("if-match", &etag)],
    )
    .await
    .expect(200);
    let refused = api
        .post(&format!("{env}/deployments"), &owner, json!({"spec": true}))
        .await
        .expect(422);
    assert_eq!(refused["failure"]["code"], "variable_missing");
    put("KEY?deploy=false", json!({"value": "x"}))
        .await
        .expect(200);
    api.post(&format!("{env}/deployments"), &owner, json!({"spec": true}))
        .await
        .expect(202);
    // A restart changes the nonce and nothing else.
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"restart": ["web"]}),
    )
    .await
    .expect(202);
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"restart": ["nope"]}),
    )
    .await
    .expect(422);
    let newest = api
        .get(&format!("{env}/releases?limit=1"), &owner)
        .await
        .expect(200);
    assert_eq!(newest["items"][0]["services"]["web"]["restarts"], 1);
}
