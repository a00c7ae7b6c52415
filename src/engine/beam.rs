//! Beam search over a model: all live beams of a step are one batch over the shared cache.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::decode::beam::{
    Beam, BeamNode, BeamSearch, BeamSettings, BeamStep, BeamTask, BeamText, BeamToken, Ending, Hypothesis,
};
use crate::decode::{Chain, Distribution, TokenId};
use crate::model::{CacheNode, LanguageModel, Positions, Run, Tokenizer, unwatched};

use super::EngineError;
use super::generate::{FinishReason, Generated, GeneratedToken, PromptRead};
use super::growing::{chain_of_step, finished};
use super::text::{Pieces, assemble, find_stop};

/// Steps between two sweeps of the cache. What is dropped meanwhile costs its slots; a sweep costs a pass over all slots.
const SWEEP_EVERY: usize = 16;

/// What becomes of the cache entries of beams that were dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DroppedBeams {
    /// They are freed from time to time, and with them whatever else the model has read: only the prompt and the live beams stay.
    Freed,
    /// They stay, because others share the model's cache.
    Kept,
}

/// What is to be searched.
pub struct BeamRequest<'a> {
    /// Prompt token ids, at least one.
    pub prompt: &'a [TokenId],
    /// The options of the search.
    pub settings: BeamSettings,
    /// The processors, all of which are used.
    pub chain: &'a Chain,
    /// The most tokens to generate.
    pub max_new_tokens: usize,
    /// Tokens before which no end token is allowed.
    pub min_new_tokens: usize,
    /// Ids that end the text; none ignores the end.
    pub eos_token_ids: &'a [TokenId],
    /// Texts that end the text: a continuation whose text holds one has ended, just as with an end token. How many continuations
    /// a step looks at does not depend on them, so that a search can run out of beams that go on.
    pub stop: &'a [String],
    /// What becomes of dropped beams.
    pub dropped: DroppedBeams,
}

/// One step, as an observer sees it.
pub struct ObservedBeams<'a> {
    /// What was decided.
    pub step: &'a BeamStep,
    /// The search after it.
    pub search: &'a BeamSearch,
    /// Tokens before it, the prompt's included.
    pub context_length: usize,
}

/// A search over a model that goes on step by step. It owns what it needs to know; the model and the tokenizer are lent to it.
pub struct GrowingBeams {
    search: BeamSearch,
    chain: Chain,
    min_new_tokens: usize,
    stop: Vec<String>,
    end_ids: Vec<TokenId>,
    dropped: DroppedBeams,
    prompt_end: CacheNode,
    /// The cache entries of the beams that were read last: those of the live ones, or of their parents.
    cached: Vec<(Option<BeamNode>, CacheNode)>,
    /// The model's distributions after the same beams.
    models: Vec<Arc<Distribution>>,
}

impl GrowingBeams {
    /// A search that begins after a prompt that was read. The context may make its sequences shorter than asked for.
    ///
    /// # Errors
    /// Settings or a chain that can't be searched with.
    pub fn new(model: &dyn LanguageModel, prompt: &PromptRead, request: &BeamRequest<'_>) -> Result<Self, EngineError> {
        let chain = request.chain.clone().forbidding(&model.info().never_chosen)?;
        let room = model.info().context_length.saturating_sub(request.prompt.len());
        let task = BeamTask {
            prompt: request.prompt.to_vec(),
            end_ids: request.eos_token_ids.to_vec(),
            max_new_tokens: request.max_new_tokens.min(room),
        };
        let search = BeamSearch::new(request.settings, task)?;
        let root = model.info().distribution(&prompt.logits)?;
        // The groups of diverse beam search all begin at the prompt.
        let models = vec![root.into(); search.live().count()];
        Ok(Self {
            search,
            chain,
            min_new_tokens: request.min_new_tokens,
            stop: request.stop.to_vec(),
            end_ids: request.eos_token_ids.to_vec(),
            dropped: request.dropped,
            prompt_end: prompt.end,
            cached: vec![(None, prompt.end)],
            models,
        })
    }

    /// The search after the steps made so far.
    #[must_use]
    pub fn search(&self) -> &BeamSearch {
        &self.search
    }

    /// The cache entries that the next step goes on from.
    #[must_use]
    pub fn live(&self) -> Vec<CacheNode> {
        self.cached.iter().map(|(_, node)| *node).collect()
    }

    /// What the next step reads: the last token of every live beam, each after a cache entry. Nothing before the first step.
    #[must_use]
    pub fn wanted(&self) -> Vec<(CacheNode, TokenId)> {
        let wanted = |beam: &Beam| {
            let (_, parent) = self.cached.iter().find(|(node, _)| *node == beam.parent)?;
            Some((*parent, beam.tokens.last()?.id))
        };
        self.search.live().filter_map(wanted).collect()
    }

    /// The model's distributions that the last step chose from.
    pub(super) fn models(&self) -> &[Arc<Distribution>] {
        &self.models
    }

