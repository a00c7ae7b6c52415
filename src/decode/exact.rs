//! The most probable sequence of all: best-first search with a bound that is always true.
//!
//! log-probabilities are at most 0, so the sum of a prefix bounds the sum of everything that begins with it. Prefixes are
//! therefore expanded in descending order of their sums; once no open prefix is above the best complete sequence, that
//! sequence is the optimum. This is A* with the heuristic 0 (Hart, Nilsson and Raphael 1968); pruning with the best complete
//! sequence so far makes it branch and bound. For language models: Stahlberg and Byrne 2019, arXiv:1908.10090.
//!
//! At most exp(−optimum) prefixes of one length can have a sum above the optimum, which bounds the work for short sequences.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap};

use super::TokenId;

/// Prefixes that a search expands where nobody says how many.
pub const DEFAULT_BUDGET: usize = 20_000;

/// How far a search may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens of a sequence that does not end before; at least 1.
    pub length: usize,
    /// The most prefixes that are expanded; at least 1.
    pub budget: usize,
}

/// A prefix that was taken to be expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(u32);

/// The prefix without a token: the first to be expanded.
pub const ROOT: Prefix = Prefix(0);

/// Whether a sequence is over after a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// It is an end token.
    Yes,
    /// It goes on, unless it is as long as it may get.
    No,
}

/// A token that may follow a prefix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Continuation {
    /// The token.
    pub token: TokenId,
    /// log p of the token after the prefix, in nats: at most 0.
    pub logprob: f64,
    /// Whether it ends the sequence.
    pub ends: Ends,
}

/// A complete sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Complete {
    /// Its tokens.
    pub tokens: Vec<TokenId>,
    /// Σ log p, in nats.
    pub sum: f64,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    parent: Prefix,
    token: TokenId,
    length: usize,
    sum: f64,
}

/// A prefix that may be expanded.
#[derive(Clone, Copy, Debug)]
struct Open {
    sum: f64,
    parent: Prefix,
    token: TokenId,
}

impl Ord for Open {
    /// The higher sum is greater; among equals the one that was found first, whose parent was expanded first.
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.sum.total_cmp(&other.sum);
        order.then(other.parent.cmp(&self.parent)).then(other.token.cmp(&self.token))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

/// A search under way: give it the continuations of [`ROOT`], then of whatever [`ExactSearch::take`] hands out, until it hands
/// out nothing.
#[derive(Clone, Debug)]
pub struct ExactSearch {
    limits: Limits,
    taken: Vec<Taken>,
    open: BinaryHeap<Open>,
    best: Option<Complete>,
    expanded: usize,
    /// The highest sum among prefixes that were forgotten because the budget can never reach them.
    forgotten: f64,
}

impl ExactSearch {
    /// Nothing found yet. Limits of 0 count as 1.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let limits = Limits { length: limits.length.max(1), budget: limits.budget.max(1) };
        let root = Taken { parent: ROOT, token: 0, length: 0, sum: 0.0 };
        let forgotten = f64::NEG_INFINITY;
        Self { limits, taken: vec![root], open: BinaryHeap::new(), best: None, expanded: 0, forgotten }
    }

    /// Offers a complete sequence that is known from elsewhere: only what is above its sum is searched.
    pub fn offer(&mut self, sequence: Complete) {
        if sequence.sum > self.best_sum() {
            self.best = Some(sequence);
        }
    }

    /// Takes up to `n` of the best open prefixes. Several at once are as exact as one: they may only be more than were needed.
    pub fn take(&mut self, n: usize) -> Vec<Prefix> {
        let left = self.limits.budget.saturating_sub(self.expanded);
        let best = self.best_sum();
        let mut prefixes = Vec::new();
        while prefixes.len() < n.min(left) {
            let Some(Open { sum, parent, token }) = self.open.pop() else { break };
            if sum <= best {
                // Everything that is left is no better.
                self.open.clear();
                break;
            }
            prefixes.push(Prefix(self.taken.len() as u32));
            self.taken.push(Taken { parent, token, length: self.length(parent) + 1, sum });
        }
        prefixes
    }

