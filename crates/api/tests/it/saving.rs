//! Two people who save the same configuration, locks that stop nothing, and lists that carry more than their items.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};

async fn save(api: &Api, person: &Person, path: &str, etag: Option<&str>, body: Value) -> Answer {
    let token = Some(person.token.as_str());
    let headers: Vec<_> = etag.map(|etag| ("if-match", etag)).into_iter().collect();
    api.call(Method::PATCH, path, token, Some(body), &headers)
        .await
}

#[tokio::test]
async fn the_second_of_two_people_who_save_is_told_what_moved() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let config = format!("{env}/config");
    let read = api.get(&config, &owner).await;
    assert_eq!(
        (read.etag().as_str(), &read.body["version"]),
        ("\"0\"", &json!(0))
    );

    let first = json!({"LOG_LEVEL": "info", "REGION": "eu", "OLD": "1"});
    let first = save(&api, &owner, &config, Some("\"0\""), first).await;
    assert_eq!(first.etag(), "\"1\"");
    first.expect(200);
    let both_read = api.get(&config, &owner).await.etag();
    let hers = json!({"LOG_LEVEL": "debug", "NEW": "1", "OLD": null});
    save(&api, &owner, &config, Some(&both_read), hers)
        .await
        .expect(200);

    let late = save(
        &api,
        &owner,
        &config,
        Some(&both_read),
        json!({"REGION": "us"}),
    )
    .await;
    let problem = late.expect(412);
    assert_eq!(problem["code"], "precondition_failed");
    let said = problem["detail"].as_str().unwrap();
    assert!(
        said.contains("version 2") && said.contains("LOG_LEVEL, NEW, OLD"),
        "{said}"
    );
    assert!(
        !problem.to_string().contains("debug"),
        "a value was told: {problem}"
    );
    let places: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (
                error["pointer"].as_str().unwrap(),
                error["detail"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("/LOG_LEVEL", "was changed since"),
        ("/NEW", "was set since"),
        ("/OLD", "was removed since"),
    ];
    assert_eq!(places, expected);
    let now = api.get(&config, &owner).await;
    assert_eq!(
        now.body["values"]["REGION"], "eu",
        "a refused change was made"
    );

    // With what was read since, and without a condition, it is made.
    let again = save(
        &api,
        &owner,
        &config,
        Some(&now.etag()),
        json!({"REGION": "us"}),
    )
    .await;
    assert_eq!(again.expect(200)["version"], 3);
    let blind = save(&api, &owner, &config, None, json!({"REGION": "asia"})).await;
    assert_eq!(blind.expect(200)["version"], 4);
    let made_up = save(
        &api,
        &owner,
        &config,
        Some("\"99\""),
        json!({"REGION": "x"}),
    )
    .await;
    made_up.expect(412);
    let unquoted = save(&api, &owner, &config, Some("4"), json!({"REGION": "x"})).await;
    unquoted.expect(400);
}

#[tokio::test]
async fn many_who_save_at_once_each_change_what_they_read() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let config = format!("{env}/config");
    let saving = (0..8).map(|n| {
        let body = json!({"WINNER": n.to_string()});
        save(&api, &owner, &config, Some("\"0\""), body)
    });
    let statuses: Vec<_> = futures::future::join_all(saving)
        .await
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    let won = statuses.iter().filter(|status| **status == 200).count();
    let lost = statuses
        .iter()
        .filter(|status| matches!(status, 412 | 409))
        .count();
    assert_eq!((won, won + lost), (1, 8), "{statuses:?}");
    assert_eq!(api.get(&config, &owner).await.expect(200)["version"], 1);
}

#[tokio::test]
async fn a_lock_until_a_time_that_has_passed_is_refused() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    api.app(&owner, "acme", "shop").await;
    let lock = "/v1/teams/acme/apps/shop/lock";
    let past = json!({"reason": "stock-taking", "until": "2020-01-31T12:00:00Z"});
    let problem = api.post(lock, &owner, past).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/until");
    let said = problem["detail"].as_str().unwrap();
    assert!(
        said.contains("2020-01-31") && said.contains("has passed"),
        "{said}"
    );
    assert!(problem["hint"].is_string(), "{problem}");
    assert_eq!(api.get(lock, &owner).await.expect(200)["items"], json!([]));
    let later = json!({"reason": "stock-taking", "until": "2999-01-31T12:00:00Z"});
    api.post(lock, &owner, later).await.expect(201);
}

#[tokio::test]
async fn a_list_of_apps_carries_their_environments_if_asked() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    api.post("/v1/teams/acme/apps", &owner, json!({"name": "bare"}))
        .await
        .expect(201);
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"image": "nginx"}),
    )
    .await
    .expect(202);

    let plain = api.get("/v1/teams/acme/apps", &owner).await.expect(200);
    assert!(plain["items"][0].get("environments").is_none(), "{plain}");
    let full = api
        .get("/v1/teams/acme/apps?environments=true&limit=2", &owner)
        .await;
    let full = full.expect(200);
    let items = full["items"].as_array().unwrap();
    assert_eq!(items[1]["environments"], json!([]));
    // The same view as the environment's own.
    let own = api.get(&env, &owner).await.expect(200);
    assert_eq!(items[0]["environments"], json!([own]));
    assert_eq!(own["last_deployment"]["number"], 1, "{own}");
    assert!(
        own.get("requests_per_minute").is_none(),
        "nothing is served: {own}"
    );
    let list = api.get("/v1/teams/acme/apps/shop/envs", &owner).await;
    assert_eq!(list.expect(200)["items"], json!([own]));
}

#[tokio::test]
async fn requests_per_minute_are_what_edges_counted_of_the_last_minute() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    api.post(
        &format!("{env}/deployments"),
        &owner,
        json!({"image": "nginx"}),
    )
    .await
    .expect(202);
    let figure = async || api.get(&env, &owner).await.expect(200)["requests_per_minute"].clone();
    let sql = async |statement: &'static str| {
        let db = api.db.as_ref().unwrap();
        db.execute(statement).await.unwrap();
    };
    sql("update environment_status s set serving_release_id = (select id from releases r where r.environment_id = s.environment_id)").await;
    assert_eq!(figure().await, Value::Null, "no edge counts");
    sql("insert into edges (id, token_hash, lease_until) values (gen_random_uuid(), sha256('edge'), now() + interval '1 hour')").await;
    assert_eq!(figure().await, 0);
    sql("insert into request_counts (team_id, environment_id, service, route_gen, second, by_class, edge_failed, broken, retries,
            latency_sum_us, latency_max_us, wait_max_us)
        select e.team_id, e.id, 'web', 1, now() - s * interval '1 second', array[0, 7, 1, 0, 1], 1, 0, 0, 1, 1, 0
        from environments e, (values (5), (20), (90)) as ago (s)").await;
    assert_eq!(figure().await, 20);
}
