//! AVX2 and AVX-512 lanes, and the kernels compiled for them.
#![allow(unsafe_code)]
#![allow(clippy::cast_ptr_alignment)] // the loads below are those without alignment demands

use std::arch::x86_64::{
    __m128i, __m256, __m256i, __m512, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128, _mm_movehl_ps,
    _mm_shuffle_ps, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps256_ps128, _mm256_castsi256_ps,
    _mm256_cvtepu16_epi32, _mm256_cvtph_ps, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_slli_epi32, _mm256_storeu_ps,
    _mm512_add_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_castsi512_ps, _mm512_cvtepu16_epi32,
    _mm512_cvtph_ps, _mm512_extractf64x4_pd, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_shuffle_ps, _mm512_slli_epi32, _mm512_storeu_ps,
};
use std::ops::Range;

use half::{bf16, f16};

use super::LANES;
use super::activation;
use super::attention::{self, Past, Scores};
use super::lanes::{Lanes, dots, transposed};
use super::panels::{self, MANY};
use super::product::{self, RowSource, Rows};

// SAFETY of every block in the two implementations below: the lanes are private to this module and named only by its
// `#[target_feature]` functions, into which all of this is inlined and which run only after their features were detected; loads
// go through references to sixteen elements, without alignment demands.

/// Lanes 0 to 7 and 8 to 15 in two 256-bit registers.
#[derive(Clone, Copy)]
pub(super) struct Avx2(pub(super) __m256, pub(super) __m256);

/// Sixteen lanes in a 512-bit register.
#[derive(Clone, Copy)]
pub(super) struct Avx512(pub(super) __m512);

/// The tree from eight lanes down.
#[inline(always)]
fn sum8(lanes: __m256) -> f32 {
    unsafe {
        let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
}

impl Lanes for Avx2 {
    #[inline(always)]
    fn zero() -> Self {
        unsafe { Self(_mm256_setzero_ps(), _mm256_setzero_ps()) }
    }

    #[inline(always)]
    fn load_f32(values: &[f32; LANES]) -> Self {
        unsafe { Self(_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(8))) }
    }

    #[inline(always)]
    fn load_bf16(values: &[bf16; LANES]) -> Self {
        let widen = |at: usize| unsafe {
            let bits = _mm_loadu_si128(values.as_ptr().add(at).cast::<__m128i>());
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(bits)))
        };
        Self(widen(0), widen(8))
    }

    #[inline(always)]
    fn load_f16(values: &[f16; LANES]) -> Self {
        let widen = |at: usize| unsafe { _mm256_cvtph_ps(_mm_loadu_si128(values.as_ptr().add(at).cast::<__m128i>())) };
        Self(widen(0), widen(8))
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm256_fmadd_ps(a.0, b.0, self.0), _mm256_fmadd_ps(a.1, b.1, self.1)) }
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        unsafe { Self(_mm256_set1_ps(value), _mm256_set1_ps(value)) }
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn store(self, out: &mut [f32; LANES]) {
        unsafe {
            _mm256_storeu_ps(out.as_mut_ptr(), self.0);
            _mm256_storeu_ps(out.as_mut_ptr().add(8), self.1);
        }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        sum8(unsafe { _mm256_add_ps(self.0, self.1) })
    }
}

impl Lanes for Avx512 {
    #[inline(always)]
    fn zero() -> Self {
        unsafe { Self(_mm512_setzero_ps()) }
    }

    #[inline(always)]
    fn load_f32(values: &[f32; LANES]) -> Self {
        unsafe { Self(_mm512_loadu_ps(values.as_ptr())) }
    }

    #[inline(always)]
    fn load_bf16(values: &[bf16; LANES]) -> Self {
        unsafe {
            let bits = _mm256_loadu_si256(values.as_ptr().cast::<__m256i>());
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(bits))))
        }
    }

    #[inline(always)]
    fn load_f16(values: &[f16; LANES]) -> Self {
        unsafe { Self(_mm512_cvtph_ps(_mm256_loadu_si256(values.as_ptr().cast::<__m256i>()))) }
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { Self(_mm512_fmadd_ps(a.0, b.0, self.0)) }
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn store(self, out: &mut [f32; LANES]) {
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), self.0) };
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            sum8(_mm256_add_ps(_mm512_castps512_ps256(self.0), high))
        }
    }

    #[inline(always)]
    fn sums<const R: usize, const M: usize>(lanes: [[Self; M]; R]) -> [[f32; M]; R] {
        if matches!(R * M, 4 | 8 | 16) {
            return sums512(lanes);
        }
        let mut result = [[0.0; M]; R];
        for r in 0..R {
            for m in 0..M {
                result[r][m] = lanes[r][m].sum();
            }
        }
        result
    }

    #[inline(always)]
    fn sums_transposed<const R: usize, const M: usize>(lanes: [[Self; M]; R]) -> [[f32; R]; M] {
        // Sixteen sums in the order of `sums512`, four by four, are those of columns.
        if R == 4 && M == 4 {
            let mut result = [[0.0; R]; M];
            let mut sums = [0.0; LANES];
            unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), sixteen(lanes)) };
            for (result, sums) in result.iter_mut().zip(sums.as_chunks::<R>().0) {
                *result = *sums;
            }
            return result;
        }
        transposed(Self::sums(lanes))
    }

    #[inline(always)]
    fn products<const M: usize>(keys: [&[f32]; 4], queries: &[[[f32; LANES]; M]]) -> [[f32; 4]; M] {
        unsafe { products_avx512(keys, queries) }
    }
}

