//! Products of weight matrices with activations.
#![allow(unsafe_code)]

use std::ops::Range;

use super::lanes::{Lanes, dots};
use super::pool::pays;
use super::{Element, Elements, Isa, ThreadPool};

/// Pieces for each thread: enough that a thread which comes late leaves its share to the others.
const PIECES_PER_THREAD: usize = 4;
/// Rows of a piece are a multiple of this, so that all of them fill whole tiles.
const PIECE_STEP: usize = 16;

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

    /// `R` rows of `width` numbers from row `first` on.
    fn rows<'b, const R: usize>(&'b self, first: usize, width: usize, buffer: &'b mut [f32])
    -> [&'b [Self::Number]; R];
}

/// Numbers are multiplied where they lie.
impl<E: Element> RowSource for &[E] {
    type Number = E;

    fn buffer(&self, _: usize) -> Vec<f32> {
        Vec::new()
    }

    #[inline(always)]
    fn rows<'b, const R: usize>(&'b self, first: usize, width: usize, _: &'b mut [f32]) -> [&'b [E]; R] {
        let mut rows: [&[E]; R] = [&[]; R];
        for (r, slice) in rows.iter_mut().enumerate() {
            *slice = &self[(first + r) * width..][..width];
        }
        rows
    }
}

/// One map on its way into a part of the output.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, S> {
    pub(super) source: S,
    width: usize,
    bias: Option<&'a [f32]>,
    x: &'a [f32],
    out: Columns,
}

/// The columns of an output `[positions][stride]` that one map writes: its row `r` goes to column `r` of `start`.
#[derive(Clone, Copy)]
struct Columns {
    start: *mut f32,
    stride: usize,
}

// SAFETY: threads write through it to rows that were dealt out, each to one of them.
unsafe impl Send for Columns {}
// SAFETY: as above.
unsafe impl Sync for Columns {}

impl<'a, S> Rows<'a, S> {
    /// The same work with its matrix in another form.
    pub(super) fn with_source<T>(&self, source: T) -> Rows<'a, T> {
        let Self { width, bias, x, out, .. } = *self;
        Rows { source, width, bias, x, out }
    }
}

/// See [`super::Kernels::project`].
pub(super) fn project(isa: Isa, pool: &mut ThreadPool, maps: &[Linear<'_>], x: &[f32], width: usize, y: &mut [f32]) {
    let total: usize = maps.iter().map(|map| map.rows).sum();
    let positions = x.len().checked_div(width).unwrap_or(0);
    assert_eq!(x.len(), positions * width, "inputs are whole rows");
    assert_eq!(y.len(), positions * total, "an output for each row and position");
    for map in maps {
        assert_eq!(map.weight.len(), map.rows * width, "a matrix of rows by width");
        assert!(map.bias.is_none_or(|bias| bias.len() == map.rows), "a bias for each row");
    }
    let start = Columns { start: y.as_mut_ptr(), stride: total };
    let parallel = pool.threads() > 1 && pays(positions * total * width);
    let pieces = if parallel { pool.threads() * PIECES_PER_THREAD } else { 1 };
    let step = total.div_ceil(pieces).next_multiple_of(PIECE_STEP).max(PIECE_STEP);
    let piece = |index: usize| {
        let all = index * step..((index + 1) * step).min(total);
        let mut before = 0;
        for map in maps {
            let range = all.start.max(before)..all.end.min(before + map.rows);
            if !range.is_empty() {
                // SAFETY: `before < total`, the length of every row of the output.
                let columns = Columns { start: unsafe { start.first().add(before) }, ..start };
                map.run(isa, x, width, columns, range.start - before..range.end - before);
            }
            before += map.rows;
        }
    };
    if positions > 0 {
        pool.run(total.div_ceil(step), &piece);
    }
}

impl Columns {
    // A method, so that closures capture the whole, which is `Sync`, and not the pointer in it.
    fn first(&self) -> *mut f32 {
        self.start
    }
}

impl Linear<'_> {
    fn run(&self, isa: Isa, x: &[f32], width: usize, out: Columns, range: Range<usize>) {
        let work = Rows { source: (), width, bias: self.bias, x, out };
        match self.weight {
            Elements::F32(weight) => isa.rows(&work.with_source(weight), range),
            Elements::Bf16(weight) => isa.rows(&work.with_source(weight), range),
            Elements::F16(weight) => isa.rows(&work.with_source(weight), range),
            Elements::Blocks(blocks) => blocks.rows(isa, &work, range),
        }
    }
}

