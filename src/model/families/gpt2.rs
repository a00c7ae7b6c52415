//! GPT-2 (Radford and others, 2019): learned positions, matrices stored inputs first.
//!
//! The reference is transformers' `modeling_gpt2.py`.

use super::{Config, Family, base, names};
use crate::model::ModelError;
use crate::model::decoder::{
    Activation, Attention, Block, DecoderSpec, Head, HeadWeight, Layer, Mlp, MlpKind, Norm, NormKind, Position, Qkv,
    Storage, TensorNames,
};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "gpt2", architecture: "GPT2LMHeadModel", describe };

const DEFAULT_EPSILON: f64 = 1e-5;

const NAMES: TensorNames = TensorNames {
    // The files that OpenAI's weights came in have no prefix.
    prefixes: &["transformer.", ""],
    embedding: "wte",
    positions: "wpe",
    layer: "h.",
    attention_norm: "ln_1",
    query_key_value: "attn.c_attn",
    attention_output: "attn.c_proj",
    mlp_norm: "ln_2",
    up: "mlp.c_fc",
    down: "mlp.c_proj",
    final_norm: "ln_f",
    storage: Storage::InputsFirst,
    ..names::LLAMA
};

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    if config.flag("add_cross_attention")?.unwrap_or(false) {
        return Err(config.invalid("add_cross_attention is true; only models of text alone can be run"));
    }
    let hidden_size = config.required_count("n_embd")?;
    let heads = config.required_count("n_head")?;
    if !hidden_size.is_multiple_of(heads) {
        return Err(config.invalid(format!("n_embd, {hidden_size}, does not divide by n_head, {heads}")));
    }
    let head_dim = hidden_size / heads;
    let epsilon = config.positive("layer_norm_epsilon")?.unwrap_or(DEFAULT_EPSILON) as f32;
    Ok(DecoderSpec {
        vocab_size: config.required_count("vocab_size")?,
        hidden_size,
        layers: layers(config, head_dim)?,
        context_length: config.required_count("n_positions")?,
        embedding_scale: 1.0,
        norm: Norm { kind: NormKind::Layer, epsilon },
        block: Block::NormBefore,
        position: Position::Learned,
        attention: Attention {
            heads,
            kv_heads: heads,
            head_dim,
            qkv: Qkv::Stacked,
            qkv_bias: true,
            output_bias: true,
            norm: None,
            softcap: None,
        },
        mlp: Mlp {
            kind: MlpKind::Plain,
            activation: base::activation(config, "activation_function", Activation::GeluTanh)?,
            size: config.count("n_inner")?.unwrap_or(4 * hidden_size),
            bias: true,
        },
        head: Head { weight: base::head_weight(config, HeadWeight::Tied)?, bias: false, softcap: None },
        names: NAMES,
        notes: Vec::new(),
    })
}

/// Some descendants divide scores by the number of the layer, some not by the size of a head.
fn layers(config: &Config, head_dim: usize) -> Result<Vec<Layer>, ModelError> {
    let by_size = config.flag("scale_attn_weights")?.unwrap_or(true);
    let by_layer = config.flag("scale_attn_by_inverse_layer_idx")?.unwrap_or(false);
    let scale = if by_size { 1.0 / (head_dim as f32).sqrt() } else { 1.0 };
    let layer = |index: usize| Layer {
        rotary: None,
        window: None,
        scale: if by_layer { scale / (index + 1) as f32 } else { scale },
    };
    Ok((0..base::layers(config, "n_layer")?).map(layer).collect())
}
