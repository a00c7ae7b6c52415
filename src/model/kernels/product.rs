//! Products of weight matrices with activations.
#![allow(unsafe_code)]

use std::ops::Range;

use super::ahead::FAR;
use super::lanes::{Lanes, dots_ahead, transposed};
use super::panels::{MANY, Panels};
use super::pool::pays;
use super::tiles::{self, Rounded, TileProduct};
use super::{Blocks, Element, Elements, Isa, Kernels};

/// Bytes of a piece, at least, if that leaves one for each thread. One takes less than a microsecond, so that no thread waits long
/// for another.
const PIECE: usize = 16 << 10;
/// The same where many positions are multiplied with each weight, and what a piece prepares has to pay.
const LARGE_PIECE: usize = 512 << 10;
/// Rows that are never parted.
const UNIT: usize = tiles::ROWS;

/// A linear map: a matrix `[rows][width]`, row-major, and perhaps a bias `[rows]`.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a> {
    /// The matrix.
    pub weight: Elements<'a>,
    /// Length of its output.
    pub rows: usize,
    /// Added to the output.
    pub bias: Option<&'a [f32]>,
}

/// Where a product takes the rows of its matrix from.
pub(super) trait RowSource: Copy + Sync {
    /// What the rows are made of.
    type Number: Element;

    /// Room for as many numbers, where [`RowSource::rows`] needs it.
    fn buffer(&self, numbers: usize) -> Vec<f32>;

    /// These rows, of `width` numbers each.
    fn rows<'b, const R: usize>(
        &'b self,
        rows: [usize; R],
        width: usize,
        buffer: &'b mut [f32],
    ) -> [&'b [Self::Number]; R];
}

/// Numbers are multiplied where they lie.
impl<E: Element> RowSource for &[E] {
    type Number = E;

    fn buffer(&self, _: usize) -> Vec<f32> {
        Vec::new()
    }

    #[inline(always)]
    fn rows<'b, const R: usize>(&'b self, rows: [usize; R], width: usize, _: &'b mut [f32]) -> [&'b [E]; R] {
        // No closures here: the compiler would call them.
        let mut result = [&[][..]; R];
        for (result, row) in result.iter_mut().zip(rows) {
            *result = &self[row * width..][..width];
        }
        result
    }
}

/// Blocks that are no tiles are widened into a buffer, once for all positions.
impl RowSource for Blocks<'_> {
    type Number = f32;

    fn buffer(&self, numbers: usize) -> Vec<f32> {
        vec![0.0; numbers]
    }

    #[inline(always)]
    fn rows<'b, const R: usize>(&'b self, rows: [usize; R], width: usize, buffer: &'b mut [f32]) -> [&'b [f32]; R] {
        for (row, out) in rows.iter().zip(buffer.chunks_exact_mut(width)) {
            self.widen_into(row * width, out);
        }
        let buffer = &*buffer;
        std::array::from_fn(|r| &buffer[r * width..][..width])
    }
}

/// One map on its way into a part of the output.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, S> {
    source: S,
    width: usize,
    bias: Option<&'a [f32]>,
    x: &'a [f32],
    /// The same, where [`Isa::takes_panels`].
    panels: &'a Panels,
    out: Columns,
}

/// The columns of an output `[positions][stride]` that one map writes: its row `r` goes to column `r` of `start`.
#[derive(Clone, Copy)]
pub struct Columns {
    start: *mut f32,
    stride: usize,
}

// SAFETY: threads write through it to rows that were dealt out, each to one of them.
unsafe impl Send for Columns {}
// SAFETY: as above.
unsafe impl Sync for Columns {}

