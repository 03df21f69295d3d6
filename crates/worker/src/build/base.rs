//! Base images that lie on an application host and not on the build engine: carried over before a build.
//!
//! Machines without a registry make their base images themselves, and people load images where their
//! applications run. BuildKit only looks at its own engine and at registries. What is on neither is left to the
//! build, which says so. Must not: fail a build.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use segue_driver::{Builder, Deadline, image_transfer};

use crate::shared::Shared;

/// To ask whether an image is there.
const ASK_LIMIT: Duration = Duration::from_secs(10);
/// To carry one over.
const TRANSFER_LIMIT: Duration = Duration::from_secs(300);

/// Carries over what the Dockerfile starts from, if the build engine lacks it and a host has it.
pub(super) async fn ensure(shared: &Arc<Shared>, builder: &dyn Builder, dockerfile: &str) {
    for image in bases(dockerfile) {
        if !matches!(
            builder
                .image_present(&image, Deadline::after(ASK_LIMIT))
                .await,
            Ok(false)
        ) {
            continue;
        }
        for (host, driver) in shared.engines.all() {
            if !matches!(
                driver
                    .image_present(&image, Deadline::after(ASK_LIMIT))
                    .await,
                Ok(true)
            ) {
                continue;
            }
            match image_transfer(
                driver.as_ref(),
                builder,
                &image,
                Deadline::after(TRANSFER_LIMIT),
            )
            .await
            {
                Ok(_) => {
                    tracing::info!(host.id = %host, image, "base image carried over to the build engine");
                    break;
                }
                Err(error) => {
                    tracing::warn!(host.id = %host, image, error = %error, "base image not carried over");
                }
            }
        }
    }
}

/// Images that a Dockerfile names in `FROM`; stages of its own, `scratch` and names made of arguments left out.
fn bases(dockerfile: &str) -> BTreeSet<String> {
    let mut stages = BTreeSet::new();
    let mut images = BTreeSet::new();
    for line in dockerfile.lines() {
        let mut words = line.split_whitespace();
        if !words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("from"))
        {
            continue;
        }
        let mut words = words.skip_while(|word| word.starts_with("--"));
        let Some(image) = words.next() else { continue };
        if image != "scratch"
            && !image.contains('$')
            && !stages.contains(&image.to_ascii_lowercase())
        {
            images.insert(image.to_owned());
        }
        if words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("as"))
            && let Some(stage) = words.next()
        {
            stages.insert(stage.to_ascii_lowercase());
        }
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_the_images_that_are_not_stages() {
        let text = "# FROM no\nFROM --platform=linux/amd64 segue/python:3.11 AS Build\nRUN x\nfrom build\nFROM scratch\n\
                    FROM $BASE\nFROM debian\n";
        assert_eq!(
            bases(text).into_iter().collect::<Vec<_>>(),
            ["debian", "segue/python:3.11"]
        );
    }
}
