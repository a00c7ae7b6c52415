//! Gemma 3 (Gemma Team, 2025), its text alone: Gemma 2 with norms of queries and keys in place of caps, and rotary positions of two
//! bases.
//!
//! The reference is transformers' `modeling_gemma3.py`.

use super::layers::{self, LayerType};
use super::rope::{self, RopeKeys};
use super::{Config, Family, gemma2};
use crate::model::ModelError;
use crate::model::decoder::{DecoderSpec, HeadNorm, NormOver, Position, TensorNames};

/// The row of [`super::FAMILIES`] for models of text alone.
pub(super) const TEXT: Family =
    Family { model_type: "gemma3_text", architecture: "Gemma3ForCausalLM", describe: describe_text };

/// The row of [`super::FAMILIES`] for models that also see pictures, of which the text is read.
pub(super) const WITH_VISION: Family =
    Family { model_type: "gemma3", architecture: "Gemma3ForConditionalGeneration", describe };

/// What transformers sets in place of keys that such a file leaves out.
const TEXT_DEFAULTS: &[(&str, usize)] = &[
    ("vocab_size", 262_208),
    ("hidden_size", 2304),
    ("intermediate_size", 9216),
    ("num_hidden_layers", 26),
    ("num_attention_heads", 8),
    ("num_key_value_heads", 4),
    ("max_position_embeddings", 131_072),
];

const PREFIXES: &[&str] = &["model.", "language_model.model.", "model.language_model."];

/// One layer in so many sees everything, where the file does not say.
const DEFAULT_PATTERN: usize = 6;
const GLOBAL: RopeKeys = RopeKeys { base: ("rope_theta", 1_000_000.0), ..rope::LLAMA };
const LOCAL: RopeKeys = RopeKeys { base: ("rope_local_base_freq", 10_000.0), ..rope::LLAMA };

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let text = config.section("text_config")?.ok_or_else(|| config.invalid("no text_config"))?;
    describe_text(&text.with_defaults(TEXT_DEFAULTS))
}

fn describe_text(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = gemma2::describe_with(config, None, None)?;
    spec.attention.norm = Some(HeadNorm { over: NormOver::Head, bias: false });
    spec.names = TensorNames { prefixes: PREFIXES, ..spec.names };
    let pattern = config.count("sliding_window_pattern")?.unwrap_or(DEFAULT_PATTERN);
    let kind = |layer: usize| if (layer + 1).is_multiple_of(pattern) { LayerType::Full } else { LayerType::Sliding };
    let types = layers::types(config, spec.layers.len(), kind)?;
    layers::set_windows(config, &mut spec, &types, layers::window(config, Some(gemma2::DEFAULT_WINDOW))?)?;
    for (layer, kind) in spec.layers.iter_mut().zip(types) {
        layer.rotary = Some(match kind {
            LayerType::Full => 0,
            LayerType::Sliding => 1,
        });
    }
    rotaries(config, &mut spec)?;
    Ok(spec)
}

/// One for layers that see everything, one for those with a window: `rope_parameters` by the type of layer; or `rope_theta`,
/// `rope_scaling` and `rope_local_base_freq`.
fn rotaries(config: &Config, spec: &mut DecoderSpec) -> Result<(), ModelError> {
    let sections = config.section("rope_parameters")?;
    let section =
        |kind: &str| sections.as_ref().map(|sections| sections.section(kind)).transpose().map(Option::flatten);
    let of_full = match section("full_attention")? {
        Some(section) => Some(section),
        None => config.section("rope_scaling")?,
    };
    let of_sliding = section("sliding_attention")?;
    let head_dim = spec.attention.head_dim;
    let global = rope::read_section(config, of_full.as_ref(), head_dim, &GLOBAL)?;
    let local = rope::read_section(config, of_sliding.as_ref(), head_dim, &LOCAL)?;
    spec.context_length = global.context_length;
    spec.notes = global.note.into_iter().collect();
    spec.position = Position::Rotary(vec![global.rotary, local.rotary]);
    Ok(())
}
