//! The contract of [`LanguageModel`], bit for bit, on a tiny model of random weights.

use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use super::*;
use crate::model::{Positions, unwatched};

const VOCABULARY: usize = 50;
const CONTEXT: usize = 160;

/// Sizes that every family's configuration may give.
const SIZES: &str = r#""vocab_size": 50, "hidden_size": 40, "intermediate_size": 56, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 160"#;

/// Of every family a model; windows are shorter than the texts.
pub(super) const FAMILIES: &[&str] = &[
    r#""model_type": "llama", "num_key_value_heads": 2, "head_dim": 12, "attention_bias": true, "mlp_bias": true, "rope_theta": 100"#,
    r#""model_type": "mistral", "num_key_value_heads": 2, "sliding_window": 70"#,
    r#""model_type": "qwen2", "use_sliding_window": true, "sliding_window": 9, "max_window_layers": 1"#,
    r#""model_type": "qwen3", "head_dim": 12, "num_key_value_heads": 1"#,
    r#""model_type": "smollm3", "no_rope_layer_interval": 2, "rope_scaling": {"type": "yarn", "factor": 1.5}"#,
    r#""model_type": "gemma", "head_dim": 12"#,
    r#""model_type": "gemma2", "head_dim": 12, "sliding_window": 9"#,
    r#""model_type": "gemma3_text", "head_dim": 12, "sliding_window": 9, "sliding_window_pattern": 2"#,
    r#""model_type": "phi", "qk_layernorm": true, "partial_rotary_factor": 0.4"#,
    r#""model_type": "phi3", "original_max_position_embeddings": 160"#,
    r#""model_type": "olmo2", "num_key_value_heads": 2"#,
    r#""model_type": "stablelm", "qk_layernorm": true, "use_qkv_bias": true, "partial_rotary_factor": 0.4"#,
    r#""model_type": "stablelm", "use_parallel_residual": true, "partial_rotary_factor": 1.0"#,
    r#""model_type": "gpt_neox", "rotary_pct": 0.4"#,
    r#""model_type": "gpt2", "n_embd": 40, "n_layer": 2, "n_head": 4, "n_positions": 160, "n_inner": 56"#,
];

pub(super) fn spec_of(family: &str) -> DecoderSpec {
    let config = format!("{{{family}, {SIZES}}}");
    let config = crate::model::families::Config::parse("config.json", config.as_bytes()).unwrap();
    (crate::model::families::family(&config).unwrap().describe)(&config).unwrap()
}

/// Names and shapes of all tensors of a family's model: whatever loading misses, one after the other.
pub(super) fn shapes_of(family: &str) -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![("none".to_owned(), vec![1])];
    while let Err(error) = load_family(family, &shapes, 1) {
        let error = error.to_string();
        let missing = error.split_once("tensor ").and_then(|(_, rest)| rest.strip_suffix(" is missing")).unwrap();
        let (name, shape) = missing.split_once(' ').unwrap();
        shapes.push((name.to_owned(), serde_json::from_str(shape).unwrap()));
    }
    shapes.remove(0);
    shapes
}

fn load_family(family: &str, shapes: &[(String, Vec<usize>)], threads: usize) -> Result<Decoder, ModelError> {
    let identity = Identity { name: "tiny".into(), architecture: "Tiny".into(), eos_token_ids: vec![] };
    Decoder::load(spec_of(family), &weights(shapes), identity, DtypeChoice::Auto, threads)
}

fn shapes() -> Vec<(String, Vec<usize>)> {
    shapes_of(FAMILIES[0])
}

