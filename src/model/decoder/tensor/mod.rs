//! The same decoder in candle's tensors, for graphics processors.
//!
//! It reads the same description and the same weights, and gives the same numbers but for the order of sums, which belongs to the
//! device. Weights lie on the device in the type that they are stored in and are widened to `f32` for each product, all arithmetic
//! is in `f32`. The rows of all runs go through the projections as one product; the embedding stays in the processor's memory, where a few
//! rows of it are looked up.

mod cache;
mod forward;
mod plan;
mod weights;

use std::ops::ControlFlow;

use candle_core::Device;

use self::cache::Arena;
use self::forward::Pass;
use self::plan::Chunk;
use self::weights::DeviceWeights;
use super::batch::{self, Batch};
use super::cache::Cache;
use super::load::{DecoderWeights, Form};
use super::{DecoderSpec, Identity};
use crate::model::device;
use crate::model::weights::Weights;
use crate::model::{CacheNode, CacheUse, DtypeChoice, LanguageModel, ModelError, ModelInfo, Progress, Run, RunOutput};

/// Tokens that go through the layers together: bounds the scores of attention, and the time between two calls of `watch`.
const CHUNK: usize = 256;

/// A decoder whose weights and cache are on a device.
pub(in crate::model) struct TensorDecoder {
    info: ModelInfo,
    spec: DecoderSpec,
    device: Device,
    weights: DeviceWeights,
    /// The tree alone: a cache of no layers. What its slots hold is in `arena`.
    slots: Cache,
    arena: Arena,
    batch: Batch,
    chunk: usize,
}

impl TensorDecoder {
    /// Takes the tensors that `spec` names out of `weights`, and copies them to `device`.
    ///
    /// # Errors
    /// As of [`super::Decoder::load`]; or the device has no room.
    pub(in crate::model) fn load(
        spec: DecoderSpec,
        weights: &Weights,
        identity: Identity,
        dtype: DtypeChoice,
        device: Device,
    ) -> Result<Self, ModelError> {
        let weights = DecoderWeights::load(&spec, weights, dtype, Form::Stored)?;
        let info = weights.info(&spec, identity, device::name(&device));
        let weights = DeviceWeights::new(weights, &device).map_err(|error| device::failed(&device, &error))?;
        let arena = Arena::new(spec.layers.len(), spec.attention.kv_size(), device.clone());
        let (slots, batch) = (Cache::new(0, 0, 0), Batch::default());
        Ok(Self { info, spec, device, weights, slots, arena, batch, chunk: CHUNK })
    }

    /// Reads the rows of `self.batch`; their slots are taken, and the caller gives them back after an error.
    fn read_batch(
        &mut self,
        runs: usize,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        let total = self.batch.rows().len();
        let mut report = |done| match watch(Progress { done, total }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        };
        let output = |run| RunOutput { nodes: self.batch.nodes(run), logits: Vec::new(), hidden: Vec::new() };
        let mut outputs: Vec<RunOutput> = (0..runs).map(output).collect();
        let Self { spec, device, weights, arena, batch, .. } = self;
        let failed = |error| device::failed(device, &error);
        let slots = batch.slots().max().map_or(0, |last| last as usize + 1);
        arena.reserve(slots).map_err(failed)?;
        for (index, rows) in batch.rows().chunks(self.chunk).enumerate() {
            let done = index * self.chunk;
            let chunk = Chunk::new(spec, batch, rows, device).map_err(failed)?;
            let mut pass = Pass { spec, weights, arena, chunk: &chunk, rows, device };
            let mut hidden = pass.embed().map_err(failed)?;
            for layer in 0..spec.layers.len() {
                report(done)?;
                hidden = pass.layer(layer, &hidden).map_err(failed)?;
            }
            pass.head(&hidden, &mut outputs).map_err(failed)?;
            // A device works through a queue of its own: what is said to be done is.
            device.synchronize().map_err(failed)?;
            report(done + rows.len())?;
        }
        Ok(outputs)
    }
}

impl LanguageModel for TensorDecoder {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn notes(&self) -> &[String] {
        &self.spec.notes
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        batch::check(runs, &self.slots, self.spec.vocab_size, self.spec.context_length)?;
        self.batch.plan(runs, &mut self.slots);
        let outputs = self.read_batch(runs.len(), watch);
        if outputs.is_err() {
            self.slots.release(self.batch.slots());
        }
        outputs
    }

    fn retain(&mut self, live: &[CacheNode]) {
        self.slots.retain(live);
        if self.slots.usage().tokens == 0 {
            self.arena.clear();
        }
    }

    fn cache_use(&self) -> CacheUse {
        let tokens = self.slots.usage().tokens;
        CacheUse { tokens, bytes: tokens * self.arena.slot_bytes() }
    }
}

#[cfg(test)]
mod tests;
