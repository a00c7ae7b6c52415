//! `SmolLM3` (2025): Llama where every fourth layer has no positions.
//!
//! The reference is transformers' `modeling_smollm3.py`.

use super::base::{self, Defaults};
use super::layers::{self, LayerType};
use super::rope::{self, RopeKeys};
use super::{Config, Family};
use crate::model::ModelError;
use crate::model::decoder::{DecoderSpec, HeadWeight};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "smollm3", architecture: "SmolLM3ForCausalLM", describe };

const DEFAULTS: Defaults = Defaults {
    head: HeadWeight::Tied,
    rope: RopeKeys { base: ("rope_theta", 2_000_000.0), ..rope::LLAMA },
    ..base::LLAMA
};

/// One layer in so many has no positions, where the file does not say.
const DEFAULT_INTERVAL: usize = 4;

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let mut spec = base::describe(config, &DEFAULTS)?;
    base::attention_bias(config, &mut spec)?;
    spec.mlp.bias = config.flag("mlp_bias")?.unwrap_or(false);
    let turns = turns(config, spec.layers.len())?;
    for (layer, turns) in spec.layers.iter_mut().zip(turns) {
        layer.rotary = layer.rotary.filter(|_| turns);
    }
    let in_use = config.flag("use_sliding_window")?.unwrap_or(false);
    let window = layers::window(config, None)?.filter(|_| in_use);
    let turned: Vec<bool> = spec.layers.iter().map(|layer| layer.rotary.is_some()).collect();
    let kind = |layer: usize| if window.is_some() && !turned[layer] { LayerType::Sliding } else { LayerType::Full };
    let types = layers::types(config, spec.layers.len(), kind)?;
    layers::set_windows(config, &mut spec, &types, window)?;
    Ok(spec)
}

/// For every layer, whether queries and keys are turned: `no_rope_layers`, which has a 1 where they are, despite its name.
fn turns(config: &Config, count: usize) -> Result<Vec<bool>, ModelError> {
    if config.get("no_rope_layers").is_none() {
        let interval = config.count("no_rope_layer_interval")?.unwrap_or(DEFAULT_INTERVAL);
        return Ok((0..count).map(|layer| !(layer + 1).is_multiple_of(interval)).collect());
    }
    let flags = config.required_numbers("no_rope_layers")?;
    if flags.len() < count {
        return Err(config.invalid(format!("no_rope_layers has {} entries for {count} layers", flags.len())));
    }
    Ok(flags.iter().map(|flag| *flag != 0.0).collect())
}
