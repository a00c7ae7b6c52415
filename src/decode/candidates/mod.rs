//! The tokens that are still in the race, with their scores, and who removed each of the others.

mod fates;
mod order;
mod removing;
mod scores;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::distribution::Tail;
use super::passes::largest;
use super::scan::LogSum;
use super::{Distribution, Logits, RecordedToken, TokenId};
use fates::Fates;
use removing::{Measure, Removed};
use scores::Scores;

/// The most stages a chain may have.
pub(super) const MAX_STAGES: usize = u8::MAX as usize;

/// Outright removals from the whole vocabulary up to which it pays to go on without a list of what is left.
const FEW: usize = 1024;

/// The working state of a chain: a score for every token of the vocabulary, the set of those that survive, and for each
/// removed one the stage and the figure that it was removed for.
///
/// Nothing of the size of the vocabulary is written that is not needed: scores are the model's logits until one of them
/// changes by itself, a division is done where a score is looked at, survivors are listed once a filter has left few, figures
/// of removed tokens are computed when somebody asks, and [`Candidates::ranked`] sorts only as far as a filter asks.
#[derive(Clone, Debug)]
pub struct Candidates {
    scores: Scores,
    fates: Fates,
    /// How many survive.
    count: usize,
    /// The survivors, the first `sorted` of them in order; while `whole`, only these.
    listed: Vec<TokenId>,
    sorted: usize,
    /// Whether the survivors are all tokens that no stage has removed, so that no list of them is needed.
    whole: bool,
    /// What tokens had that were removed from the whole vocabulary one by one; their score is minus infinity from then on.
    buried: BTreeMap<TokenId, f64>,
    /// Of each stage, what it measured.
    measures: Vec<Option<Measure>>,
    stage: u8,
    removed_now: Removed,
    /// The sum that the present stage began with, where somebody had asked for it.
    entered: Option<Sum>,
    /// The sum over the survivors as they are now, once somebody has asked for it.
    sum: OnceLock<Sum>,
    rest: Option<Tail>,
    /// Whether the present stage may have had to keep a part of the rest.
    reached: bool,
}

/// A sum over the survivors, and Σ exp(score − max) of every block while they are the whole vocabulary.
#[derive(Clone, Debug)]
struct Sum {
    sum: LogSum,
    masses: Vec<f64>,
}

/// The numbers that the scores of the survivors are made of, in which those of removed tokens are minus infinity.
pub(super) struct Field<'a> {
    pub(super) z: Cow<'a, Logits>,
    /// The largest of every block.
    pub(super) peaks: Cow<'a, [f64]>,
    /// What they are to be divided by.
    pub(super) divisor: f64,
    /// The token of each, where they are not those of all tokens.
    pub(super) ids: Option<&'a [TokenId]>,
}

impl Field<'_> {
    /// The largest number.
    pub(super) fn largest(&self) -> f64 {
        largest(&self.peaks)
    }
}

impl Candidates {
    /// All tokens alive, with the model's logits as scores. Shape: `[vocab_size]`.
    #[must_use]
    pub fn new(logits: &[f64]) -> Self {
        Self::with(Scores::own(logits.to_vec()), logits.len())
    }

    fn with(scores: Scores, vocab_size: usize) -> Self {
        Self {
            scores,
            fates: Fates::alive(vocab_size),
            count: vocab_size,
            listed: Vec::new(),
            sorted: 0,
            whole: true,
            buried: BTreeMap::new(),
            measures: Vec::new(),
            stage: 0,
            removed_now: Removed::default(),
            entered: None,
            sum: OnceLock::new(),
            rest: None,
            reached: false,
        }
    }

    /// The tokens that a distribution lists, with its logits. What it does not list can't be chosen, but counts as a mass until
    /// a filter cuts it off.
    #[must_use]
    pub(super) fn of(model: &Arc<Distribution>) -> Self {
        let candidates = if model.rest().is_some() {
            Self::scored(model, model.logits().widened())
        } else {
            Self::with(Scores::of(model), model.vocab_size())
        };
        let sum = Sum { sum: model.normalizer(), masses: model.masses().to_vec() };
        Self { sum: OnceLock::from(sum), ..candidates }
    }

    /// The same with these scores, one for each token of the vocabulary.
    #[must_use]
    pub(super) fn scored(model: &Distribution, mut scores: Vec<f64>) -> Self {
        let size = scores.len();
        let Some(rest) = model.rest() else { return Self::with(Scores::own(scores), size) };
        let offset = model.ranked().last().map_or(0.0, |&id| scores[id as usize] - model.logit(id));
        scores[rest as usize] = f64::NEG_INFINITY;
        let mut candidates = Self::with(Scores::own(scores), size);
        candidates.list(model.ranked().to_vec());
        candidates.rest = model.tail().map(|tail| Tail { logit: tail.logit + offset, ..tail });
        candidates
    }

