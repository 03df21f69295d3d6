//! Changes of values: whom they reach, and that they stand or fall with their deployment.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};

async fn put_spec(api: &Api, person: &Person, env: &str, spec: Value) -> Answer {
    let path = format!("{env}/spec");
    let etag = api.get(&path, person).await.etag();
    let token = Some(person.token.as_str());
    let headers = [("if-match", etag.as_str())];
    api.call(Method::PUT, &path, token, Some(spec), &headers)
        .await
}

async fn patch(api: &Api, person: &Person, env: &str, body: Value) -> Answer {
    let token = Some(person.token.as_str());
    let path = format!("{env}/config");
    api.call(Method::PATCH, &path, token, Some(body), &[]).await
}

async fn variables(api: &Api, person: &Person, env: &str, release: i64) -> Value {
    let release = api
        .get(&format!("{env}/releases/{release}"), person)
        .await
        .expect(200);
    let services = release["services"].as_object().unwrap().clone();
    services
        .into_iter()
        .map(|(name, service)| (name, service["variables"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test]
async fn a_change_of_variables_does_not_reach_an_image_of_its_own() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let spec = json!({
        "build": {"image": "shop:1"},
        "services": {
            "web": {"config": {"MODE": {"value": "web"}}},
            "db": {
                "kind": "worker", "image": "postgres:16",
                "config": {"PASSWORD": {"generate": true}, "NAME": {"value": "shop"}},
            },
        },
        "config": {"LEVEL": {"value": "info"}},
    });
    put_spec(&api, &owner, &env, spec).await.expect(200);
    let deployments = format!("{env}/deployments");
    api.post(&deployments, &owner, json!({"spec": true}))
        .await
        .expect(202);
    // What is generated for one is a secret of the environment: the app, which has to use it, gets it too.
    let expected = json!({"db": ["NAME", "PASSWORD"], "web": ["LEVEL", "MODE", "PASSWORD"]});
    assert_eq!(variables(&api, &owner, &env, 1).await, expected);
    let changed = patch(&api, &owner, &env, json!({"DEBUG": "1"})).await;
    assert_eq!(changed.expect(200)["deployment"], 2);
    let expected =
        json!({"db": ["NAME", "PASSWORD"], "web": ["DEBUG", "LEVEL", "MODE", "PASSWORD"]});
    assert_eq!(variables(&api, &owner, &env, 2).await, expected);
    let diff = api
        .get(&format!("{env}/releases/1/diff/2"), &owner)
        .await
        .expect(200);
    let services: Vec<_> = diff["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["service"].as_str().unwrap())
        .collect();
    assert_eq!(services, ["web"]);
}

#[tokio::test]
async fn a_fault_between_a_change_and_its_deployment_leaves_neither() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let deployments = format!("{env}/deployments");
    api.post(&deployments, &owner, json!({"image": "nginx"}))
        .await
        .expect(202);
    let generation = api.get(&env, &owner).await.expect(200)["generation"].clone();
    let db = api.db.as_ref().unwrap();
    db.execute(
        "create function fault() returns trigger language plpgsql as
                $$begin raise exception 'the power went'; end$$;
             create trigger fault before insert on deployments execute function fault()",
    )
    .await
    .unwrap();
    let token = Some(owner.token.as_str());
    let secret = format!("{env}/secrets/TOKEN");
    let set = || {
        api.call(
            Method::PUT,
            &secret,
            token,
            Some(json!({"value": "x"})),
            &[],
        )
    };
    patch(&api, &owner, &env, json!({"A": "1"}))
        .await
        .expect(500);
    set().await.expect(500);
    assert_eq!(api.get(&env, &owner).await.body["generation"], generation);
    assert_eq!(
        api.get(&format!("{env}/config"), &owner).await.body["version"],
        0
    );
    api.get(&secret, &owner).await.expect(404);

    db.execute("drop trigger fault on deployments")
        .await
        .unwrap();
    let config = patch(&api, &owner, &env, json!({"A": "1"})).await;
    assert_eq!(config.expect(200)["deployment"], 2);
    assert_eq!(set().await.expect(200)["deployment"], 3);
    // What cannot be deployed is not changed either: the specification asks for a value that would be gone.
    let spec = json!({"build": {"image": "nginx"}, "services": {"web": {}},
        "config": {"TOKEN": {"secret": true, "required": true}}});
    put_spec(&api, &owner, &env, spec).await.expect(200);
    let removed = api.call(Method::DELETE, &secret, token, None, &[]).await;
    assert_eq!(removed.expect(422)["failure"]["code"], "variable_missing");
    assert_eq!(api.get(&secret, &owner).await.expect(200)["version"], 1);
    let only = format!("{secret}?deploy=false");
    api.call(Method::DELETE, &only, token, None, &[])
        .await
        .expect(204);
    api.get(&secret, &owner).await.expect(404);
    let gone = api.call(Method::DELETE, &secret, token, None, &[]).await;
    gone.expect(404);
}

#[tokio::test]
async fn what_segue_gives_itself_and_what_is_too_much_is_refused() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let port = patch(&api, &owner, &env, json!({"PORT": "80"})).await;
    assert_eq!(port.expect(422)["errors"][0]["pointer"], "/PORT");
    patch(&api, &owner, &env, json!({"PORT": null}))
        .await
        .expect(200);
    let token = Some(owner.token.as_str());
    let secret = format!("{env}/secrets/PORT");
    api.call(
        Method::PUT,
        &secret,
        token,
        Some(json!({"value": "80"})),
        &[],
    )
    .await
    .expect(422);
    let long = json!({"A": "x".repeat(segue_model::spec::bounds::VALUE_BYTES + 1)});
    patch(&api, &owner, &env, long).await.expect(422);
    let many = |from: usize, count: usize| -> Value {
        (from..from + count)
            .map(|n| (format!("K{n}"), json!("")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let most = segue_model::spec::bounds::CONFIG_KEYS;
    patch(&api, &owner, &env, many(0, most)).await.expect(200);
    patch(&api, &owner, &env, many(most, 1)).await.expect(422);
    patch(&api, &owner, &env, many(0, 1)).await.expect(200);
}
