//! Programs of languages that compile: made in one stage, run in another without the compiler.
//!
//! The programs lie in `/app/bin`, the source around them: templates and pages are often read when a program runs.

use super::dockerfile::{copy_all, copy_built};
use super::runtimes::Runtimes;
use super::{Image, Runtime, Stage};
use crate::failure::Failure;
use crate::name::ImageName;
use crate::spec::Command;

/// Most programs that a sentence names.
const NAMED: usize = 8;

/// A program that a source makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Program {
    /// Its file's name.
    pub name: String,
    /// What the compiler calls it.
    pub target: String,
}

/// The image in which `programs` run; they are made by `body` into `/out` of the first stage.
///
/// The one program is started; of several only a Procfile or a manifest can say which.
pub(super) fn image(
    runtimes: &Runtimes,
    (version, compiler): (String, ImageName),
    body: Vec<String>,
    programs: &[Program],
    why: String,
) -> Result<Image, Failure> {
    let (_, base) = runtimes.choose(Runtime::Native, None, |_| true)?;
    let mut image = Image::new((version, base), why);
    image.build = Some(Stage {
        base: compiler,
        body,
    });
    image.body = vec![
        "ENV PATH=/app/bin:$PATH".to_owned(),
        copy_all(),
        copy_built("/out/", "/app/bin/"),
    ];
    match programs {
        [] => {}
        [one] => {
            let command = Command::Argv(vec![format!("bin/{}", one.name)]);
            image.start = Some((command, image.why.clone()));
        }
        several => {
            let names: Vec<&str> = several
                .iter()
                .take(NAMED)
                .map(|program| program.name.as_str())
                .collect();
            let more = if several.len() > NAMED { ", …" } else { "" };
            image.unclear = Some(format!(
                "it makes {} programs ({}{more}); say which with a Procfile line `web: bin/NAME`",
                several.len(),
                names.join(", ")
            ));
        }
    }
    Ok(image)
}