/// Weights of `shapes`, a fixed pseudo-random sequence.
pub(super) fn weights(shapes: &[(String, Vec<usize>)]) -> Weights {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    let data: Vec<Vec<u8>> = shapes
        .iter()
        .map(|(_, shape)| (0..shape.iter().product::<usize>()).flat_map(|_| next().to_le_bytes()).collect())
        .collect();
    let views = shapes
        .iter()
        .zip(&data)
        .map(|((name, shape), data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    Weights::from_static("tiny.safetensors", Vec::leak(serialize(views, None).unwrap())).unwrap()
}

fn load(shapes: &[(String, Vec<usize>)], threads: usize) -> Result<Decoder, ModelError> {
    load_family(FAMILIES[0], shapes, threads)
}

fn model(threads: usize) -> Decoder {
    load(&shapes(), threads).unwrap()
}

pub(super) fn text(length: usize, seed: u32) -> Vec<TokenId> {
    (0..length as u32).map(|i| (i * i * 7 + i * seed + seed) % VOCABULARY as u32).collect()
}

/// Nodes and the bits of the logits and the hidden states at all positions.
fn read(model: &mut Decoder, after: Option<CacheNode>, tokens: &[TokenId]) -> (Vec<CacheNode>, Vec<Vec<u32>>) {
    let run = Run { after, tokens, logits: Positions::All };
    let output = model.forward(&[run], &mut unwatched).unwrap().remove(0);
    let bits = bits(&output);
    (output.nodes, bits)
}

/// The logits, then the hidden state, of every position that a run gave.
fn bits(output: &RunOutput) -> Vec<Vec<u32>> {
    assert_eq!(output.logits.len(), output.hidden.len());
    let both = |(logits, hidden): (&std::sync::Arc<[f32]>, &std::sync::Arc<[f32]>)| {
        assert_eq!((logits.len(), hidden.len()), (VOCABULARY, 40));
        assert!(logits.iter().chain(&**hidden).all(|number| number.is_finite()));
        logits.iter().chain(&**hidden).map(|number| number.to_bits()).collect()
    };
    output.logits.iter().zip(&output.hidden).map(both).collect()
}

#[test]
fn every_family_keeps_the_contract() {
    for family in FAMILIES {
        let shapes = shapes_of(family);
        let model = |threads| load_family(family, &shapes, threads).unwrap();
        let (trunk, left, right) = (text(75, 3), text(30, 1), text(20, 2));
        let whole = [&trunk[..], &left].concat();
        let (_, at_once) = read(&mut model(2), None, &whole);
        // A fork of two branches in one batch, after a trunk read with another number of threads.
        let mut forked = model(1);
        let (nodes, first) = read(&mut forked, None, &trunk);
        assert_eq!(first, at_once[..75], "{family}");
        let run = |after, tokens| Run { after, tokens, logits: Positions::All };
        let runs = [run(nodes.last().copied(), &left), run(Some(nodes[39]), &right)];
        let outputs = forked.forward(&runs, &mut unwatched).unwrap();
        assert_eq!(bits(&outputs[0]), at_once[75..], "{family}");
        let (_, other) = read(&mut model(1), None, &[&trunk[..40], &right].concat());
        assert_eq!(bits(&outputs[1]), other[40..], "{family}");
        // Cut back to position 40 and read on, token by token.
        let mut after = Some(nodes[39]);
        for (place, token) in whole.iter().enumerate().skip(40) {
            let (nodes, logits) = read(&mut forked, after, &[*token]);
            assert_eq!(logits[0], at_once[place], "{family}, position {place}");
            after = nodes.last().copied();
        }
        let counted: usize = shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(forked.info().parameters, counted as u64, "{family}");
        for isa in crate::model::kernels::Isa::available() {
            let mut model = model(1);
            model.kernels = Kernels::with_isa(2, isa);
            assert_eq!(read(&mut model, None, &whole).1, at_once, "{family} {}", isa.name());
        }
    }
}

#[test]
fn every_family_is_in_the_table_and_its_matrices_are_counted() {
    for family in crate::model::families::FAMILIES.iter().filter(|family| family.model_type != "gemma3") {
        let row = format!("\"model_type\": \"{}\"", family.model_type);
        assert!(FAMILIES.iter().any(|config| config.starts_with(&row)), "{row}");
    }
    for family in FAMILIES {
        let shape = spec_of(family).shape(0);
        let in_layers = |(name, shape): &&(String, Vec<usize>)| shape.len() == 2 && name.contains(".0.");
        let matrices = shapes_of(family);
        let counted: usize = matrices.iter().filter(in_layers).map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(shape.layer_weights, counted as u64, "{family}");
        assert_eq!((shape.layers, shape.head_weights), (2, 50 * 40), "{family}");
    }
}

#[test]
fn token_by_token_equals_all_at_once() {
    let tokens = text(150, 3);
    let (_, at_once) = read(&mut model(1), None, &tokens);
    let mut model = model(1);
    let mut after = None;
    for (token, expected) in tokens.iter().zip(&at_once) {
        let (nodes, logits) = read(&mut model, after, &[*token]);
        assert_eq!(logits[0], *expected);
        after = nodes.last().copied();
    }
}

#[test]
fn threads_and_instruction_sets_change_nothing() {
    let tokens = text(150, 5);
    let (_, expected) = read(&mut model(1), None, &tokens);
    for threads in [2, 3] {
        assert_eq!(read(&mut model(threads), None, &tokens).1, expected);
    }
    for isa in crate::model::kernels::Isa::available() {
        let mut model = model(1);
        model.kernels = Kernels::with_isa(2, isa);
        assert_eq!(read(&mut model, None, &tokens).1, expected, "{}", isa.name());
    }
}

#[test]
fn a_fork_never_sees_its_sibling() {
    let mut forked = model(1);
    let (trunk, _) = read(&mut forked, None, &text(20, 1));
    let (left, _) = read(&mut forked, Some(trunk[19]), &text(10, 2));
    let (_, right) = read(&mut forked, Some(trunk[19]), &text(10, 3));
    let whole = [text(20, 1), text(10, 3)].concat();
    assert_eq!(right, read(&mut model(1), None, &whole).1[20..]);
    let (_, longer) = read(&mut forked, Some(left[9]), &[7]);
    let whole = [text(20, 1), text(10, 2), vec![7]].concat();
    assert_eq!(longer, read(&mut model(1), None, &whole).1[30..]);
}

#[test]
fn truncating_then_extending_equals_from_scratch() {
    let mut cut = model(1);
    let (nodes, _) = read(&mut cut, None, &text(30, 4));
    let (_, extended) = read(&mut cut, Some(nodes[11]), &text(9, 8));
    let whole = [text(30, 4)[..12].to_vec(), text(9, 8)].concat();
    assert_eq!(extended, read(&mut model(1), None, &whole).1[12..]);
}

#[test]
fn a_batch_gives_what_each_run_gives_alone() {
    let mut together = model(2);
    let (trunk, _) = read(&mut together, None, &text(70, 6));
    let (one, two, three) = (text(50, 1), text(33, 2), text(1, 9));
    let runs = [
        Run { after: Some(trunk[69]), tokens: &one, logits: Positions::All },
        Run { after: Some(trunk[69]), tokens: &two, logits: Positions::Last },
        Run { after: None, tokens: &three, logits: Positions::All },
    ];
    let outputs = together.forward(&runs, &mut unwatched).unwrap();
    let lengths: Vec<(usize, usize)> = outputs.iter().map(|out| (out.nodes.len(), out.logits.len())).collect();
    assert_eq!(lengths, [(50, 50), (33, 1), (1, 1)]);
    for (run, output) in runs.iter().zip(outputs) {
        let before = if run.after.is_some() { text(70, 6) } else { vec![] };
        let (_, alone) = read(&mut model(1), None, &[&before, run.tokens].concat());
        let expected = &alone[alone.len() - output.logits.len()..];
        assert_eq!(bits(&output), expected);
    }
}

#[test]
fn retain_keeps_what_lives_and_its_slots_are_used_again() {
    let mut model = model(1);
    let (trunk, _) = read(&mut model, None, &text(100, 1));
    let (left, _) = read(&mut model, Some(trunk[49]), &text(20, 2));
    let (_, expected) = read(&mut model, Some(left[19]), &[5]);
    model.retain(&[left[19]]);
    assert_eq!(model.cache_use().tokens, 70);
    read(&mut model, None, &text(120, 9));
    assert_eq!(read(&mut model, Some(left[19]), &[5]).1, expected);
    let gone = Run { after: Some(CacheNode(9999)), tokens: &[1], logits: Positions::Last };
    assert!(matches!(model.forward(&[gone], &mut unwatched), Err(ModelError::Request(_))));
    model.retain(&[]);
    assert_eq!(model.cache_use(), CacheUse::default());
}

#[test]
fn cancelling_leaves_the_cache_as_it_was() {
    let mut model = model(1);
    let (trunk, _) = read(&mut model, None, &text(10, 1));
    let (before, (nodes, expected)) = (model.cache_use(), read(&mut model.clone_for_test(), None, &text(10, 1)));
    assert_eq!(nodes, trunk);
    // Before every layer, and after the last one.
    for calls in 0..=model.spec.layers.len() {
        let mut seen = 0;
        let tokens = text(130, 2);
        let run = Run { after: Some(trunk[9]), tokens: &tokens, logits: Positions::All };
        let result = model.forward(&[run], &mut |progress| {
            assert!(progress.done <= progress.total && progress.total == 130);
            seen += 1;
            if seen > calls { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(result, Err(ModelError::Cancelled)));
        assert_eq!(model.cache_use(), before);
    }
    let (_, after) = read(&mut model, Some(trunk[4]), &text(10, 1)[5..]);
    assert_eq!(after, expected[5..]);
}

impl Decoder {
    /// The same model with an empty cache.
    fn clone_for_test(&self) -> Self {
        load(&shapes(), self.kernels.threads()).unwrap()
    }
}

#[test]
fn requests_that_do_not_fit_are_refused() {
    let mut model = model(1);
    let (trunk, _) = read(&mut model, None, &text(100, 1));
    let before = model.cache_use();
    let mut refused = |after, tokens: &[TokenId]| {
        let run = Run { after, tokens, logits: Positions::Last };
        let error = model.forward(&[run], &mut unwatched).unwrap_err().to_string();
        assert_eq!(model.cache_use(), before);
        error
    };
    assert!(refused(None, &[]).contains("without tokens"));
    assert!(refused(None, &[50]).contains("token id 50"));
    let error = refused(None, &text(CONTEXT + 1, 1));
    assert_eq!(error, "the prompt has 161 tokens; the model's context holds 160: shorten it");
    assert!(refused(Some(trunk[99]), &text(61, 1)).contains("holds 160"));
    assert!(refused(Some(CacheNode(4000)), &[1]).contains("4000"));
    let whole = Run { after: Some(trunk[99]), tokens: &text(60, 1), logits: Positions::Last };
    assert!(model.forward(&[whole], &mut unwatched).is_ok());
    assert!(model.forward(&[], &mut unwatched).unwrap().is_empty());
}

#[test]
fn every_missing_or_misshapen_tensor_is_named() {
    let all = shapes();
    for index in 0..all.len() {
        let mut missing = all.clone();
        let (name, shape) = missing.remove(index);
        let error = load(&missing, 1).unwrap_err().to_string();
        assert!(error.contains(&format!("tensor {name} {shape:?} is missing")), "{error}");
        let mut misshapen = all.clone();
        misshapen[index].1[0] += 1;
        let found = misshapen[index].1.clone();
        let error = load(&misshapen, 1).unwrap_err().to_string();
        assert!(
            error.contains(&format!("tensor {name} has shape {found:?}, but the configuration makes it {shape:?}")),
            "{error}"
        );
    }
}

#[test]
fn the_model_counts_its_weights() {
    let expected: usize = shapes().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    assert_eq!(model(1).info().parameters, expected as u64);
}

/// A step of somebody who walks about in the tree.
#[derive(Clone, Debug)]
enum Step {
    /// Extends a sequence that exists, cut to a part of its length, by so many tokens.
    Extend { sequence: usize, cut: usize, tokens: Vec<TokenId> },
    /// Begins the same and breaks off.
    Cancel { sequence: usize, tokens: Vec<TokenId> },
    /// Keeps one sequence in two.
    Forget,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tokens = || prop::collection::vec(0..VOCABULARY as TokenId, 1..12);
    let extend = (any::<usize>(), any::<usize>(), tokens()).prop_map(|(sequence, cut, tokens)| Step::Extend {
        sequence,
        cut,
        tokens,
    });
    let cancel = (any::<usize>(), tokens()).prop_map(|(sequence, tokens)| Step::Cancel { sequence, tokens });
    prop::collection::vec(prop_oneof![4 => extend, 1 => cancel, 1 => Just(Step::Forget)], 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_walk_in_the_tree_gives_what_reading_from_scratch_gives(steps in steps()) {
        let mut walker = model(1);
        let mut sequences: Vec<(Vec<CacheNode>, Vec<TokenId>)> = vec![(vec![], vec![])];
        for step in steps {
            match step {
                Step::Extend { sequence, cut, tokens } => {
                    let (mut nodes, mut text) = sequences[sequence % sequences.len()].clone();
                    let length = cut % (nodes.len() + 1);
                    nodes.truncate(length);
                    text.truncate(length);
                    let (new, logits) = read(&mut walker, nodes.last().copied(), &tokens);
                    nodes.extend(new);
                    text.extend(tokens);
                    prop_assert_eq!(&logits[..], &read(&mut model(1), None, &text).1[length..]);
                    sequences.push((nodes, text));
                }
                Step::Cancel { sequence, tokens } => {
                    let after = sequences[sequence % sequences.len()].0.last().copied();
                    let before = walker.cache_use();
                    let run = Run { after, tokens: &tokens, logits: Positions::All };
                    prop_assert!(walker.forward(&[run], &mut |_| ControlFlow::Break(())).is_err());
                    prop_assert_eq!(walker.cache_use(), before);
                }
                Step::Forget => {
                    let mut keep = [true, false].into_iter().cycle();
                    sequences.retain(|_| keep.next() == Some(true));
                    let live: Vec<CacheNode> = sequences.iter().filter_map(|(nodes, _)| nodes.last().copied()).collect();
                    walker.retain(&live);
                }
            }
        }
    }
}
