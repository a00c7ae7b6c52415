//! A recorded trace in the place of a model: it answers what was written down, and changes nothing.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::decode::{Analysis, Chain, Draw, RecordedToken, StageTrace, TokenId, processor};
use crate::model::{ModelError, ModelInfo, SpecialTokens, StoredType, TokenPiece, Tokenizer};
use crate::session::NodeId;
use crate::session::trace::{Finish, Prompt, Step, Token, Trace};

use super::evaluator::TokenScore;
use super::worker::{Command, Event};

/// More tokens than any vocabulary has: a trace that names such an id was tampered with.
const MOST_TOKENS: usize = 1 << 22;

/// The first text of a trace, step by step.
pub struct Recording {
    prompt: Prompt,
    steps: Vec<Step>,
    texts: u64,
    info: ModelInfo,
    settings: Map<String, Value>,
    tokenizer: Arc<Recorded>,
}

/// The tokens that a trace names.
struct Recorded {
    pieces: HashMap<TokenId, TokenPiece>,
    other: TokenPiece,
    prompt: Vec<TokenId>,
    vocab_size: usize,
}

impl Tokenizer for Recorded {
    /// The prompt that was recorded, whatever the text.
    fn encode(&self, _: &str, _: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
        Ok(self.prompt.clone())
    }

    fn piece(&self, id: TokenId) -> &TokenPiece {
        self.pieces.get(&id).unwrap_or(&self.other)
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }
}

impl Recording {
    /// The first text of a trace.
    ///
    /// # Errors
    /// A beam search, a trace without prompt or steps, or one whose token ids no vocabulary has: one line.
    pub fn new(trace: Trace) -> Result<Self, String> {
        let Trace { header, steps, beam_steps, end } = trace;
        if steps.is_empty() && !beam_steps.is_empty() {
            return Err("a beam search does not open in the interface yet: give --format text".into());
        }
        let texts = 1 + steps.iter().map(|step| step.sequence).max().unwrap_or(0);
        let steps: Vec<Step> = steps.into_iter().filter(|step| step.sequence == 0).collect();
        if steps.is_empty() || header.prompt.tokens.is_empty() {
            return Err("there is no step in it to look at".into());
        }
        let listed = steps.iter().flat_map(|step| {
            std::iter::once(&step.chosen.token).chain(step.candidates.iter().map(|candidate| &candidate.token))
        });
        let prompt = header.prompt.tokens.iter().map(|token| &token.token);
        let pieces: HashMap<TokenId, TokenPiece> = prompt.chain(listed).map(|token| (token.id, piece(token))).collect();
        let highest = pieces.keys().copied().max().unwrap_or(0) as usize;
        let named = header.model.get("vocab_size").and_then(Value::as_u64).unwrap_or(0) as usize;
        if highest >= MOST_TOKENS || named > MOST_TOKENS {
            let most = highest.max(named);
            return Err(format!("it names {most} tokens; no vocabulary has more than {MOST_TOKENS}"));
        }
        let vocab_size = named.max(highest + 1);
        let ended = end.as_ref().and_then(|end| end.sequences.first()).and_then(|first| first.finish_reason);
        let end_id = steps.last().filter(|_| ended == Some(Finish::Eos)).map(|step| step.chosen.token.id);
        let tokenizer = Recorded {
            pieces,
            other: piece(&Token { id: 0, text: "?".into(), bytes: Vec::new() }),
            prompt: header.prompt.tokens.iter().map(|token| token.token.id).collect(),
            vocab_size,
        };
        let info = info(&header.model, vocab_size, end_id);
        Ok(Self {
            prompt: header.prompt,
            steps,
            texts,
            info,
            settings: header.settings,
            tokenizer: Arc::new(tokenizer),
        })
    }

    /// The prompt, as it was given.
    #[must_use]
    pub fn prompt(&self) -> &str {
        &self.prompt.text
    }

    /// How many steps there are.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// How many texts were drawn from the prompt.
    #[must_use]
    pub fn texts(&self) -> u64 {
        self.texts
    }

    /// Whether anything was drawn.
    #[must_use]
    pub fn was_drawn(&self) -> bool {
        self.steps.iter().any(|step| step.draw.is_some())
    }

    /// The chain that it was recorded with, as far as this program knows it.
    #[must_use]
    pub fn chain(&self) -> Chain {
        let text = self.settings.get("chain").and_then(Value::as_str).unwrap_or_default();
        Chain::parse(text).unwrap_or_default()
    }

    /// The token of a step, and the draw that chose it, where there was one.
    #[must_use]
    pub fn chosen(&self, step: usize, analysis: &Analysis) -> Option<(TokenId, Option<Draw>)> {
        let step = self.steps.get(step)?;
        let id = step.chosen.token.id;
        let draw = step.draw.map(|u| analysis.draw(u)).filter(|draw| draw.token == id);
        Some((id, draw))
    }

