//! The engine without the interface: the same numbers as text, JSON, JSON lines and CSV.

mod beams;
mod bench;
mod compare;
mod contrastive;
mod detail;
mod doctor;
mod document;
mod exact;
mod figures;
mod json;
mod lesson;
mod logits;
mod models;
mod progress;
mod replay;
mod run;
mod samples;
mod score;
mod speculative;
pub mod style;
mod tokens;
mod write;

pub use bench::{BenchJob, Extent, Interface, PARTS, Part, bench};
pub use compare::{Comparison, Contestant, compare};
pub use doctor::{Finding, Verdict, doctor};
pub use lesson::{lesson, lessons};
pub use logits::{LogitsDefaults, logits_lines, logits_table};
pub use models::{model_info, model_list};
pub use progress::Progress;
pub use replay::{ReplayFormat, replay};
pub use run::{Interrupt, Job, RunSettings, run};
pub use score::{ScoreInput, ScoreJob, score};
pub use tokens::tokens;

/// How the result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One document.
    Json,
    /// The trace: one record a line.
    Jsonl,
    /// One row for each token.
    Csv,
}

/// Why a command without the interface failed.
#[derive(Debug, thiserror::Error)]
pub enum HeadlessError {
    /// Decoding.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
    /// What was read or asked for is wrong.
    #[error("{0}")]
    Input(String),
    /// Reading or writing.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<crate::model::ModelError> for HeadlessError {
    fn from(error: crate::model::ModelError) -> Self {
        crate::engine::EngineError::from(error).into()
    }
}

impl From<crate::decode::DecodeError> for HeadlessError {
    fn from(error: crate::decode::DecodeError) -> Self {
        crate::engine::EngineError::from(error).into()
    }
}
