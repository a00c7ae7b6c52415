//! What a stage removes, and what is known of it afterwards.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::{Candidates, FEW, Sum};
use crate::decode::TokenId;
use crate::decode::logits::numbers;
use crate::decode::nucleus::{Nucleus, nucleus};
use crate::decode::passes::{BLOCK, largest, sum, sums};
use crate::decode::scan::{LogSum, Scored, at_least};

/// What the figure of a removed token is, by its score.
#[derive(Clone)]
pub(super) struct Measure(Arc<dyn Fn(f64) -> f64 + Send + Sync>);

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Measure")
    }
}

/// What a stage has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::decode) struct Removed {
    /// How many tokens.
    pub(in crate::decode) count: usize,
    /// Their probability, of what entered the stage.
    pub(in crate::decode) mass: f64,
}

/// From this mass on a difference from 1 is as good as a sum: it loses two digits of sixteen.
const MUCH: f64 = 1.0 / 64.0;

impl Candidates {
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
            self.fates.remove(self.stage, id);
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
        let fates = &self.fates;
        let alive = |id: &TokenId| fates.is_alive(*id);
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
        numbers!(self.scores.base(), z => at_least(z, self.scores.peaks(), of, limit, show));
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
    pub(in crate::decode) fn keep_nucleus(&mut self, mass: f64) -> f64 {
        let normalizer = self.normalizer();
        let measure = move |z: f64| normalizer.prob(z);
        let Nucleus { kept, last, sum } = nucleus(self, mass, normalizer);
        self.measure(measure);
        self.keep_summed(kept, sum);
        last
    }

    /// Keeps all survivors where a filter would have kept the first `wanted`, which is as many or more; 0 filters nothing.
    pub(in crate::decode) fn keep_listed(&mut self, wanted: usize) {
        if wanted > 0 {
            self.reached |= self.rest.take().is_some() && wanted > self.count;
            self.sum.take();
        }
    }

    /// These alone survive of those that have so far; a filter cuts off what is not listed, too.
    fn keep(&mut self, kept: Vec<TokenId>) {
        self.keep_summed(kept, None);
    }

    /// The same where the sum over them may be known.
    fn keep_summed(&mut self, kept: Vec<TokenId>, sum: Option<LogSum>) {
        let before = self.count;
        if kept.len() < before {
            let (entered, by_blocks) = (self.entered.take(), self.whole && self.sum.get().is_some());
            let one_by_one = entered.is_some() && !by_blocks;
            let alive: Vec<TokenId> = if one_by_one { self.alive().collect() } else { Vec::new() };
            self.fates.keep(self.stage, &kept);
            self.list(kept);
            let sum = sum.map(|sum| Sum { sum, masses: Vec::new() });
            self.sum = sum.map_or_else(OnceLock::new, OnceLock::from);
            if let Some(entered) = &entered {
                self.removed_now.mass +=
                    if by_blocks { self.mass_by_blocks(entered) } else { self.mass_one_by_one(&alive, entered.sum) };
            }
            self.removed_now.count += before - self.count;
            self.entered = entered;
        }
        if self.rest.is_some() {
            self.sum.take();
        }
        self.cut_rest(before);
    }

    /// A filter cuts the rest off; one that removes nothing of the list may have had to keep a part of the rest.
    fn cut_rest(&mut self, before: usize) {
        self.reached |= self.rest.take().is_some() && self.count == before;
    }

    /// The probability of those that survive no more.
    fn mass_one_by_one(&self, ids: &[TokenId], entered: LogSum) -> f64 {
        let removed = ids.iter().filter(|&&id| !self.is_alive(id));
        // Not `sum`: that of nothing is −0, which would be printed.
        removed.map(|&id| entered.prob(self.score(id))).fold(0.0, |sum, p| sum + p)
    }

    /// The probability of what the present stage has removed from the whole vocabulary.
    fn mass_by_blocks(&self, entered: &Sum) -> f64 {
        let mass = 1.0 - self.normalizer().ratio(entered.sum);
        if mass >= MUCH {
            return mass;
        }
        // Blocks of which nothing is left are summed already.
        let scale = self.scores.divisor.recip();
        let largest = largest(self.scores.peaks());
        let (mut mass, mut mixed) = (0.0, Vec::new());
        for (block, whole) in entered.masses.iter().enumerate() {
            if self.fates.is_empty(block) {
                mass += whole;
                continue;
            }
            let out = |id| if self.is_alive(id as TokenId) { f64::NEG_INFINITY } else { self.scores.base().at(id) };
            mixed.extend((block * BLOCK..((block + 1) * BLOCK).min(self.vocab_size())).map(out));
        }
        entered.sum.share(mass + sum(&sums(&mixed, &[], largest, scale).0))
    }

    fn measure(&mut self, measure: impl Fn(f64) -> f64 + Send + Sync + 'static) {
        let stage = self.stage as usize;
        self.measures.resize(self.measures.len().max(stage + 1), None);
        self.measures[stage] = Some(Measure(Arc::new(measure)));
    }

    /// The stage that removed a token and what it measured (NaN where nothing was).
    pub(in crate::decode) fn removal(&self, id: TokenId) -> Option<(usize, f64)> {
        let stage = usize::from(self.fates.removed_by(id)?);
        let measure = self.measures.get(stage).and_then(Option::as_ref);
        Some((stage, measure.map_or(f64::NAN, |measure| measure.0(self.score(id)))))
    }
}
