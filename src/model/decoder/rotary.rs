//! Rotary position embeddings (Su and others, 2021), as transformers computes them.

use std::f64::consts::PI;

/// Rotary positions: pair `i` of a head is turned by `position · frequency[i]`.
#[derive(Clone, Debug)]
pub struct Rotary {
    /// Elements of a head that are turned, from the first on; even.
    pub dim: usize,
    /// Frequencies fall from 1 to nearly `1/base`.
    pub base: f64,
    /// What stretches them to a longer context.
    pub scaling: RotaryScaling,
    /// Which elements are pair `i`.
    pub pairing: Pairing,
}

/// Which elements of a head are a pair. One becomes the other by another order of the rows of queries and keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pairing {
    /// Elements `i` and `i + dim/2`, as in transformers.
    #[default]
    Halves,
    /// Elements `2i` and `2i + 1`, as in the paper and in GGUF files of Llama.
    Neighbours,
}

/// How frequencies are changed for a context longer than the one trained on.
#[derive(Clone, Debug, PartialEq)]
pub enum RotaryScaling {
    /// Not at all.
    None,
    /// All divided by `factor`.
    Linear {
        /// Context now over context trained on.
        factor: f64,
    },
    /// Low frequencies divided, high ones kept, those between blended: Llama 3.1.
    Llama3 {
        /// What low frequencies are divided by.
        factor: f64,
        /// Wavelengths over `original_context / low_freq_factor` are low frequencies.
        low_freq_factor: f64,
        /// Wavelengths under `original_context / high_freq_factor` are high frequencies.
        high_freq_factor: f64,
        /// The context trained on.
        original_context: usize,
    },
    /// Low frequencies divided, high ones kept, those between blended by their place: YaRN (Peng and others, 2023).
    Yarn(Yarn),
    /// Every frequency divided by a factor of its own: LongRoPE (Ding and others, 2024).
    Factors {
        /// One for each pair.
        factors: Vec<f32>,
        /// What cosines and sines are multiplied by.
        attention_factor: f64,
    },
}

/// The parameters of YaRN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yarn {
    /// What low frequencies are divided by.
    pub factor: f64,
    /// The context trained on.
    pub original_context: usize,
    /// Pairs that turn more often than this over the original context keep their frequency.
    pub beta_fast: f64,
    /// Pairs that turn less often than this have it divided.
    pub beta_slow: f64,
    /// Whether the places of these two are rounded to whole pairs.
    pub truncate: bool,
    /// What cosines and sines are multiplied by.
    pub attention_factor: f64,
}

impl Rotary {
    /// Radians per position of each pair, `dim / 2` of them.
    ///
    /// Single precision throughout, in the order of operations of transformers' `modeling_rope_utils.py`: at position 10⁵ a last
    /// bit of a frequency is an angle that shows.
    #[must_use]
    pub fn frequencies(&self) -> Vec<f32> {
        let (base, dim) = (self.base as f32, self.dim as f32);
        let powers = (0..self.dim / 2).map(|pair| base.powf((2 * pair) as f32 / dim));
        match &self.scaling {
            RotaryScaling::Yarn(yarn) => yarn.frequencies(&powers.collect::<Vec<_>>(), self.base),
            RotaryScaling::Factors { factors, .. } => {
                powers.zip(factors).map(|(power, factor)| 1.0 / (factor * power)).collect()
            }
            scaling => powers.map(|power| scaling.apply(1.0 / power)).collect(),
        }
    }

    /// What cosines and sines are multiplied by, and so scores by its square.
    #[must_use]
    pub fn attention_factor(&self) -> f32 {
        match self.scaling {
            RotaryScaling::Yarn(Yarn { attention_factor, .. }) | RotaryScaling::Factors { attention_factor, .. } => {
                attention_factor as f32
            }
            _ => 1.0,
        }
    }
}

