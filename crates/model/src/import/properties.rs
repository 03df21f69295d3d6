//! The property that nothing of an input is silently dropped, over generated files of each kind.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::tests::app;
use super::*;

/// Places of all values of an input that hold no other.
fn leaves(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, inner) in entries {
                let dot = if at.is_empty() { "" } else { "." };
                leaves(inner, &format!("{at}{dot}{key}"), out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, inner) in items.iter().enumerate() {
                leaves(inner, &format!("{at}[{index}]"), out);
            }
        }
        _ => out.push(at.to_owned()),
    }
}

fn covers(place: &str, leaf: &str) -> bool {
    leaf.strip_prefix(place)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Every leaf of the input is spoken of exactly once.
fn complete(format: Format, input: &Value) -> Result<Imported, TestCaseError> {
    let text = input.to_string();
    let imported = import(format, &app(), &text)
        .map_err(|error| TestCaseError::fail(format!("{error:?}\n{text}")))?;
    let mut all = Vec::new();
    leaves(input, "", &mut all);
    let spoken: Vec<&str> = imported
        .left
        .iter()
        .map(|left| left.key.as_str())
        .chain(imported.carried.iter().map(String::as_str))
        .collect();
    for leaf in all.iter().filter(|leaf| !leaf.is_empty()) {
        let count = spoken.iter().filter(|place| covers(place, leaf)).count();
        prop_assert_eq!(count, 1, "{} in {}\n{:?}", leaf, text, imported);
    }
    for place in spoken {
        prop_assert!(
            all.iter().any(|leaf| covers(place, leaf)),
            "{} is not in {}",
            place,
            text
        );
    }
    Ok(imported)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..100_000).prop_map(Value::from),
        (0.0f64..100.0).prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "${X}",
            "${X:-1}",
            "$$x",
            "8080:80",
            "53:53/udp",
            "80",
            "data:/data",
            "./x:/x",
            "/x",
            "512m",
            "10s",
            "always",
            "no",
            "postgres:16",
            "nginx",
            "true",
            "CMD",
            "\u{0}",
            "ä\n",
            "a 'b",
            "web",
            "db",
        ])
        .prop_map(Value::from),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z_]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A table with some of these keys, and perhaps one that nobody knows.
fn table(keys: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let known: Vec<_> = keys
        .into_iter()
        .map(|(key, value)| (Just(key), prop::option::weighted(0.5, value)))
        .collect();
    (known, prop::option::weighted(0.2, anything()))
        .prop_map(|(known, odd)| {
            let mut map = Map::new();
            for (key, value) in known {
                if let Some(value) = value {
                    map.insert(key.to_owned(), value);
                }
            }
            if let Some(odd) = odd {
                map.insert("odd".to_owned(), odd);
            }
            Value::Object(map)
        })
        .boxed()
}

fn of(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop_oneof![3 => prop::sample::select(values).prop_map(Value::from), 1 => anything()].boxed()
}

fn list(one: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![3 => prop::collection::vec(one, 0..4).prop_map(Value::from), 1 => anything()]
        .boxed()
}

