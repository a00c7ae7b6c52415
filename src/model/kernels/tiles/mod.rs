//! Quantized matrices rearranged for products on integers.
//!
//! A tile is one block of each of 16 rows. Its codes are interleaved, four columns of row 0, the same four of row 1, and so on, so that
//! one register holds four columns of all rows, and 16 partial sums are the 16 results. Codes of fewer than eight bits stay
//! packed: a plane of `w` bits has `w` registers for eight such fours, the four `q` in register `q % w`, shifted by `w·(q / w)`.
//!
//! The activations are rounded to 16 bits with one scale for each 32 (see [`Inputs`]): products and sums of 32 are exact integers, and
//! only from there on numbers are rounded. Against a product in `f32` the difference is of the size of rounding errors,
//! where the eight bits that are usual make it 250 times larger.

#[cfg(target_arch = "x86_64")]
pub(super) mod amx;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // slabs are those of matrix registers
mod inputs;
mod lanes;
mod product;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

#[cfg(test)]
mod tests;

pub(super) use inputs::{Form, Inputs, Rounded, round};
#[cfg(target_arch = "x86_64")]
pub(super) use inputs::{SIDE, Slab};
pub(super) use lanes::PortableCodes;
pub(super) use product::{TileProduct, tiles};

use half::f16;

use super::LANES;
use super::blocks::{Block, BlockFormat, Scales, cast};

/// Rows of a tile.
pub(super) const ROWS: usize = LANES;
/// Columns whose codes are packed together, and whose activations share a scale.
pub(super) const STRIP: usize = 32;

/// A plane of codes: its bits, and their place in the code.
type Plane = (usize, u32);

/// The planes of codes of `bits` bits, one after the other.
const fn planes(bits: usize) -> &'static [Plane] {
    match bits {
        2 => &[(2, 0)],
        3 => &[(2, 0), (1, 2)],
        4 => &[(4, 0)],
        5 => &[(4, 0), (1, 4)],
        6 => &[(4, 0), (2, 4)],
        8 => &[(8, 0)],
        _ => panic!("codes of that many bits have no planes"),
    }
}

/// Where things lie in a tile of blocks of type `B`: the scales of all rows, their minima, then for every strip of 32 columns the
/// scales and minima of its groups, where they have their own, and the planes.
struct Layout<B, const N: usize>(std::marker::PhantomData<B>);

impl<B: Block<N>, const N: usize> Layout<B, N> {
    /// Whether groups have scales of their own.
    const HAS_GROUPS: bool = N > STRIP;
    /// Bytes of the scales of all rows: halves, or, where groups scale them further, single precision.
    const SCALES: usize = ROWS * if Self::HAS_GROUPS { 4 } else { 2 };
    /// Groups in a strip.
    const GROUPS: usize = STRIP / B::GROUP.size();
    /// Where the strips begin.
    const STRIPS: usize = Self::SCALES * if B::GROUP.has_minimum() { 2 } else { 1 };
    /// Bytes of the scales, or minima, of a strip's groups.
    const GROUP_SCALES: usize = if Self::HAS_GROUPS { ROWS * Self::GROUPS } else { 0 };
    /// Where the planes of a strip begin.
    const PLANES: usize = Self::GROUP_SCALES * if B::GROUP.has_minimum() { 2 } else { 1 };
    /// Bytes of a strip.
    const STRIP_BYTES: usize = Self::PLANES + ROWS * STRIP * B::BITS / 8;
    /// Bytes of a tile.
    const BYTES: usize = Self::STRIPS + N / STRIP * Self::STRIP_BYTES;
}

/// Bytes of a tile.
pub(super) const fn tile_bytes<B: Block<N>, const N: usize>() -> usize {
    Layout::<B, N>::BYTES
}

