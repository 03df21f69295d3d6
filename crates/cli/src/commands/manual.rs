//! What the grammar itself gives: completion scripts and the manual's pages.

use std::path::Path;

use clap::CommandFactory;

use super::Context;
use crate::args::Cli;
use crate::error::{CliError, Exit, Result};

pub(crate) fn completion(context: &mut Context<'_>, shell: clap_complete::Shell) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "segue", &mut script);
    context.out.raw(&script)?;
    Ok(Exit::Ok)
}

/// One page for the program and one for each command, `segue-config-set.1` and the like.
pub(crate) fn man(context: &mut Context<'_>, dir: &Path) -> Result<Exit> {
    let dir = context.out.host().path(dir);
    let written = std::fs::create_dir_all(&dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &dir))
        .and_then(|()| std::fs::read_dir(&dir));
    let pages = written.map_err(|e| {
        CliError::new(format!("the manual cannot be written to {}", dir.display()))
            .why(e)
            .next("name a folder that you may write to: segue man ./man")
    })?;
    context
        .out
        .done(format!("{} pages in {}", pages.count(), dir.display()));
    context
        .out
        .say(format!("Read one: man {}", dir.join("segue.1").display()));
    Ok(Exit::Ok)
}
