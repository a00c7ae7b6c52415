//! Products for many positions, where arithmetic is waited for and not memory.
//!
//! What is multiplied is first copied into panels: four rows side by side, sixteen numbers of each in turn, widened and aligned to
//! cache lines. A tile of 4 rows by 4 positions then reads two streams without a break, from the two nearest caches: the inputs of
//! some positions stay in the first while the rows of a block, which lies in the second, pass by (Goto and van de Geijn, 2008).
//! The sums keep [their order](super).
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ops::Range;

use super::element::Element;
use super::lanes::{Lanes, Portable, padded};
use super::product::{RowSource, Rows};
use super::{LANES, ROW_STEPS, ThreadPool};

/// From so many positions on the copies pay.
pub(super) const MANY: usize = 12;
/// Rows, or positions, in a panel.
const SIDE: usize = 4;
/// Groups of a row that are multiplied before the next row comes.
const DEPTH: usize = 64;
/// Groups of the inputs, of one of the four positions in a panel, that stay in the nearest cache beside a panel of rows.
const NEAR: usize = 128;
/// Panels of inputs that stay there at most.
const NEAR_PANELS: usize = 8;
/// Groups of the rows that stay in the next cache, if that is not fewer than [`FEWEST`] rows.
const BLOCK: usize = 4096;
/// All inputs pass by once for a block: with fewer rows they would be waited for.
const FEWEST: usize = 32;

/// Sixteen numbers in a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Group([f32; LANES]);

/// The same group of four rows.
type Groups = [Group; SIDE];

/// The partial sums of a tile: of rows, by positions.
type Sums = [Groups; SIDE];

const ZERO: Groups = [Group([0.0; LANES]); SIDE];

/// Memory of a thread that is used again.
#[derive(Default)]
struct Space {
    block: Vec<Groups>,
    sums: Vec<Sums>,
}

thread_local! {
    static SPACE: Cell<Space> = Cell::default();
}

/// The inputs of a product in panels.
#[derive(Debug, Default)]
pub struct Panels(Vec<Groups>);

impl Panels {
    /// Copies `x`, positions of `width` numbers.
    pub(super) fn fill(&mut self, pool: &mut ThreadPool, x: &[f32], width: usize) {
        let groups = width.div_ceil(LANES);
        let positions = x.len() / width;
        self.0.resize(positions.div_ceil(SIDE) * groups, ZERO);
        pool.split(&mut self.0, groups, x.len() * ROW_STEPS, &|index, panel| {
            // Where a panel has fewer, the last position stands for those that are missing.
            let place = |m: usize| (index * SIDE + m).min(positions - 1) * width;
            widen::<Portable, f32>(std::array::from_fn(|m| &x[place(m)..][..width]), panel);
        });
    }

    /// A panel, group by group.
    #[inline(always)]
    fn panel(&self, index: usize, groups: usize) -> &[Groups] {
        &self.0[index * groups..][..groups]
    }
}

/// The rows `range` of a product for many positions.
#[inline(always)]
pub(super) fn product<L: Lanes, S: RowSource>(work: &Rows<'_, S>, range: Range<usize>) {
    let groups = work.width().div_ceil(LANES);
    let rows = (BLOCK / groups).max(FEWEST).min(range.len()).next_multiple_of(SIDE);
    let mut buffer = work.source().buffer(SIDE * work.width());
    let Space { mut block, mut sums } = SPACE.take();
    block.resize(block.len().max(rows / SIDE * groups), ZERO);
    sums.resize(sums.len().max(rows / SIDE * NEAR_PANELS), [ZERO; SIDE]);
    for start in range.clone().step_by(rows) {
        let rows = start..range.end.min(start + rows);
        for (panel, row) in block.chunks_exact_mut(groups).zip(rows.clone().step_by(SIDE)) {
            // Where a panel has fewer, the last row stands for those that are missing.
            let rows = std::array::from_fn(|r| (row + r).min(rows.end - 1));
            widen::<L, S::Number>(work.source().rows(rows, work.width(), &mut buffer), panel);
        }
        multiply::<L, S>(work, &block, rows, &mut sums);
    }
    SPACE.set(Space { block, sums });
}

