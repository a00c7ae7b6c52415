//! `run`: generates without the interface.

use std::cell::Cell;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::decode::beam::BeamSettings;
use crate::decode::strategy::{Strategy, StrategyRow};
use crate::decode::{Chain, TokenId};
use crate::engine::{
    BeamRequest, DroppedBeams, EngineError, Generated, Given, PromptRead, Request, Timing, generate, generate_beams,
    read_prompt, record, timed,
};
use crate::model::{LanguageModel, LoadedModel, ModelInfo, SpecialTokens, Tokenizer};

use super::document::settings as settings_document;
use super::exact::{ExactDocument, Ground};
use super::progress::Progress;
use super::write::{Ended, Report};
use super::{Format, HeadlessError};

/// The resolved options of a run.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// How tokens are chosen.
    pub strategy: &'static StrategyRow,
    /// The processors, in order.
    pub chain: Chain,
    /// The seed of the draws.
    pub seed: u64,
    /// At least 1.
    pub max_new_tokens: usize,
    /// Tokens before which no end token is allowed.
    pub min_new_tokens: usize,
    /// Samples drawn from the prompt, or the most sequences that a beam search returns; at least 1.
    pub sequences: u64,
    /// The most prefixes that an exact search expands.
    pub budget: usize,
    /// The options of the search, where the strategy is one.
    pub beams: Option<BeamSettings>,
    /// Texts that end the text.
    pub stop: Vec<String>,
    /// End-of-text ids in place of the model's; an empty list ignores the end.
    pub eos_token_ids: Option<Vec<TokenId>>,
    /// Whether a begin-of-text token is put before the prompt.
    pub special: SpecialTokens,
    /// How many candidates a step of the trace lists.
    pub top: usize,
}

/// Set from outside to break a run off.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Breaks off what runs.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn check(&self) -> ControlFlow<()> {
        if self.0.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What to run, and how to write it.
pub struct Job<'a> {
    /// The options.
    pub settings: &'a RunSettings,
    /// The form of the output.
    pub format: Format,
    /// Colours in text.
    pub style: super::style::Style,
    /// Breaks the run off.
    pub interrupt: &'a Interrupt,
    /// Shows how far it is.
    pub progress: &'a Progress,
}

/// Generates after each prompt and writes the results. Nothing is written for a prompt that fails.
///
/// # Errors
/// A prompt that has no token or does not fit the context (all are checked before the first is run), ids outside of the
/// vocabulary, an interruption, or output that can't be written.
pub fn run(
    loaded: &mut LoadedModel,
    prompts: &[String],
    job: &Job<'_>,
    out: &mut dyn Write,
) -> Result<(), HeadlessError> {
    let settings = job.settings;
    let eos = settings.ends(loaded.model.info())?;
    let mut encoded = Vec::with_capacity(prompts.len());
    for (index, prompt) in prompts.iter().enumerate() {
        let ids = loaded.tokenizer.encode(prompt, settings.special)?;
        let context = loaded.model.info().context_length;
        check_prompt(&ids, context).map_err(|reason| {
            HeadlessError::Input(if prompts.len() > 1 { format!("prompt {}: {reason}", index + 1) } else { reason })
        })?;
        encoded.push(ids);
    }
    let document = settings_document(settings, &eos);
    let mut report = Report::new(job.format, job.style, settings.top, settings.beams);
    for (prompt, ids) in prompts.iter().zip(&encoded) {
        let written = run_one(loaded, (prompt, ids), &eos, job, &document, &mut report)?;
        out.write_all(&written)?;
        out.flush()?;
        loaded.model.retain(&[]);
    }
    Ok(())
}

impl RunSettings {
    /// The ids that end a text: those that were asked for, else the model's.
    pub(super) fn ends(&self, info: &ModelInfo) -> Result<Vec<TokenId>, HeadlessError> {
        let ends = self.eos_token_ids.as_ref().unwrap_or(&info.eos_token_ids).clone();
        if ends.is_empty() && self.chain.stages().iter().any(|stage| stage.row().name == "regex") {
            let message = "regex: nothing ends the text where the pattern does: give --eos-token-id";
            return Err(HeadlessError::Input(message.into()));
        }
        match ends.iter().find(|&&id| id as usize >= info.vocab_size) {
            Some(id) => Err(HeadlessError::Input(format!(
                "--eos-token-id: token {id} is outside of the vocabulary of {}",
                info.vocab_size
            ))),
            None => Ok(ends),
        }
    }
}

pub(super) fn check_prompt(ids: &[TokenId], context: usize) -> Result<(), String> {
    match ids.len() {
        0 => Err("the prompt has no token: give some text, or --bos always".into()),
        n if n >= context => {
            Err(format!("the prompt has {n} tokens and leaves no room in the model's context of {context}: shorten it"))
        }
        _ => Ok(()),
    }
}

