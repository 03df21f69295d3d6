//! Languages: what is written for a source of each, and what is refused with a reason.

use super::*;

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
