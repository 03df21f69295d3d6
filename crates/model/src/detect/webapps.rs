//! Applications of Python frameworks: where the application object is, and which server runs it.

use std::collections::BTreeSet;

use super::Source;
use crate::spec::Command;

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

/// The same within a package.
const IN_PACKAGES: &[&str] = &["main", "app", "asgi", "wsgi", "__init__"];

/// Folders whose applications are not the source's.
const OTHERS: &[&str] = &[
    "tests",
    "test",
    "docs",
    "doc",
    "examples",
    "example",
    "scripts",
    "migrations",
    "tools",
];

const GUNICORN: &str = "gunicorn>=23,<24";
const UVICORN: &str = "uvicorn>=0.30,<1";

/// How an application starts.
pub(super) struct Start {
    pub command: Command,
    /// The file that says so.
    pub why: String,
    /// A server that is not among the application's packages.
    pub server: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Wsgi,
    Asgi,
    /// A function that makes an ASGI application.
    AsgiFactory,
}

struct Application {
    kind: Kind,
    name: String,
}

/// A file with an application object.
struct Found<'s> {
    path: &'s str,
    /// Folder to start in, if it is not the top.
    folder: Option<&'s str>,
    module: String,
    application: Application,
}

/// How the application starts when no Procfile says it: its framework's convention, or its only script.
///
/// # Errors
/// Several could be meant; the text says which.
pub(super) fn start(
    source: Source<'_>,
    packages: &BTreeSet<String>,
    project: Option<&str>,
) -> Result<Option<Start>, String> {
    if source.has("manage.py")
        && let Some(project) = django_project(source)
    {
        let command = Command::Argv(vec!["gunicorn".to_owned(), format!("{project}.wsgi")]);
        return Ok(Some(Start {
            command,
            why: "manage.py".to_owned(),
            server: (!packages.contains("gunicorn")).then_some(GUNICORN),
        }));
    }
    let at_top = MODULES
        .iter()
        .find_map(|module| found(source, &format!("{module}.py")));
    if let Some(found) = at_top {
        return Ok(Some(served(&found, packages)));
    }
    let streamlit = ["streamlit_app.py", "app.py", "main.py"]
        .into_iter()
        .find(|file| packages.contains("streamlit") && source.has(file));
    if let Some(file) = streamlit {
        let line = format!(
            "streamlit run {file} --server.address 0.0.0.0 --server.port $PORT --server.headless true"
        );
        return Ok(Command::parse(&line).ok().map(|command| Start {
            command,
            why: file.to_owned(),
            server: None,
        }));
    }
    if let Some(found) = in_packages(source, project)? {
        return Ok(Some(served(&found, packages)));
    }
    let script = ["main.py", "app.py", "server.py", "run.py"]
        .into_iter()
        .find(|file| source.has(file));
    let others = || {
        let files = source
            .paths
            .iter()
            .filter(|path| path.ends_with(".py") && !path.contains('/'));
        let mut found = files.filter_map(|path| found(source, path));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    };
    if script.is_none()
        && let Some(found) = others()
    {
        return Ok(Some(served(&found, packages)));
    }
    Ok(script.map(|script| Start {
        command: Command::Argv(vec!["python".to_owned(), script.to_owned()]),
        why: script.to_owned(),
        server: None,
    }))
}

fn served(found: &Found<'_>, packages: &BTreeSet<String>) -> Start {
    let target = format!("{}:{}", found.module, found.application.name);
    let (server, named) = match found.application.kind {
        Kind::Wsgi => ("gunicorn", GUNICORN),
        Kind::Asgi | Kind::AsgiFactory => ("uvicorn", UVICORN),
    };
    let mut argv = vec![server.to_owned()];
    if let Some(folder) = found.folder {
        let option = if server == "gunicorn" {
            "--chdir"
        } else {
            "--app-dir"
        };
        argv.extend([option.to_owned(), folder.to_owned()]);
    }
    let command = if server == "gunicorn" {
        argv.push(target);
        Command::Argv(argv)
    } else {
        if found.application.kind == Kind::AsgiFactory {
            argv.push("--factory".to_owned());
        }
        Command::Shell(format!(
            "{} {target} --host 0.0.0.0 --port $PORT",
            argv.join(" ")
        ))
    };
    Start {
        command,
        why: found.path.to_owned(),
        server: (!packages.contains(server)).then_some(named),
    }
}

/// The application that a file of the source makes.
fn found<'s>(source: Source<'s>, path: &str) -> Option<Found<'s>> {
    let path = source.paths.iter().find(|known| *known == path)?;
    let text = source.text(path)?;
    let application = application(text)?;
    let (folder, module) = module(source, path, text)?;
    Some(Found {
        path,
        folder,
        module,
        application,
    })
}

