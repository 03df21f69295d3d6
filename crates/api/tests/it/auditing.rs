//! The audit log: who did what, found by filter, taken away as a file, verified.

use axum::http::Method;
use segue_model::id::TeamId;
use segue_store::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};

const LOG: &str = "/v1/teams/acme/audit-events";

async fn export(api: &Api, person: &Person, query: &str, accept: &str) -> Answer {
    let headers = [("accept", accept)];
    let path = format!("{LOG}{query}");
    api.call(Method::GET, &path, Some(&person.token), None, &headers)
        .await
}

fn field<'a>(page: &'a Value, name: &str) -> Vec<&'a Value> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| &item[name]).collect()
}

#[tokio::test]
async fn records_are_found_by_who_what_where_and_when() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let bob = api.member(owner.team, "bob", Role::Deployer).await;
    api.app(&owner, "acme", "shop").await;
    api.app(&bob, "acme", "blog").await;
    let find = async |query: &str| api.get(&format!("{LOG}?{query}"), &owner).await.expect(200);
    // Newest first, with the names of today.
    let all = find("").await;
    let seqs: Vec<i64> = field(&all, "seq")
        .iter()
        .map(|seq| seq.as_i64().unwrap())
        .collect();
    assert!(
        seqs.windows(2).all(|two| two[0] == two[1] + 1) && seqs.len() >= 7,
        "{seqs:?}"
    );
    assert_eq!(field(&find("action=app_create").await, "action").len(), 2);
    // A person is found by id and by address, with what their tokens did.
    for who in [bob.user.to_string(), "Bob@example.com".to_owned()] {
        let theirs = find(&format!("actor={who}")).await;
        let actions = field(&theirs, "action");
        assert!(actions.contains(&&json!("app_create")), "{actions:?}");
        assert!(actions.contains(&&json!("token_create")), "{actions:?}");
        assert!(!actions.contains(&&json!("member_add")), "{actions:?}");
    }
    let by_token = find(&format!("actor={}", bob.token_id)).await;
    assert_eq!(
        field(&by_token, "action"),
        ["environment_create", "app_create"]
    );
    assert_eq!(field(&by_token, "actor_name"), ["token test", "token test"]);
    let app = api.get("/v1/teams/acme/apps/blog", &bob).await.expect(200);
    let app = app["id"].as_str().unwrap();
    let of_app = find(&format!("resource={app}")).await;
    assert_eq!(field(&of_app, "action"), ["app_create"]);
    let at = of_app["items"][0]["at"].as_str().unwrap();
    let since = find(&format!("since={at}&action=app_create")).await;
    assert_eq!(field(&since, "resource"), [app]);
    let until = find(&format!("until={at}&action=app_create")).await;
    assert_eq!(field(&until, "action").len(), 1);
    for nothing in [
        "actor=nobody@example.com",
        "actor=segue/worker",
        "action=nothing",
        "resource=app_1",
    ] {
        assert_eq!(find(nothing).await["items"], json!([]), "{nothing}");
    }
    // Pages, with a filter.
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let page = find(&format!("limit=1&action=app_create{cursor}")).await;
        seen += page["items"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, 2);
    for bad in [
        "since=yesterday",
        "until=2026-13-01T00:00:00Z",
        "action=DROP%20TABLE",
        "actor=",
        "actor=a%00b",
        "limit=0",
        "limit=101",
        "cursor=x",
        "more=1",
    ] {
        let refused = api.get(&format!("{LOG}?{bad}"), &owner).await.expect(400);
        assert_eq!(refused["code"], "invalid_request", "{bad}");
    }
    api.get(LOG, &bob).await.expect(403);
}

#[tokio::test]
async fn the_log_is_taken_away_whole_in_order_and_harmless_to_spreadsheets() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let names = ["=1+1", "@SUM(A1)", "+1", "-1", "\u{a0}=1", "a,\"b\""];
    for name in names {
        let body =
            json!({"name": name, "role": "viewer", "scopes": ["read"], "expires_in_days": 1});
        let made = api
            .post("/v1/teams/acme/tokens", &owner, body)
            .await
            .expect(201);
        // It acts, so that its name is in the log as who did it.
        let machine = made["token"].as_str().unwrap();
        let path = "/v1/teams/acme/apps";
        let refused = api.call(
            Method::POST,
            path,
            Some(machine),
            Some(json!({"name": "x"})),
            &[],
        );
        refused.await.expect(403);
    }
    // More than one batch.
    api.fill_audit(owner.team, 2500).await;
    let newest = api.get(&format!("{LOG}?limit=1"), &owner).await.expect(200);
    let newest = newest["items"][0]["seq"].as_i64().unwrap();
    assert!(newest > 2500);
    let lines = export(&api, &owner, "", "application/x-ndjson").await;
    assert_eq!(lines.headers["content-type"], "application/x-ndjson");
    assert_eq!(
        lines.headers["content-disposition"],
        "attachment; filename=\"audit-acme.ndjson\""
    );
    let text = lines.expect(200);
    let records: Vec<Value> = text
        .as_str()
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seqs: Vec<i64> = records
        .iter()
        .map(|record| record["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=newest).collect::<Vec<_>>());
    let table = export(&api, &owner, "", "text/csv").await;
    assert!(
        table.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    let text = table.expect(200);
    let mut reader = csv::Reader::from_reader(text.as_str().unwrap().as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), records.len());
    for row in &rows {
        for cell in row {
            assert!(
                !cell.trim_start().starts_with(['=', '+', '-', '@']),
                "{cell:?}"
            );
        }
    }
    for name in names {
        assert!(
            rows.iter()
                .any(|row| row[6].contains(&serde_json::to_string(name).unwrap())),
            "{name}"
        );
    }
    // With a filter, and of nothing.
    let some = export(&api, &owner, "?action=token_create", "text/csv")
        .await
        .expect(200);
    assert_eq!(some.as_str().unwrap().lines().count(), 1 + 1 + names.len());
    let none = export(&api, &owner, "?action=nothing", "text/csv")
        .await
        .expect(200);
    assert_eq!(none.as_str().unwrap().lines().count(), 1, "the head");
    let none = export(&api, &owner, "?action=nothing", "application/x-ndjson")
        .await
        .expect(200);
    assert_eq!(none, json!(""));
    export(&api, &owner, "?limit=5", "text/csv")
        .await
        .expect(400);
    export(&api, &owner, "", "application/xml")
        .await
        .expect(406);
}

#[tokio::test]
async fn a_chain_is_verified_while_it_grows() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    api.fill_audit(owner.team, 1500).await;
    let verify = format!("{LOG}/verify");
    let grow = async {
        for n in 0..30 {
            let body = json!({"name": format!("app{n}")});
            api.post("/v1/teams/acme/apps", &owner, body)
                .await
                .expect(201);
        }
    };
    let check = async {
        let mut last = 0;
        for _ in 0..10 {
            let found = api.get(&verify, &owner).await.expect(200);
            assert_eq!(found["whole"], true, "{found}");
            let records = found["records"].as_i64().unwrap();
            assert!(records >= last);
            last = records;
        }
    };
    tokio::join!(grow, check);
    let found = api.get(&verify, &owner).await.expect(200);
    assert!(found["records"].as_i64().unwrap() >= 1531, "{found}");
    assert!(found.get("first_bad").is_none());
}

impl Api {
    /// Records of somebody who did much.
    async fn fill_audit(&self, team: TeamId, records: usize) {
        let db = self.db.as_ref().unwrap();
        db.fill_audit(team, records).await.unwrap();
    }
}
