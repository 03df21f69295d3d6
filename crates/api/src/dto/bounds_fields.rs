//! Every field of a specification with the values at and beyond its bounds, as the manifest and as the API write it.

use segue_model::spec::bounds;
use serde_json::{Value, json};

/// One field of the specification, as each side writes it.
pub(super) struct Field {
    /// JSON pointer in the schema; names that people choose are `*`.
    pub pointer: &'static str,
    /// Values that both take, then values that both refuse; each as the manifest and as the API write it.
    pub good: Vec<(String, Value)>,
    pub bad: Vec<(String, Value)>,
    /// The manifest with a value in the place of `{}`.
    pub text: &'static str,
    /// The specification with that value in the place of `null`.
    pub spec: Value,
}

/// The specification with this value in its place.
pub(super) fn with(spec: &Value, value: &Value) -> Value {
    match spec {
        Value::Null => value.clone(),
        Value::Array(items) => items.iter().map(|item| with(item, value)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, inner)| (key.clone(), with(inner, value)))
            .collect(),
        other => other.clone(),
    }
}

fn same(value: impl Into<Value>) -> (String, Value) {
    let value: Value = value.into();
    (value.to_string(), value)
}

/// A number of whole units at and beyond both bounds.
fn numbers(least: u64, most: u64, write: fn(u64) -> String) -> [Vec<(String, Value)>; 2] {
    let pair = |n: u64| (write(n), Value::from(n));
    let mut bad = vec![pair(most + 1)];
    bad.extend(least.checked_sub(1).map(pair));
    [vec![pair(least), pair(most)], bad]
}

fn ms(range: &std::ops::RangeInclusive<std::time::Duration>) -> [Vec<(String, Value)>; 2] {
    let (least, most) = (
        crate::dto::millis(*range.start()),
        crate::dto::millis(*range.end()),
    );
    numbers(least, most, |n| format!("\"{n}ms\""))
}

/// Texts at and beyond a length.
fn texts(most: usize, of: fn(usize) -> String, more_bad: &[&str]) -> [Vec<(String, Value)>; 2] {
    let mut bad = vec![same(of(most + 1))];
    bad.extend(more_bad.iter().map(|text| same(*text)));
    [vec![same(of(most))], bad]
}

fn argvs() -> [Vec<(String, Value)>; 2] {
    let list = |count: usize, length: usize| {
        let argv: Vec<String> = (0..count).map(|_| "x".repeat(length)).collect();
        same(json!(argv))
    };
    let dollar = same(json!(["echo", "$HOME; it's", "two\nlines"]));
    [
        vec![
            list(bounds::ARGUMENTS, 1),
            list(1, bounds::ARGUMENT_CHARS),
            dollar,
        ],
        vec![
            list(0, 0),
            list(1, 0),
            list(bounds::ARGUMENTS + 1, 1),
            list(1, bounds::ARGUMENT_CHARS + 1),
        ],
    ]
}