    /// Takes the place of these candidates: those that were written down, with log p after the chain for scores.
    pub(super) fn recorded(&mut self, vocab_size: usize, tokens: &[RecordedToken]) {
        let mut scores = vec![f64::NEG_INFINITY; vocab_size];
        for token in tokens {
            scores[token.id as usize] = token.sampling_logprob;
        }
        *self = Self::with(Scores::own(scores), vocab_size);
        let stage = |token: &RecordedToken| token.removed_by.filter(|stage| *stage < MAX_STAGES);
        let mut removed: Vec<(usize, TokenId)> =
            tokens.iter().filter_map(|token| Some((stage(token)?, token.id))).collect();
        removed.sort_unstable();
        for (stage, id) in removed {
            self.fates.remove(stage as u8, id);
        }
        let mut alive: Vec<TokenId> =
            tokens.iter().filter(|token| stage(token).is_none()).map(|token| token.id).collect();
        alive.sort_unstable();
        alive.dedup();
        self.list(alive);
    }

    /// Number of tokens, alive or not.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.fates.vocab_size()
    }

    /// Number of survivors.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The survivors, in no particular order.
    pub fn alive(&self) -> impl Iterator<Item = TokenId> + Clone {
        let (all, listed) = if self.whole { (self.vocab_size(), &[][..]) } else { (0, &self.listed[..]) };
        (0..all as TokenId).filter(|id| self.fates.is_alive(*id)).chain(listed.iter().copied())
    }

    /// Whether a token survives.
    #[must_use]
    pub fn is_alive(&self, id: TokenId) -> bool {
        self.fates.is_alive(id)
    }

    /// The score of a token: its logit as the chain has changed it. A removed token keeps the one it was removed with.
    #[must_use]
    pub fn score(&self, id: TokenId) -> f64 {
        let Some(base) = self.scores.base().get(id as usize) else { return f64::NEG_INFINITY };
        let whole = if self.is_divided(id) { base / self.scores.divisor } else { base };
        self.buried.get(&id).copied().unwrap_or(whole)
    }

    /// Whether a token was there when the scores were divided.
    fn is_divided(&self, id: TokenId) -> bool {
        self.fates.removed_by(id).is_none_or(|stage| stage >= self.scores.since)
    }

    /// The scores of the survivors, in no particular order.
    pub(super) fn alive_scores(&self) -> impl Iterator<Item = f64> + Clone {
        self.alive().map(|id| self.scores.base().at(id as usize) / self.scores.divisor)
    }

    /// What the scores of the survivors are made of.
    pub(super) fn field(&self) -> Field<'_> {
        let Scores { divisor, .. } = self.scores;
        if self.whole {
            let (z, peaks) = (Cow::Borrowed(self.scores.base()), Cow::Borrowed(self.scores.peaks()));
            return Field { z, peaks, divisor, ids: None };
        }
        let z = Logits::Wide(self.alive_scores().collect());
        let peaks = Cow::Owned(z.look().peaks);
        Field { z: Cow::Owned(z), peaks, divisor: 1.0, ids: Some(&self.listed) }
    }

    /// The highest score among the survivors.
    #[must_use]
    pub fn max_score(&self) -> f64 {
        if self.whole {
            return largest(self.scores.peaks()) / self.scores.divisor;
        }
        self.alive_scores().fold(f64::NEG_INFINITY, f64::max)
    }

    /// log p of a score among the survivors as they are now, and what is not listed. Costs a pass when it is first asked for.
    pub(super) fn normalizer(&self) -> LogSum {
        self.sum.get_or_init(|| self.summed()).sum
    }

    fn summed(&self) -> Sum {
        if self.whole {
            let max = largest(self.scores.peaks());
            let (sum, masses) = LogSum::of_logits(self.scores.base(), self.scores.peaks(), max, self.scores.divisor);
            return Sum { sum, masses };
        }
        let scores: Vec<f64> = self.alive_scores().chain(self.rest_score()).collect();
        let sum = LogSum::of(&scores);
        let sum = self.rest.map_or(sum, |rest| sum.with_several(rest.logit + rest.log_count, rest.log_count));
        Sum { sum, masses: Vec::new() }
    }

    /// The score of all tokens together that are not listed, where they still count.
    pub(super) fn rest_score(&self) -> Option<f64> {
        self.rest.map(|rest| rest.logit + rest.log_count)
    }

    /// From here on only what is listed counts.
    pub(super) fn drop_rest(&mut self) {
        self.rest = None;
        self.sum.take();
    }

    /// Whether the present stage may have had to keep tokens that are not listed.
    pub(super) fn has_reached_rest(&self) -> bool {
        self.reached
    }

    /// Gives a surviving token another score; minus infinity removes it. A removed token stays as it is.
    pub fn set_score(&mut self, id: TokenId, score: f64) {
        if !self.is_alive(id) || score == self.score(id) {
            return;
        }
        if score == f64::NEG_INFINITY {
            return self.remove(&[id]);
        }
        if self.scores.divisor != 1.0 {
            self.do_division();
        }
        self.scores.put(id, score);
        self.changed();
    }

    /// Whether every finite score stays finite when it is divided by `divisor`.
    pub(super) fn can_divide(&self, divisor: f64) -> bool {
        let finite = |z: f64| !z.is_finite() || (z / self.scores.divisor / divisor).is_finite();
        // No f32 is farther away than its largest: mostly one look is enough.
        let all = || match self.scores.base() {
            Logits::Narrow(_) if finite(f64::from(f32::MAX)) => true,
            scores => scores.iter().all(finite),
        };
        divisor.recip().is_finite() && all()
    }

    /// Divides every surviving score by `divisor`, which is above 0 and leaves all of them finite that are.
    pub(super) fn divide(&mut self, divisor: f64) {
        if divisor == 1.0 {
            return;
        }
        if let Some(rest) = &mut self.rest {
            rest.logit /= divisor;
        }
        if self.scores.divisor != 1.0 {
            self.do_division();
        }
        (self.scores.divisor, self.scores.since) = (divisor, self.stage);
        self.changed();
    }

    /// Gives every surviving token the score that `change` makes of it.
    pub fn map_scores(&mut self, change: impl Fn(f64) -> f64) {
        if let Some(rest) = &mut self.rest {
            rest.logit = change(rest.logit);
        }
        self.map_tokens(|_, score| change(score));
    }

    /// Gives every surviving token the score that `change` makes of its id and its score.
    pub fn map_tokens(&mut self, change: impl Fn(TokenId, f64) -> f64) {
        let mut scores = self.divided();
        for id in self.alive() {
            scores[id as usize] = change(id, scores[id as usize]);
        }
        self.scores = Scores::own(scores);
        self.changed();
    }

    /// Every score, with the division done.
    fn divided(&self) -> Vec<f64> {
        let score = |(id, z): (usize, f64)| {
            if self.is_divided(id as TokenId) { z / self.scores.divisor } else { z }
        };
        self.scores.base().iter().enumerate().map(score).collect()
    }

    fn do_division(&mut self) {
        self.scores = Scores::own(self.divided());
    }

    /// Neither order nor sum is known any more.
    fn changed(&mut self) {
        self.sorted = 0;
        self.sum.take();
    }

    /// The stage whose removals come next, counted from 0.
    pub(super) fn begin_stage(&mut self, stage: usize) {
        debug_assert!(stage < MAX_STAGES);
        self.stage = stage as u8;
        self.removed_now = Removed::default();
        self.entered = self.sum.get().cloned();
        self.reached = false;
    }

    /// What the present stage has removed so far.
    pub(super) fn removed_now(&self) -> Removed {
        self.removed_now
    }

    /// Goes on with a list of the survivors.
    fn list(&mut self, alive: Vec<TokenId>) {
        self.count = alive.len();
        (self.listed, self.sorted, self.whole) = (alive, 0, false);
    }
}

/// Descending order of numbers that are never NaN.
pub(super) fn descending(a: f64, b: f64) -> Ordering {
    b.partial_cmp(&a).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::by_score;

    #[test]
    fn ranks_lazily_and_in_order() {
        let scores: Vec<f64> = (0..500).map(|i| f64::from((i * 7919) % 101)).collect();
        let mut candidates = Candidates::new(&scores);
        let mut all: Vec<TokenId> = (0..500).collect();
        all.sort_by(|&a, &b| by_score((scores[a as usize], a), (scores[b as usize], b)));
        for n in [1, 2, 40, 41, 300, 500, 900] {
            assert_eq!(candidates.ranked(n), &all[..n.min(500)]);
        }
    }

    #[test]
    fn removal_remembers_stage_and_figure() {
        let mut candidates = Candidates::new(&[3.0, 2.0, 1.0]);
        candidates.begin_stage(4);
        candidates.keep_at_least(2.0, |z| z);
        assert_eq!(candidates.removal(2), Some((4, 1.0)));
        assert_eq!(candidates.removal(0), None);
        assert_eq!(candidates.removed_now().count, 1);
        candidates.set_score(2, 9.0);
        assert_eq!(candidates.ranked(3), [0, 1], "what is removed stays removed");
    }
}