/// The rows `range` of a product for all positions, in tiles of `R` rows by `M` positions.
///
/// The weights of a tile stay in the nearest cache while all positions pass by.
#[inline(always)]
pub(super) fn rows<L: Lanes, S: RowSource, const R: usize, const M: usize>(work: &Rows<'_, S>, range: Range<usize>) {
    let mut buffer = work.source.buffer(R * work.width);
    let mut row = range.start;
    while row + R <= range.end {
        strip::<L, S, R, M>(work, row, &mut buffer);
        row += R;
    }
    while row < range.end {
        strip::<L, S, 1, M>(work, row, &mut buffer);
        row += 1;
    }
}

/// `R` rows from `row` on, for all positions.
#[inline(always)]
fn strip<L: Lanes, S: RowSource, const R: usize, const M: usize>(work: &Rows<'_, S>, row: usize, buffer: &mut [f32]) {
    let rows = work.source.rows::<R>(row, work.width, buffer);
    let positions = work.x.len() / work.width;
    let mut position = 0;
    while position + M <= positions {
        tile::<L, S, R, M>(work, rows, row, position);
        position += M;
    }
    while position < positions {
        tile::<L, S, R, 1>(work, rows, row, position);
        position += 1;
    }
}

/// `R` rows, the first of them `row`, times `M` positions.
#[inline(always)]
fn tile<L: Lanes, S: RowSource, const R: usize, const M: usize>(
    work: &Rows<'_, S>,
    rows: [&[S::Number]; R],
    row: usize,
    position: usize,
) {
    let width = work.width;
    let mut inputs: [&[f32]; M] = [&[]; M];
    for (m, slice) in inputs.iter_mut().enumerate() {
        *slice = &work.x[(position + m) * width..][..width];
    }
    let sums = dots::<L, S::Number, R, M>(rows, inputs);
    for (r, sums) in sums.iter().enumerate() {
        let bias = work.bias.map_or(0.0, |bias| bias[row + r]);
        for (m, sum) in sums.iter().enumerate() {
            let at = (position + m) * work.out.stride + row + r;
            // SAFETY: `project` checked that the output holds this element, and this row was dealt to this thread alone.
            unsafe { work.out.start.add(at).write(if work.bias.is_some() { sum + bias } else { *sum }) };
        }
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
        let mut pool = ThreadPool::new(threads);
        let eights = crate::model::kernels::quantize_q8_0(&w[..w.len() / 32 * 32]);
        let blocks = BlockFormat::of(StoredType::Q8_0).filter(|format| width.is_multiple_of(format.length));
        [Elements::F32(&w), Elements::Bf16(&brain), Elements::F16(&half)]
            .into_iter()
            .chain(blocks.map(|format| Elements::Blocks(Blocks::new(format, &eights))))
            .map(|weight| {
                let mut y = vec![f32::NAN; x.len().checked_div(width).unwrap_or(0) * rows];
                project(isa, &mut pool, &[Linear { weight, rows, bias: Some(&bias) }], x, width, &mut y);
                bits(&y)
            })
            .collect()
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        for width in [1, 2, 15, 16, 17, 33, 64, 257] {
            for (rows, positions) in [(1, 1), (5, 3), (9, 6), (16, 4)] {
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
        let (rows, width, positions) = (523, 160, 7);
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
        project(Isa::best(), &mut ThreadPool::new(1), &maps, &x, 20, &mut y);
        for position in 0..2 {
            let x = &x[position * 20..][..20];
            let want: Vec<f32> = a.chunks(20).chain(b.chunks(20)).map(|row| Isa::PORTABLE.dot(row, x)).collect();
            assert_eq!(bits(&y[position * 5..][..5]), bits(&want));
        }
    }
}
