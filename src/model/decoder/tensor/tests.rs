//! Tensors on candle's processor device against the kernels: the same numbers within [`TOLERANCE`], and the contract of all models.

use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde_json::Value;

use super::weights::Map;
use super::*;
use crate::decode::TokenId;
use crate::model::decoder::tests::{FAMILIES, shapes_of, spec_of, text, weights};
use crate::model::decoder::{Decoder, Pairing, Position};
use crate::model::families::{self, Config};
use crate::model::kernels::{BlockFormat, Blocks, Elements, Kernels, Linear};
use crate::model::{Positions, StoredType, unwatched};

/// The most that a log-probability may differ, in nats.
const TOLERANCE: f64 = 1e-4;
/// The most that the logits of the tiny models, which reach 100, may differ, as a share of the largest.
const SHARE: f32 = 1e-5;

fn identity() -> Identity {
    Identity { name: "m".into(), architecture: "M".into(), eos_token_ids: vec![] }
}

/// The same model by tensors and by kernels.
fn both(spec: &DecoderSpec, weights: &Weights, dtype: DtypeChoice) -> (TensorDecoder, Decoder) {
    let tensors = TensorDecoder::load(spec.clone(), weights, identity(), dtype, Device::Cpu).unwrap();
    (tensors, Decoder::load(spec.clone(), weights, identity(), dtype, 2).unwrap())
}

fn tiny(family: &str) -> TensorDecoder {
    both(&spec_of(family), &weights(&shapes_of(family)), DtypeChoice::Auto).0
}

fn run(after: Option<CacheNode>, tokens: &[TokenId]) -> Run<'_> {
    Run { after, tokens, logits: Positions::All }
}

/// Nodes, logits and hidden states after every token.
fn read(model: &mut dyn LanguageModel, after: Option<CacheNode>, tokens: &[TokenId]) -> RunOutput {
    model.forward(&[run(after, tokens)], &mut unwatched).unwrap().remove(0)
}

fn assert_near(output: &RunOutput, expected: &RunOutput, from: usize, place: &str) {
    assert_eq!((output.logits.len(), output.hidden.len()), (output.nodes.len(), output.nodes.len()), "{place}");
    for (got, want) in [(&output.logits, &expected.logits[from..]), (&output.hidden, &expected.hidden[from..])] {
        for (position, (got, want)) in got.iter().zip(want).enumerate() {
            let largest = want.iter().fold(1.0_f32, |largest, number| largest.max(number.abs()));
            for (got, want) in got.iter().zip(&**want) {
                assert!((got - want).abs() <= SHARE * largest, "{place}, position {position}: {got} is not {want}");
            }
        }
    }
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let highest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let total: f64 = logits.iter().map(|logit| (f64::from(*logit) - highest).exp()).sum();
    logits.iter().map(|logit| f64::from(*logit) - highest - total.ln()).collect()
}

/// The largest difference between log-probabilities, in nats.
fn difference(a: &RunOutput, b: &RunOutput) -> f64 {
    let rows = a.logits.iter().zip(&b.logits);
    rows.flat_map(|(a, b)| log_softmax(a).into_iter().zip(log_softmax(b)))
        .fold(0.0, |largest, (a, b)| largest.max((a - b).abs()))
}

fn golden_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The committed models that the decoder runs, each with its prompts.
fn goldens() -> Vec<(String, DecoderSpec, Weights, Vec<Value>)> {
    let mut models = Vec::new();
    for entry in std::fs::read_dir(golden_directory()).unwrap() {
        let directory = entry.unwrap().path();
        let Ok(config) = std::fs::read(directory.join("config.json")) else { continue };
        let config = Config::parse("config.json", &config).unwrap();
        let Ok(family) = families::family(&config) else { continue };
        let golden: Value = serde_json::from_slice(&std::fs::read(directory.join("golden.json")).unwrap()).unwrap();
        let name = directory.file_name().unwrap().to_string_lossy().into_owned();
        let prompts = golden["prompts"].as_array().unwrap().clone();
        models.push((name, (family.describe)(&config).unwrap(), Weights::open(&directory).unwrap(), prompts));
    }
    models.sort_by(|a, b| a.0.cmp(&b.0));
    models
}

fn ids(value: &Value) -> Vec<TokenId> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as TokenId).collect()
}

