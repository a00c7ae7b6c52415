//! The JSON documents, as other programs read them. Minus infinity is `null`.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::decode::beam::EarlyStopping;
use crate::decode::strategy::StrategyKind;
use crate::decode::{Analysis, PROCESSORS, StageTrace, TokenId};
use crate::engine::{FinishReason, Generated, GeneratedToken, Step, Timing, TokenScore, Verification};
use crate::model::{ModelInfo, Tokenizer};

use super::beams::BeamStepRecord;
use super::detail::{Detail, Outcome};
use super::run::RunSettings;
use super::samples::Samples;

/// A number, or nothing where it is infinite: JSON has no infinities.
pub(super) fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

/// A token without figures.
#[derive(Serialize)]
pub(super) struct TokenText {
    id: TokenId,
    text: String,
    bytes: Vec<u8>,
}

impl TokenText {
    pub(super) fn of(id: TokenId, tokenizer: &dyn Tokenizer) -> Self {
        let piece = tokenizer.piece(id);
        Self { id, text: piece.text.clone(), bytes: piece.bytes.clone() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn id(&self) -> TokenId {
        self.id
    }
}

/// A token of the prompt.
#[derive(Serialize)]
pub(super) struct PromptToken {
    #[serde(flatten)]
    token: TokenText,
    logprob: Option<f64>,
    rank: Option<usize>,
}

/// The prompt.
#[derive(Serialize)]
pub(super) struct Prompt {
    text: String,
    tokens: Vec<PromptToken>,
}

impl Prompt {
    pub(super) fn new(text: &str, ids: &[TokenId], scores: &[Option<TokenScore>], tokenizer: &dyn Tokenizer) -> Self {
        let token = |(&id, score): (&TokenId, &Option<TokenScore>)| PromptToken {
            token: TokenText::of(id, tokenizer),
            logprob: score.and_then(|score| finite(score.logprob)),
            rank: score.map(|score| score.rank),
        };
        Self { text: text.into(), tokens: ids.iter().zip(scores).map(token).collect() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// A token of the output.
#[derive(Serialize)]
pub(super) struct OutputToken {
    #[serde(flatten)]
    token: TokenText,
    logprob: Option<f64>,
    sampling_logprob: Option<f64>,
    rank: usize,
}

impl OutputToken {
    pub(super) fn new(token: &GeneratedToken, tokenizer: &dyn Tokenizer) -> Self {
        Self {
            token: TokenText::of(token.id, tokenizer),
            logprob: finite(token.logprob),
            sampling_logprob: finite(token.sampling_logprob),
            rank: token.rank,
        }
    }
}

/// A finished sequence.
#[derive(Serialize)]
pub(super) struct Sequence {
    text: String,
    tokens: Vec<OutputToken>,
    sum_logprob: Option<f64>,
    score: Option<f64>,
    length: usize,
    finish_reason: FinishReason,
}

impl Sequence {
    pub(super) fn new(sequence: &Generated, tokenizer: &dyn Tokenizer) -> Self {
        Self {
            text: sequence.text.clone(),
            tokens: sequence.tokens.iter().map(|token| OutputToken::new(token, tokenizer)).collect(),
            sum_logprob: finite(sequence.sum_logprob),
            score: finite(sequence.score),
            length: sequence.tokens.len(),
            finish_reason: sequence.finish_reason,
        }
    }
}

/// Where the time went.
#[derive(Serialize)]
pub(super) struct TimingDocument {
    prompt_tokens: usize,
    prefill_seconds: f64,
    new_tokens: usize,
    decode_seconds: f64,
    tokens_per_second: f64,
}

impl TimingDocument {
    pub(super) fn new(prompt_tokens: usize, timing: Timing) -> Self {
        let seconds = timing.decode.as_secs_f64();
        Self {
            prompt_tokens,
            prefill_seconds: timing.prefill.as_secs_f64(),
            new_tokens: timing.new_tokens,
            decode_seconds: seconds,
            tokens_per_second: if seconds > 0.0 { timing.new_tokens as f64 / seconds } else { 0.0 },
        }
    }
}

/// `run --format json`.
#[derive(Serialize)]
pub(super) struct RunDocument<'a> {
    pub(super) format: &'static str,
    pub(super) version: u32,
    pub(super) model: &'a ModelInfo,
    pub(super) settings: &'a Map<String, Value>,
    pub(super) prompt: Prompt,
    pub(super) sequences: Vec<Sequence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) samples: Option<Samples>,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
    pub(super) timing: TimingDocument,
}

/// The resolved options: every option with its value, the processors by name, the chain in its order.
pub(super) fn settings(settings: &RunSettings, eos_token_ids: &[TokenId]) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| map.insert(name.into(), value);
    put("strategy", settings.strategy.name.into());
    put("max_new_tokens", settings.max_new_tokens.into());
    put("min_new_tokens", settings.min_new_tokens.into());
    put("num_return_sequences", settings.sequences.into());
    for row in PROCESSORS {
        if let Some(stage) = settings.chain.stages().iter().find(|stage| stage.row().name == row.name) {
            put(row.name, value_json(stage.value()));
        }
    }
    if settings.chain.guidance().is_some() {
        put("negative_prompt", settings.negative_prompt.clone().into());
    }
    if matches!(settings.strategy.kind, StrategyKind::Exact) {
        put("budget", settings.budget.into());
    }
    if let Some(contrastive) = &settings.contrastive {
        put("penalty_alpha", contrastive.penalty_alpha.into());
        put("top_k", contrastive.top_k.into());
    }
    if let Some(speculation) = &settings.speculation {
        put("num_assistant_tokens", speculation.assistant_tokens.into());
        let sampled = matches!(speculation.verification, Verification::Sampled { .. });
        put("do_sample", sampled.into());
    }
    if let Some(beams) = &settings.beams {
        put("num_beams", beams.beams.into());
        put("length_penalty", beams.length_penalty.into());
        put("length_norm", beams.length_norm.name().into());
        put("early_stopping", early_stopping_json(beams.early_stopping));
        put("num_beam_groups", beams.groups.into());
        put("diversity_penalty", beams.diversity_penalty.into());
    }
    put("stop", settings.stop.clone().into());
    put("eos_token_ids", eos_token_ids.into());
    put("chain", settings.chain.to_string().into());
    put("seed", settings.seed.into());
    map
}

/// As transformers writes it: a truth value, or the word.
fn early_stopping_json(early_stopping: EarlyStopping) -> Value {
    match early_stopping {
        EarlyStopping::True => true.into(),
        EarlyStopping::False => false.into(),
        EarlyStopping::Never => early_stopping.name().into(),
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

/// A stage of the chain.
#[derive(Serialize)]
pub(super) struct StageRecord {
    stage: String,
    kept: usize,
    removed: usize,
    removed_mass: f64,
    entropy: f64,
}

impl StageRecord {
    pub(super) fn all(stages: &[StageTrace]) -> Vec<Self> {
        let stage = |trace: &StageTrace| Self {
            stage: trace.label.clone(),
            kept: trace.kept,
            removed: trace.removed,
            removed_mass: trace.removed_mass,
            entropy: trace.entropy,
        };
        stages.iter().map(stage).collect()
    }
}

/// One of the tokens that a step lists.
#[derive(Serialize)]
pub(super) struct Candidate {
    #[serde(flatten)]
    token: TokenText,
    logit: Option<f64>,
    logprob: Option<f64>,
    prob: f64,
    sampling_prob: f64,
    removed_by: Option<&'static str>,
}

impl Candidate {
    fn new(id: TokenId, analysis: &Analysis, tokenizer: &dyn Tokenizer) -> Self {
        let model = analysis.model();
        Self {
            token: TokenText::of(id, tokenizer),
            logit: finite(model.logit(id)),
            logprob: finite(model.logprob(id)),
            prob: model.prob(id),
            sampling_prob: analysis.sampling_prob(id),
            removed_by: removed_by(id, analysis),
        }
    }
}

/// The name of the processor that removed a token.
pub(super) fn removed_by(id: TokenId, analysis: &Analysis) -> Option<&'static str> {
    analysis.removal(id).and_then(|removal| Some(analysis.stages().get(removal.stage)?.name))
}

/// A record of the trace.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Record<'a> {
    /// Once, first.
    Header {
        format: &'static str,
        version: u32,
        model: &'a ModelInfo,
        settings: &'a Map<String, Value>,
        prompt: &'a Prompt,
    },
    /// One for each token.
    Step {
        step: usize,
        sequence: u64,
        context_length: usize,
        chosen: OutputToken,
        draw: Option<f64>,
        entropy: f64,
        sampling_entropy: f64,
        stages: Vec<StageRecord>,
        candidates: Vec<Candidate>,
        #[serde(flatten)]
        detail: Detail,
    },
    /// One for each step of a beam search.
    BeamStep(BeamStepRecord),
    /// Once, last.
    End {
        sequences: &'a [Sequence],
        #[serde(skip_serializing_if = "Option::is_none")]
        samples: Option<Samples>,
        #[serde(flatten)]
        outcome: Outcome,
        timing: TimingDocument,
    },
}

impl Record<'_> {
    /// A step with its `top` most probable tokens under the model, and the chosen one.
    pub(super) fn step(step: &Step<'_>, top: usize, tokenizer: &dyn Tokenizer) -> Self {
        let analysis = step.analysis;
        let mut listed = analysis.model().top(top);
        if !listed.contains(&step.token.id) {
            listed.push(step.token.id);
        }
        Self::Step {
            step: step.step,
            sequence: step.sequence,
            context_length: step.context_length,
            chosen: OutputToken::new(&step.token, tokenizer),
            draw: step.choice.draw.map(|draw| draw.u),
            entropy: analysis.model().entropy(),
            sampling_entropy: analysis.sampling_entropy(),
            stages: StageRecord::all(analysis.stages()),
            candidates: listed.into_iter().map(|id| Candidate::new(id, analysis, tokenizer)).collect(),
            detail: Detail::new(step.detail, tokenizer),
        }
    }
}
