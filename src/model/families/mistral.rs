//! Mistral 7B (Jiang and others, 2023): Llama with a sliding window in every layer, from version 0.2 on without.
//!
//! The reference is transformers' `modeling_mistral.py`.

use super::{Config, Family, base, layers};
use crate::model::ModelError;
use crate::model::decoder::DecoderSpec;

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "mistral", architecture: "MistralForCausalLM", describe };

const DEFAULT_WINDOW: usize = 4096;

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &base::LLAMA)?;
    let window = layers::window(config, Some(DEFAULT_WINDOW))?;
    for layer in &mut spec.layers {
        layer.window = window;
    }
    Ok(spec)
}
