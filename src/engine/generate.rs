//! Generating on the caller's thread, one observable step after the other.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::decode::strategy::Strategy;
use crate::decode::{Chain, TokenId};
use crate::model::{CacheNode, LanguageModel, Positions, Progress, Run, RunOutput, Tokenizer};

use super::EngineError;
use super::evaluator::{CHUNK, TokenScore};
use super::growing::{Growing, Observe, StepDetail};

/// What is to be generated.
pub struct Request<'a> {
    /// Prompt token ids, at least one.
    pub prompt: &'a [TokenId],
    /// How a token is chosen.
    pub strategy: &'a dyn Strategy,
    /// The processors; the strategy may use a part of them.
    pub chain: &'a Chain,
    /// The most tokens to generate.
    pub max_new_tokens: usize,
    /// Tokens before which no end token is allowed.
    pub min_new_tokens: usize,
    /// Ids that end the text; none ignores the end.
    pub eos_token_ids: &'a [TokenId],
    /// Texts that end the text.
    pub stop: &'a [String],
    /// The number of the sample drawn from this prompt, from 0.
    pub sequence: u64,
    /// The negative prompt, where a stage of the chain steers by one: the sequence is read after it too.
    pub negative: Option<&'a PromptRead>,
}

/// Why a sequence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// With an end token.
    Eos,
    /// At the length asked for, or at the end of the context.
    Length,
    /// At a stop string.
    Stop,
}

/// A token of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneratedToken {
    /// Its id.
    pub id: TokenId,
    /// log p under the model alone, in nats.
    pub logprob: f64,
    /// log p that it was chosen with, after the chain, in nats.
    pub sampling_logprob: f64,
    /// Rank under the model alone, from 1.
    pub rank: usize,
}

/// A finished sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The output, an end token included.
    pub tokens: Vec<GeneratedToken>,
    /// The text, without end token and stop string.
    pub text: String,
    /// Σ log p under the model alone, in nats.
    pub sum_logprob: f64,
    /// What sequences are ranked by: the sum, or of a beam its sum under the length norm.
    pub score: f64,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Reading the prompt.
    pub prefill: Duration,
    /// Everything after it.
    pub decode: Duration,
    /// Tokens generated, of all sequences.
    pub new_tokens: usize,
}

/// A prompt that the model has read: all samples go on from it.
pub struct PromptRead {
    pub(super) end: CacheNode,
    pub(super) logits: Arc<[f32]>,
    /// The hidden state of each token; empty where the model gives none.
    pub(super) hidden: Vec<Arc<[f32]>>,
    /// One for each token; the first has none.
    pub scores: Vec<Option<TokenScore>>,
}

/// Refuses a prompt that nothing can be read after.
pub(super) fn check_prompt(prompt: &[TokenId], context: usize) -> Result<(), EngineError> {
    if prompt.is_empty() {
        return Err(EngineError::Request("the prompt has no token: type some text, or use --bos always".into()));
    }
    if prompt.len() >= context {
        return Err(EngineError::Request(format!(
            "the prompt has {} tokens and leaves no room in the model's context of {context}: shorten it",
            prompt.len()
        )));
    }
    Ok(())
}

/// Reads a prompt and scores its tokens.
///
/// # Errors
/// An empty prompt, one that leaves no room in the context, what the model refuses, or an interruption by `watch`.
pub fn read_prompt(
    model: &mut dyn LanguageModel,
    prompt: &[TokenId],
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<PromptRead, EngineError> {
    check_prompt(prompt, model.info().context_length)?;
    let mut scores = vec![None];
    let mut hidden = Vec::new();
    let mut last: Option<(CacheNode, Arc<[f32]>)> = None;
    for (index, tokens) in prompt.chunks(CHUNK).enumerate() {
        let run = Run { after: last.as_ref().map(|(node, _)| *node), tokens, logits: Positions::All };
        let total = prompt.len();
        let mut shifted = |progress: Progress| watch(Progress { done: index * CHUNK + progress.done, total });
        let outputs = model.forward(&[run], &mut shifted).map_err(EngineError::from_model)?;
        for output in outputs {
            hidden.extend(output.hidden);
            for (i, (node, logits)) in output.nodes.into_iter().zip(output.logits).enumerate() {
                if let Some(&next) = prompt.get(index * CHUNK + i + 1) {
                    scores.push(Some(TokenScore::of(model, next, (node, &logits), &mut shifted)?));
                }
                last = Some((node, logits));
            }
        }
    }
    let (end, logits) = last.ok_or_else(no_logits)?;
    Ok(PromptRead { end, logits, hidden, scores })
}

/// Generates one sequence after a prompt that was read, and shows every step to `observe`.
///
/// # Errors
/// A chain that leaves no token, what the model refuses, or [`EngineError::Interrupted`] when `observe` or `watch` breaks.
pub fn generate(
    model: &mut dyn LanguageModel,
    tokenizer: &dyn Tokenizer,
    prompt: &PromptRead,
    request: &Request<'_>,
    observe: &mut Observe<'_>,
) -> Result<Generated, EngineError> {
    let mut growing = Growing::new(model.info(), tokenizer, request)?;
    let mut ends: Vec<End> = std::iter::once(prompt).chain(request.negative).map(PromptRead::end).collect();
    while growing.finish().is_none() {
        let [(_, logits), negative @ ..] = &ends[..] else { return Err(no_logits()) };
        let negative = negative.first().map(|(_, logits)| model.info().distribution(logits)).transpose()?;
        let analysis = growing.analyse_against(logits, negative.as_ref())?;
        let choice = growing.choose(&analysis);
        if growing.take(&analysis, choice, StepDetail::Plain, observe)?.is_none() {
            ends = read_next(model, &ends, choice.token)?;
        }
    }
    Ok(growing.finished())
}

/// A token that was read, and the logits after it.
pub(super) type End = (CacheNode, Arc<[f32]>);

impl PromptRead {
    fn end(&self) -> End {
        (self.end, Arc::clone(&self.logits))
    }
}

/// Reads a token after each of these, in one batch.
pub(super) fn read_next(model: &mut dyn LanguageModel, ends: &[End], token: TokenId) -> Result<Vec<End>, EngineError> {
    let tokens = [token];
    let run = |(node, _): &End| Run { after: Some(*node), tokens: &tokens, logits: Positions::Last };
    let runs: Vec<Run<'_>> = ends.iter().map(run).collect();
    let outputs = model.forward(&runs, &mut crate::model::unwatched).map_err(EngineError::from_model)?;
    let last = |output: RunOutput| Some((*output.nodes.last()?, output.logits.into_iter().last()?));
    outputs.into_iter().map(|output| last(output).ok_or_else(no_logits)).collect()
}

/// A model that breaks its contract.
pub(super) fn no_logits() -> EngineError {
    EngineError::Request("the model gave no logits".into())
}

/// Runs `work` and tells how long it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