    /// One step: reads the last token of every live beam in one batch, and decides who goes on.
    ///
    /// # Errors
    /// What the model refuses, a chain that leaves nothing, or a search that is over.
    pub fn advance(
        &mut self,
        model: &mut dyn LanguageModel,
        tokenizer: &dyn Tokenizer,
    ) -> Result<BeamStep, EngineError> {
        let step = self.search.steps();
        if step > 0 {
            self.read(model)?;
        }
        let chain = chain_of_step(&self.chain, (self.min_new_tokens, &self.end_ids), step)?;
        let stops =
            |output: &[TokenId]| !self.stop.is_empty() && find_stop(&assemble(tokenizer, output), &self.stop).is_some();
        let text = BeamText { stops: &stops, bytes: Some(&Pieces(tokenizer)) };
        let best = self.search.live().next().map_or_else(Vec::new, |beam| beam.tokens.clone());
        self.search.advance(&self.models, &chain, text).map_err(|error| {
            let bytes = || assemble(tokenizer, best.iter().map(|token| &token.id));
            EngineError::stuck(error, || String::from_utf8_lossy(&bytes()).into_owned())
        })
    }

    /// Reads the live beams, each after its parent's cache node.
    fn read(&mut self, model: &mut dyn LanguageModel) -> Result<(), EngineError> {
        (self.cached, self.models) = read_live(model, &self.search, &self.cached)?;
        if self.dropped == DroppedBeams::Freed && self.search.steps().is_multiple_of(SWEEP_EVERY) {
            let live: Vec<CacheNode> = self.live().into_iter().chain([self.prompt_end]).collect();
            model.retain(&live);
        }
        Ok(())
    }
}

/// Searches after a prompt that was read, shows every step to `observe`, and gives the best sequences, best first: as many as
/// the settings ask for, or fewer where fewer finished.
///
/// # Errors
/// Settings or a chain that can't be searched with, what the model refuses, or [`EngineError::Interrupted`] when `observe`
/// breaks.
pub fn generate_beams(
    model: &mut dyn LanguageModel,
    tokenizer: &dyn Tokenizer,
    prompt: &PromptRead,
    request: &BeamRequest<'_>,
    observe: &mut dyn FnMut(&ObservedBeams<'_>) -> ControlFlow<()>,
) -> Result<Vec<Generated>, EngineError> {
    let mut beams = GrowingBeams::new(model, prompt, request)?;
    while beams.search.stopped().is_none() {
        let step = beams.advance(model, tokenizer)?;
        let context_length = request.prompt.len() + step.step;
        if observe(&ObservedBeams { step: &step, search: &beams.search, context_length }).is_break() {
            return Err(EngineError::Interrupted);
        }
    }
    let ranked = beams.search.ranked();
    Ok(ranked.into_iter().map(|hypothesis| generated(tokenizer, hypothesis, request.stop)).collect())
}

/// The live beams' cache nodes, and the model's distribution after each.
type ReadBeams = (Vec<(Option<BeamNode>, CacheNode)>, Vec<Arc<Distribution>>);

/// Reads the last token of every live beam, each after its parent's cache node, in one batch.
fn read_live(
    model: &mut dyn LanguageModel,
    search: &BeamSearch,
    cached: &[(Option<BeamNode>, CacheNode)],
) -> Result<ReadBeams, EngineError> {
    let no_output = || EngineError::Request("the model gave no logits".into());
    let mut runs = Vec::new();
    for beam in search.live() {
        let parent = cached.iter().find(|(node, _)| *node == beam.parent).ok_or_else(no_output)?;
        let last = beam.history.len().saturating_sub(1);
        runs.push(Run { after: Some(parent.1), tokens: &beam.history[last..], logits: Positions::Last });
    }
    let outputs = model.forward(&runs, &mut unwatched).map_err(EngineError::from_model)?;
    let (mut nodes, mut models) = (Vec::with_capacity(runs.len()), Vec::with_capacity(runs.len()));
    for (beam, output) in search.live().zip(outputs) {
        let (node, logits) = output.nodes.last().zip(output.logits.last()).ok_or_else(no_output)?;
        nodes.push((beam.node, *node));
        models.push(model.info().distribution(logits)?.into());
    }
    Ok((nodes, models))
}

fn generated(tokenizer: &dyn Tokenizer, hypothesis: &Hypothesis, stops: &[String]) -> Generated {
    let reason = match hypothesis.ending {
        Ending::End => FinishReason::Eos,
        Ending::Stop => FinishReason::Stop,
        Ending::Length => FinishReason::Length,
    };
    let token = |token: &BeamToken| GeneratedToken {
        id: token.id,
        logprob: token.logprob,
        sampling_logprob: token.sampling_logprob,
        rank: token.rank,
    };
    let tokens: Vec<GeneratedToken> = hypothesis.tokens.iter().map(token).collect();
    let stopped_at = find_stop(&assemble(tokenizer, tokens.iter().map(|token| &token.id)), stops);
    let stopped_at = stopped_at.filter(|_| reason == FinishReason::Stop);
    let mut sequence = finished(tokenizer, tokens, reason, stopped_at);
    sequence.score = hypothesis.score;
    sequence
}
