//! Languages and frameworks: what is written for a source of each, and what is refused with a reason.

use super::*;

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
fn go_with_a_program_at_the_top() {
    insta::assert_snapshot!(dockerfile(&[
        ("go.mod", GO),
        ("go.sum", ""),
        ("main.go", "// Copyright\npackage main\n"),
        ("main_test.go", "package main\n"),
        ("package.json", "{}"),
    ]));
}

#[test]
fn go_programs_in_cmd_and_in_folders() {
    let one = [
        ("go.mod", GO),
        ("shop.go", "package shop\n"),
        ("cmd/server/main.go", ""),
    ];
    says(
        &one,
        &[
            "\"server\", \"./cmd/server\"",
            "CMD [\"bin/server\"]",
            "start \"bin/server\"",
        ],
    );
    let folder = [
        ("go.mod", GO),
        ("web/main.go", ""),
        ("examples/main.go", ""),
    ];
    says(&folder, &["\"web\", \"./web\"", "CMD [\"bin/web\"]"]);
    let vendored = [
        ("go.mod", GO),
        ("main.go", "package main"),
        ("vendor/modules.txt", ""),
    ];
    assert!(!dockerfile(&vendored).contains("go mod download"));
    let two = [("go.mod", GO), ("cmd/a/main.go", ""), ("cmd/b/main.go", "")];
    let failed = refused(&two);
    assert_eq!(failed.code, FailureCode::NoStartCommand);
    assert!(failed.evidence.contains("2 programs (a, b)"), "{failed:?}");
    assert!(failed.evidence.contains("web: bin/NAME"), "{failed:?}");
    let mut told = two.to_vec();
    told.push(("Procfile", "web: bin/b --port $PORT\n"));
    says(
        &told,
        &[
            "\"a\", \"./cmd/a\", \"b\", \"./cmd/b\"",
            "exec bin/b --port $PORT",
        ],
    );
    let ignored = [
        ("go.mod", GO),
        ("gen.go", "//go:build ignore\n\npackage main\n"),
    ];
    assert_eq!(refused(&ignored).code, FailureCode::NothingDetected);
    let newer = [
        ("go.mod", "module a\ngo 1.99\n"),
        ("main.go", "package main"),
    ];
    assert_eq!(refused(&newer).code, FailureCode::RuntimeMissing);
}

const CRATE: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\nrust-version = \"1.70\"\n[[bench]]\nname = \"speed\"\nharness = false\n[dependencies]\naxum = \"0.7\"\n";

#[test]
fn rust_with_a_lock_file() {
    insta::assert_snapshot!(dockerfile(&[
        ("Cargo.toml", CRATE),
        ("Cargo.lock", ""),
        ("src/main.rs", ""),
        ("src/lib.rs", ""),
        ("build.rs", ""),
    ]));
}

