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
    let env = environment(&manifest, &values).unwrap();
    assert_eq!(env[&key("A")], EnvValue::Value("spec".into()));
    assert_eq!(env[&key("B")], EnvValue::Value("config".into()));
    assert_eq!(env[&key("C")], EnvValue::Secret { version: 3 });
}

#[test]
fn required_variables_need_a_value() {
    let manifest = manifest(
        "app = \"a\"\n[services.web]\nkind = \"web\"\n[config]\nK = { secret = true, required = true }\n",
    );
    let missing = environment(&manifest, &Values::default()).unwrap_err();
    assert_eq!(missing, Uncomposable::Missing([key("K")].into()));
    let values = Values {
        secrets: [(key("K"), 1)].into(),
        ..Values::default()
    };
    assert!(environment(&manifest, &values).is_ok());
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
