//! The product of tiles with rounded activations.
#![allow(unsafe_code)]

use std::ops::Range;

use half::f16;

use super::lanes::Codes;
use super::{Inputs, Layout, ROWS, Rounded, STRIP, Tiles, planes};
use crate::model::kernels::LANES;
use crate::model::kernels::ahead::{FAR, LINE, NEAR, fetch, fetch_near};
use crate::model::kernels::blocks::Block;
use crate::model::kernels::lanes::Lanes;
use crate::model::kernels::product::Columns;

/// Some tiles of a matrix on their way into a part of the output.
pub struct TileProduct<'a> {
    pub tiles: Tiles<'a>,
    pub bias: Option<&'a [f32]>,
    pub rounded: &'a Rounded,
    pub positions: usize,
    /// The rows; the first is that of a tile.
    pub range: Range<usize>,
    pub out: Columns,
}

impl TileProduct<'_> {
    /// Writes the results of the first `rows` rows of a tile, the bias added.
    ///
    /// # Safety
    /// The output has this position, and the rows were dealt to this thread alone.
    #[inline(always)]
    pub(super) unsafe fn put<L: Lanes>(&self, position: usize, row: usize, result: L, rows: usize) {
        let mut numbers = [0.0; LANES];
        result.store(&mut numbers);
        if let Some(bias) = self.bias {
            for (number, bias) in numbers.iter_mut().zip(&bias[row..row + rows]) {
                *number += bias;
            }
        }
        // SAFETY: the caller's part.
        unsafe { self.out.write_all(position, row, &numbers, rows) };
    }
}

/// Computes a product, a row of tiles after the other: it stays in the nearest cache while all positions pass by.
#[inline(always)]
pub fn tiles<C: Codes, B: Block<N>, const N: usize>(work: &TileProduct<'_>) {
    let stride = work.tiles.width / N * Layout::<B, N>::BYTES;
    for row in work.range.start / ROWS..work.range.end.div_ceil(ROWS) {
        let tiles = &work.tiles.bytes[row * stride..][..stride];
        let mut position = 0;
        while position + 4 <= work.positions {
            positions::<C, B, N, 4>(work, tiles, row * ROWS, position);
            position += 4;
        }
        if position + 2 <= work.positions {
            positions::<C, B, N, 2>(work, tiles, row * ROWS, position);
            position += 2;
        }
        if position < work.positions {
            positions::<C, B, N, 1>(work, tiles, row * ROWS, position);
        }
    }
}