fn run_one(
    loaded: &mut LoadedModel,
    (text, ids): (&str, &[TokenId]),
    eos: &[TokenId],
    job: &Job<'_>,
    document: &serde_json::Map<String, serde_json::Value>,
    report: &mut Report,
) -> Result<Vec<u8>, HeadlessError> {
    let (model, tokenizer) = (loaded.model.as_mut(), loaded.tokenizer.as_ref());
    let mut watch = |progress: crate::model::Progress| {
        job.progress.show("reading the prompt", progress.done, progress.total);
        job.interrupt.check()
    };
    let (read, prefill) = timed(|| read_prompt(model, ids, &mut watch));
    let read = read?;
    let info = model.info().clone();
    let prompt = record::prompt(text, ids, &read.scores, tokenizer);
    report.begin(&info, document, &prompt, ids, tokenizer)?;
    let (found, decode) = timed(|| Work { model, tokenizer, read: &read, ids, eos, job, report }.done());
    let (sequences, exact) = found?;
    let new_tokens = sequences.iter().map(|sequence| sequence.tokens.len()).sum();
    let timing = Timing { prefill, decode, new_tokens };
    let prompt_tokens = ids.len();
    let ended = Ended { info: &info, settings: document, prompt, prompt_tokens, sequences: &sequences, exact, timing };
    report.end(ended, tokenizer)
}

/// What generating works with, once the prompt is read.
pub(super) struct Work<'a> {
    pub(super) model: &'a mut dyn LanguageModel,
    pub(super) tokenizer: &'a dyn Tokenizer,
    pub(super) read: &'a PromptRead,
    pub(super) ids: &'a [TokenId],
    pub(super) eos: &'a [TokenId],
    pub(super) job: &'a Job<'a>,
    pub(super) report: &'a mut Report,
}

impl Work<'_> {
    /// Does it, and gives the sequences best first.
    pub(super) fn done(mut self) -> Result<(Vec<Generated>, Option<ExactDocument>), HeadlessError> {
        let (settings, mut exact) = (self.job.settings, None);
        let sequences = match (settings.strategy.single(settings.seed), settings.beams) {
            (Some(strategy), _) => self.sequences(strategy.as_ref()),
            (None, Some(beams)) => self.beams(beams),
            (None, None) => self.exact(&mut exact),
        };
        self.job.progress.clear();
        let mut sequences = sequences?;
        sequences.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok((sequences, exact))
    }

    /// One sequence after the other.
    fn sequences(&mut self, strategy: &dyn Strategy) -> Result<Vec<Generated>, HeadlessError> {
        let Self { model, tokenizer, read, ids, eos, job, report } = self;
        let (settings, failure) = (job.settings, Cell::new(None));
        let one = |sequence: u64| {
            let request = Request {
                prompt: ids,
                strategy,
                chain: &settings.chain,
                max_new_tokens: settings.max_new_tokens,
                min_new_tokens: settings.min_new_tokens,
                eos_token_ids: eos,
                stop: &settings.stop,
                sequence,
            };
            generate(*model, *tokenizer, read, &request, &mut |step| {
                shown(report.step(step, *tokenizer), &failure, job, step.step)
            })
        };
        let sequences: Result<Vec<Generated>, EngineError> = (0..settings.sequences).map(one).collect();
        failure.take().map_or(Ok(()), Err)?;
        Ok(sequences?)
    }

    /// The best sequence of all, and then what it looks like step by step.
    fn exact(&mut self, found: &mut Option<ExactDocument>) -> Result<Vec<Generated>, HeadlessError> {
        let Self { model, tokenizer, read, ids, eos, job, .. } = self;
        let mut ground = Ground { model: *model, tokenizer: *tokenizer, read, prompt: ids, eos, job };
        let (tokens, document) = ground.search()?;
        *found = Some(document);
        self.sequences(&Given(tokens))
    }

    /// All beams of a search.
    fn beams(&mut self, beams: BeamSettings) -> Result<Vec<Generated>, HeadlessError> {
        let Self { model, tokenizer, read, ids, eos, job, report } = self;
        let (settings, failure) = (job.settings, Cell::new(None));
        let request = BeamRequest {
            prompt: ids,
            settings: beams,
            chain: &settings.chain,
            max_new_tokens: settings.max_new_tokens,
            min_new_tokens: settings.min_new_tokens,
            eos_token_ids: eos,
            stop: &settings.stop,
            dropped: DroppedBeams::Freed,
        };
        let sequences = generate_beams(*model, *tokenizer, read, &request, &mut |observed| {
            shown(report.beam_step(observed, *tokenizer), &failure, job, observed.step.step)
        });
        failure.take().map_or(Ok(()), Err)?;
        Ok(sequences?)
    }
}

/// Breaks off when a step could not be written, or when somebody asks.
fn shown(
    written: Result<(), HeadlessError>,
    failure: &Cell<Option<HeadlessError>>,
    job: &Job<'_>,
    step: usize,
) -> ControlFlow<()> {
    if let Err(error) = written {
        failure.set(Some(error));
        return ControlFlow::Break(());
    }
    job.progress.show("generating", step, job.settings.max_new_tokens);
    job.interrupt.check()
}
