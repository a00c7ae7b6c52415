//! The model's own distribution over the next token: the softmax of its untouched logits.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use super::logits::{Logit, Logits, numbers};
use super::passes::{BLOCK, Look, largest, sum};
use super::scan::{LogSum, Scored, best, first};
use super::{DecodeError, TokenId};

/// The order of tokens everywhere: the higher score first, and within equal scores the lower id.
#[must_use]
pub fn by_score(a: (f64, TokenId), b: (f64, TokenId)) -> Ordering {
    b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal).then(a.1.cmp(&b.1))
}

/// The model's own distribution: `p_i = exp(z_i) / Σ exp(z_j)`, with logarithms, ranks and entropy.
///
/// The maximum is subtracted first, so that no logit overflows and adding a constant to all changes nothing. Every probability
/// is an exponential in f64. So is the sum of all, but for more than 16384 logits that came in f32: there log p is off by about
/// 10⁻⁸ at most, by the same for every token, and the entropy by a few 10⁻⁸; where thousands of them take only a handful of
/// values, whose rounding errors don't cancel, by 7·10⁻⁸ of the sum.
///
/// ```
/// use logitscope::decode::Distribution;
///
/// let model = Distribution::from_logits(&[2.0, 1.0, 1.0, f64::NEG_INFINITY])?;
/// assert_eq!(model.ranked(), [0, 1, 2, 3]); // of equal ones the lower id comes first
/// assert_eq!(model.rank(2), 3);
/// assert!((model.logprob(0) - model.logprob(1) - 1.0).abs() < 1e-12);
/// assert!(model.entropy() < 3f64.ln()); // three tokens, not equally probable
/// # Ok::<(), logitscope::decode::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Distribution {
    logits: Logits,
    /// The largest logit of every block.
    peaks: Vec<f64>,
    normalizer: LogSum,
    /// Σ exp(z − max) of every block.
    masses: Vec<f64>,
    ranked: OnceLock<Vec<TokenId>>,
    /// The id whose logit is that of all tokens together that are not listed.
    rest: Option<TokenId>,
}

/// The tokens that are not listed, where only their mass is known: as many as it takes if each were as probable as the least
/// probable one of the list. Exact as a mass; below temperature 1 the most, above it the least that they can have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    /// The logit of each.
    pub(super) logit: f64,
    /// The logarithm of how many there are, which needs not be whole.
    pub(super) log_count: f64,
}

impl Distribution {
    /// Reads logits, one for each token of the vocabulary; minus infinity is allowed.
    ///
    /// # Errors
    /// No logits, all minus infinity, or one that is NaN or plus infinity (named).
    pub fn from_logits<L: Logit>(logits: &[L]) -> Result<Self, DecodeError> {
        Self::new(L::keep(logits))
    }

    /// The same of a model's logits, which are shared and not copied.
    ///
    /// # Errors
    /// As [`Self::from_logits`].
    pub fn shared(logits: &Arc<[f32]>) -> Result<Self, DecodeError> {
        Self::new(Logits::Narrow(Arc::clone(logits)))
    }

    fn new(logits: Logits) -> Result<Self, DecodeError> {
        if logits.len() == 0 {
            return Err(DecodeError::NoLogits);
        }
        let (Look { peaks, is_bad }, sums) = logits.survey();
        let bad = |z: f64| z.is_nan() || z == f64::INFINITY;
        if let Some(id) = is_bad.then(|| logits.iter().position(bad)).flatten() {
            return Err(DecodeError::BadLogit { id: id as TokenId, value: logits.at(id) });
        }
        let max = largest(&peaks);
        if max == f64::NEG_INFINITY {
            return Err(DecodeError::AllMinusInfinity);
        }
        let (normalizer, masses) = match sums {
            Some((masses, weighted)) => (LogSum::of_sums(max, sum(&masses), weighted), masses),
            None => LogSum::of_logits(&logits, &peaks, max, 1.0),
        };
        Ok(Self { logits, peaks, normalizer, masses, ranked: OnceLock::new(), rest: None })
    }

