//! The tokens that are still in the race, with their scores, and who removed each of the others.

use std::cmp::Ordering;

use super::distribution::Tail;
use super::scan::LogSum;
use super::{Distribution, RecordedToken, TokenId, by_score};

/// In `removed_by`: no stage removed this token.
const ALIVE: u8 = u8::MAX;

/// The most stages a chain may have.
pub(super) const MAX_STAGES: usize = ALIVE as usize;

/// The working state of a chain: a score for every token of the vocabulary, the set of those that survive, and for each
/// removed one the stage and the figure that it was removed for.
///
/// Survivors are ordered lazily: [`Candidates::ranked`] sorts only as far as a filter asks.
#[derive(Clone, Debug)]
pub struct Candidates {
    scores: Vec<f64>,
    alive: Vec<TokenId>,
    sorted: usize,
    removed_by: Vec<u8>,
    measured: Vec<f64>,
    stage: u8,
    removed_now: Vec<TokenId>,
    rest: Option<Tail>,
    /// Whether the present stage may have had to keep a part of the rest.
    reached: bool,
}

impl Candidates {
    /// All tokens alive, with the model's logits as scores. Shape: `[vocab_size]`.
    #[must_use]
    pub fn new(logits: &[f64]) -> Self {
        Self {
            scores: logits.to_vec(),
            alive: (0..logits.len() as TokenId).collect(),
            sorted: 0,
            removed_by: vec![ALIVE; logits.len()],
            measured: vec![0.0; logits.len()],
            stage: 0,
            removed_now: Vec::new(),
            rest: None,
            reached: false,
        }
    }

    /// The tokens that a distribution lists, with these scores, one for each of the vocabulary. What it does not list can't be
    /// chosen, but counts as a mass until a filter cuts it off.
    #[must_use]
    pub(super) fn of(model: &Distribution, scores: &[f64]) -> Self {
        let mut candidates = Self::new(scores);
        if let Some(rest) = model.rest() {
            let offset = model.ranked().last().map_or(0.0, |&id| scores[id as usize] - model.logit(id));
            candidates.alive = model.ranked().to_vec();
            candidates.scores[rest as usize] = f64::NEG_INFINITY;
            candidates.rest = model.tail().map(|tail| Tail { logit: tail.logit + offset, ..tail });
        }
        candidates
    }

    /// Takes the place of these candidates: those that were written down, with log p after the chain for scores.
    pub(super) fn recorded(&mut self, vocab_size: usize, tokens: &[RecordedToken]) {
        *self = Self::new(&vec![f64::NEG_INFINITY; vocab_size]);
        self.alive.clear();
        for token in tokens {
            let id = token.id as usize;
            self.scores[id] = token.sampling_logprob;
            match token.removed_by.filter(|stage| *stage < MAX_STAGES) {
                Some(stage) => (self.removed_by[id], self.measured[id]) = (stage as u8, f64::NAN),
                None => self.alive.push(token.id),
            }
        }
        self.alive.sort_unstable();
        self.alive.dedup();
    }