/// Rearranges up to 16 rows of `blocks` blocks each into tiles, one after the other along the rows; rows that are missing are zeros.
///
/// `out` is zeros before.
pub(super) fn pack<B: Block<N>, const N: usize>(rows: &[u8], blocks: usize, out: &mut [u8]) {
    let rows = cast::<B, N>(rows);
    let mut codes = [0; N];
    for (row, blocks) in rows.chunks_exact(blocks).enumerate() {
        for (block, tile) in blocks.iter().zip(out.chunks_exact_mut(Layout::<B, N>::BYTES)) {
            let scales = block.unpack(&mut codes);
            put_scales::<B, N>(&scales, row, tile);
            for (strip, codes) in codes.as_chunks::<STRIP>().0.iter().enumerate() {
                let at = Layout::<B, N>::STRIPS + strip * Layout::<B, N>::STRIP_BYTES + Layout::<B, N>::PLANES;
                put_codes::<B, N>(codes, row, &mut tile[at..]);
            }
        }
    }
}

fn put_scales<B: Block<N>, const N: usize>(scales: &Scales, row: usize, tile: &mut [u8]) {
    let mut put = |at: usize, value: f32| {
        if Layout::<B, N>::HAS_GROUPS {
            tile[at + 4 * row..][..4].copy_from_slice(&value.to_le_bytes());
        } else {
            tile[at + 2 * row..][..2].copy_from_slice(&f16::from_f32(value).to_le_bytes());
        }
    };
    put(0, scales.d);
    if B::GROUP.has_minimum() {
        put(Layout::<B, N>::SCALES, scales.m);
    }
    if !Layout::<B, N>::HAS_GROUPS {
        return;
    }
    for group in 0..N / B::GROUP.size() {
        let (strip, place) = (group / Layout::<B, N>::GROUPS, group % Layout::<B, N>::GROUPS);
        let at = Layout::<B, N>::STRIPS + strip * Layout::<B, N>::STRIP_BYTES + place * ROWS + row;
        let sixteen = group * B::GROUP.size() / 16;
        tile[at] = scales.of[sixteen] as u8;
        if B::GROUP.has_minimum() {
            tile[at + Layout::<B, N>::GROUP_SCALES] = scales.minima[sixteen] as u8;
        }
    }
}

fn put_codes<B: Block<N>, const N: usize>(codes: &[u8; STRIP], row: usize, packed: &mut [u8]) {
    const EACH: u32 = 0x0101_0101;
    let mut packed = packed;
    for &(width, place) in planes(B::BITS) {
        // Four codes at a time: what is shifted over from a neighbouring byte is masked away.
        let mask = ((1_u32 << width) - 1) * EACH;
        for (four, codes) in codes.as_chunks::<4>().0.iter().enumerate() {
            let at = 4 * ROWS * (four % width) + 4 * row;
            let bits = (u32::from_le_bytes(*codes) >> place & mask) << (four / width * width);
            for (packed, bits) in packed[at..at + 4].iter_mut().zip(bits.to_le_bytes()) {
                *packed |= bits;
            }
        }
        packed = &mut packed[4 * ROWS * width..];
    }
}

/// The numbers of one of the 16 rows of tiles, as [`super::blocks`] widens them.
pub(super) fn widen_row<B: Block<N>, const N: usize>(tiles: &[u8], row: usize, out: &mut [f32]) {
    let tiles = tiles.chunks_exact(Layout::<B, N>::BYTES);
    for (tile, out) in tiles.zip(out.as_chunks_mut::<N>().0) {
        let scale = |at: usize| match tile[at..].as_chunks::<4>().0.get(row) {
            Some(bytes) if Layout::<B, N>::HAS_GROUPS => f32::from_le_bytes(*bytes),
            _ => f16::from_le_bytes([tile[at + 2 * row], tile[at + 2 * row + 1]]).to_f32(),
        };
        let d = scale(0);
        let m = if B::GROUP.has_minimum() { scale(Layout::<B, N>::SCALES) } else { 0.0 };
        for (strip, out) in out.as_chunks_mut::<STRIP>().0.iter_mut().enumerate() {
            let strip = &tile[Layout::<B, N>::STRIPS + strip * Layout::<B, N>::STRIP_BYTES..];
            for (group, out) in out.chunks_exact_mut(B::GROUP.size()).enumerate() {
                let at = group * ROWS + row;
                let byte =
                    |offset: usize| if Layout::<B, N>::HAS_GROUPS { strip[offset + at].cast_signed() } else { 1 };
                let scale = d * byte(0) as f32;
                let minimum = m * byte(if B::GROUP.has_minimum() { Layout::<B, N>::GROUP_SCALES } else { 0 }) as f32;
                let first = group * B::GROUP.size();
                for (column, out) in out.iter_mut().enumerate() {
                    let code = code::<B, N>(&strip[Layout::<B, N>::PLANES..], row, first + column);
                    *out = scale * (code - B::ZERO) as f32 + minimum;
                }
            }
        }
    }
}

