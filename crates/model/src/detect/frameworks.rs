//! Frameworks of JavaScript: what is left to start once a package is built, a program or files.
//!
//! A script `start` is what the author says, unless it is a tool that only serves while somebody develops.

use super::node::Package;
use super::scripts::{fixed_port, for_development, watched};
use super::{Runtime, Source};
use crate::spec::Command;

/// What a built package is.
pub(super) enum Start {
    /// A program.
    Program {
        /// What starts it.
        command: Command,
        /// What said so.
        why: String,
        /// The text that may name programs of development packages.
        script: String,
        /// A port that it has of its own.
        port: Option<u16>,
    },
    /// Files.
    Site(Site),
    /// Nothing says it.
    Nothing,
    /// A framework that must be told.
    Unclear(&'static str),
}

/// A site that a build makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Site {
    /// What makes it, for people.
    pub tool: &'static str,
    /// Where its files may lie, the first that has an index.html is taken; a `*` stands for any one folder.
    pub folders: &'static [&'static str],
    /// Whether the page itself knows paths that are no files.
    pub single_page: bool,
    /// What makes it if no script `build` does.
    pub build: &'static str,
}

const fn site(
    tool: &'static str,
    folders: &'static [&'static str],
    single_page: bool,
    build: &'static str,
) -> Site {
    Site {
        tool,
        folders,
        single_page,
        build,
    }
}

/// Packages whose builds make files, the outermost tool first: many of them use Vite inside.
const SITES: &[(&str, Site)] = &[
    (
        "react-scripts",
        site("create-react-app", &["build"], true, "react-scripts build"),
    ),
    (
        "@angular/cli",
        site(
            "Angular",
            &["dist/*/browser", "dist/*", "dist"],
            true,
            "ng build",
        ),
    ),
    (
        "@vue/cli-service",
        site("Vue CLI", &["dist"], true, "vue-cli-service build"),
    ),
    ("gatsby", site("Gatsby", &["public"], false, "gatsby build")),
    (
        "@docusaurus/core",
        site("Docusaurus", &["build"], false, "docusaurus build"),
    ),
    (
        "vitepress",
        site(
            "VitePress",
            &[".vitepress/dist", "docs/.vitepress/dist"],
            false,
            "vitepress build",
        ),
    ),
    (
        "@11ty/eleventy",
        site("Eleventy", &["_site"], false, "eleventy"),
    ),
    ("astro", site("Astro", &["dist"], false, "astro build")),
    (
        "@rsbuild/core",
        site("Rsbuild", &["dist"], true, "rsbuild build"),
    ),
    (
        "parcel",
        site("Parcel", &["dist"], true, "parcel build index.html"),
    ),
    (
        "vite",
        site("Vite", &["dist", "build", "out"], true, "vite build"),
    ),
];

const NEXT_EXPORT: Site = site("Next.js", &["out"], false, "next build");
const SVELTE_STATIC: Site = site("SvelteKit", &["build"], false, "vite build");

/// Programs of frameworks that have a server of their own.
const SERVERS: &[(&str, &str, &str)] = &[
    (
        "nuxt",
        "node .output/server/index.mjs",
        "package.json: nuxt",
    ),
    (
        "@remix-run/serve",
        "remix-serve ./build/server/index.js",
        "package.json: @remix-run/serve",
    ),
    (
        "@react-router/serve",
        "react-router-serve ./build/server/index.js",
        "package.json: @react-router/serve",
    ),
    (
        "@nestjs/core",
        "node dist/main.js",
        "package.json: @nestjs/core",
    ),
    (
        "@astrojs/node",
        "env HOST=0.0.0.0 node ./dist/server/entry.mjs",
        "package.json: @astrojs/node",
    ),
    (
        "@sveltejs/adapter-node",
        "node build",
        "package.json: @sveltejs/adapter-node",
    ),
];

const SVELTE_UNCLEAR: &str = "SvelteKit makes a server with @sveltejs/adapter-node and files with \
    @sveltejs/adapter-static; svelte.config.js must use one of them";

/// Files that programs begin with.
const FIRST: &[&str] = &["server.js", "index.js", "app.js", "main.js"];
const FIRST_TYPESCRIPT: &[&str] = &[
    "index.ts",
    "server.ts",
    "app.ts",
    "main.ts",
    "src/index.ts",
    "src/server.ts",
    "src/app.ts",
    "src/main.ts",
];
const FIRST_BELOW: &[&str] = &["src/index.js", "src/server.js", "src/app.js", "src/main.js"];

