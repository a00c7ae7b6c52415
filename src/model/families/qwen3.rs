//! Qwen3 (Yang and others, 2025): Qwen2 with norms of every query and key in place of biases.
//!
//! The reference is transformers' `modeling_qwen3.py`.

use super::base::{self, Defaults};
use super::{Config, Family, qwen2};
use crate::model::ModelError;
use crate::model::decoder::{DecoderSpec, HeadNorm, NormOver};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "qwen3", architecture: "Qwen3ForCausalLM", describe };

const DEFAULTS: Defaults = Defaults { head_dim: Some(128), ..base::LLAMA };

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &DEFAULTS)?;
    base::attention_bias(config, &mut spec)?;
    spec.attention.norm = Some(HeadNorm { over: NormOver::Head, bias: false });
    qwen2::windows(config, &mut spec)?;
    Ok(spec)
}
