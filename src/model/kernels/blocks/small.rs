//! Blocks of 32 numbers with one scale and, in the `_1` types, a minimum.

use bytemuck::{Pod, Zeroable};
use half::f16;

use super::{Block, Group, Scales};
use crate::model::StoredType;
use crate::model::kernels::Element;

/// Numbers in a block.
const N: usize = 32;

/// A little-endian half, widened.
#[inline(always)]
pub(super) fn half(bytes: [u8; 2]) -> f32 {
    f16::from_bits(u16::from_le_bytes(bytes)).widen()
}

/// Eight bits: `d·q`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q8_0 {
    d: [u8; 2],
    q: [i8; N],
}

impl Q8_0 {
    /// As ggml's `quantize_row_q8_0_ref` rounds: to the nearest, halves away from zero.
    pub(super) fn nearest(numbers: &[f32; N]) -> Self {
        let largest = numbers.iter().fold(0.0, |largest: f32, number| largest.max(number.abs()));
        let d = largest / 127.0;
        let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
        Self { d: f16::from_f32(d).to_le_bytes(), q: numbers.map(|number| (number * inverse).round() as i8) }
    }
}

impl Block<N> for Q8_0 {
    const TYPE: StoredType = StoredType::Q8_0;
    const BITS: usize = 8;
    const ZERO: i32 = 128;
    const GROUP: Group = Group::Whole;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        *codes = self.q.map(|q| q as u8 ^ 128);
        Scales::whole(half(self.d), 0.0)
    }
}

/// The lower halves of all bytes, then the upper ones.
#[inline(always)]
fn halves(packed: &[u8; N / 2], codes: &mut [u8; N]) {
    for (i, both) in packed.iter().enumerate() {
        codes[i] = both & 15;
        codes[i + N / 2] = both >> 4;
    }
}

/// Adds the fifth bits: that of number `i` is bit `i`.
#[inline(always)]
fn add_fifths(bits: [u8; 4], codes: &mut [u8; N]) {
    let bits = u32::from_le_bytes(bits);
    for (i, code) in codes.iter_mut().enumerate() {
        *code |= (bits >> i & 1) as u8 * 16;
    }
}

/// Four bits: `d·(q − 8)`. Byte `i` has number `i` in its lower half, number `i + 16` in its upper half.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q4_0 {
    d: [u8; 2],
    q: [u8; N / 2],
}

impl Block<N> for Q4_0 {
    const TYPE: StoredType = StoredType::Q4_0;
    const BITS: usize = 4;
    const ZERO: i32 = 8;
    const GROUP: Group = Group::Whole;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        halves(&self.q, codes);
        Scales::whole(half(self.d), 0.0)
    }
}

/// Four bits: `d·q + m`, laid out like [`Q4_0`].
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q4_1 {
    d: [u8; 2],
    m: [u8; 2],
    q: [u8; N / 2],
}

impl Block<N> for Q4_1 {
    const TYPE: StoredType = StoredType::Q4_1;
    const BITS: usize = 4;
    const ZERO: i32 = 0;
    const GROUP: Group = Group::WholeWithMinimum;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        halves(&self.q, codes);
        Scales::whole(half(self.d), half(self.m))
    }
}

/// Five bits: `d·(q − 16)`; four laid out like [`Q4_0`], the fifth of number `i` in bit `i` of `high`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q5_0 {
    d: [u8; 2],
    high: [u8; 4],
    q: [u8; N / 2],
}

impl Block<N> for Q5_0 {
    const TYPE: StoredType = StoredType::Q5_0;
    const BITS: usize = 5;
    const ZERO: i32 = 16;
    const GROUP: Group = Group::Whole;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        halves(&self.q, codes);
        add_fifths(self.high, codes);
        Scales::whole(half(self.d), 0.0)
    }
}

/// Five bits: `d·q + m`, laid out like [`Q5_0`].
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Q5_1 {
    d: [u8; 2],
    m: [u8; 2],
    high: [u8; 4],
    q: [u8; N / 2],
}

impl Block<N> for Q5_1 {
    const TYPE: StoredType = StoredType::Q5_1;
    const BITS: usize = 5;
    const ZERO: i32 = 0;
    const GROUP: Group = Group::WholeWithMinimum;

    fn unpack(&self, codes: &mut [u8; N]) -> Scales {
        halves(&self.q, codes);
        add_fifths(self.high, codes);
        Scales::whole(half(self.d), half(self.m))
    }
}
