//! What every model promises, tried on the model at hand: for `doctor` and for the interface.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::decode::{Distribution, TokenId};
use crate::model::{
    CacheNode, LanguageModel, ModelInfo, Positions, Progress, Reference, Run, RunOutput, SpecialTokens, Tokenizer,
};

use super::EngineError;

/// What is read where the tokenizer knows its words.
const TEXT: &str =
    "The king and the queen went down to the river. \"Who is there?\" said the old man, and opened the door.";
/// The most tokens of it.
const LENGTH: usize = 24;
/// The same where every token is a request.
const SERVED_LENGTH: usize = 4;
/// How far a sum of probabilities may be from 1: of single-precision exponentials, counted in double precision.
const SUM_TOLERANCE: f64 = 1e-6;
/// What may lie between two ways to read a text where the order of sums is the device's, in nats.
const DEVICE_TOLERANCE: f64 = 1e-4;
/// The same for a server, which batches as it likes and rounds what it sends.
const SERVER_TOLERANCE: f64 = 0.05;

type Watch<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// A promise, and how well it was kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// In a word, as the JSON has it.
    pub name: &'static str,
    /// In a sentence.
    pub promise: &'static str,
    /// The largest difference that was found: in nats, or for `probabilities` in probability. NaN where a number was none.
    pub worst: f64,
    /// The most that it may be.
    pub tolerance: f64,
}

impl Check {
    /// Whether it was kept.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.worst <= self.tolerance
    }
}

/// Whose the model's cache is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// The checkup's: it is told to forget, as one of the trials.
    Own,
    /// Shared with a session: it is only added to.
    Shared,
}

/// How a promise is tried: the largest difference, and the most that it may be; none where it has no meaning for the model.
type Trial = fn(&mut Checkup, &mut dyn LanguageModel, &mut Watch<'_>) -> Result<Option<(f64, f64)>, EngineError>;

/// Every promise, in the order in which they are tried.
const PROMISES: &[(&str, &str, Trial)] = &[
    ("probabilities", "the probabilities of all tokens sum to 1", sums),
    ("steps", "step by step equals all at once", steps),
    ("cache", "what was read before and beside changes nothing", cache),
    ("batch", "several texts at once equal each alone", batch),
    ("reference", "log-probabilities are those of the reference", reference),
];

/// The promises, tried one after the other.
pub struct Checkup {
    ids: Vec<TokenId>,
    /// How many there should be of them.
    length: usize,
    tolerance: f64,
    reference: Option<Reference>,
    cache: Cache,
    tried: usize,
    /// Logits after every token, read at once.
    at_once: Vec<Arc<[f32]>>,
}

impl Checkup {
    /// A checkup of a model, with a text that fits it. The reference is the model's own, where it has one.
    #[must_use]
    pub fn new(info: &ModelInfo, tokenizer: &dyn Tokenizer, (reference, cache): (Option<Reference>, Cache)) -> Self {
        let (length, tolerance) = match info.device.as_str() {
            "cpu" => (LENGTH, 0.0),
            "server" => (SERVED_LENGTH, SERVER_TOLERANCE),
            _ => (LENGTH, DEVICE_TOLERANCE),
        };
        let length = length.min(info.context_length.saturating_sub(1)).max(1);
        let encode = |text| tokenizer.encode(text, SpecialTokens::Auto).unwrap_or_default();
        let (mut ids, begin) = (encode(TEXT), encode(""));
        ids.truncate(length);
        if ids.len() < length {
            ids = if begin.is_empty() { vec![0] } else { begin };
        }
        Self { ids, length, tolerance, reference, cache, tried: 0, at_once: Vec::new() }
    }

    /// Tries the next promise; none when all have been tried. What is read stays in the model's cache until it is told to
    /// [retain](LanguageModel::retain) something else.
    ///
    /// # Errors
    /// What the model refuses, or [`EngineError::Interrupted`] where `watch` broke.
    pub fn next(&mut self, model: &mut dyn LanguageModel, watch: &mut Watch<'_>) -> Result<Option<Check>, EngineError> {
        while let Some((name, promise, trial)) = PROMISES.get(self.tried) {
            self.tried += 1;
            if let Some((worst, tolerance)) = trial(self, model, watch)? {
                return Ok(Some(Check { name, promise, worst, tolerance }));
            }
        }
        Ok(None)
    }

    /// Tries all of them.
    ///
    /// # Errors
    /// As of [`Self::next`].
    pub fn run(mut self, model: &mut dyn LanguageModel, watch: &mut Watch<'_>) -> Result<Vec<Check>, EngineError> {
        let mut checks = Vec::new();
        while let Some(check) = self.next(model, watch)? {
            checks.push(check);
        }
        Ok(checks)
    }
}

fn read(
    model: &mut dyn LanguageModel,
    (after, tokens, logits): (Option<CacheNode>, &[TokenId], Positions),
    watch: &mut Watch<'_>,
) -> Result<RunOutput, EngineError> {
    let mut outputs = model.forward(&[Run { after, tokens, logits }], watch).map_err(EngineError::from_model)?;
    outputs.pop().ok_or_else(|| EngineError::Request("the model gave no output".into()))
}

/// The largest difference between two lists of log-probabilities, in nats; NaN where logits are no distribution.
fn difference(info: &ModelInfo, ours: Option<&Arc<[f32]>>, theirs: Option<&Arc<[f32]>>) -> f64 {
    let distribution = |logits: Option<&Arc<[f32]>>| info.distribution(logits?).ok();
    let Some((ours, theirs)) = distribution(ours).zip(distribution(theirs)) else { return f64::NAN };
    let apart = |id: TokenId| match (ours.logprob(id), theirs.logprob(id)) {
        (a, b) if a == b => 0.0,
        // A list of the most probable tokens ends where it likes.
        (a, b) if ours.is_partial() && (a.is_infinite() || b.is_infinite()) => 0.0,
        (a, b) => (a - b).abs(),
    };
    worst((0..info.vocab_size as TokenId).map(apart))
}

/// The largest, or NaN if one is: `f64::max` would pass over it.
fn worst(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |worst: f64, value| if value.is_nan() || value > worst { value } else { worst })
}

