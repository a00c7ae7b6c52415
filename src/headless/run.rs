//! `run`: generates without the interface.

use std::cell::Cell;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::decode::beam::BeamSettings;
use crate::decode::contrastive::ContrastiveSettings;
use crate::decode::strategy::{Greedy, Strategy, StrategyRow, strategy};
use crate::decode::{Chain, TokenId};
use crate::engine::{
    BeamRequest, DroppedBeams, EngineError, Generated, Given, Observe, PromptRead, Reader, Request, Speculation,
    Timing, Verification, generate, generate_beams, generate_contrastive, generate_speculatively, read_prompt, record,
    timed,
};
use crate::model::{LanguageModel, LoadedModel, ModelInfo, PromptForm, SpecialTokens, Tokenizer};
use crate::session::trace::Prompt;

use super::detail::Outcome;
use super::document::settings as settings_document;
use super::exact::Ground;
use super::progress::Progress;
use super::speculative::{SpeculativeDocument, check_draft};
use super::write::{Ended, Report};
use super::{Format, HeadlessError};

/// The resolved options of a run.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// How tokens are chosen.
    pub strategy: &'static StrategyRow,
    /// The processors, in order.
    pub chain: Chain,
    /// What a stage of the chain steers away from; `None` for the last token of the prompt alone.
    pub negative_prompt: Option<String>,
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
    /// The options of speculative decoding, where the strategy is that.
    pub speculation: Option<Speculation>,
    /// The options of the search, where the strategy is one.
    pub beams: Option<BeamSettings>,
    /// The options of contrastive search, where the strategy is it.
    pub contrastive: Option<ContrastiveSettings>,
    /// Texts that end the text.
    pub stop: Vec<String>,
    /// End-of-text ids in place of the model's; an empty list ignores the end.
    pub eos_token_ids: Option<Vec<TokenId>>,
    /// Whether a begin-of-text token is put before the prompt.
    pub special: SpecialTokens,
    /// How what was typed becomes the text that the model reads.
    pub form: PromptForm,
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

    /// Whether it was set.
    pub fn check(&self) -> ControlFlow<()> {
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

/// Generates after each prompt and writes the results. Nothing is written for a prompt that fails. The second model is the
/// draft, where the strategy has one.
///
/// # Errors
/// A draft of another vocabulary, a prompt that has no token or does not fit the context (all are checked before the first is run), ids outside of the
/// vocabulary, an interruption, or output that can't be written.
pub fn run(
    (loaded, mut draft): (&mut LoadedModel, Option<&mut LoadedModel>),
    prompts: &[String],
    job: &Job<'_>,
    out: &mut dyn Write,
) -> Result<(), HeadlessError> {
    let settings = job.settings;
    let eos = settings.ends(loaded.model.info())?;
    if let Some(draft) = &draft {
        check_draft(loaded, draft)?;
    }
    let mut encoded = Vec::with_capacity(prompts.len());
    for (index, prompt) in prompts.iter().enumerate() {
        let (text, special) = settings.form.apply(prompt, settings.special, loaded.tokenizer.as_ref())?;
        let ids = loaded.tokenizer.encode(&text, special)?;
        let context = loaded.model.info().context_length;
        check_prompt(&ids, context).map_err(|reason| {
            HeadlessError::Input(if prompts.len() > 1 { format!("prompt {}: {reason}", index + 1) } else { reason })
        })?;
        encoded.push((text, ids));
    }
    let mut document = settings_document(settings, &eos);
    if let Some(draft) = &draft {
        document.insert("draft_model".into(), draft.model.info().name.clone().into());
    }
    let mut report = Report::new(job.format, job.style, settings.top, settings.beams);
    for (typed, (text, ids)) in prompts.iter().zip(&encoded) {
        let prompt = PromptTexts { text, chat: settings.form.typed(typed) };
        let written = run_one((loaded, draft.as_deref_mut()), (prompt, ids), &eos, job, &document, &mut report)?;
        out.write_all(&written)?;
        out.flush()?;
        loaded.model.retain(&[]);
        if let Some(draft) = &mut draft {
            draft.model.retain(&[]);
        }
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

/// What the chain steers away from, where it does.
///
/// # Errors
/// A negative prompt that has no token or does not fit the context, or an interruption.
pub(super) fn read_negative(
    model: &mut dyn LanguageModel,
    tokenizer: &dyn Tokenizer,
    settings: &RunSettings,
    prompt: &[TokenId],
    watch: &mut dyn FnMut(crate::model::Progress) -> ControlFlow<()>,
) -> Result<Option<PromptRead>, HeadlessError> {
    if settings.chain.guidance().is_none() {
        return Ok(None);
    }
    let ids = match &settings.negative_prompt {
        Some(text) => {
            let (text, special) = settings.form.apply(text, settings.special, tokenizer)?;
            tokenizer.encode(&text, special)?
        }
        None => prompt.last().copied().into_iter().collect(),
    };
    check_prompt(&ids, model.info().context_length)
        .map_err(|reason| HeadlessError::Input(format!("--negative-prompt: {reason}")))?;
    Ok(Some(read_prompt(model, &ids, watch)?))
}

/// A prompt as it is read, and as it was typed, where that is something else.
struct PromptTexts<'a> {
    text: &'a str,
    chat: Option<String>,
}

fn run_one(
    (loaded, draft): (&mut LoadedModel, Option<&mut LoadedModel>),
    (texts, ids): (PromptTexts<'_>, &[TokenId]),
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
    let (reads, prefill) = timed(|| -> Result<_, HeadlessError> {
        let negative = read_negative(model, tokenizer, job.settings, ids, &mut watch)?;
        let drafted = draft.map(|draft| read_draft(draft, ids, &mut watch)).transpose()?;
        Ok((read_prompt(model, ids, &mut watch)?, negative, drafted))
    });
    let (read, negative, drafted) = reads?;
    let info = model.info().clone();
    let prompt = Prompt { chat: texts.chat, ..record::prompt(texts.text, ids, &read.scores, tokenizer) };
    report.begin(&info, document, &prompt, ids, tokenizer)?;
    let (negative, draft) = (negative.as_ref(), drafted);
    let (found, decode) =
        timed(|| Work { model, tokenizer, read: &read, negative, draft, ids, eos, job, report }.done());
    let (sequences, outcome) = found?;
    let new_tokens = sequences.iter().map(|sequence| sequence.tokens.len()).sum();
    let timing = Timing { prefill, decode, new_tokens };
    let prompt_tokens = ids.len();
    let ended =
        Ended { info: &info, settings: document, prompt, prompt_tokens, sequences: &sequences, outcome, timing };
    report.end(ended, tokenizer)
}

/// The model that drafts, and the prompt as it has read it.
pub(super) type DraftRead<'a> = (&'a mut dyn LanguageModel, PromptRead);

fn read_draft<'a>(
    draft: &'a mut LoadedModel,
    ids: &[TokenId],
    watch: &mut dyn FnMut(crate::model::Progress) -> ControlFlow<()>,
) -> Result<DraftRead<'a>, HeadlessError> {
    let model = draft.model.as_mut();
    check_prompt(ids, model.info().context_length)
        .map_err(|reason| HeadlessError::Input(format!("--draft-model: {reason}")))?;
    let read = read_prompt(model, ids, watch)?;
    Ok((model, read))
}

