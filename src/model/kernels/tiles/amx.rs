//! Products of many positions on matrix registers (Intel's Advanced Matrix Extensions).
//!
//! One instruction multiplies sixteen positions by sixteen rows, 32 bytes of each, and adds the exact products up in integers.
//! Stable Rust has no functions for these instructions, so they are written out.
#![allow(unsafe_code)]

use std::arch::asm;
use std::arch::x86_64::{
    __cpuid_count, __m512, __m512i, _CMP_EQ_OQ, _mm_storeu_si128, _mm512_abs_ps, _mm512_add_epi32, _mm512_cmp_ps_mask,
    _mm512_cvtepi32_epi8, _mm512_cvtepi32_ps, _mm512_cvtps_epi32, _mm512_fmadd_ps, _mm512_load_ps, _mm512_load_si512,
    _mm512_loadu_ps, _mm512_max_ps, _mm512_mul_ps, _mm512_reduce_add_epi32, _mm512_reduce_max_ps, _mm512_set1_epi8,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_srai_epi32,
    _mm512_store_si512, _mm512_sub_epi8, _mm512_sub_ps,
};
use std::cell::Cell;
use std::ops::Range;
use std::sync::LazyLock;

use super::inputs::LARGEST;
use super::product::{TileProduct, codes, group_scales, scales};
use super::x86::VnniCodes;
use super::{Layout, ROWS, SIDE, STRIP, Slab};
use crate::model::kernels::LANES;
use crate::model::kernels::ahead::{LINE, fetch};
use crate::model::kernels::blocks::Block;
use crate::model::kernels::lanes::Lanes;
use crate::model::kernels::x86::Avx512;

/// Strips that are multiplied with sixteen positions before the next positions come.
const BLOCK: usize = 400;

/// Whether this machine has the instructions, and its system lets us use the registers.
pub(in crate::model::kernels) fn is_available() -> bool {
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| has_instructions() && is_permitted());
    *AVAILABLE
}

/// `amx-tile` and `amx-int8`.
fn has_instructions() -> bool {
    const TILE_AND_INT8: u32 = 1 << 24 | 1 << 25;
    __cpuid_count(0, 0).eax >= 7 && __cpuid_count(7, 0).edx & TILE_AND_INT8 == TILE_AND_INT8
}

/// Asks the system for the registers, for all threads: saving them takes 8 KB of each, so Linux wants to be asked.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: the call changes nothing but what this process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// The shapes of the registers, as `ldtilecfg` takes them.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl Shapes {
    /// For products of `columns` bytes: sums in registers 0 and 1, codes in 2, activations in 3 and 4.
    fn new(columns: usize) -> Self {
        let mut shapes = Self { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        let (sums, codes, inputs) = ((SIDE, 4 * LANES), (columns / 4, 4 * LANES), (SIDE, columns));
        let all = [sums, sums, codes, inputs, inputs];
        for (register, (rows, bytes)) in all.into_iter().enumerate() {
            shapes.rows[register] = rows as u8;
            shapes.row_bytes[register] = bytes as u16;
        }
        shapes
    }
}

/// Matrix registers that are in use; afterwards the system need not save them.
struct Registers;

impl Registers {
    /// # Safety
    /// [`is_available`].
    unsafe fn configure(shapes: &Shapes) -> Self {
        // SAFETY: the caller's part; the shapes are valid ones.
        unsafe { asm!("ldtilecfg [{}]", in(reg) shapes, options(nostack, readonly, preserves_flags)) };
        Self
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        // SAFETY: they were configured.
        unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) };
    }
}

/// 32 columns of sixteen rows: signed codes as an instruction takes them, and for each group the scale and the minimum.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Strip {
    codes: [[i8; 4 * LANES]; STRIP / 4],
    scales: [[f32; LANES]; 2],
    minima: [[f32; LANES]; 2],
}

const ZERO: Strip = Strip { codes: [[0; 4 * LANES]; STRIP / 4], scales: [[0.0; LANES]; 2], minima: [[0.0; LANES]; 2] };

/// Sums of products with the upper bytes of sixteen positions, and with the lower ones.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Products {
    high: [[i32; LANES]; SIDE],
    low: [[i32; LANES]; SIDE],
}

impl Products {
    const ZERO: Self = Self { high: [[0; LANES]; SIDE], low: [[0; LANES]; SIDE] };
}

thread_local! {
    /// A row of tiles, in memory that is used again.
    static STRIPS: Cell<Vec<Strip>> = const { Cell::new(Vec::new()) };
}

