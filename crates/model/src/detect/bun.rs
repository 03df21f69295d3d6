//! Bun: its lock file beside a package.json. What is started is found as for Node.js.

use super::dockerfile::{copy, copy_all};
use super::frameworks;
use super::node::{self, Package, Steps};
use super::runtimes::{numbers, same_line};
use super::{Image, Runtime, Runtimes, Source};
use crate::failure::Failure;

/// Files that say "Bun"; the older lock file is not text.
const SIGNS: &[&str] = &["bun.lock", "bun.lockb", "bunfig.toml"];

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    source.first(SIGNS).map(str::to_owned)
}

pub(super) fn image(
    source: Source<'_>,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let package = Package::read(source)?;
    let chosen = match source.line(".bun-version") {
        Some(line) => {
            let asked = numbers(line.trim_start_matches('v'));
            runtimes.choose(Runtime::Bun, Some((line, ".bun-version")), |offered| {
                asked
                    .as_ref()
                    .is_some_and(|asked| same_line(asked, offered))
            })?
        }
        None => runtimes.choose(Runtime::Bun, None, |_| true)?,
    };
    let start = frameworks::start(source, &package, Runtime::Bun);
    let steps = Steps::plan(source, &package, &start);
    let mut body = vec!["ARG NPM_CONFIG_REGISTRY".to_owned()];
    install(source, &package, &steps, &mut body);
    node::finish(chosen, body, start, runtimes, why)
}

fn install(source: Source<'_>, package: &Package, steps: &Steps, body: &mut Vec<String>) {
    let lock = source.first(&["bun.lock", "bun.lockb"]);
    let frozen = if lock.is_some() {
        " --frozen-lockfile"
    } else {
        ""
    };
    let all = steps.build.is_some() || steps.keep;
    let scope = if all { "" } else { " --production" };
    let clean = "rm -rf /root/.bun /app/.bun";
    let command = format!("RUN bun install{frozen}{scope} && {clean}");
    if !source.has(node::SIGN) {
        body.push(copy_all());
    } else if package.needs_source() {
        body.extend([copy_all(), command]);
    } else {
        let mut files = vec![node::SIGN];
        files.extend(lock);
        files.extend(["bunfig.toml"].into_iter().filter(|file| source.has(file)));
        body.extend([copy(&files), command, copy_all()]);
    }
    if let Some(build) = &steps.build {
        let build = build
            .replace("npm run ", "bun run ")
            .replace("npx --no-install ", "bunx --no-install ");
        let prune = if steps.keep {
            String::new()
        } else {
            format!(" && rm -rf node_modules && bun install{frozen} --production && {clean}")
        };
        body.push(format!("RUN {build}{prune}"));
    }
}
