//! What is wrong with a lesson, and where.

use crate::decode::DecodeError;
use crate::engine::EngineError;
use crate::model::ModelError;

use super::BUILT_IN;

/// Why a lesson can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    /// Not a lesson of the program.
    #[error("no lesson is called `{0}`: use one of {names}, or a path that ends in .toml", names = names())]
    Unknown(String),
    /// The file is wrong.
    #[error("{file}:{line}: {reason}")]
    Invalid {
        /// The file, or `lesson NAME` for one of the program.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with key and value.
        reason: String,
    },
    /// A table model of the lesson is wrong; the message names file and line.
    #[error(transparent)]
    Model(#[from] ModelError),
}

fn names() -> String {
    BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// What is wrong with a part of a lesson, before it is known where that part stands.
#[derive(Debug)]
pub struct Fault {
    /// The byte of the file, where it is more precise than the beginning of the part.
    pub(super) at: Option<usize>,
    /// What is wrong.
    pub(super) reason: String,
}

impl Fault {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { at: None, reason: reason.into() }
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<ModelError> for Fault {
    fn from(error: ModelError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<toml::de::Error> for Fault {
    fn from(error: toml::de::Error) -> Self {
        let reason = error.message().trim().replace('\n', " ");
        Self { at: error.span().map(|span| span.start), reason }
    }
}
