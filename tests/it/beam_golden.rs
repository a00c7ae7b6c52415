//! Beam search against transformers'. `tests/golden/make_beam_goldens.py` makes the file.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use logitscope::decode::beam::BeamSettings;
use logitscope::decode::{Chain, TokenId};
use logitscope::engine::{BeamRequest, DroppedBeams, Generated, generate_beams, read_prompt};
use logitscope::model::{LoadedModel, ModelSource, OpenOptions, open, unwatched};

/// Sequences whose scores differ by less may change places.
const TIE: f64 = 1e-4;
/// The most that a score may differ,
const TOLERANCE: f64 = 1e-3;
/// or, relative to it: transformers' scores are single precision, and with α = −2 they are in the tens of thousands.
const ROUNDING: f64 = 5e-7;

#[derive(serde::Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    model: String,
    prompt: Vec<TokenId>,
    max_new_tokens: usize,
    min_new_tokens: usize,
    num_beams: usize,
    length_penalty: f64,
    early_stopping: String,
    eos_token_ids: Vec<TokenId>,
    num_return_sequences: usize,
    chain: String,
    #[serde(default = "one_group")]
    num_beam_groups: usize,
    #[serde(default)]
    diversity_penalty: f64,
    sequences: Vec<Vec<TokenId>>,
    scores: Vec<f64>,
}

fn one_group() -> usize {
    1
}

fn load(name: &str) -> LoadedModel {
    let source = match name {
        "builtin" => ModelSource::Builtin,
        name => ModelSource::Directory(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)),
    };
    open(&source, &OpenOptions { threads: 2, ..OpenOptions::default() }).unwrap()
}

fn search(loaded: &mut LoadedModel, case: &Case) -> Vec<Generated> {
    let model = loaded.model.as_mut();
    let read = read_prompt(model, &case.prompt, &mut unwatched).unwrap();
    let settings = BeamSettings {
        beams: case.num_beams,
        groups: case.num_beam_groups,
        diversity_penalty: case.diversity_penalty,
        length_penalty: case.length_penalty,
        early_stopping: case.early_stopping.parse().unwrap(),
        returned: case.num_return_sequences,
        ..BeamSettings::default()
    };
    let request = BeamRequest {
        prompt: &case.prompt,
        settings,
        chain: &Chain::parse(&case.chain).unwrap(),
        max_new_tokens: case.max_new_tokens,
        min_new_tokens: case.min_new_tokens,
        eos_token_ids: &case.eos_token_ids,
        stop: &[],
        dropped: DroppedBeams::Freed,
    };
    let tokenizer = loaded.tokenizer.as_ref();
    generate_beams(model, tokenizer, &read, &request, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// What differs from transformers, where anything does.
fn difference(found: &[Generated], case: &Case) -> Option<String> {
    if found.len() != case.sequences.len() {
        return Some(format!("{} sequences, not {}", found.len(), case.sequences.len()));
    }
    for (place, (one, score)) in found.iter().zip(&case.scores).enumerate() {
        if (one.score - score).abs() > TOLERANCE.max(ROUNDING * score.abs()) {
            return Some(format!("sequence {place} scores {}, not {score}", one.score));
        }
        let ids: Vec<TokenId> = one.tokens.iter().map(|token| token.id).collect();
        let same = |other: usize| case.sequences[other] == ids && (case.scores[other] - score).abs() < TIE;
        if !(0..found.len()).any(same) {
            return Some(format!("sequence {place} is {ids:?}, not {:?}", case.sequences[place]));
        }
    }
    None
}

#[test]
fn beam_search_agrees_with_transformers() {
    compare(include_str!("../golden/beam.json"), 60);
}

#[test]
fn beam_search_of_every_family_agrees_with_transformers() {
    compare(include_str!("../golden/beam_families.json"), 40);
}

#[test]
fn diverse_beam_search_agrees_with_transformers() {
    compare(include_str!("../golden/beam_groups.json"), 20);
}

fn compare(golden: &str, at_least: usize) {
    let golden: Golden = serde_json::from_str(golden).unwrap();
    assert!(golden.cases.len() >= at_least);
    let mut models = HashMap::new();
    let (mut wrong, mut largest) = (Vec::new(), 0.0f64);
    for (index, case) in golden.cases.iter().enumerate() {
        let loaded = models.entry(&case.model).or_insert_with(|| load(&case.model));
        let found = search(loaded, case);
        loaded.model.retain(&[]);
        if let Some(difference) = difference(&found, case) {
            let options = (case.num_beams, case.length_penalty, &case.early_stopping, &case.chain);
            wrong.push(format!("case {index} on {} {options:?}: {difference}", case.model));
        }
        let apart = found.iter().zip(&case.scores).map(|(one, score)| (one.score - score).abs());
        largest = largest.max(apart.fold(0.0, f64::max));
    }
    println!("{} settings, largest difference of a score {largest:.1e}", golden.cases.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), golden.cases.len(), wrong.join("\n"));
}