/// What is started of a package once it is built.
pub(super) fn start(source: Source<'_>, package: &Package, runtime: Runtime) -> Start {
    let script = |name: &str| package.scripts.get(name).map(String::as_str);
    let written = script("start");
    if let Some(text) = written
        && !for_development(text)
    {
        return of_script(source, package, "start", text, runtime);
    }
    for name in ["start:prod", "start:production"] {
        if let Some(text) = script(name) {
            return of_script(source, package, name, text, runtime);
        }
    }
    if let Some(start) = of_framework(source, package) {
        return start;
    }
    if let Some(file) = written.and_then(watched) {
        return file_of(source, file, "package.json: scripts.start", runtime);
    }
    if let Some(file) = main_file(source, package, runtime) {
        let why = if FIRST.contains(&file.as_str()) {
            file.clone()
        } else {
            "package.json: main".to_owned()
        };
        return file_of(source, &file, &why, runtime);
    }
    let made = SITES.iter().find(|(name, _)| package.has(name));
    if let Some((_, site)) = made {
        return Start::Site(*site);
    }
    if let Some(text) = written {
        return of_script(source, package, "start", text, runtime);
    }
    let first = first_file(source, runtime);
    first.map_or(Start::Nothing, |file| file_of(source, file, file, runtime))
}

fn of_framework(source: Source<'_>, package: &Package) -> Option<Start> {
    if package.has("next") {
        let configs = ["next.config.js", "next.config.mjs", "next.config.ts"];
        let config = configs
            .iter()
            .find_map(|file| source.text(file))
            .unwrap_or("");
        let compact: String = config.chars().filter(|c| !c.is_whitespace()).collect();
        if compact.contains("output:'export'") || compact.contains("output:\"export\"") {
            return Some(Start::Site(NEXT_EXPORT));
        }
        return Some(program("next start", "package.json: next"));
    }
    if let Some((_, line, why)) = SERVERS.iter().find(|(name, ..)| package.has(name)) {
        return Some(program(line, why));
    }
    if package.has("@sveltejs/kit") {
        return Some(if package.has("@sveltejs/adapter-static") {
            Start::Site(SVELTE_STATIC)
        } else {
            Start::Unclear(SVELTE_UNCLEAR)
        });
    }
    None
}

fn program(line: &str, why: &str) -> Start {
    let shell = || Command::Shell(line.to_owned());
    Start::Program {
        command: Command::parse(line).unwrap_or_else(|_| shell()),
        why: why.to_owned(),
        script: line.to_owned(),
        port: None,
    }
}

/// The script itself rather than `npm start`, which would stand between the engine's signals and the application; npm
/// is used only where the script relies on it.
fn of_script(
    source: Source<'_>,
    package: &Package,
    name: &str,
    text: &str,
    runtime: Runtime,
) -> Start {
    let runner = if runtime == Runtime::Bun {
        "bun"
    } else {
        "npm"
    };
    let before = format!("pre{name}");
    let needs_runner = package.scripts.contains_key(&before)
        || ["npm ", "npm_", "yarn ", "pnpm ", "bun run "]
            .iter()
            .any(|word| text.contains(word));
    // Variables before a program would need a shell, which stands between the engine's signals and the program.
    let first = text.split_whitespace().next().unwrap_or("");
    let line = if first.contains('=') {
        format!("env {text}")
    } else {
        text.to_owned()
    };
    let command = match Command::parse(&line) {
        Ok(command) if !needs_runner => command,
        _ => Command::Argv([runner, "run", name].map(str::to_owned).to_vec()),
    };
    let file = text
        .split_whitespace()
        .last()
        .filter(|word| source.has(word.trim_start_matches("./")));
    let port = file
        .and_then(|file| source.text(file.trim_start_matches("./")))
        .filter(|_| !text.contains("PORT"))
        .and_then(fixed_port);
    Start::Program {
        command,
        why: format!("package.json: scripts.{name}"),
        script: text.to_owned(),
        port,
    }
}

fn file_of(source: Source<'_>, file: &str, why: &str, runtime: Runtime) -> Start {
    let file = file.strip_prefix("./").unwrap_or(file);
    let tool = match runtime {
        Runtime::Bun => "bun",
        _ if file.ends_with(".ts") => "tsx",
        _ => "node",
    };
    Start::Program {
        command: Command::Argv(vec![tool.to_owned(), file.to_owned()]),
        why: why.to_owned(),
        script: format!("{tool} {file}"),
        port: source.text(file).and_then(fixed_port),
    }
}

/// The package's own first file, or a usual one at the top, if it is there.
fn main_file(source: Source<'_>, package: &Package, runtime: Runtime) -> Option<String> {
    let named = [&package.main, &package.module];
    let named = named.into_iter().flatten().find_map(|file| {
        let file = file.strip_prefix("./").unwrap_or(file);
        let code = !file.ends_with(".ts") || runtime == Runtime::Bun;
        (source.has(file) && code).then(|| file.to_owned())
    });
    named.or_else(|| source.first(FIRST).map(str::to_owned))
}

fn first_file(source: Source<'_>, runtime: Runtime) -> Option<&'static str> {
    match runtime {
        Runtime::Bun => source
            .first(FIRST_TYPESCRIPT)
            .or_else(|| source.first(FIRST_BELOW)),
        _ => source.first(FIRST_BELOW),
    }
}
