//! What holds for every request: problems, pages, preconditions.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;

use crate::access::{Ids, ask, operations};
use crate::harness::Api;

#[tokio::test]
async fn errors_are_problems_whoever_made_them() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let token = Some(owner.token.as_str());
    let raw = async |method: &str, path: &str, kind: &str, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", owner.token))
            .header("content-type", kind)
            .body(Body::from(body.to_owned()))
            .unwrap();
        api.send(request).await
    };
    let json = "application/json";
    let deployments = format!("{env}/deployments");
    let cases = [
        (raw("GET", "/nowhere", json, "").await, 404, "not_found"),
        (
            raw("DELETE", "/v1/me", json, "").await,
            405,
            "method_not_allowed",
        ),
        (
            raw("POST", &deployments, "text/plain", "{}").await,
            415,
            "unsupported_media_type",
        ),
        (
            raw("POST", &deployments, json, "{").await,
            400,
            "invalid_request",
        ),
        (
            raw(
                "POST",
                &deployments,
                json,
                &format!("{{\"a\":{}", "[".repeat(100)),
            )
            .await,
            400,
            "invalid_request",
        ),
        (
            raw("POST", &deployments, json, "{\"imagge\":\"x\"}").await,
            422,
            "invalid",
        ),
        (raw("POST", &deployments, json, "{}").await, 422, "invalid"),
        (
            raw("POST", &deployments, json, &" ".repeat(1 << 21)).await,
            413,
            "body_too_large",
        ),
        (
            raw("GET", &format!("{deployments}?limit=101"), json, "").await,
            400,
            "invalid_request",
        ),
        (
            raw("GET", &format!("{deployments}?limit=x"), json, "").await,
            400,
            "invalid_request",
        ),
        (
            raw("GET", &format!("{deployments}?more=1"), json, "").await,
            400,
            "invalid_request",
        ),
        (
            raw("GET", &format!("{deployments}?cursor=x"), json, "").await,
            400,
            "invalid_request",
        ),
        (
            raw("GET", &format!("{deployments}/nonsense"), json, "").await,
            404,
            "not_found",
        ),
        (
            raw("PUT", &format!("{env}/spec"), json, "{}").await,
            428,
            "precondition_required",
        ),
        (
            api.call(
                Method::PUT,
                &format!("{env}/spec"),
                token,
                Some(serde_json::json!({})),
                &[("if-match", "\"77\"")],
            )
            .await,
            412,
            "precondition_failed",
        ),
        (
            api.call(
                Method::PUT,
                &format!("{env}/spec"),
                token,
                Some(serde_json::json!({})),
                &[("if-match", "*")],
            )
            .await,
            400,
            "invalid_request",
        ),
        (
            api.call(
                Method::GET,
                "/v1/events",
                token,
                None,
                &[("accept", "text/html")],
            )
            .await,
            406,
            "not_acceptable",
        ),
        (
            api.call(Method::GET, "/v1/me", Some("nonsense"), None, &[])
                .await,
            401,
            "unauthenticated",
        ),
    ];
    for (index, (answer, status, code)) in cases.into_iter().enumerate() {
        assert_eq!(
            answer.status.as_u16(),
            status,
            "case {index}: {}",
            answer.body
        );
        assert_eq!(
            answer.headers["content-type"], "application/problem+json",
            "case {index}"
        );
        assert_eq!(answer.body["code"], code, "case {index}: {}", answer.body);
        let id = answer.headers["x-request-id"].to_str().unwrap();
        assert_eq!(answer.body["request_id"], id, "case {index}");
        assert_eq!(answer.body["status"], status, "case {index}");
    }
    // HEAD has no body, but the status.
    let head = raw(
        "HEAD",
        &format!("/v1/teams/acme/apps/shop/sources/{}", "0".repeat(64)),
        json,
        "",
    )
    .await;
    assert_eq!(
        (head.status.as_u16(), head.body),
        (404, Value::String(String::new()))
    );
}

