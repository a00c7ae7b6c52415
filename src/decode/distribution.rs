//! The model's own distribution over the next token: the softmax of its untouched logits.

use std::cmp::Ordering;
use std::sync::OnceLock;

use super::scan::LogSum;
use super::{DecodeError, TokenId};

/// The order of tokens everywhere: the higher score first, and within equal scores the lower id.
#[must_use]
pub fn by_score(a: (f64, TokenId), b: (f64, TokenId)) -> Ordering {
    b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal).then(a.1.cmp(&b.1))
}

/// The model's own distribution: `p_i = exp(z_i) / Σ exp(z_j)`, with logarithms, ranks and entropy.
///
/// All in f64; the maximum is subtracted first, so that no logit overflows and adding a constant to all changes nothing.
#[derive(Debug)]
pub struct Distribution {
    logits: Vec<f64>,
    normalizer: LogSum,
    ranked: OnceLock<Vec<TokenId>>,
}

impl Distribution {
    /// Reads logits, one for each token of the vocabulary; minus infinity is allowed.
    ///
    /// # Errors
    /// No logits, all minus infinity, or one that is NaN or plus infinity (named).
    pub fn from_logits<L: Copy + Into<f64>>(logits: &[L]) -> Result<Self, DecodeError> {
        let logits: Vec<f64> = logits.iter().map(|&z| z.into()).collect();
        if logits.is_empty() {
            return Err(DecodeError::NoLogits);
        }
        // Counted first: a search that may stop at any logit can't take several at a time.
        let good: usize = logits.iter().map(|&z| usize::from(z < f64::INFINITY)).sum();
        if good < logits.len()
            && let Some(id) = logits.iter().position(|z| z.is_nan() || *z == f64::INFINITY)
        {
            return Err(DecodeError::BadLogit { id: id as TokenId, value: logits[id] });
        }
        let normalizer = LogSum::of_all(&logits);
        if normalizer.max == f64::NEG_INFINITY {
            return Err(DecodeError::AllMinusInfinity);
        }
        Ok(Self { logits, normalizer, ranked: OnceLock::new() })
    }

    /// The part of a distribution that was written down: these tokens alone are ranked.
    pub(super) fn recorded(logits: Vec<f64>, normalizer: LogSum, mut ids: Vec<TokenId>) -> Self {
        let score = |id: &TokenId| (logits[*id as usize], *id);
        ids.sort_unstable_by(|a, b| by_score(score(a), score(b)));
        ids.dedup();
        Self { logits, normalizer, ranked: OnceLock::from(ids) }
    }