    /// What a taken prefix is: the prefix before it, and its last token. Nothing for [`ROOT`].
    #[must_use]
    pub fn step(&self, prefix: Prefix) -> Option<(Prefix, TokenId)> {
        let taken = self.taken.get(prefix.0 as usize).filter(|_| prefix != ROOT)?;
        Some((taken.parent, taken.token))
    }

    /// Tokens of a prefix.
    #[must_use]
    pub fn length(&self, prefix: Prefix) -> usize {
        self.taken.get(prefix.0 as usize).map_or(0, |taken| taken.length)
    }

    /// Puts the continuations of a taken prefix in their places: complete ones may be the best so far, others are open.
    pub fn expand(&mut self, prefix: Prefix, continuations: impl IntoIterator<Item = Continuation>) {
        let Some(&Taken { sum, length, .. }) = self.taken.get(prefix.0 as usize) else { return };
        self.expanded += 1;
        let last = length + 1 >= self.limits.length;
        for Continuation { token, logprob, ends } in continuations {
            let sum = sum + logprob;
            if sum <= self.best_sum() {
                continue;
            }
            if last || ends == Ends::Yes {
                let mut tokens = self.tokens(prefix);
                tokens.push(token);
                self.best = Some(Complete { tokens, sum });
            } else {
                self.open.push(Open { sum, parent: prefix, token });
            }
        }
        self.forget();
    }

    /// Keeps memory in bounds: of the open prefixes, only as many as there is budget left for can ever be taken.
    fn forget(&mut self) {
        const SLACK: usize = 4096;
        let left = self.limits.budget.saturating_sub(self.expanded);
        if self.open.len() < 2 * left + SLACK {
            return;
        }
        let mut open = std::mem::take(&mut self.open).into_vec();
        if left < open.len() {
            let (_, highest, _) = open.select_nth_unstable_by(left, |a, b| b.cmp(a));
            self.forgotten = self.forgotten.max(highest.sum);
            open.truncate(left);
        }
        self.open = open.into();
    }

    fn tokens(&self, prefix: Prefix) -> Vec<TokenId> {
        let mut tokens = Vec::with_capacity(self.length(prefix) + 1);
        let mut at = prefix;
        while let Some((parent, token)) = self.step(at) {
            tokens.push(token);
            at = parent;
        }
        tokens.reverse();
        tokens
    }

    fn best_sum(&self) -> f64 {
        self.best.as_ref().map_or(f64::NEG_INFINITY, |best| best.sum)
    }

    /// The best complete sequence so far.
    #[must_use]
    pub fn best(&self) -> Option<&Complete> {
        self.best.as_ref()
    }

    /// Prefixes expanded so far.
    #[must_use]
    pub fn expanded(&self) -> usize {
        self.expanded
    }

    /// The highest sum, in nats, that a sequence not looked at yet could have; minus infinity when there is none.
    #[must_use]
    pub fn bound(&self) -> f64 {
        let open = self.open.peek().map_or(f64::NEG_INFINITY, |open| open.sum);
        let bound = open.max(self.forgotten);
        if bound > self.best_sum() { bound } else { f64::NEG_INFINITY }
    }

