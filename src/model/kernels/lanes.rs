//! Sixteen `f32` side by side: the only operations that differ between instruction sets.

use half::{bf16, f16};

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
    /// Asks for the cache line at an address, whatever lies there, to be in the second nearest cache soon.
    #[inline(always)]
    fn prefetch(_address: *const u8) {}
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

/// Bytes of a cache line.
const LINE: usize = 64;
/// Bytes that a row is fetched ahead, and the row after it.
const AHEAD: usize = 2048;

/// Dot products of `R` rows with `M` inputs, all of the same length: `result[r][m] = Σ_k rows[r][k]·inputs[m][k]`.
#[inline(always)]
pub fn dots<L: Lanes, E: Element, const R: usize, const M: usize>(
    rows: [&[E]; R],
    inputs: [&[f32]; M],
) -> [[f32; M]; R] {
    L::sums(partial_sums(rows, inputs))
}

/// The partial sums of [`dots`].
///
/// What is left beyond whole groups of sixteen is added first, then the groups in order.
#[inline(always)]
pub fn partial_sums<L: Lanes, E: Element, const R: usize, const M: usize>(
    rows: [&[E]; R],
    inputs: [&[f32]; M],
) -> [[L; M]; R] {
    let length = inputs[0].len();
    let groups = length / LANES;
    // Cutting all to one length lets the compiler drop the bounds checks of the loop.
    let row_groups = rows.map(|row| &row.as_chunks::<LANES>().0[..groups]);
    let input_groups = inputs.map(|input| &input.as_chunks::<LANES>().0[..groups]);
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
    for group in 0..groups {
        if M == 1 && (group * LANES * size_of::<E>()).is_multiple_of(LINE) {
            for row in &row_groups {
                L::prefetch(row.as_ptr().wrapping_add(group).cast::<u8>().wrapping_add(AHEAD));
            }
        }
        let mut x = [L::zero(); M];
        for m in 0..M {
            x[m] = L::load_f32(&input_groups[m][group]);
        }
        for r in 0..R {
            let w = E::load::<L>(&row_groups[r][group]);
            for m in 0..M {
                sums[r][m] = sums[r][m].add_product(w, x[m]);
            }
        }
    }
    sums
}
