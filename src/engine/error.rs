//! What can go wrong while decoding.

use crate::decode::DecodeError;
use crate::model::ModelError;

/// Why decoding ended early.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The mathematics.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The caller broke off.
    #[error("interrupted")]
    Interrupted,
    /// A request that does not fit the model.
    #[error("{0}")]
    Request(String),
}

impl EngineError {
    /// A cancelled forward pass is an interruption, not a fault of the model.
    pub(super) fn from_model(error: ModelError) -> Self {
        match error {
            ModelError::Cancelled => Self::Interrupted,
            error => Self::Model(error),
        }
    }
}
