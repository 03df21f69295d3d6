//! What wins over what, what is missing, and what a restart changes.

use segue_model::manifest::ManifestFile;
use segue_model::name::{AppName, EnvironmentName};

use super::*;

fn manifest(text: &str) -> Manifest {
    let file = ManifestFile::from_toml(text).unwrap();
    file.for_environment(&EnvironmentName::new("production").unwrap())
        .clone()
}

fn key(name: &str) -> ConfigKey {
    ConfigKey::new(name).unwrap()
}

fn build(n: u128) -> BuildId {
    BuildId::from_uuid(uuid::Uuid::from_u128(n))
}

fn app() -> AppImage {
    AppImage {
        source: ImageSource::Build(build(1)),
        generated: true,
    }
}

/// The environment of a service of the manifest.
fn env_of(
    manifest: &Manifest,
    values: &Values,
    service: &str,
) -> Result<BTreeMap<ConfigKey, EnvValue>, Uncomposable> {
    let resolves = own_images(manifest)
        .into_iter()
        .map(|name| (name, build(2)))
        .collect();
    let release = release(manifest, values, Some(&app()), None, &resolves)?;
    Ok(release.services[&ServiceName::new(service).unwrap()]
        .env
        .clone())
}

const SHOP: &str = r#"
app = "a"
[services.web]
kind = "web"
config = { LEVEL = "web", TOKEN = { secret = true } }
[services.worker]
kind = "worker"
[services.db]
kind = "worker"
image = "postgres:16"
port = 5432
[services.db.config]
MODE = "fixed"
PASSWORD = { generate = "secret" }
PEER = { from = "services.web.address" }
[config]
LEVEL = "spec"
DATABASE = { from = "services.db.address" }
"#;

#[test]
fn secrets_win_over_config_and_config_over_the_specification() {
    let manifest = manifest(
        "app = \"a\"\n[services.web]\nkind = \"web\"\n[config]\nA = \"spec\"\nB = \"spec\"\nC = \"spec\"\n",
    );
    let values = Values {
        config: [
            (key("B"), "config".to_owned()),
            (key("C"), "config".to_owned()),
        ]
        .into(),
        secrets: [(key("C"), 3)].into(),
    };
    let env = env_of(&manifest, &values, "web").unwrap();
    assert_eq!(env[&key("A")], EnvValue::Value("spec".into()));
    assert_eq!(env[&key("B")], EnvValue::Value("config".into()));
    assert_eq!(env[&key("C")], EnvValue::Secret { version: 3 });
}

#[test]
fn an_image_of_its_own_gets_its_own_table_and_nothing_else() {
    let manifest = manifest(SHOP);
    assert_eq!(
        to_generate(&manifest, &Values::default()),
        [key("PASSWORD")].into()
    );
    let mut values = Values {
        config: [
            (key("LEVEL"), "set".to_owned()),
            (key("MODE"), "set".to_owned()),
        ]
        .into(),
        secrets: [(key("PASSWORD"), 4), (key("TOKEN"), 5)].into(),
    };
    let db = env_of(&manifest, &values, "db").unwrap();
    let expected = [
        (key("MODE"), EnvValue::Value("fixed".into())),
        (key("PASSWORD"), EnvValue::Secret { version: 4 }),
        (key("PEER"), EnvValue::Value("web:8080".into())),
    ];
    assert_eq!(db, expected.into());
    let web = env_of(&manifest, &values, "web").unwrap();
    assert_eq!(web[&key("LEVEL")], EnvValue::Value("web".into()));
    assert_eq!(web[&key("TOKEN")], EnvValue::Secret { version: 5 });
    let worker = env_of(&manifest, &values, "worker").unwrap();
    assert_eq!(worker[&key("LEVEL")], EnvValue::Value("set".into()));
    assert_eq!(worker[&key("DATABASE")], EnvValue::Value("db:5432".into()));
    values.secrets.remove(&key("PASSWORD"));
    let missing = env_of(&manifest, &values, "web").unwrap_err();
    assert_eq!(missing, Uncomposable::Missing([key("PASSWORD")].into()));
}

/// The hash of each service, as the planner compares it.
fn revisions(release: &ReleaseSpec) -> BTreeMap<&str, segue_model::revision::Revision> {
    let image = segue_model::spec::ImageRef::Engine {
        id: "sha256:aa".to_owned(),
        hosts: BTreeSet::new(),
    };
    let of = |service: &ReleaseService| {
        segue_model::revision::RevisionContent::new(service, &image, None).revision()
    };
    let services = release.services.iter();
    services.map(|(name, s)| (name.as_str(), of(s))).collect()
}