#[test]
fn rust_workspaces() {
    let member = |name: &str| {
        format!("[package]\nname = \"{name}\"\n[dependencies]\ncore = {{ path = \"../core\" }}\n")
    };
    let (api, core) = (member("api"), "[package]\nname = \"core\"\n");
    let top = "[workspace]\nmembers = [\"crates/*\"]\n";
    let files = [
        ("Cargo.toml", top),
        ("Cargo.lock", ""),
        ("crates/api/Cargo.toml", api.as_str()),
        ("crates/api/src/main.rs", ""),
        ("crates/core/Cargo.toml", core),
        ("crates/core/src/lib.rs", ""),
    ];
    says(
        &files,
        &[
            "COPY crates/api/Cargo.toml crates/api/",
            "\"crates/api/src/main.rs\", \"crates/core/src/lib.rs\"",
            "cargo build --release --locked --bin api",
            "CMD [\"bin/api\"]",
        ],
    );
    let mut two = files.to_vec();
    two.push(("crates/api/src/bin/tool.rs", ""));
    let failed = refused(&two);
    assert!(
        failed.evidence.contains("2 programs (api, tool)"),
        "{failed:?}"
    );
    let with_default = api.replace("[dependencies]", "default-run = \"api\"\n[dependencies]");
    let mut told = two.clone();
    told.retain(|(path, _)| *path != "crates/api/Cargo.toml");
    told.push(("crates/api/Cargo.toml", &with_default));
    says(&told, &["--bin api --bin tool", "CMD [\"bin/api\"]"]);
    // A dependency in the source that is no member: no layer of its own.
    let outside = [
        (
            "Cargo.toml",
            "[package]\nname = \"a\"\n[dependencies]\nb = { path = \"b\" }\n",
        ),
        ("Cargo.lock", ""),
        ("src/main.rs", ""),
        ("b/Cargo.toml", "[package]\nname = \"b\"\n"),
    ];
    assert!(!dockerfile(&outside).contains("fn main"));
    let library = [
        ("Cargo.toml", "[package]\nname = \"a\"\n"),
        ("src/lib.rs", ""),
    ];
    assert_eq!(refused(&library).code, FailureCode::NothingDetected);
    assert_eq!(
        refused(&[("Cargo.toml", "[")]).code,
        FailureCode::BuildFailed
    );
    let nightly = [
        ("Cargo.toml", CRATE),
        ("src/main.rs", ""),
        ("rust-toolchain", "nightly\n"),
    ];
    assert_eq!(refused(&nightly).code, FailureCode::RuntimeMissing);
}

#[test]
fn ruby_on_rails() {
    insta::assert_snapshot!(dockerfile(&[
        (
            "Gemfile",
            "source 'https://example.com'\nruby '~> 3.1'\ngem 'rails'\n"
        ),
        (
            "Gemfile.lock",
            "GEM\n  specs:\n    puma (6.4.2)\n      nio4r (~> 2.0)\n    rails (7.1.3)\n    sprockets-rails (3.4.2)\n"
        ),
        ("config.ru", ""),
        ("bin/rails", ""),
        ("package.json", "{\"scripts\": {\"build\": \"esbuild\"}}"),
    ]));
    let rails = Fixture::new(&[("Gemfile", "gem 'rails'"), ("bin/rails", "")])
        .detect()
        .unwrap();
    let keys: Vec<&str> = rails.config.keys().map(ConfigKey::as_str).collect();
    assert_eq!(keys, ["SECRET_KEY_BASE"]);
    assert_eq!(
        rails.start.as_deref(),
        Some("bundle exec rails server --binding 0.0.0.0 --port $PORT")
    );
}

#[test]
fn ruby_without_rails() {
    let rack = [
        ("Gemfile", "gem \"sinatra\"\ngem \"puma\"\n"),
        ("config.ru", ""),
    ];
    assert_eq!(start(&rack), "bundle exec puma --bind tcp://0.0.0.0:$PORT");
    let rackup = [
        ("Gemfile", "gem 'rack'\n"),
        ("config.ru", ""),
        ("vendor/cache/rack-2.2.6.gem", ""),
    ];
    says(
        &rackup,
        &[
            "COPY vendor/cache/ vendor/cache/",
            "bundle install --local",
            "rackup --host 0.0.0.0",
        ],
    );
    let sinatra = [
        ("Gemfile", "gem 'sinatra'\n"),
        ("app.rb", "require 'sinatra'\n"),
    ];
    assert_eq!(
        start(&sinatra),
        "bundle exec ruby app.rb -o 0.0.0.0 -p $PORT"
    );
    // A Gemfile beside another language belongs to a tool.
    let node = [
        ("Gemfile", "gem 'fastlane'\n"),
        ("package.json", "{}"),
        ("index.js", ""),
    ];
    assert_eq!(Fixture::new(&node).detect().unwrap().runtime, Runtime::Node);
    let local = [("Gemfile", "gemspec\n"), ("config.ru", "")];
    assert!(!dockerfile(&local).contains("COPY Gemfile"));
    let other = [
        ("Gemfile", ""),
        ("config.ru", ""),
        (".ruby-version", "ruby-2.7.1\n"),
    ];
    assert!(
        refused(&other)
            .evidence
            .contains(".ruby-version wants Ruby ruby-2.7.1")
    );
    for (wanted, fits) in [
        ("3.1.2", true),
        ("~> 3.0", true),
        ("~> 3.1.0", true),
        (">= 2.6", true),
        ("~> 2.7", false),
        ("3.2", false),
        ("~> 3.2", false),
    ] {
        let gemfile = format!("ruby \"{wanted}\"\n");
        let found = Fixture::new(&[("Gemfile", &gemfile), ("config.ru", "")]).detect();
        assert_eq!(found.is_ok(), fits, "{wanted}: {found:?}");
    }
}

