//! Gemma 2 (Gemma Team, 2024): norms before and after, soft caps, a sliding window in every other layer.
//!
//! The reference is transformers' `modeling_gemma2.py`.

use super::base::Defaults;
use super::layers::{self, LayerType};
use super::{Config, Family, gemma, names};
use crate::model::ModelError;
use crate::model::decoder::{Activation, Block, DecoderSpec, TensorNames};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "gemma2", architecture: "Gemma2ForCausalLM", describe };

/// Gemma 3 has them too.
pub(super) const DEFAULTS: Defaults =
    Defaults { activation: ("hidden_activation", Activation::GeluTanh), ..gemma::DEFAULTS };

const NAMES: TensorNames = TensorNames { mlp_norm: "pre_feedforward_layernorm", ..names::LLAMA };

/// The window where the file does not say.
pub(super) const DEFAULT_WINDOW: usize = 4096;
const DEFAULT_SCORE_CAP: f64 = 50.0;
const DEFAULT_LOGIT_CAP: f64 = 30.0;

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = describe_with(config, Some(DEFAULT_SCORE_CAP), Some(DEFAULT_LOGIT_CAP))?;
    let kind = |layer: usize| if layer.is_multiple_of(2) { LayerType::Sliding } else { LayerType::Full };
    let types = layers::types(config, spec.layers.len(), kind)?;
    layers::set_windows(config, &mut spec, &types, layers::window(config, Some(DEFAULT_WINDOW))?)?;
    Ok(spec)
}

/// What Gemma 2 and 3 have in common; the caps are those where the file says nothing.
///
/// # Errors
/// As [`gemma::describe_with`].
pub(super) fn describe_with(
    config: &Config,
    score_cap: Option<f64>,
    logit_cap: Option<f64>,
) -> Result<DecoderSpec, ModelError> {
    let cap = |key: &str, default: Option<f64>| -> Result<Option<f32>, ModelError> {
        let stated = config.positive(key)?;
        let cap = if config.mentions(key) { stated } else { default };
        Ok(cap.map(|cap| cap as f32))
    };
    let mut spec = gemma::describe_with(config, &DEFAULTS)?;
    spec.block = Block::NormAround;
    spec.attention.softcap = cap("attn_logit_softcapping", score_cap)?;
    spec.head.softcap = cap("final_logit_softcapping", logit_cap)?;
    let scalar = config.positive("query_pre_attn_scalar")?.unwrap_or(256.0);
    for layer in &mut spec.layers {
        layer.scale = (1.0 / scalar.sqrt()) as f32;
    }
    spec.names = NAMES;
    Ok(spec)
}
