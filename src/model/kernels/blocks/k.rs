//! Blocks of 256 numbers in groups of 16 or 32, whose scales are themselves small integers.

use bytemuck::{Pod, Zeroable};

use super::Block;
use super::small::half;
use crate::model::StoredType;

/// Numbers in a block.
const N: usize = 256;
/// The numbers that one run through the packed bytes gives.
const HALF: usize = 128;

/// Eight bits: `d·q`. The sums of the groups serve integer products only.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q8K {
    d: [u8; 4],
    q: [i8; N],
    sums: [[u8; 2]; N / 16],
}

impl Block<N> for Q8K {
    const TYPE: StoredType = StoredType::Q8K;

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let d = f32::from_le_bytes(self.d);
        for (out, q) in out.iter_mut().zip(self.q) {
            *out = q as f32 * d;
        }
    }
}

/// Six bits, groups of 16: `d·scale·(q − 32)`. Four bits are in `low`, two in `high`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q6K {
    low: [u8; N / 2],
    high: [u8; N / 4],
    scales: [i8; N / 16],
    d: [u8; 2],
}

impl Block<N> for Q6K {
    const TYPE: StoredType = StoredType::Q6K;

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let d = half(self.d);
        let packed = self.low.as_chunks::<64>().0.iter().zip(self.high.as_chunks::<32>().0);
        let scales = self.scales.as_chunks::<8>().0;
        for ((out, (low, high)), scales) in out.as_chunks_mut::<HALF>().0.iter_mut().zip(packed).zip(scales) {
            // Numbers 0 to 63 of a half are the lower four bits of its 64 bytes, 64 to 127 the upper four.
            for i in 0..32 {
                let (left, right, high) = (low[i], low[i + 32], high[i]);
                out[i] = centred(left & 15 | (high & 3) << 4);
                out[i + 32] = centred(right & 15 | (high >> 2 & 3) << 4);
                out[i + 64] = centred(left >> 4 | (high >> 4 & 3) << 4);
                out[i + 96] = centred(right >> 4 | high >> 6 << 4);
            }
            for (out, scale) in out.as_chunks_mut::<16>().0.iter_mut().zip(scales) {
                let scale = d * *scale as f32;
                for out in out {
                    *out *= scale;
                }
            }
        }
    }
}

/// Six bits with the zero in the middle.
#[inline(always)]
fn centred(q: u8) -> f32 {
    (i32::from(q) - 32) as f32
}

/// Eight scales and eight minima of six bits each in twelve bytes, as Q4_K and Q5_K pack them.
#[inline(always)]
fn scale_and_minimum(packed: &[u8; 12], group: usize) -> (f32, f32) {
    let (scale, minimum) = if group < 4 {
        (packed[group] & 63, packed[group + 4] & 63)
    } else {
        let both = packed[group + 4];
        (both & 15 | packed[group - 4] >> 6 << 4, both >> 4 | packed[group] >> 6 << 4)
    };
    (scale as f32, minimum as f32)
}

/// Four bits, groups of 32: `d·scale·q − m·minimum`. Each 32 bytes hold one group in their lower halves, the next in the upper.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q4K {
    d: [u8; 2],
    m: [u8; 2],
    scales: [u8; 12],
    q: [u8; N / 2],
}

impl Block<N> for Q4K {
    const TYPE: StoredType = StoredType::Q4K;

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let (d, m) = (half(self.d), half(self.m));
        let packed = self.q.as_chunks::<32>().0;
        for (pair, (out, packed)) in out.as_chunks_mut::<64>().0.iter_mut().zip(packed).enumerate() {
            let lower = scale_and_minimum(&self.scales, 2 * pair);
            let upper = scale_and_minimum(&self.scales, 2 * pair + 1);
            for (i, q) in packed.iter().enumerate() {
                out[i] = d * lower.0 * (q & 15) as f32 - m * lower.1;
                out[i + 32] = d * upper.0 * (q >> 4) as f32 - m * upper.1;
            }
        }
    }
}

/// Five bits, groups of 32: as [`Q4K`], the fifth bits of group `g` in the bits `g` of `high`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q5K {
    d: [u8; 2],
    m: [u8; 2],
    scales: [u8; 12],
    high: [u8; N / 8],
    q: [u8; N / 2],
}

impl Block<N> for Q5K {
    const TYPE: StoredType = StoredType::Q5K;

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let (d, m) = (half(self.d), half(self.m));
        let packed = self.q.as_chunks::<32>().0;
        for (pair, (out, packed)) in out.as_chunks_mut::<64>().0.iter_mut().zip(packed).enumerate() {
            let lower = scale_and_minimum(&self.scales, 2 * pair);
            let upper = scale_and_minimum(&self.scales, 2 * pair + 1);
            for i in 0..32 {
                let (q, fifth) = (u32::from(packed[i]), u32::from(self.high[i]) >> (2 * pair));
                out[i] = d * lower.0 * (q & 15 | (fifth & 1) << 4) as f32 - m * lower.1;
                out[i + 32] = d * upper.0 * (q >> 4 | (fifth & 2) << 3) as f32 - m * upper.1;
            }
        }
    }
}

/// Three bits, groups of 16: `d·(scale − 32)·(q − 4)`. Two bits are in `low`, the third of every eighth of the block in a bit of `high`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q3K {
    high: [u8; N / 8],
    low: [u8; N / 4],
    scales: [u8; 12],
    d: [u8; 2],
}

impl Q3K {
    /// A scale of six bits: the lower four of all sixteen come first, two to a byte, then the upper two, four to a byte.
    #[inline(always)]
    fn scale(&self, group: usize) -> f32 {
        let low = self.scales[group % 8] >> (group / 8 * 4) & 15;
        let high = self.scales[8 + group % 4] >> (group / 4 * 2) & 3;
        (i32::from(low | high << 4) - 32) as f32
    }
}

impl Block<N> for Q3K {
    const TYPE: StoredType = StoredType::Q3K;

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let d = half(self.d);
        let low = self.low.as_chunks::<32>().0;
        for (eighth, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let low = &low[eighth / 4];
            for i in 0..32 {
                let third = i32::from(self.high[i]) >> eighth & 1;
                out[i] = ((i32::from(low[i]) >> (eighth % 4 * 2) & 3 | third << 2) - 4) as f32;
            }
            for (side, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let scale = d * self.scale(2 * eighth + side);
                for out in out {
                    *out *= scale;
                }
            }
        }
    }
}

/// Two bits, groups of 16: `d·scale·q − m·minimum`, scale and minimum of four bits in one byte.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q2K {
    scales: [u8; N / 16],
    q: [u8; N / 4],
    d: [u8; 2],
    m: [u8; 2],
}

impl Block<N> for Q2K {
    const TYPE: StoredType = StoredType::Q2K;

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let (d, m) = (half(self.d), half(self.m));
        let packed = self.q.as_chunks::<32>().0;
        for (eighth, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let packed = &packed[eighth / 4];
            for i in 0..32 {
                out[i] = (u32::from(packed[i]) >> (eighth % 4 * 2) & 3) as f32;
            }
            for (side, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let packed = self.scales[2 * eighth + side];
                let (scale, minimum) = (d * (packed & 15) as f32, m * (packed >> 4) as f32);
                for out in out {
                    *out = scale * *out - minimum;
                }
            }
        }
    }
}