#[test]
fn php_of_a_framework() {
    insta::assert_snapshot!(dockerfile(&[
        (
            "composer.json",
            r#"{"require": {"php": "^8.1|^7.4", "laravel/framework": "^10"}}"#
        ),
        ("composer.lock", ""),
        ("public/index.php", ""),
        ("storage/framework/views/.gitignore", ""),
        ("package.json", "{}"),
    ]));
}

#[test]
fn php_without_composer_and_its_constraints() {
    let plain = [("index.php", "<?php"), ("index.html", "")];
    says(
        &plain,
        &[
            "DocumentRoot /app\\n",
            "CMD [\"apache2\", ",
            "PHP 8.2 (index.php)\n",
        ],
    );
    assert_eq!(start(&plain), "");
    let none = [("composer.json", "{}"), ("lib/a.php", "")];
    assert!(refused(&none).evidence.contains("no index.php at the top"));
    assert_eq!(
        refused(&[("composer.json", "{")]).code,
        FailureCode::BuildFailed
    );
    for (wanted, fits) in [
        ("^8.1", true),
        ("~8.1", true),
        ("~8.1.0", false),
        (">=7.2.5", true),
        ("8.*", true),
        (">=8.0,<8.2", false),
        ("^7.4 || ^8.0", true),
        ("^7.4|^8", true),
        ("8.2.*@stable", true),
        ("^9.0", false),
        ("nonsense", false),
    ] {
        let text = format!("{{\"require\": {{\"php\": \"{wanted}\"}}}}");
        let found = Fixture::new(&[("composer.json", &text), ("index.php", "")]).detect();
        assert_eq!(found.is_ok(), fits, "{wanted}: {found:?}");
    }
}

#[test]
fn java_with_maven() {
    insta::assert_snapshot!(dockerfile(&[(
        "pom.xml",
        "<project><!-- <packaging>war</packaging> --><parent><artifactId>spring-boot-starter-parent</artifactId><relativePath/></parent><properties><java.version>17</java.version></properties></project>"
    )]));
}

#[test]
fn java_otherwise() {
    let plain = [("pom.xml", "<project/>")];
    says(
        &plain,
        &["CMD [\"java\", \"-XX:MaxRAMPercentage=75\", \"-jar\", \"app.jar\"]"],
    );
    let newer = [(
        "pom.xml",
        "<maven.compiler.release>21</maven.compiler.release>",
    )];
    assert!(
        refused(&newer)
            .evidence
            .contains("pom.xml wants Java 21; this server offers Java 17")
    );
    let older = [(
        "pom.xml",
        "<maven.compiler.source>1.8</maven.compiler.source>",
    )];
    says(&older, &["FROM segue/java:17-bookworm AS build"]);
    let gradle = [
        (
            "build.gradle.kts",
            "plugins { id(\"org.springframework.boot\") }",
        ),
        ("gradlew", ""),
    ];
    says(
        &gradle,
        &["./gradlew --no-daemon", "-Dserver.port=$PORT -jar app.jar"],
    );
    assert!(
        refused(&[("build.gradle", "")])
            .evidence
            .contains("gradle wrapper")
    );
    let war = [("pom.xml", "<packaging>war</packaging>")];
    assert!(refused(&war).evidence.contains("servlet container"));
    assert_eq!(
        start(&[("shop.jar", "")]),
        "java '-XX:MaxRAMPercentage=75' -jar shop.jar"
    );
    assert_eq!(
        refused(&[("a.jar", ""), ("b.jar", "")]).code,
        FailureCode::NothingDetected
    );
}

