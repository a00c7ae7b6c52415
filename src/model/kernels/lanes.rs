//! Sixteen `f32` side by side: the only operations that differ between instruction sets.

use half::{bf16, f16};

use super::ahead::{LINE, NEAR, fetch, fetch_near};
use super::{Element, LANES, attention};

/// Sixteen partial sums or operands.
///
/// Implementations give the same bits for every operation.
pub trait Lanes: Copy {
    /// Sixteen zeros.
    fn zero() -> Self;
    /// Sixteen single-precision numbers.
    fn load_f32(values: &[f32; LANES]) -> Self;
    /// Sixteen brain floats, widened.
    fn load_bf16(values: &[bf16; LANES]) -> Self;
    /// Sixteen half floats, widened.
    fn load_f16(values: &[f16; LANES]) -> Self;
    /// `self + a·b`, rounded once.
    fn add_product(self, a: Self, b: Self) -> Self;
    /// The same number in all lanes.
    fn splat(value: f32) -> Self;
    /// `self · other`, rounded.
    fn times(self, other: Self) -> Self;
    /// Writes the lanes.
    fn store(self, out: &mut [f32; LANES]);
    /// The sum of all lanes: lane `i` with `i + 8`, then `i` with `i + 4`, `i + 2`, `i + 1`.
    fn sum(self) -> f32;
    /// The sum of each, in the same order.
    #[inline(always)]
    fn sums<const R: usize, const M: usize>(lanes: [[Self; M]; R]) -> [[f32; M]; R] {
        let mut result = [[0.0; M]; R];
        for r in 0..R {
            for m in 0..M {
                result[r][m] = lanes[r][m].sum();
            }
        }
        result
    }
    /// [`Lanes::sums`], columns for rows.
    #[inline(always)]
    fn sums_transposed<const R: usize, const M: usize>(lanes: [[Self; M]; R]) -> [[f32; R]; M] {
        transposed(Self::sums(lanes))
    }
    /// See [`attention::products`].
    #[inline(always)]
    fn products<const M: usize>(keys: [&[f32]; 4], queries: &[[[f32; LANES]; M]]) -> [[f32; 4]; M] {
        attention::products::<Self, M>(keys, queries)
    }
}

/// Columns for rows.
#[inline(always)]
pub fn transposed<const R: usize, const M: usize>(sums: [[f32; M]; R]) -> [[f32; R]; M] {
    let mut result = [[0.0; R]; M];
    for r in 0..R {
        for m in 0..M {
            result[m][r] = sums[r][m];
        }
    }
    result
}

/// Lanes that any machine has.
#[derive(Clone, Copy)]
pub struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn widened<E: Element>(values: &[E; LANES]) -> Self {
        let mut lanes = [0.0; LANES];
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = value.widen();
        }
        Self(lanes)
    }
}

impl Lanes for Portable {
    #[inline(always)]
    fn zero() -> Self {
        Self([0.0; LANES])
    }

    #[inline(always)]
    fn load_f32(values: &[f32; LANES]) -> Self {
        Self(*values)
    }

    #[inline(always)]
    fn load_bf16(values: &[bf16; LANES]) -> Self {
        Self::widened(values)
    }

    #[inline(always)]
    fn load_f16(values: &[f16; LANES]) -> Self {
        Self::widened(values)
    }

    #[inline(always)]
    fn add_product(mut self, a: Self, b: Self) -> Self {
        for lane in 0..LANES {
            self.0[lane] = a.0[lane].mul_add(b.0[lane], self.0[lane]);
        }
        self
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    fn times(mut self, other: Self) -> Self {
        for lane in 0..LANES {
            self.0[lane] *= other.0[lane];
        }
        self
    }

    #[inline(always)]
    fn store(self, out: &mut [f32; LANES]) {
        *out = self.0;
    }

    #[inline(always)]
    fn sum(mut self) -> f32 {
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                self.0[lane] += self.0[lane + half];
            }
            half /= 2;
        }
        self.0[0]
    }
}

/// The last, partial group of a row, filled up with zeros.
#[inline(always)]
pub fn padded<E: Element>(tail: &[E]) -> [E; LANES] {
    let mut group = [E::zeroed(); LANES];
    group[..tail.len()].copy_from_slice(tail);
    group
}