/// What generating works with, once the prompt is read.
pub(super) struct Work<'a> {
    pub(super) model: &'a mut dyn LanguageModel,
    pub(super) tokenizer: &'a dyn Tokenizer,
    pub(super) read: &'a PromptRead,
    pub(super) negative: Option<&'a PromptRead>,
    pub(super) draft: Option<DraftRead<'a>>,
    pub(super) ids: &'a [TokenId],
    pub(super) eos: &'a [TokenId],
    pub(super) job: &'a Job<'a>,
    pub(super) report: &'a mut Report,
}

impl Work<'_> {
    /// Does it, and gives the sequences best first.
    pub(super) fn done(mut self) -> Result<(Vec<Generated>, Outcome), HeadlessError> {
        let (settings, mut outcome) = (self.job.settings, Outcome::default());
        let sequences = match settings.strategy.single(settings.seed) {
            Some(strategy) => self.sequences(strategy.as_ref()),
            None => match (settings.beams, settings.contrastive, settings.speculation) {
                (Some(beams), ..) => self.beams(beams),
                (_, Some(contrastive), _) => self.contrastive(contrastive),
                (.., Some(speculation)) => self.speculative(speculation, &mut outcome),
                _ => self.exact(&mut outcome),
            },
        };
        self.job.progress.clear();
        let mut sequences = sequences?;
        sequences.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok((sequences, outcome))
    }

    /// One sequence after the other.
    fn sequences(&mut self, strategy: &dyn Strategy) -> Result<Vec<Generated>, HeadlessError> {
        self.each(strategy, &mut |work, request, observe| {
            generate(work.model, work.tokenizer, work.read, request, observe)
        })
    }

    /// The same, each token compared with others: they are the best of what greedy search chooses from.
    fn contrastive(&mut self, settings: ContrastiveSettings) -> Result<Vec<Generated>, HeadlessError> {
        self.each(&Greedy, &mut |work, request, observe| {
            generate_contrastive(work.model, work.tokenizer, work.read, request, settings, observe)
        })
    }

    /// The same with a draft.
    fn speculative(
        &mut self,
        speculation: Speculation,
        outcome: &mut Outcome,
    ) -> Result<Vec<Generated>, HeadlessError> {
        let strategy = match speculation.verification {
            Verification::Greedy => strategy("greedy").and_then(|row| row.single(0)),
            Verification::Sampled { seed } => strategy("sample").and_then(|row| row.single(seed)),
        };
        let missing = |what: &str| HeadlessError::Input(format!("--strategy speculative: there is no {what}"));
        let strategy = strategy.ok_or_else(|| missing("strategy to verify with"))?;
        let (draft, prompt) = self.draft.take().ok_or_else(|| missing("model that drafts: give --draft-model"))?;
        let mut counts = Vec::new();
        let sequences = self.each(strategy.as_ref(), &mut |work, request, observe| {
            let readers = (Reader::new(work.model, work.read), Reader::new(draft, &prompt));
            let (generated, count) = generate_speculatively(readers, work.tokenizer, request, speculation, observe)?;
            counts.push(count);
            Ok(generated)
        })?;
        outcome.speculative = Some(SpeculativeDocument::new(&counts));
        Ok(sequences)
    }

    /// One sequence after the other, each by `one`, every step of it written.
    fn each(&mut self, strategy: &dyn Strategy, one: &mut One<'_>) -> Result<Vec<Generated>, HeadlessError> {
        let Self { model, tokenizer, read, negative, ids, eos, job, report, .. } = self;
        let (settings, failure) = (job.settings, Cell::new(None));
        let mut sequences = Vec::new();
        for sequence in 0..settings.sequences {
            let request = Request {
                prompt: ids,
                strategy,
                chain: &settings.chain,
                max_new_tokens: settings.max_new_tokens,
                min_new_tokens: settings.min_new_tokens,
                eos_token_ids: eos,
                stop: &settings.stop,
                sequence,
                negative: *negative,
            };
            let target = Target { model: *model, tokenizer: *tokenizer, read };
            let found =
                one(target, &request, &mut |step| shown(report.step(step, *tokenizer), &failure, job, step.step));
            failure.take().map_or(Ok(()), Err)?;
            let finished = || sequences.iter().map(|sequence: &Generated| sequence.text.clone());
            sequences.push(found.map_err(|error| error.after(finished()))?);
        }
        Ok(sequences)
    }

    /// The best sequence of all, and then what it looks like step by step.
    fn exact(&mut self, outcome: &mut Outcome) -> Result<Vec<Generated>, HeadlessError> {
        let Self { model, tokenizer, read, ids, eos, job, .. } = self;
        let mut ground = Ground { model: *model, tokenizer: *tokenizer, read, prompt: ids, eos, job };
        let (tokens, document) = ground.search()?;
        outcome.exact = Some(document);
        self.sequences(&Given(tokens))
    }

    /// All beams of a search.
    fn beams(&mut self, beams: BeamSettings) -> Result<Vec<Generated>, HeadlessError> {
        let Self { model, tokenizer, read, ids, eos, job, report, .. } = self;
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

/// The model that generates, and what it has read.
struct Target<'a> {
    model: &'a mut dyn LanguageModel,
    tokenizer: &'a dyn Tokenizer,
    read: &'a PromptRead,
}

/// A way to generate one sequence.
type One<'a> = dyn FnMut(Target<'_>, &Request<'_>, &mut Observe<'_>) -> Result<Generated, EngineError> + 'a;

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
