//! Self-attention of a chunk over the cache.

use std::ops::Range;
use std::slice;

use super::{Pass, Scratch};
use crate::model::decoder::batch::Row;
use crate::model::decoder::load::LayerWeights;
use crate::model::decoder::source::Projection;
use crate::model::kernels::{GROUP, Heads, Scores};

impl Pass<'_> {
    /// `update = attention(normed)`; the keys and values go to the cache first, so that a token sees itself.
    pub(super) fn attention(&mut self, index: usize) {
        let layer = &self.weights.layers[index];
        self.expect(slice::from_ref(&layer.attention_output));
        self.project_heads(layer);
        self.place_heads(index, layer);
        self.attend(index);
        let (queries, rows) = (self.spec.attention.query_size(), self.rows.len());
        let Scratch { attended, update, .. } = &mut *self.scratch;
        let output = [layer.attention_output.linear()];
        self.kernels.expect(layer.gate_up.iter().map(Projection::linear));
        self.kernels.project(
            &output,
            &attended[..rows * queries],
            queries,
            &mut update[..rows * self.spec.hidden_size],
        );
    }

    /// Numbers in the queries, keys and values of a token.
    fn stride(&self) -> usize {
        self.spec.attention.query_size() + 2 * self.spec.attention.kv_size()
    }

    /// `qkv = [queries, keys, values]` of `normed`, one after the other.
    fn project_heads(&mut self, layer: &LayerWeights) {
        let (hidden_size, rows, stride) = (self.spec.hidden_size, self.rows.len(), self.stride());
        let Scratch { normed, qkv, .. } = &mut *self.scratch;
        let maps: Vec<_> = layer.query_key_value.iter().map(|map| map.linear()).collect();
        self.kernels.project(&maps, &normed[..rows * hidden_size], hidden_size, &mut qkv[..rows * stride]);
    }

    /// Normalizes and turns queries and keys, and stores keys and values.
    fn place_heads(&mut self, index: usize, layer: &LayerWeights) {
        let attention = &self.spec.attention;
        let (queries, keys, stride) = (attention.query_size(), attention.kv_size(), self.stride());
        let Scratch { qkv, turns, .. } = &mut *self.scratch;
        let turns = self.spec.layers[index].rotary.and_then(|rotary| turns.get(rotary));
        let qkv = &mut qkv[..self.rows.len() * stride];
        self.kernels.rows(qkv, stride, |isa, place, qkv| {
            if let Some(norm) = &layer.query_norm {
                norm.apply(isa, &mut qkv[..queries]);
            }
            if let Some(norm) = &layer.key_norm {
                norm.apply(isa, &mut qkv[queries..queries + keys]);
            }
            if let Some(turns) = turns {
                turns.rotate(place, &mut qkv[..queries + keys], attention.head_dim);
            }
        });
        for (row, qkv) in self.rows.iter().zip(qkv.chunks_exact(stride)) {
            let (keys, values) = qkv[queries..].split_at(keys);
            self.cache.store(index, row.slot, keys, values);
        }
    }

    /// `attended` of the queries over what each of them may see.
    fn attend(&mut self, index: usize) {
        let attention = &self.spec.attention;
        let (queries, head_dim, stride) = (attention.query_size(), attention.head_dim, self.stride());
        let layer = self.spec.layers[index];
        let Scratch { qkv, attended, .. } = &mut *self.scratch;
        let (cache, batch, rows, qkv) = (&*self.cache, self.batch, self.rows, &*qkv);
        let attended = &mut attended[..rows.len() * queries];
        let window = layer.window.unwrap_or(usize::MAX);
        let (heads, group) = (attention.heads, attention.heads / attention.kv_heads);
        let work = Heads {
            groups: &groups(rows, window),
            heads,
            head_dim,
            scores: Scores { scale: layer.scale, softcap: attention.softcap },
            longest: rows.iter().map(|row| row.position + 1).max().unwrap_or(0).min(window),
        };
        self.kernels.attend(work, attended, |row, head| {
            let path = batch.path(&rows[row]);
            let seen = &path[path.len().saturating_sub(window)..];
            (&qkv[row * stride + head * head_dim..][..head_dim], cache.head(index, head / group, seen))
        });
    }
}

/// Rows that read on in one sequence and see it from its beginning, some at a time.
fn groups(rows: &[Row], window: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if group.len() < GROUP && rows[group.start].run == row.run && row.position < window => {
                group.end = index + 1;
            }
            _ => groups.push(index..index + 1),
        }
    }
    groups
}
