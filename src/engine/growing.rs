//! A sequence that grows token by token: what every way to generate one has in common.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::decode::contrastive::ContrastiveStep;
use crate::decode::speculative::Proposal;
use crate::decode::strategy::Choice;
use crate::decode::{Analysis, Chain, Context, Distribution, TokenId};
use crate::model::{ModelInfo, Tokenizer};

use super::EngineError;
use super::generate::{FinishReason, Generated, GeneratedToken, Request};
use super::text::{Pieces, assemble, find_stop};

/// One step, as an observer sees it.
pub struct Step<'a> {
    /// The sample, from 0.
    pub sequence: u64,
    /// Tokens generated before it.
    pub step: usize,
    /// Tokens before it, the prompt's included.
    pub context_length: usize,
    /// The distribution and what the chain made of it.
    pub analysis: &'a Analysis,
    /// What was chosen.
    pub choice: Choice,
    /// The same, with its probabilities.
    pub token: GeneratedToken,
    /// What the way of generating has to say about it besides.
    pub detail: StepDetail<'a>,
}

/// What some ways of generating say about a step besides its choice.
#[derive(Clone, Copy, Debug)]
pub enum StepDetail<'a> {
    /// Nothing.
    Plain,
    /// What was drafted, and what became of it.
    Speculative(&'a Proposal),
    /// The candidates that were compared.
    Contrastive(&'a ContrastiveStep),
}

/// Shown every step; breaks the generating off.
pub type Observe<'a> = dyn FnMut(&Step<'_>) -> ControlFlow<()> + 'a;

/// The tokens of a sequence so far, and what decides over the next one. A clone goes on by itself, to try tokens out.
#[derive(Clone)]
pub(super) struct Growing<'a> {
    tokenizer: &'a dyn Tokenizer,
    request: &'a Request<'a>,
    /// What the strategy uses of the request's, and what the model never chooses forbidden.
    chain: Chain,
    info: Arc<ModelInfo>,
    /// The most tokens, by the request and by the context.
    length: usize,
    history: Vec<TokenId>,
    tokens: Vec<GeneratedToken>,
    finish: Option<FinishReason>,
    /// Where the text breaks off, in bytes.
    stopped_at: Option<usize>,
}

impl<'a> Growing<'a> {
    /// Nothing but the prompt.
    ///
    /// # Errors
    /// A chain that can't forbid what the model never chooses.
    pub(super) fn new(
        info: &ModelInfo,
        tokenizer: &'a dyn Tokenizer,
        request: &'a Request<'a>,
    ) -> Result<Self, EngineError> {
        let longest = request.prompt.len().max(request.negative.map_or(0, |negative| negative.scores.len()));
        let length = request.max_new_tokens.min(info.context_length.saturating_sub(longest));
        Ok(Self {
            tokenizer,
            request,
            chain: request.strategy.effective_chain(request.chain).forbidding(&info.never_chosen)?,
            info: Arc::new(info.clone()),
            length,
            history: request.prompt.to_vec(),
            tokens: Vec::new(),
            finish: (length == 0).then_some(FinishReason::Length),
            stopped_at: None,
        })
    }

    /// The same sequence, grown by these tokens before, none of which ended it.
    #[must_use]
    pub(super) fn grown(mut self, tokens: &[GeneratedToken]) -> Self {
        self.history.extend(tokens.iter().map(|token| token.id));
        self.tokens.extend(tokens);
        self
    }

    /// Tokens generated so far, which is the number of the next step.
    pub(super) fn step(&self) -> usize {
        self.tokens.len()
    }

    /// The tokens generated so far.
    pub(super) fn output(&self) -> &[TokenId] {
        &self.history[self.request.prompt.len()..]
    }

    /// Tokens that may still come, if nothing ends the text before.
    pub(super) fn room(&self) -> usize {
        self.length - self.tokens.len()
    }

    /// Why the sequence has ended; `None` while it goes on.
    pub(super) fn finish(&self) -> Option<FinishReason> {
        self.finish
    }

    /// The distribution of the next token, and what the chain makes of it. `logits` has the shape `[vocab_size]`.
    ///
    /// # Errors
    /// Logits that are no distribution, with the model's name, or a chain that leaves no token.
    pub(super) fn analyse(&self, logits: &Arc<[f32]>) -> Result<Analysis, EngineError> {
        self.analyse_against(logits, None)
    }

