//! Model families: functions from `config.json` to a [`DecoderSpec`].
//!
//! A new family is one file here and one row of [`FAMILIES`].

mod base;
mod config;
mod gemma;
mod gemma2;
mod gemma3;
mod gpt2;
mod gpt_neox;
mod layers;
mod llama;
mod mistral;
mod names;
mod olmo2;
mod phi;
mod phi3;
mod qwen2;
mod qwen3;
mod rope;
mod smollm3;
mod stablelm;
#[cfg(test)]
mod tests;

use super::ModelError;
use super::decoder::DecoderSpec;

pub use config::Config;

/// A kind of model that the decoder can describe.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// `model_type` in `config.json`.
    pub model_type: &'static str,
    /// What `architectures` says for it, unless the configuration says otherwise.
    pub architecture: &'static str,
    /// Reads the description.
    pub describe: fn(&Config) -> Result<DecoderSpec, ModelError>,
}

/// Every family that is known.
pub const FAMILIES: &[Family] = &[
    llama::FAMILY,
    mistral::FAMILY,
    qwen2::FAMILY,
    qwen3::FAMILY,
    smollm3::FAMILY,
    gemma::FAMILY,
    gemma2::FAMILY,
    gemma3::TEXT,
    gemma3::WITH_VISION,
    phi::FAMILY,
    phi3::FAMILY,
    olmo2::FAMILY,
    stablelm::FAMILY,
    gpt_neox::FAMILY,
    gpt2::FAMILY,
];

/// Every `model_type` with its architecture: the families of the decoder, then those of candle-transformers.
pub fn model_types() -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = FAMILIES.iter().map(|family| (family.model_type, family.architecture));
    own.chain(super::stepped::FAMILIES.iter().map(|family| (family.model_type, family.architecture)))
}

/// The family that a configuration names.
///
/// # Errors
/// No `model_type`, or one that is not in [`FAMILIES`].
pub fn family(config: &Config) -> Result<&'static Family, ModelError> {
    let known = || model_types().map(|(model_type, _)| model_type).collect::<Vec<_>>().join(", ");
    let Some(model_type) = config.text("model_type")? else {
        return Err(config.invalid(format!("no model_type, which says what kind of model this is; known: {}", known())));
    };
    FAMILIES
        .iter()
        .find(|family| family.model_type == model_type)
        .ok_or_else(|| config.invalid(format!("model_type {model_type:?} is not known; known: {}", known())))
}