impl Yarn {
    /// Frequencies from the powers of the base, a blend of both by the place of the pair.
    fn frequencies(&self, powers: &[f32], base: f64) -> Vec<f32> {
        let pairs = powers.len();
        // The pair that turns so often over the original context; pairs are counted in doubles here, as in the reference.
        let place = |turns: f64| {
            (2 * pairs) as f64 * (self.original_context as f64 / (turns * 2.0 * PI)).ln() / (2.0 * base.ln())
        };
        let (mut low, mut high) = (place(self.beta_fast), place(self.beta_slow));
        if self.truncate {
            (low, high) = (low.floor(), high.ceil());
        }
        let (low, mut high) = (low.max(0.0), high.min((2 * pairs) as f64 - 1.0));
        if low == high {
            high += 0.001;
        }
        let blend = |(pair, power): (usize, &f32)| {
            let ramp = ((pair as f32 - low as f32) / (high - low) as f32).clamp(0.0, 1.0);
            let kept = 1.0 - ramp;
            1.0 / (self.factor as f32 * power) * (1.0 - kept) + 1.0 / power * kept
        };
        powers.iter().enumerate().map(blend).collect()
    }
}

impl RotaryScaling {
    fn apply(&self, frequency: f32) -> f32 {
        match *self {
            Self::None | Self::Yarn(_) | Self::Factors { .. } => frequency,
            Self::Linear { factor } => frequency / factor as f32,
            Self::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => {
                let context = original_context as f64;
                let wavelength = (2.0 * PI) as f32 / frequency;
                if wavelength < (context / high_freq_factor) as f32 {
                    frequency
                } else if wavelength > (context / low_freq_factor) as f32 {
                    frequency / factor as f32
                } else {
                    let span = (high_freq_factor - low_freq_factor) as f32;
                    let smooth = (context as f32 / wavelength - low_freq_factor as f32) / span;
                    (1.0 - smooth) * frequency / factor as f32 + smooth * frequency
                }
            }
        }
    }
}

/// The turns of a chunk of tokens.
#[derive(Debug)]
pub(super) struct Turns {
    frequencies: Vec<f32>,
    attention_factor: f32,
    pairing: Pairing,
    /// Cosines, then sines, for each token.
    angles: Vec<f32>,
}

impl Turns {
    /// Room for so many tokens.
    pub(super) fn new(rotary: &Rotary, tokens: usize) -> Self {
        let frequencies = rotary.frequencies();
        Self {
            angles: vec![0.0; tokens * 2 * frequencies.len()],
            attention_factor: rotary.attention_factor(),
            pairing: rotary.pairing,
            frequencies,
        }
    }

    /// Computes the turns of tokens at these positions.
    pub(super) fn set(&mut self, positions: impl Iterator<Item = usize>) {
        let pairs = self.frequencies.len();
        for (position, angles) in positions.zip(self.angles.chunks_exact_mut(2 * pairs)) {
            let (cosines, sines) = angles.split_at_mut(pairs);
            for ((frequency, cosine), sine) in self.frequencies.iter().zip(cosines).zip(sines) {
                let angle = position as f32 * frequency;
                *cosine = angle.cos() * self.attention_factor;
                *sine = angle.sin() * self.attention_factor;
            }
        }
    }

    /// Turns the first elements of every head in `heads`, `[heads][head_dim]`, as token `place` of the chunk has it.
    pub(super) fn rotate(&self, place: usize, heads: &mut [f32], head_dim: usize) {
        let half = self.frequencies.len();
        let (cosines, sines) = self.angles[place * 2 * half..][..2 * half].split_at(half);
        for head in heads.chunks_exact_mut(head_dim) {
            match self.pairing {
                Pairing::Halves => {
                    let (first, second) = head[..2 * half].split_at_mut(half);
                    for i in 0..half {
                        (first[i], second[i]) = turn(first[i], second[i], cosines[i], sines[i]);
                    }
                }
                Pairing::Neighbours => {
                    for (i, [x, y]) in head[..2 * half].as_chunks_mut::<2>().0.iter_mut().enumerate() {
                        (*x, *y) = turn(*x, *y, cosines[i], sines[i]);
                    }
                }
            }
        }
    }
}

