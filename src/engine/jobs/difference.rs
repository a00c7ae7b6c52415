//! What another chain does otherwise, for the interface.

use std::sync::Arc;

use crate::decode::Analysis;
use crate::decode::diff::ChainDiff;
use crate::engine::EngineError;

use super::{Ground, Job, News};

/// Compares two results on the same logits.
pub struct DifferenceJob {
    asked: Option<[Arc<Analysis>; 2]>,
}

impl DifferenceJob {
    /// From the first to the second.
    #[must_use]
    pub fn new(before: Arc<Analysis>, after: Arc<Analysis>) -> Self {
        Self { asked: Some([before, after]) }
    }
}

impl Job for DifferenceJob {
    fn turn(&mut self, _: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let asked = self.asked.take();
        Ok(asked.map(|[before, after]| News::Difference(Arc::new(ChainDiff::new(&before, &after)))))
    }
}
