//! Phi-3, Phi-3.5 and Phi-4 (Abdin and others, 2024): Llama with stacked matrices, and longrope for long contexts.
//!
//! The reference is transformers' `modeling_phi3.py`.

use super::base::{self, Defaults};
use super::rope::{self, RopeKeys};
use super::{Config, Family, layers};
use crate::model::ModelError;
use crate::model::decoder::{DecoderSpec, MlpKind, Qkv};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "phi3", architecture: "Phi3ForCausalLM", describe };

const DEFAULTS: Defaults = Defaults {
    epsilon: ("rms_norm_eps", 1e-5),
    rope: RopeKeys { original_context: Some(4096), ..rope::LLAMA },
    ..base::LLAMA
};

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &DEFAULTS)?;
    spec.attention.qkv = Qkv::Stacked;
    spec.mlp.kind = MlpKind::GatedStacked;
    let window = layers::window(config, None)?;
    for layer in &mut spec.layers {
        layer.window = window;
    }
    Ok(spec)
}