/// Where the vocabulary has no words for the text, the model writes one itself: its most probable tokens, as far as there is one
/// that is no end.
fn go_on(checkup: &mut Checkup, model: &mut dyn LanguageModel, watch: &mut Watch<'_>) -> Result<(), EngineError> {
    while checkup.ids.len() < checkup.length {
        let output = read(model, (None, &checkup.ids, Positions::Last), watch)?;
        let info = model.info();
        let Some(Ok(distribution)) = output.logits.last().map(|logits| info.distribution(logits)) else {
            // What is wrong here will be told; the other trials need a text all the same.
            checkup.ids.push(checkup.ids[0]);
            continue;
        };
        let usable = |id: &TokenId| !info.eos_token_ids.contains(id) && !info.never_chosen.contains(id);
        let best = distribution.ranked().iter().copied().find(usable);
        match best.filter(|id| distribution.prob(*id) > 0.0) {
            Some(id) => checkup.ids.push(id),
            None => break,
        }
    }
    Ok(())
}

/// |1 − Σ p| after every token of the text, which is read at once for all trials.
fn sums(
    checkup: &mut Checkup,
    model: &mut dyn LanguageModel,
    watch: &mut Watch<'_>,
) -> Result<Option<(f64, f64)>, EngineError> {
    go_on(checkup, model, watch)?;
    checkup.at_once = read(model, (None, &checkup.ids, Positions::All), watch)?.logits;
    let info = model.info();
    let total = |distribution: Distribution| -> f64 {
        (0..info.vocab_size as TokenId).map(|id| distribution.prob(id)).sum::<f64>()
    };
    let apart = |logits: &Arc<[f32]>| {
        let all_numbers = logits.iter().all(|logit| !logit.is_nan() && *logit != f32::INFINITY);
        let distribution = info.distribution(logits).ok().filter(|_| all_numbers);
        distribution.map_or(f64::NAN, |distribution| (1.0 - total(distribution)).abs())
    };
    Ok(Some((worst(checkup.at_once.iter().map(apart)), SUM_TOLERANCE)))
}

