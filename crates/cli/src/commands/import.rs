//! `segue import`: another tool's file as segue.toml, and a list of everything that could not be carried over.

use std::path::Path;

use segue_model::import::{self, Format, ImportError, Imported};
use segue_model::name::AppName;

use super::{Context, body, init, said};
use crate::args::{Import, ImportFormat};
use crate::error::{CliError, Exit, Result};
use crate::target;

pub(crate) fn run(context: &mut Context<'_>, args: &Import) -> Result<Exit> {
    let file = said(&args.file);
    let bytes = body(
        context,
        &format!("@{}", args.file.display()),
        import::MAX_BYTES as u64,
    )?;
    let text = String::from_utf8(bytes).map_err(|_| {
        CliError::usage(format!("{file} is not text"))
            .why("it is not UTF-8")
            .now("nothing was written")
            .next("is it the file that you meant?")
    })?;
    let format = format(args.format);
    let app = app(context, format, &text)?;
    let imported = import::import(format, &app, &text).map_err(|error| unusable(&file, &error))?;
    let print = args.output == Path::new("-");
    let output = context.out.host().path(&args.output);
    if !print {
        if output.exists() && !args.force {
            return Err(
                CliError::new(format!("{} is there already", output.display()))
                    .now("nothing was written")
                    .next("segue import --force to replace it, or --output - to see it"),
            );
        }
        std::fs::write(&output, &imported.text).map_err(|e| {
            CliError::new(format!("{} cannot be written", output.display()))
                .why(e)
                .next("--output FILE writes it elsewhere, --output - prints it")
        })?;
    }
    tell(context, &imported);
    if context.out.json {
        let left: Vec<serde_json::Value> = imported
            .left
            .iter()
            .map(|left| {
                serde_json::json!({ "key": left.key, "line": left.line, "reason": left.reason,
                    "changed": left.changed })
            })
            .collect();
        context.out.object(&serde_json::json!({
            "app": app, "manifest": imported.text, "not_carried_over": left,
        }))?;
    } else if print {
        context.out.raw(imported.text.as_bytes())?;
    }
    if !print {
        context.out.done(format!(
            "wrote {} ({} lines) for app {app}",
            args.output.display(),
            imported.text.lines().count()
        ));
        context.out.say(format!(
            "Next: read it, then segue plan -f {}",
            args.output.display()
        ));
    }
    Ok(Exit::Ok)
}

fn format(format: ImportFormat) -> Format {
    match format {
        ImportFormat::Compose => Format::Compose,
        ImportFormat::Procfile => Format::Procfile,
        ImportFormat::AppJson => Format::AppJson,
        ImportFormat::Fly => Format::Fly,
        ImportFormat::Render => Format::Render,
    }
}

/// The name that was given, else the file's own, else the folder's.
fn app(context: &mut Context<'_>, format: Format, text: &str) -> Result<AppName> {
    let given = context.global.app.is_some() || context.out.host().var("SEGUE_APP").is_some();
    if !given && let Some(name) = import::app_name(format, text) {
        return Ok(name);
    }
    let folder = context.out.host().cwd.clone();
    init::app_name(context, &folder)
        .map_err(|error| error.next("segue import FORMAT FILE --app NAME"))
}

fn tell(context: &mut Context<'_>, imported: &Imported) {
    let (changed, left): (Vec<_>, Vec<_>) = imported.left.iter().partition(|left| left.changed);
    for (title, list) in [
        ("carried over in another form:", changed),
        ("not carried over:", left),
    ] {
        if !list.is_empty() {
            context.out.warn(title);
            for one in list {
                context.out.say(format!("  {one}"));
            }
        }
    }
}

fn unusable(file: &str, error: &ImportError) -> CliError {
    match error {
        ImportError::Unreadable(reason) => CliError::new(format!("{file} cannot be read"))
            .why(reason)
            .now("nothing was written")
            .next("correct it, or name its kind: segue import --help lists them"),
        ImportError::Refused(errors) => target::told(
            CliError::new(format!("{file} cannot be written as segue.toml"))
                .now("nothing was written")
                .next("write segue.toml by hand: segue init begins one, docs/MANIFEST.md describes it"),
            errors,
        ),
    }
}
