//! Phi-1, Phi-1.5 and Phi-2 (Gunasekar and others, 2023; Li and others, 2023): attention and feed-forward network side by side after
//! one layer norm, biases everywhere.
//!
//! The reference is transformers' `modeling_phi.py`.

use super::base::{self, Defaults};
use super::rope::{self, RopeKeys};
use super::{Config, Family, names};
use crate::model::ModelError;
use crate::model::decoder::{Activation, Block, DecoderSpec, HeadNorm, MlpKind, NormKind, NormOver, TensorNames};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "phi", architecture: "PhiForCausalLM", describe };

const DEFAULTS: Defaults = Defaults {
    epsilon: ("layer_norm_eps", 1e-5),
    activation: ("hidden_act", Activation::GeluTanh),
    rope: RopeKeys { share: ("partial_rotary_factor", 0.5), ..rope::LLAMA },
    ..base::LLAMA
};

const NAMES: TensorNames = TensorNames {
    query_norm: "self_attn.q_layernorm",
    key_norm: "self_attn.k_layernorm",
    attention_output: "self_attn.dense",
    up: "mlp.fc1",
    down: "mlp.fc2",
    final_norm: "final_layernorm",
    ..names::LLAMA
};

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &DEFAULTS)?;
    spec.norm.kind = NormKind::Layer;
    spec.block = Block::ParallelOneNorm;
    spec.attention.qkv_bias = true;
    spec.attention.output_bias = true;
    if config.flag("qk_layernorm")?.unwrap_or(false) {
        spec.attention.norm = Some(HeadNorm { over: NormOver::Head, bias: true });
    }
    spec.mlp.kind = MlpKind::Plain;
    spec.mlp.bias = true;
    spec.head.bias = true;
    spec.names = NAMES;
    Ok(spec)
}
