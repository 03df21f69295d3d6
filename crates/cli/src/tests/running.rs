//! What runs: `ps`, and one instance replaced.

use serde_json::{Value, json};

use super::fake::{ENV, Server};
use super::*;

fn instance(id: u32, slot: u32, desired: &str, state: &str) -> Value {
    json!({ "id": format!("ins_{id}"), "name": format!("web.{slot}"), "service": "web", "slot": slot, "release": 3,
        "revision": "abcdef", "host": "host-a", "host_id": "host_1", "address": "10.96.0.2:8080", "desired": desired,
        "state": state, "restarts": 0, "attempt": 0, "created_at": format!("2026-01-01T00:00:0{id}Z") })
}

fn marked(mut instance: Value, mark: &str) -> Value {
    instance[mark] = json!(true);
    instance
}

fn list(items: &[Value]) -> Value {
    json!({ "items": items })
}

#[tokio::test]
async fn ps_marks_what_is_warm_and_what_is_being_replaced() {
    let server = Server::start().await;
    let instances = [
        instance(1, 1, "run", "ready"),
        marked(instance(2, 2, "run", "ready"), "replacing"),
        marked(instance(3, 3, "run", "ready"), "warm"),
        instance(4, 4, "drain", "ready"),
    ];
    server.on(&format!("GET {ENV}/instances"), 200, list(&instances));
    let ran = World::on(&server, &[]).run("ps -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stdout);
}

#[tokio::test]
async fn one_instance_is_replaced_and_its_successor_named() {
    let server = Server::start().await;
    let all = format!("GET {ENV}/instances");
    let (old, next) = (
        instance(1, 2, "run", "ready"),
        instance(2, 2, "run", "ready"),
    );
    server
        .on(&format!("GET {ENV}/instances/web.2"), 200, old.clone())
        .on(
            &format!("DELETE {ENV}/instances/ins_1"),
            202,
            marked(old.clone(), "replacing"),
        )
        // Still there; on its way out with a successor that starts; ready.
        .on(&all, 200, list(&[marked(old, "replacing")]))
        .on(
            &all,
            200,
            list(&[
                instance(1, 2, "drain", "ready"),
                instance(2, 2, "run", "started"),
            ]),
        )
        .on(&all, 200, list(&[instance(1, 2, "drain", "ready"), next]));
    let ran = World::on(&server, &[]).run("restart web.2 -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stderr);
    let asked = server.find(&format!("DELETE {ENV}/instances/ins_1"));
    assert!(asked.header("idempotency-key").is_some());
    let looks = server.lines();
    let looks = looks
        .iter()
        .filter(|line| **line == all || line.starts_with(&format!("{all}?")));
    assert_eq!(looks.count(), 3, "it waits until the successor is ready");
    assert!(
        !server.lines().iter().any(|line| line.starts_with("POST")),
        "no release is made"
    );
}

#[tokio::test]
async fn replacing_is_left_alone_with_detach_and_refused_with_a_sentence() {
    let server = Server::start().await;
    let old = instance(1, 2, "run", "ready");
    server
        .on(&format!("GET {ENV}/instances/web.2"), 200, old.clone())
        .on(&format!("DELETE {ENV}/instances/ins_1"), 202, old)
        .problem(
            &format!("DELETE {ENV}/instances/ins_1"),
            409,
            "conflict",
            "web.2 is already going away",
        );
    let world = World::on(&server, &[]);
    let ran = world.run("restart web.2 -a shop --detach").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stderr);
    let ran = world.run("restart web.2 -a shop").await;
    assert_eq!(ran.exit, Exit::Failed, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("web.2 is already going away"),
        "{}",
        ran.stderr
    );
    let ran = world.run("restart web.9 -a shop").await;
    assert_eq!(ran.exit, Exit::Failed, "{}", ran.stderr);
    assert!(ran.stderr.contains("segue ps"), "{}", ran.stderr);
}
