//! Contrastive search over a model: the candidates of a step are one batch after the same cache node, and what the chosen one
//! gave is kept, so that no token is read twice.

use std::sync::Arc;

use crate::decode::TokenId;
use crate::decode::contrastive::{ContrastiveSettings, ContrastiveStep, SeenStates, candidates};
use crate::decode::strategy::Choice;
use crate::model::{CacheNode, LanguageModel, Positions, Run, Tokenizer, unwatched};

use super::EngineError;
use super::generate::{Generated, PromptRead, Request};
use super::growing::{Growing, Observe, StepDetail};

/// Steps between two sweeps of the cache; meanwhile k − 1 slots a step hold candidates that were not chosen.
const SWEEP_EVERY: usize = 16;

/// Generates one sequence after a prompt that was read, and shows every step to `observe`. Of the request's strategy only the
/// chain that it uses counts. From time to time all that the model has read is freed, except for prompt and sequence.
///
/// # Errors
/// A model that gives no hidden states, a chain that leaves no token, what the model refuses, or [`EngineError::Interrupted`]
/// when `observe` breaks.
pub fn generate_contrastive(
    model: &mut dyn LanguageModel,
    tokenizer: &dyn Tokenizer,
    prompt: &PromptRead,
    request: &Request<'_>,
    settings: ContrastiveSettings,
    observe: &mut Observe<'_>,
) -> Result<Generated, EngineError> {
    if prompt.hidden.len() != request.prompt.len() {
        return Err(EngineError::Request(format!(
            "contrastive search compares hidden states, and {} has none: use a model with weights, or another strategy",
            model.info().name
        )));
    }
    let mut seen = SeenStates::default();
    prompt.hidden.iter().for_each(|state| seen.push(Arc::clone(state)));
    let mut growing = Growing::new(model.info(), tokenizer, request)?;
    let (mut node, mut logits) = (prompt.end, Arc::clone(&prompt.logits));
    while growing.finish().is_none() {
        let analysis = growing.analyse(&logits)?;
        let ids = candidates(&analysis, settings.top_k);
        let mut read = read_candidates(model, node, ids)?;
        let states = ids.iter().zip(&read).map(|(&id, read)| (id, analysis.sampling_prob(id), &*read.hidden));
        let step = ContrastiveStep::decide(settings.penalty_alpha, &seen, &states.collect::<Vec<_>>());
        let step = step.ok_or_else(nothing)?;
        let choice = Choice { token: ids[step.chosen], draw: None };
        growing.take(&analysis, choice, StepDetail::Contrastive(&step), observe)?;
        let chosen = read.swap_remove(step.chosen);
        (node, logits) = (chosen.node, chosen.logits);
        seen.push(chosen.hidden);
        if growing.step().is_multiple_of(SWEEP_EVERY) {
            model.retain(&[prompt.end, node]);
        }
    }
    Ok(growing.finished())
}

/// What the model gave for a candidate.
struct ReadCandidate {
    node: CacheNode,
    logits: Arc<[f32]>,
    hidden: Arc<[f32]>,
}

fn read_candidates(
    model: &mut dyn LanguageModel,
    after: CacheNode,
    ids: &[TokenId],
) -> Result<Vec<ReadCandidate>, EngineError> {
    let runs: Vec<Run<'_>> =
        ids.chunks(1).map(|tokens| Run { after: Some(after), tokens, logits: Positions::Last }).collect();
    let outputs = model.forward(&runs, &mut unwatched).map_err(EngineError::from_model)?;
    let read = outputs.into_iter().map(|output| {
        let (node, logits) = output.nodes.last().copied().zip(output.logits.into_iter().last())?;
        Some(ReadCandidate { node, logits, hidden: output.hidden.into_iter().last()? })
    });
    read.collect::<Option<_>>().ok_or_else(nothing)
}

fn nothing() -> EngineError {
    EngineError::Request("the model gave no logits, or no hidden state".into())
}
