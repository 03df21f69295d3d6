use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::name::Domain;
use crate::spec::{Check, Strategy};

fn parse(text: &str) -> ManifestFile {
    ManifestFile::from_toml(text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// Every problem as one line of text.
fn problems(text: &str) -> Vec<String> {
    let errors = ManifestFile::from_toml(text).expect_err("must be refused");
    errors.iter().map(ToString::to_string).collect()
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

const FULL: &str = r#"
app = "shop"
[build]
test = "pytest -q"
[deploy]
strategy = "rolling"
rollout = { max_surge = 1, max_unavailable = 0, health_timeout = "90s", drain = "30s", bake = "1m", auto_rollback = true }
[services.web]
kind = "web"
command = "gunicorn shop.wsgi"
port = 8080
replicas = 2
resources = { cpu = 0.5, memory = "512MiB" }
health = { path = "/healthz", interval = "5s", timeout = "2s", failures = 3 }
domains = ["shop.example.com"]
place = { spread = "host", require = { region = "eu" } }
[services.stream]
kind = "worker"
command = "python consume.py"
health = { command = ["python", "check_lag.py"], interval = "15s" }
[services.db]
kind = "data"
image = "postgres:16"
port = 5432
volumes = { data = { path = "/var/lib/postgresql/data", size = "10GiB" } }
[config]
LOG_LEVEL = "info"
DATABASE = { from = "services.db.address" }
DJANGO_SECRET_KEY = { generate = "secret" }
STRIPE_KEY = { secret = true, required = true }
[env.staging]
services.web.replicas = 1
services.web.health = { tcp = true }
config.LOG_LEVEL = "debug"
config.STRIPE_KEY = "none"
"#;

#[test]
fn the_documented_manifest_becomes_its_normal_form() {
    let file = parse(FULL);
    let manifest = file.for_environment(&name("production"));
    assert_eq!(manifest.deploy.rollout.strategy, Strategy::Rolling);
    assert_eq!(manifest.deploy.rollout.bake, Duration::from_secs(60));
    let web = &manifest.services[&name::<ServiceName>("web")].spec;
    assert_eq!((web.replicas, web.port), (2, Some(8080)));
    assert_eq!(
        (web.resources.cpu_millis, web.resources.memory_bytes),
        (500, 512 << 20)
    );
    assert_eq!(
        web.health.check,
        Check::Http {
            path: "/healthz".into()
        }
    );
    assert_eq!(web.health.start_timeout, Duration::from_secs(90));
    assert_eq!(web.domains, [name::<Domain>("shop.example.com")]);
    let stream = &manifest.services[&name::<ServiceName>("stream")].spec;
    assert_eq!(stream.kind, ServiceKind::Worker);
    assert_eq!(
        stream.health.check,
        Check::Command {
            argv: vec!["python".into(), "check_lag.py".into()]
        }
    );
    let db = &manifest.services[&name::<ServiceName>("db")];
    assert_eq!(db.image, Some(name("postgres:16")));
    assert_eq!(db.spec.health.check, Check::Tcp);
    assert!(db.spec.is_exclusive());
    let ConfigEntry::From(reference) = &manifest.config[&name::<ConfigKey>("DATABASE")] else {
        panic!("a reference");
    };
    assert_eq!(manifest.resolve(reference).as_deref(), Some("db:5432"));
    assert!(manifest.needs_source());
}

#[test]
fn overrides_merge_by_key_and_replace_values() {
    let file = parse(FULL);
    let staging = file.for_environment(&name("staging"));
    let web = &staging.services[&name::<ServiceName>("web")].spec;
    assert_eq!(web.replicas, 1);
    assert_eq!(web.health.check, Check::Tcp);
    assert_eq!(
        web.health.timeout,
        Duration::from_secs(2),
        "what the override leaves out stays"
    );
    assert_eq!(
        web.command,
        Some(Command::parse("gunicorn shop.wsgi").unwrap())
    );
    let value = |key: &str| staging.config[&name::<ConfigKey>(key)].clone();
    assert_eq!(value("LOG_LEVEL"), ConfigEntry::Value("debug".into()));
    assert_eq!(value("STRIPE_KEY"), ConfigEntry::Value("none".into()));
    assert_eq!(value("DJANGO_SECRET_KEY"), ConfigEntry::Generate);
    let names: Vec<&str> = file.environments().map(EnvironmentName::as_str).collect();
    assert_eq!(names, ["staging"]);
}

#[test]
fn every_problem_is_named_at_once_with_line_reason_and_suggestion() {
    let text = r#"app = "shop"
[services.web]
replcias = 2
port = "8080"
health = { path = "healthz" }
[services.consumer]
command = "python c.py"
[config]
WORKERS = 4
PORT = "80"
[env.staging]
services.web.replicas = -1
"#;
    assert_eq!(
        problems(text),
        [
            r#"line 3, column 1: services.web.replcias: no such key; did you mean `replicas`?"#,
            r#"line 4, column 8: services.web.port: expected a whole number, found a text; write 8080 without quotes"#,
            r#"line 5, column 19: services.web.health.path: "healthz" is not a path; such as "/healthz""#,
            r#"line 6, column 1: services.consumer: service "consumer" does not say its kind; write kind = "web" (gets requests) or kind = "worker" (runs in the background)"#,
            r#"line 9, column 11: config.WORKERS: expected a text, found a whole number; write "4""#,
            r#"line 10, column 8: config.PORT: PORT is given by Segue; set the service's port instead"#,
            r#"line 12, column 25: services.web.replicas: -1 is not between 0 and 1000"#,
        ]
    );
}

#[test]
fn what_is_not_available_yet_is_refused_with_a_sentence() {
    for (line, instead) in [
        ("autoscale = { min = 2 }", "segue scale"),
        ("slo = { availability = 99.9 }", "remove it"),
        ("schedule = \"0 3 * * *\"", "jobs"),
    ] {
        let found = problems(&format!("app = \"a\"\n[services.web]\n{line}\n"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("not available yet") && found[0].contains(instead),
            "{found:?}"
        );
    }
    for text in [
        "app = \"a\"\n[deploy]\nrelease = \"x\"",
        "app = \"a\"\n[deploy]\nstrategy = \"canary\"",
        "app = \"a\"\n[deploy]\nstrategy = \"blue_green\"",
        "app = \"a\"\n[services.x]\nkind = \"job\"",
        "app = \"a\"\n[services.web]\n[config]\nX = { from = \"services.web.url\" }",
        "app = \"a\"\n[config]\nX = { secret = true, deliver = \"file\" }",
    ] {
        let found = problems(text);
        assert!(
            found.len() == 1 && found[0].contains("not available yet"),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn contradictions_and_bounds_are_refused() {
    for (text, part) in [
        ("", "`app` is missing"),
        ("app = \"Shop\"", "app name"),
        (
            "app = \"a\"\n[build]\nimage = \"x\"\nbuilder = \"python\"",
            "not built",
        ),
        (
            "app = \"a\"\n[build]\ndockerfile = \"../x\"",
            "not a path inside",
        ),
        (
            "app = \"a\"\n[build]\nbuilder = \"pyton\"",
            "did you mean \"python\"",
        ),
        (
            "app = \"a\"\n[services.web]\nhealth = { path = \"/\", tcp = true }",
            "exclude each other",
        ),
        (
            "app = \"a\"\n[services.web]\nhealth = { tcp = false }",
            "cannot be switched off",
        ),
        (
            "app = \"a\"\n[services.w]\nkind = \"worker\"\nhealth = { path = \"/\" }",
            "needs a port",
        ),
        (
            "app = \"a\"\n[services.w]\nkind = \"worker\"\ndomains = [\"a.example.com\"]",
            "only a service of kind",
        ),
        (
            "app = \"a\"\n[services.d]\nkind = \"data\"",
            "needs a volume",
        ),
        (
            "app = \"a\"\n[services.web]\nreplicas = 2\nvolumes = { v = { path = \"/v\", size = \"1GiB\" } }",
            "runs one instance",
        ),
        (
            "app = \"a\"\n[services.web]\nvolumes = { v = { path = \"/../v\", size = \"1GiB\" } }",
            "absolute path",
        ),
        (
            "app = \"a\"\n[services.web]\nresources = { memory = \"512\" }",
            "is not a size",
        ),
        (
            "app = \"a\"\n[services.web]\nresources = { memory = 512 }",
            "write \"512MiB\"",
        ),
        (
            "app = \"a\"\n[services.web]\nresources = { cpu = 0 }",
            "cores",
        ),
        (
            "app = \"a\"\n[services.web]\nstop_timeout = 30",
            "write \"30s\"",
        ),
        (
            "app = \"a\"\n[services.web]\nstop_timeout = \"soon\"",
            "is not a time",
        ),
        (
            "app = \"a\"\n[services.web]\nstop_timeout = \"2h\"",
            "is not between",
        ),
        (
            "app = \"a\"\n[services.web]\ncommand = \"a 'b\"",
            "not a valid command",
        ),
        (
            "app = \"a\"\n[services.web]\ncommand = []",
            "1 to 256 arguments",
        ),
        (
            "app = \"a\"\n[services.web]\ndomains = \"a.example.com\"",
            "write [\"a.example.com\"]",
        ),
        (
            "app = \"a\"\n[services.web]\nport = 70000",
            "is not between",
        ),
        (
            "app = \"a\"\n[deploy]\nrollout = { max_surge = 0 }",
            "can ever be replaced",
        ),
        (
            "app = \"a\"\n[config]\nX = { secret = true, value = \"1\" }",
            "does not stand in the manifest",
        ),
        ("app = \"a\"\n[config]\nX = { }", "exactly one"),
        (
            "app = \"a\"\n[services.web]\n[config]\nX = { from = \"services.wep.host\" }",
            "did you mean \"services.web.host\"",
        ),
        (
            "app = \"a\"\n[services.w]\nkind = \"worker\"\n[config]\nX = { from = \"services.w.port\" }",
            "is not known",
        ),
        ("app = \"a\"\n[config]\n\"A B\" = \"1\"", "config key"),
        ("app = \"a\"\nservices = 3", "expected a table"),
        ("app = \"a\"\n[env.staging]\napp = \"b\"", "no such key"),
        ("app = \"a\"\n[env.Staging]\n", "environment name"),
        ("app = ", "not valid TOML"),
        ("app = \"a\"\napp = \"b\"", "not valid TOML"),
    ] {
        let found = problems(text);
        assert!(
            found.iter().any(|problem| problem.contains(part)),
            "{text}: {found:?}"
        );
    }
    let both = "app = \"a\"\n[services.web]\ndomains = [\"a.example.com\"]\n[services.api]\nkind = \"web\"\ndomains = [\"a.example.com\"]\n";
    assert!(problems(both)[0].contains("both want a.example.com/"));
    parse(&format!("{both}path = \"/api\"\n"));
    let long = format!("app = \"a\"\n#{}", "x".repeat(MAX_BYTES));
    assert!(problems(&long)[0].contains("longer than"));
}

#[test]
fn a_service_has_variables_of_its_own() {
    let file = parse(
        r#"
app = "a"
[services.web]
config.LEVEL = "web"
[services.db]
kind = "worker"
image = "postgres:16"
config = { PASSWORD = { generate = "secret" }, MODE = "x", PEER = { from = "services.web.address" } }
[env.staging]
services.db.config.MODE = { value = "y" }
"#,
    );
    let of = |environment: &str, service: &str, key: &str| {
        let manifest = file.for_environment(&name(environment));
        let service = &manifest.services[&name::<ServiceName>(service)];
        service.config.get(&name::<ConfigKey>(key)).cloned()
    };
    let value = |text: &str| Some(ConfigEntry::Value(text.into()));
    assert_eq!(of("production", "web", "LEVEL"), value("web"));
    assert_eq!(
        of("production", "db", "PASSWORD"),
        Some(ConfigEntry::Generate)
    );
    assert_eq!(of("production", "db", "MODE"), value("x"));
    assert_eq!(of("staging", "db", "MODE"), value("y"));
    assert!(matches!(
        of("staging", "db", "PEER"),
        Some(ConfigEntry::From(_))
    ));
    let found =
        problems("app = \"a\"\n[services.web.config]\nPORT = \"1\"\nX = { form = \"x\" }\n");
    assert_eq!(
        found,
        [
            "line 3, column 8: services.web.config.PORT: PORT is given by Segue; set the service's port instead",
            "line 4, column 7: services.web.config.X.form: no such key; did you mean `from`?",
        ]
    );
}

/// What was kept before services had variables of their own is read as before.
#[test]
fn a_kept_specification_without_the_new_member_is_read() {
    let manifest = parse(FULL).for_environment(&name("production")).clone();
    let kept = serde_json::to_value(&manifest).unwrap();
    assert!(kept["services"]["web"].get("config").is_none());
    assert_eq!(serde_json::from_value::<Manifest>(kept).unwrap(), manifest);
}

#[test]
fn positions_count_characters() {
    let found = ManifestFile::from_toml("app = \"a\"\n[config]\nÄÖ = 1\n").unwrap_err();
    assert_eq!(found[0].at.line, 3);
    let found =
        ManifestFile::from_toml("app = \"a\"\nconfig = { \"ä\" = \"x\", B = 1 }").unwrap_err();
    assert_eq!(
        found.last().unwrap().at,
        Position {
            line: 2,
            column: 27
        }
    );
    assert_eq!(found.last().unwrap().pointer, "/config/B");
}

#[test]
fn the_four_line_yaml_is_a_manifest() {
    let text = "# what runs\napplication: my-app\nimage: my-app:v2\nreplicas: 3\nport: 8080\n";
    let file = ManifestFile::from_named("app.yaml", text).unwrap();
    let manifest = file.for_environment(&name("production"));
    assert_eq!(file.app().as_str(), "my-app");
    assert_eq!(manifest.build.image, Some(name("my-app:v2")));
    let web = &manifest.services[&name::<ServiceName>("web")].spec;
    assert_eq!(
        (web.kind, web.replicas, web.port),
        (ServiceKind::Web, 3, Some(8080))
    );
    assert!(!manifest.needs_source());
    let same = parse(
        "app = \"my-app\"\n[build]\nimage = \"my-app:v2\"\n[services.web]\nreplicas = 3\nport = 8080\n",
    );
    assert_eq!(&same, &file, "both forms end in one normal form");
}

#[test]
fn a_wrong_yaml_is_answered_with_line_and_reason() {
    for (text, line, part) in [
        (
            "application: my-app\nimage: a\nreplica: 3\n",
            3,
            "did you mean `replicas`?",
        ),
        (
            "application: my-app\nimage: a\nreplicas: three\n",
            3,
            "expected a whole number",
        ),
        (
            "application: my-app\nimage: a\nreplicas: \"3\"\n",
            3,
            "without quotes",
        ),
        ("application: my-app\n", 1, "`image` is missing"),
        ("application: my-app\nimage: a\nimage: b\n", 3, "twice"),
        ("application: my-app\nimage: [a]\n", 2, "key: value"),
        ("application: &x my-app\nimage: a\n", 1, "key: value"),
        (
            "application: my-app\nimage: a\nservices:\n  web:\n",
            4,
            "key: value",
        ),
        ("a: b\n---\na: c\n", 2, "second document"),
        ("application: 'my-app\n", 0, "not valid YAML"),
        ("", 1, "`application` is missing"),
    ] {
        let errors = ManifestFile::from_yaml(text).expect_err(text);
        assert!(
            errors.iter().any(|e| e.to_string().contains(part)),
            "{text}: {errors:?}"
        );
        assert!(line == 0 || errors[0].at.line == line, "{text}: {errors:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _ = ManifestFile::from_toml(&text);
        let _ = ManifestFile::from_yaml(&text);
        let _ = Procfile::parse(&text);
        let _ = AppJson::parse(&text);
    }

    /// One line of the full manifest garbled: an answer, and if it is refused, every problem has a place.
    #[test]
    fn a_garbled_manifest_is_answered_with_places(line in 0usize..40, with in "[a-z_.]{0,12}( = [0-9\"{}\\[\\]a-z]{0,9})?") {
        let mut lines: Vec<&str> = FULL.lines().collect();
        if let Some(slot) = lines.get_mut(line) {
            *slot = &with;
        }
        let text = lines.join("\n");
        if let Err(errors) = ManifestFile::from_toml(&text) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(error.at.line >= 1 && (error.at.line as usize) <= lines.len() + 1, "{error}");
            }
        }
    }

    /// The normal form survives storage.
    #[test]
    fn the_normal_form_survives_json(replicas in 0u32..1000, drain in 0u64..3600) {
        let text = format!("app = \"a\"\n[deploy]\nrollout = {{ drain = \"{drain}s\" }}\n[services.web]\nreplicas = {replicas}\n");
        let manifest = parse(&text).for_environment(&name("production")).clone();
        let json = serde_json::to_string(&manifest).unwrap();
        prop_assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), manifest);
    }
}
