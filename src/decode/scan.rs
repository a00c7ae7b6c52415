//! Stable sums over exponentials, and the best of many numbers.

use std::cmp::Ordering;
use std::ops::Range;

use super::logits::{Logits, numbers};
use super::passes::{BLOCK, GROUP, Number, groups_in, sum, sums};
use super::{TokenId, by_score};

/// From here on exponentials are taken several at a time.
const MANY: usize = 256;

/// The logarithm of Σ exp(z), kept as the maximum and the logarithm of the rest, so that `logprob` loses no digits
/// when logits are large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LogSum {
    /// The largest z; minus infinity when there is none.
    pub(super) max: f64,
    /// log Σ exp(z − max).
    rest: f64,
    /// −Σ p log p, in nats.
    entropy: f64,
}

impl LogSum {
    /// Of any z: few in the order given, many in blocks.
    pub(super) fn of(z: &[f64]) -> Self {
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if z.len() < MANY { Self::above(max, z.iter().copied()) } else { Self::of_blocks(z, &[], max, 1.0).0 }
    }

    /// A sum that is known, with the entropy of its z.
    pub(super) fn known(log_sum: f64, entropy: f64) -> Self {
        Self { max: log_sum, rest: 0.0, entropy }
    }

    /// Of z / divisor, where `max` is the largest z; and Σ exp((z − max) / divisor) of every [`BLOCK`].
    pub(super) fn of_logits(z: &Logits, peaks: &[f64], max: f64, divisor: f64) -> (Self, Vec<f64>) {
        numbers!(z, z => Self::of_blocks(z, peaks, max, divisor))
    }

    fn of_blocks<L: Number>(z: &[L], peaks: &[f64], max: f64, divisor: f64) -> (Self, Vec<f64>) {
        let largest = max / divisor;
        if max == f64::NEG_INFINITY {
            return (Self { max, rest: 0.0, entropy: 0.0 }, vec![0.0; z.len().div_ceil(BLOCK)]);
        }
        if z.len() < MANY {
            let divided = |z: &L| (*z).into() / divisor;
            let mass = |block: &[L]| block.iter().map(|z| (divided(z) - largest).exp()).sum();
            return (Self::above(largest, z.iter().map(divided)), z.chunks(BLOCK).map(mass).collect());
        }
        let (masses, weighted) = sums(z, peaks, max, divisor.recip());
        (Self::of_sums(largest, sum(&masses), weighted), masses)
    }

    /// Of the differences (z − max) / divisor, where they are many.
    pub(super) fn of_many_differences(z: &Logits, peaks: &[f64], max: f64, divisor: f64) -> Option<Self> {
        let scale = divisor.recip();
        (z.len() >= MANY && scale.is_normal()).then(|| {
            let (masses, weighted) = numbers!(z, z => sums(z, peaks, max, scale));
            Self::of_sums(0.0, sum(&masses), weighted)
        })
    }

    /// One pass gives both sums.
    pub(super) fn above(max: f64, z: impl Iterator<Item = f64>) -> Self {
        if max == f64::NEG_INFINITY {
            return Self { max, rest: 0.0, entropy: 0.0 };
        }
        let (mut sum, mut weighted) = (0.0, 0.0);
        for d in z.map(|z| z - max) {
            let e = d.exp();
            sum += e;
            // Minus infinity weighs nothing, and 0 · ∞ is not a number.
            weighted += if e > 0.0 { d * e } else { 0.0 };
        }
        Self::of_sums(max, sum, weighted)
    }

    /// With d = z − max, S = Σ exp(d) and W = Σ d·exp(d), the entropy is log S − W / S.
    pub(super) fn of_sums(max: f64, sum: f64, weighted: f64) -> Self {
        let log_sum = f64::ln(sum);
        Self { max, rest: log_sum, entropy: (log_sum - weighted / sum).max(0.0) }
    }

    /// The same where one of the z is that of several equal ones together: the logarithm of their number counts in the entropy.
    pub(super) fn with_several(self, z: f64, log_count: f64) -> Self {
        Self { entropy: self.entropy + self.prob(z) * log_count.max(0.0), ..self }
    }

    /// log(exp(z) / Σ exp), in nats.
    pub(super) fn logprob(self, z: f64) -> f64 {
        if z == f64::NEG_INFINITY { z } else { (z - self.max) - self.rest }
    }

    /// exp(z) / Σ exp.
    pub(super) fn prob(self, z: f64) -> f64 {
        self.logprob(z).exp()
    }

    /// The score whose probability is `prob`.
    pub(super) fn score(self, prob: f64) -> f64 {
        self.max + self.rest + prob.ln()
    }

    /// What all of these are together of what all of the others are.
    pub(super) fn ratio(self, others: Self) -> f64 {
        ((self.max - others.max) + (self.rest - others.rest)).exp()
    }

    /// The share of a mass Σ exp(z − max).
    pub(super) fn share(self, mass: f64) -> f64 {
        mass * (-self.rest).exp()
    }

    /// −Σ p log p, in nats.
    pub(super) fn entropy(self) -> f64 {
        self.entropy
    }
}

/// A score and its token.
pub(super) type Scored = (f64, TokenId);

