//! A chunk on its way from tokens to logits.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use candle_nn::ops::{silu, softmax_last_dim};

use super::cache::Arena;
use super::plan::{Chunk, Group};
use super::weights::{DeviceLayer, DeviceNorm, DeviceWeights, joined, side_by_side};
use crate::model::RunOutput;
use crate::model::decoder::batch::{Row, Wanted};
use crate::model::decoder::spec::{Activation, Block, DecoderSpec, MlpKind};

/// Logits vectors computed together.
const HEAD_ROWS: usize = 64;

/// What a forward pass needs; hidden states go through as `[rows][hidden_size]`.
pub(super) struct Pass<'a> {
    pub(super) spec: &'a DecoderSpec,
    pub(super) weights: &'a DeviceWeights,
    pub(super) arena: &'a mut Arena,
    pub(super) chunk: &'a Chunk,
    pub(super) rows: &'a [Row],
    pub(super) device: &'a Device,
}

impl Pass<'_> {
    /// `embedding · scale + position`, looked up in the processor's memory.
    pub(super) fn embed(&self) -> Result<Tensor> {
        let size = self.spec.hidden_size;
        let mut hidden = vec![0.0; self.rows.len() * size];
        let mut place = vec![0.0; size];
        for (row, hidden) in self.rows.iter().zip(hidden.chunks_exact_mut(size)) {
            self.weights.embedding.elements().widen_into(row.token as usize * size, hidden);
            for number in &mut *hidden {
                *number *= self.spec.embedding_scale;
            }
            if let Some(table) = &self.weights.positions {
                table.elements().widen_into(row.position * size, &mut place);
                for (number, place) in hidden.iter_mut().zip(&place) {
                    *number += place;
                }
            }
        }
        Tensor::from_vec(hidden, (self.rows.len(), size), self.device)
    }

    /// The hidden states after a layer.
    pub(super) fn layer(&mut self, index: usize, hidden: &Tensor) -> Result<Tensor> {
        let layer = &self.weights.layers[index];
        let normed = norm(layer.attention_norm.as_ref(), hidden)?;
        let attended = self.attention(index, layer, &normed)?;
        let between = (hidden + norm(layer.attention_post_norm.as_ref(), &attended)?)?;
        let input = match self.spec.block {
            Block::NormBefore | Block::NormAfter | Block::NormAround => norm(layer.mlp_norm.as_ref(), &between)?,
            Block::Parallel => norm(layer.mlp_norm.as_ref(), hidden)?,
            Block::ParallelOneNorm => normed,
        };
        between + norm(layer.mlp_post_norm.as_ref(), &self.mlp(layer, &input)?)?
    }

    /// Self-attention; the keys and values go to the cache first, so that a token sees itself.
    fn attention(&mut self, index: usize, layer: &DeviceLayer, normed: &Tensor) -> Result<Tensor> {
        let attention = &self.spec.attention;
        let (queries, keys) = (attention.query_size(), attention.kv_size());
        let qkv = side_by_side(&layer.query_key_value, normed)?;
        let part = |start, size| qkv.narrow(1, start, size)?.contiguous();
        let values = part(queries + keys, keys)?;
        let queries = self.placed(index, &norm(layer.query_norm.as_ref(), &part(0, queries)?)?)?;
        let keys = self.placed(index, &norm(layer.key_norm.as_ref(), &part(attention.query_size(), keys)?)?)?;
        self.arena.store(index, &self.chunk.slots, &keys, &values)?;
        let groups = self.chunk.groups.iter().map(|group| self.attend(index, group, &queries));
        layer.attention_output.apply(&joined(groups.collect::<Result<_>>()?, 0)?)
    }

    /// Queries or keys, `[rows][heads · head_dim]`, turned by their positions.
    fn placed(&self, index: usize, heads: &Tensor) -> Result<Tensor> {
        let Some(turns) = self.spec.layers[index].rotary.and_then(|rotary| self.chunk.turns.get(rotary)) else {
            return Ok(heads.clone());
        };
        let split = heads.reshape((self.rows.len(), (), self.spec.attention.head_dim))?;
        turns.rotate(&split)?.reshape(heads.shape())
    }

    /// What the rows of a group gather, `[rows of the group][query size]`.
    fn attend(&self, index: usize, group: &Group, queries: &Tensor) -> Result<Tensor> {
        let (attention, layer) = (&self.spec.attention, &self.spec.layers[index]);
        let (heads, kv_heads, head_dim) = (attention.heads, attention.kv_heads, attention.head_dim);
        let (sequences, rows) = (group.sequences, group.rows.len() / group.sequences);
        let seen = group.seen(layer);
        // The query heads of a key head are neighbours: its group of them is one matrix.
        let pairs = (sequences * kv_heads, heads / kv_heads * rows);
        let queries = queries
            .narrow(0, group.rows.start, group.rows.len())?
            .reshape((sequences, rows, heads, head_dim))?
            .transpose(1, 2)?
            .reshape((pairs.0, pairs.1, head_dim))?;
        let [keys, values] = self.arena.gather(index, &seen.slots)?;
        let by_head = |past: Tensor| {
            let split = past.reshape((sequences, seen.length, kv_heads, head_dim))?.transpose(1, 2)?;
            split.reshape((pairs.0, seen.length, head_dim))
        };
        let mut scores = (queries.matmul(&by_head(keys)?.t()?)? * f64::from(layer.scale))?;
        if let Some(cap) = attention.softcap {
            scores = softcap(&scores, cap)?;
        }
        if let Some(mask) = &seen.mask {
            scores = scores.reshape((sequences, heads, rows, seen.length))?.broadcast_add(mask)?;
        }
        let shares = softmax_last_dim(&scores)?.reshape((pairs.0, pairs.1, seen.length))?;
        shares
            .matmul(&by_head(values)?)?
            .reshape((sequences, heads, rows, head_dim))?
            .transpose(1, 2)?
            .reshape((group.rows.len(), heads * head_dim))
    }

    /// The feed-forward network.
    fn mlp(&self, layer: &DeviceLayer, input: &Tensor) -> Result<Tensor> {
        let mlp = &self.spec.mlp;
        let made = side_by_side(&layer.gate_up, input)?;
        let activated = match mlp.kind {
            MlpKind::Gated | MlpKind::GatedStacked => {
                (activate(mlp.activation, &made.narrow(1, 0, mlp.size)?)? * made.narrow(1, mlp.size, mlp.size)?)?
            }
            MlpKind::Plain => activate(mlp.activation, &made)?,
        };
        layer.down.apply(&activated)
    }

    /// Appends the logits of the rows that want them, and the hidden states that they are made from.
    pub(super) fn head(&self, hidden: &Tensor, outputs: &mut [RunOutput]) -> Result<()> {
        let wanted: Vec<usize> = (0..self.rows.len()).filter(|&row| self.rows[row].logits == Wanted::Yes).collect();
        for rows in wanted.chunks(HEAD_ROWS) {
            let indices: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
            let states = hidden.index_select(&Tensor::new(indices, self.device)?, 0)?;
            let states = norm(Some(&self.weights.final_norm), &states)?;
            let mut logits = self.weights.head.apply(&states)?;
            if let Some(cap) = self.spec.head.softcap {
                logits = softcap(&logits, cap)?;
            }
            let made = states.to_vec2::<f32>()?.into_iter().zip(logits.to_vec2::<f32>()?);
            for (&row, (hidden, logits)) in rows.iter().zip(made) {
                let output = &mut outputs[self.rows[row].run];
                output.hidden.push(Arc::from(hidden));
                output.logits.push(Arc::from(logits));
            }
        }
        Ok(())
    }
}

/// `norm(x)`, or `x` itself.
fn norm(norm: Option<&DeviceNorm>, x: &Tensor) -> Result<Tensor> {
    norm.map_or_else(|| Ok(x.clone()), |norm| norm.apply(x))
}

/// See [`crate::model::kernels::softcap`].
fn softcap(x: &Tensor, cap: f32) -> Result<Tensor> {
    let cap = f64::from(cap);
    (x / cap)?.tanh()? * cap
}

/// See [`Activation`].
fn activate(activation: Activation, x: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Silu => silu(x),
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
    }
}
