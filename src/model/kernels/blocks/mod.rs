//! Weights in blocks that share their scales: ggml's quantized types.
//!
//! A type is a [`Block`], which says what its numbers are made of, and a row of [`FORMATS`]. Widening, [tiles](super::tiles) and
//! products follow from that.

mod k;
mod small;

#[cfg(test)]
mod tests;

use bytemuck::Pod;

use super::tiles::{self, TileProduct};
use super::{Isa, LANES};
use crate::model::StoredType;

/// `N` numbers in the form that they are stored in. The reference for every layout is ggml's `ggml-quants.c`.
pub(super) trait Block<const N: usize>: Pod + Send + Sync {
    /// Its type.
    const TYPE: StoredType;
    /// Bits of a code: 2, 3, 4, 5, 6 or 8.
    const BITS: usize;
    /// The code of the number 0, where there is no minimum.
    const ZERO: i32;
    /// Which numbers share a scale.
    const GROUP: Group;

    /// What the numbers are made of: number `i` is `d·of[i/16]·(codes[i] − ZERO) + m·minima[i/16]`.
    fn unpack(&self, codes: &mut [u8; N]) -> Scales;
}

/// Which numbers of a block share a scale, and whether a minimum is added to them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// All 32 of a block; the scale is an IEEE half.
    Whole,
    /// The same, and a minimum that is an IEEE half.
    WholeWithMinimum,
    /// 16 of 256: a scale of a byte.
    Sixteen,
    /// 16 of 256: a scale and a minimum.
    SixteenWithMinimum,
    /// 32 of 256: a scale and a minimum.
    ThirtyTwoWithMinimum,
}

impl Group {
    /// Whether a minimum is added.
    pub(super) const fn has_minimum(self) -> bool {
        matches!(self, Self::WholeWithMinimum | Self::SixteenWithMinimum | Self::ThirtyTwoWithMinimum)
    }

    /// How many numbers share a scale.
    pub(super) const fn size(self) -> usize {
        if matches!(self, Self::Sixteen | Self::SixteenWithMinimum) { 16 } else { 32 }
    }
}

/// The scales of a block, by its sixteens; a block of 32 has two of them.
pub(super) struct Scales {
    pub(super) d: f32,
    pub(super) m: f32,
    pub(super) of: [i8; 16],
    pub(super) minima: [i8; 16],
}

impl Scales {
    /// One scale and one minimum for all.
    fn whole(d: f32, m: f32) -> Self {
        Self { d, m, of: [1; 16], minima: [1; 16] }
    }
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
    /// Bytes of a tile of one block for each of its rows.
    pub(super) tile_bytes: usize,
    widen: fn(&[u8], &mut [f32]),
    pub(super) pack: fn(&[u8], usize, &mut [u8]),
    pub(super) widen_row: fn(&[u8], usize, &mut [f32]),
    pub(super) product: fn(Isa, &TileProduct<'_>),
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
        Self {
            stored: B::TYPE,
            length: N,
            bytes: size_of::<B>(),
            tile_bytes: tiles::tile_bytes::<B, N>(),
            widen: widen::<B, N>,
            pack: tiles::pack::<B, N>,
            widen_row: tiles::widen_row::<B, N>,
            product: |isa, product| isa.tiles::<B, N>(product),
        }
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
}

/// The bytes of a whole number of blocks. The blocks are made of bytes, so that they may lie anywhere.
pub(super) fn cast<B: Block<N>, const N: usize>(bytes: &[u8]) -> &[B] {
    const { assert!(align_of::<B>() == 1, "blocks may lie anywhere") };
    bytemuck::cast_slice(bytes)
}

/// The numbers of blocks; every operation is rounded by itself, as in the reference.
fn widen<B: Block<N>, const N: usize>(bytes: &[u8], out: &mut [f32]) {
    let mut codes = [0; N];
    for (block, out) in cast::<B, N>(bytes).iter().zip(out.as_chunks_mut::<N>().0) {
        let scales = block.unpack(&mut codes);
        let sixteens = codes.as_chunks::<LANES>().0.iter().zip(out.as_chunks_mut::<LANES>().0);
        for (group, (codes, out)) in sixteens.enumerate() {
            let scale = scales.d * scales.of[group] as f32;
            let minimum = scales.m * scales.minima[group] as f32;
            for (code, out) in codes.iter().zip(out) {
                *out = scale * (i32::from(*code) - B::ZERO) as f32 + minimum;
            }
        }
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