#[inline]
fn turn(x: f32, y: f32, cosine: f32, sine: f32) -> (f32, f32) {
    (x * cosine - y * sine, y * cosine + x * sine)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use super::*;

    #[test]
    fn frequencies_fall_from_one() {
        let rotary = Rotary { dim: 4, base: 10_000.0, scaling: RotaryScaling::None, pairing: Pairing::Halves };
        assert_eq!(rotary.frequencies(), [1.0, 0.01]);
        let scaled = Rotary { scaling: RotaryScaling::Linear { factor: 4.0 }, ..rotary.clone() };
        assert_eq!(scaled.frequencies(), [0.25, 0.0025]);
    }

    #[test]
    fn llama3_keeps_high_frequencies_and_divides_low_ones() {
        let scaling =
            RotaryScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 8192 };
        let rotary = Rotary { dim: 128, base: 500_000.0, scaling, pairing: Pairing::Halves };
        let plain = Rotary { scaling: RotaryScaling::None, ..rotary.clone() }.frequencies();
        let scaled = rotary.frequencies();
        assert_eq!(scaled[0], plain[0]);
        assert_eq!(scaled[63], plain[63] / 8.0);
        let blended = (0..64).filter(|i| scaled[*i] < plain[*i] && scaled[*i] > plain[*i] / 8.0).count();
        assert!(blended > 0);
    }

    #[test]
    fn a_turn_keeps_lengths_and_position_zero_changes_nothing() {
        let rotary = Rotary { dim: 4, base: 100.0, scaling: RotaryScaling::None, pairing: Pairing::Halves };
        let mut turns = Turns::new(&rotary, 2);
        turns.set([0, 7].into_iter());
        let mut head = [1.0, 2.0, 3.0, 4.0, 5.0];
        turns.rotate(0, &mut head, 5);
        assert_eq!(head, [1.0, 2.0, 3.0, 4.0, 5.0]);
        turns.rotate(1, &mut head, 5);
        assert!((head[0].hypot(head[2]) - 10.0_f32.sqrt()).abs() < 1e-5);
        assert_eq!(head[4], 5.0);
    }

    #[test]
    fn yarn_keeps_fast_pairs_and_divides_slow_ones() {
        let yarn = Yarn {
            factor: 4.0,
            original_context: 4096,
            beta_fast: 32.0,
            beta_slow: 1.0,
            truncate: true,
            attention_factor: 1.5,
        };
        let rotary = Rotary { dim: 64, base: 10_000.0, scaling: RotaryScaling::Yarn(yarn), pairing: Pairing::Halves };
        let plain = Rotary { scaling: RotaryScaling::None, ..rotary.clone() }.frequencies();
        let scaled = rotary.frequencies();
        // 64 ln(4096 / (32 · 2π)) / (2 ln 10⁴) = 10.47 and 64 ln(4096 / 2π) / (2 ln 10⁴) = 22.51: pairs 10 and 23.
        assert_eq!(scaled[10], plain[10]);
        assert!(scaled[11] < plain[11]);
        assert!(scaled[22] > plain[22] / 4.0);
        assert!((scaled[23] * 4.0 / plain[23] - 1.0).abs() < 1e-6);
        assert_eq!(rotary.attention_factor(), 1.5);
        let mut turns = Turns::new(&rotary, 1);
        turns.set([0].into_iter());
        let mut head = [2.0; 64];
        turns.rotate(0, &mut head, 64);
        assert_eq!(head, [3.0; 64]);
    }

    #[test]
    fn every_pair_may_have_its_own_factor() {
        let scaling = RotaryScaling::Factors { factors: vec![2.0, 4.0], attention_factor: 1.25 };
        let rotary = Rotary { dim: 4, base: 100.0, scaling, pairing: Pairing::Halves };
        assert_eq!(rotary.frequencies(), [0.5, 0.025]);
        assert_eq!(rotary.attention_factor(), 1.25);
    }
    #[test]
    fn neighbours_turn_as_halves_do_in_another_order() {
        let halves = Rotary { dim: 4, base: 100.0, scaling: RotaryScaling::None, pairing: Pairing::Halves };
        let neighbours = Rotary { pairing: Pairing::Neighbours, ..halves.clone() };
        let turned = |rotary: &Rotary, mut head: [f32; 5]| {
            let mut turns = Turns::new(rotary, 1);
            turns.set([3].into_iter());
            turns.rotate(0, &mut head, 5);
            head
        };
        let [a, b, c, d, e] = turned(&halves, [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(turned(&neighbours, [1.0, 3.0, 2.0, 4.0, 5.0]), [a, c, b, d, e]);
    }
}
