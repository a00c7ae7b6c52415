//! Stable sums over exponentials.

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
    /// Two passes, in the order given.
    pub(super) fn of(z: impl Iterator<Item = f64> + Clone) -> Self {
        let max = z.clone().fold(f64::NEG_INFINITY, f64::max);
        Self::above(max, z)
    }

    /// A sum that is known, with the entropy of its z.
    pub(super) fn known(log_sum: f64, entropy: f64) -> Self {
        Self { max: log_sum, rest: 0.0, entropy }
    }

    /// The same for z that lie side by side: the maximum, which no order changes, is taken in eight lanes.
    pub(super) fn of_all(z: &[f64]) -> Self {
        let mut lanes = [f64::NEG_INFINITY; 8];
        let (groups, rest) = z.as_chunks::<8>();
        for group in groups {
            for (lane, &z) in lanes.iter_mut().zip(group) {
                *lane = if z > *lane { z } else { *lane };
            }
        }
        let max = lanes.iter().chain(rest).copied().fold(f64::NEG_INFINITY, f64::max);
        Self::above(max, z.iter().copied())
    }

    /// One pass gives both: with d = z − max and S = Σ exp(d), the entropy is log S − Σ d·exp(d) / S.
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

    /// −Σ p log p, in nats.
    pub(super) fn entropy(self) -> f64 {
        self.entropy
    }
}
