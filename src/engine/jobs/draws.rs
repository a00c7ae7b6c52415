//! Many draws from one distribution, for the interface.

use std::ops::Range;
use std::sync::Arc;

use crate::decode::{Analysis, Tally, uniform};
use crate::engine::EngineError;

use super::{Ground, Job, News};

/// Draws from one distribution, with the random numbers of a range of sequences at one step.
pub struct DrawsJob {
    asked: Option<Arc<Analysis>>,
    seed: u64,
    sequences: Range<u64>,
    step: u64,
}

impl DrawsJob {
    /// One draw for each of `sequences`, as [`uniform`] numbers them.
    #[must_use]
    pub fn new(analysis: Arc<Analysis>, seed: u64, sequences: Range<u64>, step: usize) -> Self {
        Self { asked: Some(analysis), seed, sequences, step: step as u64 }
    }
}

impl Job for DrawsJob {
    fn turn(&mut self, _: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let Some(analysis) = self.asked.take() else { return Ok(None) };
        let draws = self.sequences.clone().map(|sequence| uniform(self.seed, sequence, self.step));
        Ok(Some(News::Tallied(Arc::new(Tally::new(&analysis, draws)))))
    }
}
