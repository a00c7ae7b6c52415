//! Gemma (Gemma Team, 2024): Llama with scaled embeddings, norms stored less one, and GELU.
//!
//! The reference is transformers' `modeling_gemma.py`.

use super::base::{self, Defaults};
use super::{Config, Family};
use crate::model::ModelError;
use crate::model::decoder::{Activation, DecoderSpec, HeadWeight, NormKind};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "gemma", architecture: "GemmaForCausalLM", describe };

/// What all Gemmas have in common.
pub(super) const DEFAULTS: Defaults = Defaults {
    activation: ("hidden_act", Activation::GeluTanh),
    head: HeadWeight::Tied,
    head_dim: Some(256),
    ..base::LLAMA
};

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = describe_with(config, &DEFAULTS)?;
    // The first files say "gelu" and mean the approximation, as transformers has it too.
    if spec.mlp.activation == Activation::Gelu {
        spec.mlp.activation = Activation::GeluTanh;
    }
    Ok(spec)
}

/// What all Gemmas have in common.
///
/// # Errors
/// As [`base::describe`]; or the file asks for attention in both directions.
pub(super) fn describe_with(config: &Config, defaults: &Defaults) -> Result<DecoderSpec, ModelError> {
    if config.flag("use_bidirectional_attention")?.unwrap_or(false) {
        return Err(
            config.invalid("use_bidirectional_attention is true: this model sees what follows, and can't generate")
        );
    }
    let mut spec = base::describe(config, defaults)?;
    base::attention_bias(config, &mut spec)?;
    spec.norm.kind = NormKind::RmsPlusOne;
    spec.embedding_scale = (spec.hidden_size as f64).sqrt() as f32;
    Ok(spec)
}
