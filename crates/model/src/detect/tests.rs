mod languages;
mod webframeworks;

use proptest::prelude::*;

use super::*;
use crate::manifest::{ManifestFile, starter};
use crate::name::AppName;

/// A source in memory.
struct Fixture {
    paths: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        Self {
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
            files: files
                .iter()
                .filter(|(path, _)| WANTED_FILES.iter().any(|wanted| names(wanted, path)))
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
                .collect(),
        }
    }

    fn source(&self) -> Source<'_> {
        Source {
            paths: &self.paths,
            files: &self.files,
        }
    }

    fn detect(&self) -> Result<Detected, Failure> {
        detect(self.source(), &bare(), &Runtimes::default())
    }
}

fn bare() -> Manifest {
    Manifest::bare(AppName::new("a").unwrap())
}

fn manifest(text: &str) -> Manifest {
    let file = ManifestFile::from_toml(text).unwrap();
    file.for_environment(&"production".parse().unwrap()).clone()
}

/// Summary and Dockerfile, as people see them.
fn shown(files: &[(&str, &str)]) -> String {
    let detected = Fixture::new(files).detect().unwrap();
    let Dockerfile::Generated { text } = &detected.dockerfile else {
        panic!("a generated Dockerfile");
    };
    format!("{}\n---\n{text}", detected.summary())
}

fn refused(files: &[(&str, &str)]) -> Failure {
    Fixture::new(files).detect().unwrap_err()
}

fn dockerfile(files: &[(&str, &str)]) -> String {
    shown(files)
}

fn start(files: &[(&str, &str)]) -> String {
    let detected = Fixture::new(files).detect().unwrap();
    detected.start.unwrap_or_default()
}

