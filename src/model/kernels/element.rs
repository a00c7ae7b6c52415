//! The number formats that weights are stored in.

use half::{bf16, f16};

use super::{Blocks, LANES, Tiles, lanes::Lanes};

/// A stored number. Widening to `f32` is exact for all of them.
pub trait Element: bytemuck::Pod + Send + Sync {
    /// The value in 32 bits.
    fn widen(self) -> f32;

    /// The nearest value of this format, ties to even.
    fn narrow(value: f32) -> Self;

    /// Sixteen of them, widened.
    #[doc(hidden)]
    fn load<L: Lanes>(values: &[Self; LANES]) -> L;
}

impl Element for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    fn narrow(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn load<L: Lanes>(values: &[Self; LANES]) -> L {
        L::load_f32(values)
    }
}

impl Element for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    fn narrow(value: f32) -> Self {
        Self::from_f32(value)
    }

    #[inline(always)]
    fn load<L: Lanes>(values: &[Self; LANES]) -> L {
        L::load_bf16(values)
    }
}

impl Element for f16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        widen_f16(self.to_bits())
    }

    fn narrow(value: f32) -> Self {
        Self::from_f32(value)
    }

    #[inline(always)]
    fn load<L: Lanes>(values: &[Self; LANES]) -> L {
        L::load_f16(values)
    }
}

/// IEEE half to single precision with integer operations and one exact product, so that it vectorizes anywhere.
#[inline(always)]
fn widen_f16(bits: u16) -> f32 {
    const REBIAS: f32 = f32::from_bits((127 + 127 - 15) << 23);
    const EXPONENT: u16 = 0x7C00;
    let magnitude = u32::from(bits & 0x7FFF) << 13;
    let finite = (f32::from_bits(magnitude) * REBIAS).to_bits();
    let widened = if bits & EXPONENT == EXPONENT { magnitude | 0x7F80_0000 } else { finite };
    f32::from_bits(widened | (u32::from(bits & 0x8000) << 16))
}

/// Stored numbers of one format.
#[derive(Clone, Copy, Debug)]
pub enum Elements<'a> {
    /// 32-bit floating point.
    F32(&'a [f32]),
    /// 16-bit brain floating point.
    Bf16(&'a [bf16]),
    /// 16-bit IEEE floating point.
    F16(&'a [f16]),
    /// Quantized numbers in blocks.
    Blocks(Blocks<'a>),
    /// Quantized numbers in tiles.
    Tiles(Tiles<'a>),
}

impl<'a> Elements<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::Bf16(values) => values.len(),
            Self::F16(values) => values.len(),
            Self::Blocks(blocks) => blocks.numbers(),
            Self::Tiles(tiles) => tiles.numbers(),
        }
    }

    /// Their bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Self::F32(values) => bytemuck::cast_slice(values),
            Self::Bf16(values) => bytemuck::cast_slice(values),
            Self::F16(values) => bytemuck::cast_slice(values),
            Self::Blocks(blocks) => blocks.stored().1,
            Self::Tiles(tiles) => tiles.bytes,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the elements from `start` on, widened, over `out`.
    ///
    /// # Panics
    /// If fewer than `out.len()` follow `start`, or `start` or the end is within a block, or, in tiles, within a row.
    pub fn widen_into(&self, start: usize, out: &mut [f32]) {
        fn copy<E: Element>(values: &[E], start: usize, out: &mut [f32]) {
            let values = &values[start..start + out.len()];
            for (out, value) in out.iter_mut().zip(values) {
                *out = value.widen();
            }
        }
        match self {
            Self::F32(values) => copy(values, start, out),
            Self::Bf16(values) => copy(values, start, out),
            Self::F16(values) => copy(values, start, out),
            Self::Blocks(blocks) => blocks.widen_into(start, out),
            Self::Tiles(tiles) => tiles.widen_into(start, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_is_exact_for_every_16_bit_pattern() {
        for bits in 0..=u16::MAX {
            let (half, brain) = (f16::from_bits(bits), bf16::from_bits(bits));
            if half.is_nan() {
                assert!(half.widen().is_nan());
            } else {
                assert_eq!(half.widen().to_bits(), half.to_f32_const().to_bits(), "{bits:#06x}");
            }
            if !brain.is_nan() {
                assert_eq!(brain.widen().to_bits(), brain.to_f32_const().to_bits(), "{bits:#06x}");
            }
        }
    }
}
