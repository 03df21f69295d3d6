//! The OpenAPI documents, made from the code. `segue openapi` writes them; a test compares them.

mod maps;

use std::sync::OnceLock;

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::Tag;
use utoipa::openapi::{InfoBuilder, License, OpenApi as Document, Server};

const PUBLIC: &str = "The API of Segue: teams deploy apps to environments and follow what happens.\n\n\
    Names or ids may stand in paths. Errors are problem details (RFC 9457) with a stable `code`. Lists have \
    `items` and `next_cursor`. Members that are not known are refused; new members may appear in answers, and \
    new words where a description says so. Every POST takes an `Idempotency-Key` where it says so.";

const INTERNAL: &str = "The interface between Segue's own processes: edges and the git hook. Not for people, and \
    not stable. Messages and reports are those of `segue_model::internal`.";

/// The public document, as a value.
#[must_use]
pub fn public() -> Document {
    let (_, mut document) = crate::resources::routes().split_for_parts();
    describe(&mut document, "Segue", PUBLIC);
    maps::bound(&mut document);
    document.servers = Some(vec![Server::new("/")]);
    document.tags = Some(tags(&[
        ("setup", "The first person and the first team."),
        ("auth", "Signing in and out, and the keys of access tokens."),
        ("me", "The person who asks, their sessions and tokens."),
        ("teams", "Teams and their members."),
        ("apps", "Apps: one source each."),
        (
            "environments",
            "Environments: production, staging, previews.",
        ),
        ("services", "What runs of each service, and scaling."),
        ("instances", "Containers, one each."),
        ("config", "Plain configuration."),
        ("secrets", "Secrets, never read back."),
        ("sources", "Uploaded source archives."),
        (
            "deployments",
            "Attempts to carry an environment to a release.",
        ),
        ("runs", "One-off runs of a command."),
        ("builds", "From source to image."),
        ("releases", "What runs, immutable."),
        (
            "outside",
            "Forges that call, those who are told of events, credentials, locks.",
        ),
        ("logs", "Kept output of containers and builds."),
        ("metrics", "What edges counted of requests."),
        ("events", "What happens."),
        ("hosts", "Docker engines."),
        ("system", "Liveness, readiness, figures, this document."),
    ]));
    document
}

/// The internal document, as a value.
#[must_use]
pub fn internal() -> Document {
    let (_, mut document) = crate::internal::described().split_for_parts();
    describe(&mut document, "Segue internal", INTERNAL);
    document.servers = Some(vec![Server::new("/")]);
    document.tags = Some(tags(&[
        ("edges", "Routes to edges, reports from them."),
        ("pushes", "The git hook."),
    ]));
    document
}

fn describe(document: &mut Document, title: &str, description: &str) {
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    document.info = InfoBuilder::new()
        .title(title)
        .version("1")
        .description(Some(description))
        .license(Some(license))
        .build();
    let components = document.components.get_or_insert_with(Default::default);
    components.security_schemes.insert(
        "bearer".to_owned(),
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)).into(),
    );
    let mut shared = Vec::new();
    crate::wire::params::shared_schemas(&mut shared);
    for (name, schema) in shared {
        components.schemas.entry(name).or_insert(schema);
    }
    document.security = Some(vec![SecurityRequirement::new(
        "bearer",
        Vec::<String>::new(),
    )]);
}

fn tags(named: &[(&str, &str)]) -> Vec<Tag> {
    named
        .iter()
        .map(|(name, description)| {
            let mut tag = Tag::new(*name);
            tag.description = Some((*description).to_owned());
            tag
        })
        .collect()
}

/// A document as the file holds it.
#[must_use]
pub fn to_text(document: &Document) -> String {
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The public document as text, made once.
pub(crate) fn public_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| to_text(&public()))
}