fn best(logits: &[f32]) -> TokenId {
    (0..logits.len()).rev().max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap() as TokenId
}

#[test]
fn every_golden_model_gives_the_log_probabilities_of_the_kernels_and_the_same_text() {
    let models = goldens();
    assert!(models.len() >= 29, "{} models", models.len());
    for (name, spec, weights, prompts) in &models {
        let (mut tensors, mut kernels) = both(spec, weights, DtypeChoice::Auto);
        assert_eq!(tensors.info(), kernels.info());
        let mut largest: f64 = 0.0;
        for prompt in prompts {
            let (tokens, greedy) = (ids(&prompt["ids"]), ids(&prompt["greedy"]));
            let mut output = read(&mut tensors, None, &tokens);
            largest = largest.max(difference(&output, &read(&mut kernels, None, &tokens)));
            for id in greedy {
                assert_eq!(best(output.logits.last().unwrap()), id, "{name}");
                output = read(&mut tensors, output.nodes.last().copied(), &[id]);
            }
        }
        println!("{name}: largest difference {largest:.1e} nats");
        assert!(largest < TOLERANCE, "{name}: {largest} nats");
    }
}

#[test]
fn every_type_of_weights_gives_what_the_kernels_give() {
    for (name, spec, weights, prompts) in &goldens() {
        for dtype in [DtypeChoice::F16, DtypeChoice::Bf16, DtypeChoice::Q8_0] {
            let (mut tensors, mut kernels) = both(spec, weights, dtype);
            let tokens = ids(&prompts[0]["ids"]);
            let largest = difference(&read(&mut tensors, None, &tokens), &read(&mut kernels, None, &tokens));
            println!("{name} {}: largest difference {largest:.1e} nats", dtype.name());
            // Our products with blocks take activations of 16 bits, candle's of 32.
            let tolerance = if dtype == DtypeChoice::Q8_0 { 5e-3 } else { TOLERANCE };
            assert!(largest < tolerance, "{name} {dtype:?}: {largest} nats");
        }
    }
}

#[test]
fn products_with_blocks_are_those_of_the_kernels() {
    let text = std::fs::read_to_string(golden_directory().join("gguf/blocks.json")).unwrap();
    let goldens: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(goldens.len() >= 10);
    for golden in goldens {
        let (name, hex) = (golden["type"].as_str().unwrap(), golden["bytes"].as_str().unwrap());
        let Some(format) = StoredType::from_name(name).and_then(BlockFormat::of) else { continue };
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let width = format.length;
        let rows = bytes.len() / format.bytes;
        let map = Linear { weight: Elements::Blocks(Blocks::new(format, &bytes)), rows, bias: Some(&vec![0.5; rows]) };
        let x: Vec<f32> = (0..3 * width).map(|i| (i as f32 * 0.37).sin()).collect();
        let mut expected = vec![0.0; 3 * rows];
        Kernels::new(1).project(&[map], &x, width, &mut expected);
        let x = Tensor::from_vec(x, (3, width), &Device::Cpu).unwrap();
        let y: Vec<f32> =
            Map::new(&map, &Device::Cpu).unwrap().apply(&x).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        for (got, want) in y.iter().zip(&expected) {
            assert!((got - want).abs() <= 2e-5 * want.abs().max(1.0), "{name}: {got} is not {want}");
        }
    }
}

#[test]
fn every_family_keeps_the_contract() {
    for family in FAMILIES {
        let (mut tensors, mut kernels) = both(&spec_of(family), &weights(&shapes_of(family)), DtypeChoice::Auto);
        // A chunk ends within a run.
        tensors.chunk = 17;
        let (trunk, left, right) = (text(75, 3), text(30, 1), text(20, 2));
        let whole = [&trunk[..], &left].concat();
        let expected = read(&mut kernels, None, &whole);
        let other = read(&mut kernels, None, &[&trunk[..40], &right].concat());
        let first = read(&mut tensors, None, &trunk);
        assert_near(&first, &expected, 0, family);
        // Two branches in one batch, and a third that is as long as the first.
        let (last, middle) = (first.nodes.last().copied(), first.nodes[39]);
        let runs = [run(last, &left), run(Some(middle), &right), run(Some(middle), &whole[40..70])];
        let outputs = tensors.forward(&runs, &mut unwatched).unwrap();
        assert_near(&outputs[0], &expected, 75, family);
        assert_near(&outputs[1], &other, 40, family);
        assert_near(&outputs[2], &expected, 40, family);
        // Cut back to position 40 and read on, token by token.
        let mut after = Some(middle);
        for place in 40..whole.len() {
            let step = read(&mut tensors, after, &whole[place..=place]);
            assert_near(&step, &expected, place, family);
            after = step.nodes.last().copied();
        }
    }
}

