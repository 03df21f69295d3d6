//! Python: requirements.txt or pyproject.toml, and how such applications start.

use std::collections::BTreeSet;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use super::dockerfile::{copy, copy_all, run};
use super::requirements::{self, Requirements};
use super::runtimes::{numbers, same_line, stands_for};
use super::{Image, Runtime, Runtimes, Source, failure};
use crate::failure::{Failure, FailureCode};
use crate::spec::Command;

/// Files that say "Python", the most telling first.
pub(super) const SIGNS: &[&str] = &[
    "requirements.txt",
    "pyproject.toml",
    ".python-version",
    "manage.py",
    "main.py",
    "app.py",
];

/// Files in which an application object is looked for, in this order.
const MODULES: &[&str] = &[
    "wsgi",
    "asgi",
    "app",
    "main",
    "application",
    "server",
    "run",
];

const PIP: &str = "/opt/venv/bin/pip";

pub(super) fn image(source: Source<'_>, runtimes: &Runtimes) -> Result<Image, Failure> {
    let project = Project::read(source)?;
    let (version, base) = version(source, &project, runtimes)?;
    let mut body = vec![
        "ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PATH=/opt/venv/bin:$PATH".to_owned(),
        // Given by the server where packages come from a mirror; unset otherwise.
        "ARG PIP_INDEX_URL".to_owned(),
        run(&["python3", "-m", "venv", "/opt/venv"]),
    ];
    let names = dependencies(source, &project, &mut body);
    Ok(Image {
        version: Some(version),
        base,
        start: start(source, &names),
        body,
        why: source.first(SIGNS).unwrap_or("the manifest"),
    })
}

/// What pyproject.toml says, as far as it matters here.
#[derive(Default)]
struct Project {
    requires_python: Option<String>,
    /// `None`: not listed in a standard way, so only installing the project tells.
    dependencies: Option<Vec<String>>,
    /// Packages that build the project, if it is one that can be installed.
    build: Option<Vec<String>>,
}

impl Project {
    fn read(source: Source<'_>) -> Result<Self, Failure> {
        let Some(text) = source.text("pyproject.toml") else {
            return Ok(Self::default());
        };
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
            failure(
                FailureCode::BuildFailed,
                format!("pyproject.toml: {}", e.message()),
            )
        })?;
        let texts = |value: &toml::Value| -> Vec<String> {
            let items = value.as_array().into_iter().flatten();
            items
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        let project = table.get("project").and_then(toml::Value::as_table);
        let dynamic = project
            .and_then(|p| p.get("dynamic"))
            .map(texts)
            .unwrap_or_default();
        let listed = project.filter(|_| !dynamic.iter().any(|item| item == "dependencies"));
        Ok(Self {
            requires_python: project
                .and_then(|p| p.get("requires-python"))
                .and_then(toml::Value::as_str)
                .map(str::to_owned),
            dependencies: listed.map(|p| p.get("dependencies").map(texts).unwrap_or_default()),
            build: table
                .get("build-system")
                .map(|b| b.get("requires").map(texts).unwrap_or_default()),
        })
    }
}

/// Adds the layers of dependencies and source; answers the packages by name.
fn dependencies(source: Source<'_>, project: &Project, body: &mut Vec<String>) -> BTreeSet<String> {
    let pip = [PIP, "install"];
    if source.has("requirements.txt") {
        let Requirements {
            names,
            files,
            local,
        } = requirements::read(source, "requirements.txt");
        let install = run(&[PIP, "install", "-r", "requirements.txt"]);
        if local {
            body.extend([copy_all(), install]);
        } else {
            body.extend([copy(&files), install, copy_all()]);
        }
        return names;
    }
    if !source.has("pyproject.toml") {
        body.push(copy_all());
        return BTreeSet::new();
    }
    let names = |listed: &[String]| {
        listed
            .iter()
            .filter_map(|item| requirements::name(item))
            .collect()
    };
    match (&project.dependencies, &project.build) {
        (Some(listed), build) => {
            let mut wanted: Vec<&str> = listed.iter().map(String::as_str).collect();
            wanted.extend(build.iter().flatten().map(String::as_str));
            // A requirement that starts like an option would be read as one.
            wanted.retain(|item| !item.starts_with('-'));
            if !wanted.is_empty() {
                body.push(run(&[&pip[..], &wanted[..]].concat()));
            }
            body.push(copy_all());
            if build.is_some() {
                body.push(run(&[
                    PIP,
                    "install",
                    "--no-deps",
                    "--no-build-isolation",
                    ".",
                ]));
            } else if source.paths.iter().any(|path| path.starts_with("src/")) {
                body.push("ENV PYTHONPATH=/app/src".to_owned());
            }
            names(listed)
        }
        (None, _) => {
            body.extend([copy_all(), run(&[PIP, "install", "."])]);
            BTreeSet::new()
        }
    }
}