/// 16 rows, the first of them `row`, times `M` positions.
#[inline(always)]
fn positions<C: Codes, B: Block<N>, const N: usize, const M: usize>(
    work: &TileProduct<'_>,
    tiles: &[u8],
    row: usize,
    position: usize,
) {
    let width = work.tiles.width;
    let inputs: [Inputs<'_>; M] = std::array::from_fn(|m| work.rounded.position(position + m, width));
    let results = dots::<C, B, N, M>(tiles, inputs);
    let rows = ROWS.min(work.range.end - row);
    for (m, result) in results.into_iter().enumerate() {
        // SAFETY: `project` checked that the output holds every row of the range at every position, and dealt it to this thread alone.
        unsafe { work.put(position + m, row, result, rows) };
    }
}

/// `Σ_k w[row][k]·x[m][k]` for all rows of the tiles: integers within a group, then the groups in order.
#[inline(always)]
fn dots<C: Codes, B: Block<N>, const N: usize, const M: usize>(
    tiles: &[u8],
    inputs: [Inputs<'_>; M],
) -> [C::Numbers; M] {
    let mut results = [C::Numbers::zero(); M];
    let mut strip_index = 0;
    for tile in tiles.chunks_exact(Layout::<B, N>::BYTES) {
        let d = scales::<C, B, N>(tile, 0);
        let m = if B::GROUP.has_minimum() { scales::<C, B, N>(tile, Layout::<B, N>::SCALES) } else { d };
        for strip in tile[Layout::<B, N>::STRIPS..].chunks_exact(Layout::<B, N>::STRIP_BYTES) {
            if M == 1 {
                for line in (0..Layout::<B, N>::STRIP_BYTES).step_by(LINE) {
                    fetch(strip.as_ptr().wrapping_add(FAR + line));
                    fetch_near(strip.as_ptr().wrapping_add(NEAR + line));
                }
            }
            let fours = inputs.map(|input| &input.fours.as_chunks::<8>().0[strip_index]);
            let scale = inputs.map(|input| input.scales[strip_index]);
            let sums = inputs.map(|input| input.sums.as_chunks::<2>().0[strip_index]);
            for group in 0..Layout::<B, N>::GROUPS {
                let d = group_scales::<C, B, N>(d, strip, group * ROWS);
                let count = B::GROUP.size() / 4;
                let mut even = [C::zero(); M];
                let mut odd = [C::zero(); M];
                // Two sums in turn: one alone would wait for itself.
                for four in (0..count).step_by(2) {
                    let first = codes::<C, B, N>(strip, group * count + four);
                    let second = codes::<C, B, N>(strip, group * count + four + 1);
                    for at in 0..M {
                        even[at] = first.add_products(even[at], &fours[at][group * count + four]);
                        odd[at] = second.add_products(odd[at], &fours[at][group * count + four + 1]);
                    }
                }
                for at in 0..M {
                    let sum = if Layout::<B, N>::GROUPS == 1 { sums[at][0] + sums[at][1] } else { sums[at][group] };
                    let product = C::finish(C::add(even[at], odd[at]), B::ZERO * sum);
                    let number_scale = C::Numbers::splat(scale[at]);
                    results[at] = results[at].add_product(product, d.times(number_scale));
                    if B::GROUP.has_minimum() {
                        let minimum = group_scales::<C, B, N>(m, strip, Layout::<B, N>::GROUP_SCALES + group * ROWS);
                        results[at] = results[at].add_product(minimum, C::Numbers::splat(scale[at] * sum as f32));
                    }
                }
            }
            strip_index += 1;
        }
    }
    results
}

/// The scales, or minima, of all rows.
#[inline(always)]
pub(super) fn scales<C: Codes, B: Block<N>, const N: usize>(tile: &[u8], at: usize) -> C::Numbers {
    let bytes = &tile[at..at + Layout::<B, N>::SCALES];
    if Layout::<B, N>::HAS_GROUPS {
        let mut numbers = [0.0; LANES];
        for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *number = f32::from_le_bytes(*bytes);
        }
        C::Numbers::load_f32(&numbers)
    } else {
        let mut numbers = [f16::ZERO; LANES];
        for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *number = f16::from_le_bytes(*bytes);
        }
        C::Numbers::load_f16(&numbers)
    }
}

/// The scales, or minima, of a group, those of the rows multiplied in.
#[inline(always)]
pub(super) fn group_scales<C: Codes, B: Block<N>, const N: usize>(
    rows: C::Numbers,
    strip: &[u8],
    at: usize,
) -> C::Numbers {
    if !Layout::<B, N>::HAS_GROUPS {
        return rows;
    }
    let mut bytes = [0_i8; LANES];
    for (to, from) in bytes.iter_mut().zip(&strip[at..at + LANES]) {
        *to = from.cast_signed();
    }
    rows.times(C::small(&bytes))
}

/// The codes of four columns.
#[inline(always)]
pub(super) fn codes<C: Codes, B: Block<N>, const N: usize>(strip: &[u8], four: usize) -> C {
    let registers = strip[Layout::<B, N>::PLANES..].as_chunks::<{ 4 * LANES }>().0;
    let all = planes(B::BITS);
    let first = plane::<C>(registers, four, 0, all[0].0);
    match all.get(1) {
        Some(&(width, place)) => first.join(plane::<C>(registers, four, all[0].0, width), place),
        None => first,
    }
}

/// The bits of the codes of four columns in the plane of `width` bits that begins at register `start`.
#[inline(always)]
fn plane<C: Codes>(registers: &[[u8; 4 * LANES]], four: usize, start: usize, width: usize) -> C {
    let register = C::load(&registers[start + four % width]);
    if width == 8 { register } else { register.bits((four / width * width) as u32, ((1_u32 << width) - 1) as u8) }
}

const _: () = assert!(STRIP == 32 && ROWS == 16, "a strip has eight fours and two sixteens");
