//! Lists that are small most of the time are read page by page too, to their end and without a gap.

use axum::http::Method;
use segue_model::change::Changes;
use segue_store::testing::{ready_host, release_spec};
use serde_json::{Value, json};

use crate::harness::Api;
use crate::live::id_of;
use crate::replacing::{commit, deploy, instance};
use crate::sessions::{signed_in, with_password};

/// Reads a list with one item a page, and answers what `member` of each item says.
async fn one_by_one(api: &Api, token: &str, path: &str, member: &str) -> Vec<String> {
    let (mut read, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = format!("{path}?limit=1{cursor}");
        let page = api.call(Method::GET, &page, Some(token), None, &[]).await;
        let page = page.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 1, "{page}");
        read.extend(items.iter().map(|item| item[member].to_string()));
        assert!(read.len() < 100, "{path} has no end: {read:?}");
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return read,
        }
    }
}

async fn at_once(api: &Api, token: &str, path: &str, member: &str) -> Vec<String> {
    let page = api.call(Method::GET, path, Some(token), None, &[]).await;
    let page = page.expect(200);
    assert_eq!(page["next_cursor"], Value::Null, "{path}");
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item[member].to_string()).collect()
}

#[tokio::test]
async fn every_small_list_is_read_to_its_end_and_refuses_a_page_that_cannot_be() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    for name in ["brass", "copper"] {
        api.token_in_new_team(&owner, name).await;
    }
    with_password(&api, &owner).await;
    let session = signed_in(&api, "acme@example.com").await;
    let env = api.app(&owner, "acme", "shop").await;
    let env_id = id_of(&api.get(&env, &owner).await.expect(200));
    for key in ["SECOND", "THIRD", "FIRST"] {
        let body = json!({"value": "not to be shown"});
        let path = format!("{env}/secrets/{key}?deploy=false");
        let token = Some(owner.token.as_str());
        let answer = api.call(Method::PUT, &path, token, Some(body), &[]).await;
        answer.expect(200);
    }
    let mut spec = release_spec('a');
    let web = spec.services.values().next().unwrap().clone();
    for name in ["api", "zoo"] {
        spec.services.insert(name.parse().unwrap(), web.clone());
    }
    deploy(&api, &owner, env_id, spec).await;
    let host = ready_host(api.store(), 8 << 30).await.unwrap();
    for name in ["anvil", "zinc"] {
        let system = api.store().system();
        let endpoint = format!("unix:///run/{name}.sock");
        system
            .host_register(&name.parse().unwrap(), &endpoint)
            .await
            .unwrap();
    }
    commit(api.store(), env_id, |_| Changes {
        subnets: vec![host],
        ..Changes::default()
    })
    .await;
    commit(api.store(), env_id, |world| Changes {
        create: (1..=3)
            .map(|n| instance(world, host, n, u64::from(n)))
            .collect(),
        ..Changes::default()
    })
    .await;

    let lists = [
        ("/v1/teams".to_owned(), "name", 3),
        ("/v1/hosts".to_owned(), "name", 3),
        (format!("{env}/secrets"), "key", 3),
        (format!("{env}/services"), "name", 3),
        (format!("{env}/instances"), "name", 3),
        (format!("{env}/deployments/1/events"), "cursor", 1),
    ];
    for (path, member, least) in lists {
        let all = at_once(&api, &session.access, &path, member).await;
        assert!(all.len() >= least, "{path}: {all:?}");
        assert_eq!(
            one_by_one(&api, &session.access, &path, member).await,
            all,
            "{path}"
        );
        for wrong in ["limit=0", "limit=101", "cursor=x", "more=1"] {
            let wrong = format!("{path}?{wrong}");
            let answer = api.call(Method::GET, &wrong, Some(&session.access), None, &[]);
            assert_eq!(
                answer.await.expect(400)["code"],
                "invalid_request",
                "{wrong}"
            );
        }
    }
    let of = |query: &str| format!("{env}/instances?{query}");
    let token = owner.token.as_str();
    assert_eq!(
        at_once(&api, token, &of("service=web"), "name").await.len(),
        3
    );
    assert!(
        at_once(&api, token, &of("service=api"), "name")
            .await
            .is_empty()
    );
    let odd = api.get(&of("service=No%20name"), &owner).await.expect(422);
    assert_eq!(odd["errors"][0]["pointer"], "service");
}