    /// Number of tokens, alive or not.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.scores.len()
    }

    /// The survivors, in no particular order.
    #[must_use]
    pub fn alive(&self) -> &[TokenId] {
        &self.alive
    }

    /// Whether a token survives.
    #[must_use]
    pub fn is_alive(&self, id: TokenId) -> bool {
        self.removed_by.get(id as usize) == Some(&ALIVE)
    }

    /// The score of a token: its logit as the chain has changed it. A removed token keeps the one it was removed with.
    #[must_use]
    pub fn score(&self, id: TokenId) -> f64 {
        self.scores.get(id as usize).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// The highest score among the survivors.
    #[must_use]
    pub fn max_score(&self) -> f64 {
        self.alive_scores().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The first `n` survivors by score, equal ones by id; all of them when there are fewer.
    pub fn ranked(&mut self, n: usize) -> &[TokenId] {
        let n = n.min(self.alive.len());
        if self.sorted < n {
            let scores = &self.scores;
            let order = |a: &TokenId, b: &TokenId| by_score((scores[*a as usize], *a), (scores[*b as usize], *b));
            // Growing by half keeps the repeated selections linear in what is finally asked for.
            let target = n.max(self.sorted + self.sorted / 2).min(self.alive.len());
            let (tail, want) = (&mut self.alive[self.sorted..], target - self.sorted);
            if want < tail.len() {
                tail.select_nth_unstable_by(want, order);
            }
            tail[..want].sort_unstable_by(order);
            self.sorted = target;
        }
        &self.alive[..n]
    }

    /// log p of a score among the survivors as they are now, and what is not listed. Costs a pass: take it once, use it often.
    pub(super) fn normalizer(&self) -> LogSum {
        let sum = LogSum::of(self.alive_scores().chain(self.rest_score()));
        self.rest.map_or(sum, |rest| sum.with_several(rest.logit + rest.log_count, rest.log_count))
    }

    /// The score of all tokens together that are not listed, where they still count.
    pub(super) fn rest_score(&self) -> Option<f64> {
        self.rest.map(|rest| rest.logit + rest.log_count)
    }

    /// From here on only what is listed counts.
    pub(super) fn drop_rest(&mut self) {
        self.rest = None;
    }

    /// Whether the present stage may have had to keep tokens that are not listed.
    pub(super) fn has_reached_rest(&self) -> bool {
        self.reached
    }

    /// A filter cuts the rest off; one that removes nothing of the list may have had to keep a part of the rest.
    fn cut_rest(&mut self, before: usize) {
        self.reached |= self.rest.take().is_some() && self.alive.len() == before;
    }

    /// Gives a surviving token another score; minus infinity removes it. A removed token stays as it is.
    pub fn set_score(&mut self, id: TokenId, score: f64) {
        if !self.is_alive(id) || score == self.score(id) {
            return;
        }
        if score == f64::NEG_INFINITY {
            self.remove(&[id]);
        } else {
            self.scores[id as usize] = score;
            self.sorted = 0;
        }
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
        for &id in &self.alive {
            self.scores[id as usize] = change(id, self.scores[id as usize]);
        }
        self.sorted = 0;
    }

    /// Removes these tokens outright: nothing is measured.
    pub fn remove(&mut self, ids: &[TokenId]) {
        self.remove_measured(ids, |_, _| f64::NAN);
    }

    /// Removes these tokens; of each one `measure` (of id and score) is noted.
    pub fn remove_measured(&mut self, ids: &[TokenId], measure: impl Fn(TokenId, f64) -> f64) {
        let mut any = false;
        for &id in ids {
            if self.is_alive(id) {
                self.bury(id, measure(id, self.scores[id as usize]));
                any = true;
            }
        }
        if any {
            self.drop_buried();
        }
    }

    /// Keeps the survivors whose `measure` (of id and score) is at least `limit`.
    pub fn keep_at_least(&mut self, limit: f64, measure: impl Fn(TokenId, f64) -> f64) {
        let before = self.alive.len();
        for i in 0..self.alive.len() {
            let id = self.alive[i];
            let measured = measure(id, self.scores[id as usize]);
            if measured < limit {
                self.bury(id, measured);
            }
        }
        self.drop_buried();
        self.cut_rest(before);
    }

    /// Keeps the first `n` survivors by score; of each other one `measure` (of id and score) is noted.
    pub fn keep_first(&mut self, n: usize, measure: impl Fn(TokenId, f64) -> f64) {
        self.ranked(n);
        let before = self.alive.len();
        for i in n.min(self.alive.len())..self.alive.len() {
            let id = self.alive[i];
            self.bury(id, measure(id, self.scores[id as usize]));
        }
        self.drop_buried();
        self.cut_rest(before);
    }

    /// Keeps all survivors where a filter would have kept the first `wanted`, which is as many or more; 0 filters nothing.
    pub(super) fn keep_listed(&mut self, wanted: usize) {
        if wanted > 0 {
            self.reached |= self.rest.take().is_some() && wanted > self.alive.len();
        }
    }

    /// The stage whose removals come next, counted from 0.
    pub(super) fn begin_stage(&mut self, stage: usize) {
        debug_assert!(stage < MAX_STAGES);
        self.stage = stage as u8;
        self.removed_now.clear();
        self.reached = false;
    }

    /// What the present stage has removed so far.
    pub(super) fn removed_now(&self) -> &[TokenId] {
        &self.removed_now
    }

    /// The stage that removed a token and what it measured (NaN where nothing was).
    pub(super) fn removal(&self, id: TokenId) -> Option<(usize, f64)> {
        let stage = *self.removed_by.get(id as usize)?;
        (stage != ALIVE).then(|| (stage as usize, self.measured[id as usize]))
    }

    /// The survivors, all in order, and every token's score.
    pub(super) fn alive_scores(&self) -> impl Iterator<Item = f64> + Clone {
        self.alive.iter().map(|&id| self.scores[id as usize])
    }

    fn bury(&mut self, id: TokenId, measured: f64) {
        self.removed_by[id as usize] = self.stage;
        self.measured[id as usize] = measured;
        self.removed_now.push(id);
    }

    fn drop_buried(&mut self) {
        let removed_by = &self.removed_by;
        let sorted = self.alive[..self.sorted].iter().filter(|&&id| removed_by[id as usize] == ALIVE).count();
        self.alive.retain(|&id| removed_by[id as usize] == ALIVE);
        self.sorted = sorted;
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
        candidates.keep_at_least(2.0, |_, z| z);
        assert_eq!(candidates.removal(2), Some((4, 1.0)));
        assert_eq!(candidates.removal(0), None);
        assert_eq!(candidates.removed_now(), [2]);
        candidates.set_score(2, 9.0);
        assert_eq!(candidates.ranked(3), [0, 1], "what is removed stays removed");
    }
}
