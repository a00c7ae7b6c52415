//! The contract of all models, for those that read one token at a time.

use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::model::{ModelSource, OpenOptions, open, unwatched};

const MODELS: [&str; 3] = ["mamba", "qwen3-moe", "qwen3-moe-mixed"];

fn load(name: &str) -> Box<dyn LanguageModel> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    open(&ModelSource::Directory(directory), &OpenOptions::default()).unwrap().model
}

fn read(model: &mut dyn LanguageModel, runs: &[Run<'_>]) -> Vec<RunOutput> {
    model.forward(runs, &mut unwatched).unwrap()
}

fn all(after: Option<CacheNode>, tokens: &[TokenId]) -> Run<'_> {
    Run { after, tokens, logits: Positions::All }
}

#[test]
fn incremental_is_all_at_once_and_a_batch_is_each_alone() {
    for name in MODELS {
        let mut model = load(name);
        let tokens: Vec<TokenId> = (1..20).map(|i| i * 7 % 320).collect();
        let together = read(&mut *model, &[all(None, &tokens), all(None, &tokens[..5])]);
        assert_eq!(together[0].logits[..5], together[1].logits[..]);
        let mut node = None;
        for (token, expected) in tokens.iter().zip(&together[0].logits) {
            let step = read(&mut *model, &[all(node, &[*token])]).remove(0);
            assert_eq!(step.logits[0], *expected, "{name}");
            node = step.nodes.last().copied();
        }
    }
}

#[test]
fn forks_never_see_their_siblings() {
    for name in MODELS {
        let mut model = load(name);
        let trunk = read(&mut *model, &[all(None, &[5, 6, 7])]).remove(0);
        let (middle, last) = (trunk.nodes[1], trunk.nodes[2]);
        let left = read(&mut *model, &[all(Some(last), &[8, 9])]).remove(0);
        let right = read(&mut *model, &[all(Some(last), &[10, 9])]).remove(0);
        let truncated = read(&mut *model, &[all(Some(middle), &[7, 8, 9])]).remove(0);
        let fresh = read(&mut *model, &[all(None, &[5, 6, 7, 10, 9])]).remove(0);
        assert_eq!(left.logits[..], truncated.logits[1..], "{name}");
        assert_eq!(right.logits[..], fresh.logits[3..], "{name}");
        assert_ne!(left.logits[1], right.logits[1]);
        model.retain(&[right.nodes[1]]);
        assert_eq!(model.cache_use().tokens, 5);
        assert!(model.forward(&[all(Some(left.nodes[0]), &[1])], &mut unwatched).is_err());
    }
}

#[test]
fn states_that_were_dropped_are_read_again() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mamba");
    let weights = Weights::open(&directory).unwrap();
    let config = Config::parse("config.json", &std::fs::read(directory.join("config.json")).unwrap()).unwrap();
    let identity = || Identity { name: "m".into(), architecture: "m".into(), eos_token_ids: Vec::new() };
    let mut model = mamba::stepped(
        &Files { config: &config, weights: &weights, dtype: DtypeChoice::Auto, device: Device::Cpu },
        identity(),
    )
    .unwrap();
    let first = read(&mut model, &[all(None, &[1, 2, 3])]).remove(0);
    let expected = read(&mut model, &[all(Some(first.nodes[2]), &[4])]).remove(0);
    model.state_bytes = 0;
    read(&mut model, &[all(None, &[9])]);
    assert_eq!(model.tree.iter().filter(|(_, node)| node.data.is_some()).count(), 1);
    assert_eq!(read(&mut model, &[all(Some(first.nodes[2]), &[4])])[0].logits, expected.logits);
}

#[test]
fn a_broken_off_pass_leaves_nothing() {
    for name in MODELS {
        let mut model = load(name);
        let mut calls = 0;
        let mut watch = |_: Progress| {
            calls += 1;
            if calls == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let result = model.forward(&[all(None, &[1, 2, 3, 4])], &mut watch);
        assert!(matches!(result, Err(ModelError::Cancelled)));
        assert_eq!(model.cache_use(), CacheUse::default());
    }
}

#[test]
fn configurations_that_candle_cannot_run_are_named() {
    let weights = Weights::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mamba")).unwrap();
    let text = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).join("config.json");
        serde_json::from_slice::<serde_json::Value>(&std::fs::read(path).unwrap()).unwrap()
    };
    for (name, key, value, part) in [
        ("mamba", "state_size", serde_json::json!(8), "state_size is 8; only 16"),
        ("mamba", "use_bias", serde_json::json!(true), "use_bias is true"),
        ("mamba", "num_hidden_layers", serde_json::json!(9), "backbone.layers.2"),
        ("mamba", "vocab_size", serde_json::json!(999), "has shape [320, 32]"),
        ("qwen3-moe", "num_experts_per_tok", serde_json::json!(7), "num_experts is 6"),
        ("qwen3-moe", "mlp_only_layers", serde_json::json!([0]), "mlp_only_layers"),
        ("qwen3-moe", "use_sliding_window", serde_json::json!(true), "sliding"),
        ("qwen3-moe", "rope_parameters", serde_json::json!({"rope_type": "yarn"}), "\"yarn\""),
    ] {
        let mut config = text(name);
        config[key] = value;
        let config = Config::parse("config.json", config.to_string().as_bytes()).unwrap();
        let family = family(&config).unwrap().unwrap();
        let identity = Identity { name: "m".into(), architecture: "m".into(), eos_token_ids: Vec::new() };
        let files = Files { config: &config, weights: &weights, dtype: DtypeChoice::Auto, device: Device::Cpu };
        let error = (family.load)(&files, identity).err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