#[test]
fn deno_with_tasks() {
    insta::assert_snapshot!(dockerfile(&[
        (
            "deno.json",
            r#"{"tasks": {"start": "deno run -A main.ts", "build": "deno run -A build.ts"}, "imports": {"hono": "npm:hono"}}"#
        ),
        ("deno.lock", ""),
        (
            "main.ts",
            "Deno.serve({ port: 3000 }, () => new Response())"
        ),
    ]));
}

#[test]
fn deno_without_tasks() {
    let serves = [
        ("deno.jsonc", "{ // nothing\n}"),
        ("main.ts", "export default { fetch() {} }"),
    ];
    assert_eq!(
        start(&serves),
        "deno serve --allow-net --allow-env --allow-read --allow-sys --host 0.0.0.0 --port $PORT main.ts"
    );
    let default = [
        ("deno.json", "{}"),
        ("main.ts", "Deno.serve(() => new Response())"),
    ];
    says(&default, &["EXPOSE 8000", "deno cache main.ts"]);
    let asks = [
        ("deno.json", "{}"),
        (
            "main.ts",
            "Deno.serve({ port: Number(Deno.env.get(\"PORT\")) })",
        ),
    ];
    assert!(!dockerfile(&asks).contains("EXPOSE"));
    assert!(
        refused(&[("deno.json", "{}")])
            .evidence
            .contains("task `start`")
    );
    assert_eq!(
        refused(&[("deno.json", "{")]).code,
        FailureCode::BuildFailed
    );
}

#[test]
fn bun_with_a_lock_file() {
    insta::assert_snapshot!(dockerfile(&[
        ("bun.lock", ""),
        (
            "package.json",
            r#"{"module": "src/index.js", "scripts": {"dev": "bun run --watch src/index.ts"}, "dependencies": {"elysia": "latest"}}"#
        ),
        ("src/index.ts", "new Elysia().listen(3000);"),
    ]));
    says(
        &[
            ("bun.lockb", ""),
            (
                "package.json",
                r#"{"scripts": {"start": "bun run build && bun x.ts", "build": "vite build"}}"#,
            ),
        ],
        &[
            "CMD [\"bun\", \"run\", \"start\"]",
            "bun run build && rm -rf node_modules",
        ],
    );
}

#[test]
fn vite_makes_files() {
    insta::assert_snapshot!(dockerfile(&[
        (
            "package.json",
            r#"{"scripts": {"dev": "vite", "build": "tsc -b && vite build"}, "dependencies": {"react": "19"}, "devDependencies": {"vite": "6"}}"#
        ),
        ("package-lock.json", ""),
        ("index.html", ""),
    ]));
}

#[test]
fn frameworks_of_node_that_make_files() {
    for (package, parts) in [
        (
            r#"{"scripts": {"start": "react-scripts start", "build": "react-scripts build"}, "dependencies": {"react-scripts": "5"}}"#,
            ["\"create-react-app\", \"build\"", "/index.html; }"],
        ),
        (
            r#"{"scripts": {"start": "ng serve", "build": "ng build"}, "devDependencies": {"@angular/cli": "17"}}"#,
            ["\"dist/*/browser\"", "/index.html; }"],
        ),
        (
            r#"{"scripts": {"build": "astro build"}, "dependencies": {"astro": "4"}}"#,
            ["\"Astro\", \"dist\"", "=404; }"],
        ),
        (
            r#"{"scripts": {"start": "docusaurus start", "build": "docusaurus build"}, "dependencies": {"@docusaurus/core": "3"}}"#,
            ["\"Docusaurus\", \"build\"", "=404; }"],
        ),
        (
            r#"{"devDependencies": {"@11ty/eleventy": "3"}}"#,
            ["npx --no-install eleventy", "\"_site\""],
        ),
        (
            r#"{"devDependencies": {"@sveltejs/kit": "2", "@sveltejs/adapter-static": "3", "vite": "5"}}"#,
            ["\"SvelteKit\", \"build\"", "=404; }"],
        ),
        (
            r#"{"scripts": {"build": "next build", "start": "next dev"}, "dependencies": {"next": "15"}}"#,
            ["\"Next.js\", \"out\"", "=404; }"],
        ),
    ] {
        let files = [
            ("package.json", package),
            ("next.config.mjs", "export default { output: 'export' }"),
        ];
        says(&files, &parts);
        says(
            &files,
            &[
                "FROM segue/static:bookworm",
                "FROM segue/node:22-bookworm AS build",
            ],
        );
    }
}

