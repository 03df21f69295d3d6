//! What holds for every request: problems, pages, preconditions.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;

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
            raw("POST", &deployments, json, &"[".repeat(100)).await,
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
