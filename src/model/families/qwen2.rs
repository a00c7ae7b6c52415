//! Qwen2 and Qwen2.5 (Yang and others, 2024): Llama with biases of queries, keys and values.
//!
//! The reference is transformers' `modeling_qwen2.py`.

use super::layers::{self, LayerType};
use super::{Config, Family, base};
use crate::model::ModelError;
use crate::model::decoder::DecoderSpec;

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "qwen2", architecture: "Qwen2ForCausalLM", describe };

const DEFAULT_WINDOW: usize = 4096;
/// Layers before the first one with a window, where the file does not say.
const DEFAULT_FULL_LAYERS: usize = 28;

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &base::LLAMA)?;
    spec.attention.qkv_bias = true;
    windows(config, &mut spec)?;
    Ok(spec)
}

/// Layers from `max_window_layers` on have a window, where `use_sliding_window` is set.
///
/// # Errors
/// A value is of the wrong kind, or `layer_types` doesn't fit.
pub(super) fn windows(config: &Config, spec: &mut DecoderSpec) -> Result<(), ModelError> {
    let in_use = config.flag("use_sliding_window")?.unwrap_or(false);
    let window = layers::window(config, Some(DEFAULT_WINDOW))?.filter(|_| in_use);
    let full = config.whole("max_window_layers")?.unwrap_or(DEFAULT_FULL_LAYERS);
    let kind = |layer| if window.is_some() && layer >= full { LayerType::Sliding } else { LayerType::Full };
    let types = layers::types(config, spec.layers.len(), kind)?;
    layers::set_windows(config, spec, &types, window)
}
