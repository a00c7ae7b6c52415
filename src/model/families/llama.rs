//! Llama (Touvron and others, 2023), and what shares its architecture: `TinyLlama`, `SmolLM2`, Llama 3.
//!
//! The reference is transformers' `modeling_llama.py`.

use super::{Config, Family, base};
use crate::model::ModelError;
use crate::model::decoder::DecoderSpec;

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "llama", architecture: "LlamaForCausalLM", describe };

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &base::LLAMA)?;
    base::attention_bias(config, &mut spec)?;
    spec.mlp.bias = config.flag("mlp_bias")?.unwrap_or(false);
    Ok(spec)
}