/// One code of a strip.
fn code<B: Block<N>, const N: usize>(packed: &[u8], row: usize, column: usize) -> i32 {
    let (four, within) = (column / 4, column % 4);
    let mut start = 0;
    let mut code = 0;
    for &(width, place) in planes(B::BITS) {
        let byte = u32::from(packed[start + 4 * ROWS * (four % width) + 4 * row + within]);
        code |= (byte >> (four / width * width) & ((1 << width) - 1)) << place;
        start += 4 * ROWS * width;
    }
    code.cast_signed()
}

/// A quantized matrix `[rows][width]` in tiles.
#[derive(Clone, Copy, Debug)]
pub struct Tiles<'a> {
    pub(super) format: &'static BlockFormat,
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) bytes: &'a [u8],
}

impl<'a> Tiles<'a> {
    /// Tiles that [`Tiles::pack`] made from a matrix of this shape.
    ///
    /// # Panics
    /// If their number is not what the shape needs.
    #[must_use]
    pub fn new(format: &'static BlockFormat, [rows, width]: [usize; 2], bytes: &'a [u8]) -> Self {
        assert_eq!(bytes.len(), Self::length(format, [rows, width]), "whole tiles");
        Self { format, rows, width, bytes }
    }

    /// Bytes of a matrix in tiles.
    #[must_use]
    pub fn length(format: &BlockFormat, [rows, width]: [usize; 2]) -> usize {
        rows.div_ceil(ROWS) * (width / format.length) * format.tile_bytes
    }

    /// Rearranges blocks, row by row, of a matrix `[rows][width]` into `tiles`: as many zeros as [`Tiles::length`] says.
    ///
    /// # Panics
    /// If rows are no whole blocks.
    pub fn pack(format: &'static BlockFormat, [_, width]: [usize; 2], blocks: &[u8], tiles: &mut [u8]) {
        assert!(width.is_multiple_of(format.length), "rows are whole blocks");
        let in_row = width / format.length;
        let taken = blocks.chunks((ROWS * in_row * format.bytes).max(1));
        for (rows, out) in taken.zip(tiles.chunks_exact_mut((in_row * format.tile_bytes).max(1))) {
            (format.pack)(rows, in_row, out);
        }
    }

    /// How many numbers there are.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.rows * self.width
    }

    /// Writes the numbers from `start` on over `out`: whole rows.
    ///
    /// # Panics
    /// If `start` or the length of `out` is within a row, or fewer follow than `out` holds.
    pub(super) fn widen_into(&self, start: usize, out: &mut [f32]) {
        let width = self.width.max(1);
        assert!(start.is_multiple_of(width) && out.len().is_multiple_of(width), "whole rows");
        let stride = self.width / self.format.length * self.format.tile_bytes;
        for (row, out) in (start / width..).zip(out.chunks_exact_mut(width)) {
            assert!(row < self.rows, "a row of the matrix");
            (self.format.widen_row)(&self.bytes[row / ROWS * stride..][..stride], row % ROWS, out);
        }
    }
}
