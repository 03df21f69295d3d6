//! Which files of a source detection reads.
//!
//! Names of files, in which `*` stands for any part of one folder's or file's name. What is larger than the archive's
//! bound is not read; what follows from the path alone is not listed here.

/// Files whose content detection and the manifest need.
pub const WANTED_FILES: &[&str] = &[
    crate::manifest::FILE_NAME,
    "Procfile",
    "app.json",
    // Python.
    "requirements.txt",
    "requirements-base.txt",
    "constraints.txt",
    "pyproject.toml",
    "Pipfile",
    ".python-version",
    "runtime.txt",
    "*.py",
    "*/__init__.py",
    "*/app.py",
    "*/asgi.py",
    "*/main.py",
    "*/settings.py",
    "*/wsgi.py",
    "src/*/__init__.py",
    "src/*/app.py",
    "src/*/main.py",
    // JavaScript.
    "package.json",
    ".nvmrc",
    ".node-version",
    ".bun-version",
    "deno.json",
    "deno.jsonc",
    "next.config.*",
    "app.js",
    "app.ts",
    "index.js",
    "index.ts",
    "main.js",
    "main.ts",
    "mod.ts",
    "server.js",
    "server.ts",
    "src/app.js",
    "src/app.ts",
    "src/index.js",
    "src/index.ts",
    "src/main.js",
    "src/main.ts",
    "src/server.js",
    "src/server.ts",
    // Go.
    "go.mod",
    "*.go",
    // Rust.
    "Cargo.toml",
    "*/Cargo.toml",
    "*/*/Cargo.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
    // Ruby.
    "Gemfile",
    "Gemfile.lock",
    ".ruby-version",
    "app.rb",
    "main.rb",
    "server.rb",
    // PHP.
    "composer.json",
    // Java.
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "system.properties",
    ".java-version",
];

/// Whether a name with stars stands for this path.
#[must_use]
pub fn names(pattern: &str, path: &str) -> bool {
    if !pattern.contains('*') {
        return pattern == path;
    }
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
            _ => return false,
        }
    }
}

/// One star at most in a part; a part that begins with a dot is hidden from it.
fn part_matches(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == part,
        Some((before, after)) => {
            part.len() >= before.len() + after.len()
                && part.starts_with(before)
                && part.ends_with(after)
                && (!before.is_empty() || !part.starts_with('.'))
        }
    }
}
