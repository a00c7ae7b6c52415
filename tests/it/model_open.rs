//! Model directories that are damaged, incomplete or don't fit together: an error that says so, never a panic.

use std::fs;
use std::path::{Path, PathBuf};

use logitscope::model::{LoadedModel, ModelError, ModelSource, OpenOptions, SpecialTokens, open};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A copy of a small model that may be damaged.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/llama-bf16");
        let copy = Self(tempfile::tempdir().unwrap());
        for name in ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"] {
            fs::copy(source.join(name), copy.path(name)).unwrap();
        }
        copy
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Sets values of a JSON file; `null` takes them away.
    fn set(&self, name: &str, changes: Value) {
        let mut document: Value = serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap();
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        for (key, value) in changes {
            document[key] = value;
        }
        self.write(name, document.to_string());
    }

    fn open(&self) -> Result<LoadedModel, ModelError> {
        open(&ModelSource::Directory(self.0.path().into()), &OpenOptions { threads: 1, ..OpenOptions::default() })
    }

    fn error(&self) -> String {
        self.open().err().unwrap().to_string()
    }
}

#[test]
fn a_truncated_weight_file_is_named() {
    let copy = Copy::new();
    let whole = fs::read(copy.path("model.safetensors")).unwrap();
    for length in [0, 1, 7, 8, 9, 100, 1000, whole.len() / 2, whole.len() - 1] {
        copy.write("model.safetensors", &whole[..length]);
        let error = copy.error();
        assert!(error.contains("model.safetensors: truncated"), "{error}");
    }
    copy.write("model.safetensors", [&whole[..], &[0]].concat());
    copy.error();
    copy.write("model.safetensors", [&u64::MAX.to_le_bytes(), &whole[8..]].concat());
    assert!(copy.error().contains("not a safetensors file"));
}

#[test]
fn every_missing_file_is_named() {
    for (name, part) in [
        ("config.json", "config.json: is missing"),
        ("tokenizer.json", "tokenizer.json: is missing"),
        ("model.safetensors", "model.safetensors.index.json"),
    ] {
        let copy = Copy::new();
        fs::remove_file(copy.path(name)).unwrap();
        let error = copy.error();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn files_that_are_no_json_are_named() {
    for name in ["config.json", "generation_config.json", "tokenizer.json"] {
        for bytes in ["", "{", "[]", "\u{0}", "{\"a\": }"] {
            let copy = Copy::new();
            copy.write(name, bytes);
            let error = copy.error();
            assert!(error.contains(&format!("{name}: not ")), "{error}");
        }
    }
}

#[test]
fn a_configuration_that_does_not_fit_the_tensors_names_both_shapes() {
    for (key, value) in [
        ("hidden_size", 64),
        ("intermediate_size", 85),
        ("num_attention_heads", 8),
        ("num_key_value_heads", 1),
        ("vocab_size", 400),
        ("num_hidden_layers", 3),
        ("head_dim", 2_147_483_646),
    ] {
        let copy = Copy::new();
        copy.set("config.json", json!({ key: value }));
        let error = copy.error();
        assert!(error.contains("tensor model.") && error.contains('['), "{error}");
    }
}

#[test]
fn what_is_not_supported_says_what_is() {
    for (changes, part) in [
        (json!({"model_type": "rwkv"}), "model_type \"rwkv\" is not known; known: llama"),
        (json!({"quantization_config": {"bits": 4}}), "only f32, bf16 and f16"),
        (json!({"rope_parameters": {"rope_type": "axial"}}), "known: default, linear, dynamic, llama3"),
        (json!({"vocab_size": 100}), "vocab_size is 100, but the tokenizer has"),
        (json!({"max_position_embeddings": null}), "no max_position_embeddings"),
    ] {
        let copy = Copy::new();
        copy.set("config.json", changes);
        let error = copy.error();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn end_ids_come_from_the_generation_configuration_first() {
    let copy = Copy::new();
    let ends = |copy: &Copy| copy.open().unwrap().model.info().eos_token_ids.clone();
    copy.set("config.json", json!({"eos_token_id": 7}));
    copy.set("generation_config.json", json!({"eos_token_id": [9, 3]}));
    assert_eq!(ends(&copy), [3, 9]);
    copy.set("generation_config.json", json!({"eos_token_id": null}));
    assert_eq!(ends(&copy), [7]);
    fs::remove_file(copy.path("generation_config.json")).unwrap();
    assert_eq!(ends(&copy), [7]);
    copy.set("config.json", json!({"eos_token_id": null}));
    assert!(ends(&copy).is_empty());
    copy.set("config.json", json!({"eos_token_id": 100_000}));
    assert!(copy.error().contains("eos_token_id 100000"));
}

#[test]
fn the_begin_of_text_token_may_come_from_the_tokenizer_configuration() {
    let copy = Copy::new();
    copy.set("config.json", json!({"bos_token_id": null}));
    copy.set("generation_config.json", json!({"bos_token_id": null}));
    let first = |copy: &Copy| copy.open().unwrap().tokenizer.encode("a", SpecialTokens::Always).map(|ids| ids[0]);
    assert!(first(&copy).is_err());
    for token in [json!("<|endoftext|>"), json!({"content": "<|endoftext|>", "special": true})] {
        copy.write("tokenizer_config.json", json!({"bos_token": token}).to_string());
        assert_eq!(first(&copy).unwrap(), 0);
    }
}
