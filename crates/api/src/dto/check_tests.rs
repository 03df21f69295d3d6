//! Defaults are the model's; every fault is named by its place; what is checked can be shown again unchanged.

use super::*;

fn parse(json: serde_json::Value) -> EnvironmentSpec {
    serde_json::from_value(json).unwrap()
}

fn shop() -> AppName {
    AppName::new("shop").unwrap()
}

#[test]
fn the_empty_service_is_the_models_default() {
    let spec = parse(serde_json::json!({"services": {"web": {}, "queue": {"kind": "worker"}}}));
    let checked = check(&shop(), &spec).unwrap();
    let web = &checked.services[&ServiceName::new("web").unwrap()];
    assert_eq!(web.spec, ServiceSpec::new(ServiceKind::Web));
    let queue = &checked.services[&ServiceName::new("queue").unwrap()];
    assert_eq!(queue.spec, ServiceSpec::new(ServiceKind::Worker));
    assert_eq!(checked.deploy.rollout, Rollout::default());
}

#[test]
fn every_fault_is_named_with_its_place() {
    let spec = parse(serde_json::json!({
        "services": {
            "Web": {},
            "web": {
                "port": 0, "replicas": 1001, "command": "a 'b", "image": "-v",
                "health": {"path": "/x", "tcp": true, "interval_ms": 1},
                "volumes": {"data": {"path": "/../etc", "size_bytes": 1 << 30}}, "domains": ["10.0.0.1"], "path": "x",
                "resources": {"memory_bytes": 1},
                "place": {"require": {"a b": "c"}},
            },
        },
        "config": {"1A": {"generate": true}, "KEY": {"value": "x", "secret": true}, "URL": {"from": "services.db.port"}},
        "deploy": {"progress_deadline_ms": 0, "max_surge": 0, "release": ""},
        "build": {"dockerfile": "../Dockerfile", "test": "'"},
    }));
    let problem = check(&shop(), &spec).unwrap_err();
    let places: Vec<_> = problem
        .errors
        .iter()
        .map(|fault| fault.pointer.as_str())
        .collect();
    for expected in [
        "/services/Web",
        "/services/web/port",
        "/services/web/replicas",
        "/services/web/command",
        "/services/web/image",
        "/services/web/health",
        "/services/web/health/interval_ms",
        "/services/web/volumes/data/path",
        "/services/web/domains/0",
        "/services/web/path",
        "/services/web/resources/memory_bytes",
        "/services/web/place/require/a b",
        "/config/1A",
        "/config/KEY",
        "/config/URL",
        "/deploy/progress_deadline_ms",
        "/deploy/max_surge",
        "/deploy/release",
        "/build/dockerfile",
        "/build/test",
    ] {
        assert!(
            places.contains(&expected),
            "{expected} is not in {places:?}"
        );
    }
}

#[test]
fn what_was_checked_is_shown_again_unchanged() {
    let spec = parse(serde_json::json!({
        "services": {
            "web": {
                "command": "gunicorn -b 0.0.0.0:$PORT app:app", "port": 8000, "replicas": 2,
                "health": {"path": "/healthz"}, "domains": ["shop.example.com"],
            },
            "queue": {"kind": "worker", "argv": ["echo", "$HOME"], "health": {"command": ["check", "lag"]}},
            "other": {"kind": "worker", "command": "node 'my app.js'"},
            "db": {"kind": "data", "image": "postgres:16", "port": 5432, "health": {"interval_ms": 7000},
                "config": {"MODE": {"value": "x"}, "PASSWORD": {"generate": true}},
                "volumes": {"data": {"path": "/var/lib/data", "size_bytes": 1 << 30}}},
        },
        "config": {"A": {"value": "1"}, "B": {"from": "services.db.address"}, "C": {"generate": true},
            "D": {"secret": true, "required": true}},
        "deploy": {"strategy": "rolling", "max_surge": 1},
        "build": {"test": "pytest -q", "builder": "python"},
    }));
    let shown = EnvironmentSpec::from(&check(&shop(), &spec).unwrap());
    assert_eq!(shown, spec);
    assert_eq!(
        check(&shop(), &shown).unwrap(),
        check(&shop(), &spec).unwrap()
    );
}
