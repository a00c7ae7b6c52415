//! What was done, as the records of a trace: the one place that fills them in, for everything that writes them.

use serde_json::{Map, Value};

use crate::decode::beam::{BeamCandidate, BeamNode, BeamStop, Ending, StoppingBound, Verdict};
use crate::decode::contrastive::{self, ContrastiveStep};
use crate::decode::speculative::{self, Proposal};
use crate::decode::{Analysis, Chain, PROCESSORS, StageTrace, TokenId};
use crate::model::{ModelInfo, Tokenizer};
use crate::session::trace::{
    self, Beam, BeamStep, Bound, Candidate, Contrastive, Finish, Header, OutputToken, Prompt, PromptToken, Sequence,
    Speculative, Stage, Status, Token,
};

use super::beam::ObservedBeams;
use super::evaluator::TokenScore;
use super::generate::{FinishReason, Generated, GeneratedToken, Timing};
use super::growing::{Step, StepDetail, finished};

/// A number, or nothing where it is infinite: JSON has no infinities.
#[must_use]
pub fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

/// A token without figures.
#[must_use]
pub fn token(id: TokenId, tokenizer: &dyn Tokenizer) -> Token {
    let piece = tokenizer.piece(id);
    Token { id, text: piece.text.clone(), bytes: piece.bytes.clone() }
}

/// A prompt with a score for each of its tokens.
#[must_use]
pub fn prompt(text: &str, ids: &[TokenId], scores: &[Option<TokenScore>], tokenizer: &dyn Tokenizer) -> Prompt {
    let token = |(&id, score): (&TokenId, &Option<TokenScore>)| PromptToken {
        token: token(id, tokenizer),
        logprob: score.and_then(|score| finite(score.logprob)),
        rank: score.and_then(|score| score.rank),
    };
    Prompt { text: text.into(), chat: None, tokens: ids.iter().zip(scores).map(token).collect() }
}

/// The first record of a trace.
#[must_use]
pub fn header(info: &ModelInfo, settings: &Map<String, Value>, prompt: Prompt) -> Header {
    let model = match serde_json::to_value(info) {
        Ok(Value::Object(model)) => model,
        _ => Map::new(),
    };
    Header { format: trace::FORMAT.into(), version: trace::VERSION, model, settings: settings.clone(), prompt }
}

/// The resolved options of a run.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// The name of the strategy.
    pub strategy: &'a str,
    /// The most tokens to generate.
    pub max_new_tokens: usize,
    /// Tokens before which no end token is allowed.
    pub min_new_tokens: usize,
    /// Sequences asked for.
    pub sequences: u64,
    /// The processors, in order.
    pub chain: &'a Chain,
    /// What only some strategies have, such as the width of a search.
    pub more: Map<String, Value>,
    /// Texts that end the text.
    pub stop: &'a [String],
    /// Ids that end the text.
    pub eos_token_ids: &'a [TokenId],
    /// The seed of the draws.
    pub seed: u64,
}

impl Settings<'_> {
    /// Every option with its value, the processors by name, and the chain in its order.
    #[must_use]
    pub fn map(&self) -> Map<String, Value> {
        let mut map = Map::new();
        let mut put = |name: &str, value: Value| map.insert(name.into(), value);
        put("strategy", self.strategy.into());
        put("max_new_tokens", self.max_new_tokens.into());
        put("min_new_tokens", self.min_new_tokens.into());
        put("num_return_sequences", self.sequences.into());
        for row in PROCESSORS {
            if let Some(stage) = self.chain.stages().iter().find(|stage| stage.row().name == row.name) {
                put(row.name, value_json(stage.value()));
            }
        }
        for (name, value) in &self.more {
            put(name, value.clone());
        }
        put("stop", self.stop.into());
        put("eos_token_ids", self.eos_token_ids.into());
        put("chain", self.chain.to_string().into());
        put("seed", self.seed.into());
        map
    }
}

fn value_json(value: &crate::decode::Value) -> Value {
    match value {
        crate::decode::Value::Number(number) => (*number).into(),
        crate::decode::Value::Count(count) => (*count).into(),
        crate::decode::Value::Text(text) => text.clone().into(),
        crate::decode::Value::Ids(ids) => ids.clone().into(),
        crate::decode::Value::Fields(numbers) => numbers.clone().into(),
        crate::decode::Value::Bias(biases) => {
            biases.iter().map(|(id, bias)| (id.to_string(), finite(*bias).into())).collect::<Map<_, _>>().into()
        }
    }
}