    /// Whether the best sequence is the optimum: nothing that is left could be above it.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.expanded > 0 && self.bound() == f64::NEG_INFINITY
    }

    /// The prefixes that something open follows: what the model must not forget.
    #[must_use]
    pub fn live(&self) -> BTreeSet<Prefix> {
        let best = self.best_sum();
        self.open.iter().filter(|open| open.sum > best).map(|open| open.parent).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const END: TokenId = 0;

    /// Conditional log-probabilities after a prefix, from its tokens alone.
    type Model = dyn Fn(&[TokenId]) -> Vec<f64>;

    fn random(seed: u64, vocabulary: u64, sharpness: f64) -> impl Fn(&[TokenId]) -> Vec<f64> {
        move |prefix| {
            let mix = |hash: u64, x: u64| (hash ^ x).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
            let hash = prefix.iter().fold(seed, |hash, &token| mix(hash, u64::from(token) + 1));
            let weight = |id: u64| ((mix(mix(hash, id + 99), 7) >> 11) as f64 / (1u64 << 53) as f64 * sharpness).exp();
            let weights: Vec<f64> = (0..vocabulary).map(weight).collect();
            let total: f64 = weights.iter().sum();
            weights.into_iter().map(|weight| (weight / total).ln()).collect()
        }
    }

    fn brute_force(model: &Model, prefix: &mut Vec<TokenId>, length: usize) -> f64 {
        let all = model(prefix);
        let follow = |(token, logprob): (usize, f64)| {
            prefix.push(token as TokenId);
            let over = token as TokenId == END || prefix.len() == length;
            let sum = logprob + if over { 0.0 } else { brute_force(model, prefix, length) };
            prefix.pop();
            sum
        };
        all.into_iter().enumerate().map(follow).fold(f64::NEG_INFINITY, f64::max)
    }

    fn search(model: &Model, limits: Limits, batch: usize, known: Option<Complete>) -> ExactSearch {
        let mut search = ExactSearch::new(limits);
        if let Some(known) = known {
            search.offer(known);
        }
        let mut taken = vec![ROOT];
        while !taken.is_empty() {
            for prefix in taken {
                let continuation = |(token, logprob): (usize, f64)| {
                    let token = token as TokenId;
                    Continuation { token, logprob, ends: if token == END { Ends::Yes } else { Ends::No } }
                };
                let continuations: Vec<_> =
                    model(&search.tokens(prefix)).into_iter().enumerate().map(continuation).collect();
                search.expand(prefix, continuations);
            }
            taken = search.take(batch);
        }
        search
    }

    fn greedy(model: &Model, length: usize) -> Complete {
        let mut sequence = Complete { tokens: vec![], sum: 0.0 };
        while sequence.tokens.len() < length && sequence.tokens.last() != Some(&END) {
            let all = model(&sequence.tokens);
            let token = super::super::scoring::best(&all).unwrap();
            sequence.tokens.push(token as TokenId);
            sequence.sum += all[token];
        }
        sequence
    }

    proptest! {
        #[test]
        fn agrees_with_brute_force(
            seed: u64, vocabulary in 2..5u64, length in 1..6usize, sharpness in 0.0..6.0f64, batch in 1..9usize, warm: bool,
        ) {
            let model = random(seed, vocabulary, sharpness);
            let best = brute_force(&model, &mut vec![], length);
            let limits = Limits { length, budget: 1 << 20 };
            let found = search(&model, limits, batch, warm.then(|| greedy(&model, length)));
            prop_assert!(found.is_proven());
            let complete = found.best().unwrap();
            prop_assert!((complete.sum - best).abs() < 1e-9);
            let mut again = 0.0;
            for (i, &token) in complete.tokens.iter().enumerate() {
                again += model(&complete.tokens[..i])[token as usize];
            }
            prop_assert!((again - best).abs() < 1e-9);
        }

        #[test]
        fn a_budget_is_kept_and_its_bound_is_true(seed: u64, budget in 1..40usize, batch in 1..9usize, sharpness in 0.0..3.0f64) {
            let model = random(seed, 4, sharpness);
            let best = brute_force(&model, &mut vec![], 5);
            let known = greedy(&model, 5);
            let found = search(&model, Limits { length: 5, budget }, batch, Some(known));
            prop_assert!(found.expanded() <= budget);
            let sum = found.best().unwrap().sum;
            prop_assert!(sum <= best + 1e-9 && best <= sum.max(found.bound()) + 1e-9);
            prop_assert!(!found.is_proven() || (sum - best).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_forgotten_still_bounds() {
        let each = (1.0f64 / 10_000.0).ln();
        let model =
            move |_: &[TokenId]| (0..10_001).map(|id| if id == END { f64::NEG_INFINITY } else { each }).collect();
        let found = search(&model, Limits { length: 3, budget: 2 }, 1, None);
        assert!(!found.is_proven());
        assert!(found.open.len() < 10_000, "memory follows the budget");
        assert_eq!(found.bound(), each);
    }
}