/// [`super::tiles`] for many positions, whose activations are in slabs.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
pub(in crate::model::kernels) fn tiles_amx<B: Block<N>, const N: usize>(work: &TileProduct<'_>) {
    let in_row = work.tiles.width / STRIP;
    let stride = work.tiles.width / N * Layout::<B, N>::BYTES;
    // Some rows of tiles at a time: they stay in the second nearest cache, and the slabs of sixteen positions in the nearest one.
    let rows = (BLOCK / in_row).max(1);
    let mut strips = STRIPS.take();
    strips.resize(strips.len().max(rows * in_row), ZERO);
    // SAFETY: an `Isa` with these instructions exists only where they are available.
    let registers = unsafe { Registers::configure(&Shapes::new(B::GROUP.size())) };
    let all = work.range.start / ROWS..work.range.end.div_ceil(ROWS);
    for start in all.clone().step_by(rows) {
        let rows = start..all.end.min(start + rows);
        let of = |rows: &Range<usize>| &work.tiles.bytes[rows.start * stride..rows.end * stride];
        for (tiles, strips) in of(&rows).chunks_exact(stride).zip(strips.chunks_exact_mut(in_row)) {
            unpack::<B, N>(tiles, strips);
        }
        // The next ones are fetched bit by bit while these are multiplied.
        let mut ahead = of(&(rows.end..all.end.min(rows.end + rows.len()))).chunks(LINE);
        let each = ahead.len().div_ceil(work.positions.div_ceil(SIDE));
        for first in (0..work.positions).step_by(SIDE) {
            ahead.by_ref().take(each).for_each(|line| fetch(line.as_ptr()));
            let slabs = work.rounded.slabs(first, in_row);
            for (row, strips) in rows.clone().zip(strips.chunks_exact(in_row)) {
                let sums = multiply::<B, N>(strips, slabs);
                let count = ROWS.min(work.range.end - row * ROWS);
                for (position, sum) in sums.into_iter().enumerate().take(work.positions - first) {
                    // SAFETY: `project` checked that the output has all positions, and dealt these rows to this thread alone.
                    unsafe { work.put(first + position, row * ROWS, Avx512(sum), count) };
                }
            }
        }
    }
    drop(registers);
    STRIPS.set(strips);
}

/// [`super::round`] of up to [`SIDE`] positions of `width` activations, into their slabs.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
pub(in crate::model::kernels) fn round_amx(x: &[f32], width: usize, slabs: &mut [Slab]) {
    if x.len() < SIDE * width {
        slabs.fill(Slab::ZERO);
    }
    for (at, x) in x.chunks_exact(width).enumerate() {
        for (slab, x) in slabs.iter_mut().zip(x.as_chunks::<STRIP>().0) {
            round_strip(x, at, slab);
        }
    }
}

/// Rounds 32 activations of one position.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
#[inline]
fn round_strip(x: &[f32; STRIP], at: usize, slab: &mut Slab) {
    // SAFETY: both halves are 16 numbers.
    let halves = unsafe { [_mm512_loadu_ps(x.as_ptr()), _mm512_loadu_ps(x.as_ptr().add(LANES))] };
    let sizes = halves.map(|half| _mm512_abs_ps(half));
    let largest = _mm512_reduce_max_ps(_mm512_max_ps(sizes[0], sizes[1]));
    // Not a number and infinity alike: everything less itself is zero otherwise.
    let is_finite = halves.iter().all(|half| {
        let difference = _mm512_sub_ps(*half, *half);
        _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(difference, _mm512_setzero_ps()) == u16::MAX
    });
    let inverse = if largest > 0.0 && is_finite { LARGEST / largest } else { 0.0 };
    for (half, numbers) in halves.into_iter().enumerate() {
        let numbers = _mm512_mul_ps(numbers, _mm512_set1_ps(inverse));
        let q = if is_finite { _mm512_cvtps_epi32(numbers) } else { _mm512_setzero_si512() };
        slab.sums[half][at] = _mm512_reduce_add_epi32(q);
        let high = _mm512_srai_epi32::<8>(_mm512_add_epi32(q, _mm512_set1_epi32(128)));
        let bytes = |row: &mut [u8; STRIP], values: __m512i| {
            // SAFETY: half of a row is 16 bytes.
            unsafe { _mm_storeu_si128(row.as_mut_ptr().add(half * LANES).cast(), _mm512_cvtepi32_epi8(values)) };
        };
        bytes(&mut slab.high[at], high);
        bytes(&mut slab.low[at], q);
    }
    slab.scales[at] = if is_finite { largest / LARGEST } else { f32::NAN };
}