fn environment() -> BoxedStrategy<Value> {
    let key = prop::sample::select(vec!["A", "PORT", "DB_PASSWORD", "a b", "B"]);
    prop_oneof![
        prop::collection::btree_map(key, scalar(), 0..4).prop_map(|map| {
            Value::Object(map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
        }),
        list(of(&["A=1", "A=${X}", "B", "PORT=80", "=x", "C=a=b"])),
    ]
    .boxed()
}

fn compose_service() -> BoxedStrategy<Value> {
    let health = table(vec![
        ("test", list(of(&["CMD", "CMD-SHELL", "NONE", "curl x"]))),
        ("interval", of(&["10s", "1m30s", "0s", "200h"])),
        ("retries", of(&["3", "0"])),
        ("disable", of(&["true", "false"])),
        ("start_period", of(&["5s"])),
    ]);
    let limits = || {
        table(vec![
            ("cpus", of(&["0.5", "1000"])),
            ("memory", of(&["512m", "1k"])),
            ("pids", of(&["100"])),
        ])
    };
    let deploy = table(vec![
        ("replicas", of(&["2", "0", "5000"])),
        ("mode", of(&["global"])),
        (
            "resources",
            table(vec![("limits", limits()), ("reservations", limits())]),
        ),
    ]);
    table(vec![
        (
            "image",
            of(&["nginx:1", "postgres:16", "x:${T:-1}", "x:${T}", "-x"]),
        ),
        (
            "build",
            prop_oneof![
                of(&[".", "./a", ""]),
                table(vec![
                    ("context", of(&[".", "./a"])),
                    ("dockerfile", of(&["Dockerfile", "../x"])),
                    ("target", of(&["prod"])),
                    ("args", anything().boxed()),
                ])
            ]
            .boxed(),
        ),
        (
            "command",
            prop_oneof![of(&["run it", "a 'b", "x ${Y}"]), list(of(&["a", "$X"]))].boxed(),
        ),
        ("ports", list(of(&["80", "8080:80", "1:2/udp", "x"]))),
        ("expose", list(of(&["80", "6379"]))),
        ("environment", environment()),
        (
            "volumes",
            list(of(&[
                "data:/data",
                "./x:/x",
                "data:/data:ro",
                "/y",
                "a:b:c:d",
            ])),
        ),
        ("healthcheck", health),
        ("deploy", deploy),
        ("scale", of(&["3"])),
        ("restart", of(&["always", "no"])),
        ("read_only", of(&["true", "maybe"])),
        ("depends_on", anything().boxed()),
        ("stop_grace_period", of(&["10s", "0s"])),
    ])
}

fn compose() -> BoxedStrategy<Value> {
    let name = prop::sample::select(vec!["web", "db", "my_worker", "my-worker", "1", "Web", ""]);
    let services = prop::collection::btree_map(name, compose_service(), 0..4)
        .prop_map(|map| Value::Object(map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()));
    let volumes = table(vec![
        ("data", anything().boxed()),
        ("x", anything().boxed()),
    ]);
    table(vec![
        ("version", of(&["3"])),
        ("name", of(&["shop", "x"])),
        (
            "services",
            prop_oneof![9 => services.boxed(), 1 => anything().boxed()].boxed(),
        ),
        ("volumes", volumes),
        ("networks", anything().boxed()),
        ("x-any", anything().boxed()),
    ])
}

fn fly() -> BoxedStrategy<Value> {
    let check = || {
        table(vec![
            ("path", of(&["/up", "up"])),
            ("type", of(&["tcp", "http"])),
            ("port", of(&["80", "x"])),
            ("interval", of(&["10s"])),
            ("method", of(&["GET", "POST"])),
            ("grace_period", of(&["5s"])),
        ])
    };
    let processes = || list(of(&["web", "jobs", "none"]));
    table(vec![
        ("app", of(&["shop", "x"])),
        ("kill_timeout", of(&["5", "5s", "x"])),
        (
            "build",
            table(vec![
                ("image", of(&["x:1"])),
                ("dockerfile", of(&["D", "../D"])),
                ("args", anything().boxed()),
            ]),
        ),
        (
            "deploy",
            table(vec![
                ("strategy", of(&["rolling", "canary"])),
                ("release_command", of(&["x"])),
            ]),
        ),
        ("env", environment()),
        (
            "processes",
            table(vec![("web", of(&["a", ""])), ("jobs", of(&["b"]))]),
        ),
        (
            "http_service",
            table(vec![
                ("internal_port", of(&["8080", "0"])),
                ("min_machines_running", of(&["0", "3"])),
                ("checks", list(check())),
                ("processes", processes()),
                ("concurrency", anything().boxed()),
            ]),
        ),
        (
            "services",
            list(table(vec![
                ("internal_port", of(&["25", "80"])),
                ("protocol", of(&["tcp", "udp"])),
                (
                    "ports",
                    list(table(vec![
                        ("handlers", list(of(&["http", "tls"]))),
                        ("port", of(&["80"])),
                    ])),
                ),
                ("http_checks", list(check())),
                ("tcp_checks", list(check())),
                ("processes", processes()),
            ])),
        ),
        ("checks", table(vec![("one", check()), ("two", check())])),
        (
            "vm",
            list(table(vec![
                ("memory", of(&["512mb", "512", "1"])),
                ("cpus", of(&["1"])),
                ("size", of(&["x"])),
                ("processes", processes()),
            ])),
        ),
        (
            "mounts",
            list(table(vec![
                ("source", of(&["data", "1"])),
                ("destination", of(&["/data"])),
                ("initial_size", of(&["1", "1gb"])),
                ("processes", processes()),
            ])),
        ),
    ])
}

fn render() -> BoxedStrategy<Value> {
    let variable = || {
        table(vec![
            ("key", of(&["A", "PORT", "B"])),
            ("value", of(&["1", "x"])),
            ("generateValue", of(&["true", "false"])),
            ("sync", of(&["false"])),
            (
                "fromService",
                table(vec![
                    ("name", of(&["web", "none"])),
                    ("property", of(&["host", "hostport"])),
                ]),
            ),
            ("fromGroup", of(&["g"])),
            ("previewValue", of(&["1"])),
        ])
    };
    let service = table(vec![
        ("type", of(&["web", "worker", "pserv", "cron", "redis"])),
        ("name", of(&["web", "My Job", "db"])),
        (
            "runtime",
            of(&["python", "node", "image", "docker", "elixir"]),
        ),
        ("image", table(vec![("url", of(&["x:1", "-"]))])),
        ("startCommand", of(&["run", "a 'b"])),
        ("dockerfilePath", of(&["./D", "/D"])),
        ("numInstances", of(&["2"])),
        ("healthCheckPath", of(&["/up", "up"])),
        (
            "domains",
            list(of(&["a.example.com", "b.example.com", "x"])),
        ),
        (
            "disk",
            table(vec![
                ("name", of(&["data"])),
                ("mountPath", of(&["/data", "data"])),
                ("sizeGB", of(&["1", "x"])),
            ]),
        ),
        ("envVars", list(variable())),
        ("plan", of(&["starter"])),
    ]);
    table(vec![
        ("services", list(service)),
        ("databases", list(anything().boxed())),
        (
            "envVarGroups",
            list(table(vec![
                ("name", of(&["g"])),
                ("envVars", list(variable())),
            ])),
        ),
        ("previews", anything().boxed()),
    ])
}

fn app_json() -> BoxedStrategy<Value> {
    let variable = table(vec![
        ("description", of(&["x"])),
        ("value", of(&["1"])),
        ("generator", of(&["secret", "x"])),
        ("required", of(&["true", "false"])),
    ]);
    let env = table(vec![
        ("A", variable.clone()),
        ("B", scalar().boxed()),
        ("PORT", variable),
    ]);
    let formation = table(vec![
        (
            "web",
            table(vec![("quantity", of(&["2", "x"])), ("size", of(&["x"]))]),
        ),
        ("my_job", table(vec![("quantity", of(&["1"]))])),
    ]);
    table(vec![
        ("name", of(&["shop", "x"])),
        ("env", env),
        ("formation", formation),
        ("scripts", table(vec![("postdeploy", of(&["x"]))])),
        ("image", of(&["x", "-"])),
        ("addons", anything().boxed()),
        ("environments", anything().boxed()),
    ])
}

/// As TOML, without what it cannot say.
fn as_toml(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(yes) => toml::Value::Boolean(*yes),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => toml::Value::Integer(whole),
            None => toml::Value::Float(number.as_f64()?),
        },
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Array(items) => toml::Value::Array(items.iter().filter_map(as_toml).collect()),
        Value::Object(entries) => toml::Value::Table(
            entries
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), as_toml(value)?)))
                .collect(),
        ),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn compose_files_are_carried_over_or_named(input in compose()) {
        let imported = complete(Format::Compose, &input)?;
        // What is said to be carried over is there.
        let services = input["services"].as_object().cloned().unwrap_or_default();
        for (name, service) in services {
            for (key, value) in service["environment"].as_object().cloned().unwrap_or_default() {
                let place = format!("services.{name}.environment.{key}");
                if imported.carried.contains(&place) {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    let written = toml::Value::from(text.replace("$$", "$"));
                    prop_assert!(imported.text.contains(&format!("{key} = ")), "{} {}", place, written);
                }
            }
        }
    }

    #[test]
    fn app_jsons_are_carried_over_or_named(input in app_json()) {
        complete(Format::AppJson, &input)?;
    }

    #[test]
    fn render_yamls_are_carried_over_or_named(input in render()) {
        complete(Format::Render, &input)?;
    }

    #[test]
    fn fly_tomls_are_carried_over_or_named(input in fly()) {
        let Some(toml) = as_toml(&input) else { return Ok(()) };
        let text = toml::to_string(&toml).unwrap();
        let input = serde_json::to_value(&toml).unwrap();
        let imported = import(Format::Fly, &app(), &text)
            .map_err(|error| TestCaseError::fail(format!("{error:?}\n{text}")))?;
        let mut all = Vec::new();
        leaves(&input, "", &mut all);
        for leaf in all.iter().filter(|leaf| !leaf.is_empty()) {
            let spoken = imported.left.iter().map(|l| l.key.as_str()).chain(imported.carried.iter().map(String::as_str));
            prop_assert_eq!(spoken.filter(|place| covers(place, leaf)).count(), 1, "{}\n{}\n{:?}", leaf, text, imported);
        }
    }

    #[test]
    fn any_text_ends_with_an_answer(text in "[ -~\\n]{0,200}") {
        for format in [Format::Compose, Format::Procfile, Format::AppJson, Format::Fly, Format::Render] {
            let answer = import(format, &app(), &text);
            prop_assert!(!matches!(answer, Err(ImportError::Refused(_))), "{:?} {:?}", format, answer);
        }
    }
}
