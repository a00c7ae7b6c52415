//! Many draws against the probabilities that they come from.

use std::collections::BTreeMap;

use super::{Analysis, TokenId};

/// The least that a class of the χ² test is expected to hold (Cochran 1954).
const LEAST_EXPECTED: f64 = 5.0;

/// How often each token was drawn, and how far that is from what was to be expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    counts: BTreeMap<TokenId, u32>,
    draws: u32,
    /// The token whose share of the draws is farthest from its probability, and by how much: share minus probability.
    pub largest: (TokenId, f64),
    /// Pearson's `χ² = Σ (observed − expected)² / expected` (1900), over the tokens that are expected at least five times; all
    /// others are one class together.
    pub chi_square: f64,
    /// Classes less one: what χ² is on average when the draws follow the distribution; its deviation is √(2·degrees).
    pub degrees: usize,
}

impl Tally {
    /// Draws from the distribution after the chain, once for each random number in [0, 1), as
    /// [`Analysis::draw`] does.
    #[must_use]
    pub fn new(analysis: &Analysis, uniform: impl Iterator<Item = f64>) -> Self {
        let kept = analysis.kept();
        let probs: Vec<f64> = kept.iter().map(|&id| analysis.sampling_prob(id)).collect();
        let sums: Vec<f64> = probs
            .iter()
            .scan(0.0, |sum, p| {
                *sum += p;
                Some(*sum)
            })
            .collect();
        // Rounding may leave the whole sum below a draw, which then goes to the last token that has any probability.
        let last = probs.iter().rposition(|p| *p > 0.0).unwrap_or_default();
        let mut hits = vec![0u32; kept.len()];
        let mut draws = 0;
        for u in uniform {
            hits[sums.partition_point(|sum| *sum <= u).min(last)] += 1;
            draws += 1;
        }
        let apart = |place: usize| f64::from(hits[place]) / f64::from(draws.max(1)) - probs[place];
        let place = (0..kept.len()).max_by(|&a, &b| apart(a).abs().total_cmp(&apart(b).abs()).then(b.cmp(&a)));
        let largest = place.map_or((analysis.greedy(), 0.0), |place| (kept[place], apart(place)));
        let (chi_square, degrees) = chi_square(&hits, &probs, draws);
        let counts = kept.iter().copied().zip(hits).filter(|(_, hits)| *hits > 0).collect();
        Self { counts, draws, largest, chi_square, degrees }
    }

    /// How many draws there were.
    #[must_use]
    pub fn draws(&self) -> u32 {
        self.draws
    }

    /// The share of the draws that fell on a token, in [0, 1].
    #[must_use]
    pub fn share(&self, id: TokenId) -> f64 {
        f64::from(self.counts.get(&id).copied().unwrap_or_default()) / f64::from(self.draws.max(1))
    }

    /// Whether χ² is at most two deviations above its average: draws that follow the distribution are beyond that in about one
    /// case of thirty.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        let degrees = self.degrees as f64;
        self.chi_square <= degrees + 2.0 * (2.0 * degrees).sqrt()
    }
}

/// χ² and its degrees of freedom, over hits and probabilities that are in descending order of probability.
fn chi_square(hits: &[u32], probs: &[f64], draws: u32) -> (f64, usize) {
    let n = f64::from(draws);
    let mut classes: Vec<(f64, f64)> = Vec::new();
    let mut rest = (0.0, 0.0);
    for (&hits, &p) in hits.iter().zip(probs) {
        if n * p >= LEAST_EXPECTED {
            classes.push((f64::from(hits), n * p));
        } else {
            rest = (rest.0 + f64::from(hits), rest.1 + n * p);
        }
    }
    match classes.last_mut() {
        // Too few even together: they join the smallest class.
        Some(last) if rest.1 < LEAST_EXPECTED => *last = (last.0 + rest.0, last.1 + rest.1),
        _ => classes.push(rest),
    }
    let term = |(observed, expected): &(f64, f64)| {
        if *expected > 0.0 { (observed - expected).powi(2) / expected } else { 0.0 }
    };
    (classes.iter().map(term).sum(), classes.len() - 1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Chain, Context, Distribution, uniform};

    fn analysis(probs: &[f64], chain: &str) -> Analysis {
        let logits: Vec<f64> = probs.iter().map(|p| p.ln()).collect();
        let model = Arc::new(Distribution::from_logits(&logits).unwrap());
        Analysis::new(model, &Chain::parse(chain).unwrap(), Context::default()).unwrap()
    }

    #[test]
    fn by_hand() {
        // Ten draws from (0.5, 0.3, 0.2): six, one and three.
        let u = [0.0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.6, 0.85, 0.9, 0.95];
        let tally = Tally::new(&analysis(&[0.5, 0.3, 0.2], ""), u.into_iter());
        assert_eq!([0, 1, 2].map(|id| tally.share(id)), [0.6, 0.1, 0.3]);
        assert_eq!((tally.draws(), tally.share(9)), (10, 0.0));
        assert_eq!(tally.largest.0, 1);
        assert!((tally.largest.1 + 0.2).abs() < 1e-12);
        // Only the first is expected five times; the others are a class of five together: (6−5)²/5 + (4−5)²/5.
        assert!((tally.chi_square - 0.4).abs() < 1e-9, "{}", tally.chi_square);
        assert_eq!(tally.degrees, 1);
        assert!(tally.is_usual());
    }

    #[test]
    fn a_certain_token_leaves_nothing_to_chance() {
        let tally = Tally::new(&analysis(&[0.9, 0.1], "top_k=1"), [0.0, 0.999].into_iter());
        assert_eq!((tally.share(0), tally.chi_square, tally.degrees, tally.largest.1), (1.0, 0.0, 0, 0.0));
        assert!(tally.is_usual());
        let none = Tally::new(&analysis(&[0.9, 0.1], ""), std::iter::empty());
        assert_eq!((none.draws(), none.share(0)), (0, 0.0));
    }

    #[test]
    fn numbers_that_are_not_uniform_stand_out() {
        let tally = Tally::new(&analysis(&[0.5, 0.3, 0.2], ""), (0..1000).map(|i| f64::from(i) / 2000.0));
        assert_eq!(tally.share(0), 1.0);
        assert!(!tally.is_usual());
    }

    proptest! {
        #[test]
        fn every_draw_is_that_of_the_step(weights in prop::collection::vec(0.01..9.0f64, 1..30), u in 0.0..1.0f64, k in 1usize..9) {
            let analysis = analysis(&weights, &format!("top_k={k}"));
            let tally = Tally::new(&analysis, std::iter::once(u));
            prop_assert_eq!(tally.share(analysis.draw(u).token), 1.0);
        }

        #[test]
        fn shares_sum_to_one(weights in prop::collection::vec(0.01..9.0f64, 1..30), seed in 0u64..99) {
            let tally = Tally::new(&analysis(&weights, ""), (0..200).map(|i| uniform(seed, i, 0)));
            let ids = 0..weights.len() as TokenId;
            prop_assert!((ids.map(|id| tally.share(id)).sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(tally.chi_square >= 0.0 && tally.degrees < weights.len());
        }
    }
}
