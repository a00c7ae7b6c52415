//! Elementary functions that vectorize, and give the same bits on every machine.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LOG2_E};

/// `e^x`, within 2 units in the last place for `x` in −87…88; beyond that the value at the nearer end.
///
/// Cephes `expf` (S. Moshier): `x = n·ln 2 + r`, a polynomial of degree 6 for `e^r`, then a shift by `n`.
#[inline(always)]
#[must_use]
pub fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * (r * r) + r + 1.0;
    let power = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    y * f32::from_bits(power)
}

/// The sigmoid linear unit `x / (1 + e^−x)` (Elfwing and others, 2017).
#[inline(always)]
#[must_use]
pub fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// The hyperbolic tangent, within 3 units in the last place.
///
/// Cephes `tanhf` (S. Moshier): an odd polynomial below 0.625, and `1 − 2 / (e^2|x| + 1)` with the sign of `x` beyond.
#[inline(always)]
#[must_use]
#[allow(clippy::excessive_precision)] // as the reference writes them
pub fn tanh(x: f32) -> f32 {
    let square = x * x;
    let p = -5.704_988_7e-3;
    let p = p * square + 2.063_909e-2;
    let p = p * square - 5.373_971_6e-2;
    let p = p * square + 1.333_144_2e-1;
    let p = p * square - 3.333_328e-1;
    let near = p * square * x + x;
    let far = (1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0)).copysign(x);
    if x.abs() < 0.625 { near } else { far }
}

/// The error function `2/√π · ∫₀ˣ e^−t² dt`, within 2⁻²³.
///
/// Cephes `erff` and `erfcf` (S. Moshier): an odd polynomial up to 1, and beyond `1 − e^−x² · P(1/x²) / |x|` with the sign of `x`.
#[inline(always)]
#[must_use]
#[allow(clippy::approx_constant, clippy::excessive_precision)] // a fitted coefficient, near 2/√π
pub fn erf(x: f32) -> f32 {
    let square = x * x;
    let p = 7.853_861_4e-5;
    let p = p * square - 8.010_193_6e-4;
    let p = p * square + 5.188_327_7e-3;
    let p = p * square - 2.685_381_2e-2;
    let p = p * square + 1.128_358_5e-1;
    let p = p * square - 3.761_262_6e-1;
    let p = p * square + FRAC_2_SQRT_PI;
    let near = x * p;
    let inverse = 1.0 / x.abs();
    let q = inverse * inverse;
    let p = 2.326_82e-2;
    let p = p * q - 1.387_039_4e-1;
    let p = p * q + 3.687_424_7e-1;
    let p = p * q - 5.824_733e-1;
    let p = p * q + 6.210_004_6e-1;
    let p = p * q - 4.944_515_3e-1;
    let p = p * q + 3.404_88e-1;
    let p = p * q - 2.741_127e-1;
    let p = p * q + 5.638_259_4e-1;
    let far = (1.0 - exp(-square) * inverse * p).copysign(x);
    if x.abs() < 1.0 { near } else { far }
}

/// The Gaussian error linear unit `x · Φ(x)` (Hendrycks and Gimpel, 2016).
#[inline(always)]
#[must_use]
pub fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))
}

/// The same as GPT-2 approximates it: `½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
#[inline(always)]
#[must_use]
pub fn gelu_tanh(x: f32) -> f32 {
    const ROOT: f32 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    0.5 * x * (1.0 + tanh(ROOT * (x + 0.044_715 * (x * x * x))))
}

/// `cap · tanh(x / cap)`: nearly `x` far below the cap, never above it (Gemma 2, 2024).
#[inline(always)]
#[must_use]
pub fn softcap(x: f32, cap: f32) -> f32 {
    cap * tanh(x / cap)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_ulps() {
        for step in -87_000..=88_000 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.4e-7, "exp({x}) = {} not {exact}", exp(x));
        }
    }

    #[test]
    fn exp_saturates_and_keeps_nan() {
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::INFINITY).is_finite());
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn silu_has_the_right_ends() {
        assert_eq!(silu(0.0), 0.0);
        assert!((silu(20.0) - 20.0).abs() < 1e-6);
        assert!(silu(-100.0).abs() < 1e-30);
    }

    #[test]
    fn tanh_is_within_three_ulps() {
        for step in -12_000..=12_000 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).tanh();
            let error = (f64::from(tanh(x)) - exact).abs();
            assert!(error <= exact.abs() * 3.6e-7, "tanh({x}) = {} not {exact}", tanh(x));
        }
        assert_eq!([tanh(f32::INFINITY), tanh(-100.0), tanh(0.0)], [1.0, -1.0, 0.0]);
        assert!(tanh(f32::NAN).is_nan());
    }

    /// The error function in double precision: the Maclaurin series, which cancels at most six digits up to 4.
    fn exact_erf(x: f64) -> f64 {
        if x.abs() > 4.0 {
            return x.signum();
        }
        let (mut term, mut sum) = (x, x);
        for n in 1..120 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn erf_and_gelu_are_near_the_series() {
        assert!((exact_erf(1.0) - 0.842_700_792_949_714_9).abs() < 1e-14);
        for step in -6_000..=6_000 {
            let x = step as f32 / 1000.0;
            let exact = exact_erf(f64::from(x));
            assert!((f64::from(erf(x)) - exact).abs() < 1.2e-7, "erf({x}) = {} not {exact}", erf(x));
            let exact = 0.5 * f64::from(x) * (1.0 + exact_erf(f64::from(x) / 2.0_f64.sqrt()));
            assert!((f64::from(gelu(x)) - exact).abs() < 6e-7, "gelu({x}) = {} not {exact}", gelu(x));
        }
        assert_eq!([erf(0.0), erf(f32::INFINITY), erf(-50.0)], [0.0, 1.0, -1.0]);
        assert_eq!([gelu(0.0), gelu(30.0), gelu(-30.0)], [0.0, 30.0, 0.0]);
        assert!(erf(f32::NAN).is_nan());
    }

    #[test]
    fn gelu_by_tanh_is_the_formula() {
        for step in -6_000..=6_000 {
            let x = step as f32 / 1000.0;
            let wide = f64::from(x);
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044_715 * wide.powi(3));
            let exact = 0.5 * wide * (1.0 + inner.tanh());
            assert!((f64::from(gelu_tanh(x)) - exact).abs() < 6e-7, "gelu_tanh({x}) = {} not {exact}", gelu_tanh(x));
        }
        assert_eq!([gelu_tanh(0.0), gelu_tanh(30.0), gelu_tanh(-30.0)], [0.0, 30.0, 0.0]);
    }

    #[test]
    fn a_softcap_keeps_small_values_and_bounds_large_ones() {
        assert!((softcap(0.1, 30.0) - 0.1).abs() < 1e-6);
        assert_eq!(softcap(1e6, 30.0), 30.0);
        assert!((softcap(30.0, 30.0) - 30.0 * 1.0_f32.tanh()).abs() < 1e-5);
    }
}
