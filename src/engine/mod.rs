//! Joins the model, the mathematics and the history: on the caller's thread ([`generate`]) for headless use, on threads of its
//! own ([`Engine`]) for the interface.

mod analyst;
mod beam;
mod checkup;
mod contrastive;
mod error;
mod evaluator;
mod exact;
mod generate;
mod growing;
mod jobs;
mod memo;
pub mod record;
mod recorded;
mod score;
mod speculative;
#[cfg(test)]
mod tests;
mod text;
mod texts;
mod worker;

pub use analyst::Question;
pub use beam::{BeamRequest, DroppedBeams, GrowingBeams, ObservedBeams, generate_beams};
pub use checkup::{Cache, Check, Checkup};
pub use contrastive::generate_contrastive;
pub use error::EngineError;
pub use evaluator::{Evaluator, TokenScore};
pub use exact::{Exact, ExactProgress, ExactRequest, Given, GrowingExact, Rival, exact};
pub use generate::{
    FinishReason, Generated, GeneratedToken, PromptRead, Request, Timing, generate, read_prompt, timed,
};
pub use growing::{Observe, Step, StepDetail};
pub use jobs::{
    BeamsAsked, BeamsJob, BeamsMade, CheckupJob, ColumnAsked, ColumnEnd, ColumnMade, CompareAsked, CompareJob,
    Compared, ComparedToken, CostJob, CurvesJob, Decided, DifferenceJob, DrawsJob, Found, GreedyToken, Ground, Job,
    Lane, News, OptimumAsked, OptimumFound, OptimumJob, Proof, ScoreAsked, ScoreJob, Scored, ScoredCompletion,
    SearchJob, TopToken, TraceJob,
};
pub use memo::Memo;
pub use recorded::{Extent, RecordedBeams, Recording};
pub use score::{ScoreRequest, Scores, score, score_text};
pub use speculative::{Reader, Speculation, SpeculativeCount, Verification, generate_speculatively};
pub use text::assemble;
pub use worker::{Command, Engine, Event};