/// A token of the output.
#[must_use]
pub fn output_token(generated: &GeneratedToken, tokenizer: &dyn Tokenizer) -> OutputToken {
    OutputToken {
        token: token(generated.id, tokenizer),
        logprob: finite(generated.logprob),
        sampling_logprob: finite(generated.sampling_logprob),
        rank: generated.rank,
    }
}

impl From<FinishReason> for Finish {
    fn from(reason: FinishReason) -> Self {
        match reason {
            FinishReason::Eos => Self::Eos,
            FinishReason::Length => Self::Length,
            FinishReason::Stop => Self::Stop,
        }
    }
}

/// A finished sequence.
#[must_use]
pub fn sequence(generated: &Generated, tokenizer: &dyn Tokenizer) -> Sequence {
    Sequence {
        text: generated.text.clone(),
        tokens: generated.tokens.iter().map(|token| output_token(token, tokenizer)).collect(),
        sum_logprob: finite(generated.sum_logprob),
        score: finite(generated.score),
        length: generated.tokens.len(),
        finish_reason: Some(generated.finish_reason.into()),
    }
}

/// A path of a session as a sequence.
#[must_use]
pub fn path(tokens: Vec<GeneratedToken>, ends: &[TokenId], tokenizer: &dyn Tokenizer) -> Sequence {
    let ended = tokens.last().is_some_and(|token| ends.contains(&token.id));
    let reason = if ended { FinishReason::Eos } else { FinishReason::Length };
    sequence(&finished(tokenizer, tokens, reason, None), tokenizer)
}

/// Where the time went.
#[must_use]
pub fn timing(prompt_tokens: usize, timing: Timing) -> trace::Timing {
    let seconds = timing.decode.as_secs_f64();
    trace::Timing {
        prompt_tokens,
        prefill_seconds: timing.prefill.as_secs_f64(),
        new_tokens: timing.new_tokens,
        decode_seconds: seconds,
        tokens_per_second: if seconds > 0.0 { timing.new_tokens as f64 / seconds } else { 0.0 },
    }
}

/// What each stage of a chain did.
#[must_use]
pub fn stages(stages: &[StageTrace]) -> Vec<Stage> {
    let stage = |trace: &StageTrace| Stage {
        stage: trace.label.clone(),
        kept: trace.kept,
        removed: trace.removed,
        removed_mass: Some(trace.removed_mass),
        entropy: (!trace.counts_rest).then_some(trace.entropy),
        reaches_rest: trace.reaches_rest,
    };
    stages.iter().map(stage).collect()
}

/// The name of the processor that removed a token.
#[must_use]
pub fn removed_by(id: TokenId, analysis: &Analysis) -> Option<&'static str> {
    analysis.removal(id).and_then(|removal| Some(analysis.stages().get(removal.stage)?.name))
}

/// A step with its `top` most probable tokens under the model, and the chosen one.
#[must_use]
pub fn step(step: &Step<'_>, top: usize, tokenizer: &dyn Tokenizer) -> trace::Step {
    let analysis = step.analysis;
    let mut listed = analysis.model().top(top);
    if !listed.contains(&step.token.id) {
        listed.push(step.token.id);
    }
    trace::Step {
        step: step.step,
        sequence: step.sequence,
        context_length: step.context_length,
        chosen: output_token(&step.token, tokenizer),
        draw: step.choice.draw.map(|draw| draw.u),
        entropy: analysis.model().full_entropy(),
        sampling_entropy: Some(analysis.sampling_entropy()),
        stages: stages(analysis.stages()),
        rest_mass: analysis.model().rest_mass(),
        candidates: listed.into_iter().map(|id| candidate(id, analysis, tokenizer)).collect(),
        speculative: match step.detail {
            StepDetail::Speculative(proposal) => Some(speculative(proposal, tokenizer)),
            StepDetail::Plain | StepDetail::Contrastive(_) => None,
        },
        contrastive: match step.detail {
            StepDetail::Contrastive(step) => Some(contrastive(step, tokenizer)),
            StepDetail::Plain | StepDetail::Speculative(_) => None,
        },
    }
}

