//! What temperature does to a distribution, exactly and over the whole vocabulary.

use super::Distribution;
use super::scan::LogSum;

/// The model's distribution at a temperature: `p_i(T) = exp(z_i / T) / Σ_j exp(z_j / T)` (Ackley, Hinton and Sejnowski 1985).
///
/// Dividing by T never changes the order of tokens, adding a constant to all logits changes nothing, and T = 1 is the model's
/// own distribution. Towards T = 0 everything goes to the best token, or in equal parts to all that tie with it; towards
/// infinity every token that is possible at all gets the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tempered {
    temperature: f64,
    best: f64,
    sum: LogSum,
}

impl Tempered {
    /// One pass over the logits. `temperature` may be 0 and infinity: these are the limits. What is below 0, or not a number,
    /// counts as 0.
    #[must_use]
    pub fn new(model: &Distribution, temperature: f64) -> Self {
        let temperature = temperature.max(0.0);
        let Some(tail) = model.tail() else {
            let best = model.normalizer().max;
            let one_by_one = || LogSum::above(0.0, model.logits().iter().map(|z| scaled(z, best, temperature)));
            let sum = LogSum::of_many_differences(model.logits(), model.peaks(), best, temperature)
                .unwrap_or_else(one_by_one);
            return Self { temperature, best, sum };
        };
        // Of a list: its tokens, and all others together.
        let listed = model.ranked();
        let best = listed.first().map_or(tail.logit, |&id| model.logit(id));
        let rest = scaled(tail.logit, best, temperature) + tail.log_count;
        let terms = listed.iter().map(|&id| scaled(model.logit(id), best, temperature)).chain([rest]);
        let sum = LogSum::above(0.0, terms).with_several(rest, tail.log_count);
        Self { temperature, best, sum }
    }

    /// T, in [0, ∞].
    #[must_use]
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// p of a token whose untouched logit is `logit`, in [0, 1].
    #[must_use]
    pub fn prob(&self, logit: f64) -> f64 {
        self.sum.prob(scaled(logit, self.best, self.temperature))
    }

    /// `H(T) = −Σ p log p`, in nats; it never falls when T rises.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        self.sum.entropy()
    }

    /// exp(H): how many equally probable tokens are as uncertain (the perplexity of the distribution), from 1.
    #[must_use]
    pub fn choices(&self) -> f64 {
        self.entropy().exp()
    }
}

/// (z − best) / T, and its limits: of 0 / 0 for the best tokens, of −∞ / ∞ for the impossible ones.
fn scaled(z: f64, best: f64, temperature: f64) -> f64 {
    if z == best {
        0.0
    } else if z == f64::NEG_INFINITY {
        z
    } else {
        (z - best) / temperature
    }
}