/// Copies rows into a panel; the partial group, filled up with zeros, comes first.
#[inline(always)]
fn widen<L: Lanes, E: Element>(rows: [&[E]; SIDE], panel: &mut [Groups]) {
    let rest = rows[0].len() % LANES;
    let (first, whole) = panel.split_at_mut(usize::from(rest > 0));
    for groups in first {
        for (row, group) in rows.iter().zip(groups) {
            E::load::<L>(&padded(&row[row.len() - rest..])).store(&mut group.0);
        }
    }
    let rows = rows.map(|row| &row.as_chunks::<LANES>().0[..whole.len()]);
    for (at, groups) in whole.iter_mut().enumerate() {
        for (row, group) in rows.iter().zip(groups) {
            E::load::<L>(&row[at]).store(&mut group.0);
        }
    }
}

/// A block of rows for all positions.
#[inline(always)]
fn multiply<L: Lanes, S: RowSource>(work: &Rows<'_, S>, block: &[Groups], rows: Range<usize>, sums: &mut [Sums]) {
    let groups = work.width().div_ceil(LANES);
    let panels = work.positions().div_ceil(SIDE);
    let depth = groups.div_ceil(groups.div_ceil(DEPTH));
    let near = (NEAR / depth).min(NEAR_PANELS);
    for first in (0..panels).step_by(near) {
        for start in (0..groups).step_by(depth) {
            let depth = start..groups.min(start + depth);
            for (index, of_rows) in block.chunks_exact(groups).enumerate().take(rows.len().div_ceil(SIDE)) {
                for panel in first..panels.min(first + near) {
                    let inputs = &work.panels().panel(panel, groups)[depth.clone()];
                    let sums = &mut sums[index * near + panel - first];
                    let tile = tile::<L>(&of_rows[depth.clone()], inputs, (depth.start > 0).then_some(&*sums));
                    if depth.end < groups {
                        keep::<L>(tile, sums);
                        continue;
                    }
                    let (row, position) = (rows.start + index * SIDE, panel * SIDE);
                    let count = SIDE.min(rows.end - row);
                    for (m, sums) in L::sums_transposed(tile).iter().enumerate().take(work.positions() - position) {
                        // SAFETY: these rows were dealt to this thread, and the position is one of the output's.
                        unsafe { work.put(position + m, row, sums, count) };
                    }
                }
            }
        }
    }
}

/// `before[r][m] + Σ rows[r]·inputs[m]`, lane by lane.
#[inline(always)]
fn tile<L: Lanes>(rows: &[Groups], inputs: &[Groups], before: Option<&Sums>) -> [[L; SIDE]; SIDE] {
    let mut sums = [[L::zero(); SIDE]; SIDE];
    if let Some(before) = before {
        for r in 0..SIDE {
            for m in 0..SIDE {
                sums[r][m] = L::load_f32(&before[r][m].0);
            }
        }
    }
    for (w, x) in rows.iter().zip(inputs) {
        let mut input = [L::zero(); SIDE];
        for m in 0..SIDE {
            input[m] = L::load_f32(&x[m].0);
        }
        for r in 0..SIDE {
            let row = L::load_f32(&w[r].0);
            for m in 0..SIDE {
                sums[r][m] = sums[r][m].add_product(row, input[m]);
            }
        }
    }
    sums
}

/// Keeps sums on their way.
#[inline(always)]
fn keep<L: Lanes>(tile: [[L; SIDE]; SIDE], sums: &mut Sums) {
    for r in 0..SIDE {
        for m in 0..SIDE {
            tile[r][m].store(&mut sums[r][m].0);
        }
    }
}