    /// The same where only the most probable tokens are known one by one: the logit of `rest` is that of all others together,
    /// and what is minus infinity is not listed. The rest has no rank and is never chosen; `None` changes nothing.
    #[must_use]
    pub fn with_rest(mut self, rest: Option<TokenId>) -> Self {
        self.rest = rest.filter(|&rest| (rest as usize) < self.logits.len());
        if self.rest.is_some() {
            let listed = |id: &TokenId| Some(*id) != self.rest && self.logit(*id) > f64::NEG_INFINITY;
            let mut ids: Vec<TokenId> = (0..self.vocab_size() as TokenId).filter(listed).collect();
            ids.sort_unstable_by(|a, b| by_score((self.logit(*a), *a), (self.logit(*b), *b)));
            self.ranked = OnceLock::from(ids);
        }
        if let Some(tail) = self.tail() {
            self.normalizer = self.normalizer.with_several(tail.logit + tail.log_count, tail.log_count);
        }
        self
    }

    /// Whether tokens are missing from it that are possible.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.rest_mass().is_some_and(|mass| mass > 0.0)
    }

    /// p of all tokens together that are not listed; `None` where every token is known.
    #[must_use]
    pub fn rest_mass(&self) -> Option<f64> {
        self.rest.map(|rest| self.prob(rest))
    }

    pub(super) fn rest(&self) -> Option<TokenId> {
        self.rest
    }

    /// What is not listed, where there is any of it.
    pub(super) fn tail(&self) -> Option<Tail> {
        let least = self.rest.and_then(|_| self.ranked().last().copied()).filter(|_| self.is_partial())?;
        let logit = self.logit(least);
        Some(Tail { logit, log_count: self.rest.map_or(0.0, |rest| self.logit(rest) - logit) })
    }

    /// The part of a distribution that was written down: these tokens alone are ranked.
    pub(super) fn recorded(logits: &[f64], normalizer: LogSum, mut ids: Vec<TokenId>) -> Self {
        let score = |id: &TokenId| (logits[*id as usize], *id);
        ids.sort_unstable_by(|a, b| by_score(score(a), score(b)));
        ids.dedup();
        let logits = Logits::Wide(logits.to_vec());
        let peaks = logits.look().peaks;
        Self { logits, peaks, normalizer, masses: Vec::new(), ranked: OnceLock::from(ids), rest: None }
    }

    /// Number of tokens.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.logits.len()
    }

    pub(super) fn normalizer(&self) -> LogSum {
        self.normalizer
    }

    /// The largest logit of every block of them.
    pub(super) fn peaks(&self) -> &[f64] {
        &self.peaks
    }

    /// Σ exp(z − max) of every block of logits.
    pub(super) fn masses(&self) -> &[f64] {
        &self.masses
    }

    /// All tokens in order, where somebody has asked for them already.
    pub(super) fn known_order(&self) -> Option<&[TokenId]> {
        self.ranked.get().map(Vec::as_slice)
    }

    /// The untouched logits, by token id.
    #[must_use]
    pub fn logits(&self) -> &Logits {
        &self.logits
    }

    /// The untouched logit of a token; minus infinity outside of the vocabulary.
    #[must_use]
    pub fn logit(&self, id: TokenId) -> f64 {
        self.logits.get(id as usize).unwrap_or(f64::NEG_INFINITY)
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

    /// −Σ p log p, in nats. Where tokens are missing, a lower bound: none of them is more probable than the last one listed, so
    /// each of them has at least its surprisal.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        self.normalizer.entropy()
    }

    /// The entropy, in nats, where every token is known.
    #[must_use]
    pub fn full_entropy(&self) -> Option<f64> {
        (!self.is_partial()).then(|| self.entropy())
    }

    /// The place of a token when all are ordered by probability, from 1; equal ones by id. Of a token that is not listed, the
    /// best that it can be.
    #[must_use]
    pub fn rank(&self, id: TokenId) -> usize {
        if self.rest.is_some() {
            let before = |other: &&TokenId| by_score((self.logit(**other), **other), (self.logit(id), id)).is_lt();
            return 1 + self.ranked().iter().take_while(before).count();
        }
        let here = self.logit(id);
        1 + numbers!(&self.logits, z => before(z, &self.peaks, here, id as usize))
    }

    /// The same, where it is known: of a token that is not listed it isn't.
    #[must_use]
    pub fn known_rank(&self, id: TokenId) -> Option<usize> {
        let known = !self.is_partial() || self.logit(id) > f64::NEG_INFINITY;
        known.then(|| self.rank(id))
    }

    /// All token ids that are listed, the most probable first. Sorted at the first call, then kept.
    #[must_use]
    pub fn ranked(&self) -> &[TokenId] {
        self.ranked.get_or_init(|| self.top(self.vocab_size()))
    }

    /// The `n` most probable token ids, the most probable first, without sorting the rest.
    #[must_use]
    pub fn top(&self, n: usize) -> Vec<TokenId> {
        if self.rest.is_some() {
            return self.ranked().iter().take(n).copied().collect();
        }
        let n = n.min(self.vocab_size());
        let scored = numbers!(&self.logits, z => best(z, &self.peaks, 1.0, n));
        first(scored, n).into_iter().map(|(_, id): Scored| id).collect()
    }
}