/// Every token after the one before it, from the cache.
fn steps(
    checkup: &mut Checkup,
    model: &mut dyn LanguageModel,
    watch: &mut Watch<'_>,
) -> Result<Option<(f64, f64)>, EngineError> {
    let (mut after, mut found) = (None, Vec::new());
    for (token, expected) in checkup.ids.iter().zip(&checkup.at_once) {
        let output = read(model, (after, &[*token], Positions::Last), watch)?;
        found.push(difference(model.info(), output.logits.last(), Some(expected)));
        after = output.nodes.last().copied();
    }
    Ok(Some((worst(found), checkup.tolerance)))
}

/// Half of the text from the cache, another continuation beside it, then the other half: as if nothing had been read before.
fn cache(
    checkup: &mut Checkup,
    model: &mut dyn LanguageModel,
    watch: &mut Watch<'_>,
) -> Result<Option<(f64, f64)>, EngineError> {
    let (first, second) = checkup.ids.split_at(checkup.ids.len() / 2);
    if first.is_empty() {
        return Ok(None);
    }
    let half = read(model, (None, first, Positions::Last), watch)?;
    let fork = half.nodes.last().copied();
    // Not every model can read any token anywhere: what it refuses has changed nothing.
    let other = first.first().copied().into_iter().chain(second.iter().rev().copied()).collect::<Vec<TokenId>>();
    if let Err(EngineError::Interrupted) = read(model, (fork, &other, Positions::Last), watch) {
        return Err(EngineError::Interrupted);
    }
    let beside = read(model, (fork, second, Positions::All), watch)?;
    if checkup.cache == Cache::Own {
        model.retain(&fork.into_iter().collect::<Vec<_>>());
    }
    let again = read(model, (fork, second, Positions::All), watch)?;
    if checkup.cache == Cache::Own {
        model.retain(&[]);
    }
    let info = model.info();
    let expected = &checkup.at_once[first.len()..];
    let found = [&beside, &again].into_iter().flat_map(|output| output.logits.iter().zip(expected));
    let found = worst(found.map(|(ours, theirs)| difference(info, Some(ours), Some(theirs))));
    Ok(Some((found, checkup.tolerance)))
}

/// Beginnings of the text, of several lengths, in one batch.
fn batch(
    checkup: &mut Checkup,
    model: &mut dyn LanguageModel,
    watch: &mut Watch<'_>,
) -> Result<Option<(f64, f64)>, EngineError> {
    let length = checkup.ids.len();
    let lengths = [length, length.div_ceil(2), 1, length.div_ceil(3)];
    let runs: Vec<Run<'_>> = lengths
        .iter()
        .map(|length| Run { after: None, tokens: &checkup.ids[..*length], logits: Positions::Last })
        .collect();
    let outputs = model.forward(&runs, watch).map_err(EngineError::from_model)?;
    let found = outputs
        .iter()
        .zip(lengths)
        .map(|(output, length)| difference(model.info(), output.logits.last(), checkup.at_once.get(length - 1)));
    Ok(Some((worst(found), checkup.tolerance)))
}

/// A text whose log-probabilities are known.
fn reference(
    checkup: &mut Checkup,
    model: &mut dyn LanguageModel,
    watch: &mut Watch<'_>,
) -> Result<Option<(f64, f64)>, EngineError> {
    let Some(Reference { ids, logprobs, tolerance }) = &checkup.reference else { return Ok(None) };
    let output = read(model, (None, ids, Positions::All), watch)?;
    let info = model.info();
    let following = output.logits.iter().zip(ids.iter().skip(1).zip(logprobs));
    let apart = following.map(|(logits, (id, expected))| {
        info.distribution(logits).map_or(f64::NAN, |distribution| (distribution.logprob(*id) - expected).abs())
    });
    Ok(Some((worst(apart), *tolerance)))
}
