//! Weights in blocks that share their scales: ggml's quantized types.
//!
//! A product widens a few rows of blocks to `f32` and goes on as with any other matrix, so that all types keep the one order of
//! sums. A type is a [`Block`] and a row of [`FORMATS`]; one with a product of its own, on integers say, puts it into its row.

mod k;
mod small;

#[cfg(test)]
mod tests;

use std::ops::Range;

use bytemuck::Pod;

use super::Isa;
use super::product::{RowSource, Rows};
use crate::model::StoredType;

/// `N` numbers in the form that they are stored in. The reference for every layout is ggml's `ggml-quants.c`.
pub(super) trait Block<const N: usize>: Pod + Send + Sync {
    /// Its type.
    const TYPE: StoredType;

    /// The numbers, in order; every operation is rounded by itself, as in the reference.
    fn widen(&self, out: &mut [f32; N]);
}

/// What can be done with a type of blocks.
#[derive(Debug)]
pub struct BlockFormat {
    /// The type.
    pub stored: StoredType,
    /// Numbers in a block.
    pub length: usize,
    /// Bytes of a block.
    pub bytes: usize,
    widen: fn(&[u8], &mut [f32]),
    rows: fn(Isa, &Rows<'_, &[u8]>, Range<usize>),
}

/// Every type of blocks that is known.
static FORMATS: [BlockFormat; 11] = [
    BlockFormat::new::<small::Q4_0, 32>(),
    BlockFormat::new::<small::Q4_1, 32>(),
    BlockFormat::new::<small::Q5_0, 32>(),
    BlockFormat::new::<small::Q5_1, 32>(),
    BlockFormat::new::<small::Q8_0, 32>(),
    BlockFormat::new::<k::Q2K, 256>(),
    BlockFormat::new::<k::Q3K, 256>(),
    BlockFormat::new::<k::Q4K, 256>(),
    BlockFormat::new::<k::Q5K, 256>(),
    BlockFormat::new::<k::Q6K, 256>(),
    BlockFormat::new::<k::Q8K, 256>(),
];

impl BlockFormat {
    const fn new<B: Block<N>, const N: usize>() -> Self {
        Self { stored: B::TYPE, length: N, bytes: size_of::<B>(), widen: widen::<B, N>, rows: rows::<B, N> }
    }

    /// The format of a type; none for those whose numbers stand alone.
    #[must_use]
    pub fn of(stored: StoredType) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.stored == stored)
    }
}

/// Whole blocks of one format.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    format: &'static BlockFormat,
    bytes: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// `bytes` as blocks.
    ///
    /// # Panics
    /// If a part of a block is left over.
    #[must_use]
    pub fn new(format: &'static BlockFormat, bytes: &'a [u8]) -> Self {
        assert!(bytes.len().is_multiple_of(format.bytes), "whole blocks");
        Self { format, bytes }
    }

    /// Their type and their bytes, as they are stored.
    #[must_use]
    pub fn stored(&self) -> (StoredType, &'a [u8]) {
        (self.format.stored, self.bytes)
    }

    /// How many numbers there are.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.bytes.len() / self.format.bytes * self.format.length
    }

    /// Writes the numbers from `start` on over `out`.
    ///
    /// # Panics
    /// If `start` or the length of `out` is within a block, or fewer follow than `out` holds.
    pub(super) fn widen_into(&self, start: usize, out: &mut [f32]) {
        let BlockFormat { length, bytes, widen, .. } = self.format;
        assert!(start.is_multiple_of(*length) && out.len().is_multiple_of(*length), "whole blocks");
        widen(&self.bytes[start / length * bytes..][..out.len() / length * bytes], out);
    }

    /// The rows `range` of a product whose matrix these blocks are.
    pub(super) fn rows(self, isa: Isa, work: &Rows<'_, ()>, range: Range<usize>) {
        (self.format.rows)(isa, &work.with_source(self.bytes), range);
    }
}

/// The bytes of a whole number of blocks. The blocks are made of bytes, so that they may lie anywhere.
fn cast<B: Block<N>, const N: usize>(bytes: &[u8]) -> &[B] {
    const { assert!(align_of::<B>() == 1, "blocks may lie anywhere") };
    bytemuck::cast_slice(bytes)
}

fn widen<B: Block<N>, const N: usize>(bytes: &[u8], out: &mut [f32]) {
    widen_all(cast::<B, N>(bytes), out);
}

#[inline(always)]
fn widen_all<B: Block<N>, const N: usize>(blocks: &[B], out: &mut [f32]) {
    for (block, out) in blocks.iter().zip(out.as_chunks_mut::<N>().0) {
        block.widen(out);
    }
}

fn rows<B: Block<N>, const N: usize>(isa: Isa, work: &Rows<'_, &[u8]>, range: Range<usize>) {
    isa.rows(&work.with_source(Widened(cast::<B, N>(work.source))), range);
}

/// Rows that are widened into a buffer, once for all positions.
#[derive(Clone, Copy)]
struct Widened<'a, B, const N: usize>(&'a [B]);

impl<B: Block<N>, const N: usize> RowSource for Widened<'_, B, N> {
    type Number = f32;

    fn buffer(&self, numbers: usize) -> Vec<f32> {
        vec![0.0; numbers]
    }

    #[inline(always)]
    fn rows<'b, const R: usize>(&'b self, first: usize, width: usize, buffer: &'b mut [f32]) -> [&'b [f32]; R] {
        let buffer = &mut buffer[..R * width];
        widen_all(&self.0[first * width / N..][..R * width / N], buffer);
        let mut rows: [&[f32]; R] = [&[]; R];
        for (row, numbers) in rows.iter_mut().zip(buffer.chunks_exact(width)) {
            *row = numbers;
        }
        rows
    }
}

/// The nearest blocks of Q8_0: `numbers`, a multiple of 32, with the largest of each 32 at 127.
///
/// Numbers too large for the scale, an IEEE half, become infinite.
#[must_use]
pub fn quantize_q8_0(numbers: &[f32]) -> Vec<u8> {
    let blocks: Vec<small::Q8_0> = numbers.as_chunks::<32>().0.iter().map(small::Q8_0::nearest).collect();
    bytemuck::cast_slice(&blocks).to_vec()
}
