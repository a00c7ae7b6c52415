//! OLMo 2 (OLMo and others, 2024): norms after attention and feed-forward network, and of queries and keys as a whole.
//!
//! The reference is transformers' `modeling_olmo2.py`.

use super::base::{self, Defaults};
use super::{Config, Family};
use crate::model::ModelError;
use crate::model::decoder::{Block, DecoderSpec, HeadNorm, NormOver};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "olmo2", architecture: "Olmo2ForCausalLM", describe };

const DEFAULTS: Defaults = Defaults { epsilon: ("rms_norm_eps", 1e-5), ..base::LLAMA };

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &DEFAULTS)?;
    base::attention_bias(config, &mut spec)?;
    spec.block = Block::NormAfter;
    spec.attention.norm = Some(HeadNorm { over: NormOver::All, bias: false });
    Ok(spec)
}
