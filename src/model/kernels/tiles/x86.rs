//! AVX2 and AVX-512 integers.
#![allow(unsafe_code)]
#![allow(clippy::cast_ptr_alignment)] // the loads below are those without alignment demands

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_cvtsi32_si128, _mm_loadu_si128, _mm256_add_epi32, _mm256_and_si256,
    _mm256_castsi256_si128, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps, _mm256_cvtepu8_epi16, _mm256_extracti128_si256,
    _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_or_si256, _mm256_permute4x64_epi64,
    _mm256_set1_epi8, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_sll_epi16, _mm256_srl_epi16,
    _mm256_sub_epi32, _mm512_add_epi32, _mm512_and_si512, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps,
    _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_or_si512, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_sll_epi16, _mm512_slli_epi32, _mm512_srl_epi16, _mm512_sub_epi32,
};

use super::lanes::Codes;
use super::product::{TileProduct, tiles};
use super::{Form, Rounded, round};
use crate::model::kernels::LANES;
use crate::model::kernels::blocks::Block;
use crate::model::kernels::x86::{Avx2, Avx512};

// SAFETY of every block in the two implementations below: the codes are private to this module and named only by its
// `#[target_feature]` functions, into which all of this is inlined and which run only after their features were detected; loads
// go through references to as many bytes, without alignment demands.

/// 64 bytes in two 256-bit registers.
#[derive(Clone, Copy)]
struct Avx2Codes(__m256i, __m256i);

/// 64 bytes in a 512-bit register.
#[derive(Clone, Copy)]
pub(super) struct VnniCodes(pub(super) __m512i);

impl Codes for Avx2Codes {
    type Numbers = Avx2;
    /// Two partial sums for each of four rows in a register.
    type Sums = [__m256i; 4];

    #[inline(always)]
    fn load(bytes: &[u8; 4 * LANES]) -> Self {
        let at = |at: usize| unsafe { _mm256_loadu_si256(bytes.as_ptr().add(at).cast::<__m256i>()) };
        Self(at(0), at(32))
    }

    #[inline(always)]
    fn bits(self, shift: u32, mask: u8) -> Self {
        // Shifted as 16 bits: what comes over from the neighbouring byte is masked away.
        let take = |codes: __m256i| unsafe {
            _mm256_and_si256(
                _mm256_srl_epi16(codes, _mm_cvtsi32_si128(shift.cast_signed())),
                _mm256_set1_epi8(mask.cast_signed()),
            )
        };
        Self(take(self.0), take(self.1))
    }

    #[inline(always)]
    fn join(self, more: Self, shift: u32) -> Self {
        let join = |codes: __m256i, more: __m256i| unsafe {
            _mm256_or_si256(codes, _mm256_sll_epi16(more, _mm_cvtsi32_si128(shift.cast_signed())))
        };
        Self(join(self.0, more.0), join(self.1, more.1))
    }

    #[inline(always)]
    fn zero() -> Self::Sums {
        [unsafe { _mm256_setzero_si256() }; 4]
    }

    #[inline(always)]
    fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|i| unsafe { _mm256_add_epi32(a[i], b[i]) })
    }

    #[inline(always)]
    fn add_products(self, sums: Self::Sums, four: &[i32; 2]) -> Self::Sums {
        unsafe {
            let x = _mm256_set1_epi64x(i64::from(four[1]) << 32 | i64::from(four[0] as u32));
            let quarters: [__m128i; 4] = [
                _mm256_castsi256_si128(self.0),
                _mm256_extracti128_si256::<1>(self.0),
                _mm256_castsi256_si128(self.1),
                _mm256_extracti128_si256::<1>(self.1),
            ];
            std::array::from_fn(|i| _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_cvtepu8_epi16(quarters[i]), x)))
        }
    }

    #[inline(always)]
    fn finish(sums: Self::Sums, less: i32) -> Self::Numbers {
        // The horizontal sum leaves rows 0, 1, 4, 5, 2, 3, 6, 7.
        let eight = |a: __m256i, b: __m256i| unsafe {
            let sums = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(a, b));
            _mm256_cvtepi32_ps(_mm256_sub_epi32(sums, _mm256_set1_epi32(less)))
        };
        Avx2(eight(sums[0], sums[1]), eight(sums[2], sums[3]))
    }

    #[inline(always)]
    fn small(bytes: &[i8; LANES]) -> Self::Numbers {
        let eight = |at: usize| unsafe {
            let bytes = i64::from_le_bytes(std::array::from_fn(|i| bytes[at + i] as u8));
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm256_castsi256_si128(_mm256_set1_epi64x(bytes))))
        };
        Avx2(eight(0), eight(8))
    }
}

impl Codes for VnniCodes {
    type Numbers = Avx512;
    /// Products with the upper bytes of the activations, and with the lower ones.
    type Sums = (__m512i, __m512i);

    #[inline(always)]
    fn load(bytes: &[u8; 4 * LANES]) -> Self {
        Self(unsafe { _mm512_loadu_si512(bytes.as_ptr().cast::<__m512i>()) })
    }

    #[inline(always)]
    fn bits(self, shift: u32, mask: u8) -> Self {
        Self(unsafe {
            let shifted = _mm512_srl_epi16(self.0, _mm_cvtsi32_si128(shift.cast_signed()));
            _mm512_and_si512(shifted, _mm512_set1_epi8(mask.cast_signed()))
        })
    }

    #[inline(always)]
    fn join(self, more: Self, shift: u32) -> Self {
        Self(unsafe { _mm512_or_si512(self.0, _mm512_sll_epi16(more.0, _mm_cvtsi32_si128(shift.cast_signed()))) })
    }

    #[inline(always)]
    fn zero() -> Self::Sums {
        unsafe { (_mm512_setzero_si512(), _mm512_setzero_si512()) }
    }

    #[inline(always)]
    fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums {
        unsafe { (_mm512_add_epi32(a.0, b.0), _mm512_add_epi32(a.1, b.1)) }
    }

    #[inline(always)]
    fn add_products(self, (high, low): Self::Sums, four: &[i32; 2]) -> Self::Sums {
        unsafe {
            (
                _mm512_dpbusd_epi32(high, self.0, _mm512_set1_epi32(four[0])),
                _mm512_dpbusd_epi32(low, self.0, _mm512_set1_epi32(four[1])),
            )
        }
    }

    #[inline(always)]
    fn finish((high, low): Self::Sums, less: i32) -> Self::Numbers {
        Avx512(unsafe {
            let sums = _mm512_add_epi32(_mm512_slli_epi32::<8>(high), low);
            _mm512_cvtepi32_ps(_mm512_sub_epi32(sums, _mm512_set1_epi32(less)))
        })
    }

    #[inline(always)]
    fn small(bytes: &[i8; LANES]) -> Self::Numbers {
        Avx512(unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(bytes.as_ptr().cast::<__m128i>()))) })
    }
}

/// [`tiles`] for AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::model::kernels) fn tiles_avx2<B: Block<N>, const N: usize>(work: &TileProduct<'_>) {
    tiles::<Avx2Codes, B, N>(work);
}

/// [`tiles`] for AVX-512 with its instructions for neural networks.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
pub(in crate::model::kernels) fn tiles_vnni<B: Block<N>, const N: usize>(work: &TileProduct<'_>) {
    tiles::<VnniCodes, B, N>(work);
}

/// [`round`] for AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::model::kernels) fn round_avx2(form: Form, x: &[f32], out: &mut Rounded) {
    round(form, x, out);
}
