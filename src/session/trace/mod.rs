//! The trace of a run as `run --format jsonl` writes it: one record a line, which need no model to be read.
//!
//! Minus infinity is `null`. Fields that are not named here are skipped, so that later versions may add some. What is read and
//! written again is the same text.
//!
//! ```
//! use logitscope::session::trace::{Record, read};
//!
//! let text = r#"{"type":"header","format":"logitscope.trace","version":1,"model":{},"settings":{"strategy":"greedy"},"prompt":{"text":"A","tokens":[]}}
//! {"type":"step","step":0,"sequence":0,"context_length":1,"chosen":{"id":5,"text":"B","bytes":[66],"logprob":-0.5,"sampling_logprob":-0.5,"rank":1},"draw":null,"entropy":0.7,"sampling_entropy":0.7,"stages":[],"candidates":[]}"#;
//! let file = read(text.as_bytes())?;
//! let trace = &file.traces[0];
//! assert_eq!(trace.steps[0].chosen.token.text, "B");
//! assert_eq!(trace.sequences()[0].sum_logprob, Some(-0.5));
//! assert_eq!(file.warnings, ["trace 1 has no end: it is cut off after 1 steps"]);
//!
//! let line = serde_json::to_string(&Record::Step(trace.steps[0].clone()))?;
//! assert_eq!(Some(&*line), text.lines().nth(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod read;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::decode::TokenId;

pub use read::{TraceError, read};

/// The name of the format, in every header.
pub const FORMAT: &str = "logitscope.trace";
/// The version of the format that is read.
pub const VERSION: u64 = 1;

/// All that was read from a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceFile {
    /// One for each prompt, in the order of the file; at least one.
    pub traces: Vec<Trace>,
    /// What is missing, in words.
    pub warnings: Vec<String>,
}

/// The trace of one prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// What ran.
    pub header: Header,
    /// Every token, of one sequence after the other.
    pub steps: Vec<Step>,
    /// Every step of a beam search.
    pub beam_steps: Vec<BeamStep>,
    /// What came out; `None` where the trace is cut off.
    pub end: Option<End>,
}

/// A line of the trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// Once, first.
    Header(Header),
    /// One for each token.
    Step(Step),
    /// One for each step of a beam search.
    BeamStep(BeamStep),
    /// Once, last.
    End(End),
}

/// What ran: the first record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u64,
    /// What the model said of itself.
    pub model: Map<String, Value>,
    /// The resolved options.
    pub settings: Map<String, Value>,
    /// The prompt.
    pub prompt: Prompt,
}

/// The prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// As the model read it.
    pub text: String,
    /// As it was typed, where a chat template has made the text of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// As the tokenizer cut it.
    pub tokens: Vec<PromptToken>,
}

/// A token without figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its name.
    pub text: String,
    /// Its part of the text; a special token has none.
    pub bytes: Vec<u8>,
}

/// A token of the prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptToken {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// log p under the model, in nats; `None` for the first of all and for minus infinity.
    pub logprob: Option<f64>,
    /// Its rank, from 1; `None` for the first of all.
    pub rank: Option<usize>,
}

/// A token of the output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputToken {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// log p under the model alone, in nats; `None` for minus infinity.
    pub logprob: Option<f64>,
    /// log p that it was chosen with, in nats; `None` for minus infinity.
    pub sampling_logprob: Option<f64>,
    /// Its rank under the model alone, from 1.
    pub rank: usize,
}

/// The choice of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The number of the token in its sequence, from 0.
    pub step: usize,
    /// The number of the sequence, from 0.
    #[serde(default)]
    pub sequence: u64,
    /// Tokens that the model had before it.
    pub context_length: usize,
    /// The token.
    pub chosen: OutputToken,
    /// The number in [0, 1) that chose it; `None` where nothing was drawn.
    pub draw: Option<f64>,
    /// Entropy of the model's own distribution, in nats; `None` where it is not known.
    pub entropy: Option<f64>,
    /// Entropy after the chain, in nats; `None` where it is not known.
    pub sampling_entropy: Option<f64>,
    /// What each stage of the chain did.
    pub stages: Vec<Stage>,
    /// p of all tokens together that the model does not list; `None` where it lists every token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest_mass: Option<f64>,
    /// The tokens that were listed.
    pub candidates: Vec<Candidate>,
    /// What was drafted, in speculative decoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speculative: Option<Speculative>,
    /// The candidates that were compared, in contrastive search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrastive: Option<Contrastive>,
}

/// What contrastive search compared at a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrastive {
    /// What the similarity counts, from 0 to 1.
    pub penalty_alpha: f64,
    /// The most probable first.
    pub candidates: Vec<ContrastiveCandidate>,
}

/// A token that contrastive search looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContrastiveCandidate {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// p after the chain.
    pub prob: f64,
    /// The highest cosine between its hidden state and any before it, from −1 to 1.
    pub max_similarity: f64,
    /// What the highest of was chosen.
    pub score: f64,
}

/// What was drafted at a step, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speculative {
    /// The pass of the target that decided, from 0.
    pub round: usize,
    /// What was decided.
    pub verdict: Verdict,
    /// The token; `None` for one that the target added of its own.
    pub drafted: Option<Token>,
    /// Its probability under the draft model, after the chain.
    pub draft_prob: Option<f64>,
    /// Its probability under the target, after the chain.
    pub target_prob: Option<f64>,
    /// The probability that it is accepted.
    pub acceptance: Option<f64>,
    /// The number in [0, 1) that decided; `None` where nothing was drawn.
    pub u: Option<f64>,
}

