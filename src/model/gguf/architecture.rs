//! From the metadata of a GGUF file to the description that a family makes of its `config.json`.
//!
//! The keys are llama.cpp's, the same for all architectures but for the name before them. They are translated into those of
//! `config.json`, so that a family is described once.

use serde_json::{Map, Value, json};

use super::{Gguf, names};
use crate::model::ModelError;
use crate::model::decoder::{DecoderSpec, Pairing, Position, RotaryScaling};
use crate::model::families::Config;
use crate::model::weights::Weights;

/// A kind of model that llama.cpp names.
struct Architecture {
    /// `general.architecture`, which all its keys begin with.
    name: &'static str,
    /// `model_type` of the family.
    model_type: &'static str,
    /// How heads are turned: by half, or, where the conversion reorders the rows of queries and keys, by neighbours
    /// (`llama_model_rope_type` in llama.cpp).
    pairing: Pairing,
}

/// Every architecture that is known.
const ARCHITECTURES: &[Architecture] =
    &[Architecture { name: "llama", model_type: "llama", pairing: Pairing::Neighbours }];

/// What a value is.
#[derive(Clone, Copy)]
enum Kind {
    /// A count that must be there.
    Needed,
    /// A count.
    Count,
    /// A number above 0.
    Positive,
}

/// Keys, without the name of the architecture, and what `config.json` calls them.
const KEYS: &[(&str, Kind, &str)] = &[
    ("context_length", Kind::Needed, "max_position_embeddings"),
    ("embedding_length", Kind::Needed, "hidden_size"),
    ("block_count", Kind::Needed, "num_hidden_layers"),
    ("feed_forward_length", Kind::Needed, "intermediate_size"),
    ("attention.head_count", Kind::Needed, "num_attention_heads"),
    ("attention.head_count_kv", Kind::Count, "num_key_value_heads"),
    ("attention.key_length", Kind::Count, "head_dim"),
    ("attention.layer_norm_rms_epsilon", Kind::Positive, "rms_norm_eps"),
    ("rope.freq_base", Kind::Positive, "rope_theta"),
];

impl Gguf {
    fn architecture(&self) -> Result<&'static Architecture, ModelError> {
        let single = self.metadata.single();
        let known = || ARCHITECTURES.iter().map(|known| known.name).collect::<Vec<_>>().join(", ");
        let Some(name) = single.text("general.architecture")? else {
            return Err(single.invalid(format!(
                "no general.architecture, which says what kind of model this is; known: {}",
                known()
            )));
        };
        ARCHITECTURES
            .iter()
            .find(|known| known.name == name)
            .ok_or_else(|| single.invalid(format!("general.architecture {name:?} is not known; known: {}", known())))
    }

    /// The metadata as a `config.json`.
    ///
    /// # Errors
    /// The architecture is not known, or a value is missing or out of range.
    pub fn config(&self) -> Result<Config, ModelError> {
        let single = self.metadata.single();
        let architecture = self.architecture()?;
        let mut values = Map::new();
        values.insert("model_type".into(), architecture.model_type.into());
        for (key, kind, name) in KEYS {
            if let Some(value) = self.value(&format!("{}.{key}", architecture.name), *kind)? {
                values.insert((*name).into(), value);
            }
        }
        let rows = self.weights.shape("token_embd.weight").and_then(|shape| shape.first());
        let rows = rows.ok_or_else(|| single.invalid("tensor token_embd.weight is missing"))?;
        values.insert("vocab_size".into(), (*rows).into());
        values.insert("tie_word_embeddings".into(), (!self.weights.contains("output.weight")).into());
        values.insert("eos_token_id".into(), super::tokenizer::end_ids(&self.metadata)?.into());
        if let Some(scaling) = self.rope_scaling(architecture)? {
            values.insert("rope_scaling".into(), scaling);
        }
        Ok(Config::from_values(single.file(), values))
    }

    fn value(&self, key: &str, kind: Kind) -> Result<Option<Value>, ModelError> {
        let single = self.metadata.single();
        if self.metadata.has_list(key) {
            return Err(single.invalid(format!("{key} is a list, one value for each layer, which is not supported")));
        }
        match kind {
            Kind::Needed => single.required_count(key).map(|count| Some(count.into())),
            Kind::Count => Ok(single.count(key)?.map(Value::from)),
            Kind::Positive => Ok(single.positive(key)?.map(Value::from)),
        }
    }

    fn rope_scaling(&self, architecture: &Architecture) -> Result<Option<Value>, ModelError> {
        let single = self.metadata.single();
        let key = |name: &str| format!("{}.rope.scaling.{name}", architecture.name);
        let Some(kind) = single.text(&key("type"))?.filter(|kind| kind != "none") else { return Ok(None) };
        let factor = single.positive(&key("factor"))?;
        let original = single.count(&key("original_context_length"))?;
        Ok(Some(json!({"rope_type": kind, "factor": factor, "original_max_position_embeddings": original})))
    }

    /// Changes the description that a family made to what the file holds: other names, another order of the numbers in a head,
    /// factors of the frequencies as a tensor.
    ///
    /// # Errors
    /// The factors don't fit.
    pub fn adapt(&self, spec: &mut DecoderSpec) -> Result<(), ModelError> {
        let pairing = self.architecture()?.pairing;
        spec.names = names::NAMES;
        let Position::Rotary(rotary) = &mut spec.position;
        rotary.pairing = pairing;
        if let Some(factors) = factors(&self.weights, rotary.dim / 2)? {
            rotary.scaling = RotaryScaling::Factors { factors };
        }
        Ok(())
    }
}

/// What frequencies are divided by, where the file says so: those of Llama 3.1 and later.
fn factors(weights: &Weights, pairs: usize) -> Result<Option<Vec<f32>>, ModelError> {
    const NAME: &str = "rope_freqs.weight";
    weights.contains(NAME).then(|| weights.vector(NAME, pairs)).transpose()
}