#[test]
fn frameworks_of_node_that_serve() {
    for (package, line) in [
        (
            r#"{"scripts": {"build": "next build", "start": "next start"}, "dependencies": {"next": "15"}}"#,
            "next start",
        ),
        (
            r#"{"scripts": {"build": "nest build", "start": "nest start", "start:prod": "node dist/main"}, "dependencies": {"@nestjs/core": "10"}}"#,
            "node dist/main",
        ),
        (
            r#"{"scripts": {"start": "nest start"}, "dependencies": {"@nestjs/core": "10"}}"#,
            "node dist/main.js",
        ),
        (
            r#"{"scripts": {"build": "nuxt build"}, "dependencies": {"nuxt": "3"}}"#,
            "node .output/server/index.mjs",
        ),
        (
            r#"{"dependencies": {"astro": "4", "@astrojs/node": "8"}}"#,
            "env 'HOST=0.0.0.0' node ./dist/server/entry.mjs",
        ),
        (
            r#"{"devDependencies": {"@sveltejs/kit": "2", "@sveltejs/adapter-node": "5"}}"#,
            "node build",
        ),
        (
            r#"{"scripts": {"start": "nodemon server.js"}, "devDependencies": {"nodemon": "3"}}"#,
            "node server.js",
        ),
        (
            r#"{"scripts": {"start": "vite build && node server.js"}, "devDependencies": {"vite": "3"}}"#,
            "vite build && node server.js",
        ),
        (
            r#"{"scripts": {"build": "vite build"}, "main": "server.js", "devDependencies": {"vite": "3"}}"#,
            "node server.js",
        ),
        (
            r#"{"scripts": {"start": "NODE_ENV=production node server.js"}}"#,
            "env 'NODE_ENV=production' node server.js",
        ),
    ] {
        assert_eq!(
            start(&[("package.json", package), ("server.js", "")]),
            line,
            "{package}"
        );
    }
    let unclear = [(
        "package.json",
        r#"{"devDependencies": {"@sveltejs/kit": "2", "@sveltejs/adapter-auto": "3"}}"#,
    )];
    assert!(
        refused(&unclear)
            .evidence
            .contains("@sveltejs/adapter-node")
    );
    // A program that only packages for development bring keeps them.
    let kept = [(
        "package.json",
        r#"{"scripts": {"start": "ts-node src/a.ts", "build": "tsc"}, "devDependencies": {"ts-node": "10", "typescript": "5"}}"#,
    )];
    says(&kept, &["npm install --include=dev", "RUN npm run build\n"]);
    let next = [
        (
            "package.json",
            r#"{"scripts": {"build": "next build", "start": "next start"}, "dependencies": {"next": "15"}, "devDependencies": {"typescript": "5"}}"#,
        ),
        ("next.config.ts", "export default {}"),
    ];
    says(
        &next,
        &["RUN npm run build && chown -R 10001:10001 .next\n"],
    );
    // A port of its own is told to the engine, and by it to Segue.
    let fixed = [("package.json", "{}"), ("index.js", "app.listen(3000)")];
    says(&fixed, &["EXPOSE 3000"]);
}

