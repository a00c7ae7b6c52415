//! The forward pass: hidden states through all layers, in chunks of tokens, over buffers that are allocated once.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Decoder;
use super::batch::{Batch, Row, Wanted};
use super::cache::Cache;
use super::load::LayerWeights;
use super::rotary::{self, Rotary};
use super::spec::{Activation, DecoderSpec, MlpKind, NormKind, NormPlacement, Position};
use crate::model::kernels::Kernels;
use crate::model::weights::Matrix;
use crate::model::{ModelError, Progress, RunOutput};

/// Tokens that go through the layers together: bounds the buffers, and the time between two calls of `watch`.
const CHUNK: usize = 64;
/// Logits vectors computed together.
const HEAD_ROWS: usize = 16;

/// Buffers for [`CHUNK`] tokens.
#[derive(Debug)]
pub(super) struct Scratch {
    frequencies: Vec<f32>,
    /// Cosines, then sines, for each token.
    angles: Vec<f32>,
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
    /// Grows to what was asked for at once, [`HEAD_ROWS`] vectors at most.
    logits: Vec<f32>,
}

impl Scratch {
    pub(super) fn new(spec: &DecoderSpec) -> Self {
        let buffer = |width: usize| vec![0.0; CHUNK * width];
        let Position::Rotary(rotary) = &spec.position;
        let attention = &spec.attention;
        Self {
            frequencies: rotary.frequencies(),
            angles: buffer(rotary.dim),
            hidden: buffer(spec.hidden_size),
            normed: buffer(spec.hidden_size),
            qkv: buffer(attention.query_size() + 2 * attention.kv_size()),
            attended: buffer(attention.query_size()),
            update: buffer(spec.hidden_size),
            gate_up: buffer(2 * spec.mlp.size),
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
            for (row, hidden) in rows.iter().zip(scratch.hidden.chunks_exact_mut(spec.hidden_size)) {
                weights.embedding.elements().widen_into(row.token as usize * spec.hidden_size, hidden);
            }
            for (row, angles) in rows.iter().zip(scratch.angles.chunks_exact_mut(2 * scratch.frequencies.len())) {
                rotary::angles(&scratch.frequencies, row.position, angles);
            }
            let mut pass =
                Pass { spec, cache: &mut *cache, kernels: &mut *kernels, batch, rows, scratch: &mut *scratch };
            for (index, layer) in weights.layers.iter().enumerate() {
                report(done)?;
                pass.layer(index, layer);
            }
            pass.head(&weights.final_norm, weights.head(), &mut outputs);
            report(done + rows.len())?;
        }
        Ok(outputs)
    }
}

/// One chunk on its way through the layers.
struct Pass<'a> {
    spec: &'a DecoderSpec,
    cache: &'a mut Cache,
    kernels: &'a mut Kernels,
    batch: &'a Batch,
    rows: &'a [Row],
    scratch: &'a mut Scratch,
}

