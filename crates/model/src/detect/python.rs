//! Python: requirements.txt, pyproject.toml or Pipfile with their lock files, in a virtual environment.

use std::collections::BTreeSet;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use super::dockerfile::{copy, copy_all, run};
use super::requirements::{self, Requirements};
use super::runtimes::{numbers, same_line, stands_for};
use super::{Image, Runtime, Runtimes, Source, failure, webapps};
use crate::failure::{Failure, FailureCode};

/// Files that say "Python", the most telling first.
const SIGNS: &[&str] = &[
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    ".python-version",
    "manage.py",
    "main.py",
    "app.py",
];

const PIP: &str = "/opt/venv/bin/pip";

/// Tools that read lock files, in versions whose commands are known here.
const UV: &str = "uv>=0.5,<1";
const POETRY: &str = "poetry>=1.8,<3";
const PIPENV: &str = "pipenv>=2023.12";

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    source.first(SIGNS).map(str::to_owned)
}

pub(super) fn image(
    source: Source<'_>,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let project = Project::read(source)?;
    let mut image = Image::new(version(source, &project, runtimes)?, why);
    image.body = vec![
        "ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PATH=/opt/venv/bin:$PATH".to_owned(),
        // Given by the server where packages come from a mirror; unset otherwise.
        "ARG PIP_INDEX_URL".to_owned(),
        run(&["python3", "-m", "venv", "/opt/venv"]),
    ];
    let mut layers = Vec::new();
    let names = dependencies(source, &project, &mut layers)?;
    match webapps::start(source, &names, project.name.as_deref()) {
        Ok(Some(start)) => {
            // A server that nobody listed is added, rather than one made for development started.
            image
                .body
                .extend(start.server.map(|server| run(&[PIP, "install", server])));
            image.start = Some((start.command, start.why));
        }
        Ok(None) => {}
        Err(unclear) => image.unclear = Some(unclear),
    }
    image.body.extend(layers);
    if webapps::collects_static(source, &names) {
        image
            .body
            .push("RUN python manage.py collectstatic --noinput".to_owned());
    }
    Ok(image)
}

