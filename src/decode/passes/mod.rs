//! Passes over all numbers of a vocabulary, several at a time, on the widest instructions that the machine has.
#![allow(clippy::inline_always)] // what is not inlined is compiled for the least instructions

use std::f64::consts::{LN_2, LOG2_E};

use pulp::{Arch, Simd, WithSimd};

mod narrow;
mod wide;

/// Numbers that are looked at together.
pub(super) const BLOCK: usize = 128;

/// From here on f32 may be summed in f32.
const MANY: usize = 4096;

/// Partial sums within a block: enough for additions that follow each other not to wait.
const LANES: usize = 32;

/// 2^f for |f| ≤ ½, the constant term first: 1 + f·q(f), where q is the Chebyshev approximation of degree 10 of (2^f − 1) / f,
/// which is off by 10⁻¹⁷ at most.
const TERMS: [f64; 12] = [
    1.0,
    LN_2,
    0.240_226_506_959_100_97,
    0.055_504_108_664_821_6,
    0.009_618_129_107_606_888,
    0.001_333_355_814_641_693_6,
    0.000_154_035_304_417_360_5,
    1.525_273_382_983_612e-5,
    1.321_544_258_792_169e-6,
    1.017_806_244_584_577_4e-7,
    7.072_585_949_269_223e-9,
    4.454_960_598_186_518_6e-10,
];

/// Over d = (z − max) · scale, with `max` at least the largest z: Σ exp(d) of every [`BLOCK`] of z, and Σ d·exp(d) of all.
/// `peaks` are those of z; f64 does not need them.
///
/// Each exponential is within 2 units in the last place, but for the rounding of d itself; what is below 2⁻¹⁰²⁰ counts as 0. The order of the sums does not depend on the
/// instructions, but the rounding does, where they multiply and add at once. More than [`MANY`] f32 are
/// summed in f32 where that is precise enough: see [`narrow::sums`].
pub(super) fn sums<L: Number>(z: &[L], peaks: &[f64], max: f64, scale: f64) -> (Vec<f64>, f64) {
    L::narrow_sums(z, peaks, max, scale).unwrap_or_else(|| wide::sums(z, max, scale * LOG2_E))
}

/// `exp((z − max) · scale)` of every z, in its place; as [`sums`] takes it.
pub(super) fn exponentials(z: &mut [f64], max: f64, scale: f64) {
    Arch::new().dispatch(Exponentials { z, max, by: scale * LOG2_E });
}

/// What one pass tells of numbers.
pub(super) struct Look {
    /// The largest of every [`BLOCK`].
    pub(super) peaks: Vec<f64>,
    /// Whether one is plus infinity or not a number.
    pub(super) is_bad: bool,
}

/// Numbers that passes go over.
pub(super) trait Number: Copy + PartialOrd + Into<f64> {
    const NEG_INFINITY: Self;

    /// [`look`] with these instructions.
    fn look<S: Simd>(simd: S, z: &[Self]) -> Look;

    /// [`sums`] without f64, where that is precise enough.
    fn narrow_sums(z: &[Self], peaks: &[f64], max: f64, scale: f64) -> Option<(Vec<f64>, f64)>;
}

impl Number for f64 {
    const NEG_INFINITY: Self = f64::NEG_INFINITY;

    #[inline(always)]
    fn look<S: Simd>(_: S, z: &[Self]) -> Look {
        wide::look(z)
    }

    fn narrow_sums(_: &[Self], _: &[f64], _: f64, _: f64) -> Option<(Vec<f64>, f64)> {
        None
    }
}

impl Number for f32 {
    const NEG_INFINITY: Self = f32::NEG_INFINITY;

    #[inline(always)]
    fn look<S: Simd>(simd: S, z: &[Self]) -> Look {
        narrow::look(simd, z)
    }

    fn narrow_sums(z: &[Self], peaks: &[f64], max: f64, scale: f64) -> Option<(Vec<f64>, f64)> {
        if z.len() > MANY { narrow::sums(z, peaks, max, scale) } else { None }
    }
}

