//! From the metadata of a GGUF file to the description that a family makes of its `config.json`.
//!
//! The keys are llama.cpp's, the same for all architectures but for the name before them. They are translated into those of
//! `config.json`, so that a family is described once.

use serde_json::{Map, Value, json};

use super::{Gguf, names};
use crate::model::ModelError;
use crate::model::decoder::{DecoderSpec, MlpKind, NormKind, Pairing, Position, Qkv, RotaryScaling};
use crate::model::families::Config;

/// A kind of model that llama.cpp names.
struct Architecture {
    /// `general.architecture`, which all its keys begin with.
    name: &'static str,
    /// `model_type` of the family.
    model_type: &'static str,
    /// How heads are turned: by half, or, where the conversion reorders the rows of queries and keys, by neighbours
    /// (`llama_model_rope_type` in llama.cpp).
    pairing: Pairing,
    /// What llama.cpp knows of it without any key, as `config.json` would say it.
    known: fn(&Gguf, &mut Map<String, Value>),
}

const HALVES: Architecture = Architecture { name: "", model_type: "", pairing: Pairing::Halves, known: |_, _| {} };
const NEIGHBOURS: Architecture = Architecture { pairing: Pairing::Neighbours, ..HALVES };

/// Every architecture that is known. Mistral's files are Llama's.
const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "llama", model_type: "llama", ..NEIGHBOURS },
    Architecture { name: "qwen2", model_type: "qwen2", ..HALVES },
    Architecture { name: "qwen3", model_type: "qwen3", ..HALVES },
    Architecture { name: "gpt2", model_type: "gpt2", ..HALVES },
    Architecture { name: "gptneox", model_type: "gpt_neox", ..HALVES },
    Architecture { name: "phi2", model_type: "phi", ..HALVES },
    Architecture { name: "phi3", model_type: "phi3", ..HALVES },
    Architecture { name: "gemma", model_type: "gemma", ..HALVES },
    Architecture { name: "gemma2", model_type: "gemma2", known: |_, values| query_scale(values, 46), ..HALVES },
    Architecture { name: "gemma3", model_type: "gemma3_text", known: gemma3, ..HALVES },
    Architecture { name: "olmo2", model_type: "olmo2", ..HALVES },
    Architecture { name: "smollm3", model_type: "smollm3", ..NEIGHBOURS },
    Architecture { name: "stablelm", model_type: "stablelm", known: stablelm, ..HALVES },
];

/// The name of every architecture, with the `model_type` of its family.
pub fn architectures() -> impl Iterator<Item = (&'static str, &'static str)> {
    ARCHITECTURES.iter().map(|architecture| (architecture.name, architecture.model_type))
}

/// The scale of queries, which no key gives: by the size of a head, in the largest model by what would be one.
fn query_scale(values: &mut Map<String, Value>, layers_of_largest: u64) {
    let count = |key: &str| values.get(key).and_then(Value::as_u64);
    let scale = match (count("num_hidden_layers"), count("hidden_size"), count("num_attention_heads")) {
        (Some(layers), Some(hidden), Some(heads)) if layers == layers_of_largest => Some(hidden / heads),
        _ => count("head_dim"),
    };
    values.extend(scale.map(|scale| ("query_pre_attn_scalar".into(), scale.into())));
}

fn gemma3(_: &Gguf, values: &mut Map<String, Value>) {
    query_scale(values, 62);
    if values.get("sliding_window").is_none_or(Value::is_null) {
        values.insert("sliding_window_pattern".into(), 1.into());
    }
}

/// Attention and feed-forward network stand side by side where they share their norm.
fn stablelm(gguf: &Gguf, values: &mut Map<String, Value>) {
    let shared = !gguf.weights.contains("blk.0.ffn_norm.weight");
    values.insert("use_parallel_residual".into(), shared.into());
}

