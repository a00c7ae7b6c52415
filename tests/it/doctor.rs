//! `doctor` on the built-in model, on a sound file and on one with a damaged weight.

use std::path::Path;

use logitscope::engine::{Cache, Check, Checkup};
use logitscope::model::{ModelSource, OpenOptions, builtin, open, unwatched};
use serde_json::Value;

use crate::cli::{logitscope, stdout};

fn model_file() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/model/builtin.gguf")).unwrap()
}

/// The promises of the model in a file with these bytes, held to the built-in model's reference.
fn checks(bytes: &[u8]) -> Vec<Check> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    std::fs::write(&path, bytes).unwrap();
    let mut loaded = open(&ModelSource::Gguf(path), &OpenOptions { threads: 2, ..OpenOptions::default() }).unwrap();
    let reference = Some(builtin::reference().unwrap());
    let checkup = Checkup::new(&loaded.model.info().clone(), loaded.tokenizer.as_ref(), (reference, Cache::Own));
    checkup.run(loaded.model.as_mut(), &mut unwatched).unwrap()
}

#[test]
fn the_built_in_model_is_sound() {
    let text = stdout(&["doctor", "--format", "json", "--threads", "2"], "");
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((document["format"].as_str(), document["healthy"].as_bool()), (Some("logitscope.doctor"), Some(true)));
    let checks = document["checks"].as_array().unwrap();
    let names: Vec<&str> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["probabilities", "steps", "cache", "batch", "reference"]);
    assert!(checks.iter().all(|check| check["ok"] == true), "{text}");
    assert!(checks[1..4].iter().all(|check| check["worst"] == 0.0), "our own kernels give the same bits");
    let lines = stdout(&["doctor", "--threads", "2"], "");
    assert!(lines.contains("ok   steps") && !lines.contains("BAD"), "{lines}");
}

#[test]
fn a_damaged_weight_is_seen() {
    let mut bytes = model_file();
    assert!(checks(&bytes).iter().all(Check::holds));
    // A byte of the last tensor's quantized weights, somewhere in the middle of it.
    let at = bytes.len() - 40_000;
    for byte in &mut bytes[at..at + 64] {
        *byte ^= 0x7F;
    }
    let broken: Vec<&str> = checks(&bytes).iter().filter(|check| !check.holds()).map(|check| check.name).collect();
    assert!(broken.contains(&"reference"), "{broken:?}");
}

#[test]
fn a_model_that_can_not_be_opened_is_one_line() {
    let output = logitscope(&["doctor", "--model", "no/such/model.gguf"], "");
    assert!(matches!(output.status.code(), Some(1 | 2)));
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim_end().lines().count(), 1);
}

#[test]
fn other_kinds_of_models_are_sound_too() {
    for model in ["examples/tables/abc.toml", "tests/golden/llama-gqa", "tests/golden/mamba", "shape:S"] {
        let document = stdout(&["doctor", "--model", model, "--format", "json", "--threads", "2"], "");
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["checks"].as_array().unwrap().len(), 4, "{model}");
    }
}
