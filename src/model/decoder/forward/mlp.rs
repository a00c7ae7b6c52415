//! The feed-forward network of a chunk.

use std::slice;

use super::{Pass, Scratch};
use crate::model::decoder::spec::MlpKind;

impl Pass<'_> {
    /// `update = mlp(normed)`.
    pub(super) fn mlp(&mut self, index: usize) {
        let layer = &self.weights.layers[index];
        self.expect(slice::from_ref(&layer.down));
        let mlp = &self.spec.mlp;
        let (hidden_size, inner, rows) = (self.spec.hidden_size, mlp.size, self.rows.len());
        let Scratch { normed, gate_up, activated, .. } = &mut *self.scratch;
        let gate_up = &mut gate_up[..rows * mlp.inputs() * inner];
        let activated = &mut activated[..rows * inner];
        let maps: Vec<_> = layer.gate_up.iter().map(|map| map.linear()).collect();
        self.kernels.project(&maps, &normed[..rows * hidden_size], hidden_size, gate_up);
        match mlp.kind {
            MlpKind::Gated | MlpKind::GatedStacked => self.kernels.gate(mlp.activation, gate_up, inner, activated),
            MlpKind::Plain => self.kernels.activate(mlp.activation, gate_up, inner, activated),
        }
        self.expect_layer(index + 1);
        let Scratch { activated, update, .. } = &mut *self.scratch;
        let activated = &activated[..rows * inner];
        self.kernels.project(&[layer.down.linear()], activated, inner, &mut update[..rows * hidden_size]);
    }
}
