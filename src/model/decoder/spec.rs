//! A decoder-only transformer, described as data.
//!
//! What another family needs is a new variant here and its branch in the forward pass; families that exist stay as they are.

use super::rotary::Rotary;
use crate::decode::cost::Shape;

/// A decoder-only transformer.
#[derive(Clone, Debug)]
pub struct DecoderSpec {
    /// Rows of the embedding, and length of a logits vector.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of layers.
    pub layers: usize,
    /// The most positions.
    pub context_length: usize,
    /// The norm of every layer and the final one.
    pub norm: Norm,
    /// How tokens know their place.
    pub position: Position,
    /// Self-attention.
    pub attention: Attention,
    /// The feed-forward network.
    pub mlp: Mlp,
    /// What turns the last hidden state into logits.
    pub head: Head,
    /// What the tensors are called.
    pub names: TensorNames,
}

/// A norm and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// Its formula.
    pub kind: NormKind,
    /// Where it stands in a layer.
    pub placement: NormPlacement,
    /// Added to the mean square.
    pub epsilon: f32,
}

/// Formula of a norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// `x / sqrt(mean(x²) + ε) · weight`.
    Rms,
}

/// Where norms stand in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormPlacement {
    /// `x + attention(norm(x))`, then `x + mlp(norm(x))`.
    Before,
}

/// How tokens know their place.
#[derive(Clone, Debug)]
pub enum Position {
    /// Queries and keys are turned by an angle that grows with the position.
    Rotary(Rotary),
}

/// Grouped-query self-attention (Ainslie and others, 2023).
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; a divisor of `heads`.
    pub kv_heads: usize,
    /// Numbers in a query, a key and a value.
    pub head_dim: usize,
    /// Whether the four projections have biases.
    pub bias: bool,
    /// What scores are multiplied by.
    pub scale: f32,
}

/// The feed-forward network of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Mlp {
    /// Its formula.
    pub kind: MlpKind,
    /// Its inner width.
    pub size: usize,
    /// Whether its projections have biases.
    pub bias: bool,
}

/// Formula of a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlpKind {
    /// `down(activation(gate(x)) · up(x))` (Shazeer, 2020).
    Gated(Activation),
}

/// A nonlinearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x / (1 + e^−x)`.
    Silu,
}

/// What turns the last hidden state into logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The embedding, transposed.
    Tied,
    /// A matrix of its own.
    Own,
}

/// What the tensors of a family are called, without `.weight` and `.bias`.
#[derive(Clone, Copy, Debug)]
pub struct TensorNames {
    /// The embedding.
    pub embedding: &'static str,
    /// What stands before a layer's number; the names below follow after the number and a dot.
    pub layer: &'static str,
    /// The norm before attention.
    pub attention_norm: &'static str,
    /// The query projection.
    pub query: &'static str,
    /// The key projection.
    pub key: &'static str,
    /// The value projection.
    pub value: &'static str,
    /// The projection of what attention gathered.
    pub attention_output: &'static str,
    /// The norm before the feed-forward network.
    pub mlp_norm: &'static str,
    /// The gate of a gated feed-forward network.
    pub gate: &'static str,
    /// The projection up.
    pub up: &'static str,
    /// The projection down.
    pub down: &'static str,
    /// The norm after the last layer.
    pub final_norm: &'static str,
    /// The matrix of an own head.
    pub head: &'static str,
}

impl DecoderSpec {
    /// What the arithmetic of a token follows from. The cache holds f32.
    #[must_use]
    pub fn shape(&self, weight_bytes: u64) -> Shape {
        let (hidden, inner) = (self.hidden_size, self.mlp.size);
        let (queries, keys) = (self.attention.query_size(), self.attention.kv_size());
        let MlpKind::Gated(_) = self.mlp.kind;
        Shape {
            layers: self.layers,
            query_size: queries,
            kv_size: keys,
            layer_weights: (2 * hidden * queries + 2 * hidden * keys + 3 * hidden * inner) as u64,
            head_weights: (self.vocab_size * hidden) as u64,
            number_bytes: size_of::<f32>(),
            weight_bytes,
        }
    }
}

impl Attention {
    /// Numbers in the queries of a token.
    #[must_use]
    pub fn query_size(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Numbers in the keys, and in the values, of a token.
    #[must_use]
    pub fn kv_size(&self) -> usize {
        self.kv_heads * self.head_dim
    }
}
