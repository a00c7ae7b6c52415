//! Log-probabilities and greedy text against transformers; `tests/golden/README.md` says how the goldens are made.

use std::path::{Path, PathBuf};

use logitscope::decode::TokenId;
use logitscope::model::{
    CacheNode, DtypeChoice, LoadedModel, ModelSource, OpenOptions, Positions, Run, SpecialTokens, open, unwatched,
};
use serde::Deserialize;

/// The most that a log-probability may differ, in nats.
const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
pub(crate) struct Golden {
    eos_token_ids: Vec<TokenId>,
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    ids: Vec<TokenId>,
    /// The ids whose log-probabilities are in every position's `logprobs`.
    watched: Vec<TokenId>,
    positions: Vec<Row>,
    /// Log-probability of each token after the first.
    following: Vec<f64>,
    greedy: Vec<TokenId>,
    max_new_tokens: usize,
}

#[derive(Deserialize)]
struct Row {
    position: usize,
    top_ids: Vec<TokenId>,
    top_logprobs: Vec<f64>,
    logprobs: Vec<f64>,
}

pub(crate) fn golden_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

pub(crate) fn read_golden(path: &Path) -> Golden {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn load(source: &ModelSource, dtype: DtypeChoice) -> LoadedModel {
    open(source, &OpenOptions { dtype, threads: 2, ..OpenOptions::default() }).unwrap()
}

fn directory(name: &str) -> ModelSource {
    ModelSource::Directory(golden_path(name))
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let highest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let total: f64 = logits.iter().map(|logit| (f64::from(*logit) - highest).exp()).sum();
    logits.iter().map(|logit| f64::from(*logit) - highest - total.ln()).collect()
}

fn argmax(logits: &[f32]) -> TokenId {
    (0..logits.len()).rev().max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap() as TokenId
}

fn read(
    loaded: &mut LoadedModel,
    after: Option<CacheNode>,
    tokens: &[TokenId],
) -> (CacheNode, Vec<std::sync::Arc<[f32]>>) {
    let run = Run { after, tokens, logits: Positions::All };
    let output = loaded.model.forward(&[run], &mut unwatched).unwrap().remove(0);
    (*output.nodes.last().unwrap(), output.logits)
}

/// The largest difference between a prompt's log-probabilities and the golden ones.
fn difference(prompt: &Prompt, table: &[Vec<f64>]) -> f64 {
    let mut largest: f64 = 0.0;
    for position in &prompt.positions {
        let row = &table[position.position];
        let top = position.top_ids.iter().zip(&position.top_logprobs);
        for (id, expected) in top.chain(prompt.watched.iter().zip(&position.logprobs)) {
            largest = largest.max((row[*id as usize] - expected).abs());
        }
    }
    for (index, expected) in prompt.following.iter().enumerate() {
        largest = largest.max((table[index][prompt.ids[index + 1] as usize] - expected).abs());
    }
    largest
}

fn greedy(loaded: &mut LoadedModel, prompt: &Prompt, ends: &[TokenId]) -> Vec<TokenId> {
    let (mut node, mut logits) = read(loaded, None, &prompt.ids);
    let mut ids = Vec::new();
    while ids.len() < prompt.max_new_tokens {
        let id = argmax(logits.last().unwrap());
        ids.push(id);
        if ends.contains(&id) {
            break;
        }
        (node, logits) = read(loaded, Some(node), &[id]);
    }
    ids
}

pub(crate) fn check(source: &ModelSource, golden: &Golden) {
    let mut loaded = load(source, DtypeChoice::Auto);
    assert_eq!(loaded.model.info().eos_token_ids, golden.eos_token_ids);
    let mut largest: f64 = 0.0;
    for prompt in &golden.prompts {
        let (_, logits) = read(&mut loaded, None, &prompt.ids);
        let table: Vec<Vec<f64>> = logits.iter().map(|logits| log_softmax(logits)).collect();
        largest = largest.max(difference(prompt, &table));
        assert_eq!(greedy(&mut loaded, prompt, &golden.eos_token_ids), prompt.greedy);
    }
    println!("{}: largest difference {largest:.1e} nats", source.name());
    assert!(largest < TOLERANCE, "{largest} nats");
}

macro_rules! goldens {
    ($($test:ident: $name:literal,)*) => {$(
        #[test]
        fn $test() {
            check(&directory($name), &read_golden(&golden_path($name).join("golden.json")));
        }
    )*};
}

goldens! {
    grouped_queries_and_an_own_head: "llama-gqa",
    a_tied_head_and_llama3_scaling: "llama-tied-llama3",
    biases_and_a_free_head_size: "llama-biases",
    linear_scaling: "llama-linear",
    bf16_weights: "llama-bf16",
    f16_weights: "llama-f16",
    sharded_weights: "llama-sharded",
    configuration_of_the_older_generation: "llama-old-config",
    several_end_ids: "llama-several-ends",
    mamba: "mamba",
    a_mixture_of_experts: "qwen3-moe",
    experts_in_some_layers: "qwen3-moe-mixed",
    yarn: "llama-yarn",
    dynamic_scaling_within_the_context: "llama-dynamic",
    mistral_with_a_window: "mistral",
    qwen2: "qwen2",
    qwen3: "qwen3",
    smollm3_with_layers_that_have_no_positions: "smollm3",
    gemma: "gemma",
    gemma2_with_caps: "gemma2",
    gemma3_text: "gemma3",
    gemma3_text_of_a_model_that_sees: "gemma3-vision",
    phi: "phi",
    phi_with_norms_of_heads: "phi-norms",
    phi3_with_longrope: "phi3",
    olmo2: "olmo2",
    stablelm: "stablelm",
    stablelm_side_by_side_with_norms_of_heads: "stablelm-parallel",
    gpt_neox: "gpt-neox",
    gpt_neox_one_after_the_other: "gpt-neox-sequential",
    gpt2: "gpt2",
    gpt2_without_a_prefix: "gpt2-bare",
}

#[test]
fn the_builtin_model() {
    check(&ModelSource::Builtin, &read_golden(&golden_path("builtin.json")));
}

#[test]
fn other_types_stay_near() {
    let golden = read_golden(&golden_path("llama-gqa/golden.json"));
    let prompt = &golden.prompts[0];
    for (dtype, tolerance) in [(DtypeChoice::F16, 0.05), (DtypeChoice::Bf16, 0.5)] {
        let mut loaded = load(&directory("llama-gqa"), dtype);
        let (_, logits) = read(&mut loaded, None, &prompt.ids);
        let table: Vec<Vec<f64>> = logits.iter().map(|logits| log_softmax(logits)).collect();
        let largest = difference(prompt, &table);
        assert!(largest > 1e-5 && largest < tolerance, "{largest}");
    }
}

#[test]
fn tokens_of_the_builtin_tokenizer_are_the_text() {
    let loaded = load(&ModelSource::Builtin, DtypeChoice::Auto);
    for text in ["Once upon a time", "  spaces\n\ttabs ", "naïve café — 日本語 🦀 123", "", "\0\u{7f}"] {
        let ids = loaded.tokenizer.encode(text, SpecialTokens::Auto).unwrap();
        let bytes: Vec<u8> = ids.iter().flat_map(|id| loaded.tokenizer.piece(*id).bytes.clone()).collect();
        assert_eq!(bytes, text.as_bytes());
    }
}