/// What pyproject.toml says, as far as it matters here.
#[derive(Default)]
struct Project {
    name: Option<String>,
    /// Whether a part of it that a lock file names lies in the source.
    local: bool,
    /// Names of packages as Poetry lists them.
    poetry: Vec<String>,
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
        let tool = |name: &str| table.get("tool")?.as_table()?.get(name)?.as_table();
        let sources = tool("uv").and_then(|uv| uv.get("sources")?.as_table());
        let listed_by_poetry = tool("poetry").and_then(|own| own.get("dependencies")?.as_table());
        let poetry: Vec<(&String, &toml::Value)> = listed_by_poetry.into_iter().flatten().collect();
        let in_source = |value: &toml::Value| {
            value
                .as_table()
                .is_some_and(|own| own.contains_key("path") || own.contains_key("workspace"))
        };
        Ok(Self {
            name: project
                .or_else(|| tool("poetry"))
                .and_then(|own| own.get("name")?.as_str())
                .map(str::to_owned),
            local: sources
                .into_iter()
                .flatten()
                .any(|(_, value)| in_source(value))
                || poetry.iter().any(|(_, value)| in_source(value))
                || tool("uv").is_some_and(|uv| uv.contains_key("workspace")),
            poetry: poetry
                .into_iter()
                .map(|(name, _)| name.clone())
                .filter(|name| name != "python")
                .collect(),
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

/// Adds the layers of dependencies and source; answers the packages by name. A lock file comes before the list that it
/// was made of.
fn dependencies(
    source: Source<'_>,
    project: &Project,
    body: &mut Vec<String>,
) -> Result<BTreeSet<String>, Failure> {
    let pip = [PIP, "install"];
    let has = |file: &str| source.has(file);
    if has("uv.lock") && has("pyproject.toml") {
        return Ok(with_uv(project, body));
    }
    if has("poetry.lock") && has("pyproject.toml") {
        return Ok(with_poetry(source, project, body));
    }
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
        return Ok(names);
    }
    if has("Pipfile") {
        return with_pipenv(source, body);
    }
    if !has("pyproject.toml") {
        if has("setup.py") {
            body.extend([copy_all(), run(&[PIP, "install", "."])]);
        } else {
            let django = webapps::django(source);
            body.extend(
                django
                    .as_deref()
                    .map(|django| run(&[PIP, "install", django])),
            );
            body.push(copy_all());
        }
        return Ok(BTreeSet::new());
    }
    Ok(from_project(source, project, &pip, body))
}

fn names(listed: &[String]) -> BTreeSet<String> {
    let names = listed.iter().filter_map(|item| requirements::name(item));
    let server = listed.iter().any(|item| {
        item.to_ascii_lowercase()
            .replace(' ', "")
            .starts_with("fastapi[")
    });
    // `fastapi[standard]` brings its server.
    names.chain(server.then(|| "uvicorn".to_owned())).collect()
}

fn with_uv(project: &Project, body: &mut Vec<String>) -> BTreeSet<String> {
    body.push(format!("RUN {PIP} install '{UV}'"));
    body.push(
        "ENV UV_PROJECT_ENVIRONMENT=/opt/venv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1 UV_FROZEN=1"
            .to_owned(),
    );
    // Inexact: pip, uv and a server that was added stay.
    let sync = "RUN uv sync --inexact --no-dev";
    if project.local {
        body.extend([copy_all(), sync.to_owned()]);
    } else {
        body.extend([
            copy(&["pyproject.toml", "uv.lock"]),
            format!("{sync} --no-install-project"),
            copy_all(),
        ]);
        if project.build.is_some() {
            body.push(sync.to_owned());
        }
    }
    names(project.dependencies.as_deref().unwrap_or_default())
}

fn with_poetry(source: Source<'_>, project: &Project, body: &mut Vec<String>) -> BTreeSet<String> {
    body.push(format!(
        "RUN python3 -m venv /opt/poetry && /opt/poetry/bin/pip install '{POETRY}'"
    ));
    let install = "RUN VIRTUAL_ENV=/opt/venv POETRY_VIRTUALENVS_CREATE=false POETRY_NO_INTERACTION=1 \
        /opt/poetry/bin/poetry install --only main --no-root --no-cache";
    if project.local {
        body.extend([copy_all(), install.to_owned()]);
    } else {
        body.extend([
            copy(&["pyproject.toml", "poetry.lock"]),
            install.to_owned(),
            copy_all(),
        ]);
    }
    if source.has_folder("src") {
        body.push("ENV PYTHONPATH=/app/src".to_owned());
    }
    let mut all = names(project.dependencies.as_deref().unwrap_or_default());
    all.extend(names(&project.poetry));
    all
}

fn with_pipenv(source: Source<'_>, body: &mut Vec<String>) -> Result<BTreeSet<String>, Failure> {
    if !source.has("Pipfile.lock") {
        let evidence = "Pipfile was found without Pipfile.lock; `pipenv lock` makes it, and it belongs into the source";
        return Err(failure(FailureCode::BuildFailed, evidence));
    }
    body.extend([
        copy(&["Pipfile", "Pipfile.lock"]),
        format!(
            "RUN python3 -m venv /opt/pipenv && /opt/pipenv/bin/pip install '{PIPENV}' && \
             /opt/pipenv/bin/pipenv requirements > /tmp/requirements.txt && {PIP} install -r /tmp/requirements.txt && rm -r /opt/pipenv /app/.local /app/.cache -f"
        ),
        copy_all(),
    ]);
    let table: toml::Table = source
        .text("Pipfile")
        .unwrap_or("")
        .parse()
        .unwrap_or_default();
    let listed = table.get("packages").and_then(toml::Value::as_table);
    let listed: Vec<String> = listed
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    Ok(names(&listed))
}

/// What pyproject.toml lists, without a lock file.
fn from_project(
    source: Source<'_>,
    project: &Project,
    pip: &[&str],
    body: &mut Vec<String>,
) -> BTreeSet<String> {
    match (&project.dependencies, &project.build) {
        (Some(listed), build) => {
            let mut wanted: Vec<&str> = listed.iter().map(String::as_str).collect();
            wanted.extend(build.iter().flatten().map(String::as_str));
            // A requirement that starts like an option would be read as one.
            wanted.retain(|item| !item.starts_with('-'));
            if !wanted.is_empty() {
                body.push(run(&[pip, &wanted[..]].concat()));
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
