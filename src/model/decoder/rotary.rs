//! Rotary position embeddings (Su and others, 2021), as transformers computes them.

use std::f64::consts::PI;

/// Rotary positions: pair `i` of a head, elements `i` and `i + dim/2`, is turned by `position · frequency[i]`.
#[derive(Clone, Copy, Debug)]
pub struct Rotary {
    /// Elements of a head that are turned, from the first on; even.
    pub dim: usize,
    /// Frequencies fall from 1 to nearly `1/base`.
    pub base: f64,
    /// What stretches them to a longer context.
    pub scaling: RotaryScaling,
}

/// How frequencies are changed for a context longer than the one trained on.
#[derive(Clone, Copy, Debug, PartialEq)]
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
        plain.map(|frequency| self.scaling.apply(frequency)).collect()
    }
}

impl RotaryScaling {
    fn apply(self, frequency: f32) -> f32 {
        match self {
            Self::None => frequency,
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
pub(super) fn rotate(heads: &mut [f32], head_dim: usize, angles: &[f32]) {
    let half = angles.len() / 2;
    let (cosines, sines) = angles.split_at(half);
    for head in heads.chunks_exact_mut(head_dim) {
        let (first, second) = head[..2 * half].split_at_mut(half);
        for i in 0..half {
            let (x, y) = (first[i], second[i]);
            first[i] = x * cosines[i] - y * sines[i];
            second[i] = y * cosines[i] + x * sines[i];
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use super::*;

    #[test]
    fn frequencies_fall_from_one() {
        let rotary = Rotary { dim: 4, base: 10_000.0, scaling: RotaryScaling::None };
        assert_eq!(rotary.frequencies(), [1.0, 0.01]);
        let scaled = Rotary { scaling: RotaryScaling::Linear { factor: 4.0 }, ..rotary };
        assert_eq!(scaled.frequencies(), [0.25, 0.0025]);
    }

    #[test]
    fn llama3_keeps_high_frequencies_and_divides_low_ones() {
        let scaling =
            RotaryScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 8192 };
        let rotary = Rotary { dim: 128, base: 500_000.0, scaling };
        let plain = Rotary { scaling: RotaryScaling::None, ..rotary }.frequencies();
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
        rotate(&mut head, 5, &angle);
        assert_eq!(head, [1.0, 2.0, 3.0, 4.0, 5.0]);
        angles(&frequencies, 7, &mut angle);
        rotate(&mut head, 5, &angle);
        assert!((head[0].hypot(head[2]) - 10.0_f32.sqrt()).abs() < 1e-5);
        assert_eq!(head[4], 5.0);
    }
}