/// The first `n` by [`by_score`], in order.
pub(super) fn first(mut scored: Vec<Scored>, n: usize) -> Vec<Scored> {
    let order = |a: &Scored, b: &Scored| by_score(*a, *b);
    if n < scored.len() {
        scored.select_nth_unstable_by(n, order);
        scored.truncate(n);
    }
    // What is in order already costs one look, and for many it pays to compare whole numbers.
    if !scored.is_sorted_by(|a, b| order(a, b) != Ordering::Greater) {
        if scored.len() < MANY {
            scored.sort_unstable_by(order);
        } else {
            scored.sort_unstable_by_key(|&scored| key(scored));
        }
    }
    scored
}

/// A number that is the smaller the earlier [`by_score`] has the token.
fn key((score, id): Scored) -> u128 {
    // Adding 0 makes one of both zeros.
    let bits = (score + 0.0).to_bits();
    let ascending = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    u128::from(!ascending) << 32 | u128::from(id)
}

/// The first `n` of z / divisor by [`by_score`] and mostly some more, where `peaks` are those of z.
pub(super) fn best<L: Number>(z: &[L], peaks: &[f64], divisor: f64, n: usize) -> Vec<Scored> {
    if !(1..=peaks.len() * 3 / 4).contains(&n) {
        return best_by_rising_bar(z, divisor, n);
    }
    // Of the blocks whose peaks are the best n, each has at least one.
    let mut highest = peaks.to_vec();
    let bar = *highest.select_nth_unstable_by(n - 1, |a, b| b.total_cmp(a)).1 / divisor;
    let mut scored = Vec::with_capacity(2 * n);
    at_least(z, peaks, |z| z / divisor, bar, |found| scored.extend_from_slice(found));
    scored
}

/// The same in one pass. Ids ascend, so that one that only equals the bar comes too late.
fn best_by_rising_bar<L: Copy + Into<f64>>(z: &[L], divisor: f64, n: usize) -> Vec<Scored> {
    let (most, mut bar) = (2 * n.min(z.len()).max(32), f64::NEG_INFINITY);
    let mut scored: Vec<Scored> = Vec::with_capacity(most.min(z.len()));
    for (id, &z) in (0..).zip(z) {
        let score = z.into() / divisor;
        if score > bar || scored.len() < n {
            if scored.len() == most {
                scored.select_nth_unstable_by(n, |a, b| by_score(*a, *b));
                scored.truncate(n);
                bar = scored.iter().map(|(score, _)| *score).fold(f64::INFINITY, f64::min);
            }
            scored.push((score, id));
        }
    }
    scored
}

/// Shows every number of a range, with its token, by ascending id.
pub(super) fn within<L: Number>(z: &[L], peaks: &[f64], range: Range<L>, mut show: impl FnMut(L, TokenId)) {
    each_group(z, peaks, &range, |begin, group| {
        for (id, z) in (begin..).zip(group).filter(|(_, z)| range.contains(z)) {
            show(*z, id as TokenId);
        }
    });
}

/// Shows the token of every number from `least` on, by ascending id, where they are many.
pub(super) fn from<L: Number>(z: &[L], peaks: &[f64], least: L, mut show: impl FnMut(&[TokenId])) {
    for (index, block) in z.chunks(BLOCK).enumerate().filter(|(index, _)| peaks[*index] >= least.into()) {
        let (mut ids, mut count) = ([0; BLOCK], 0);
        // Written first and counted then, since nobody can guess which token it will be.
        for (id, z) in (index * BLOCK..).zip(block) {
            ids[count % BLOCK] = id as TokenId;
            count += usize::from(*z >= least);
        }
        show(&ids[..count]);
    }
}

/// Shows every token whose `measure`, which must not fall when z rises, is at least `limit`, with that measure, by ascending id.
pub(super) fn at_least<L: Number>(
    z: &[L],
    peaks: &[f64],
    measure: impl Fn(f64) -> f64,
    limit: f64,
    mut show: impl FnMut(&[Scored]),
) {
    // A measure may fall by a rounding error all the same.
    let surely_below = limit - limit.abs() * 1e-12;
    let Some(least) = L::least(|z| measure(z.into()) >= surely_below) else { return };
    let mut found = [(0.0, 0); GROUP];
    each_group(z, peaks, &(least..L::INFINITY), |begin, group| {
        let (mut places, mut count) = ([0; GROUP], 0);
        // Written first and counted then, since nobody can guess which token it will be.
        for (place, z) in group.iter().enumerate() {
            places[count] = place;
            count += usize::from(*z >= least);
        }
        let mut enough = 0;
        for &place in &places[..count] {
            let measured = measure(group[place].into());
            found[enough] = (measured, (begin + place) as TokenId);
            enough += usize::from(measured >= limit);
        }
        show(&found[..enough]);
    });
}

/// Shows every [`GROUP`] that has a number of a range, and where it begins.
fn each_group<L: Number>(z: &[L], peaks: &[f64], range: &Range<L>, mut show: impl FnMut(usize, &[L])) {
    for (index, block) in z.chunks(BLOCK).enumerate().filter(|(index, _)| peaks[*index] >= range.start.into()) {
        let groups = groups_in(block, range);
        let begins = (0..BLOCK / GROUP).filter(|group| groups >> group & 1 == 1).map(|group| group * GROUP);
        for begin in begins {
            show(index * BLOCK + begin, &block[begin..block.len().min(begin + GROUP)]);
        }
    }
}