fn version(
    source: Source<'_>,
    project: &Project,
    runtimes: &Runtimes,
) -> Result<(String, crate::name::ImageName), Failure> {
    for file in [".python-version", "runtime.txt"] {
        let line = source.text(file).and_then(|text| {
            text.lines()
                .map(str::trim)
                .find(|l| !l.is_empty() && !l.starts_with('#'))
        });
        if let Some(line) = line {
            let asked = numbers(line.strip_prefix("python-").unwrap_or(line));
            return runtimes.choose(Runtime::Python, Some((line, file)), |offered| {
                asked
                    .as_ref()
                    .is_some_and(|asked| same_line(asked, offered))
            });
        }
    }
    let Some(range) = &project.requires_python else {
        return runtimes.choose(Runtime::Python, None, |_| true);
    };
    let specifiers = VersionSpecifiers::from_str(range).map_err(|_| {
        let evidence = format!("pyproject.toml: requires-python {range:?} is not a version range");
        failure(FailureCode::RuntimeMissing, evidence)
    })?;
    runtimes.choose(
        Runtime::Python,
        Some((range, "pyproject.toml")),
        |offered| {
            stands_for(offered)
                .into_iter()
                .any(|version| specifiers.contains(&Version::new(version)))
        },
    )
}

/// How the application starts when no Procfile says it: its framework's convention, or its only script.
fn start(source: Source<'_>, packages: &BTreeSet<String>) -> Option<(Command, String)> {
    let has = |package: &str| packages.contains(package);
    if source.has("manage.py")
        && let Some(project) = django_project(source)
    {
        let line = if has("gunicorn") {
            format!("gunicorn {project}.wsgi")
        } else {
            "python manage.py runserver 0.0.0.0:$PORT".to_owned()
        };
        return Some((Command::parse(&line).ok()?, "manage.py".to_owned()));
    }
    for module in MODULES {
        let file = format!("{module}.py");
        let Some(application) = source.text(&file).and_then(application) else {
            continue;
        };
        let target = format!("{module}:{}", application.name);
        let command = match application.kind {
            Kind::Wsgi if has("gunicorn") => Command::Argv(vec!["gunicorn".to_owned(), target]),
            Kind::Wsgi if application.name.ends_with("()") => Command::parse(&format!(
                "flask --app {module} run --host 0.0.0.0 --port $PORT"
            ))
            .ok()?,
            Kind::Wsgi => Command::parse(&format!(
                "flask --app {target} run --host 0.0.0.0 --port $PORT"
            ))
            .ok()?,
            Kind::Asgi => {
                Command::parse(&format!("uvicorn {target} --host 0.0.0.0 --port $PORT")).ok()?
            }
        };
        return Some((command, file));
    }
    let script = ["main.py", "app.py", "server.py", "run.py"]
        .into_iter()
        .find(|file| source.has(file))?;
    Some((
        Command::Argv(vec!["python".to_owned(), script.to_owned()]),
        script.to_owned(),
    ))
}

/// The package that holds the project's `wsgi.py`.
fn django_project(source: Source<'_>) -> Option<&str> {
    let packages = source
        .paths
        .iter()
        .filter_map(|path| path.strip_suffix("/wsgi.py"));
    packages.filter(|package| is_identifier(package)).min()
}

#[derive(Clone, Copy)]
enum Kind {
    Wsgi,
    Asgi,
}

struct Application {
    kind: Kind,
    name: String,
}

/// The application object that a module makes at its top level: `app = Flask(…)`, `api = FastAPI(…)`, or
/// Flask's factory `def create_app(`.
fn application(text: &str) -> Option<Application> {
    let classes = [
        ("Flask(", Kind::Wsgi),
        ("flask.Flask(", Kind::Wsgi),
        ("FastAPI(", Kind::Asgi),
        ("fastapi.FastAPI(", Kind::Asgi),
        ("Starlette(", Kind::Asgi),
    ];
    let object = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        let name = name.split(':').next().unwrap_or("").trim_end();
        let (_, kind) = classes
            .iter()
            .find(|(class, _)| value.trim_start().starts_with(class))?;
        is_identifier(name).then(|| Application {
            kind: *kind,
            name: name.to_owned(),
        })
    });
    object.or_else(|| {
        let factory =
            text.contains("flask") && text.lines().any(|line| line.starts_with("def create_app("));
        factory.then(|| Application {
            kind: Kind::Wsgi,
            name: "create_app()".to_owned(),
        })
    })
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.len() <= 100
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
