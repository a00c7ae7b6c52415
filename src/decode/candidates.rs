//! The tokens that are still in the race, with their scores, and who removed each of the others.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::distribution::Tail;
use super::nucleus;
use super::passes::{BLOCK, sums, widened};
use super::scan::{LogSum, Scored, at_least, first, not_below_nth};
use super::{Distribution, RecordedToken, TokenId, by_score};

/// In `removed_by`: no stage removed this token.
const ALIVE: u8 = u8::MAX;

/// The most stages a chain may have.
pub(super) const MAX_STAGES: usize = ALIVE as usize;

/// Outright removals from the whole vocabulary up to which it pays to go on without a list of what is left.
const FEW: usize = 1024;

/// From this mass on a difference from 1 has all the digits that a sum has.
const MUCH: f64 = 1.0 / 16.0;

/// The working state of a chain: a score for every token of the vocabulary, the set of those that survive, and for each
/// removed one the stage and the figure that it was removed for.
///
/// Nothing of the size of the vocabulary is written that is not needed: scores are the model's logits until one of them
/// changes by itself, a division is done where a score is looked at, survivors are listed once a filter has left few, figures
/// of removed tokens are computed when somebody asks, and [`Candidates::ranked`] sorts only as far as a filter asks.
#[derive(Clone, Debug)]
pub struct Candidates {
    scores: Scores,
    removed_by: Vec<u8>,
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

/// Scores by token, of which those that no stage before `since` has removed are divided when they are looked at.
#[derive(Clone, Debug)]
struct Scores {
    base: Base,
    divisor: f64,
    since: u8,
    peaks: OnceLock<Vec<f64>>,
}

#[derive(Clone, Debug)]
enum Base {
    Model(Arc<Distribution>),
    Own(Vec<f64>),
}

impl Scores {
    fn own(scores: Vec<f64>) -> Self {
        Self { base: Base::Own(scores), divisor: 1.0, since: 0, peaks: OnceLock::new() }
    }

    fn base(&self) -> &[f64] {
        match &self.base {
            Base::Model(model) => model.logits(),
            Base::Own(scores) => scores,
        }
    }

    /// Gives one of them another value.
    fn put(&mut self, id: TokenId, score: f64) {
        if let Base::Model(model) = &self.base {
            let scores = model.logits().to_vec();
            self.peaks = OnceLock::from(model.peaks().to_vec());
            self.base = Base::Own(scores);
        }
        let Base::Own(scores) = &mut self.base else { return };
        scores[id as usize] = score;
        let block = id as usize / BLOCK;
        if let Some(peaks) = self.peaks.get_mut() {
            let block_scores = &scores[block * BLOCK..scores.len().min((block + 1) * BLOCK)];
            peaks[block] = block_scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        }
    }

    /// The smallest that is finite, removed or not, before the division.
    fn lowest(&self) -> f64 {
        match &self.base {
            Base::Model(model) => model.lowest(),
            Base::Own(scores) => widened(scores).lowest,
        }
    }

    /// The largest of every block, before the division.
    fn peaks(&self) -> &[f64] {
        match &self.base {
            Base::Model(model) => model.peaks(),
            Base::Own(scores) => self.peaks.get_or_init(|| widened(scores).peaks),
        }
    }
}

/// What the figure of a removed token is, by its score.
#[derive(Clone)]
struct Measure(Arc<dyn Fn(f64) -> f64 + Send + Sync>);

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Measure")
    }
}

/// What a stage has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Removed {
    /// How many tokens.
    pub(super) count: usize,
    /// Their probability, of what entered the stage.
    pub(super) mass: f64,
}