#[test]
fn neighbours_are_turned_as_the_kernels_turn_them() {
    for family in FAMILIES {
        let mut spec = spec_of(family);
        let Position::Rotary(rotaries) = &mut spec.position else { continue };
        for rotary in rotaries {
            rotary.pairing = Pairing::Neighbours;
        }
        let (mut tensors, mut kernels) = both(&spec, &weights(&shapes_of(family)), DtypeChoice::Auto);
        let halves = read(&mut tiny(family), None, &text(80, 3));
        let output = read(&mut tensors, None, &text(80, 3));
        assert_near(&output, &read(&mut kernels, None, &text(80, 3)), 0, family);
        assert_ne!(output.logits[79], halves.logits[79], "{family}");
    }
}

#[test]
fn sequences_of_any_lengths_go_through_as_one_batch() {
    for family in [FAMILIES[0], FAMILIES[2], FAMILIES[6]] {
        let mut together = tiny(family);
        let trunk = read(&mut together, None, &text(60, 6));
        let cut = [59, 3, 21, 40];
        let tokens: Vec<Vec<TokenId>> = [1, 1, 1, 5].iter().map(|&length| text(length, 4)).collect();
        let runs: Vec<Run<'_>> =
            cut.iter().zip(&tokens).map(|(at, tokens)| run(Some(trunk.nodes[*at]), tokens)).collect();
        let outputs = together.forward(&runs, &mut unwatched).unwrap();
        for ((at, tokens), output) in cut.iter().zip(&tokens).zip(&outputs) {
            let alone = read(&mut tiny(family), None, &[&text(60, 6)[..=*at], tokens].concat());
            assert_near(output, &alone, at + 1, family);
        }
        let last = Run { logits: Positions::Last, ..run(None, &tokens[3]) };
        let output = together.forward(&[last], &mut unwatched).unwrap().remove(0);
        assert_eq!((output.nodes.len(), output.logits.len(), output.hidden.len()), (5, 1, 1));
        assert!(together.forward(&[], &mut unwatched).unwrap().is_empty());
    }
}

#[test]
fn retain_keeps_what_lives_and_its_slots_are_used_again() {
    let mut model = tiny(FAMILIES[0]);
    let trunk = read(&mut model, None, &text(100, 1));
    let left = read(&mut model, Some(trunk.nodes[49]), &text(20, 2));
    let expected = read(&mut model, left.nodes.last().copied(), &[5]);
    model.retain(&[left.nodes[19]]);
    assert_eq!(model.cache_use().tokens, 70);
    // More than there was room for: what is held moves along.
    read(&mut model, None, &text(150, 9));
    read(&mut model, None, &text(150, 7));
    assert_near(&read(&mut model, left.nodes.last().copied(), &[5]), &expected, 0, "after more");
    assert!(model.forward(&[run(Some(CacheNode(9999)), &[1])], &mut unwatched).is_err());
    model.retain(&[]);
    assert_eq!(model.cache_use(), CacheUse::default());
    assert_eq!(read(&mut model, None, &[1, 2]).logits.len(), 2);
}

#[test]
fn cancelling_leaves_the_cache_as_it_was() {
    let mut model = tiny(FAMILIES[0]);
    model.chunk = 40;
    let trunk = read(&mut model, None, &text(10, 1));
    let (before, tokens) = (model.cache_use(), text(100, 2));
    for calls in 0..8 {
        let mut left = calls;
        let result = model.forward(&[run(Some(trunk.nodes[9]), &tokens)], &mut |progress| {
            assert!(progress.done <= progress.total && progress.total == 100);
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(result, Err(ModelError::Cancelled)));
        assert_eq!(model.cache_use(), before);
    }
    let again = read(&mut model, Some(trunk.nodes[4]), &text(10, 1)[5..]);
    assert_near(&again, &trunk, 5, "after cancelling");
}
