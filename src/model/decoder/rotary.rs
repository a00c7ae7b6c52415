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
    /// Each divided by its own factor.
    Factors {
        /// One for each pair.
        factors: Vec<f32>,
    },
}

impl Rotary {
    /// Radians per position of each pair, `dim / 2` of them.
    ///
    /// Single precision throughout, in the order of operations of transformers' `modeling_rope_utils.py`: at position 10⁵ a last
    /// bit of a frequency is an angle that shows.
    #[must_use]
    pub fn frequencies(&self) -> Vec<f32> {
        let (base, dim) = (self.base as f32, self.dim as f32);
        let plain = (0..self.dim / 2).map(|pair| 1.0 / base.powf((2 * pair) as f32 / dim));
        match &self.scaling {
            RotaryScaling::Factors { factors } => plain.zip(factors).map(|(plain, factor)| plain / factor).collect(),
            scaling => plain.map(|frequency| scaling.apply(frequency)).collect(),
        }
    }
}

impl RotaryScaling {
    fn apply(&self, frequency: f32) -> f32 {
        match *self {
            Self::None | Self::Factors { .. } => frequency,
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

/// Writes the cosines and sines of a position over `out`, `frequencies.len()` of each.
pub(super) fn angles(frequencies: &[f32], position: usize, out: &mut [f32]) {
    let (cosines, sines) = out.split_at_mut(frequencies.len());
    for ((frequency, cosine), sine) in frequencies.iter().zip(cosines).zip(sines) {
        let angle = position as f32 * frequency;
        *cosine = angle.cos();
        *sine = angle.sin();
    }
}

/// Turns the first elements of every head in `heads`, `[heads][head_dim]`, by `angles`.
pub(super) fn rotate(heads: &mut [f32], head_dim: usize, angles: &[f32], pairing: Pairing) {
    let half = angles.len() / 2;
    let (cosines, sines) = angles.split_at(half);
    for head in heads.chunks_exact_mut(head_dim) {
        match pairing {
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
        let frequencies = [1.0, 0.1];
        let mut angle = [0.0; 4];
        let mut head = [1.0, 2.0, 3.0, 4.0, 5.0];
        angles(&frequencies, 0, &mut angle);
        rotate(&mut head, 5, &angle, Pairing::Halves);
        assert_eq!(head, [1.0, 2.0, 3.0, 4.0, 5.0]);
        angles(&frequencies, 7, &mut angle);
        rotate(&mut head, 5, &angle, Pairing::Halves);
        assert!((head[0].hypot(head[2]) - 10.0_f32.sqrt()).abs() < 1e-5);
        assert_eq!(head[4], 5.0);
    }
    #[test]
    fn neighbours_turn_as_halves_do_in_another_order() {
        let angle = [0.3_f32.cos(), 0.7_f32.cos(), 0.3_f32.sin(), 0.7_f32.sin()];
        let (mut halves, mut neighbours) = ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 4.0, 5.0]);
        rotate(&mut halves, 5, &angle, Pairing::Halves);
        rotate(&mut neighbours, 5, &angle, Pairing::Neighbours);
        let [a, b, c, d, e] = halves;
        assert_eq!(neighbours, [a, c, b, d, e]);
    }
}
