//! A step without the cache, timed, for the interface.

use std::time::Duration;

use crate::decode::TokenId;
use crate::engine::EngineError;
use crate::engine::evaluator::CHUNK;
use crate::engine::generate::timed;
use crate::model::{CacheNode, Positions, Run};
use crate::session::NodeId;

use super::{Ground, Job, News};

/// Reads a whole context as a sequence of its own, in chunks, as every step would have to if nothing were kept.
pub struct CostJob {
    node: NodeId,
    tokens: Vec<TokenId>,
    read: usize,
    last: Option<CacheNode>,
    took: Duration,
}

impl CostJob {
    /// `tokens` is the context up to and with `node`.
    #[must_use]
    pub fn new(node: NodeId, tokens: Vec<TokenId>) -> Self {
        Self { node, tokens, read: 0, last: None, took: Duration::ZERO }
    }
}

impl Job for CostJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let chunk = &self.tokens[self.read..(self.read + CHUNK).min(self.tokens.len())];
        if chunk.is_empty() {
            return Ok(None);
        }
        let run = Run { after: self.last, tokens: chunk, logits: Positions::Last };
        let (read, took) = timed(|| ground.evaluator.model_mut().forward(&[run], ground.watch));
        let output = read.map_err(EngineError::from_model)?.pop();
        self.last = output.and_then(|output| output.nodes.last().copied());
        self.took += took;
        self.read += chunk.len();
        Ok(Some(News::Recomputed { node: self.node, read: self.read, took: self.took }))
    }

    fn live(&self) -> Vec<CacheNode> {
        self.last.into_iter().collect()
    }
}