/// What became of a drafted token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is the next token.
    Accepted,
    /// Another one is.
    Rejected,
    /// None was drafted: all before it were accepted.
    Bonus,
}

/// What a stage of the chain did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Name and value, as in `top_k=40`.
    pub stage: String,
    /// Tokens left after it.
    pub kept: usize,
    /// Tokens that it removed.
    pub removed: usize,
    /// Probability of what it removed, of what entered it, normalized.
    pub removed_mass: Option<f64>,
    /// Entropy after it, in nats.
    pub entropy: Option<f64>,
    /// Whether it may have had to keep tokens that the model does not list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reaches_rest: bool,
}

/// One of the tokens that a step lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// The untouched logit; `None` for minus infinity, or where it is not known.
    pub logit: Option<f64>,
    /// log p under the model alone, in nats; `None` for minus infinity.
    pub logprob: Option<f64>,
    /// p under the model alone.
    pub prob: f64,
    /// p after the chain.
    pub sampling_prob: f64,
    /// The processor that removed it.
    pub removed_by: Option<String>,
}

/// A step of a beam search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeamStep {
    /// Its number, from 0.
    pub step: usize,
    /// Tokens that the model had before it.
    #[serde(default)]
    pub context_length: usize,
    /// The beams that run on and the hypotheses that finished.
    pub beams: Vec<Beam>,
    /// What was looked at and dropped.
    pub pruned: Vec<Beam>,
    /// Hypotheses of earlier steps that better ones displaced, as nodes.
    #[serde(default)]
    pub evicted: Vec<usize>,
    /// Beams of the step before that nothing came of, as nodes.
    #[serde(default)]
    pub abandoned: Vec<usize>,
    /// What each group compared to know whether it may stop.
    #[serde(default)]
    pub stopping: Vec<Bound>,
}

/// A continuation of a beam.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beam {
    /// Unique in the trace.
    pub node: usize,
    /// The node that it continues; `None` at the first step.
    pub parent: Option<usize>,
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// log p of the token under the model alone, in nats; `None` for minus infinity.
    pub logprob: Option<f64>,
    /// What the search added for it, in nats; `None` for minus infinity.
    pub sampling_logprob: Option<f64>,
    /// Sum of `logprob` from the prompt on, in nats.
    pub sum_logprob: Option<f64>,
    /// What the search ranks by, in nats.
    pub sum_sampling_logprob: Option<f64>,
    /// Generated tokens.
    pub length: usize,
    /// The normalized sum.
    pub score: Option<f64>,
    /// What became of it.
    pub status: Status,
    /// Why the sequence ended, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<Finish>,
    /// Why it was dropped, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number in [0, 1) that drew it, in beam sampling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw: Option<f64>,
    /// Its group, from 0.
    #[serde(default)]
    pub group: usize,
}

/// What became of a beam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It runs on.
    Running,
    /// It is a hypothesis.
    Finished,
    /// It was dropped.
    Pruned,
}

/// Why a sequence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// With an end token.
    Eos,
    /// At the length asked for, or at the end of the context.
    Length,
    /// At a stop string.
    Stop,
}

/// What a group of beams compared to know whether it may stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The group, from 0.
    pub group: usize,
    /// Finished hypotheses.
    pub finished: usize,
    /// How many it keeps.
    pub needed: usize,
    /// The best score that a running beam can still reach.
    pub attainable: Option<f64>,
    /// The worst finished score.
    pub worst_finished: Option<f64>,
    /// Why it stopped, where it did.
    pub stop: Option<String>,
}

/// What came out: the last record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Best first.
    pub sequences: Vec<Sequence>,
    /// What some strategies add, such as the proof of an exact search.
    #[serde(flatten)]
    pub more: Map<String, Value>,
    /// Where the time went.
    pub timing: Timing,
}

/// A finished sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// Without the end token and the stop string.
    pub text: String,
    /// All of its tokens.
    pub tokens: Vec<OutputToken>,
    /// Sum of log p under the model alone, in nats; `None` for minus infinity.
    pub sum_logprob: Option<f64>,
    /// What sequences are ranked by; `None` for minus infinity.
    pub score: Option<f64>,
    /// Number of tokens.
    pub length: usize,
    /// Why it ended; `None` where the trace is cut off before it did.
    pub finish_reason: Option<Finish>,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Reading the prompt, in seconds.
    pub prefill_seconds: f64,
    /// Tokens generated, of all sequences.
    pub new_tokens: usize,
    /// Everything after the prompt, in seconds.
    pub decode_seconds: f64,
    /// Generated tokens in a second.
    pub tokens_per_second: f64,
}

impl Trace {
    /// The sequences: as the end has them, else as far as the steps go. A beam search that is cut off has none.
    #[must_use]
    pub fn sequences(&self) -> Vec<Sequence> {
        if let Some(end) = &self.end {
            return end.sequences.clone();
        }
        let same = |a: &Step, b: &Step| a.sequence == b.sequence;
        self.steps.chunk_by(same).map(unfinished).collect()
    }
}

/// What is there of a sequence whose end is missing.
fn unfinished(steps: &[Step]) -> Sequence {
    let bytes: Vec<u8> = steps.iter().flat_map(|step| step.chosen.token.bytes.iter().copied()).collect();
    let sum = steps.iter().map(|step| step.chosen.logprob).sum::<Option<f64>>();
    Sequence {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        tokens: steps.iter().map(|step| step.chosen.clone()).collect(),
        sum_logprob: sum,
        score: sum,
        length: steps.len(),
        finish_reason: None,
    }
}