impl Pass<'_> {
    fn layer(&mut self, index: usize, layer: &LayerWeights) {
        match self.spec.norm.placement {
            NormPlacement::Before => {
                self.norm(&layer.attention_norm);
                self.attention(index, layer);
                self.add_update();
                self.norm(&layer.mlp_norm);
                self.mlp(layer);
                self.add_update();
            }
        }
    }

    /// `normed = norm(hidden)`.
    fn norm(&mut self, weight: &[f32]) {
        let size = self.rows.len() * self.spec.hidden_size;
        let Scratch { hidden, normed, .. } = self.scratch;
        match self.spec.norm.kind {
            NormKind::Rms => {
                self.kernels.rms_norm(&hidden[..size], weight, self.spec.norm.epsilon, &mut normed[..size]);
            }
        }
    }

    /// `hidden += update`.
    fn add_update(&mut self) {
        let size = self.rows.len() * self.spec.hidden_size;
        let Scratch { hidden, update, .. } = self.scratch;
        for (hidden, update) in hidden[..size].iter_mut().zip(&update[..size]) {
            *hidden += update;
        }
    }

    /// `update = attention(normed)`; the keys and values go to the cache first, so that a token sees itself.
    fn attention(&mut self, index: usize, layer: &LayerWeights) {
        let attention = &self.spec.attention;
        let (head_dim, hidden_size, rows) = (attention.head_dim, self.spec.hidden_size, self.rows.len());
        let (queries, keys) = (attention.query_size(), attention.kv_size());
        let stride = queries + 2 * keys;
        let Scratch { normed, qkv, attended, update, angles, frequencies, .. } = &mut *self.scratch;
        let qkv = &mut qkv[..rows * stride];
        let maps = [layer.query.linear(), layer.key.linear(), layer.value.linear()];
        self.kernels.project(&maps, &normed[..rows * hidden_size], hidden_size, qkv);
        let angles = angles.chunks_exact(2 * frequencies.len());
        let Position::Rotary(Rotary { pairing, .. }) = self.spec.position;
        for ((row, qkv), angles) in self.rows.iter().zip(qkv.chunks_exact_mut(stride)).zip(angles) {
            rotary::rotate(&mut qkv[..queries + keys], head_dim, angles, pairing);
            let (keys, values) = qkv[queries..].split_at(keys);
            self.cache.store(index, row.slot, keys, values);
        }
        let attended = &mut attended[..rows * queries];
        let longest = self.rows.iter().map(|row| row.position + 1).max().unwrap_or(0);
        let (cache, batch, all_rows, qkv) = (&*self.cache, self.batch, self.rows, &*qkv);
        let (heads, group) = (attention.heads, attention.heads / attention.kv_heads);
        self.kernels.attend(attention.scale, longest, attended, head_dim, |item| {
            let (row, head) = (item / heads, item % heads);
            let path = batch.path(&all_rows[row]);
            (&qkv[row * stride + head * head_dim..][..head_dim], cache.head(index, head / group, path))
        });
        let output = [layer.attention_output.linear()];
        self.kernels.project(&output, attended, queries, &mut update[..rows * hidden_size]);
    }

    /// `update = mlp(normed)`.
    fn mlp(&mut self, layer: &LayerWeights) {
        let (hidden_size, inner, rows) = (self.spec.hidden_size, self.spec.mlp.size, self.rows.len());
        let Scratch { normed, gate_up, activated, update, .. } = &mut *self.scratch;
        let gate_up = &mut gate_up[..rows * 2 * inner];
        let activated = &mut activated[..rows * inner];
        let maps = [layer.gate.linear(), layer.up.linear()];
        self.kernels.project(&maps, &normed[..rows * hidden_size], hidden_size, gate_up);
        match self.spec.mlp.kind {
            MlpKind::Gated(Activation::Silu) => self.kernels.gated_silu(gate_up, inner, activated),
        }
        self.kernels.project(&[layer.down.linear()], activated, inner, &mut update[..rows * hidden_size]);
    }

    /// Appends the logits of the rows that want them, and the hidden states that they are made from.
    fn head(&mut self, norm: &[f32], head: &Matrix, outputs: &mut [RunOutput]) {
        let (hidden_size, vocab_size) = (self.spec.hidden_size, self.spec.vocab_size);
        let mut wanted = 0;
        for (index, _) in self.rows.iter().enumerate().filter(|(_, row)| row.logits == Wanted::Yes) {
            self.scratch.hidden.copy_within(index * hidden_size..(index + 1) * hidden_size, wanted * hidden_size);
            wanted += 1;
        }
        self.norm(norm);
        let Scratch { normed, logits, .. } = &mut *self.scratch;
        let needed = wanted.min(HEAD_ROWS) * vocab_size;
        if logits.len() < needed {
            logits.resize(needed, 0.0);
        }
        let mut rows = self.rows.iter().filter(|row| row.logits == Wanted::Yes);
        for states in normed[..wanted * hidden_size].chunks(HEAD_ROWS * hidden_size) {
            let logits = &mut logits[..states.len() / hidden_size * vocab_size];
            self.kernels.project(&[head.linear(None)], states, hidden_size, logits);
            let made = states.chunks_exact(hidden_size).zip(logits.chunks_exact(vocab_size));
            for ((hidden, logits), row) in made.zip(&mut rows) {
                outputs[row.run].hidden.push(Arc::from(hidden));
                outputs[row.run].logits.push(Arc::from(logits));
            }
        }
    }
}