impl<S> Rows<'_, S> {
    /// How many there are in the inputs.
    pub(super) fn positions(&self) -> usize {
        self.x.len() / self.width
    }

    /// The matrix.
    pub(super) fn source(&self) -> &S {
        &self.source
    }

    /// Numbers in a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The inputs in panels, where [`Isa::takes_panels`].
    pub(super) fn panels(&self) -> &Panels {
        self.panels
    }

    /// Writes the results of some rows, `count` of them that follow each other, the bias added.
    ///
    /// # Safety
    /// The output has this position, and the rows were dealt to this thread alone.
    #[inline(always)]
    pub(super) unsafe fn put<const R: usize>(&self, position: usize, row: usize, sums: &[f32; R], count: usize) {
        let mut numbers = *sums;
        if let Some(bias) = self.bias {
            for (number, bias) in numbers.iter_mut().zip(&bias[row..row + count]) {
                *number += bias;
            }
        }
        // SAFETY: the caller's part.
        unsafe { self.out.write_all(position, row, &numbers, count) };
    }
}

impl Columns {
    /// The columns from `column` on.
    ///
    /// # Safety
    /// The output has more columns than that.
    unsafe fn from(&self, column: usize) -> Self {
        // SAFETY: the caller's part.
        Self { start: unsafe { self.start.add(column) }, ..*self }
    }

    /// Writes the results of the first `count` of some rows that follow each other.
    ///
    /// # Safety
    /// The output has this position and, from the start of these columns on, these rows; no other thread reads or writes them.
    #[inline(always)]
    pub(super) unsafe fn write_all<const R: usize>(
        &self,
        position: usize,
        row: usize,
        values: &[f32; R],
        count: usize,
    ) {
        // SAFETY: the caller's part.
        let start = unsafe { self.start.add(position * self.stride + row) };
        if count == R {
            // SAFETY: as above.
            unsafe { start.cast::<[f32; R]>().write(*values) };
            return;
        }
        for (r, value) in values.iter().enumerate().take(count) {
            // SAFETY: as above.
            unsafe { start.add(r).write(*value) };
        }
    }
}

/// See [`super::Kernels::project`].
pub(super) fn project(kernels: &mut Kernels, maps: &[Linear<'_>], x: &[f32], width: usize, y: &mut [f32]) {
    let Kernels { isa, pool, rounded, panels } = kernels;
    let isa = *isa;
    let total: usize = maps.iter().map(|map| map.rows).sum();
    let positions = x.len().checked_div(width).unwrap_or(0);
    assert_eq!(x.len(), positions * width, "inputs are whole rows");
    assert_eq!(y.len(), positions * total, "an output for each row and position");
    for map in maps {
        assert_eq!(map.weight.len(), map.rows * width, "a matrix of rows by width");
        assert!(map.bias.is_none_or(|bias| bias.len() == map.rows), "a bias for each row");
    }
    if positions == 0 {
        return;
    }
    let in_tiles = |map: &Linear<'_>| matches!(map.weight, Elements::Tiles(_));
    if maps.iter().any(in_tiles) {
        isa.round(pool, x, width, rounded);
    }
    if isa.takes_panels(positions) && !maps.iter().all(in_tiles) {
        panels.fill(pool, x, width);
    }
    let inputs = Activations { x, width, positions, rounded, panels };
    let out = Columns { start: y.as_mut_ptr(), stride: total };
    let steps = positions * total * width;
    let parallel = pool.threads() > 1 && pays(steps);
    let units: usize = maps.iter().map(|map| map.rows.div_ceil(UNIT)).sum();
    let bytes: usize = maps.iter().map(|map| map.weight.bytes().len()).sum();
    // As many for each thread: with five pieces one of two threads would wait for the other's third.
    let threads = if parallel { pool.threads() } else { 1 };
    let size = if positions < MANY { PIECE } else { LARGE_PIECE };
    let pieces = ((bytes / (size * threads)).max(1) * threads).min(units);
    pool.run(pieces, steps, &|piece| {
        let mut units = piece * units / pieces..(piece + 1) * units / pieces;
        let mut column = 0;
        for map in maps {
            let own = map.rows.div_ceil(UNIT);
            let rows = (units.start.min(own) * UNIT).min(map.rows)..(units.end.min(own) * UNIT).min(map.rows);
            if !rows.is_empty() {
                // SAFETY: this map has rows, so its first column is one of the output.
                map.run(isa, inputs, unsafe { out.from(column) }, rows);
            }
            units = units.start.saturating_sub(own)..units.end.saturating_sub(own);
            column += map.rows;
        }
    });
}

/// The inputs of a product.
#[derive(Clone, Copy)]
struct Activations<'a> {
    x: &'a [f32],
    width: usize,
    positions: usize,
    /// The same, where a map takes them.
    rounded: &'a Rounded,
    /// The same, where a map takes them.
    panels: &'a Panels,
}

