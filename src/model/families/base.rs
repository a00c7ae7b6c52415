//! What most families have in common, read from the keys that they share: each then changes what it has to itself.

use super::rope::{self, RopeKeys};
use super::{Config, names};
use crate::model::ModelError;
use crate::model::decoder::{
    Activation, Attention, Block, DecoderSpec, Head, HeadWeight, Layer, Mlp, MlpKind, Norm, NormKind, Position, Qkv,
};

/// More layers than any model has: their descriptions are made before a tensor is looked up.
const MOST_LAYERS: usize = 10_000;

/// What a family's configuration class in transformers sets where the file says nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// Key and default of the epsilon of norms.
    pub(super) epsilon: (&'static str, f64),
    /// Key and default of the nonlinearity.
    pub(super) activation: (&'static str, Activation),
    /// Where logits come from.
    pub(super) head: HeadWeight,
    /// Numbers in a head; none for `hidden_size` over the number of heads.
    pub(super) head_dim: Option<usize>,
    /// Rotary positions.
    pub(super) rope: RopeKeys,
}

/// Llama's.
pub(super) const LLAMA: Defaults = Defaults {
    epsilon: ("rms_norm_eps", 1e-6),
    activation: ("hidden_act", Activation::Silu),
    head: HeadWeight::Own,
    head_dim: None,
    rope: rope::LLAMA,
};

/// Llama without biases: RMS norms before, rotary positions, grouped queries, a gated feed-forward network.
///
/// # Errors
/// A value is missing or makes no model.
pub(super) fn describe(config: &Config, defaults: &Defaults) -> Result<DecoderSpec, ModelError> {
    let hidden_size = config.required_count("hidden_size")?;
    let attention = attention(config, hidden_size, defaults.head_dim)?;
    let rope = rope::read(config, attention.head_dim, &defaults.rope)?;
    let layer = Layer { rotary: Some(0), window: None, scale: 1.0 / (attention.head_dim as f32).sqrt() };
    let (key, default) = defaults.epsilon;
    let epsilon = config.positive(key)?.unwrap_or(default) as f32;
    let (key, default) = defaults.activation;
    Ok(DecoderSpec {
        vocab_size: config.required_count("vocab_size")?,
        hidden_size,
        layers: vec![layer; layers(config, "num_hidden_layers")?],
        context_length: rope.context_length,
        embedding_scale: 1.0,
        norm: Norm { kind: NormKind::Rms, epsilon },
        block: Block::NormBefore,
        position: Position::Rotary(vec![rope.rotary]),
        attention,
        mlp: Mlp {
            kind: MlpKind::Gated,
            activation: activation(config, key, default)?,
            size: config.required_count("intermediate_size")?,
            bias: false,
        },
        head: Head { weight: head_weight(config, defaults.head)?, bias: false, softcap: None },
        names: names::LLAMA,
        notes: rope.note.into_iter().collect(),
    })
}

/// The number of layers.
///
/// # Errors
/// It is missing, or more than any model has.
pub(super) fn layers(config: &Config, key: &str) -> Result<usize, ModelError> {
    match config.required_count(key)? {
        count if count > MOST_LAYERS => Err(config.invalid(format!("{key} is {count}, above {MOST_LAYERS}"))),
        count => Ok(count),
    }
}

/// Where logits come from.
///
/// # Errors
/// `tie_word_embeddings` is no flag.
pub(super) fn head_weight(config: &Config, default: HeadWeight) -> Result<HeadWeight, ModelError> {
    Ok(match config.flag("tie_word_embeddings")? {
        Some(true) => HeadWeight::Tied,
        Some(false) => HeadWeight::Own,
        None => default,
    })
}

/// The nonlinearity that a key names, by the names of transformers.
///
/// # Errors
/// It is not known.
pub(super) fn activation(config: &Config, key: &str, default: Activation) -> Result<Activation, ModelError> {
    match config.text(key)?.as_deref() {
        None => Ok(default),
        Some("silu" | "swish") => Ok(Activation::Silu),
        Some("gelu" | "gelu_python") => Ok(Activation::Gelu),
        Some("gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" | "gelu_python_tanh") => Ok(Activation::GeluTanh),
        Some(other) => Err(config.invalid(format!(
            "{key} {other:?} is not known; known: silu, swish, gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, \
             gelu_python_tanh"
        ))),
    }
}

fn attention(config: &Config, hidden_size: usize, default_dim: Option<usize>) -> Result<Attention, ModelError> {
    let heads = config.required_count("num_attention_heads")?;
    let kv_heads = config.count("num_key_value_heads")?.unwrap_or(heads);
    if heads % kv_heads != 0 {
        return Err(
            config.invalid(format!("num_attention_heads, {heads}, does not divide by num_key_value_heads, {kv_heads}"))
        );
    }
    let head_dim = match config.count("head_dim")?.or(default_dim) {
        Some(head_dim) => head_dim,
        None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
        None => {
            return Err(config.invalid(format!(
                "hidden_size, {hidden_size}, does not divide by num_attention_heads, {heads}, and there is no head_dim"
            )));
        }
    };
    Ok(Attention {
        heads,
        kv_heads,
        head_dim,
        qkv: Qkv::Separate,
        qkv_bias: false,
        output_bias: false,
        norm: None,
        softcap: None,
    })
}

/// Reads whether all four projections of attention have biases.
///
/// # Errors
/// `attention_bias` is no flag.
pub(super) fn attention_bias(config: &Config, spec: &mut DecoderSpec) -> Result<(), ModelError> {
    let bias = config.flag("attention_bias")?.unwrap_or(false);
    spec.attention.qkv_bias = bias;
    spec.attention.output_bias = bias;
    Ok(())
}
