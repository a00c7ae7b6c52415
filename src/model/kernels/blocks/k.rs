//! Blocks of 256 numbers in groups of 16 or 32, whose scales are themselves small integers.

use bytemuck::{Pod, Zeroable};

use super::small::half;
use super::{Block, Group, Scales};
use crate::model::StoredType;

/// Numbers in a block.
const N: usize = 256;

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
    const BITS: usize = 8;
    const ZERO: i32 = 128;
    const GROUP: Group = Group::Sixteen;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        *codes = self.q.map(|q| q as u8 ^ 128);
        Scales::whole(f32::from_le_bytes(self.d), 0.0)
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
    const BITS: usize = 6;
    const ZERO: i32 = 32;
    const GROUP: Group = Group::Sixteen;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        let packed = self.low.as_chunks::<64>().0.iter().zip(self.high.as_chunks::<32>().0);
        for (codes, (low, high)) in codes.as_chunks_mut::<128>().0.iter_mut().zip(packed) {
            // Numbers 0 to 63 of a half are the lower four bits of its 64 bytes, 64 to 127 the upper four.
            for i in 0..32 {
                let (left, right, high) = (low[i], low[i + 32], high[i]);
                codes[i] = left & 15 | (high & 3) << 4;
                codes[i + 32] = right & 15 | (high >> 2 & 3) << 4;
                codes[i + 64] = left >> 4 | (high >> 4 & 3) << 4;
                codes[i + 96] = right >> 4 | high >> 6 << 4;
            }
        }
        Scales { of: self.scales, ..Scales::whole(half(self.d), 0.0) }
    }
}

/// The scales and minima of Q4_K and Q5_K: eight of each, six bits wide, in twelve bytes. Each serves two sixteens.
fn scales_and_minima(d: f32, m: f32, packed: &[u8; 12]) -> Scales {
    let mut scales = Scales::whole(d, -m);
    for group in 0..8 {
        let (scale, minimum) = if group < 4 {
            (packed[group] & 63, packed[group + 4] & 63)
        } else {
            let both = packed[group + 4];
            (both & 15 | packed[group - 4] >> 6 << 4, both >> 4 | packed[group] >> 6 << 4)
        };
        scales.of[2 * group..2 * group + 2].fill(scale.cast_signed());
        scales.minima[2 * group..2 * group + 2].fill(minimum.cast_signed());
    }
    scales
}

/// Four bits of each number: 32 bytes hold one group in their lower halves, the next in the upper.
fn nibbles(packed: &[u8; N / 2], codes: &mut [u8; N]) {
    for (codes, packed) in codes.as_chunks_mut::<64>().0.iter_mut().zip(packed.as_chunks::<32>().0) {
        for (i, both) in packed.iter().enumerate() {
            codes[i] = both & 15;
            codes[i + 32] = both >> 4;
        }
    }
}

/// One more bit of each number: that of the eighth `e` of the block in the bits `e` of `packed`.
fn add_bits(packed: &[u8; N / 8], value: u8, codes: &mut [u8; N]) {
    for (eighth, codes) in codes.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        for (code, bits) in codes.iter_mut().zip(packed) {
            *code |= (bits >> eighth & 1) * value;
        }
    }
}

/// Two bits of each number: 32 bytes hold four eighths of the block.
fn pairs(packed: &[u8; N / 4], codes: &mut [u8; N]) {
    let packed = packed.as_chunks::<32>().0;
    for (eighth, codes) in codes.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        for (code, bits) in codes.iter_mut().zip(&packed[eighth / 4]) {
            *code = bits >> (eighth % 4 * 2) & 3;
        }
    }
}

/// Four bits, groups of 32: `d·scale·q − m·minimum`.
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
    const BITS: usize = 4;
    const ZERO: i32 = 0;
    const GROUP: Group = Group::ThirtyTwoWithMinimum;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        nibbles(&self.q, codes);
        scales_and_minima(half(self.d), half(self.m), &self.scales)
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
    const BITS: usize = 5;
    const ZERO: i32 = 0;
    const GROUP: Group = Group::ThirtyTwoWithMinimum;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        nibbles(&self.q, codes);
        add_bits(&self.high, 16, codes);
        scales_and_minima(half(self.d), half(self.m), &self.scales)
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

impl Block<N> for Q3K {
    const TYPE: StoredType = StoredType::Q3K;
    const BITS: usize = 3;
    const ZERO: i32 = 4;
    const GROUP: Group = Group::Sixteen;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        pairs(&self.low, codes);
        add_bits(&self.high, 4, codes);
        // The lower four bits of all sixteen scales come first, two to a byte, then the upper two, four to a byte.
        let scale = |group: usize| {
            let low = self.scales[group % 8] >> (group / 8 * 4) & 15;
            let high = self.scales[8 + group % 4] >> (group / 4 * 2) & 3;
            (low | high << 4).cast_signed() - 32
        };
        Scales { of: std::array::from_fn(scale), ..Scales::whole(half(self.d), 0.0) }
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
    const BITS: usize = 2;
    const ZERO: i32 = 0;
    const GROUP: Group = Group::SixteenWithMinimum;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        pairs(&self.q, codes);
        Scales {
            of: self.scales.map(|both| (both & 15).cast_signed()),
            minima: self.scales.map(|both| (both >> 4).cast_signed()),
            ..Scales::whole(half(self.d), -half(self.m))
        }
    }
}
