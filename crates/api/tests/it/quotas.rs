//! Quotas of teams: who sets them, what they refuse, and that nothing gets by.

use axum::http::Method;
use segue_store::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};

const QUOTA: &str = "/v1/teams/acme/quota";

/// What one instance asks for if nobody says otherwise.
const MEMORY: u64 = 512 << 20;

async fn set(api: &Api, by: &Person, path: &str, body: Value) -> Answer {
    api.call(Method::PUT, path, Some(&by.token), Some(body), &[])
        .await
}

async fn scale(api: &Api, env: &str, by: &Person, replicas: u32) -> Answer {
    let path = format!("{env}/scale");
    api.post(&path, by, json!({"replicas": {"web": replicas}}))
        .await
}

async fn deploy(api: &Api, env: &str, by: &Person) -> Answer {
    let path = format!("{env}/deployments");
    api.post(&path, by, json!({"image": "nginx:1.25"})).await
}

#[tokio::test]
async fn operators_set_them_for_any_team_and_members_see_them() {
    let api = Api::new().await;
    let operator = api.team("ops", true).await;
    let owner = api.team("acme", false).await;
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    let seen = api.get(QUOTA, &viewer).await.expect(200);
    assert_eq!(
        seen,
        json!({"apps": {"used": 0}, "cpu_millis": {"used": 0}, "memory_bytes": {"used": 0}})
    );
    set(&api, &owner, QUOTA, json!({"apps": 9}))
        .await
        .expect(403);
    let by_id = format!("/v1/teams/{}/quota", owner.team);
    let body = json!({"apps": 2, "memory_bytes": 1 << 30, "cpu_millis": null});
    let made = set(&api, &operator, &by_id, body).await.expect(200);
    assert_eq!(made["apps"], json!({"used": 0, "allowed": 2}));
    assert_eq!(made["cpu_millis"], json!({"used": 0}));
    assert_eq!(api.get(QUOTA, &viewer).await.expect(200), made);
    assert_eq!(api.get(QUOTA, &operator).await.expect(200), made);
    assert_eq!(made["set_by"], "ops");
    // What is not there, and what cannot be.
    for nowhere in [
        "nowhere",
        "a%00b",
        "%F0%9F%A6%8A",
        "team_ffffffffffffffffffffffffffffffff",
    ] {
        let path = format!("/v1/teams/{nowhere}/quota");
        set(&api, &operator, &path, json!({})).await.expect(404);
    }
    for bad in [
        json!({"apps": -1}),
        json!({"apps": 1.5}),
        json!({"apps": 1_000_001}),
        json!({"cpu_millis": 1_000_000_001_u64}),
        json!({"memory_bytes": (1_u64 << 50) + 1}),
        json!({"memory": 1}),
    ] {
        let refused = set(&api, &operator, QUOTA, bad.clone()).await;
        assert_eq!(refused.status, 422, "{bad}");
    }
    // It is told, and kept on record with the operator's name.
    let audit = api
        .get("/v1/teams/acme/audit-events?action=quota_set", &owner)
        .await
        .expect(200);
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
    assert_eq!(audit["items"][0]["detail"]["apps"], 2);
}

#[tokio::test]
async fn apps_are_counted_where_they_are_made() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    set(&api, &owner, QUOTA, json!({"apps": 3}))
        .await
        .expect(200);
    let apps = "/v1/teams/acme/apps";
    let make = |n: u32| api.post(apps, &owner, json!({"name": format!("app{n}")}));
    let mut made = 0;
    let made_at_once = async {
        for answer in futures::future::join_all([
            make(0),
            make(1),
            make(2),
            make(3),
            make(4),
            make(5),
            make(6),
            make(7),
        ])
        .await
        {
            match answer.status.as_u16() {
                201 => made += 1,
                _ => {
                    let refused = answer.expect(409);
                    assert_eq!(refused["code"], "quota");
                    assert_eq!(
                        refused["detail"],
                        "the team's quota does not allow it: apps: 3 used, 4 with this, 3 allowed"
                    );
                    assert!(
                        refused["hint"]
                            .as_str()
                            .unwrap()
                            .contains("segue apps destroy")
                    );
                    assert_eq!(refused["errors"][0]["pointer"], "apps");
                }
            }
        }
    };
    made_at_once.await;
    assert_eq!(made, 3);
    // Lowered below the use: nothing goes, nothing new comes until there is room.
    set(&api, &owner, QUOTA, json!({"apps": 1}))
        .await
        .expect(200);
    let listed = api.get(apps, &owner).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    make(8).await.expect(409);
    let quota = api.get(QUOTA, &owner).await.expect(200);
    assert_eq!(quota["apps"], json!({"used": 3, "allowed": 1}));
    for app in listed["items"].as_array().unwrap() {
        let path = format!("{apps}/{}", app["name"].as_str().unwrap());
        let etag = api.get(&path, &owner).await.etag();
        let headers = [("if-match", etag.as_str())];
        api.call(Method::DELETE, &path, Some(&owner.token), None, &headers)
            .await
            .expect(204);
    }
    make(9).await.expect(201);
    make(10).await.expect(409);
    set(&api, &owner, QUOTA, json!({})).await.expect(200);
    make(10).await.expect(201);
}

