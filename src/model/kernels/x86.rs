//! AVX2 and AVX-512 lanes, and the kernels compiled for them.
#![allow(unsafe_code)]
#![allow(clippy::cast_ptr_alignment)] // the loads below are those without alignment demands

use std::arch::x86_64::{
    __m128i, __m256, __m256i, __m512, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128, _mm_movehl_ps,
    _mm_shuffle_ps, _mm256_add_ps, _mm256_castpd_ps, _mm256_castps256_ps128, _mm256_castsi256_ps,
    _mm256_cvtepu16_epi32, _mm256_cvtph_ps, _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_mul_ps,
    _mm256_setzero_ps, _mm256_slli_epi32, _mm512_add_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_castsi512_ps,
    _mm512_cvtepu16_epi32, _mm512_cvtph_ps, _mm512_extractf64x4_pd, _mm512_loadu_ps, _mm512_mul_ps, _mm512_setzero_ps,
    _mm512_slli_epi32,
};
use std::ops::Range;

use half::{bf16, f16};

use super::LANES;
use super::attention::{self, Past, Scores};
use super::lanes::{Lanes, dots};
use super::product::{self, RowSource, Rows};

// SAFETY of every block in the two implementations below: the lanes are private to this module and named only by its
// `#[target_feature]` functions, into which all of this is inlined and which run only after their features were detected; loads
// go through references to sixteen elements, without alignment demands.

/// Lanes 0 to 7 and 8 to 15 in two 256-bit registers.
#[derive(Clone, Copy)]
struct Avx2(__m256, __m256);

/// Sixteen lanes in a 512-bit register.
#[derive(Clone, Copy)]
struct Avx512(__m512);

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
        unsafe { Self(_mm256_add_ps(self.0, _mm256_mul_ps(a.0, b.0)), _mm256_add_ps(self.1, _mm256_mul_ps(a.1, b.1))) }
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
        unsafe { Self(_mm512_add_ps(self.0, _mm512_mul_ps(a.0, b.0))) }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            sum8(_mm256_add_ps(_mm512_castps512_ps256(self.0), high))
        }
    }
}

/// [`product::rows`] for AVX-512: 16 of the 32 registers hold sums. Without `avx512vl` the compiler would use 16 registers only.
#[target_feature(enable = "avx512f,avx512vl,avx2,f16c")]
pub(super) fn rows_avx512<S: RowSource>(work: &Rows<'_, S>, range: Range<usize>) {
    product::rows::<Avx512, S, 4, 4>(work, range);
}

/// [`product::rows`] for AVX2: 8 of the 16 registers hold sums.
#[target_feature(enable = "avx2,f16c")]
pub(super) fn rows_avx2<S: RowSource>(work: &Rows<'_, S>, range: Range<usize>) {
    product::rows::<Avx2, S, 2, 2>(work, range);
}

/// [`attention::attend`] for AVX-512.
#[target_feature(enable = "avx512f,avx512vl,avx2,f16c")]
pub(super) fn attend_avx512<P: Past>(query: &[f32], how: Scores, past: &P, out: &mut [f32]) {
    attention::attend::<Avx512, P>(query, how, past, out);
}

/// [`attention::attend`] for AVX2.
#[target_feature(enable = "avx2,f16c")]
pub(super) fn attend_avx2<P: Past>(query: &[f32], how: Scores, past: &P, out: &mut [f32]) {
    attention::attend::<Avx2, P>(query, how, past, out);
}

/// Dot product for AVX-512.
#[target_feature(enable = "avx512f,avx512vl,avx2,f16c")]
pub(super) fn dot_avx512(a: &[f32], b: &[f32]) -> f32 {
    dots::<Avx512, f32, 1, 1>([a], [b])[0][0]
}

/// Dot product for AVX2.
#[target_feature(enable = "avx2,f16c")]
pub(super) fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
    dots::<Avx2, f32, 1, 1>([a], [b])[0][0]
}
