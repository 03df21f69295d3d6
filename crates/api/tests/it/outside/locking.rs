//! Deploy locks and freeze windows.

use axum::http::Method;
use segue_store::Role;
use serde_json::json;

use crate::live::{Server, id_of, settle};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_stops_deployments_but_not_rollbacks_and_admins_override_it() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let deployer = api.member(owner.team, "bob", Role::Deployer).await;
    let env_path = api.app(&owner, "acme", "shop").await;
    let deployments = format!("{env_path}/deployments");
    let image = json!({"image": "nginx"});
    api.post(&deployments, &deployer, image.clone())
        .await
        .expect(202);
    let env = id_of(&api.get(&env_path, &owner).await.expect(200));
    settle(&server, env, 1, None).await;

    let lock = "/v1/teams/acme/apps/shop/lock";
    api.post(lock, &deployer, json!({"reason": "  "}))
        .await
        .expect(422);
    api.post(
        lock,
        &deployer,
        json!({"reason": "x", "environment": "nosuch"}),
    )
    .await
    .expect(422);
    let until = "2999-01-01T00:00:00Z";
    let body = json!({"reason": "the big sale", "environment": "production", "until": until});
    api.post(lock, &owner, body.clone()).await.expect(201);
    api.post(lock, &owner, body).await.expect(409);
    let refused = api
        .post(&deployments, &deployer, image.clone())
        .await
        .expect(409);
    assert_eq!(refused["code"], "deploys_held");
    let detail = refused["detail"].as_str().unwrap();
    for part in ["token test", "the big sale", "2999-01-01"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let hint = refused["hint"].as_str().unwrap();
    for part in ["admin or owner", "override", "segue unlock", "rollback"] {
        assert!(hint.contains(part), "{part}: {hint}");
    }
    // A rollback is not stopped; configuration is, because it is rolled out.
    api.post(&deployments, &deployer, json!({"release": 1}))
        .await
        .expect(202);
    // Only admins override, and that is written down.
    let over = json!({"image": "nginx", "override": true});
    api.post(&deployments, &deployer, over.clone())
        .await
        .expect(403);
    api.post(&deployments, &owner, over).await.expect(202);
    let audit = api
        .get("/v1/teams/acme/audit-events?action=deploy_override", &owner)
        .await
        .expect(200);
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
    let delete = format!("{lock}?environment=production");
    api.call(Method::DELETE, &delete, Some(&deployer.token), None, &[])
        .await
        .expect(204);
    api.post(&deployments, &deployer, image.clone())
        .await
        .expect(202);

    // A freeze window of the whole week, and one that is over: it would stop nothing.
    let freezes = "/v1/teams/acme/apps/shop/freezes";
    let past = json!({"reason": "old", "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z"});
    let refused = api.post(freezes, &owner, past).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/ends_at");
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("2020-01-02T00:00:00Z has passed"),
        "{detail}"
    );
    api.post(&deployments, &deployer, image.clone())
        .await
        .expect(202);
    let always = json!({"reason": "holidays", "time_zone": "Europe/Berlin", "days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "minutes": 10080});
    let kept = api.post(freezes, &owner, always).await.expect(201);
    let refused = api
        .post(&deployments, &deployer, image.clone())
        .await
        .expect(409);
    assert!(
        refused["detail"].as_str().unwrap().contains("holidays"),
        "{refused}"
    );
    let hint = refused["hint"].as_str().unwrap();
    assert!(hint.contains("segue freezes remove"), "{hint}");
    let path = format!("{freezes}/{}", kept["id"].as_str().unwrap());
    api.call(Method::DELETE, &path, Some(&owner.token), None, &[])
        .await
        .expect(204);
    api.post(&deployments, &deployer, image).await.expect(202);
    for bad in [
        json!({"reason": "x"}),
        json!({"reason": "x", "days": [8], "from": "00:00", "minutes": 1}),
        json!({"reason": "x", "days": [1], "from": "24:00", "minutes": 1}),
        json!({"reason": "x", "days": [1], "from": "00:00", "minutes": 0}),
        json!({"reason": "x", "time_zone": "Mars/Olympus", "days": [1], "from": "00:00", "minutes": 1}),
        json!({"reason": "x", "starts_at": "2020-01-02T00:00:00Z", "ends_at": "2020-01-01T00:00:00Z"}),
    ] {
        api.post(freezes, &owner, bad).await.expect(422);
    }
    server.end().await;
}
