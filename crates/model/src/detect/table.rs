//! The ordered table of languages.
//!
//! Rules of the order: what only one kind of application has stands before what several have. A Rails or Laravel
//! application brings a package.json for its assets, a Python package may bring a Cargo.toml for a part of it, and any of
//! them may hold an index.html.

use super::{Image, Runtime, Runtimes, Source, failure};
use super::{bun, deno, go, java, node, php, python, ruby, rust, statics};
use crate::failure::{Failure, FailureCode};
use crate::manifest::{Builder, Manifest};

/// Makes the image of a language; the text is the file that made the row match.
pub(super) type Make = fn(Source<'_>, &Runtimes, String) -> Result<Image, Failure>;

/// What a source is.
pub(super) enum Row {
    /// It has a Dockerfile.
    Own,
    /// A language, how its image is made, and the file that says so.
    Language(Runtime, Make, String),
}

struct Language {
    runtime: Runtime,
    /// The file that says that a source is of this kind.
    sign: fn(Source<'_>) -> Option<String>,
    make: Make,
}

const fn language(
    runtime: Runtime,
    sign: fn(Source<'_>) -> Option<String>,
    make: Make,
) -> Language {
    Language {
        runtime,
        sign,
        make,
    }
}

const TABLE: &[Language] = &[
    language(Runtime::Ruby, ruby::strong_sign, ruby::image),
    language(Runtime::Php, php::sign, php::image),
    language(Runtime::Go, go::sign, go::image),
    language(Runtime::Java, java::sign, java::image),
    language(Runtime::Deno, deno::sign, deno::image),
    language(Runtime::Bun, bun::sign, bun::image),
    language(Runtime::Python, python::sign, python::image),
    language(Runtime::Rust, rust::sign, rust::image),
    language(Runtime::Node, node::sign, node::image),
    language(Runtime::Ruby, ruby::sign, ruby::image),
    language(Runtime::Java, java::jar_sign, java::image),
    language(Runtime::Static, statics::sign, statics::image),
];

/// What no sign says and only a manifest can.
const NO_SIGN: &str = "the manifest";

/// The row: what the manifest demands, else the first that matches.
pub(super) fn row(source: Source<'_>, manifest: &Manifest) -> Result<Row, Failure> {
    let asked = match manifest.build.builder {
        Builder::Auto => None,
        Builder::Dockerfile => return Ok(Row::Own),
        Builder::Python => Some(Runtime::Python),
        Builder::Node => Some(Runtime::Node),
        Builder::Go => Some(Runtime::Go),
        Builder::Rust => Some(Runtime::Rust),
        Builder::Ruby => Some(Runtime::Ruby),
        Builder::Php => Some(Runtime::Php),
        Builder::Java => Some(Runtime::Java),
        Builder::Deno => Some(Runtime::Deno),
        Builder::Bun => Some(Runtime::Bun),
        Builder::Static => Some(Runtime::Static),
    };
    if asked.is_none() && (manifest.build.dockerfile.is_some() || source.has("Dockerfile")) {
        return Ok(Row::Own);
    }
    let rows = TABLE
        .iter()
        .filter(|row| asked.is_none_or(|runtime| runtime == row.runtime));
    let mut unsigned = None;
    for row in rows {
        if let Some(why) = (row.sign)(source) {
            return Ok(Row::Language(row.runtime, row.make, why));
        }
        unsigned = Some(row);
    }
    if let (Some(_), Some(row)) = (asked, unsigned) {
        return Ok(Row::Language(row.runtime, row.make, NO_SIGN.to_owned()));
    }
    let seen: Vec<&str> = source.paths.iter().take(5).map(String::as_str).collect();
    let seen = if seen.is_empty() {
        "nothing".to_owned()
    } else {
        seen.join(", ")
    };
    let signs = "Dockerfile, requirements.txt, pyproject.toml, package.json, deno.json, bun.lock, go.mod, Cargo.toml, \
        Gemfile, composer.json, index.php, pom.xml, build.gradle and index.html";
    Err(failure(
        FailureCode::NothingDetected,
        format!("looked for {signs} at the top; found {seen}"),
    ))
}