/// How many come before the logit `here` of the token `id`.
fn before<L: Copy + Into<f64>>(z: &[L], peaks: &[f64], here: f64, id: usize) -> usize {
    let blocks = z.chunks(BLOCK).zip(peaks).enumerate().filter(|(_, (_, peak))| **peak >= here);
    let above = blocks.map(|(index, (block, _))| {
        // Counted without a branch, so that the compiler can take several logits at a time.
        let before = &block[..block.len().min(id.saturating_sub(index * BLOCK))];
        let above: usize = block.iter().map(|&z| usize::from(z.into() > here)).sum();
        above + before.iter().map(|&z| usize::from(z.into() == here)).sum::<usize>()
    });
    above.sum()
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

    /// Half of the mass is listed: 0.3 and 0.2, beside three tokens of which only the sum is known.
    #[test]
    fn a_list_and_its_rest_by_hand() {
        let logits = [0.2f64.ln(), f64::NEG_INFINITY, 0.3f64.ln(), f64::NEG_INFINITY, f64::NEG_INFINITY, 0.5f64.ln()];
        let whole = Distribution::from_logits(&logits).unwrap();
        assert_eq!((whole.rest_mass(), whole.is_partial(), whole.rank(2)), (None, false, 2));
        let list = whole.with_rest(Some(5));
        assert!((list.rest_mass().unwrap() - 0.5).abs() < 1e-12 && list.is_partial());
        assert!((list.prob(2) - 0.3).abs() < 1e-12);
        assert_eq!((list.ranked(), list.top(1)), (&[2, 0][..], vec![2]), "the rest is no token");
        assert_eq!((list.rank(2), list.rank(0), list.rank(3)), (1, 2, 3));
        assert_eq!((list.known_rank(0), list.known_rank(3)), (Some(2), None));
        assert_eq!(list.full_entropy(), None);
        // The rest is at least 2.5 tokens of 0.2.
        let bound = -(0.3 * 0.3f64.ln() + 0.7 * 0.2f64.ln());
        assert!((list.entropy() - bound).abs() < 1e-12);
        let complete = Distribution::from_logits(&[0.0, f64::NEG_INFINITY]).unwrap().with_rest(Some(1));
        assert_eq!((complete.is_partial(), complete.full_entropy()), (false, Some(0.0)));
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
