//! The random number of a step, and where it falls.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::TokenId;

/// The draw of a step: uniform in [0, 1) with 53 bits.
///
/// `ChaCha8` seeded by `seed` (as `seed_from_u64` does), one 64-bit word for each step, its upper 53 bits divided by 2^53. Each
/// further sequence of the same run has a stream of its own. Any step's number can be had at once, so that stepping back and
/// forward meets the same draws on every machine.
#[must_use]
pub fn uniform(seed: u64, sequence: u64, step: u64) -> f64 {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(sequence);
    generator.set_word_pos(2 * u128::from(step));
    (generator.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// The random number of a step for processors that act by chance: as [`uniform`], from streams that no draw uses.
#[must_use]
pub fn chance(seed: u64, sequence: u64, step: u64) -> f64 {
    uniform(seed, sequence | 1 << 63, step)
}

/// The random number of a drafted token in speculative decoding: as [`uniform`], from streams of its own.
#[must_use]
pub fn drafting(seed: u64, sequence: u64, step: u64) -> f64 {
    uniform(seed, sequence | 1 << 62, step)
}

/// The random number that accepts or rejects a drafted token: as [`uniform`], from streams of its own.
#[must_use]
pub fn verifying(seed: u64, sequence: u64, step: u64) -> f64 {
    uniform(seed, sequence | 1 << 61, step)
}

/// A draw and the token that it chose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// The random number, in [0, 1).
    pub u: f64,
    /// Where the token's interval of the cumulative probability begins.
    pub low: f64,
    /// Where it ends; u is below it.
    pub high: f64,
    /// The token.
    pub token: TokenId,
}

/// The first item, in the order given, whose cumulative probability exceeds `u`. Rounding may leave the whole sum just below
/// 1; a `u` above it chooses the last item that has any probability.
pub(super) fn draw(u: f64, tokens: impl Iterator<Item = (TokenId, f64)>) -> Option<Draw> {
    crossing(u, tokens).map_or_else(|last| last, Some)
}

/// The same where the items are not all there are: only one whose cumulative probability exceeds `u` is certain. Else the last item
/// that has any probability.
pub(super) fn crossing(u: f64, tokens: impl Iterator<Item = (TokenId, f64)>) -> Result<Draw, Option<Draw>> {
    let mut low = 0.0;
    let mut last = None;
    for (token, prob) in tokens.filter(|(_, prob)| *prob > 0.0) {
        let high = low + prob;
        if high > u {
            return Ok(Draw { u, low, high, token });
        }
        last = Some(Draw { u, low, high: 1.0, token });
        low = high;
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_reproducible() {
        let draws: Vec<f64> = (0..10_000).map(|step| uniform(7, 0, step)).collect();
        assert!(draws.iter().all(|u| (0.0..1.0).contains(u)));
        let mean = draws.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert_eq!(draws[17], uniform(7, 0, 17));
        assert_ne!(uniform(7, 0, 0), uniform(8, 0, 0));
        assert_ne!(uniform(7, 0, 0), uniform(7, 1, 0));
    }

    /// Holds the numbers themselves: another version of the generator must not change them.
    #[test]
    fn draws_are_portable() {
        let mut generator = ChaCha8Rng::seed_from_u64(42);
        for step in 0..5 {
            let u = (generator.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
            assert_eq!(uniform(42, 0, step), u);
        }
    }

    #[test]
    fn the_interval_holds_the_draw() {
        let tokens = [(4, 0.5), (2, 0.3), (9, 0.0), (7, 0.2)];
        let at = |u: f64| draw(u, tokens.into_iter()).unwrap();
        assert_eq!(at(0.0).token, 4);
        assert_eq!(at(0.5).token, 2, "the cumulative probability must exceed u");
        assert_eq!(at(0.79).token, 2);
        assert_eq!(at(0.8).token, 7);
        assert_eq!(draw(0.999, [(1, 0.5), (2, 0.3), (3, 0.0)].into_iter()).unwrap().token, 2);
        for u in [0.0, 0.1, 0.49, 0.5, 0.999] {
            let draw = at(u);
            assert!(draw.low <= u && u < draw.high);
        }
    }
}