impl Linear<'_> {
    /// Computes the rows `range` for all positions; `range` starts at a multiple of [`UNIT`].
    fn run(&self, isa: Isa, inputs: Activations<'_>, out: Columns, range: Range<usize>) {
        let Activations { x, width, positions, rounded, panels } = inputs;
        let bias = self.bias;
        match self.weight {
            Elements::F32(source) => isa.rows(&Rows { source, width, bias, x, panels, out }, range),
            Elements::Bf16(source) => isa.rows(&Rows { source, width, bias, x, panels, out }, range),
            Elements::F16(source) => isa.rows(&Rows { source, width, bias, x, panels, out }, range),
            Elements::Blocks(source) => isa.rows(&Rows { source, width, bias, x, panels, out }, range),
            Elements::Tiles(tiles) => {
                assert!(tiles.rows == self.rows && tiles.width == width, "tiles of this matrix");
                (tiles.format.product)(isa, &TileProduct { tiles, bias, rounded, positions, range, out });
            }
        }
    }
}

/// The rows `range` of a product for all positions, in tiles of `R` rows by `M` positions.
///
/// A tile's weights stay in the nearest cache while all positions pass by.
#[inline(always)]
pub(super) fn rows<L: Lanes, S: RowSource, const R: usize, const M: usize>(work: &Rows<'_, S>, range: Range<usize>) {
    let mut buffer = work.source.buffer(R * work.width);
    let mut row = range.start;
    while row + R <= range.end {
        strip::<L, S, R, M>(work, row, &mut buffer);
        row += R;
    }
    for row in row..range.end {
        strip::<L, S, 1, M>(work, row, &mut buffer);
    }
}

/// `R` rows for all positions.
#[inline(always)]
fn strip<L: Lanes, S: RowSource, const R: usize, const M: usize>(work: &Rows<'_, S>, first: usize, buffer: &mut [f32]) {
    let mut numbers = [first; R];
    for (r, number) in numbers.iter_mut().enumerate() {
        *number += r;
    }
    let rows = work.source.rows::<R>(numbers, work.width, buffer);
    // Whole strips, so that rows that are read side by side are not mistaken for what comes after them.
    let bytes = R * work.width * size_of::<S::Number>();
    let mut ahead = bytes * FAR.div_ceil(bytes.max(1));
    let positions = work.positions();
    let mut position = 0;
    while position + M <= positions {
        tile::<L, S, R, M>(work, rows, first, position, ahead);
        (position, ahead) = (position + M, 0);
    }
    while position + 2 <= positions {
        tile::<L, S, R, 2>(work, rows, first, position, ahead);
        (position, ahead) = (position + 2, 0);
    }
    if position < positions {
        tile::<L, S, R, 1>(work, rows, first, position, ahead);
    }
}

