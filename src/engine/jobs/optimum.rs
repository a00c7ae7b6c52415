//! The most probable sequence of all, searched for the interface a batch a turn.

use std::sync::Arc;

use crate::decode::TokenId;
use crate::decode::exact::Complete;
use crate::engine::{EngineError, ExactProgress, ExactRequest, GrowingExact, Rival};
use crate::model::CacheNode;
use crate::session::NodeId;

use super::beams::read_prompt;
use super::{Ground, Job, News};

/// What is to be searched.
#[derive(Clone, Debug)]
pub struct OptimumAsked {
    /// From the root of the session's tree to the end of the prompt.
    pub prompt: Vec<(NodeId, TokenId)>,
    /// Tokens of a sequence that does not end before, at least 1.
    pub length: usize,
    /// The most prefixes that are expanded: their cache entries stay until the search is over.
    pub budget: usize,
    /// Sequences that are known: the search begins above the best of them.
    pub rivals: Vec<Rival>,
}

/// How far the search is.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimumFound {
    /// Figures.
    pub progress: ExactProgress,
    /// The best sequence so far.
    pub best: Option<Complete>,
    /// What is known of it.
    pub proof: Proof,
}

/// What is known of the best sequence so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The search goes on.
    Open,
    /// No sequence can be more probable.
    Proven,
    /// The budget is used up.
    OutOfBudget,
}

/// Searches after the session's prompt.
pub struct OptimumJob {
    asked: OptimumAsked,
    under_way: Option<GrowingExact>,
    proof: Proof,
}

impl OptimumJob {
    /// Nothing searched yet.
    #[must_use]
    pub fn new(asked: OptimumAsked) -> Self {
        Self { asked, under_way: None, proof: Proof::Open }
    }

    fn begin(&self, ground: &mut Ground<'_>) -> Result<GrowingExact, EngineError> {
        let asked = &self.asked;
        let read = read_prompt(ground, &asked.prompt)?;
        let info = ground.evaluator.model().info();
        let request = ExactRequest {
            prompt_tokens: asked.prompt.len(),
            max_new_tokens: asked.length,
            min_new_tokens: 0,
            eos_token_ids: &info.eos_token_ids,
            forbidden: &info.never_chosen,
            budget: asked.budget,
            rivals: &asked.rivals,
        };
        GrowingExact::new(ground.evaluator.model(), &read, &request)
    }
}

impl Job for OptimumJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        if self.proof != Proof::Open {
            return Ok(None);
        }
        if self.under_way.is_none() {
            self.under_way = Some(self.begin(ground)?);
        }
        let Some(growing) = &mut self.under_way else { return Ok(None) };
        if !growing.advance(ground.model())? {
            self.proof = if growing.search().is_proven() { Proof::Proven } else { Proof::OutOfBudget };
        }
        let best = growing.search().best().cloned();
        let found = OptimumFound { progress: growing.progress(), best, proof: self.proof };
        Ok(Some(News::Optimum(Arc::new(found))))
    }

    fn live(&self) -> Vec<CacheNode> {
        self.under_way.as_ref().map(GrowingExact::cached).unwrap_or_default()
    }
}
