//! Configurations that are whole, that leave things out, and that make no model.

use serde_json::{Value, json};

use super::*;
use crate::model::decoder::HeadWeight;

fn llama() -> Value {
    json!({
        "model_type": "llama", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
    })
}

fn read(config: &Value) -> Result<DecoderSpec, String> {
    let config = Config::parse("config.json", config.to_string().as_bytes()).unwrap();
    let family = family(&config).map_err(|error| error.to_string())?;
    (family.describe)(&config).map_err(|error| error.to_string())
}

#[test]
fn llama_has_the_defaults_of_transformers() {
    let spec = read(&llama()).unwrap();
    assert_eq!(spec.attention.head_dim, 16);
    assert_eq!(spec.layers[1].scale, 0.25);
    assert_eq!(spec.norm.epsilon, 1e-6);
    assert_eq!(spec.head.weight, HeadWeight::Own);
    assert!(!spec.attention.qkv_bias && !spec.attention.output_bias && !spec.mlp.bias);
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
        let mut config = llama();
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
        ("num_hidden_layers", json!(2_000_000_000), "num_hidden_layers is 2000000000, above"),
        ("head_dim", json!(15), "even"),
        ("hidden_act", json!("relu"), "known: silu"),
        ("rms_norm_eps", json!(-1.0), "rms_norm_eps is -1"),
        ("model_type", json!("mamba"), "known: llama"),
    ] {
        let mut config = llama();
        config[key] = value;
        let error = read(&config).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}