/// Looks at numbers once.
pub(super) fn look<L: Number>(z: &[L]) -> Look {
    Arch::new().dispatch(Looking { z })
}

struct Looking<'a, L> {
    z: &'a [L],
}

impl<L: Number> WithSimd for Looking<'_, L> {
    type Output = Look;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Look {
        L::look(simd, self.z)
    }
}

/// The whole blocks, and the last one filled up with what is impossible.
#[inline(always)]
fn blocks<L: Number>(z: &[L]) -> (&[[L; BLOCK]], Option<[L; BLOCK]>) {
    let (blocks, rest) = z.as_chunks::<BLOCK>();
    let mut last = [L::NEG_INFINITY; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    (blocks, (!rest.is_empty()).then_some(last))
}

struct Exponentials<'a> {
    z: &'a mut [f64],
    max: f64,
    by: f64,
}

impl WithSimd for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for z in self.z {
            let t = bounded((*z - self.max) * self.by);
            *z = if S::F64_LANES > 1 { exp2::<true>(t) } else { exp2::<false>(t) };
        }
    }
}

/// Σ in a balanced tree.
#[inline(always)]
fn total(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Where 2^t begins: what is not above it counts as 0.
const LEAST: f64 = -1020.0;

/// Not below what [`exp2`] can take.
#[inline(always)]
fn bounded(t: f64) -> f64 {
    if t > LEAST { t } else { LEAST }
}

/// 2^t for t in −1020…0.
#[inline(always)]
fn exp2<const FUSED: bool>(t: f64) -> f64 {
    // Adding 1.5·2⁵² rounds to an integer and leaves it in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let rounded = t + ROUND;
    let f = t - (rounded - ROUND);
    let mut power = TERMS[TERMS.len() - 1];
    for term in TERMS.iter().rev().skip(1) {
        power = multiply_add::<FUSED>(power, f, *term);
    }
    let scaled = f64::from_bits(power.to_bits().wrapping_add(rounded.to_bits() << 52));
    if t > LEAST { scaled } else { 0.0 }
}

/// One rounding where the machine can, or two: without the instruction, one rounding takes a function.
#[inline(always)]
fn multiply_add<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_within_two_ulps() {
        for step in 0..400_000 {
            let t = f64::from(step) * -1e-3 * 0.997;
            for got in [exp2::<true>(t), exp2::<false>(t)] {
                let error = (got - t.exp2()).abs() / t.exp2();
                assert!(error <= 4.5e-16, "2^{t} = {got}: off by {error}");
            }
        }
        assert_eq!([exp2::<true>(0.0), exp2::<false>(-1020.0)], [1.0, 0.0]);
    }

    #[test]
    fn sums_are_those_of_the_library() {
        for count in [1, 127, 128, 129, 5000] {
            let z: Vec<f64> = (0..count).map(|i| f64::from((i * 7919) % 1013) / 31.0 - 9.0).collect();
            let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (masses, weighted) = sums(&z, &[], max, 1.25);
            let plain = wide::Sums { z: &z, max, by: 1.25 * LOG2_E }.run::<false>();
            let d = || z.iter().map(|z| (z - max) * 1.25);
            let (sum, of): (f64, f64) = (d().map(f64::exp).sum(), d().map(|d| d * d.exp()).sum());
            for (masses, weighted) in [(&masses, weighted), (&plain.0, plain.1)] {
                assert_eq!(masses.len(), z.len().div_ceil(BLOCK));
                assert!((masses.iter().sum::<f64>() / sum - 1.0).abs() < 1e-14);
                assert!((weighted - of).abs() <= 1e-14 * of.abs() + 1e-300);
            }
            let mut each = z.clone();
            exponentials(&mut each, max, 1.25);
            assert!(each.iter().zip(d()).all(|(e, d)| (e - d.exp()).abs() <= 1e-14 * d.exp()));
        }
        let (masses, weighted) = sums(&[0.0, f64::NEG_INFINITY, -1e308], &[], 0.0, 1e10);
        assert_eq!((masses[0], weighted.abs() < 1e-300), (1.0, true), "what is impossible adds nothing");
    }
}