fn says(files: &[(&str, &str)], parts: &[&str]) {
    let text = dockerfile(files);
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

const GO: &str = "module example.com/shop/v2\n\ngo 1.22.1\n\nrequire example.com/a v1.0.0\n";

#[test]
fn python_with_a_procfile() {
    insta::assert_snapshot!(shown(&[
        ("requirements.txt", "httpbin==0.10.2\ngunicorn\n"),
        (
            "Procfile",
            "web: gunicorn httpbin:app\nconsumer: python consume.py\n"
        ),
        (".python-version", "3.11.4\n"),
        ("consume.py", ""),
    ]));
}

#[test]
fn flask_without_a_procfile() {
    insta::assert_snapshot!(shown(&[
        (
            "requirements.txt",
            "Flask>=3\ngunicorn\n-c constraints.txt\n"
        ),
        ("constraints.txt", "Flask==3.0\n"),
        (
            "app.py",
            "from flask import Flask\n\napp = Flask(__name__)\n"
        ),
    ]));
}

#[test]
fn fastapi_in_a_pyproject() {
    insta::assert_snapshot!(shown(&[
        (
            "pyproject.toml",
            "[project]\nname = \"x\"\nrequires-python = \">=3.10,<4\"\ndependencies = [\"fastapi>=0.100; python_version < '4'\", \"uvicorn\"]\n[build-system]\nrequires = [\"setuptools>=61\"]\n"
        ),
        (
            "main.py",
            "import fastapi\napi: fastapi.FastAPI = fastapi.FastAPI()\n"
        ),
    ]));
}

#[test]
fn django_with_gunicorn() {
    insta::assert_snapshot!(shown(&[
        ("requirements.txt", "django\ngunicorn\n-e .\n"),
        ("manage.py", ""),
        ("shop/wsgi.py", ""),
        (
            "app.json",
            r#"{"env": {"SECRET_KEY": {"generator": "secret"}}, "formation": {"web": {"quantity": 2}}}"#
        ),
    ]));
}

#[test]
fn node_with_a_lock_file() {
    insta::assert_snapshot!(shown(&[
        (
            "package.json",
            r#"{"engines": {"node": ">=16 <21"}, "scripts": {"start": "verdaccio --listen 0.0.0.0:$PORT"}, "dependencies": {"verdaccio": "^5"}}"#
        ),
        ("package-lock.json", "{}"),
    ]));
}

#[test]
fn node_that_is_built_and_has_no_lock_file() {
    insta::assert_snapshot!(shown(&[
        (
            "package.json",
            r#"{"main": "./server.js", "scripts": {"build": "tsc"}, "devDependencies": {"typescript": "*"}}"#
        ),
        ("server.js", ""),
        (".npmrc", ""),
    ]));
}

#[test]
fn node_with_pnpm() {
    insta::assert_snapshot!(shown(&[
        (
            "package.json",
            r#"{"packageManager": "pnpm@9.1.0+sha512.aa", "scripts": {"start": "npm run serve", "postinstall": "x"}}"#
        ),
        ("pnpm-lock.yaml", ""),
        ("package-lock.json", ""),
    ]));
}

#[test]
fn static_files() {
    insta::assert_snapshot!(shown(&[("public/index.html", "<p>"), ("public/a.css", "")]));
}

#[test]
fn a_dockerfile_wins_and_the_manifest_may_choose() {
    let files = [
        ("Dockerfile", "FROM x"),
        ("deploy/Dockerfile", ""),
        ("package.json", "{}"),
        ("index.js", ""),
    ];
    let fixture = Fixture::new(&files);
    let detected = fixture.detect().unwrap();
    assert_eq!(
        detected.dockerfile,
        Dockerfile::Source {
            path: "Dockerfile".into()
        }
    );
    assert_eq!(detected.services.len(), 1);
    let with = |text: &str| detect(fixture.source(), &manifest(text), &Runtimes::default());
    let other = with("app = \"a\"\n[build]\ndockerfile = \"deploy/Dockerfile\"\n").unwrap();
    assert_eq!(
        other.dockerfile,
        Dockerfile::Source {
            path: "deploy/Dockerfile".into()
        }
    );
    let node = with("app = \"a\"\n[build]\nbuilder = \"node\"\n").unwrap();
    assert_eq!(node.runtime, Runtime::Node);
    let gone = with("app = \"a\"\n[build]\ndockerfile = \"Nofile\"\n").unwrap_err();
    assert!(gone.evidence.contains("Nofile"), "{gone:?}");
}

#[test]
fn a_manifest_is_completed_by_what_was_found() {
    let fixture = Fixture::new(&[
        ("requirements.txt", "flask\n"),
        ("Procfile", "web: flask run\nconsumer: python c.py\n"),
        ("app.json", r#"{"env": {"A": "1", "B": "2"}}"#),
    ]);
    let mut written = manifest(
        "app = \"a\"\n[services.web]\ncommand = \"python w.py\"\n[services.consumer]\nkind = \"worker\"\nreplicas = 3\n[config]\nA = \"9\"\n",
    );
    let detected = detect(fixture.source(), &written, &Runtimes::default()).unwrap();
    written.complete(&detected);
    let command = |name: &str| {
        let service = written
            .services
            .get(&name.parse::<ServiceName>().unwrap())
            .unwrap();
        (service.spec.command.clone(), service.spec.replicas)
    };
    assert_eq!(
        command("web"),
        (Some(Command::parse("python w.py").unwrap()), 1)
    );
    assert_eq!(
        command("consumer"),
        (Some(Command::parse("python c.py").unwrap()), 3)
    );
    let values: Vec<&ConfigEntry> = written.config.values().collect();
    assert_eq!(
        values,
        [
            &ConfigEntry::Value("9".into()),
            &ConfigEntry::Value("2".into())
        ]
    );
    let mut none = bare();
    none.complete(&fixture.detect().unwrap());
    assert_eq!(none.services.len(), 2);
}

#[test]
fn what_is_missing_has_a_code_and_evidence() {
    for (files, code, part) in [
        (
            &[("README", "")][..],
            FailureCode::NothingDetected,
            "found README",
        ),
        (&[], FailureCode::NothingDetected, "found nothing"),
        (
            &[("requirements.txt", "flask")],
            FailureCode::NoStartCommand,
            "start service web",
        ),
        (
            &[("package.json", "{}")],
            FailureCode::NoStartCommand,
            "start service web",
        ),
        (
            &[("package.json", "{")],
            FailureCode::BuildFailed,
            "package.json",
        ),
        (
            &[("main.py", ""), ("app.json", "{")],
            FailureCode::BuildFailed,
            "app.json",
        ),
        (
            &[("main.py", ""), ("Procfile", "web")],
            FailureCode::NoStartCommand,
            "Procfile, line 1",
        ),
        (
            &[("main.py", ""), ("Procfile", "web: a\nrelease: b\n")],
            FailureCode::ReleaseCommandFailed,
            "not available yet",
        ),
        (
            &[("main.py", ""), (".python-version", "3.12\n")],
            FailureCode::RuntimeMissing,
            ".python-version wants Python 3.12; this server offers Python 3.11",
        ),
        (
            &[
                ("main.py", ""),
                (
                    "pyproject.toml",
                    "[project]\nrequires-python = \">=3.12\"\n",
                ),
            ],
            FailureCode::RuntimeMissing,
            "pyproject.toml wants Python >=3.12",
        ),
        (
            &[
                ("index.js", ""),
                ("package.json", r#"{"engines": {"node": "^19 || 21"}}"#),
            ],
            FailureCode::RuntimeMissing,
            "package.json wants Node.js ^19 || 21; this server offers Node.js 18, 22",
        ),
        (
            &[
                ("index.js", ""),
                ("package.json", "{}"),
                (".nvmrc", "lts/iron"),
            ],
            FailureCode::RuntimeMissing,
            ".nvmrc wants Node.js lts/iron",
        ),
        (
            &[
                ("index.js", ""),
                ("package.json", r#"{"packageManager": "yarn@4.1.0"}"#),
                ("yarn.lock", ""),
            ],
            FailureCode::NothingDetected,
            "only yarn 1",
        ),
    ] {
        let found = refused(files);
        assert_eq!(found.code, code, "{files:?}: {found:?}");
        assert!(found.evidence.contains(part), "{files:?}: {found:?}");
    }
    let none = detect(
        Fixture::new(&[("index.html", "")]).source(),
        &bare(),
        &Runtimes::new(BTreeMap::new()),
    );
    assert!(
        none.unwrap_err()
            .evidence
            .contains("offers no static files")
    );
}

#[test]
fn versions_are_matched_by_their_own_rules() {
    let offers = |runtime: &str, versions: &[&str]| {
        let images = versions
            .iter()
            .map(|v| ((*v).to_owned(), ImageName::new(format!("x:{v}")).unwrap()));
        Runtimes::new(BTreeMap::from([(runtime.to_owned(), images.collect())]))
    };
    let chosen = |files: &[(&str, &str)], runtimes: &Runtimes| {
        detect(Fixture::new(files).source(), &bare(), runtimes)
            .ok()
            .and_then(|d| d.version)
    };
    let python = offers("python", &["3.9", "3.10", "3.11"]);
    let py = |file: &str, text: &str| chosen(&[("main.py", ""), (file, text)], &python);
    assert_eq!(chosen(&[("main.py", "")], &python).as_deref(), Some("3.11"));
    assert_eq!(py(".python-version", "3.9").as_deref(), Some("3.9"));
    assert_eq!(py(".python-version", "# x\n3\n").as_deref(), Some("3.11"));
    assert_eq!(py("runtime.txt", "python-3.10.8").as_deref(), Some("3.10"));
    assert_eq!(py(".python-version", "pypy3.10"), None);
    let range = |range: &str| {
        py(
            "pyproject.toml",
            &format!("[project]\nrequires-python = \"{range}\"\n"),
        )
    };
    assert_eq!(range("~=3.9.2").as_deref(), Some("3.9"));
    assert_eq!(range(">=3.11.2").as_deref(), Some("3.11"));
    assert_eq!(range("!=3.11.*").as_deref(), Some("3.10"));
    assert_eq!(range("==3.8.*"), None);
    let node = offers("node", &["18", "20.11"]);
    let js = |range: &str| {
        let package = format!(r#"{{"engines": {{"node": "{range}"}}}}"#);
        chosen(&[("index.js", ""), ("package.json", &package)], &node)
    };
    assert_eq!(js(">=18.12 <18.20").as_deref(), Some("18"));
    assert_eq!(js("18.x || >=20").as_deref(), Some("20.11"));
    assert_eq!(js("*").as_deref(), Some("20.11"));
    assert_eq!(js("^21"), None);
}

#[test]
fn what_old_engines_cannot_do_is_found() {
    let text = "# syntax=docker/dockerfile:1\nFROM a\n# syntax=not a directive here\nRUN <<EOF\nx\nEOF\nCOPY <<-'E' /x\nRUN cat <<<x && echo 1<<2\n";
    assert_eq!(
        unsupported(text),
        [
            (1, Unsupported::Syntax),
            (4, Unsupported::Heredoc),
            (7, Unsupported::Heredoc)
        ]
    );
    assert_eq!(unsupported("FROM a\nRUN x\n"), []);
}

#[test]
fn the_first_manifest_says_what_detection_would_do() {
    let app = AppName::new("shop").unwrap();
    for files in [
        &[
            ("requirements.txt", "gunicorn"),
            ("Procfile", "web: gunicorn -b 0.0.0.0:$PORT \"a:b\"\nc: x"),
        ][..],
        &[("Dockerfile", "")],
        &[("index.html", "")],
        &[("index.js", ""), ("package.json", "{}")],
    ] {
        let fixture = Fixture::new(files);
        let detected = fixture.detect().unwrap();
        let text = starter(&app, &detected);
        let mut written = manifest(&text);
        let again = detect(fixture.source(), &written, &Runtimes::default()).unwrap();
        written.complete(&again);
        let mut bare = Manifest::bare(app.clone());
        bare.complete(&detected);
        bare.build.builder = written.build.builder;
        assert_eq!(written, bare, "{text}");
    }
}

fn any_files() -> impl Strategy<Value = Vec<(String, String)>> {
    let path = prop_oneof![
        proptest::sample::select(WANTED_FILES).prop_map(|name| name.replace('*', "src")),
        proptest::sample::select(
            &[
                "Dockerfile",
                "package-lock.json",
                "yarn.lock",
                "pnpm-lock.yaml",
                "manage.py",
                "x/wsgi.py",
                "index.html",
                "src/a.py",
                "src/main.rs",
                "Cargo.lock",
                "cmd/a/main.go",
                "uv.lock",
                "Pipfile.lock",
                "bun.lock",
                "config.ru",
                "index.php",
                "artisan",
                "gradlew",
                "a.jar"
            ][..]
        )
        .prop_map(str::to_owned),
        "\\PC{1,20}",
    ];
    let text = prop_oneof![
        "\\PC{0,80}",
        Just("web: a\n".to_owned()),
        Just("{\"engines\": {\"node\": \">=1\"}, \"scripts\": {\"start\": \"node x\"}}".to_owned()),
        Just("[project]\ndependencies = [\"a\"]\n".to_owned()),
        Just("app = Flask(__name__)\n".to_owned()),
        Just(
            "{\"devDependencies\": {\"vite\": \"6\"}, \"scripts\": {\"build\": \"vite build\"}}"
                .to_owned()
        ),
        Just("[package]\nname = \"a\"\n[[bin]]\nname = \"b\"\npath = \"src/main.rs\"\n".to_owned()),
        Just("module example.com/a\ngo 1.20\npackage main\n".to_owned()),
        Just("gem 'puma'\nruby '~> 3.1'\n".to_owned()),
        Just("<project><java.version>17</java.version></project>".to_owned()),
        "[0-9v.]{1,30}",
    ];
    proptest::collection::vec((path, text), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Any source is answered, the same way each time; what is generated is a whole Dockerfile without
    /// anything that old engines cannot do, and no line of the source gets into it unquoted.
    #[test]
    fn detection_is_total(files in any_files()) {
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        let fixture = Fixture::new(&files);
        let found = fixture.detect();
        prop_assert_eq!(&found, &fixture.detect());
        match found {
            Ok(detected) => {
                prop_assert!(!detected.services.is_empty());
                if let Dockerfile::Generated { text } = detected.dockerfile {
                    prop_assert_eq!(unsupported(&text), []);
                    let known = ["#", "FROM ", "RUN ", "ENV ", "ARG ", "WORKDIR ", "COPY ", "EXPOSE ", "USER ", "CMD "];
                    for line in text.lines() {
                        prop_assert!(known.iter().any(|start| line.starts_with(start)), "{}", line);
                    }
                }
            }
            Err(failure) => prop_assert!(!failure.evidence.is_empty()),
        }
    }
}
