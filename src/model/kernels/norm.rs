//! Norms over the numbers of a position, or of a head.

use super::{Isa, LANES};

impl Isa {
    /// Root-mean-square norm in place: `x / sqrt(mean(x²) + epsilon) · weight` (Zhang and Sennrich, 2019).
    ///
    /// Every `width` numbers of `values` are normalized by themselves; `weight` holds one vector of `width` numbers or several, which
    /// take turns.
    pub fn rms_norm(self, values: &mut [f32], width: usize, weight: &[f32], epsilon: f32) {
        for (x, weight) in values.chunks_exact_mut(width).zip(weight.chunks_exact(width).cycle()) {
            let inverse = inverse_root(self, x, epsilon);
            for (x, weight) in x.iter_mut().zip(weight) {
                *x = weight * (*x * inverse);
            }
        }
    }

    /// Layer norm in place: `(x − mean(x)) / sqrt(variance(x) + epsilon) · weight + bias`, the variance over all numbers (Ba and
    /// others, 2016).
    ///
    /// `values` and `weight` as in [`Self::rms_norm`]; `bias` is as long as `weight`, or empty.
    pub fn layer_norm(self, values: &mut [f32], width: usize, weight: &[f32], bias: &[f32], epsilon: f32) {
        let places = (0..weight.len() / width).map(|index| index * width..(index + 1) * width).cycle();
        for (x, place) in values.chunks_exact_mut(width).zip(places) {
            let mean = sum(x) / width as f32;
            for x in x.iter_mut() {
                *x -= mean;
            }
            let inverse = inverse_root(self, x, epsilon);
            for (x, weight) in x.iter_mut().zip(&weight[place.clone()]) {
                *x = weight * (*x * inverse);
            }
            for (x, bias) in x.iter_mut().zip(bias.get(place).unwrap_or_default()) {
                *x += bias;
            }
        }
    }
}

/// `1 / sqrt(mean(x²) + epsilon)`.
fn inverse_root(isa: Isa, x: &[f32], epsilon: f32) -> f32 {
    1.0 / (isa.dot(x, x) / x.len() as f32 + epsilon).sqrt()
}

/// The sum, in the order of all sums here: [`LANES`] partial sums, what is left over first, then a balanced tree.
fn sum(x: &[f32]) -> f32 {
    let (groups, tail) = x.as_chunks::<LANES>();
    let mut partial = [0.0; LANES];
    partial[..tail.len()].copy_from_slice(tail);
    for group in groups {
        for (partial, x) in partial.iter_mut().zip(group) {
            *partial += x;
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            partial[lane] += partial[lane + half];
        }
        half /= 2;
    }
    partial[0]
}

#[cfg(test)]
mod tests {
    use crate::model::kernels::Isa;

    #[test]
    fn by_hand() {
        let isa = Isa::best();
        let mut x = [3.0, 4.0, 0.0, 2.0];
        // mean square 12.5 and 2.
        isa.rms_norm(&mut x, 2, &[1.0, 2.0], 0.0);
        let expected = [3.0 / 12.5_f32.sqrt(), 8.0 / 12.5_f32.sqrt(), 0.0, 4.0 / 2.0_f32.sqrt()];
        for (got, want) in x.iter().zip(expected) {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
        // mean 2, variance 1: −1 and 1.
        let mut x = [1.0, 3.0];
        isa.layer_norm(&mut x, 2, &[10.0, 10.0], &[0.5, 0.25], 0.0);
        assert_eq!(x, [-9.5, 10.25]);
        let mut x = [1.0, 3.0];
        isa.layer_norm(&mut x, 2, &[10.0, 10.0], &[], 3.0);
        assert_eq!(x, [-5.0, 5.0]);
    }

    #[test]
    fn vectors_of_weights_take_turns() {
        let isa = Isa::best();
        let mut x = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
        isa.rms_norm(&mut x, 2, &[1.0, 2.0, 3.0, 4.0], 0.0);
        assert_eq!(x, [1.0, -2.0, 3.0, -4.0, 1.0, -2.0]);
        let mut x = [1.0, -1.0, 1.0, -1.0];
        isa.layer_norm(&mut x, 2, &[1.0, 2.0, 3.0, 4.0], &[0.0, 0.0, 1.0, 1.0], 0.0);
        assert_eq!(x, [1.0, -2.0, 4.0, -3.0]);
    }

    #[test]
    fn layer_norm_agrees_with_double_precision_and_across_instruction_sets() {
        for width in [1, 7, 16, 33, 100] {
            let x: Vec<f32> = (0..width).map(|i| (i as f32 * 0.7).sin() * 3.0 + 5.0).collect();
            let weight: Vec<f32> = (0..width).map(|i| 1.0 + i as f32 * 0.01).collect();
            let bias: Vec<f32> = (0..width).map(|i| i as f32 * 0.1).collect();
            let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / width as f64;
            let variance = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / width as f64;
            let mut bits = Vec::new();
            for isa in Isa::available() {
                let mut out = x.clone();
                isa.layer_norm(&mut out, width, &weight, &bias, 1e-5);
                for i in 0..width {
                    let normal = (f64::from(x[i]) - mean) / (variance + 1e-5).sqrt();
                    let want = normal * f64::from(weight[i]) + f64::from(bias[i]);
                    assert!((f64::from(out[i]) - want).abs() < 1e-4, "{} {want}", out[i]);
                }
                bits.push(out.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
            }
            assert!(bits.windows(2).all(|pair| pair[0] == pair[1]));
        }
    }
}
