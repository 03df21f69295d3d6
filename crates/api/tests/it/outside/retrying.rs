//! One delivery of a webhook tried again: by admins, once, with a record, and never another team's.

use axum::http::Method;
use segue_store::Role;
use serde_json::json;

use crate::access::visible;
use crate::harness::{Api, with_key};
use crate::sessions::sql;

#[tokio::test]
async fn a_delivery_is_tried_again_once_and_that_is_written_down() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let deployer = api.member(owner.team, "bob", Role::Deployer).await;
    let new = json!({"name": "ops", "kind": "chat", "url": "https://chat.example/x"});
    let made = api
        .post("/v1/teams/acme/webhooks", &owner, new.clone())
        .await;
    let webhook = made.expect(201)["id"].as_str().unwrap().to_owned();
    let webhook = format!("/v1/teams/acme/webhooks/{webhook}");
    let test = api
        .post(&format!("{webhook}/test"), &owner, json!(null))
        .await;
    let id = test.expect(202)["id"].as_str().unwrap().to_owned();
    // As the worker leaves one that never arrived.
    sql(
        &api,
        "update webhook_deliveries set state = 'failed', attempts = 11, attempted_at = now(), next_at = null, status = 500, detail = 'answered 500'",
    )
    .await;
    let retry = format!("{webhook}/deliveries/{id}/retry");
    api.post(&retry, &deployer, json!(null)).await.expect(403);
    let again = with_key(&api, &retry, &owner, "k", json!(null))
        .await
        .expect(202);
    assert_eq!(
        (&again["id"], &again["state"]),
        (&json!(id), &json!("pending"))
    );
    assert_eq!(again["attempts"], 11, "what was tried is not forgotten");
    let same = with_key(&api, &retry, &owner, "k", json!(null))
        .await
        .expect(202);
    assert_eq!(same, again);
    let records = "/v1/teams/acme/audit-events?action=webhook_delivery_retry";
    let records = api.get(records, &owner).await.expect(200);
    let records = records["items"].as_array().unwrap();
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(
        records[0]["detail"],
        json!({"delivery": id, "before": "failed"})
    );

    // One that waits for hours is due now; one that is being sent is left to whoever sends it.
    let next_at = async || {
        let page = api
            .get(&format!("{webhook}/deliveries"), &owner)
            .await
            .expect(200);
        page["items"][0]["next_at"].as_str().unwrap().to_owned()
    };
    sql(
        &api,
        "update webhook_deliveries set next_at = now() + interval '5 hours'",
    )
    .await;
    let waited = next_at().await;
    api.post(&retry, &owner, json!(null)).await.expect(202);
    assert!(next_at().await < waited);
    sql(
        &api,
        "update webhook_deliveries set next_at = now() + interval '100 seconds'",
    )
    .await;
    let sending = next_at().await;
    api.post(&retry, &owner, json!(null)).await.expect(202);
    assert_eq!(next_at().await, sending);

    // Another team's delivery is not there, even under a webhook of one's own.
    let stranger = api.team("other", false).await;
    let own = api.post("/v1/teams/other/webhooks", &stranger, new).await;
    let own = own.expect(201)["id"].as_str().unwrap().to_owned();
    let at = |delivery: &str| {
        let path = format!("/v1/teams/other/webhooks/{own}/deliveries/{delivery}/retry");
        let (api, token) = (&api, stranger.token.clone());
        async move { api.call(Method::POST, &path, Some(&token), None, &[]).await }
    };
    let (foreign, missing) = (at(&id).await, at(&format!("dlv_{}", "f".repeat(32))).await);
    assert_eq!(visible(&foreign), visible(&missing));
    foreign.expect(404);
}