/// Folder to start in and dotted name of a file's module.
fn module<'s>(source: Source<'s>, path: &'s str, text: &str) -> Option<(Option<&'s str>, String)> {
    let stem = path.strip_suffix(".py")?;
    let inside = stem.strip_prefix("src/").filter(|rest| rest.contains('/'));
    let stem = inside.unwrap_or(stem);
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    let parts: Vec<&str> = stem.split('/').collect();
    if !parts.iter().all(|part| is_identifier(part)) {
        return None;
    }
    let dotted = parts.join(".");
    let [folder, name] = parts.as_slice() else {
        return Some((None, dotted));
    };
    // A folder that is no package, whose files call each other by their bare names, is where Python has to start.
    let package = inside.is_some()
        || source.has(&format!("{folder}/__init__.py"))
        || text.contains("from .")
        || ["from", "import"]
            .iter()
            .any(|word| text.contains(&format!("{word} {folder}")));
    if package {
        return Some((None, dotted));
    }
    let folder = path.get(..folder.len())?;
    Some((Some(folder), (*name).to_owned()))
}

/// The application in a package: that of the project's name or `app`, else the only one.
fn in_packages<'s>(source: Source<'s>, project: Option<&str>) -> Result<Option<Found<'s>>, String> {
    let own = project.map(|name| name.replace(['-', '.'], "_").to_ascii_lowercase());
    let mut all: Vec<Found<'s>> = Vec::new();
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for path in source.paths {
        let Some((folder, file)) = path.rsplit_once('/') else {
            continue;
        };
        let inner = folder.strip_prefix("src/").unwrap_or(folder);
        let stem = file.strip_suffix(".py").unwrap_or("");
        if IN_PACKAGES.contains(&stem) && !inner.contains('/') && !OTHERS.contains(&inner) {
            folders.insert(folder);
        }
    }
    for folder in folders {
        let first = IN_PACKAGES
            .iter()
            .find_map(|stem| found(source, &format!("{folder}/{stem}.py")));
        if let Some(found) = first {
            let name = folder.strip_prefix("src/").unwrap_or(folder);
            if Some(name) == own.as_deref() || name == "app" {
                return Ok(Some(found));
            }
            all.push(found);
        }
    }
    let mut all = all.into_iter();
    let (first, second) = (all.next(), all.next());
    match (first, second) {
        (Some(first), Some(second)) => Err(format!(
            "there are applications in {} and in {}; say which with a Procfile line `web: …`",
            first.path, second.path
        )),
        (first, _) => Ok(first),
    }
}

/// The package that holds the project's `wsgi.py`.
fn django_project(source: Source<'_>) -> Option<&str> {
    let packages = source
        .paths
        .iter()
        .filter_map(|path| path.strip_suffix("/wsgi.py"));
    packages.filter(|package| is_identifier(package)).min()
}

/// Django as a requirement, where a project lists nothing: in the version that made it, if its settings say so.
pub(super) fn django(source: Source<'_>) -> Option<String> {
    let project = django_project(source).filter(|_| source.has("manage.py"))?;
    let settings = source.text(&format!("{project}/settings.py")).unwrap_or("");
    let version = settings.lines().find_map(|line| {
        let (_, rest) = line.split_once("using Django ")?;
        let version = rest.trim().trim_end_matches('.');
        super::runtimes::numbers(version).filter(|numbers| numbers.len() >= 2)?;
        Some(version.to_owned())
    });
    Some(version.map_or_else(
        || "Django".to_owned(),
        |version| format!("Django~={version}"),
    ))
}

/// Whether the project has a place for the files that its applications bring, and a server for them.
pub(super) fn collects_static(source: Source<'_>, packages: &BTreeSet<String>) -> bool {
    let settings = django_project(source)
        .filter(|_| source.has("manage.py"))
        .and_then(|project| source.text(&format!("{project}/settings.py")));
    packages.contains("whitenoise")
        && settings.is_some_and(|text| text.lines().any(|line| line.starts_with("STATIC_ROOT")))
}

/// The application object that a module makes at its top level: `app = Flask(…)`, `api = FastAPI(…)`, or a factory
/// `def create_app(`.
fn application(text: &str) -> Option<Application> {
    let classes = [
        ("Flask(", Kind::Wsgi),
        ("Bottle(", Kind::Wsgi),
        ("falcon.App(", Kind::Wsgi),
        ("get_wsgi_application(", Kind::Wsgi),
        ("FastAPI(", Kind::Asgi),
        ("Starlette(", Kind::Asgi),
        ("Quart(", Kind::Asgi),
        ("Litestar(", Kind::Asgi),
        ("get_asgi_application(", Kind::Asgi),
    ];
    let object = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        let name = name.split(':').next().unwrap_or("").trim_end();
        let value = value.trim_start();
        let (_, kind) = classes.iter().find(|(class, _)| {
            // By its own name or by its module's: `flask.Flask(`.
            value.split_once(class).is_some_and(|(before, _)| {
                before.is_empty() || before.strip_suffix('.').is_some_and(is_identifier)
            })
        })?;
        is_identifier(name).then(|| Application {
            kind: *kind,
            name: name.to_owned(),
        })
    });
    let made = |name: &str| {
        text.lines()
            .any(|line| line.starts_with(&format!("def {name}(")))
    };
    object.or_else(|| {
        let name = ["create_app", "make_app"]
            .into_iter()
            .find(|name| made(name))?;
        let (kind, name) = if text.contains("flask") {
            (Kind::Wsgi, format!("{name}()"))
        } else if ["fastapi", "starlette", "litestar"]
            .iter()
            .any(|word| text.contains(word))
        {
            (Kind::AsgiFactory, name.to_owned())
        } else {
            return None;
        };
        Some(Application { kind, name })
    })
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.len() <= 100
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
