//! Blocks of 32 numbers with one scale and, in the `_1` types, a minimum.

use bytemuck::{Pod, Zeroable};
use half::f16;

use super::Block;
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

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let d = half(self.d);
        for (out, q) in out.iter_mut().zip(self.q) {
            *out = q as f32 * d;
        }
    }
}

/// The lower halves of all bytes, then the upper ones.
#[inline(always)]
fn halves(packed: &[u8; N / 2]) -> [u8; N] {
    let mut q = [0; N];
    for (i, both) in packed.iter().enumerate() {
        q[i] = both & 15;
        q[i + N / 2] = both >> 4;
    }
    q
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

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let d = half(self.d);
        for (out, q) in out.iter_mut().zip(halves(&self.q)) {
            *out = (i32::from(q) - 8) as f32 * d;
        }
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

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let (d, m) = (half(self.d), half(self.m));
        for (out, q) in out.iter_mut().zip(halves(&self.q)) {
            *out = q as f32 * d + m;
        }
    }
}

/// The fifth bits of numbers `i` and `i + 16`, at their place.
#[inline(always)]
fn fifth_bits(bits: u32, i: usize) -> (u8, u8) {
    ((bits >> i << 4) as u8 & 16, (bits >> (i + 12)) as u8 & 16)
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

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let (d, bits) = (half(self.d), u32::from_le_bytes(self.high));
        let (low, high) = out.split_at_mut(N / 2);
        for (i, q) in self.q.into_iter().enumerate() {
            let fifth = fifth_bits(bits, i);
            low[i] = (i32::from(q & 15 | fifth.0) - 16) as f32 * d;
            high[i] = (i32::from(q >> 4 | fifth.1) - 16) as f32 * d;
        }
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

    #[inline(always)]
    fn widen(&self, out: &mut [f32; N]) {
        let (d, m, bits) = (half(self.d), half(self.m), u32::from_le_bytes(self.high));
        let (low, high) = out.split_at_mut(N / 2);
        for (i, q) in self.q.into_iter().enumerate() {
            let fifth = fifth_bits(bits, i);
            low[i] = (q & 15 | fifth.0) as f32 * d + m;
            high[i] = (q >> 4 | fifth.1) as f32 * d + m;
        }
    }
}
