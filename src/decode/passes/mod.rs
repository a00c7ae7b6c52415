//! Passes over all numbers of a vocabulary, several at a time, on the widest instructions that the machine has.
#![allow(clippy::inline_always)] // what is not inlined is compiled for the least instructions

use std::f64::consts::{LN_2, LOG2_E};
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

mod narrow;
mod number;
mod survey;
mod wide;

pub(super) use number::Number;

/// Numbers that are looked at together.
pub(super) const BLOCK: usize = 256;

/// Of these it is seen at once whether one is large enough.
pub(super) const GROUP: usize = 16;

/// From here on f32 may be summed in f32.
const MANY: usize = 16_384;

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
    sums_from(z, peaks, max, scale, L::NEG_INFINITY)
}

/// The same of the z that are at least `from`.
pub(super) fn sums_from<L: Number>(z: &[L], peaks: &[f64], max: f64, scale: f64, from: L) -> (Vec<f64>, f64) {
    L::narrow_sums(z, peaks, max, scale, from).unwrap_or_else(|| wide::sums(z, max, scale * LOG2_E, from))
}

/// Of [`counts`].
pub(super) const BUCKETS: usize = 1024;

/// How many z are in each of the buckets, which begin at `top` and are `1 / rate` wide but for rounding; what is above is in the
/// first, and what is below in the last.
pub(super) fn counts<L: Number>(z: &[L], top: f64, rate: f64) -> Vec<u32> {
    Arch::new().dispatch(Counting { z, top, rate })
}

struct Counting<'a, L> {
    z: &'a [L],
    top: f64,
    rate: f64,
}

/// Neighbours are counted apart: what adds to the same number has to wait.
const APART: usize = 4;

impl<L: Number> WithSimd for Counting<'_, L> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<u32> {
        // Adding 2⁵² rounds to an integer and leaves it in the low bits.
        const ROUND: f64 = 4_503_599_627_370_496.0;
        const LAST: f64 = (BUCKETS - 1) as f64;
        let mut counts = vec![[0u32; BUCKETS]; APART];
        let (whole, last) = blocks(self.z);
        for block in whole.iter().chain(&last) {
            let mut places = [0u32; BLOCK];
            for (place, z) in places.iter_mut().zip(block) {
                let t = (self.top - (*z).into()) * self.rate - 0.5;
                let t = if t < LAST { t } else { LAST };
                *place = ((if t > 0.0 { t } else { 0.0 }) + ROUND).to_bits() as u32;
            }
            for neighbours in places.as_chunks::<APART>().0 {
                for (counts, place) in counts.iter_mut().zip(neighbours) {
                    counts[*place as usize % BUCKETS] += 1;
                }
            }
        }
        (0..BUCKETS).map(|at| counts.iter().map(|apart| apart[at]).sum()).collect()
    }
}

/// Which [`GROUP`]s of a block have a number of a range: the first one is the lowest bit.
pub(super) fn groups_in<L: Number>(block: &[L], range: &Range<L>) -> u32 {
    Arch::new().dispatch(Finding { block, range })
}

struct Finding<'a, L> {
    block: &'a [L],
    range: &'a Range<L>,
}

impl<L: Number> WithSimd for Finding<'_, L> {
    type Output = u32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> u32 {
        let (groups, rest) = self.block.as_chunks::<GROUP>();
        let mut found = 0;
        for (at, group) in groups.iter().enumerate() {
            found |= u32::from(L::is_one_in(simd, group, self.range)) << at;
        }
        found | u32::from(rest.iter().any(|z| self.range.contains(z))) << groups.len()
    }
}

/// `exp((z − max) · scale)` of every z, in its place; as [`sums`] takes it.
pub(super) fn exponentials(z: &mut [f64], max: f64, scale: f64) {
    Arch::new().dispatch(Exponentials { z, max, by: scale * LOG2_E });
}

/// Numbers that are added or compared side by side, so that none waits for the one before.
const ABREAST: usize = 8;

/// Σ, always in the same order.
pub(super) fn sum(z: &[f64]) -> f64 {
    let (groups, rest) = z.as_chunks::<ABREAST>();
    let mut sums = [0.0; ABREAST];
    for group in groups {
        for (sum, z) in sums.iter_mut().zip(group) {
            *sum += z;
        }
    }
    sums.iter().chain(rest).sum()
}

/// The largest of numbers that are none of them NaN; minus infinity where there are none.
pub(super) fn largest(z: &[f64]) -> f64 {
    let (groups, rest) = z.as_chunks::<ABREAST>();
    let mut highs = [f64::NEG_INFINITY; ABREAST];
    for group in groups {
        for (high, z) in highs.iter_mut().zip(group) {
            *high = if *z > *high { *z } else { *high };
        }
    }
    highs.iter().chain(rest).copied().fold(f64::NEG_INFINITY, f64::max)
}

/// What one pass tells of numbers.
pub(super) struct Look {
    /// The largest of every [`BLOCK`].
    pub(super) peaks: Vec<f64>,
    /// Whether one is plus infinity or not a number.
    pub(super) is_bad: bool,
}

/// Looks at numbers once.
pub(super) fn look<L: Number>(z: &[L]) -> Look {
    Arch::new().dispatch(Looking { z })
}

/// What a look at numbers tells, and their [`sums`] with scale 1 where they are known.
pub(super) type Survey = (Look, Option<(Vec<f64>, f64)>);

/// Looks at numbers, and takes their [`sums`] with scale 1 where that costs no further pass.
pub(super) fn survey<L: Number>(z: &[L]) -> Survey {
    L::survey(z).unwrap_or_else(|| (look(z), None))
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

/// A block with what is below `from` made impossible.
#[inline(always)]
fn masked<L: Number>(block: &[L; BLOCK], from: L) -> [L; BLOCK] {
    let mut masked = *block;
    for z in &mut masked {
        *z = if *z >= from { *z } else { L::NEG_INFINITY };
    }
    masked
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
    fn the_least_number_that_is_enough_is_found_among_all() {
        for bar in [f32::NEG_INFINITY, f32::MIN, -2.5, -1e-40, 0.0, f32::MIN_POSITIVE, 0.1, 7.0, f32::MAX] {
            assert_eq!(f32::least(|z| z >= bar), Some(bar));
            assert_eq!(f64::least(|z| z >= f64::from(bar)), Some(f64::from(bar)));
        }
        assert_eq!((f32::least(|_| false), f64::least(|_| false)), (None, None));
    }

    #[test]
    fn buckets_hold_every_number_once() {
        let z: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 1013) as f32 / 100.0 + 0.003).collect();
        let counts = counts(&z, 5.0, 500.0);
        // What fills up the last block is below all others.
        assert_eq!(counts.iter().sum::<u32>(), 4 * BLOCK as u32);
        let of = |range: Range<f32>| z.iter().filter(|z| range.contains(z)).count() as u32;
        assert_eq!((counts[0], counts[BUCKETS - 1] - 24), (of(4.998..99.0), of(-1.0..2.954)));
        assert_eq!((counts[248], counts[249]), (of(4.502..4.504), 0));
    }

    #[test]
    fn sums_are_those_of_the_library() {
        for count in [1, BLOCK - 1, BLOCK, BLOCK + 1, 5000] {
            let z: Vec<f64> = (0..count).map(|i| ((i * 7919) % 1013) as f64 / 31.0 - 9.0).collect();
            let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (masses, weighted) = sums(&z, &[], max, 1.25);
            let plain = wide::Sums { z: &z, max, by: 1.25 * LOG2_E, from: f64::NEG_INFINITY }.run::<false>();
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