/// Sixteen lanes of `a` and of `b`, each of the two added in halves: eight of `a`, eight of `b`.
#[inline(always)]
fn halve16(a: __m512, b: __m512) -> __m512 {
    unsafe { _mm512_add_ps(_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0xEE>(a, b)) }
}

/// The next halving: of eights `ab` and `cd`, four of each.
#[inline(always)]
fn halve8(ab: __m512, cd: __m512) -> __m512 {
    unsafe { _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(ab, cd), _mm512_shuffle_f32x4::<0xDD>(ab, cd)) }
}

/// The next: of the four fours of `p` and of `q`, side by side, two of each.
#[inline(always)]
fn halve4(p: __m512, q: __m512) -> __m512 {
    unsafe { _mm512_add_ps(_mm512_shuffle_ps::<0x44>(p, q), _mm512_shuffle_ps::<0xEE>(p, q)) }
}

/// The last: of twos, one of each.
#[inline(always)]
fn halve2(x: __m512, y: __m512) -> __m512 {
    unsafe { _mm512_add_ps(_mm512_shuffle_ps::<0x88>(x, y), _mm512_shuffle_ps::<0xDD>(x, y)) }
}

/// Of four times sixteen lanes, four of each.
#[inline(always)]
fn four(lanes: [__m512; 4]) -> __m512 {
    halve8(halve16(lanes[0], lanes[1]), halve16(lanes[2], lanes[3]))
}

/// Up to 16 sums together, sum `i` at `i % 4 * 4 + i / 4`: a third of the instructions that one after the other takes.
#[inline(always)]
fn sixteen<const R: usize, const M: usize>(lanes: [[Avx512; M]; R]) -> __m512 {
    // No closures here: in a loop of this size the compiler would call them.
    let mut v = [lanes[0][0].0; LANES];
    for r in 0..R {
        for m in 0..M {
            v[r * M + m] = lanes[r][m].0;
        }
    }
    let a = four([v[0], v[1], v[2], v[3]]);
    let b = if R * M > 4 { four([v[4], v[5], v[6], v[7]]) } else { a };
    let (c, d) =
        if R * M > 8 { (four([v[8], v[9], v[10], v[11]]), four([v[12], v[13], v[14], v[15]])) } else { (a, b) };
    let ab = halve4(a, b);
    halve2(ab, if R * M > 8 { halve4(c, d) } else { ab })
}

/// [`Lanes::sums`] of 4, 8 or 16.
#[inline(always)]
fn sums512<const R: usize, const M: usize>(lanes: [[Avx512; M]; R]) -> [[f32; M]; R] {
    let mut sums = [0.0; LANES];
    unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), sixteen(lanes)) };
    let mut result = [[0.0; M]; R];
    for r in 0..R {
        for m in 0..M {
            result[r][m] = sums[(r * M + m) % 4 * 4 + (r * M + m) / 4];
        }
    }
    result
}

/// [`product::rows`] for AVX-512: 16 of the 32 registers hold sums. Without `avx512vl` the compiler would use 16 registers only.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,f16c")]
pub(super) fn rows_avx512<S: RowSource>(work: &Rows<'_, S>, range: Range<usize>) {
    if work.positions() >= MANY {
        panels::product::<Avx512, S>(work, range);
    } else if work.positions() > 1 {
        product::rows::<Avx512, S, 4, 4>(work, range);
    } else if size_of::<S::Number>() == size_of::<f32>() {
        // Bound by memory, which delivers fewer rows at once better.
        product::rows::<Avx512, S, 2, 1>(work, range);
    } else {
        product::rows::<Avx512, S, 4, 1>(work, range);
    }
}

/// [`product::rows`] for AVX2: 8 of the 16 registers hold sums.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn rows_avx2<S: RowSource>(work: &Rows<'_, S>, range: Range<usize>) {
    if work.positions() >= MANY {
        panels::product::<Avx2, S>(work, range);
    } else {
        product::rows::<Avx2, S, 2, 2>(work, range);
    }
}

/// [`attention::attend`] for AVX-512.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,f16c")]
pub(super) fn attend_avx512<P: Past, const M: usize>(
    queries: [&[f32]; M],
    how: Scores,
    past: &P,
    out: [&mut [f32]; M],
) {
    attention::attend::<Avx512, P, M>(queries, how, past, out);
}

/// [`attention::products`] for AVX-512. A function of its own: within `attend` the compiler would keep the sums in memory.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,f16c")]
#[inline(never)]
fn products_avx512<const M: usize>(keys: [&[f32]; 4], queries: &[[[f32; LANES]; M]]) -> [[f32; 4]; M] {
    attention::products::<Avx512, M>(keys, queries)
}

/// [`attention::attend`] for AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn attend_avx2<P: Past, const M: usize>(queries: [&[f32]; M], how: Scores, past: &P, out: [&mut [f32]; M]) {
    attention::attend::<Avx2, P, M>(queries, how, past, out);
}

/// [`activation::gate`] for AVX-512.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,f16c")]
pub(super) fn gate_avx512(function: &impl Fn(f32) -> f32, gate: &[f32], up: &[f32], out: &mut [f32]) {
    activation::gate(function, gate, up, out);
}

/// [`activation::gate`] for AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn gate_avx2(function: &impl Fn(f32) -> f32, gate: &[f32], up: &[f32], out: &mut [f32]) {
    activation::gate(function, gate, up, out);
}

/// Dot product for AVX-512.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,f16c")]
pub(super) fn dot_avx512(a: &[f32], b: &[f32]) -> f32 {
    dots::<Avx512, f32, 1, 1>([a], [b])[0][0]
}

/// Dot product for AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
    dots::<Avx2, f32, 1, 1>([a], [b])[0][0]
}