#[tokio::test]
async fn lists_are_paged_to_their_end() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    for index in 0..5 {
        api.post(
            "/v1/teams/acme/apps",
            &owner,
            serde_json::json!({"name": format!("app-{index}")}),
        )
        .await
        .expect(201);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api
            .get(&format!("/v1/teams/acme/apps?limit=2{cursor}"), &owner)
            .await
            .expect(200);
        names.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|app| app["name"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["app-0", "app-1", "app-2", "app-3", "app-4"]);
}

#[tokio::test]
async fn a_member_that_is_not_known_is_refused_by_every_operation() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    api.app(&owner, "acme", "shop").await;
    let ids = Ids {
        team: "acme".into(),
        app: "shop".into(),
        env: "production".into(),
        thing: None,
    };
    let mut asked = 0;
    let mut wrong = Vec::new();
    for mut operation in operations() {
        // The members of a configuration are the names of its variables; what a forge says is the forge's.
        let free = ["config_update", "hook_call"].contains(&operation.id.as_str());
        let Some(body) = operation.body.as_mut().filter(|_| !free) else {
            continue;
        };
        body["surprise"] = serde_json::json!(1);
        let answer = ask(&api, &operation, &ids, Some(&owner)).await;
        asked += 1;
        let told = answer.body["detail"].as_str().unwrap_or_default();
        if answer.status != 422 || answer.body["code"] != "invalid" || !told.contains("surprise") {
            wrong.push(format!(
                "{}: {} {}",
                operation.id, answer.status, answer.body
            ));
        }
    }
    assert!(asked > 10, "{asked}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn faults_have_their_place_and_a_hint_has_the_next_command() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let deployments = format!("{env}/deployments");
    let bad = api
        .post(&deployments, &owner, serde_json::json!({"image": "A B"}))
        .await
        .expect(422);
    assert_eq!(bad["errors"][0]["pointer"], "/image");
    assert!(bad["errors"][0]["detail"].is_string());
    let nothing = api
        .post(&deployments, &owner, serde_json::json!({"spec": true}))
        .await;
    assert!(nothing.body["hint"].is_string(), "{}", nothing.body);
}

#[tokio::test]
async fn a_client_that_asks_in_a_loop_is_told_to_wait_and_others_are_not() {
    let api = Api::new().await;
    let keys = "/v1/auth/jwks";
    let ask = async |token: &str| api.call(Method::GET, keys, Some(token), None, &[]).await;
    let first = ask("loud").await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.headers["ratelimit-policy"], "\"default\";q=1000;w=20");
    assert_eq!(first.headers["ratelimit"], "\"default\";r=999;t=1");
    let mut refused = None;
    for _ in 0..100_000 {
        let answer = ask("loud").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.headers["retry-after"], "1");
    assert!(
        refused.headers["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"default\";r=0;t="),
    );
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert_eq!(refused.expect(429)["code"], "rate_limited");
    assert_eq!(ask("quiet").await.status, 200);
    let probe = api
        .call(Method::GET, "/healthz", Some("loud"), None, &[])
        .await;
    assert_eq!(probe.status, 200);
}

#[tokio::test]
async fn a_merge_patch_tells_null_from_missing() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    api.app(&owner, "acme", "shop").await;
    let path = "/v1/teams/acme/apps/shop";
    let patch = async |body: Value| {
        let etag = api.get(path, &owner).await.etag();
        let token = Some(owner.token.as_str());
        let headers = [("if-match", etag.as_str())];
        let answer = api.call(Method::PATCH, path, token, Some(body), &headers);
        answer.await.expect(200)
    };
    let repo = serde_json::json!({"url": "https://git.example.com/shop.git", "branch": "main"});
    let set = patch(serde_json::json!({"repo": repo, "labels": {"tier": "gold"}})).await;
    assert_eq!(set["repo"]["url"], repo["url"]);
    let kept = patch(serde_json::json!({"labels": {}})).await;
    assert_eq!(
        (&kept["repo"], &kept["labels"]),
        (&set["repo"], &serde_json::json!({}))
    );
    let removed = patch(serde_json::json!({"repo": null})).await;
    assert!(removed["repo"].is_null(), "{removed}");
}