#[test]
fn python_packages_and_lock_files() {
    let flask = [
        (
            "pyproject.toml",
            "[project]\nname = \"js-example\"\ndependencies = [\"flask\"]\n[build-system]\nrequires = [\"flit_core<4\"]\n",
        ),
        (
            "js_example/__init__.py",
            "from flask import Flask\n\napp = Flask(__name__)\n",
        ),
        ("tests/app.py", "app = Flask(__name__)\n"),
    ];
    says(
        &flask,
        &[
            "\"install\", \"gunicorn>=23,<24\"",
            "CMD [\"gunicorn\", \"js_example:app\"]",
        ],
    );
    let factory = [
        (
            "pyproject.toml",
            "[project]\nname = \"flaskr\"\ndependencies = [\"flask\", \"gunicorn\"]\n",
        ),
        (
            "flaskr/__init__.py",
            "from flask import Flask\ndef create_app(test_config=None):\n    app = Flask(__name__)\n",
        ),
    ];
    assert_eq!(start(&factory), "gunicorn 'flaskr:create_app()'");
    let uv = [
        (
            "pyproject.toml",
            "[project]\nname = \"api\"\ndependencies = [\"fastapi[standard]\"]\n",
        ),
        ("uv.lock", ""),
        ("app/__init__.py", ""),
        ("app/main.py", "app = FastAPI()\n"),
    ];
    says(
        &uv,
        &[
            "COPY pyproject.toml uv.lock ./",
            "uv sync --inexact --no-dev --no-install-project",
            "exec uvicorn app.main:app --host 0.0.0.0",
        ],
    );
    assert!(!dockerfile(&uv).contains("uvicorn>="));
    let poetry = [
        (
            "pyproject.toml",
            "[tool.poetry]\nname = \"api\"\n[tool.poetry.dependencies]\npython = \"^3.11\"\nfastapi = \"*\"\nuvicorn = \"*\"\n",
        ),
        ("poetry.lock", ""),
        ("src/main.py", "from db import x\napp = FastAPI()\n"),
    ];
    says(
        &poetry,
        &[
            "poetry install --only main --no-root",
            "uvicorn --app-dir src main:app",
        ],
    );
    let pipenv = [
        ("Pipfile", "[packages]\nflask = \"*\"\n"),
        ("Pipfile.lock", "{}"),
        (
            "hello.py",
            "from flask import Flask\napp = Flask(__name__)\n",
        ),
    ];
    says(
        &pipenv,
        &["pipenv requirements", "CMD [\"gunicorn\", \"hello:app\"]"],
    );
    assert!(refused(&[("Pipfile", "")]).evidence.contains("pipenv lock"));
    let two = [
        ("requirements.txt", "flask"),
        ("one/app.py", "app = Flask(__name__)"),
        ("two/app.py", "app = Flask(__name__)"),
    ];
    assert!(
        refused(&two)
            .evidence
            .contains("one/app.py and in two/app.py")
    );
}

#[test]
fn django_that_lists_nothing() {
    insta::assert_snapshot!(dockerfile(&[
        ("manage.py", ""),
        (
            "shop/settings.py",
            "\"\"\"\nGenerated by 'django-admin startproject' using Django 5.2.8.\n"
        ),
        ("shop/wsgi.py", ""),
    ]));
    let whitenoise = [
        ("requirements.txt", "django\nwhitenoise\n"),
        ("manage.py", ""),
        ("shop/settings.py", "STATIC_ROOT = 'x'\n"),
        ("shop/wsgi.py", ""),
    ];
    says(&whitenoise, &["collectstatic --noinput"]);
}

proptest! {
    /// Names with a star stand for what a person would say that they do.
    #[test]
    fn stars_stand_for_a_part_of_one_name(before in "[a-z]{0,3}", inside in "[a-z.]{0,4}", after in "[a-z]{0,3}") {
        let (pattern, path) = (format!("x/{before}*{after}"), format!("x/{before}{inside}{after}"));
        let hidden = before.is_empty() && format!("{inside}{after}").starts_with('.');
        prop_assert_eq!(names(&pattern, &path), !hidden);
        let below = format!("{path}/y");
        prop_assert!(!names(&pattern, &below));
        prop_assert!(!names(&pattern, &path.replace('/', "")));
    }
}
