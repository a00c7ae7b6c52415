//! Configurations that are whole, that leave things out, and that make no model.

use serde_json::{Value, json};

use super::*;
use crate::model::decoder::{HeadWeight, RotaryScaling};

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
        ("model_type", json!("rwkv"), "known: llama"),
    ] {
        let mut config = llama();
        config[key] = value;
        let error = read(&config).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

/// A configuration with these values over those of [`llama`].
fn with(changes: &Value) -> Value {
    let mut config = llama();
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

#[test]
fn an_unknown_family_is_told_all_that_are_known() {
    let error = read(&with(&json!({"model_type": "rwkv"}))).unwrap_err();
    for family in FAMILIES {
        assert!(error.contains(family.model_type), "{error}");
    }
}

fn windows(changes: &Value) -> Vec<Option<usize>> {
    read(&with(changes)).unwrap().layers.iter().map(|layer| layer.window).collect()
}

#[test]
fn windows_have_the_defaults_of_transformers() {
    for (changes, expected) in [
        (json!({"model_type": "mistral"}), [Some(4096); 2]),
        (json!({"model_type": "mistral", "sliding_window": null}), [None; 2]),
        (json!({"model_type": "mistral", "sliding_window": 8}), [Some(8); 2]),
        (json!({"model_type": "qwen2", "sliding_window": 8}), [None; 2]),
        (json!({"model_type": "qwen2", "sliding_window": 8, "use_sliding_window": true}), [None; 2]),
        (
            json!({"model_type": "qwen3", "sliding_window": 8, "use_sliding_window": true, "max_window_layers": 1}),
            [None, Some(8)],
        ),
        (json!({"model_type": "gemma2"}), [Some(4096), None]),
        (json!({"model_type": "gemma3_text", "sliding_window": 8}), [Some(8); 2]),
        (
            json!({"model_type": "gemma3_text", "layer_types": ["full_attention", "sliding_attention"]}),
            [None, Some(4096)],
        ),
        (json!({"model_type": "phi3"}), [None; 2]),
        (json!({"model_type": "gemma"}), [None; 2]),
    ] {
        assert_eq!(windows(&changes), expected, "{changes}");
    }
}

#[test]
fn what_a_family_can_not_do_is_an_error() {
    for (changes, part) in [
        (json!({"model_type": "gemma", "use_bidirectional_attention": true}), "use_bidirectional_attention"),
        (json!({"model_type": "gemma2", "layer_types": ["full_attention"]}), "layer_types has 1 entries for 2 layers"),
        (json!({"model_type": "gemma2", "layer_types": ["full_attention", "chunked"]}), "\"chunked\""),
        (
            json!({"model_type": "qwen2", "layer_types": ["full_attention", "sliding_attention"]}),
            "there is no sliding_window",
        ),
        (json!({"model_type": "smollm3", "no_rope_layers": [1]}), "no_rope_layers has 1 entries"),
        (json!({"model_type": "gemma3"}), "no text_config"),
        (json!({"model_type": "gpt2"}), "no n_embd"),
        (json!({"model_type": "gpt2", "add_cross_attention": true}), "add_cross_attention"),
        (json!({"model_type": "gpt2", "n_embd": 10, "n_head": 4}), "n_embd, 10, does not divide by n_head, 4"),
        (json!({"model_type": "phi", "partial_rotary_factor": 0.2}), "3 of the 16 numbers in a head"),
    ] {
        let error = read(&with(&changes)).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_gemma3_that_sees_says_little_of_its_text() {
    // What google/gemma-3-4b-it says.
    let config = json!({"model_type": "gemma3", "text_config": {
        "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
    }});
    let spec = read(&config).unwrap();
    assert_eq!((spec.vocab_size, spec.context_length, spec.layers.len()), (262_208, 131_072, 34));
    assert_eq!((spec.attention.heads, spec.attention.kv_heads, spec.attention.head_dim), (8, 4, 256));
    assert_eq!((spec.layers[4].window, spec.layers[4].rotary), (Some(1024), Some(1)));
    assert_eq!((spec.layers[5].window, spec.layers[5].rotary), (None, Some(0)));
    assert_eq!((spec.rotaries()[0].base, spec.rotaries()[1].base), (1e6, 1e4));
    assert_eq!(spec.rotaries()[0].scaling, RotaryScaling::Linear { factor: 8.0 });
    assert_eq!(spec.rotaries()[1].scaling, RotaryScaling::None);
}

#[test]
fn a_context_that_is_cut_is_noted() {
    let factors = [1.0; 8];
    let config = with(&json!({
        "model_type": "phi3", "max_position_embeddings": 131_072, "original_max_position_embeddings": 4096,
        "rope_scaling": {"type": "longrope", "short_factor": factors, "long_factor": factors},
    }));
    let spec = read(&config).unwrap();
    assert_eq!(spec.context_length, 4096);
    assert!(spec.notes[0].contains("4096 tokens, not 131072"), "{:?}", spec.notes);
    assert!(read(&llama()).unwrap().notes.is_empty());
}
