//! The distribution at many temperatures, for the interface's curves.

use std::sync::Arc;

use crate::decode::{Distribution, Tempered};
use crate::engine::EngineError;
use crate::session::NodeId;

use super::{Ground, Job, News};

/// Exponentials taken in a turn: a few milliseconds.
const TERMS: usize = 1 << 19;

/// Passes over the logits after a node, one for each temperature.
pub struct CurvesJob {
    node: NodeId,
    model: Arc<Distribution>,
    ahead: std::vec::IntoIter<f64>,
}

impl CurvesJob {
    /// `temperatures` are taken in the order given.
    #[must_use]
    pub fn new(node: NodeId, model: Arc<Distribution>, temperatures: Vec<f64>) -> Self {
        Self { node, model, ahead: temperatures.into_iter() }
    }
}

impl Job for CurvesJob {
    fn turn(&mut self, _: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let most = (TERMS / self.model.vocab_size().max(1)).max(1);
        let next = self.ahead.by_ref().take(most);
        let points: Vec<Tempered> = next.map(|temperature| Tempered::new(&self.model, temperature)).collect();
        Ok((!points.is_empty()).then_some(News::Curves { node: self.node, points }))
    }
}