/// What a value is.
#[derive(Clone, Copy)]
enum Kind {
    /// A count that must be there.
    Needed,
    /// A count.
    Count,
    /// A count, where 0 stands for none.
    CountOrNone,
    /// A number above 0.
    Positive,
    /// True or false.
    Flag,
}

/// Keys, without the name of the architecture, and what files of different families call them.
const KEYS: &[(&str, Kind, &[&str])] = &[
    ("context_length", Kind::Needed, &["max_position_embeddings", "n_positions"]),
    ("embedding_length", Kind::Needed, &["hidden_size", "n_embd"]),
    ("block_count", Kind::Needed, &["num_hidden_layers", "n_layer"]),
    ("feed_forward_length", Kind::Needed, &["intermediate_size", "n_inner"]),
    ("attention.head_count", Kind::Needed, &["num_attention_heads", "n_head"]),
    ("attention.head_count_kv", Kind::Count, &["num_key_value_heads"]),
    ("attention.key_length", Kind::Count, &["head_dim"]),
    ("attention.layer_norm_rms_epsilon", Kind::Positive, &["rms_norm_eps"]),
    ("attention.layer_norm_epsilon", Kind::Positive, &["layer_norm_eps", "layer_norm_epsilon"]),
    ("attention.sliding_window", Kind::CountOrNone, &["sliding_window"]),
    ("attn_logit_softcapping", Kind::Positive, &["attn_logit_softcapping"]),
    ("final_logit_softcapping", Kind::Positive, &["final_logit_softcapping"]),
    ("rope.freq_base", Kind::Positive, &["rope_theta", "rotary_emb_base"]),
    ("rope.freq_base_swa", Kind::Positive, &["rope_local_base_freq"]),
    ("rope.scaling.original_context_length", Kind::Count, &["original_max_position_embeddings"]),
    ("use_parallel_residual", Kind::Flag, &["use_parallel_residual"]),
];