/// Lays a row of tiles out for the instructions.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
fn unpack<B: Block<N>, const N: usize>(tiles: &[u8], strips: &mut [Strip]) {
    let mut strips = strips.iter_mut();
    for tile in tiles.chunks_exact(Layout::<B, N>::BYTES) {
        let d = scales::<VnniCodes, B, N>(tile, 0);
        let m = if B::GROUP.has_minimum() { scales::<VnniCodes, B, N>(tile, Layout::<B, N>::SCALES) } else { d };
        for (packed, strip) in tile[Layout::<B, N>::STRIPS..].chunks_exact(Layout::<B, N>::STRIP_BYTES).zip(&mut strips)
        {
            for (four, signed) in strip.codes.iter_mut().enumerate() {
                let codes = codes::<VnniCodes, B, N>(packed, four);
                let zero = _mm512_set1_epi8((B::ZERO as u8).cast_signed());
                // SAFETY: 64 bytes of a strip, which is aligned.
                unsafe { _mm512_store_si512(signed.as_mut_ptr().cast(), _mm512_sub_epi8(codes.0, zero)) };
            }
            for group in 0..Layout::<B, N>::GROUPS {
                group_scales::<VnniCodes, B, N>(d, packed, group * ROWS).store(&mut strip.scales[group]);
                if B::GROUP.has_minimum() {
                    let at = Layout::<B, N>::GROUP_SCALES + group * ROWS;
                    group_scales::<VnniCodes, B, N>(m, packed, at).store(&mut strip.minima[group]);
                }
            }
        }
    }
}

/// Sixteen rows times sixteen positions: integers within a group, then the groups in order.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
#[inline]
fn multiply<B: Block<N>, const N: usize>(strips: &[Strip], slabs: &[Slab]) -> [__m512; SIDE] {
    let mut sums = [_mm512_setzero_ps(); SIDE];
    // The products of the next group are under way while those of this one are scaled.
    let mut products = [Products::ZERO; 2];
    let total = strips.len() * Layout::<B, N>::GROUPS;
    let place = |index: usize| {
        let (strip, group) = (index / Layout::<B, N>::GROUPS, index % Layout::<B, N>::GROUPS);
        (&strips[strip], &slabs[strip], group)
    };
    // SAFETY: here and below: the registers are configured for groups of this size.
    unsafe { multiply_group(place(0), B::GROUP.size(), &mut products[0]) };
    for index in 0..total {
        if index + 1 < total {
            unsafe { multiply_group(place(index + 1), B::GROUP.size(), &mut products[(index + 1) % 2]) };
        }
        scale_group::<B, N>(&products[index % 2], place(index), &mut sums);
    }
    sums
}

/// Adds products of a group to the sums, scaled.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
#[inline]
fn scale_group<B: Block<N>, const N: usize>(
    products: &Products,
    (strip, slab, group): Place<'_>,
    sums: &mut [__m512; SIDE],
) {
    // SAFETY: every load is of 64 aligned bytes.
    let numbers = |numbers: &[f32; LANES]| unsafe { _mm512_load_ps(numbers.as_ptr()) };
    let integers = |numbers: &[i32; LANES]| unsafe { _mm512_load_si512(numbers.as_ptr().cast()) };
    let (d, m) = (numbers(&strip.scales[group]), numbers(&strip.minima[group]));
    for (position, total) in sums.iter_mut().enumerate() {
        let high = integers(&products.high[position]);
        let low = integers(&products.low[position]);
        let product = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32::<8>(high), low));
        let scale = _mm512_mul_ps(d, _mm512_set1_ps(slab.scales[position]));
        *total = _mm512_fmadd_ps(product, scale, *total);
        if B::GROUP.has_minimum() {
            let sum = if Layout::<B, N>::GROUPS == 1 {
                slab.sums[0][position] + slab.sums[1][position]
            } else {
                slab.sums[group][position]
            };
            let sum = _mm512_set1_ps(slab.scales[position] * sum as f32);
            *total = _mm512_fmadd_ps(m, sum, *total);
        }
    }
}

/// The codes and the activations of a group of columns, and which of its strip it is.
type Place<'a> = (&'a Strip, &'a Slab, usize);

/// The products of a group of columns.
///
/// # Safety
/// The registers are configured for groups of `size`.
#[inline(always)]
unsafe fn multiply_group((strip, slab, group): Place<'_>, size: usize, products: &mut Products) {
    // SAFETY: a register is read from 16 rows of 32 bytes or as many of 64, and written to 16 rows of 64, as the shapes say.
    unsafe {
        asm!(
            "tileloadd tmm2, [{codes} + {line}]",
            "tileloadd tmm3, [{high} + {row}]",
            "tilezero tmm0",
            "tdpbssd tmm0, tmm3, tmm2",
            "tileloadd tmm4, [{low} + {row}]",
            "tilezero tmm1",
            "tdpbssd tmm1, tmm4, tmm2",
            "tilestored [{to_high} + {line}], tmm0",
            "tilestored [{to_low} + {line}], tmm1",
            codes = in(reg) strip.codes.as_ptr().byte_add(group * size * LANES),
            high = in(reg) slab.high.as_ptr().byte_add(group * size),
            low = in(reg) slab.low.as_ptr().byte_add(group * size),
            to_high = in(reg) products.high.as_mut_ptr(),
            to_low = in(reg) products.low.as_mut_ptr(),
            line = in(reg) 4 * LANES,
            row = in(reg) STRIP,
            options(nostack, preserves_flags),
        );
    }
}