    /// Answers in the place of an engine.
    #[must_use]
    pub fn answer(&self, command: Command) -> Option<Event> {
        Some(match command {
            Command::Prompt { epoch, .. } => Event::Prompted { epoch, tokens: self.tokenizer.prompt.clone() },
            Command::Evaluate { epoch, path } => {
                let &(node, _) = path.last()?;
                let took = std::time::Duration::ZERO;
                Event::Evaluated { epoch, node, logits: Arc::new([]), scores: self.scores(&path), took }
            }
            Command::Analyse(question) => {
                let step = question.history.len().checked_sub(question.prompt_length)?;
                let (epoch, node) = (question.epoch, question.node);
                Event::Analysed { epoch, node, analysis: Arc::new(self.analysis(step)?) }
            }
            Command::Job { job: None, .. } | Command::Cancel => return None,
            Command::Job { epoch, lane, serial, .. } => {
                let message = "a recording has no model to ask: open one to see this".into();
                Event::JobFailed { epoch, lane, serial, message }
            }
        })
    }

    /// What an engine tells first.
    #[must_use]
    pub fn opened(&self) -> Event {
        Event::Opened { info: self.info.clone(), tokenizer: Arc::clone(&self.tokenizer) as Arc<dyn Tokenizer> }
    }

    fn scores(&self, path: &[(NodeId, TokenId)]) -> Vec<(NodeId, TokenScore)> {
        let tokens = path.iter().zip(&self.prompt.tokens);
        let score = |((node, _), token): (&(NodeId, TokenId), &crate::session::trace::PromptToken)| {
            let logprob = token.logprob.unwrap_or(f64::NEG_INFINITY);
            Some((*node, TokenScore { logprob, rank: token.rank? }))
        };
        tokens.filter_map(score).collect()
    }

    fn analysis(&self, step: usize) -> Option<Analysis> {
        let step = self.steps.get(step)?;
        let stages = stages(step);
        let infinite = |x: Option<f64>| x.unwrap_or(f64::NEG_INFINITY);
        let token = |candidate: &crate::session::trace::Candidate| RecordedToken {
            id: candidate.token.id,
            logit: candidate.logit,
            logprob: infinite(candidate.logprob),
            sampling_logprob: candidate.sampling_prob.ln(),
            removed_by: candidate
                .removed_by
                .as_ref()
                .and_then(|name| stages.iter().position(|stage| stage.name == name.as_str())),
        };
        let tokens: Vec<_> = step.candidates.iter().map(token).collect();
        let entropies = (step.entropy.unwrap_or(0.0), step.sampling_entropy.unwrap_or(0.0));
        Some(Analysis::recorded(self.tokenizer.vocab_size, &tokens, entropies, stages))
    }
}

fn piece(token: &Token) -> TokenPiece {
    let (text, piece, bytes) = (token.text.clone(), token.text.clone(), token.bytes.clone());
    TokenPiece { id: token.id, text, piece, special: bytes.is_empty(), bytes }
}

fn info(model: &Map<String, Value>, vocab_size: usize, end_id: Option<TokenId>) -> ModelInfo {
    let text = |name: &str| model.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
    let number = |name: &str| model.get(name).and_then(Value::as_u64);
    let ends = model.get("eos_token_ids").and_then(Value::as_array).into_iter().flatten();
    let ends = ends.filter_map(|id| Some(id.as_u64()? as TokenId)).chain(end_id);
    let dtypes = [StoredType::F32, StoredType::Bf16, StoredType::F16];
    ModelInfo {
        name: format!("recording of {}", text("name")),
        architecture: text("architecture"),
        vocab_size,
        context_length: number("context_length").map_or(usize::MAX, |length| length as usize),
        dtype: dtypes.into_iter().find(|dtype| dtype.name() == text("dtype")).unwrap_or(StoredType::F32),
        device: text("device"),
        eos_token_ids: ends.collect(),
        never_chosen: Vec::new(),
        parameters: number("parameters").unwrap_or(0),
        shape: None,
    }
}

fn stages(step: &Step) -> Vec<StageTrace> {
    let mut entropy_before = step.entropy.unwrap_or(0.0);
    let mut stages = Vec::with_capacity(step.stages.len());
    for stage in &step.stages {
        let name = stage.stage.split('=').next().unwrap_or_default();
        let entropy = stage.entropy.unwrap_or(0.0);
        stages.push(StageTrace {
            name: processor(name).map_or("unknown", |row| row.name),
            label: stage.stage.clone(),
            kept: stage.kept,
            removed: stage.removed,
            removed_mass: stage.removed_mass.unwrap_or(0.0),
            entropy_before,
            entropy,
            limit: None,
        });
        entropy_before = entropy;
    }
    stages
}
