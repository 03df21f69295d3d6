//! The internal interface: edges and the git hook, on a listener of its own, never reachable by people.

mod edges;
mod push_story;
mod push_wish;
mod pushes;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;

use crate::state::ApiState;

pub(crate) use edges::EdgeToken;
pub use edges::EdgeTokenError;

/// Every internal operation, with its description.
pub(crate) fn described() -> OpenApiRouter<InternalState> {
    OpenApiRouter::new()
        .merge(edges::routes())
        .merge(pushes::routes())
}

/// What internal handlers share.
#[derive(Clone)]
pub(crate) struct InternalState {
    pub api: ApiState,
    pub token: EdgeToken,
    /// Wakes streams when routes or certificates change.
    pub routes: crate::news::News,
}

impl axum::extract::FromRef<InternalState> for ApiState {
    fn from_ref(state: &InternalState) -> Self {
        state.api.clone()
    }
}

/// The router of the internal listener.
pub(crate) fn router(state: InternalState) -> Router {
    let (router, _) = described().split_for_parts();
    crate::serve::layers::internal(router, state)
}
