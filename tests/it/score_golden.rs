//! Scores of given texts against transformers; `tests/golden/README.md` says how the goldens are made.

use std::path::{Path, PathBuf};

use logitscope::decode::TokenId;
use logitscope::decode::scoring::Totals;
use logitscope::engine::score_text;
use logitscope::model::{ModelSource, OpenOptions, open, unwatched};
use serde::Deserialize;

/// The most that a log-probability may differ, in nats.
const TOLERANCE: f64 = 1e-3;
/// The most that a perplexity may differ, as a part of it.
const PERPLEXITY_TOLERANCE: f64 = 1e-3;

#[derive(Deserialize)]
struct Golden {
    whole: Vec<Case>,
    strided: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    model: String,
    ids: Vec<TokenId>,
    stride: Option<usize>,
    logprobs: Vec<Option<f64>>,
    perplexity: f64,
}

fn golden_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn check(case: &Case) {
    let source = match case.model.as_str() {
        "builtin" => ModelSource::Builtin,
        name => ModelSource::Directory(golden_path(name)),
    };
    let mut loaded = open(&source, &OpenOptions { threads: 2, ..OpenOptions::default() }).unwrap();
    let figures = score_text(loaded.model.as_mut(), &case.ids, case.stride, &mut unwatched).unwrap();
    let ours: Vec<Option<f64>> = figures.iter().map(|token| token.map(|token| token.logprob)).collect();
    let mut largest: f64 = 0.0;
    for (place, (ours, theirs)) in ours.iter().zip(&case.logprobs).enumerate() {
        assert_eq!(ours.is_some(), theirs.is_some(), "token {place}");
        largest = largest.max(ours.zip(*theirs).map_or(0.0, |(ours, theirs)| (ours - theirs).abs()));
    }
    let perplexity = Totals::of(ours.into_iter().flatten().map(|logprob| (logprob, 1))).perplexity();
    let part = (perplexity / case.perplexity - 1.0).abs();
    println!("{} stride {:?}: {largest:.1e} nats, perplexity by {part:.1e}", case.model, case.stride);
    assert!(largest < TOLERANCE && part < PERPLEXITY_TOLERANCE);
}

#[test]
fn texts_score_as_in_transformers() {
    let golden: Golden = serde_json::from_slice(&std::fs::read(golden_path("score.json")).unwrap()).unwrap();
    assert!(golden.whole.iter().all(|case| case.ids.len() == 90));
    golden.whole.iter().for_each(check);
}

#[test]
fn windows_score_as_in_the_documentation_of_transformers() {
    let golden: Golden = serde_json::from_slice(&std::fs::read(golden_path("score.json")).unwrap()).unwrap();
    golden.strided.iter().for_each(check);
}
