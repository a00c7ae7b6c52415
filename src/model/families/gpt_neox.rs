//! GPT-NeoX (Black and others, 2022): Pythia.
//!
//! The reference is transformers' `modeling_gpt_neox.py`.

use super::base::{self, Defaults};
use super::rope::{self, RopeKeys};
use super::{Config, Family, names};
use crate::model::ModelError;
use crate::model::decoder::{Activation, Block, DecoderSpec, MlpKind, NormKind, Qkv, TensorNames};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "gpt_neox", architecture: "GPTNeoXForCausalLM", describe };

const DEFAULTS: Defaults = Defaults {
    epsilon: ("layer_norm_eps", 1e-5),
    activation: ("hidden_act", Activation::Gelu),
    rope: RopeKeys { base: ("rotary_emb_base", 10_000.0), share: ("rotary_pct", 0.25), ..rope::LLAMA },
    ..base::LLAMA
};

const NAMES: TensorNames = TensorNames {
    prefixes: &["gpt_neox."],
    embedding: "embed_in",
    query_key_value: "attention.query_key_value",
    attention_output: "attention.dense",
    up: "mlp.dense_h_to_4h",
    down: "mlp.dense_4h_to_h",
    final_norm: "final_layer_norm",
    heads: &["embed_out", "lm_head"],
    ..names::LLAMA
};

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &DEFAULTS)?;
    let parallel = config.flag("use_parallel_residual")?.unwrap_or(true);
    spec.block = if parallel { Block::Parallel } else { Block::NormBefore };
    spec.norm.kind = NormKind::Layer;
    let bias = config.flag("attention_bias")?.unwrap_or(true);
    spec.attention.kv_heads = spec.attention.heads;
    spec.attention.qkv = Qkv::Interleaved;
    spec.attention.qkv_bias = bias;
    spec.attention.output_bias = bias;
    spec.mlp.kind = MlpKind::Plain;
    spec.mlp.bias = true;
    spec.names = NAMES;
    Ok(spec)
}
