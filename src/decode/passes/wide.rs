//! Passes in f64.

use pulp::{Arch, Simd, WithSimd};

use super::{BLOCK, LANES, LN_2, Look, Number, blocks, bounded, exp2, masked, multiply_add, total};

/// [`super::sums_from`], with `by` the scale over ln 2.
pub(super) fn sums<L: Number>(z: &[L], max: f64, by: f64, from: L) -> (Vec<f64>, f64) {
    Arch::new().dispatch(Sums { z, max, by, from })
}

pub(super) struct Sums<'a, L> {
    pub(super) z: &'a [L],
    pub(super) max: f64,
    pub(super) by: f64,
    pub(super) from: L,
}

impl<L: Number> WithSimd for Sums<'_, L> {
    type Output = (Vec<f64>, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        if S::F64_LANES > 1 { self.run::<true>() } else { self.run::<false>() }
    }
}

impl<L: Number> Sums<'_, L> {
    #[inline(always)]
    pub(super) fn run<const FUSED: bool>(self) -> (Vec<f64>, f64) {
        let mut weighted = [0.0; LANES];
        let mut masses = Vec::with_capacity(self.z.len().div_ceil(BLOCK));
        let (whole, last) = blocks(self.z);
        for of in whole.iter().chain(&last) {
            masses.push(block::<FUSED, L>(&masked(of, self.from), self.max, self.by, &mut weighted));
        }
        (masses, total(weighted) * LN_2)
    }
}

/// Σ 2^t of a block, and Σ t·2^t added to `weighted`.
#[inline(always)]
fn block<const FUSED: bool, L: Number>(block: &[L; BLOCK], max: f64, by: f64, weighted: &mut [f64; LANES]) -> f64 {
    let mut sums = [0.0; LANES];
    for group in block.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            let t = bounded((group[lane].into() - max) * by);
            let e = exp2::<FUSED>(t);
            sums[lane] += e;
            weighted[lane] = multiply_add::<FUSED>(t, e, weighted[lane]);
        }
    }
    total(sums)
}

/// [`super::look`]
#[inline(always)]
pub(super) fn look(z: &[f64]) -> Look {
    let mut worst = [f64::NEG_INFINITY; LANES];
    let mut peaks = Vec::with_capacity(z.len().div_ceil(BLOCK));
    let (whole, last) = blocks(z);
    for block in whole.iter().chain(&last) {
        let mut highs = [f64::NEG_INFINITY; LANES];
        for group in block.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                let z = group[lane];
                highs[lane] = if z > highs[lane] { z } else { highs[lane] };
                worst[lane] = if z < f64::INFINITY { worst[lane] } else { f64::INFINITY };
            }
        }
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                highs[lane] = if highs[lane + half] > highs[lane] { highs[lane + half] } else { highs[lane] };
            }
            half /= 2;
        }
        peaks.push(highs[0]);
    }
    Look { peaks, is_bad: worst.contains(&f64::INFINITY) }
}