/// Dot products of `R` rows with `M` inputs, all of the same length: `result[r][m] = Σ_k rows[r][k]·inputs[m][k]`.
#[inline(always)]
pub fn dots<L: Lanes, E: Element, const R: usize, const M: usize>(
    rows: [&[E]; R],
    inputs: [&[f32]; M],
) -> [[f32; M]; R] {
    L::sums(partial_sums(rows, inputs, Nearby))
}

/// [`dots`] of rows that come from memory, and are followed by others: what lies `ahead` bytes after them is fetched meanwhile.
#[inline(always)]
pub fn dots_ahead<L: Lanes, E: Element, const R: usize, const M: usize>(
    rows: [&[E]; R],
    inputs: [&[f32]; M],
    ahead: usize,
) -> [[f32; M]; R] {
    L::sums(partial_sums(rows, inputs, Streamed { ahead }))
}

/// What is done for each cache line of a row before it is multiplied.
trait Fetch: Copy {
    /// The line at this address comes next.
    fn line(self, address: *const u8);
}

/// Rows that are in the nearest caches.
#[derive(Clone, Copy)]
struct Nearby;

/// Rows that come from memory.
#[derive(Clone, Copy)]
struct Streamed {
    ahead: usize,
}

impl Fetch for Nearby {
    #[inline(always)]
    fn line(self, _address: *const u8) {}
}

impl Fetch for Streamed {
    #[inline(always)]
    fn line(self, address: *const u8) {
        fetch(address.wrapping_add(self.ahead));
        fetch_near(address.wrapping_add(NEAR));
    }
}

/// The partial sums of [`dots`].
///
/// What is left beyond whole groups of sixteen is added first, then the groups in order.
#[inline(always)]
fn partial_sums<L: Lanes, E: Element, const R: usize, const M: usize>(
    rows: [&[E]; R],
    inputs: [&[f32]; M],
    fetch: impl Fetch,
) -> [[L; M]; R] {
    let length = inputs[0].len();
    let groups = length / LANES;
    // Cutting all to one length lets the compiler drop the bounds checks of the loop. No closures here: it would call them.
    let (mut row_groups, mut input_groups) = ([&[][..]; R], [&[][..]; M]);
    for r in 0..R {
        row_groups[r] = &rows[r].as_chunks::<LANES>().0[..groups];
    }
    for m in 0..M {
        input_groups[m] = &inputs[m].as_chunks::<LANES>().0[..groups];
    }
    let mut sums = [[L::zero(); M]; R];
    // The partial group comes first: its copies after the loop would keep the sums of the loop out of registers.
    if !length.is_multiple_of(LANES) {
        let tail = groups * LANES..length;
        for r in 0..R {
            let w = E::load::<L>(&padded(&rows[r][tail.clone()]));
            for m in 0..M {
                sums[r][m] = sums[r][m].add_product(w, L::load_f32(&padded(&inputs[m][tail.clone()])));
            }
        }
    }
    let in_line = LINE / (LANES * size_of::<E>());
    let whole = groups / in_line * in_line;
    let mut group = 0;
    while group < whole {
        for row in &row_groups {
            fetch.line(row.as_ptr().wrapping_add(group).cast());
        }
        for group in group..group + in_line {
            add_group(&mut sums, &row_groups, &input_groups, group);
        }
        group += in_line;
    }
    for group in whole..groups {
        add_group(&mut sums, &row_groups, &input_groups, group);
    }
    sums
}

/// Adds the products of one group.
#[inline(always)]
fn add_group<L: Lanes, E: Element, const R: usize, const M: usize>(
    sums: &mut [[L; M]; R],
    rows: &[&[[E; LANES]]; R],
    inputs: &[&[[f32; LANES]]; M],
    group: usize,
) {
    let mut x = [L::zero(); M];
    for m in 0..M {
        x[m] = L::load_f32(&inputs[m][group]);
    }
    for r in 0..R {
        let w = E::load::<L>(&rows[r][group]);
        for m in 0..M {
            sums[r][m] = sums[r][m].add_product(w, x[m]);
        }
    }
}
