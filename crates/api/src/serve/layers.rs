//! What stands around every handler, in this order from outside: request id, problems, figures, quota, panics, size.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::middleware::{from_fn, from_fn_with_state};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::internal::InternalState;
use crate::lists::Lists;
use crate::problem::{Problem, finish, panicked};
use crate::request_id::assign;
use crate::state::ApiState;

async fn nothing_here() -> Problem {
    Problem::not_found()
}

/// The public router.
pub(crate) fn public(router: Router<ApiState>, lists: Lists, state: ApiState) -> Router {
    let nosniff = SetResponseHeaderLayer::if_not_present(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    // Answers belong to whoever asked: no shared cache keeps them.
    let private = SetResponseHeaderLayer::if_not_present(
        CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    router
        .fallback(crate::dashboard::or_nothing)
        .layer(
            ServiceBuilder::new()
                .layer(from_fn(assign))
                .layer(from_fn_with_state(lists, finish))
                .layer(from_fn_with_state(state.clone(), crate::metrics::count))
                .layer(from_fn_with_state(state.clone(), crate::auth::quota::bound))
                .layer(from_fn_with_state(
                    state.clone(),
                    crate::auth::revisit::watch,
                ))
                .layer(nosniff)
                .layer(private)
                .layer(CatchPanicLayer::custom(panicked))
                // Handlers read bodies with bounds of their own; this one is for what might forget.
                .layer(DefaultBodyLimit::max(64 << 10)),
        )
        .with_state(state)
}

/// The internal router.
pub(crate) fn internal(router: Router<InternalState>, state: InternalState) -> Router {
    router
        .fallback(nothing_here)
        .layer(
            ServiceBuilder::new()
                .layer(from_fn(assign))
                .layer(from_fn_with_state(Lists::default(), finish))
                .layer(CatchPanicLayer::custom(panicked)),
        )
        .with_state(state)
}