/// `count` numbers from `low` to `high`, both above 0, each the same multiple of the one before.
#[must_use]
pub fn logarithmic(low: f64, high: f64, count: usize) -> Vec<f64> {
    let last = count.saturating_sub(1).max(1) as f64;
    (0..count).map(|i| low * (high / low).powf(i as f64 / last)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(logits: &[f64], temperature: f64) -> (Tempered, Vec<f64>) {
        let model = Distribution::from_logits(logits).unwrap();
        let tempered = Tempered::new(&model, temperature);
        (tempered, logits.iter().map(|&z| tempered.prob(z)).collect())
    }

    fn close(got: &[f64], want: &[f64]) {
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?} is not {want:?}");
    }

    /// 0.4 and 0.1 are listed; what is left is five times 0.1.
    #[test]
    fn a_rest_is_heated_as_tokens_like_the_last_of_the_list() {
        let logits = [0.4f64, 0.1, 0.5].map(f64::ln);
        let model = Distribution::from_logits(&logits).unwrap().with_rest(Some(2));
        let close = |temperature: f64, want: f64| {
            let got = Tempered::new(&model, temperature).prob(logits[0]);
            assert!((got - want).abs() < 1e-12, "{got} is not {want}");
        };
        close(1.0, 0.4);
        close(0.5, 0.16 / (0.16 + 6.0 * 0.01));
        close(0.0, 1.0);
        close(f64::INFINITY, 1.0 / 7.0);
        assert!((Tempered::new(&model, f64::INFINITY).entropy() - 7f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn by_hand() {
        // exp(z) = 4, 2, 2: squared at T = ½, their roots at T = 2.
        let logits = [4f64.ln(), 2f64.ln(), 2f64.ln()];
        let (one, probs) = at(&logits, 1.0);
        close(&probs, &[0.5, 0.25, 0.25]);
        assert!((one.entropy() - 1.5 * 2f64.ln()).abs() < 1e-12);
        assert!((one.choices() - 8f64.sqrt()).abs() < 1e-12);
        close(&at(&logits, 0.5).1, &[2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0]);
        let whole = 2.0 + 2.0 * 2f64.sqrt();
        close(&at(&logits, 2.0).1, &[2.0 / whole, 2f64.sqrt() / whole, 2f64.sqrt() / whole]);
    }

    #[test]
    fn the_limits_are_one_hot_and_uniform() {
        let logits = [1.0, 3.0, f64::NEG_INFINITY, 3.0, -700.0];
        let (cold, probs) = at(&logits, 0.0);
        close(&probs, &[0.0, 0.5, 0.0, 0.5, 0.0]);
        assert!((cold.choices() - 2.0).abs() < 1e-12, "equal ones share");
        let (hot, probs) = at(&logits, f64::INFINITY);
        close(&probs, &[0.25, 0.25, 0.0, 0.25, 0.25]);
        assert!((hot.choices() - 4.0).abs() < 1e-12, "what is impossible stays impossible");
        close(&at(&logits, 1e-9).1, &[0.0, 0.5, 0.0, 0.5, 0.0]);
        close(&at(&logits, 1e15).1, &[0.25, 0.25, 0.0, 0.25, 0.25]);
    }

    #[test]
    fn temperatures_that_are_none_count_as_zero() {
        for temperature in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(at(&[1.0, 0.0], temperature).1, [1.0, 0.0]);
        }
        assert_eq!(at(&[f64::MAX, f64::MIN], 1e-300).1, [1.0, 0.0], "nothing overflows");
    }

    #[test]
    fn steps_of_equal_ratio() {
        close(&logarithmic(0.1, 10.0, 3), &[0.1, 1.0, 10.0]);
        assert_eq!(logarithmic(0.5, 8.0, 1), [0.5]);
        assert!(logarithmic(0.5, 8.0, 0).is_empty());
    }

    proptest! {
        #[test]
        fn ranks_never_change_and_all_sums_to_one(logits in prop::collection::vec(-30.0..30.0f64, 1..40), t in 0.01..50.0f64) {
            let (_, probs) = at(&logits, t);
            prop_assert!((probs.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            for (z, p) in logits.iter().zip(&probs) {
                prop_assert!(logits.iter().zip(&probs).all(|(y, q)| z < y || p >= q));
            }
        }

        #[test]
        fn a_constant_changes_nothing(logits in prop::collection::vec(-30.0..30.0f64, 1..40), t in 0.01..50.0f64, c in -99.0..99.0f64) {
            let moved: Vec<f64> = logits.iter().map(|z| z + c).collect();
            for (p, q) in at(&logits, t).1.iter().zip(&at(&moved, t).1) {
                prop_assert!((p - q).abs() < 1e-9);
            }
        }

        #[test]
        fn entropy_never_falls_when_it_gets_warmer(logits in prop::collection::vec(-30.0..30.0f64, 1..40), t in 0.01..50.0f64, more in 1.0..9.0f64) {
            let (cool, warm) = (at(&logits, t).0, at(&logits, t * more).0);
            prop_assert!(cool.entropy() <= warm.entropy() + 1e-9);
            prop_assert!(at(&logits, 0.0).0.entropy() <= cool.entropy() + 1e-9);
            prop_assert!(warm.entropy() <= (logits.len() as f64).ln() + 1e-9);
        }

        #[test]
        fn one_is_the_models_own(logits in prop::collection::vec(-30.0..30.0f64, 1..40)) {
            let model = Distribution::from_logits(&logits).unwrap();
            for (id, p) in (0..).zip(at(&logits, 1.0).1) {
                prop_assert!((p - model.prob(id)).abs() < 1e-12);
            }
        }
    }
}
