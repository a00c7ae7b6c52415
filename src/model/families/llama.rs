//! Llama (Touvron and others, 2023), and what shares its architecture: `TinyLlama`, `SmolLM2`, Llama 3.
//!
//! The reference is transformers' `modeling_llama.py`.

use super::rope::rotary;
use super::{Config, Family};
use crate::model::ModelError;
use crate::model::decoder::{
    Activation, Attention, DecoderSpec, Head, Mlp, MlpKind, Norm, NormKind, NormPlacement, Position, TensorNames,
};

/// The row of [`super::FAMILIES`].
pub(super) const FAMILY: Family = Family { model_type: "llama", architecture: "LlamaForCausalLM", describe };

const NAMES: TensorNames = TensorNames {
    embedding: "model.embed_tokens",
    layer: "model.layers.",
    attention_norm: "input_layernorm",
    query: "self_attn.q_proj",
    key: "self_attn.k_proj",
    value: "self_attn.v_proj",
    attention_output: "self_attn.o_proj",
    mlp_norm: "post_attention_layernorm",
    gate: "mlp.gate_proj",
    up: "mlp.up_proj",
    down: "mlp.down_proj",
    final_norm: "model.norm",
    head: "lm_head",
};

/// transformers' default for `rms_norm_eps`.
const DEFAULT_EPSILON: f64 = 1e-6;

fn describe(config: &Config) -> Result<DecoderSpec, ModelError> {
    let context_length = config.required_count("max_position_embeddings")?;
    let hidden_size = config.required_count("hidden_size")?;
    let attention = attention(config, hidden_size)?;
    let epsilon = config.positive("rms_norm_eps")?.unwrap_or(DEFAULT_EPSILON) as f32;
    let tied = config.flag("tie_word_embeddings")?.unwrap_or(false);
    Ok(DecoderSpec {
        vocab_size: config.required_count("vocab_size")?,
        hidden_size,
        layers: config.required_count("num_hidden_layers")?,
        context_length,
        norm: Norm { kind: NormKind::Rms, placement: NormPlacement::Before, epsilon },
        position: Position::Rotary(rotary(config, attention.head_dim, context_length)?),
        attention,
        mlp: Mlp {
            kind: MlpKind::Gated(activation(config)?),
            size: config.required_count("intermediate_size")?,
            bias: config.flag("mlp_bias")?.unwrap_or(false),
        },
        head: if tied { Head::Tied } else { Head::Own },
        names: NAMES,
    })
}

fn attention(config: &Config, hidden_size: usize) -> Result<Attention, ModelError> {
    let heads = config.required_count("num_attention_heads")?;
    let kv_heads = config.count("num_key_value_heads")?.unwrap_or(heads);
    if heads % kv_heads != 0 {
        return Err(
            config.invalid(format!("num_attention_heads, {heads}, does not divide by num_key_value_heads, {kv_heads}"))
        );
    }
    let head_dim = match config.count("head_dim")? {
        Some(head_dim) => head_dim,
        None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
        None => {
            return Err(config.invalid(format!(
                "hidden_size, {hidden_size}, does not divide by num_attention_heads, {heads}, and there is no head_dim"
            )));
        }
    };
    if head_dim % 2 != 0 {
        return Err(config.invalid(format!("head_dim is {head_dim}; rotary positions need an even one")));
    }
    let bias = config.flag("attention_bias")?.unwrap_or(false);
    Ok(Attention { heads, kv_heads, head_dim, bias, scale: 1.0 / (head_dim as f32).sqrt() })
}

fn activation(config: &Config) -> Result<Activation, ModelError> {
    match config.text("hidden_act")?.as_deref() {
        None | Some("silu" | "swish") => Ok(Activation::Silu),
        Some(other) => Err(config.invalid(format!("hidden_act {other:?} is not known; known: silu"))),
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact results are meant
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sample() -> Value {
        json!({
            "model_type": "llama", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
        })
    }

    fn read(config: &Value) -> Result<DecoderSpec, String> {
        let config = Config::parse("config.json", config.to_string().as_bytes()).unwrap();
        let family = super::super::family(&config).map_err(|error| error.to_string())?;
        (family.describe)(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_transformers() {
        let spec = read(&sample()).unwrap();
        assert_eq!(spec.attention.head_dim, 16);
        assert_eq!(spec.attention.scale, 0.25);
        assert_eq!(spec.norm.epsilon, 1e-6);
        assert_eq!(spec.head, Head::Own);
        assert!(!spec.attention.bias && !spec.mlp.bias);
    }

    #[test]
    fn every_missing_field_is_named() {
        for key in [
            "model_type",
            "vocab_size",
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "max_position_embeddings",
        ] {
            let mut config = sample();
            config.as_object_mut().unwrap().remove(key);
            let error = read(&config).unwrap_err();
            assert!(error.contains(&format!("no {key}")), "{error}");
        }
    }

    #[test]
    fn values_that_make_no_model_are_errors() {
        for (key, value, part) in [
            ("vocab_size", json!(0), "vocab_size is 0"),
            ("num_attention_heads", json!(0), "num_attention_heads is 0"),
            ("num_attention_heads", json!("4"), "num_attention_heads is \"4\""),
            ("num_attention_heads", json!(6), "does not divide by num_attention_heads"),
            ("num_key_value_heads", json!(3), "does not divide by num_key_value_heads"),
            ("num_hidden_layers", json!(u64::MAX), "num_hidden_layers is"),
            ("head_dim", json!(15), "even"),
            ("hidden_act", json!("gelu"), "known: silu"),
            ("rms_norm_eps", json!(-1.0), "rms_norm_eps is -1"),
            ("model_type", json!("mamba"), "known: llama"),
        ] {
            let mut config = sample();
            config[key] = value;
            let error = read(&config).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