proptest::proptest! {
    /// No variable that the environment gets may replace a database that does not ask for it.
    #[test]
    fn a_change_of_values_leaves_an_image_of_its_own_alone(
        config in proptest::collection::btree_map("[A-Z]{1,8}", "[a-z]{0,4}", 0..6),
        secrets in proptest::collection::btree_map("[A-Z]{1,8}", 1i64..9, 0..6),
    ) {
        let manifest = manifest(SHOP);
        let mut before = Values { secrets: [(key("PASSWORD"), 1)].into(), ..Values::default() };
        let resolves = [(ImageName::new("postgres:16").unwrap(), build(2))].into();
        let base = release(&manifest, &before, Some(&app()), None, &resolves).unwrap();
        before.config.extend(config.iter().map(|(k, v)| (key(k), v.clone())));
        let others = secrets.iter().filter(|(k, _)| k.as_str() != "PASSWORD");
        before.secrets.extend(others.map(|(k, v)| (key(k), *v)));
        let next = with_values(&base, &manifest, &before).unwrap();
        let (old, new) = (revisions(&base), revisions(&next));
        proptest::prop_assert_eq!(old["db"], new["db"]);
        let reached = !before.config.is_empty() || before.secrets.len() > 1;
        proptest::prop_assert_eq!(old["worker"] != new["worker"], reached);
        // What it asks for does reach it.
        before.secrets.insert(key("PASSWORD"), 2);
        let rotated = with_values(&next, &manifest, &before).unwrap();
        proptest::prop_assert_ne!(new["db"], revisions(&rotated)["db"]);
    }
}

#[test]
fn new_values_keep_what_the_specification_does_not_know() {
    let written = manifest(SHOP);
    let values = Values {
        secrets: [(key("PASSWORD"), 1)].into(),
        ..Values::default()
    };
    let resolves = [(ImageName::new("postgres:16").unwrap(), build(2))].into();
    let base = release(&written, &values, Some(&app()), None, &resolves).unwrap();
    let changed = Values {
        config: [(key("NEW"), "1".to_owned())].into(),
        ..values
    };
    let web_only = manifest("app = \"a\"\n[services.web]\nkind = \"web\"\n");
    let next = with_values(&base, &web_only, &changed).unwrap();
    let env = |release: &ReleaseSpec, name: &str| {
        release.services[&ServiceName::new(name).unwrap()]
            .env
            .clone()
    };
    assert_eq!(env(&next, "db"), env(&base, "db"));
    assert!(env(&next, "web").contains_key(&key("NEW")));
    let detected = Manifest::bare(AppName::new("a").unwrap());
    let next = with_values(&base, &detected, &changed).unwrap();
    assert!(env(&next, "worker").contains_key(&key("NEW")));
}

#[test]
fn required_variables_need_a_value() {
    let manifest = manifest(
        "app = \"a\"\n[services.web]\nkind = \"web\"\n[config]\nK = { secret = true, required = true }\n",
    );
    let missing = env_of(&manifest, &Values::default(), "web").unwrap_err();
    assert_eq!(missing, Uncomposable::Missing([key("K")].into()));
    let values = Values {
        secrets: [(key("K"), 1)].into(),
        ..Values::default()
    };
    assert!(env_of(&manifest, &values, "web").is_ok());
}

#[test]
fn own_images_are_pinned_apart_from_the_apps() {
    let manifest = manifest(
        "app = \"a\"\n[services.web]\nkind = \"web\"\n[services.cache]\nkind = \"worker\"\nimage = \"redis:7\"\n",
    );
    let redis = ImageName::new("redis:7").unwrap();
    assert_eq!(own_images(&manifest), [redis.clone()].into());
    let resolves = Resolves::from([(redis.clone(), build(2))]);
    let release = release(&manifest, &Values::default(), Some(&app()), None, &resolves).unwrap();
    let of = |name: &str| release.services[&ServiceName::new(name).unwrap()].clone();
    assert_eq!(of("web").image, ImageSource::Build(build(1)));
    assert!(of("web").generated && !of("cache").generated);
    assert_eq!(
        of("cache").image,
        ImageSource::Resolve {
            name: redis,
            build: build(2)
        }
    );
    assert_eq!(app_image_of(&release, &manifest), Some(app()));
}

#[test]
fn without_an_image_nothing_is_made() {
    let manifest = manifest("app = \"a\"\n[services.web]\nkind = \"web\"\n");
    let web = ServiceName::new("web").unwrap();
    let made = release(&manifest, &Values::default(), None, None, &Resolves::new());
    assert_eq!(made, Err(Uncomposable::NoImage(web)));
    let bare = Manifest::bare(AppName::new("a").unwrap());
    let made = release(
        &bare,
        &Values::default(),
        Some(&app()),
        None,
        &Resolves::new(),
    );
    assert_eq!(made, Err(Uncomposable::NoService));
}

#[test]
fn restarts_change_the_nonce_and_deployments_keep_it() {
    let manifest =
        manifest("app = \"a\"\n[services.web]\nkind = \"web\"\n[services.w]\nkind = \"worker\"\n");
    let (web, worker) = (
        ServiceName::new("web").unwrap(),
        ServiceName::new("w").unwrap(),
    );
    let first = release(
        &manifest,
        &Values::default(),
        Some(&app()),
        None,
        &Resolves::new(),
    )
    .unwrap();
    let second = restarted(&first, &[web.clone()].into());
    assert_eq!(
        (
            second.services[&web].restart_nonce,
            second.services[&worker].restart_nonce
        ),
        (1, 0)
    );
    let third = release(
        &manifest,
        &Values::default(),
        Some(&app()),
        Some(&second),
        &Resolves::new(),
    )
    .unwrap();
    assert_eq!(third.services[&web].restart_nonce, 1);
    assert_eq!(
        restarted(&first, &BTreeSet::new()).services[&worker].restart_nonce,
        1
    );
}
