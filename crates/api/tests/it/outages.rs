//! The database is away: the API says so and stays.

use axum::http::Method;
use serde_json::json;

use crate::harness::Api;

#[tokio::test]
async fn without_the_database_every_answer_is_503_with_retry_after() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    assert_eq!(
        api.call(Method::GET, "/readyz", None, None, &[])
            .await
            .status,
        200
    );
    api.store().close().await;
    assert_eq!(
        api.call(Method::GET, "/healthz", None, None, &[])
            .await
            .status,
        200
    );
    let answers = [
        api.call(Method::GET, "/readyz", None, None, &[]).await,
        api.get("/v1/me", &owner).await,
        api.post("/v1/teams/acme/apps", &owner, json!({"name": "x"}))
            .await,
    ];
    for answer in answers {
        assert_eq!(answer.headers["retry-after"], "2", "{}", answer.body);
        assert_eq!(answer.body["code"], "unavailable");
        answer.expect(503);
    }
}
