//! The one image that is built: an app has one source. What a compose file builds beside it is named.

use super::super::draft::Draft;
use super::super::ledger::{Ledger, Place};
use super::fill::fill;
use crate::spec::bounds;

/// What is built: the first of the file, or that of the service that gets requests.
pub(super) struct Built<'t> {
    place: Place<'t>,
    what: What,
}

/// Context, Dockerfile and target: services with the same three run the same image.
#[derive(Debug, Clone, PartialEq, Eq)]
struct What {
    context: String,
    dockerfile: Option<String>,
    target: Option<String>,
}

fn what(build: &Place<'_>) -> Option<What> {
    let text = |place: Option<Place<'_>>| -> Option<String> {
        let text = place?.text()?.to_owned();
        Some(fill(&text).map_or(text, |filled| filled.text))
    };
    if build.text().is_some() {
        return Some(What {
            context: text(Some(build.clone()))?,
            dockerfile: None,
            target: None,
        });
    }
    build.is_map().then(|| What {
        context: text(build.get("context")).unwrap_or_else(|| ".".to_owned()),
        dockerfile: text(build.get("dockerfile")),
        target: text(build.get("target")),
    })
}

/// The build that becomes the app's.
pub(super) fn choose<'t>(services: &[(&'t str, Place<'t>)]) -> Option<Built<'t>> {
    let built = services.iter().filter_map(|(name, service)| {
        let place = service.get("build")?;
        let what = what(&place)?;
        let rank = (*name != "web", service.get("ports").is_none());
        Some((rank, Built { place, what }))
    });
    built.min_by_key(|(rank, _)| *rank).map(|(_, built)| built)
}

/// Whether a service runs the app's image.
pub(super) fn is_app(app: Option<&Built<'_>>, build: &Place<'_>) -> bool {
    app.is_some_and(|app| what(build).as_ref() == Some(&app.what))
}

/// Marks a service's `build` that is the app's; its parts are told where they stand first.
pub(super) fn same(ledger: &mut Ledger, app: Option<&Built<'_>>, build: &Place<'_>) {
    if app.is_some_and(|app| app.place.key != build.key) {
        ledger.carried(build);
    }
}

/// Writes how the app's image is made.
pub(super) fn write(ledger: &mut Ledger, draft: &mut Draft, app: &Built<'_>) {
    draft.builder = Some("dockerfile");
    let context = if app.place.text().is_some() {
        Some(app.place.clone())
    } else {
        app.place.get("context")
    };
    if let Some(place) = &context {
        if matches!(app.what.context.trim_end_matches('/'), "." | "") {
            ledger.carried(place);
        } else {
            ledger.changed(
                place,
                format!(
                    "the source is the folder that segue.toml stands in: move it to {}",
                    app.what.context
                ),
            );
        }
    }
    if let Some(place) = app.place.get("dockerfile")
        && let Some(path) = &app.what.dockerfile
    {
        let path = path.strip_prefix("./").unwrap_or(path);
        if bounds::is_dockerfile_path(path) {
            ledger.carried(&place);
            draft.dockerfile = Some(path.to_owned());
        } else {
            ledger.left(&place, "expected a path inside of the source");
        }
    }
    for (key, reason) in LEFT {
        ledger.left_if(app.place.get(key), *reason);
    }
    if app.place.is_empty() {
        ledger.carried(&app.place);
    }
}

const LEFT: &[(&str, &str)] = &[
    ("additional_contexts", "an app has one source"),
    ("args", "write them as ARG NAME=VALUE into the Dockerfile"),
    ("cache_from", "the builder keeps its own cache"),
    ("cache_to", "the builder keeps its own cache"),
    (
        "dockerfile_inline",
        "write it into a file called Dockerfile",
    ),
    ("labels", "write them into the Dockerfile"),
    ("network", "builds have the builder's network"),
    ("no_cache", "the builder keeps its own cache"),
    ("platforms", "images are built for the hosts' platform"),
    ("secrets", "builds get no secrets"),
    ("ssh", "builds get no keys"),
    ("tags", "images are known by what is in them"),
    (
        "target",
        "the last stage of the Dockerfile is the image: write this one last",
    ),
];
