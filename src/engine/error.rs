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
    /// A chain that leaves no token where a text already has some.
    #[error("{error} (the text so far: {})", quoted(texts))]
    Stuck {
        /// Which stage, and what to do.
        error: DecodeError,
        /// The texts that there are, the unfinished one last.
        texts: Vec<String>,
    },
    /// A request that does not fit the model.
    #[error("{0}")]
    Request(String),
}

/// `"one", "two"`, with escapes.
fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ")
}

impl EngineError {
    /// A chain that leaves no token, with the text that was there before, if any.
    pub(super) fn stuck(error: DecodeError, text: impl FnOnce() -> String) -> Self {
        match error {
            DecodeError::NothingLeft { .. } => match text() {
                text if text.is_empty() => error.into(),
                text => Self::Stuck { error, texts: vec![text] },
            },
            error => error.into(),
        }
    }

    /// The same error with texts that were finished before.
    #[must_use]
    pub fn after(mut self, finished: impl IntoIterator<Item = String>) -> Self {
        if let Self::Stuck { texts, .. } = &mut self {
            texts.splice(0..0, finished);
        }
        self
    }

    /// A cancelled forward pass is an interruption, not a fault of the model.
    pub(super) fn from_model(error: ModelError) -> Self {
        match error {
            ModelError::Cancelled => Self::Interrupted,
            error => Self::Model(error),
        }
    }
}
