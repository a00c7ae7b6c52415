//! Sixteen rows side by side in integers: the only operations that differ between instruction sets.

use crate::model::kernels::LANES;
use crate::model::kernels::lanes::{Lanes, Portable};

/// Codes of four columns of 16 rows, and how they are multiplied and summed.
///
/// Implementations give the same bits for every operation: integers are exact.
pub trait Codes: Copy {
    /// Sixteen numbers in single precision.
    type Numbers: Lanes;
    /// Sixteen sums on their way.
    type Sums: Copy;

    /// 64 bytes.
    fn load(bytes: &[u8; 4 * LANES]) -> Self;
    /// `(self >> shift) & mask`, byte by byte.
    fn bits(self, shift: u32, mask: u8) -> Self;
    /// `self | more << shift`, byte by byte; nothing is shifted out.
    fn join(self, more: Self, shift: u32) -> Self;
    /// Sixteen zeros.
    fn zero() -> Self::Sums;
    /// `a + b`.
    fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// Adds the products of the codes with four activations.
    #[allow(clippy::trivially_copy_pass_by_ref)] // an instruction takes them from memory, spread over its lanes
    fn add_products(self, sums: Self::Sums, four: &[i32; 2]) -> Self::Sums;
    /// `sums − less` as numbers, rounded to the nearest.
    fn finish(sums: Self::Sums, less: i32) -> Self::Numbers;
    /// Sixteen bytes as numbers.
    fn small(bytes: &[i8; LANES]) -> Self::Numbers;
}

/// Codes that any machine has.
#[derive(Clone, Copy)]
pub struct PortableCodes([u8; 4 * LANES]);

impl Codes for PortableCodes {
    type Numbers = Portable;
    type Sums = [i32; LANES];

    #[inline(always)]
    fn load(bytes: &[u8; 4 * LANES]) -> Self {
        Self(*bytes)
    }

    #[inline(always)]
    fn bits(self, shift: u32, mask: u8) -> Self {
        Self(self.0.map(|byte| byte >> shift & mask))
    }

    #[inline(always)]
    fn join(mut self, more: Self, shift: u32) -> Self {
        for (byte, more) in self.0.iter_mut().zip(more.0) {
            *byte |= more << shift;
        }
        self
    }

    #[inline(always)]
    fn zero() -> Self::Sums {
        [0; LANES]
    }

    #[inline(always)]
    fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn add_products(self, mut sums: Self::Sums, four: &[i32; 2]) -> Self::Sums {
        let x = [four[0] as i16, (four[0] >> 16) as i16, four[1] as i16, (four[1] >> 16) as i16].map(i32::from);
        for (sum, codes) in sums.iter_mut().zip(self.0.as_chunks::<4>().0) {
            let codes = codes.map(i32::from);
            *sum += codes[0] * x[0] + codes[1] * x[1] + codes[2] * x[2] + codes[3] * x[3];
        }
        sums
    }

    #[inline(always)]
    fn finish(sums: Self::Sums, less: i32) -> Self::Numbers {
        Portable::load_f32(&sums.map(|sum| (sum - less) as f32))
    }

    #[inline(always)]
    fn small(bytes: &[i8; LANES]) -> Self::Numbers {
        Portable::load_f32(&bytes.map(f32::from))
    }
}