/// A sum over the survivors, and Σ exp(score − max) of every block while they are the whole vocabulary.
#[derive(Clone, Debug)]
struct Sum {
    sum: LogSum,
    masses: Vec<f64>,
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
            removed_by: vec![ALIVE; vocab_size],
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
            Self::scored(model, model.logits().to_vec())
        } else {
            let base = Base::Model(Arc::clone(model));
            Self::with(Scores { base, divisor: 1.0, since: 0, peaks: OnceLock::new() }, model.vocab_size())
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
        let mut alive = Vec::new();
        for token in tokens {
            match token.removed_by.filter(|stage| *stage < MAX_STAGES) {
                Some(stage) => self.removed_by[token.id as usize] = stage as u8,
                None => alive.push(token.id),
            }
        }
        alive.sort_unstable();
        alive.dedup();
        self.list(alive);
    }

    /// Number of tokens, alive or not.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.removed_by.len()
    }

    /// Number of survivors.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The survivors, in no particular order.
    pub fn alive(&self) -> impl Iterator<Item = TokenId> + Clone {
        let (all, listed) = if self.whole { (self.vocab_size(), &[][..]) } else { (0, &self.listed[..]) };
        let alive = |id: &TokenId| self.removed_by[*id as usize] == ALIVE;
        (0..all as TokenId).filter(alive).chain(listed.iter().copied())
    }

    /// Whether a token survives.
    #[must_use]
    pub fn is_alive(&self, id: TokenId) -> bool {
        self.removed_by.get(id as usize) == Some(&ALIVE)
    }

    /// The score of a token: its logit as the chain has changed it. A removed token keeps the one it was removed with.
    #[must_use]
    pub fn score(&self, id: TokenId) -> f64 {
        let Some(&base) = self.scores.base().get(id as usize) else { return f64::NEG_INFINITY };
        let whole = if self.removed_by[id as usize] < self.scores.since { base } else { base / self.scores.divisor };
        self.buried.get(&id).copied().unwrap_or(whole)
    }

    /// The scores of the survivors, in no particular order.
    pub(super) fn alive_scores(&self) -> impl Iterator<Item = f64> + Clone {
        self.alive().map(|id| self.scores.base()[id as usize] / self.scores.divisor)
    }

    /// The highest score among the survivors.
    #[must_use]
    pub fn max_score(&self) -> f64 {
        if self.whole {
            let peaks = self.scores.peaks().iter().copied();
            return peaks.fold(f64::NEG_INFINITY, f64::max) / self.scores.divisor;
        }
        self.alive_scores().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The first `n` survivors by score, equal ones by id; all of them when there are fewer.
    pub fn ranked(&mut self, n: usize) -> &[TokenId] {
        let n = n.min(self.count);
        if self.sorted < n {
            // Growing by half keeps the repeated selections linear in what is finally asked for.
            let target = n.max(self.sorted + self.sorted / 2).min(self.count);
            if self.whole && target > self.count / 2 {
                self.list(self.alive().collect());
            }
            if self.whole {
                self.listed = self.best(target);
            } else {
                let listed = std::mem::take(&mut self.listed);
                let (sorted, unsorted) = listed.split_at(self.sorted);
                let mut unsorted: Vec<Scored> = unsorted.iter().map(|&id| (self.score(id), id)).collect();
                let want = target - self.sorted;
                if want < unsorted.len() {
                    unsorted.select_nth_unstable_by(want, |a, b| by_score(*a, *b));
                }
                let after = unsorted.split_off(want);
                let next = first(unsorted, want).into_iter().chain(after).map(|(_, id)| id);
                self.listed = sorted.iter().copied().chain(next).collect();
            }
            self.sorted = target;
        }
        &self.listed[..n]
    }

    /// The same, looked for anew.
    #[must_use]
    pub fn best(&self, n: usize) -> Vec<TokenId> {
        let by_blocks = || {
            let mut scored = not_below_nth(self.scores.base(), self.scores.peaks(), self.scores.divisor, n);
            if self.count < self.vocab_size() {
                scored.retain(|(_, id)| self.is_alive(*id));
            }
            // Of a list, the best of the vocabulary need not be alive.
            (self.whole || scored.len() >= n).then_some(scored)
        };
        let one_by_one = || self.listed.iter().map(|&id| (self.score(id), id)).collect();
        let many = self.whole || (self.count > FEW && n < self.count / 8);
        let scored = if many { by_blocks() } else { None };
        first(scored.unwrap_or_else(one_by_one), n).into_iter().map(|(_, id)| id).collect()
    }

    /// All survivors by score, equal ones by id.
    pub(super) fn all_ranked(&self) -> Vec<TokenId> {
        // What was only divided is mostly in the order of the model's own.
        if let Base::Model(model) = &self.scores.base
            && let Some(order) = model.known_order()
            && self.count > order.len() / 8
        {
            let alive = order.iter().filter(|id| self.is_alive(**id));
            let scored = alive.map(|&id| (self.scores.base()[id as usize] / self.scores.divisor, id)).collect();
            return first(scored, self.count).into_iter().map(|(_, id)| id).collect();
        }
        self.best(self.count)
    }

    /// log p of a score among the survivors as they are now, and what is not listed. Costs a pass when it is first asked for.
    pub(super) fn normalizer(&self) -> LogSum {
        self.sum.get_or_init(|| self.summed()).sum
    }

    fn summed(&self) -> Sum {
        if self.whole {
            let max = self.scores.peaks().iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (sum, masses) = LogSum::of_blocks(self.scores.base(), max, self.scores.divisor);
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

    /// A filter cuts the rest off; one that removes nothing of the list may have had to keep a part of the rest.
    fn cut_rest(&mut self, before: usize) {
        self.reached |= self.rest.take().is_some() && self.count == before;
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
        let finite = |z: f64| !z.is_finite() || (z / divisor).is_finite();
        let lowest = self.scores.lowest() / self.scores.divisor;
        divisor.recip().is_finite() && finite(self.max_score()) && finite(lowest)
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
        let score = |(id, z): (usize, &f64)| {
            if self.removed_by[id] < self.scores.since { *z } else { z / self.scores.divisor }
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

    /// Removes these tokens outright: nothing is measured.
    pub fn remove(&mut self, ids: &[TokenId]) {
        let ids: Vec<TokenId> = ids.iter().copied().filter(|&id| self.is_alive(id)).collect();
        if self.whole && self.buried.len() + ids.len() > FEW {
            self.list(self.alive().collect());
        }
        let before = self.count;
        for id in ids {
            // It may have been named twice.
            if !self.is_alive(id) {
                continue;
            }
            let score = self.score(id);
            self.removed_by[id as usize] = self.stage;
            self.count -= 1;
            self.removed_now.mass += self.entered.as_ref().map_or(0.0, |entered| entered.sum.prob(score));
            if self.whole {
                self.buried.insert(id, score);
                self.scores.put(id, f64::NEG_INFINITY);
            }
        }
        self.removed_now.count += before - self.count;
        if before > self.count {
            self.drop_removed();
        }
    }

    /// The list without what was removed.
    fn drop_removed(&mut self) {
        let removed_by = &self.removed_by;
        let alive = |id: &TokenId| removed_by[*id as usize] == ALIVE;
        self.sorted = self.listed[..self.sorted].iter().filter(|id| alive(id)).count();
        self.listed.retain(alive);
        self.sum.take();
    }

    /// Removes these tokens; of each one the figure is what `measure` makes of its score. A stage has one measure.
    pub fn remove_measured(&mut self, ids: &[TokenId], measure: impl Fn(f64) -> f64 + Send + Sync + 'static) {
        self.measure(measure);
        self.remove(ids);
    }

    /// Keeps the survivors whose `measure`, which must not fall when the score rises, is at least `limit`.
    pub fn keep_at_least(&mut self, limit: f64, measure: impl Fn(f64) -> f64 + Send + Sync + 'static) {
        if !self.whole {
            return self.keep_nearest(limit, measure);
        }
        let mut kept = Vec::new();
        let divisor = self.scores.divisor;
        let of = |z: f64| measure(z / divisor);
        let show = |found: &[Scored]| kept.extend(found.iter().map(|(_, id)| *id));
        at_least(self.scores.base(), self.scores.peaks(), of, limit, show);
        if self.count < self.vocab_size() {
            kept.retain(|&id| self.is_alive(id));
        }
        self.measure(measure);
        self.keep(kept);
    }

    /// Keeps the survivors whose `measure` of the score is at least `limit`.
    pub fn keep_nearest(&mut self, limit: f64, measure: impl Fn(f64) -> f64 + Send + Sync + 'static) {
        let kept = self.alive().filter(|&id| measure(self.score(id)) >= limit).collect();
        self.measure(measure);
        self.keep(kept);
    }

    /// Keeps the first `n` survivors by score; the figure of each other one is what `measure` makes of its score.
    pub fn keep_first(&mut self, n: usize, measure: impl Fn(f64) -> f64 + Send + Sync + 'static) {
        let kept = self.ranked(n).to_vec();
        self.measure(measure);
        self.keep(kept);
    }

    /// Keeps the fewest tokens, the best first, whose probabilities sum to `mass`, and one at least. Returns the probability
    /// of the last.
    pub(super) fn keep_nucleus(&mut self, mass: f64) -> f64 {
        let normalizer = self.normalizer();
        let measure = move |z: f64| normalizer.prob(z);
        let (kept, last) = nucleus::nucleus(self, mass, normalizer);
        self.measure(measure);
        self.keep(kept);
        last
    }

    /// Every survivor whose score is at least `limit`, with its score, in no particular order.
    pub(super) fn not_below(&self, limit: f64) -> Vec<Scored> {
        let mut scored = Vec::new();
        if self.whole {
            let divided = |z: f64| z / self.scores.divisor;
            let show = |found: &[Scored]| scored.extend_from_slice(found);
            at_least(self.scores.base(), self.scores.peaks(), divided, limit, show);
            if self.count < self.vocab_size() {
                scored.retain(|(_, id)| self.is_alive(*id));
            }
        } else {
            scored.extend(self.listed.iter().map(|&id| (self.score(id), id)).filter(|(score, _)| *score >= limit));
        }
        scored
    }

    /// Keeps all survivors where a filter would have kept the first `wanted`, which is as many or more; 0 filters nothing.
    pub(super) fn keep_listed(&mut self, wanted: usize) {
        if wanted > 0 {
            self.reached |= self.rest.take().is_some() && wanted > self.count;
            self.sum.take();
        }
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

    /// These alone survive of those that have so far; a filter cuts off what is not listed, too.
    fn keep(&mut self, kept: Vec<TokenId>) {
        let before = self.count;
        if kept.len() < before {
            let (entered, blocks) = (self.entered.take(), self.whole && self.sum.get().is_some());
            let mut mass =
                entered.as_ref().filter(|_| !blocks).map_or(0.0, |entered| self.mass_besides(&kept, entered.sum));
            if self.whole {
                for by in &mut self.removed_by {
                    *by = if *by == ALIVE { self.stage } else { *by };
                }
            } else {
                for &id in &self.listed {
                    self.removed_by[id as usize] = self.stage;
                }
            }
            for &id in &kept {
                self.removed_by[id as usize] = ALIVE;
            }
            self.list(kept);
            self.sum.take();
            if let Some(entered) = entered.as_ref().filter(|_| blocks) {
                mass = 1.0 - self.normalizer().ratio(entered.sum);
                if mass < MUCH {
                    mass = self.mass_of_removed(entered);
                }
            }
            self.removed_now.mass += mass;
            self.removed_now.count += before - self.count;
            self.entered = entered;
        }
        if self.rest.is_some() {
            self.sum.take();
        }
        self.cut_rest(before);
    }

    /// Goes on with a list of the survivors.
    fn list(&mut self, alive: Vec<TokenId>) {
        self.count = alive.len();
        (self.listed, self.sorted, self.whole) = (alive, 0, false);
    }

    /// The probability of all survivors but these.
    fn mass_besides(&self, kept: &[TokenId], entered: LogSum) -> f64 {
        let kept: HashSet<TokenId> = kept.iter().copied().collect();
        let removed = self.alive().filter(|id| !kept.contains(id));
        removed.map(|id| entered.prob(self.score(id))).fold(0.0, |sum, p| sum + p)
    }

    /// The probability of what the present stage has removed from the whole vocabulary: blocks of which nothing is left are
    /// summed already.
    fn mass_of_removed(&self, entered: &Sum) -> f64 {
        let scale = self.scores.divisor.recip();
        let largest = entered.sum.max * self.scores.divisor;
        let blocks = self.scores.base().chunks(BLOCK).zip(self.removed_by.chunks(BLOCK)).zip(&entered.masses);
        let mass = blocks.map(|((block, removed_by), mass)| {
            let left = removed_by.iter().map(|by| usize::from(*by == ALIVE)).sum::<usize>();
            if left == 0 {
                return *mass;
            }
            let out = |(z, by): (&f64, &u8)| if *by == ALIVE { f64::NEG_INFINITY } else { *z };
            let out: Vec<f64> = block.iter().zip(removed_by).map(out).collect();
            sums(&out, largest, scale).0.iter().sum()
        });
        entered.sum.share(mass.fold(0.0, |sum, mass| sum + mass))
    }

    fn measure(&mut self, measure: impl Fn(f64) -> f64 + Send + Sync + 'static) {
        let stage = self.stage as usize;
        self.measures.resize(self.measures.len().max(stage + 1), None);
        self.measures[stage] = Some(Measure(Arc::new(measure)));
    }

    /// The stage that removed a token and what it measured (NaN where nothing was).
    pub(super) fn removal(&self, id: TokenId) -> Option<(usize, f64)> {
        let stage = *self.removed_by.get(id as usize)?;
        let measure = || self.measures.get(stage as usize)?.as_ref();
        (stage != ALIVE).then(|| (stage as usize, measure().map_or(f64::NAN, |measure| measure.0(self.score(id)))))
    }
}

/// Descending order of numbers that are never NaN.
pub(super) fn descending(a: f64, b: f64) -> Ordering {
    b.partial_cmp(&a).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

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