#[tokio::test]
async fn cpu_and_memory_are_judged_over_all_environments_when_more_is_asked_for() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    let one = api.app(&owner, "acme", "one").await;
    let two = api.app(&owner, "acme", "two").await;
    let body = json!({"memory_bytes": 4 * MEMORY, "cpu_millis": 10_000});
    set(&api, &owner, QUOTA, body).await.expect(200);
    deploy(&api, &one, &owner).await.expect(202);
    scale(&api, &one, &owner, 3).await.expect(200);
    deploy(&api, &two, &owner).await.expect(202);
    let quota = api.get(QUOTA, &owner).await.expect(200);
    assert_eq!(
        quota["memory_bytes"],
        json!({"used": 4 * MEMORY, "allowed": 4 * MEMORY})
    );
    assert_eq!(
        quota["cpu_millis"],
        json!({"used": 1000, "allowed": 10_000})
    );
    // One more, by every way there is.
    let refused = scale(&api, &two, &owner, 2).await.expect(409);
    assert_eq!(refused["code"], "quota");
    assert_eq!(
        refused["detail"],
        "the team's quota does not allow it: memory: 2 GiB used, 2.5 GiB with this, 2 GiB allowed"
    );
    assert!(refused["hint"].as_str().unwrap().contains("segue scale"));
    let spec = json!({"services": {"web": {"replicas": 3, "resources": {"cpu_millis": 250, "memory_bytes": MEMORY + 1, "pids": 100}}}});
    let put = async |env: &str| {
        let etag = api.get(&format!("{env}/spec"), &owner).await.etag();
        let headers = [("if-match", etag.as_str())];
        let path = format!("{env}/spec");
        api.call(
            Method::PUT,
            &path,
            Some(&owner.token),
            Some(spec.clone()),
            &headers,
        )
        .await
    };
    assert_eq!(put(&one).await.expect(409)["code"], "quota");
    assert_eq!(
        api.get(&format!("{one}/spec"), &owner).await.expect(200)["version"],
        0
    );
    let third = api.app(&owner, "acme", "three").await;
    let refused = deploy(&api, &third, &owner).await.expect(409);
    assert_eq!(refused["code"], "quota");
    // Nothing is left of what was refused.
    let listed = api.get(&format!("{third}/deployments"), &owner).await;
    assert_eq!(listed.expect(200)["items"], json!([]));
    // What asks for no more goes on.
    deploy(&api, &one, &owner).await.expect(202);
    scale(&api, &one, &owner, 2).await.expect(200);
    scale(&api, &two, &owner, 2).await.expect(200);
    // What is stopped asks for nothing, and has to ask when it starts.
    let stop = async |env: &str, stopped: bool| {
        let etag = api.get(env, &owner).await.etag();
        let headers = [("if-match", etag.as_str())];
        let body = json!({ "stopped": stopped });
        api.call(Method::PATCH, env, Some(&owner.token), Some(body), &headers)
            .await
    };
    stop(&one, true).await.expect(200);
    scale(&api, &two, &owner, 4).await.expect(200);
    assert_eq!(stop(&one, false).await.expect(409)["code"], "quota");
    // Lowered below the use: it goes on, may be mended and may shrink, and may not grow.
    set(&api, &owner, QUOTA, json!({"memory_bytes": MEMORY}))
        .await
        .expect(200);
    deploy(&api, &two, &owner).await.expect(202);
    scale(&api, &two, &owner, 3).await.expect(200);
    scale(&api, &two, &owner, 4).await.expect(409);
    let quota = api.get(QUOTA, &owner).await.expect(200);
    assert_eq!(
        quota["memory_bytes"],
        json!({"used": 3 * MEMORY, "allowed": MEMORY})
    );
}

#[tokio::test]
async fn two_that_fit_alone_and_not_together_do_not_both_pass() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    let mut envs = Vec::new();
    for app in ["a", "b", "c", "d"] {
        let env = api.app(&owner, "acme", app).await;
        deploy(&api, &env, &owner).await.expect(202);
        envs.push(env);
    }
    let body = json!({"cpu_millis": 250 * (4 + 3)});
    set(&api, &owner, QUOTA, body).await.expect(200);
    for round in 0..3 {
        let all = futures::future::join_all(envs.iter().map(|env| scale(&api, env, &owner, 4)));
        let answers = all.await;
        let passed = answers.iter().filter(|a| a.status == 200).count();
        assert_eq!(passed, 1, "round {round}");
        let used = &api.get(QUOTA, &owner).await.expect(200)["cpu_millis"]["used"];
        assert_eq!(*used, 250 * 7);
        for env in &envs {
            scale(&api, env, &owner, 1).await.expect(200);
        }
    }
}