/// `R` rows times `M` positions; what lies `ahead` bytes after the rows is fetched meanwhile.
#[inline(always)]
fn tile<L: Lanes, S: RowSource, const R: usize, const M: usize>(
    work: &Rows<'_, S>,
    rows: [&[S::Number]; R],
    first: usize,
    position: usize,
    ahead: usize,
) {
    let width = work.width;
    let mut inputs = [&[][..]; M];
    for (input, x) in inputs.iter_mut().zip(work.x[position * width..].chunks_exact(width)) {
        *input = x;
    }
    let sums = transposed(dots_ahead::<L, S::Number, R, M>(rows, inputs, ahead));
    for (m, sums) in sums.iter().enumerate() {
        // SAFETY: `project` checked that the output holds these elements, and these rows were dealt to this thread alone.
        unsafe { work.put(position + m, first, sums, R) };
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use half::{bf16, f16};

    use super::*;
    use crate::model::StoredType;
    use crate::model::kernels::{BlockFormat, Blocks};

    fn noise(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let next = |state: &mut u32| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..n).map(|_| next(&mut state)).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// The product of a matrix `[rows][width]` in each format with `x`.
    fn products(isa: Isa, threads: usize, rows: usize, width: usize, x: &[f32]) -> Vec<Vec<u32>> {
        let w = noise(rows * width, 7);
        let brain: Vec<bf16> = w.iter().map(|w| bf16::from_f32(*w)).collect();
        let half: Vec<f16> = w.iter().map(|w| f16::from_f32(*w)).collect();
        let bias = noise(rows, 3);
        let mut kernels = Kernels::with_isa(threads, isa);
        let eights = crate::model::kernels::quantize_q8_0(&w[..w.len() / 32 * 32]);
        let blocks = BlockFormat::of(StoredType::Q8_0).filter(|format| width.is_multiple_of(format.length));
        [Elements::F32(&w), Elements::Bf16(&brain), Elements::F16(&half)]
            .into_iter()
            .chain(blocks.map(|format| Elements::Blocks(Blocks::new(format, &eights))))
            .map(|weight| {
                let mut y = vec![f32::NAN; x.len().checked_div(width).unwrap_or(0) * rows];
                project(&mut kernels, &[Linear { weight, rows, bias: Some(&bias) }], x, width, &mut y);
                bits(&y)
            })
            .collect()
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        for width in [1, 2, 15, 16, 17, 33, 64, 257, 1040, 2085] {
            for (rows, positions) in [(1, 1), (5, 3), (9, 6), (16, 4), (7, 13), (70, 21)] {
                let x = noise(positions * width, 11);
                let expected = products(Isa::PORTABLE, 1, rows, width, &x);
                for isa in Isa::available() {
                    assert_eq!(products(isa, 1, rows, width, &x), expected, "{} {rows}×{width}", isa.name());
                }
            }
        }
    }

    #[test]
    fn empty_dot_products_are_zero() {
        for isa in Isa::available() {
            assert_eq!(isa.dot(&[], &[]), 0.0);
        }
    }

    #[test]
    fn a_dot_product_agrees_with_double_precision() {
        let (a, b) = (noise(1000, 1), noise(1000, 2));
        let exact: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        assert!((f64::from(Isa::best().dot(&a, &b)) - exact).abs() < 1e-4);
    }

    #[test]
    fn threads_and_batches_change_nothing() {
        let (rows, width, positions) = (523, 160, 35);
        let x = noise(positions * width, 5);
        let together = products(Isa::best(), 1, rows, width, &x);
        for threads in [2, 3, 8] {
            assert_eq!(products(Isa::best(), threads, rows, width, &x), together);
        }
        for position in 0..positions {
            let alone = products(Isa::best(), 2, rows, width, &x[position * width..][..width]);
            for (alone, together) in alone.iter().zip(&together) {
                assert_eq!(alone[..], together[position * rows..][..rows]);
            }
        }
    }

    #[test]
    fn maps_of_the_same_inputs_stand_side_by_side() {
        let (a, b, x) = (noise(3 * 20, 1), noise(2 * 20, 2), noise(2 * 20, 3));
        let mut y = vec![0.0; 2 * 5];
        let maps = [
            Linear { weight: Elements::F32(&a), rows: 3, bias: None },
            Linear { weight: Elements::F32(&b), rows: 2, bias: None },
        ];
        project(&mut Kernels::new(1), &maps, &x, 20, &mut y);
        for position in 0..2 {
            let x = &x[position * 20..][..20];
            let want: Vec<f32> = a.chunks(20).chain(b.chunks(20)).map(|row| Isa::PORTABLE.dot(row, x)).collect();
            assert_eq!(bits(&y[position * 5..][..5]), bits(&want));
        }
    }
}
