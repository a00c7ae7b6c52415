//! The arithmetic of a forward pass: products of weights with activations, attention over cached keys, norms.
//!
//! Every sum has one order, whatever computes it. A dot product over `k` runs in [`LANES`] partial sums, element `i` going to
//! partial sum `i % LANES`, those beyond whole groups of [`LANES`] first; each step is a fused multiply-add, rounded once; the
//! partial sums are added as a balanced tree. Quantized matrices are multiplied in exact integers within a group, see
//! `tiles`, and the groups are added in order. Portable, AVX2, AVX-512 and AMX code therefore give the same bits, and so do any
//! number of threads, any number of positions in one product, and any blocking.

// Code for an instruction set is compiled by inlining one body into a function that enables it: a call left over would be slow.
#![allow(clippy::inline_always)]

mod activation;
mod ahead;
mod attention;
mod blocks;
mod deal;
mod element;
mod isa;
mod lanes;
mod math;
mod norm;
mod pace;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // portable code takes rows as they lie
mod panels;
mod pool;
mod product;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use activation::Activation;
pub use attention::{GROUP, Heads, Past, Scores};
pub use blocks::{BlockFormat, Blocks, quantize_q8_0};
pub use element::{Element, Elements};
pub use isa::Isa;
pub use math::{exp, gelu, gelu_tanh, silu, softcap};
pub use pool::ThreadPool;
pub use product::Linear;
pub use tiles::Tiles;

/// Number of partial sums in every dot product.
pub const LANES: usize = 16;

/// Steps that a number of a row counts for when work is dealt to threads.
const ROW_STEPS: usize = 4;

/// The kernels with the instruction set and the threads that they use.
#[derive(Debug)]
pub struct Kernels {
    isa: Isa,
    pool: ThreadPool,
    rounded: tiles::Rounded,
    panels: panels::Panels,
}

impl Kernels {
    /// Kernels on `threads` threads, the calling one included; 0 means one for each core.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self::with_isa(threads, Isa::best())
    }

    /// Kernels with a given instruction set; results don't depend on it.
    #[must_use]
    pub fn with_isa(threads: usize, isa: Isa) -> Self {
        Self {
            isa,
            pool: ThreadPool::new(threads),
            rounded: tiles::Rounded::default(),
            panels: panels::Panels::default(),
        }
    }

    /// The number of threads that take part, the calling one included.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Linear maps of the same inputs: `y[m][n] = Σ_k w[n][k]·x[m][k] + b[n]`, the rows `n` of all `maps` one after the other.
    ///
    /// `x` is `[positions][width]`, `y` is `[positions][rows of all maps]`.
    ///
    /// # Panics
    /// If the lengths don't fit each other.
    pub fn project(&mut self, maps: &[Linear<'_>], x: &[f32], width: usize, y: &mut [f32]) {
        product::project(self, maps, x, width, y);
    }

    /// Says which maps come after the next product: threads that wait fetch the beginnings of their parts.
    pub fn expect<'a>(&self, maps: impl IntoIterator<Item = Linear<'a>>) {
        self.pool.expect(maps.into_iter().map(|map| map.weight.bytes()));
    }

    /// Calls `work(isa, i, row)` for every row of `width` numbers; on all threads if there are many.
    pub fn rows(&mut self, values: &mut [f32], width: usize, work: impl Fn(Isa, usize, &mut [f32]) + Sync) {
        let isa = self.isa;
        let steps = values.len() * ROW_STEPS;
        self.pool.split(values, width, steps, &|index, row| work(isa, index, row));
    }

    /// Attention heads: `out = softmax(softcap(query · keys · scale)) · values` for every row and head.
    ///
    /// `out` is `[rows][heads][head_dim]`; `item(row, head)` gives the query, `head_dim` numbers, and the keys and values that it may see.
    ///
    /// # Panics
    /// If the lengths don't fit each other.
    pub fn attend<'a, P: Past>(
        &mut self,
        work: Heads<'_>,
        out: &mut [f32],
        item: impl Fn(usize, usize) -> (&'a [f32], P) + Sync,
    ) {
        attention::heads(self.isa, &mut self.pool, work, out, &item);
    }
}