    /// The same with what the model says after the negative prompt, for guidance.
    ///
    /// # Errors
    /// As [`Self::analyse`].
    pub(super) fn analyse_against(
        &self,
        logits: &Arc<[f32]>,
        negative: Option<&Distribution>,
    ) -> Result<Analysis, EngineError> {
        let step = self.step();
        let chain = chain_of_step(&self.chain, (self.request.min_new_tokens, self.request.eos_token_ids), step)?;
        let sampling_logprobs: Vec<f64> = self.tokens.iter().map(|token| token.sampling_logprob).collect();
        let context = Context {
            history: &self.history,
            prompt_length: self.request.prompt.len(),
            sampling_logprobs: &sampling_logprobs,
            chance: self.request.strategy.chance(self.request.sequence, step as u64),
            bytes: Some(&Pieces(self.tokenizer)),
            end_ids: self.request.eos_token_ids,
            negative,
        };
        let model = self.info.distribution(logits)?;
        let text = || String::from_utf8_lossy(&assemble(self.tokenizer, self.output())).into_owned();
        Analysis::new(Arc::new(model), &chain, context).map_err(|error| EngineError::stuck(error, text))
    }

    /// What the strategy chooses at this step.
    pub(super) fn choose(&self, analysis: &Analysis) -> Choice {
        self.request.strategy.choose(analysis, self.request.sequence, self.step() as u64)
    }

    /// Appends a token, whether it ends the sequence or not.
    pub(super) fn push(&mut self, analysis: &Analysis, id: TokenId) -> Option<FinishReason> {
        self.tokens.push(scored(analysis, id));
        self.history.push(id);
        if self.request.eos_token_ids.contains(&id) {
            self.finish = Some(FinishReason::Eos);
            return self.finish;
        }
        let text = || assemble(self.tokenizer, self.tokens.iter().map(|token| &token.id));
        self.stopped_at = if self.request.stop.is_empty() { None } else { find_stop(&text(), self.request.stop) };
        self.finish = match self.stopped_at {
            Some(_) => Some(FinishReason::Stop),
            None => (self.room() == 0).then_some(FinishReason::Length),
        };
        self.finish
    }

    /// Shows what was chosen, and appends it.
    ///
    /// # Errors
    /// [`EngineError::Interrupted`] when `observe` breaks: the token is not appended then.
    pub(super) fn take(
        &mut self,
        analysis: &Analysis,
        choice: Choice,
        detail: StepDetail<'_>,
        observe: &mut Observe<'_>,
    ) -> Result<Option<FinishReason>, EngineError> {
        let seen = Step {
            sequence: self.request.sequence,
            step: self.step(),
            context_length: self.history.len(),
            analysis,
            choice,
            token: scored(analysis, choice.token),
            detail,
        };
        if observe(&seen).is_break() {
            return Err(EngineError::Interrupted);
        }
        Ok(self.push(analysis, choice.token))
    }

    /// The sequence as it is now; one that nothing ended has its length.
    pub(super) fn finished(self) -> Generated {
        finished(self.tokenizer, self.tokens, self.finish.unwrap_or(FinishReason::Length), self.stopped_at)
    }
}

/// Before `min_new_tokens` the end tokens are forbidden, visibly: as a stage of the chain.
pub(super) fn chain_of_step(
    chain: &Chain,
    (min_new_tokens, ends): (usize, &[TokenId]),
    step: usize,
) -> Result<Chain, EngineError> {
    let forbidden = if step < min_new_tokens { ends } else { &[] };
    Ok(chain.clone().forbidding(forbidden)?)
}

fn scored(analysis: &Analysis, id: TokenId) -> GeneratedToken {
    let model = analysis.model();
    let sampling_logprob = analysis.sampling_logprob(id);
    GeneratedToken { id, logprob: model.logprob(id), sampling_logprob, rank: model.rank(id) }
}

/// The sequence, scored by its sum.
pub(super) fn finished(
    tokenizer: &dyn Tokenizer,
    tokens: Vec<GeneratedToken>,
    finish_reason: FinishReason,
    stopped_at: Option<usize>,
) -> Generated {
    let spoken = tokens.len() - usize::from(finish_reason == FinishReason::Eos);
    let mut bytes = assemble(tokenizer, tokens[..spoken].iter().map(|token| &token.id));
    bytes.truncate(stopped_at.unwrap_or(bytes.len()));
    let sum_logprob = tokens.iter().map(|token| token.logprob).sum();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Generated { tokens, text, sum_logprob, score: sum_logprob, finish_reason }
}
