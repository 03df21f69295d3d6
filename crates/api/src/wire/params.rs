//! Parameters as the OpenAPI document describes them. The extractors of `auth::place` and `wire` read them; these
//! types only say so.

use std::collections::BTreeMap;

use utoipa::openapi::response::Response;
use utoipa::openapi::{ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, PartialSchema, ToSchema};

use crate::problem::{PROBLEM_JSON, ProblemBody};

macro_rules! path_params {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(IntoParams)]
        #[into_params(parameter_in = Path)]
        #[expect(dead_code, reason = "describes parameters that extractors read")]
        pub(crate) struct $name {
            $($(#[$fdoc])* pub $field: String,)*
        }
    )*};
}

path_params! {
    /// A team.
    TeamPath {
        /// Name or id of the team.
        team,
    }
    /// An app.
    AppPath {
        /// Name or id of the team.
        team,
        /// Name or id of the app.
        app,
    }
    /// An environment.
    EnvPath {
        /// Name or id of the team.
        team,
        /// Name or id of the app.
        app,
        /// Name or id of the environment.
        env,
    }
}

/// Header of idempotent requests.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that an extractor reads")]
pub(crate) struct IdempotencyHeader {
    /// The same key with the same request answers what was answered before and does nothing again.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 200,
        pattern = "^[!-~]{1,200}$"
    )]
    pub key: Option<String>,
}

/// Header of conditional changes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that an extractor reads")]
pub(crate) struct IfMatchHeader {
    /// The ETag of what the change is based on.
    #[param(
        rename = "If-Match",
        required = true,
        pattern = "^\"[0-9]{1,18}\"$",
        example = "\"7\""
    )]
    pub etag: String,
}

/// Header of changes that may be conditional.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that an extractor reads")]
pub(crate) struct MaybeIfMatchHeader {
    /// The ETag of what the change is based on: refused with 412 if that was changed since. Without it the change is
    /// made to whatever is there.
    #[param(
        rename = "If-Match",
        required = false,
        nullable = false,
        pattern = "^\"[0-9]{1,18}\"$",
        example = "\"7\""
    )]
    pub etag: Option<String>,
}

/// Every operation's errors.
pub(crate) struct Errors;

impl IntoResponses for Errors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = |description: &str| {
            let content = ContentBuilder::new()
                .schema(Some(utoipa::openapi::Ref::from_schema_name("Problem")))
                .build();
            RefOr::T(
                ResponseBuilder::new()
                    .description(description)
                    .content(PROBLEM_JSON, content)
                    .build(),
            )
        };
        BTreeMap::from([
            (
                "4XX".to_owned(),
                problem("The request was refused; nothing was done."),
            ),
            (
                "5XX".to_owned(),
                problem("The server could not do it; the same request may be sent again."),
            ),
        ])
    }
}

/// Bytes of a file.
#[derive(Debug)]
pub(crate) struct Octets;

impl PartialSchema for Octets {
    fn schema() -> RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .description(Some("Bytes of a file."))
            .into()
    }
}

impl ToSchema for Octets {}

/// The schemas that operations name by reference only.
pub(crate) fn shared_schemas(into: &mut Vec<(String, RefOr<utoipa::openapi::schema::Schema>)>) {
    into.push(("Problem".to_owned(), ProblemBody::schema()));
    ProblemBody::schemas(into);
}