/// What became of a draft.
#[must_use]
pub fn speculative(proposal: &Proposal, tokenizer: &dyn Tokenizer) -> Speculative {
    let drafted = proposal.drafted.as_ref();
    Speculative {
        round: proposal.round,
        verdict: match drafted.map(|drafted| drafted.verdict) {
            Some(speculative::Verdict::Accepted) => trace::Verdict::Accepted,
            Some(speculative::Verdict::Rejected) => trace::Verdict::Rejected,
            None => trace::Verdict::Bonus,
        },
        drafted: drafted.map(|drafted| token(drafted.token, tokenizer)),
        draft_prob: drafted.map(|drafted| drafted.draft_prob),
        target_prob: drafted.map(|drafted| drafted.target_prob),
        acceptance: drafted.map(|drafted| drafted.acceptance),
        u: drafted.and_then(|drafted| drafted.u),
    }
}

fn contrastive(step: &ContrastiveStep, tokenizer: &dyn Tokenizer) -> Contrastive {
    let candidate = |candidate: &contrastive::ContrastiveCandidate| trace::ContrastiveCandidate {
        token: token(candidate.id, tokenizer),
        prob: candidate.prob,
        max_similarity: candidate.max_similarity,
        score: candidate.score,
    };
    Contrastive { penalty_alpha: step.penalty_alpha, candidates: step.candidates.iter().map(candidate).collect() }
}

fn candidate(id: TokenId, analysis: &Analysis, tokenizer: &dyn Tokenizer) -> Candidate {
    let model = analysis.model();
    Candidate {
        token: token(id, tokenizer),
        logit: finite(model.logit(id)).filter(|_| model.rest_mass().is_none()),
        logprob: finite(model.logprob(id)),
        prob: model.prob(id),
        sampling_prob: analysis.sampling_prob(id),
        removed_by: removed_by(id, analysis).map(String::from),
    }
}

/// A step of a beam search.
#[must_use]
pub fn beam_step(observed: &ObservedBeams<'_>, tokenizer: &dyn Tokenizer) -> BeamStep {
    let step = observed.step;
    let record = |candidate| beam(candidate, tokenizer);
    BeamStep {
        step: step.step,
        context_length: observed.context_length,
        beams: step.running().into_iter().chain(step.finished()).map(record).collect(),
        pruned: step.pruned().map(|(candidate, _)| record(candidate)).collect(),
        evicted: step.evicted.iter().map(|node| node.index()).collect(),
        abandoned: step.abandoned.iter().map(|node| node.index()).collect(),
        stopping: step.bounds.iter().map(bound).collect(),
    }
}

fn beam(candidate: &BeamCandidate, tokenizer: &dyn Tokenizer) -> Beam {
    let (status, ending) = match candidate.verdict {
        Verdict::Kept => (Status::Running, None),
        Verdict::Finished(ending) => (Status::Finished, Some(ending)),
        Verdict::EndedOutside(ending) | Verdict::Outscored(ending) => (Status::Pruned, Some(ending)),
        Verdict::BelowCut => (Status::Pruned, None),
    };
    Beam {
        node: candidate.node.index(),
        parent: candidate.parent.map(BeamNode::index),
        token: token(candidate.token, tokenizer),
        logprob: finite(candidate.logprob),
        sampling_logprob: finite(candidate.sampling_logprob),
        sum_logprob: finite(candidate.sum_logprob),
        sum_sampling_logprob: finite(candidate.sum),
        length: candidate.length,
        score: finite(candidate.score),
        status,
        finish_reason: ending.map(finish),
        reason: candidate.verdict.reason().map(String::from),
        draw: candidate.draw,
        group: candidate.group,
    }
}

/// How a hypothesis ended.
#[must_use]
pub fn finish(ending: Ending) -> Finish {
    match ending {
        Ending::End => Finish::Eos,
        Ending::Stop => Finish::Stop,
        Ending::Length => Finish::Length,
    }
}

fn bound(bound: &StoppingBound) -> Bound {
    Bound {
        group: bound.group,
        finished: bound.finished,
        needed: bound.needed,
        attainable: bound.attainable.and_then(finite),
        worst_finished: bound.worst_finished.and_then(finite),
        stop: bound.stop.map(|stop| stop_name(stop).into()),
    }
}

/// Why a search is over, in words.
#[must_use]
pub fn stop_name(stop: BeamStop) -> &'static str {
    match stop {
        BeamStop::Enough => "enough have finished",
        BeamStop::NoBetter => "no running beam can get better",
        BeamStop::Length => "the last step",
        BeamStop::NothingRuns => "nothing runs on",
    }
}
