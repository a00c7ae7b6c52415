//! Which instructions this machine has.
#![allow(unsafe_code)]

use std::ops::Range;

use super::ThreadPool;
use super::activation;
use super::attention::{self, Past, Scores};
use super::blocks::Block;
use super::lanes::{Portable, dots};
use super::panels::MANY;
use super::product::{self, RowSource, Rows};
use super::tiles::{self, Form, PortableCodes, Rounded, TileProduct};
#[cfg(target_arch = "x86_64")]
use super::x86;

/// From so many positions on matrix registers pay.
#[cfg(target_arch = "x86_64")]
const SLABS: usize = 12;

/// An instruction set that the kernels are compiled for. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

// Private, so that an `Isa` exists only for instructions that were detected: what makes the calls below sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// With products of bytes.
    #[cfg(target_arch = "x86_64")]
    Vnni,
    /// With matrix registers, too.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl Isa {
    /// What every machine has.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// The sets of this machine, the fastest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 =
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
            let avx512 = avx2 && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            if avx512 && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vnni") {
                if tiles::amx::is_available() {
                    sets.push(Self(Kind::Amx));
                }
                sets.push(Self(Kind::Vnni));
            }
            if avx512 {
                sets.push(Self(Kind::Avx512));
            }
            if avx2 {
                sets.push(Self(Kind::Avx2));
            }
        }
        sets.push(Self::PORTABLE);
        sets
    }

    /// The fastest set of this machine.
    #[must_use]
    pub fn best() -> Self {
        Self::available()[0]
    }

    /// Its name: `portable`, `avx2`, `avx512`, `avx512vnni` or `amx`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Vnni => "avx512vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Amx => "amx",
        }
    }

    /// The rows `range` of a product.
    pub(super) fn rows<S: RowSource>(self, work: &Rows<'_, S>, range: Range<usize>) {
        match self.0 {
            Kind::Portable => product::rows::<Portable, S, 4, 1>(work, range),
            // SAFETY, here and below: the instructions were detected when this `Isa` was made.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86::rows_avx2(work, range) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 | Kind::Vnni | Kind::Amx => unsafe { x86::rows_avx512(work, range) },
        }
    }

    /// Whether [`Isa::rows`] takes so many positions in panels. Portable code would not keep the sums of a tile in registers.
    pub(super) fn takes_panels(self, positions: usize) -> bool {
        self.0 != Kind::Portable && positions >= MANY
    }

    /// A product of tiles. AVX-512 without products of bytes gains nothing over AVX2 here.
    pub(super) fn tiles<B: Block<N>, const N: usize>(self, work: &TileProduct<'_>) {
        match self.0 {
            Kind::Portable => tiles::tiles::<PortableCodes, B, N>(work),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Avx512 => unsafe { tiles::x86::tiles_avx2::<B, N>(work) },
            #[cfg(target_arch = "x86_64")]
            Kind::Amx if self.takes_slabs(work.positions) => unsafe { tiles::amx::tiles_amx::<B, N>(work) },
            #[cfg(target_arch = "x86_64")]
            Kind::Vnni | Kind::Amx => unsafe { tiles::x86::tiles_vnni::<B, N>(work) },
        }
    }

    /// Whether [`Isa::tiles`] takes the activations of so many positions in slabs.
    #[cfg(target_arch = "x86_64")]
    fn takes_slabs(self, positions: usize) -> bool {
        self.0 == Kind::Amx && positions >= SLABS
    }

    /// Rounds activations, positions of `width`, as [`Isa::tiles`] takes them.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
    pub(super) fn round(self, pool: &mut ThreadPool, x: &[f32], width: usize, out: &mut Rounded) {
        match self.0 {
            Kind::Portable => tiles::round(Form::Whole, x, out),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Avx512 => unsafe { tiles::x86::round_avx2(Form::Whole, x, out) },
            #[cfg(target_arch = "x86_64")]
            Kind::Amx if self.takes_slabs(x.len() / width) => {
                let strips = width / tiles::STRIP;
                let slabs = out.resize_slabs(x.len() / width, strips);
                pool.split(slabs, strips, x.len() * super::ROW_STEPS, &|index, slabs| {
                    let x = &x[index * tiles::SIDE * width..];
                    unsafe { tiles::amx::round_amx(&x[..x.len().min(tiles::SIDE * width)], width, slabs) };
                });
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Vnni | Kind::Amx => unsafe { tiles::x86::round_avx2(Form::Split, x, out) },
        }
    }

    /// The most queries that [`Isa::attend`] takes together with advantage: the sums of more would not stay in registers.
    pub(super) fn queries(self) -> usize {
        match self.0 {
            Kind::Portable => 2,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => 2,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 | Kind::Vnni | Kind::Amx => 4,
        }
    }

    /// One attention head for some queries, see [`attention::attend`].
    pub(super) fn attend<P: Past, const M: usize>(
        self,
        queries: [&[f32]; M],
        how: Scores,
        past: &P,
        out: [&mut [f32]; M],
    ) {
        match self.0 {
            Kind::Portable => attention::attend::<Portable, P, M>(queries, how, past, out),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86::attend_avx2(queries, how, past, out) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 | Kind::Vnni | Kind::Amx => unsafe { x86::attend_avx512(queries, how, past, out) },
        }
    }

    /// `out = function(gate) · up`.
    pub(super) fn gate(self, function: &impl Fn(f32) -> f32, gate: &[f32], up: &[f32], out: &mut [f32]) {
        match self.0 {
            Kind::Portable => activation::gate(function, gate, up, out),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86::gate_avx2(function, gate, up, out) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 | Kind::Vnni | Kind::Amx => unsafe { x86::gate_avx512(function, gate, up, out) },
        }
    }

    /// `Σ a·b` in the order that all kernels use.
    ///
    /// # Panics
    /// If `a` is shorter than `b`.
    #[must_use]
    pub fn dot(self, a: &[f32], b: &[f32]) -> f32 {
        match self.0 {
            Kind::Portable => dots::<Portable, f32, 1, 1>([a], [b])[0][0],
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86::dot_avx2(a, b) },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 | Kind::Vnni | Kind::Amx => unsafe { x86::dot_avx512(a, b) },
        }
    }
}