/// What the frequencies of Llama 3.1 and later are divided by.
const FACTORS: &str = "rope_freqs.weight";
/// The same of LongRoPE, for texts within the original context.
const SHORT_FACTORS: &str = "rope_factors_short.weight";

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
        let key = |name: &str| format!("{}.{name}", architecture.name);
        if single.get(&key("expert_count")).and_then(Value::as_u64).is_some_and(|count| count > 0) {
            return Err(
                single.invalid(format!("{} is above 0: mixtures of experts are not supported", key("expert_count")))
            );
        }
        let mut values = Map::new();
        values.insert("model_type".into(), architecture.model_type.into());
        for (name, kind, aliases) in KEYS {
            if let Some(value) = self.value(&key(name), *kind)? {
                values.extend(aliases.iter().map(|alias| ((*alias).into(), value.clone())));
            }
        }
        let rows = self.weights.shape("token_embd.weight").and_then(|shape| shape.first());
        let rows = rows.ok_or_else(|| single.invalid("tensor token_embd.weight is missing"))?;
        values.insert("vocab_size".into(), (*rows).into());
        values.insert("tie_word_embeddings".into(), (!self.weights.contains("output.weight")).into());
        values.insert("eos_token_id".into(), super::tokenizer::end_ids(&self.metadata)?.into());
        (architecture.known)(self, &mut values);
        self.rope(&key, &mut values)?;
        Ok(Config::from_values(single.file(), values))
    }

    fn value(&self, key: &str, kind: Kind) -> Result<Option<Value>, ModelError> {
        let single = self.metadata.single();
        if self.metadata.has_list(key) {
            return Err(single.invalid(format!("{key} is a list, one value for each layer, which is not supported")));
        }
        match kind {
            Kind::Needed => single.required_count(key).map(|count| Some(count.into())),
            Kind::CountOrNone if single.get(key).and_then(Value::as_u64) == Some(0) => Ok(Some(Value::Null)),
            Kind::Count | Kind::CountOrNone => Ok(single.count(key)?.map(Value::from)),
            Kind::Positive => Ok(single.positive(key)?.map(Value::from)),
            Kind::Flag => Ok(single.flag(key)?.map(Value::from)),
        }
    }

    /// How much of a head is turned, and what stretches the context.
    fn rope(&self, key: &dyn Fn(&str) -> String, values: &mut Map<String, Value>) -> Result<(), ModelError> {
        let single = self.metadata.single();
        let count = |key: &str| values.get(key).and_then(Value::as_u64);
        let (heads, hidden) = (count("num_attention_heads"), count("hidden_size"));
        let derived = hidden.zip(heads).map(|(hidden, heads)| hidden / heads);
        let head_dim = count("head_dim").or(derived).unwrap_or(0) as f64;
        if let Some(dim) = single.count(&key("rope.dimension_count"))?.filter(|dim| *dim as f64 != head_dim) {
            // A half more than the number: the product with the size of a head is rounded down to it again.
            let share = (dim as f64 + 0.5) / head_dim;
            values.extend(["partial_rotary_factor", "rotary_pct"].map(|name| (name.to_owned(), share.into())));
        } else {
            values.extend(["partial_rotary_factor", "rotary_pct"].map(|name| (name.to_owned(), 1.into())));
        }
        let attention_factor = single.positive(&key("rope.scaling.attn_factor"))?;
        if let Some(pairs) = self.weights.shape(SHORT_FACTORS).and_then(|shape| shape.first()) {
            let factors = self.weights.vector(SHORT_FACTORS, *pairs)?;
            let scaling =
                json!({"rope_type": "longrope", "short_factor": factors, "attention_factor": attention_factor});
            values.insert("rope_scaling".into(), scaling);
        } else if let Some(kind) = single.text(&key("rope.scaling.type"))?.filter(|kind| kind != "none") {
            let factor = single.positive(&key("rope.scaling.factor"))?;
            let scaling = json!({"rope_type": kind, "factor": factor, "attention_factor": attention_factor});
            values.insert("rope_scaling".into(), scaling);
        }
        Ok(())
    }

    /// Changes the description that a family made to what the file holds: other names, norms and projections as they are stored
    /// there, another order of the numbers in a head, factors of the frequencies as a tensor.
    ///
    /// # Errors
    /// The factors don't fit, or the file has norms that the family doesn't know of.
    pub fn adapt(&self, spec: &mut DecoderSpec) -> Result<(), ModelError> {
        let single = self.metadata.single();
        let pairing = self.architecture()?.pairing;
        let has = |name: &str| self.weights.contains(name);
        spec.names = names::NAMES;
        spec.attention.qkv = if has("blk.0.attn_qkv.weight") { Qkv::Stacked } else { Qkv::Separate };
        spec.attention.qkv_bias = has("blk.0.attn_qkv.bias") || has("blk.0.attn_q.bias");
        spec.attention.output_bias = has("blk.0.attn_output.bias");
        spec.mlp.bias = has("blk.0.ffn_up.bias");
        spec.head.bias = has("output.bias");
        if spec.mlp.kind == MlpKind::GatedStacked && has("blk.0.ffn_gate.weight") {
            spec.mlp.kind = MlpKind::Gated;
        }
        if spec.attention.norm.is_none() && has("blk.0.attn_q_norm.weight") {
            return Err(single.invalid("tensor blk.0.attn_q_norm.weight: norms of the queries are not supported here"));
        }
        // The one is added when the file is made.
        if spec.norm.kind == NormKind::RmsPlusOne {
            spec.norm.kind = NormKind::Rms;
        }
        if let Position::Rotary(rotaries) = &mut spec.position {
            for rotary in rotaries {
                rotary.pairing = pairing;
                if has(FACTORS) {
                    let factors = self.weights.vector(FACTORS, rotary.dim / 2)?;
                    rotary.scaling = RotaryScaling::Factors { factors, attention_factor: 1.0 };
                }
            }
        }
        Ok(())
    }
}
