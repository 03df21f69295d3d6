//! Why something failed, as people read it.

use segue_model::failure::Failure;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a build, a deployment or an instance failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Failure)]
pub struct FailureView {
    /// Stable word, `health_port_mismatch`. New ones may be added.
    pub code: String,
    /// What failed, in general.
    pub sentence: String,
    /// What was seen.
    pub evidence: String,
    /// What to do next.
    pub hint: String,
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code.as_str().to_owned(),
            sentence: failure.code.sentence().to_owned(),
            evidence: failure.evidence.clone(),
            hint: failure.code.hint().to_owned(),
        }
    }
}
