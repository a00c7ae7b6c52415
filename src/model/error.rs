//! What can go wrong between a model's files and its logits.

use std::path::PathBuf;

use super::hub::HubError;

/// Why a model could not be opened or run. Every message names the value that was wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The caller's `watch` broke off.
    #[error("cancelled")]
    Cancelled,
    /// A file could not be read.
    #[error("can't read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file was read, but what it holds is wrong.
    #[error("{file}: {reason}")]
    Invalid {
        /// The file, as the user would find it.
        file: String,
        /// What is wrong, with the value.
        reason: String,
    },
    /// A server can't be reached, refuses, or answers what can't be right.
    #[error("{address}: {reason}")]
    Server {
        /// Where it is.
        address: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The request does not fit the model.
    #[error("{0}")]
    Request(String),
    /// The hub, or the way to it.
    #[error(transparent)]
    Hub(#[from] Box<HubError>),
    /// This build or machine can't do it.
    #[error("{0}")]
    Unsupported(String),
}

impl From<HubError> for ModelError {
    fn from(error: HubError) -> Self {
        Self::Hub(Box::new(error))
    }
}

impl ModelError {
    /// A file whose content is wrong.
    pub fn invalid(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { file: file.into(), reason: reason.into() }
    }
}
