//! The forward pass: hidden states through all layers, in chunks of tokens, over buffers that are allocated once.

mod attention;
mod head;
mod mlp;

use std::ops::ControlFlow;

use super::Decoder;
use super::batch::{Batch, Row};
use super::cache::Cache;
use super::load::DecoderWeights;
use super::rotary::Turns;
use super::source::{NormWeights, Projection};
use super::spec::{Block, DecoderSpec};
use crate::model::kernels::Kernels;
use crate::model::{ModelError, Progress, RunOutput};

/// Tokens that go through the layers together: bounds the buffers, and the time between two calls of `watch`.
const CHUNK: usize = 512;

/// Buffers for [`CHUNK`] tokens.
#[derive(Debug)]
pub(super) struct Scratch {
    /// For each of the spec's rotary positions.
    turns: Vec<Turns>,
    /// The residual stream.
    hidden: Vec<f32>,
    normed: Vec<f32>,
    /// Queries, keys and values.
    qkv: Vec<f32>,
    attended: Vec<f32>,
    /// What is added to the residual stream.
    update: Vec<f32>,
    gate_up: Vec<f32>,
    activated: Vec<f32>,
    /// Grows to what was asked for at once, [`head::ROWS`] vectors at most.
    logits: Vec<f32>,
}

impl Scratch {
    pub(super) fn new(spec: &DecoderSpec) -> Self {
        let buffer = |width: usize| vec![0.0; CHUNK * width];
        let attention = &spec.attention;
        Self {
            turns: spec.rotaries().iter().map(|rotary| Turns::new(rotary, CHUNK)).collect(),
            hidden: buffer(spec.hidden_size),
            normed: buffer(spec.hidden_size),
            qkv: buffer(attention.query_size() + 2 * attention.kv_size()),
            attended: buffer(attention.query_size()),
            update: buffer(spec.hidden_size),
            gate_up: buffer(spec.mlp.inputs() * spec.mlp.size),
            activated: buffer(spec.mlp.size),
            logits: Vec::new(),
        }
    }
}

impl Decoder {
    /// Reads the rows of `self.batch`; their slots are taken, and the caller gives them back after an error.
    pub(super) fn read_batch(
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
        let Self { spec, weights, cache, kernels, batch, scratch, .. } = self;
        for (index, rows) in batch.rows().chunks(CHUNK).enumerate() {
            let done = index * CHUNK;
            for turns in &mut scratch.turns {
                turns.set(rows.iter().map(|row| row.position));
            }
            let (cache, kernels, scratch) = (&mut *cache, &mut *kernels, &mut *scratch);
            let mut pass = Pass { spec, weights, cache, kernels, batch, rows, scratch };
            pass.embed();
            for index in 0..weights.layers.len() {
                report(done + rows.len() * index / weights.layers.len())?;
                pass.layer(index);
            }
            pass.head(&mut outputs);
            report(done + rows.len())?;
        }
        Ok(outputs)
    }
}

/// One chunk on its way through the layers.
struct Pass<'a> {
    spec: &'a DecoderSpec,
    weights: &'a DecoderWeights,
    cache: &'a mut Cache,
    kernels: &'a mut Kernels,
    batch: &'a Batch,
    rows: &'a [Row],
    scratch: &'a mut Scratch,
}

impl Pass<'_> {
    /// `hidden = embedding · scale + position`.
    fn embed(&mut self) {
        let (size, weights) = (self.spec.hidden_size, self.weights);
        let Scratch { hidden, normed, .. } = &mut *self.scratch;
        for (row, hidden) in self.rows.iter().zip(hidden.chunks_exact_mut(size)) {
            weights.embedding.elements().widen_into(row.token as usize * size, hidden);
            for hidden in &mut *hidden {
                *hidden *= self.spec.embedding_scale;
            }
            if let Some(table) = &weights.positions {
                table.elements().widen_into(row.position * size, &mut normed[..size]);
                add(hidden, &normed[..size]);
            }
        }
    }

    fn layer(&mut self, index: usize) {
        let layer = &self.weights.layers[index];
        match self.spec.block {
            Block::NormBefore | Block::NormAfter | Block::NormAround => {
                self.norm(layer.attention_norm.as_ref());
                self.attention(index);
                self.norm_update(layer.attention_post_norm.as_ref());
                self.add_update();
                self.norm(layer.mlp_norm.as_ref());
                self.mlp(index);
                self.norm_update(layer.mlp_post_norm.as_ref());
                self.add_update();
            }
            Block::Parallel => {
                self.norm(layer.attention_norm.as_ref());
                self.attention(index);
                self.norm(layer.mlp_norm.as_ref());
                self.add_update();
                self.mlp(index);
                self.add_update();
            }
            Block::ParallelOneNorm => {
                self.norm(layer.attention_norm.as_ref());
                self.attention(index);
                self.add_update();
                self.mlp(index);
                self.add_update();
            }
        }
    }

    /// Says that layer `index` comes next, or, after the last, the head.
    fn expect_layer(&self, index: usize) {
        match self.weights.layers.get(index) {
            Some(layer) => self.expect(&layer.query_key_value),
            None => self.kernels.expect([self.weights.head()]),
        }
    }

    /// See [`Kernels::expect`].
    fn expect(&self, maps: &[Projection]) {
        self.kernels.expect(maps.iter().map(Projection::linear));
    }

    /// `normed = norm(hidden)`, or `hidden` itself.
    fn norm(&mut self, norm: Option<&NormWeights>) {
        let size = self.rows.len() * self.spec.hidden_size;
        let Scratch { hidden, normed, .. } = &mut *self.scratch;
        normed[..size].copy_from_slice(&hidden[..size]);
        if let Some(norm) = norm {
            self.kernels.rows(&mut normed[..size], self.spec.hidden_size, |isa, _, row| norm.apply(isa, row));
        }
    }

    /// `update = norm(update)`, where there is one.
    fn norm_update(&mut self, norm: Option<&NormWeights>) {
        let size = self.rows.len() * self.spec.hidden_size;
        if let Some(norm) = norm {
            let update = &mut self.scratch.update[..size];
            self.kernels.rows(update, self.spec.hidden_size, |isa, _, row| norm.apply(isa, row));
        }
    }

    /// `hidden += update`.
    fn add_update(&mut self) {
        let size = self.rows.len() * self.spec.hidden_size;
        let Scratch { hidden, update, .. } = &mut *self.scratch;
        add(&mut hidden[..size], &update[..size]);
    }
}

fn add(to: &mut [f32], more: &[f32]) {
    for (to, more) in to.iter_mut().zip(more) {
        *to += more;
    }
}
