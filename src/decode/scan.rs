//! Stable sums over exponentials.

/// The logarithm of Σ exp(z), kept as the maximum and the logarithm of the rest, so that `logprob` loses no digits
/// when logits are large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LogSum {
    /// The largest z; minus infinity when there is none.
    pub(super) max: f64,
    /// log Σ exp(z − max).
    log_sum: f64,
}

impl LogSum {
    /// Two passes, in the order given.
    pub(super) fn of(z: impl Iterator<Item = f64> + Clone) -> Self {
        let max = z.clone().fold(f64::NEG_INFINITY, f64::max);
        Self::above(max, z)
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

    fn above(max: f64, z: impl Iterator<Item = f64>) -> Self {
        if max == f64::NEG_INFINITY {
            return Self { max, log_sum: 0.0 };
        }
        let sum: f64 = z.map(|z| (z - max).exp()).sum();
        Self { max, log_sum: sum.ln() }
    }

    /// log(exp(z) / Σ exp), in nats.
    pub(super) fn logprob(self, z: f64) -> f64 {
        if z == f64::NEG_INFINITY { z } else { (z - self.max) - self.log_sum }
    }

    /// exp(z) / Σ exp.
    pub(super) fn prob(self, z: f64) -> f64 {
        self.logprob(z).exp()
    }

    /// −Σ p log p in nats, over the same z.
    pub(super) fn entropy(self, z: impl Iterator<Item = f64>) -> f64 {
        let terms = z.map(|z| self.logprob(z)).filter(|log_p| *log_p > f64::NEG_INFINITY);
        terms.map(|log_p| -log_p * log_p.exp()).sum::<f64>().max(0.0)
    }
}