    /// Number of tokens.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.logits.len()
    }

    pub(super) fn normalizer(&self) -> LogSum {
        self.normalizer
    }

    /// The untouched logits, by token id.
    #[must_use]
    pub fn logits(&self) -> &[f64] {
        &self.logits
    }

    /// The untouched logit of a token; minus infinity outside of the vocabulary.
    #[must_use]
    pub fn logit(&self, id: TokenId) -> f64 {
        self.logits.get(id as usize).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// log p of a token, in nats.
    #[must_use]
    pub fn logprob(&self, id: TokenId) -> f64 {
        self.normalizer.logprob(self.logit(id))
    }

    /// p of a token.
    #[must_use]
    pub fn prob(&self, id: TokenId) -> f64 {
        self.logprob(id).exp()
    }

    /// −Σ p log p, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        self.normalizer.entropy()
    }

    /// The place of a token when all are ordered by probability, from 1; equal ones by id.
    #[must_use]
    pub fn rank(&self, id: TokenId) -> usize {
        // Counted without a branch, so that the compiler can take several logits at a time.
        let here = self.logit(id);
        let before = &self.logits[..self.logits.len().min(id as usize)];
        let above: usize = self.logits.iter().map(|&z| usize::from(z > here)).sum();
        1 + above + before.iter().map(|&z| usize::from(z == here)).sum::<usize>()
    }

    /// All token ids, the most probable first. Sorted at the first call, then kept.
    #[must_use]
    pub fn ranked(&self) -> &[TokenId] {
        self.ranked.get_or_init(|| self.top(self.vocab_size()))
    }

    /// The `n` most probable token ids, the most probable first, without sorting the rest.
    #[must_use]
    pub fn top(&self, n: usize) -> Vec<TokenId> {
        let order = |a: &TokenId, b: &TokenId| by_score((self.logit(*a), *a), (self.logit(*b), *b));
        // One pass with a rising bar. Ids ascend, so that one that only equals the bar comes too late.
        let (most, mut bar) = (2 * n.max(32).min(self.vocab_size()), f64::NEG_INFINITY);
        let mut ids: Vec<TokenId> = Vec::with_capacity(most);
        for (id, &z) in self.logits.iter().enumerate() {
            if z > bar || ids.len() < n {
                if ids.len() == most {
                    ids.select_nth_unstable_by(n, order);
                    ids.truncate(n);
                    bar = ids.iter().map(|&id| self.logit(id)).fold(f64::INFINITY, f64::min);
                }
                ids.push(id as TokenId);
            }
        }
        ids.sort_unstable_by(order);
        ids.truncate(n);
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_by_hand() {
        let d = Distribution::from_logits(&[2.0, 1.0, 0.1]).unwrap();
        for (id, want) in [0.659, 0.242, 0.099].into_iter().enumerate() {
            assert!((d.prob(id as TokenId) - want).abs() < 5e-4);
        }
    }

    #[test]
    fn extreme_logits_do_not_overflow() {
        let d = Distribution::from_logits(&[10_000.0, 0.0, -10_000.0, f64::NEG_INFINITY]).unwrap();
        assert_eq!(d.prob(0), 1.0);
        assert_eq!(d.logprob(1), -10_000.0);
        assert_eq!(d.prob(3), 0.0);
        assert_eq!(d.logprob(3), f64::NEG_INFINITY);
        assert_eq!(d.entropy(), 0.0);
    }

    #[test]
    fn refusals_name_the_token() {
        let nan = Distribution::from_logits(&[0.0, f64::NAN]).unwrap_err();
        assert_eq!(nan.to_string(), "the logit of token 1 is NaN: logits must be numbers or minus infinity");
        assert!(Distribution::from_logits(&[f64::INFINITY]).is_err());
        assert_eq!(Distribution::from_logits::<f64>(&[]).unwrap_err(), DecodeError::NoLogits);
        assert_eq!(Distribution::from_logits(&[f64::NEG_INFINITY]).unwrap_err(), DecodeError::AllMinusInfinity);
    }

    #[test]
    fn the_best_are_those_of_a_full_sort() {
        let logit = |i: u32| if i.is_multiple_of(7) { f64::NEG_INFINITY } else { f64::from((i * 7919) % 101) };
        for shift in 0..5 {
            let d = Distribution::from_logits(&(shift..700 + shift).map(logit).collect::<Vec<_>>()).unwrap();
            let mut sorted: Vec<TokenId> = (0..700).collect();
            sorted.sort_by(|&a, &b| by_score((d.logit(a), a), (d.logit(b), b)));
            for n in [0, 1, 2, 31, 32, 33, 64, 200, 650, 699, 700, 900, usize::MAX] {
                assert_eq!(d.top(n), sorted[..n.min(700)], "{n}");
            }
            assert!((0..700).all(|place| d.rank(sorted[place]) == place + 1));
        }
    }

    #[test]
    fn equal_logits_are_ranked_by_id() {
        let d = Distribution::from_logits(&[1.0f32, 2.0, 1.0, 2.0, -0.0, 0.0]).unwrap();
        assert_eq!(d.ranked(), [1, 3, 0, 2, 4, 5]);
        assert_eq!(d.top(3), [1, 3, 0]);
        for (place, &id) in d.ranked().iter().enumerate() {
            assert_eq!(d.rank(id), place + 1);
        }
    }
}
