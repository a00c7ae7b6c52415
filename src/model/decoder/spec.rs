//! A decoder-only transformer, described as data.
//!
//! What another family needs is a new variant here and its branch in the forward pass; families that exist stay as they are.

use super::names::TensorNames;
use super::rotary::Rotary;
use crate::decode::cost::Shape;

pub use crate::model::kernels::Activation;

/// A decoder-only transformer.
#[derive(Clone, Debug)]
pub struct DecoderSpec {
    /// Rows of the embedding, and length of a logits vector.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// What differs from layer to layer: one for each.
    pub layers: Vec<Layer>,
    /// The most positions.
    pub context_length: usize,
    /// What an embedding is multiplied by before the first layer.
    pub embedding_scale: f32,
    /// The norm of every layer and the final one.
    pub norm: Norm,
    /// How attention, feed-forward network and norms make a layer.
    pub block: Block,
    /// How tokens know their place.
    pub position: Position,
    /// Self-attention.
    pub attention: Attention,
    /// The feed-forward network.
    pub mlp: Mlp,
    /// What turns the last hidden state into logits.
    pub head: Head,
    /// What the tensors are called, and how they are stored.
    pub names: TensorNames,
    /// What the configuration asks for and is not done, a line each.
    pub notes: Vec<String>,
}

/// What one layer may have to itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    /// Which of [`Position::Rotary`] turns its queries and keys; none in a layer without positions.
    pub rotary: Option<usize>,
    /// The most positions that a token attends to, itself included; none for all.
    pub window: Option<usize>,
    /// What its attention scores are multiplied by.
    pub scale: f32,
}

/// The formula of the norms.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// Its formula.
    pub kind: NormKind,
    /// Added to the mean square.
    pub epsilon: f32,
}

/// Formula of a norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// `x / sqrt(mean(x²) + ε) · weight` (Zhang and Sennrich, 2019).
    Rms,
    /// `x / sqrt(mean(x²) + ε) · (1 + weight)`, as Gemma stores it.
    RmsPlusOne,
    /// `(x − mean(x)) / sqrt(variance(x) + ε) · weight + bias` (Ba and others, 2016).
    Layer,
}

/// How attention, feed-forward network and norms make a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// `x + attention(norm(x))`, then `x + mlp(norm(x))`.
    NormBefore,
    /// `x + norm(attention(x))`, then `x + norm(mlp(x))`: OLMo 2.
    NormAfter,
    /// `x + norm(attention(norm(x)))`, then `x + norm(mlp(norm(x)))`: Gemma 2.
    NormAround,
    /// `x + attention(norm₁(x)) + mlp(norm₂(x))`: GPT-NeoX.
    Parallel,
    /// `x + attention(norm(x)) + mlp(norm(x))`, one norm for both: Phi.
    ParallelOneNorm,
}

/// How tokens know their place.
#[derive(Clone, Debug)]
pub enum Position {
    /// Queries and keys are turned by an angle that grows with the position; every layer names one of these.
    Rotary(Vec<Rotary>),
    /// A table `[context_length][hidden_size]` is added to the embedding.
    Learned,
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
    /// How the projections of queries, keys and values are stored.
    pub qkv: Qkv,
    /// Whether these have biases.
    pub qkv_bias: bool,
    /// Whether the projection of what attention gathered has a bias.
    pub output_bias: bool,
    /// What normalizes queries and keys before they are turned.
    pub norm: Option<HeadNorm>,
    /// What bounds the scores: `softcap · tanh(score / softcap)`.
    pub softcap: Option<f32>,
}

/// How the projections of queries, keys and values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qkv {
    /// Three matrices.
    Separate,
    /// One, named by `query_key_value`: all queries, all keys, all values.
    Stacked,
    /// One, named by `query_key_value`: query, key and value of the first head, then of the second. As many key as query heads.
    Interleaved,
}

/// A norm of queries and keys, by the formula of the model's norms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadNorm {
    /// What is normalized together, and with which weights.
    pub over: NormOver,
    /// Whether a layer norm has a bias here.
    pub bias: bool,
}

/// What a norm of queries or keys takes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormOver {
    /// Each head by itself, all with the same weights.
    Head,
    /// Each head by itself with its own weights, tensors `norms.0`, `norms.1`, … one for each.
    OwnHead,
    /// All heads together.
    All,
}

/// The feed-forward network of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Mlp {
    /// Its formula.
    pub kind: MlpKind,
    /// Its nonlinearity.
    pub activation: Activation,
    /// Its inner width.
    pub size: usize,
    /// Whether its projections have biases.
    pub bias: bool,
}

/// Formula of a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlpKind {
    /// `down(activation(gate(x)) · up(x))` (Shazeer, 2020).
    Gated,
    /// The same, gate and up stored as one matrix, the gate first, named by `gate_up`.
    GatedStacked,
    /// `down(activation(up(x)))`.
    Plain,
}

/// What turns the last hidden state into logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// Its matrix.
    pub weight: HeadWeight,
    /// Whether it has a bias.
    pub bias: bool,
    /// What bounds the logits: `softcap · tanh(logit / softcap)`.
    pub softcap: Option<f32>,
}

/// The matrix that turns the last hidden state into logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadWeight {
    /// The embedding, transposed.
    Tied,
    /// A matrix of its own.
    Own,
}

impl DecoderSpec {
    /// What the arithmetic of a token follows from. The cache holds f32; windows count as if they were open.
    #[must_use]
    pub fn shape(&self, weight_bytes: u64) -> Shape {
        let (hidden, inner) = (self.hidden_size, self.mlp.size);
        let (queries, keys) = (self.attention.query_size(), self.attention.kv_size());
        let mlp_matrices = self.mlp.inputs() + 1;
        Shape {
            layers: self.layers.len(),
            query_size: queries,
            kv_size: keys,
            layer_weights: (2 * hidden * queries + 2 * hidden * keys + mlp_matrices * hidden * inner) as u64,
            head_weights: (self.vocab_size * hidden) as u64,
            number_bytes: size_of::<f32>(),
            weight_bytes,
        }
    }

    /// The rotary positions that layers name.
    #[must_use]
    pub fn rotaries(&self) -> &[Rotary] {
        match &self.position {
            Position::Rotary(rotaries) => rotaries,
            Position::Learned => &[],
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

impl Mlp {
    /// How many vectors of the inner width are made from the input: gate and up, or up alone.
    #[must_use]
    pub fn inputs(&self) -> usize {
        match self.kind {
            MlpKind::Gated | MlpKind::GatedStacked => 2,
            MlpKind::Plain => 1,
        }
    }
}