/// Every field.
pub(super) fn fields() -> Vec<Field> {
    let plain = |n: u64| n.to_string();
    let mut fields = Vec::new();
    let mut field = |pointer, [good, bad]: [Vec<(String, Value)>; 2], text, spec| {
        fields.push(Field {
            pointer,
            good,
            bad,
            text,
            spec,
        });
    };
    let web = |inner: Value| json!({"services": {"web": inner}});
    field(
        "/services/*/port",
        numbers(1, 65_535, plain),
        "[services.web]\nport = {}",
        web(json!({"port": null})),
    );
    field(
        "/services/*/replicas",
        numbers(0, u64::from(*bounds::REPLICAS.end()), plain),
        "[services.web]\nreplicas = {}",
        web(json!({"replicas": null})),
    );
    field(
        "/services/*/resources/cpu_millis",
        numbers(
            u64::from(*bounds::CPU_MILLIS.start()),
            u64::from(*bounds::CPU_MILLIS.end()),
            |n| format!("{}.{:03}", n / 1000, n % 1000),
        ),
        "[services.web]\nresources.cpu = {}",
        web(json!({"resources": {"cpu_millis": null}})),
    );
    field(
        "/services/*/resources/memory_bytes",
        numbers(
            *bounds::MEMORY_BYTES.start(),
            *bounds::MEMORY_BYTES.end(),
            |n| format!("\"{n}B\""),
        ),
        "[services.web]\nresources.memory = {}",
        web(json!({"resources": {"memory_bytes": null}})),
    );
    field(
        "/services/*/resources/pids",
        numbers(
            u64::from(*bounds::PIDS.start()),
            u64::from(*bounds::PIDS.end()),
            plain,
        ),
        "[services.web]\nresources.pids = {}",
        web(json!({"resources": {"pids": null}})),
    );
    for (pointer, key, range) in [
        (
            "/services/*/health/interval_ms",
            "interval",
            &bounds::HEALTH_INTERVAL,
        ),
        (
            "/services/*/health/timeout_ms",
            "timeout",
            &bounds::HEALTH_TIMEOUT,
        ),
        (
            "/services/*/health/start_timeout_ms",
            "start_timeout",
            &bounds::START_TIMEOUT,
        ),
    ] {
        let text: &'static str = format!("[services.web]\nhealth.{key} = {{}}").leak();
        field(
            pointer,
            ms(range),
            text,
            web(json!({"health": {format!("{key}_ms"): null}})),
        );
    }
    field(
        "/services/*/health/failures",
        numbers(1, u64::from(*bounds::HEALTH_FAILURES.end()), plain),
        "[services.web]\nhealth.failures = {}",
        web(json!({"health": {"failures": null}})),
    );
    field(
        "/services/*/health/path",
        texts(
            bounds::CHECK_PATH_CHARS,
            |n| format!("/{}", "a".repeat(n - 1)),
            &["", "healthz", "/a b", "/a#b", "/ä", "/a\\b"],
        ),
        "[services.web]\nhealth.path = {}",
        web(json!({"health": {"path": null}})),
    );
    let [good, bad] = argvs();
    field(
        "/services/*/health/command",
        [good, bad],
        "[services.web]\nhealth.command = {}",
        web(json!({"health": {"command": null}})),
    );
    field(
        "/services/*/argv",
        argvs(),
        "[services.web]\ncommand = {}",
        web(json!({"argv": null})),
    );
    field(
        "/build/test_argv",
        argvs(),
        "[build]\ntest = {}",
        json!({"build": {"test_argv": null}}),
    );
    let line = || {
        texts(
            bounds::ARGUMENT_CHARS,
            |n| "x".repeat(n),
            &["", "a 'b", "a\nb"],
        )
    };
    field(
        "/services/*/command",
        line(),
        "[services.web]\ncommand = {}",
        web(json!({"command": null})),
    );
    field(
        "/build/test",
        line(),
        "[build]\ntest = {}",
        json!({"build": {"test": null}}),
    );
    field(
        "/services/*/stop_timeout_ms",
        ms(&bounds::STOP_TIMEOUT),
        "[services.web]\nstop_timeout = {}",
        web(json!({"stop_timeout_ms": null})),
    );
    field(
        "/services/*/volumes/*/path",
        texts(
            bounds::VOLUME_PATH_CHARS,
            |n| format!("/{}", "a".repeat(n - 1)),
            &["", "/", "data", "/../etc", "/a//b", "/a:b", "/a b", "/ä"],
        ),
        "[services.web]\nvolumes.data = { path = {}, size = \"1GiB\" }",
        web(json!({"volumes": {"data": {"path": null, "size_bytes": 1 << 30}}})),
    );
    field(
        "/services/*/volumes/*/size_bytes",
        numbers(
            *bounds::VOLUME_BYTES.start(),
            *bounds::VOLUME_BYTES.end(),
            |n| format!("\"{n}B\""),
        ),
        "[services.web]\nvolumes.data = { path = \"/data\", size = {} }",
        web(json!({"volumes": {"data": {"path": "/data", "size_bytes": null}}})),
    );
    let names = |count: usize| {
        let names: Vec<String> = (0..count).map(|n| format!("a{n}.example.com")).collect();
        same(json!(names))
    };
    field(
        "/services/*/domains",
        [
            vec![names(0), names(bounds::DOMAINS)],
            vec![
                names(bounds::DOMAINS + 1),
                same(json!(["10.0.0.1"])),
                same(json!(["a.example.com", "a.example.com"])),
            ],
        ],
        "[services.web]\ndomains = {}",
        web(json!({"domains": null})),
    );
    field(
        "/services/*/path",
        texts(200, |n| format!("/{}", "a".repeat(n - 1)), &["api", "/a b"]),
        "[services.web]\npath = {}",
        web(json!({"path": null})),
    );
    field(
        "/services/*/kind",
        [
            vec![same("web"), same("worker")],
            vec![same("job"), same("data"), same("cron")],
        ],
        "[services.web]\nkind = {}",
        web(json!({"kind": null})),
    );
    for (pointer, key) in [
        ("/services/*/read_only", "read_only"),
        ("/services/*/place/one_per_host", "place.one_per_host"),
        ("/deploy/auto_rollback", "rollout.auto_rollback"),
    ] {
        let deploy = pointer.starts_with("/deploy");
        let table = if deploy { "deploy" } else { "services.web" };
        let text: &'static str = format!("[{table}]\n{key} = {{}}").leak();
        let spec = match pointer {
            "/services/*/read_only" => web(json!({"read_only": null})),
            "/deploy/auto_rollback" => json!({"deploy": {"auto_rollback": null}}),
            _ => web(json!({"place": {"one_per_host": null}})),
        };
        field(
            pointer,
            [vec![same(true), same(false)], vec![same("yes"), same(1)]],
            text,
            spec,
        );
    }
    // "Off" is what the API calls a check that is not set; people write it by leaving the line out.
    field(
        "/services/*/health/tcp",
        [vec![same(true)], vec![same("true")]],
        "[services.web]\nhealth.tcp = {}",
        web(json!({"health": {"tcp": null}})),
    );
    field(
        "/services/*/place/require",
        [
            vec![same("eu"), same("x".repeat(63))],
            vec![same("x".repeat(64)), same("a b"), same("")],
        ],
        "[services.web]\nplace.require.region = {}",
        web(json!({"place": {"require": {"region": null}}})),
    );
    for (pointer, text, spec) in [
        (
            "/services/*/image",
            "[services.web]\nimage = {}",
            web(json!({"image": null})),
        ),
        (
            "/build/image",
            "[build]\nimage = {}\n[services.web]",
            json!({"build": {"image": null}, "services": {"web": {}}}),
        ),
    ] {
        let values = [
            vec![same("redis:7"), same("registry.example.com/a/b:c")],
            vec![same(""), same("-v"), same("A B"), same("x".repeat(256))],
        ];
        field(pointer, values, text, spec);
    }
    field(
        "/build/dockerfile",
        texts(
            bounds::DOCKERFILE_CHARS,
            |n| "a".repeat(n),
            &[
                "",
                "/Dockerfile",
                "../Dockerfile",
                "a//b",
                "./a",
                "a b",
                "ä",
                "a:b",
            ],
        ),
        "[build]\ndockerfile = {}",
        json!({"build": {"dockerfile": null}}),
    );
    field(
        "/build/builder",
        [
            ["auto", "dockerfile", "python", "node", "static"]
                .map(same)
                .to_vec(),
            vec![same("pyton")],
        ],
        "[build]\nbuilder = {}",
        json!({"build": {"builder": null}}),
    );
    field(
        "/deploy/strategy",
        [
            ["switch", "rolling", "recreate"].map(same).to_vec(),
            vec![same("canary"), same("blue_green")],
        ],
        "[deploy]\nstrategy = {}",
        json!({"deploy": {"strategy": null}}),
    );
    field(
        "/deploy/release",
        [vec![], vec![same("migrate"), same("")]],
        "[deploy]\nrelease = {}",
        json!({"deploy": {"release": null}}),
    );
    field(
        "/deploy/max_surge",
        [vec![same(1), same(1000)], vec![same(0), same(1001)]],
        "[deploy]\nrollout.max_surge = {}",
        json!({"deploy": {"max_surge": null}}),
    );
    field(
        "/deploy/max_unavailable",
        numbers(0, 1000, plain),
        "[deploy]\nrollout.max_unavailable = {}",
        json!({"deploy": {"max_unavailable": null}}),
    );
    for (pointer, key, range) in [
        ("/deploy/drain_ms", "drain", &bounds::DRAIN),
        ("/deploy/bake_ms", "bake", &bounds::BAKE),
        (
            "/deploy/progress_deadline_ms",
            "progress_deadline",
            &bounds::PROGRESS_DEADLINE,
        ),
    ] {
        let text: &'static str = format!("[deploy]\nrollout.{key} = {{}}").leak();
        field(
            pointer,
            ms(range),
            text,
            json!({"deploy": {format!("{key}_ms"): null}}),
        );
    }
    let value = || texts(bounds::VALUE_BYTES, |n| "x".repeat(n), &["a\0b"]);
    field(
        "/config/*/value",
        value(),
        "[config.A]\nvalue = {}",
        json!({"config": {"A": {"value": null}}}),
    );
    field(
        "/services/*/config/*/value",
        value(),
        "[services.web.config.A]\nvalue = {}",
        web(json!({"config": {"A": {"value": null}}})),
    );
    field(
        "/config/*/from",
        [
            vec![
                same("services.db.host"),
                same("services.db.address"),
                same("services.w.host"),
            ],
            vec![
                same("services.db.url"),
                same("services.x.host"),
                same("db.host"),
                same("services.w.port"),
            ],
        ],
        "[services.db]\nkind = \"worker\"\nport = 1\n[services.w]\nkind = \"worker\"\n[config.A]\nfrom = {}",
        json!({
            "services": {"db": {"kind": "worker", "port": 1}, "w": {"kind": "worker"}},
            "config": {"A": {"from": null}},
        }),
    );
    fields
}
