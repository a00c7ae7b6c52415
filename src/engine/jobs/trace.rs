//! Tells again, step by step, how a path of the session was decided: for writing it down.

use std::sync::Arc;

use crate::decode::strategy::Choice;
use crate::decode::{Chain, Draw, TokenId, chance};
use crate::engine::{EngineError, GeneratedToken, Question, Step, StepDetail, record};
use crate::session::NodeId;

use super::{Ground, Job, News};

/// Candidates that a step lists, as `run` does when nobody says otherwise.
const LISTED: usize = 20;

/// A token of the output and how it was decided.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The token with its figures.
    pub token: GeneratedToken,
    /// The chain that it was decided with.
    pub chain: Chain,
    /// The draw, where there was one.
    pub draw: Option<Draw>,
}

/// The steps of a path, one a turn.
pub struct TraceJob {
    /// From the root to the last token.
    pub path: Vec<(NodeId, TokenId)>,
    /// How many of them are the prompt, at least one.
    pub prompt_length: usize,
    /// The others, in order.
    pub decided: Vec<Decided>,
    /// The seed of the draws.
    pub seed: u64,
    /// Ids that end the text.
    pub end_ids: Vec<TokenId>,
    /// Steps told so far.
    pub told: usize,
}

impl Job for TraceJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let step = self.told;
        let Some(decided) = self.decided.get(step) else { return Ok(None) };
        let before = &self.path[..self.prompt_length + step];
        let logits = ground.evaluator.evaluate(before, ground.watch)?.logits;
        let model = Arc::new(ground.evaluator.model().info().distribution(&logits)?);
        let question = Question {
            epoch: 0,
            node: self.path[self.prompt_length + step].0,
            logits,
            unlisted: None,
            chain: decided.chain.clone(),
            history: before.iter().map(|(_, token)| *token).collect(),
            prompt_length: self.prompt_length,
            sampling_logprobs: self.decided[..step].iter().map(|decided| decided.token.sampling_logprob).collect(),
            chance: chance(self.seed, 0, step as u64),
            tokenizer: Some(Arc::clone(ground.tokenizer)),
            end_ids: self.end_ids.clone(),
        };
        let analysis = question.answer(model)?;
        let choice = Choice { token: decided.token.id, draw: decided.draw };
        let context_length = before.len();
        let step = Step {
            sequence: 0,
            step,
            context_length,
            analysis: &analysis,
            choice,
            token: decided.token,
            detail: StepDetail::Plain,
        };
        self.told += 1;
        Ok(Some(News::Told(Box::new(record::step(&step, LISTED, ground.tokenizer.as_ref())))))
    }
}
