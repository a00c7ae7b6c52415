//! The best of the survivors, in order.

use super::{Candidates, FEW};
use crate::decode::logits::numbers;
use crate::decode::scan::{Scored, best, first};
use crate::decode::{Distribution, TokenId, by_score};

impl Candidates {
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
        let n = n.min(self.count);
        let of_all = || {
            let mut scored = numbers!(self.scores.base(), z => best(z, self.scores.peaks(), self.scores.divisor, n));
            if self.count < self.vocab_size() {
                scored.retain(|(_, id)| self.is_alive(*id));
            }
            // The best of all need not be alive.
            (scored.len() >= n).then_some(scored)
        };
        let one_by_one = || self.alive().map(|id| (self.score(id), id)).collect();
        let many = self.whole || (self.count > FEW && n < self.count / 8);
        let scored = if many { of_all() } else { None };
        first(scored.unwrap_or_else(one_by_one), n).into_iter().map(|(_, id)| id).collect()
    }

    /// All survivors by score, equal ones by id.
    pub(in crate::decode) fn all_ranked(&self) -> Vec<TokenId> {
        // What was only divided is mostly in the order of the model's own.
        if let Some(order) = self.scores.model().and_then(Distribution::known_order)
            && self.count > order.len() / 8
        {
            let alive = order.iter().filter(|id| self.is_alive(**id));
            let scored = alive.map(|&id| (self.scores.base().at(id as usize) / self.scores.divisor, id)).collect();
            return first(scored, self.count).into_iter().map(|(_, id)| id).collect();
        }
        self.best(self.count)
    }
}
