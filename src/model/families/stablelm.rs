//! `StableLM` 3B and `StableLM` 2 (Bellagente and others, 2024): Llama with layer norms and partly turned heads.
//!
//! The reference is transformers' `modeling_stablelm.py`.

use super::base::{self, Defaults};
use super::rope::{self, RopeKeys};
use super::{Config, Family, names};
use crate::model::ModelError;
use crate::model::decoder::{Block, DecoderSpec, HeadNorm, NormKind, NormOver, TensorNames};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "stablelm", architecture: "StableLmForCausalLM", describe };

const DEFAULTS: Defaults = Defaults {
    epsilon: ("layer_norm_eps", 1e-5),
    rope: RopeKeys { share: ("partial_rotary_factor", 0.25), ..rope::LLAMA },
    ..base::LLAMA
};

const NAMES: TensorNames =
    TensorNames { query_norm: "self_attn.q_layernorm", key_norm: "self_attn.k_layernorm", ..names::LLAMA };

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &DEFAULTS)?;
    spec.norm.kind = NormKind::Layer;
    if config.flag("use_parallel_residual")?.unwrap_or(false) {
        spec.block = Block::ParallelOneNorm;
    }
    spec.attention.qkv_bias = config.flag("use_qkv_bias")?.unwrap_or(false);
    if config.flag("qk_layernorm")?.unwrap_or(false) {
        spec.attention.norm = Some(HeadNorm { over: NormOver::OwnHead, bias: false });
    }
    spec.names = NAMES;
    Ok(spec)
}
