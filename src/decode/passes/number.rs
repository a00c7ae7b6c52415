//! The numbers that passes go over: f32 as models give them, and f64.
#![allow(clippy::inline_always)] // what is not inlined is compiled for the least instructions

use std::ops::Range;

use pulp::Simd;

use super::{GROUP, Look, MANY, Survey, narrow, survey, wide};

/// Numbers that passes go over.
pub(in crate::decode) trait Number: Copy + PartialOrd + Into<f64> {
    const INFINITY: Self;
    const NEG_INFINITY: Self;

    /// The least number, minus infinity included, of which `is_enough` says yes, and so of all above it.
    fn least(is_enough: impl Fn(Self) -> bool) -> Option<Self>;

    /// [`super::look`] with these instructions.
    fn look<S: Simd>(simd: S, z: &[Self]) -> Look;

    /// Whether one of them is in the range.
    fn is_one_in<S: Simd>(simd: S, group: &[Self; GROUP], range: &Range<Self>) -> bool;

    /// [`super::survey()`] in one pass, where that can be done.
    fn survey(z: &[Self]) -> Option<Survey>;

    /// [`super::sums_from`] without f64, where that is precise enough.
    fn narrow_sums(z: &[Self], peaks: &[f64], max: f64, scale: f64, from: Self) -> Option<(Vec<f64>, f64)>;
}

impl Number for f64 {
    const INFINITY: Self = f64::INFINITY;
    const NEG_INFINITY: Self = f64::NEG_INFINITY;

    fn least(is_enough: impl Fn(Self) -> bool) -> Option<Self> {
        // The bits of numbers of one sign are in their order.
        let number = |place: i64| Self::from_bits(place.unsigned_abs() | u64::from(place < 0) << 63);
        let infinity = Self::INFINITY.to_bits().cast_signed();
        Some(number(least(-infinity, infinity, |place| is_enough(number(place)))?))
    }

    #[inline(always)]
    fn look<S: Simd>(_: S, z: &[Self]) -> Look {
        wide::look(z)
    }

    #[inline(always)]
    fn is_one_in<S: Simd>(simd: S, group: &[Self; GROUP], range: &Range<Self>) -> bool {
        let (start, end) = (simd.splat_f64s(range.start), simd.splat_f64s(range.end));
        let mut is_one = false;
        for z in S::as_simd_f64s(group).0 {
            let is_in = simd.and_m64s(simd.greater_than_or_equal_f64s(*z, start), simd.less_than_f64s(*z, end));
            is_one |= simd.first_true_m64s(is_in) < S::F64_LANES;
        }
        is_one
    }

    fn survey(_: &[Self]) -> Option<Survey> {
        None
    }

    fn narrow_sums(_: &[Self], _: &[f64], _: f64, _: f64, _: Self) -> Option<(Vec<f64>, f64)> {
        None
    }
}

impl Number for f32 {
    const INFINITY: Self = f32::INFINITY;
    const NEG_INFINITY: Self = f32::NEG_INFINITY;

    fn least(is_enough: impl Fn(Self) -> bool) -> Option<Self> {
        let number = |place: i64| Self::from_bits(place.unsigned_abs() as u32 | u32::from(place < 0) << 31);
        let infinity = i64::from(Self::INFINITY.to_bits());
        Some(number(least(-infinity, infinity, |place| is_enough(number(place)))?))
    }

    #[inline(always)]
    fn look<S: Simd>(simd: S, z: &[Self]) -> Look {
        narrow::look(simd, z)
    }

    #[inline(always)]
    fn is_one_in<S: Simd>(simd: S, group: &[Self; GROUP], range: &Range<Self>) -> bool {
        let (start, end) = (simd.splat_f32s(range.start), simd.splat_f32s(range.end));
        let mut is_one = false;
        for z in S::as_simd_f32s(group).0 {
            let is_in = simd.and_m32s(simd.greater_than_or_equal_f32s(*z, start), simd.less_than_f32s(*z, end));
            is_one |= simd.first_true_m32s(is_in) < S::F32_LANES;
        }
        is_one
    }

    fn survey(z: &[Self]) -> Option<Survey> {
        if z.len() > MANY { survey::survey(z) } else { None }
    }

    fn narrow_sums(z: &[Self], peaks: &[f64], max: f64, scale: f64, from: Self) -> Option<(Vec<f64>, f64)> {
        if z.len() > MANY { narrow::sums(z, peaks, max, scale, from) } else { None }
    }
}

/// The first whole number from `low` and below `end` of which `is_enough` says yes, and so of all after it.
fn least(low: i64, end: i64, is_enough: impl Fn(i64) -> bool) -> Option<i64> {
    let (mut low, mut high) = (low, end);
    while low < high {
        let middle = low.midpoint(high - 1);
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    (low < end).then_some(low)
}
