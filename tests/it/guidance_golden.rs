//! Classifier-free guidance against transformers'. `tests/golden/make_guidance_goldens.py` makes the file.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use logitscope::decode::strategy::strategy;
use logitscope::decode::{Chain, TokenId};
use logitscope::engine::{Request, generate, read_prompt};
use logitscope::model::{LoadedModel, ModelSource, OpenOptions, open, unwatched};

/// The most that a log-probability after the chain may differ, in nats.
const TOLERANCE: f64 = 1e-3;

#[derive(serde::Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    model: String,
    prompt: Vec<TokenId>,
    negative: Option<Vec<TokenId>>,
    max_new_tokens: usize,
    chain: String,
    eos_token_ids: Vec<TokenId>,
    tokens: Vec<TokenId>,
    /// Of each step some ids with their log-probabilities.
    steps: Vec<Vec<(TokenId, f64)>>,
}

fn load(name: &str) -> LoadedModel {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    open(&ModelSource::Directory(directory), &OpenOptions { threads: 2, ..OpenOptions::default() }).unwrap()
}

/// The tokens, and the largest difference of a log-probability.
fn run(loaded: &mut LoadedModel, case: &Case) -> (Vec<TokenId>, f64) {
    let model = loaded.model.as_mut();
    let last = &case.prompt[case.prompt.len() - 1..];
    let negative = read_prompt(model, case.negative.as_deref().unwrap_or(last), &mut unwatched).unwrap();
    let read = read_prompt(model, &case.prompt, &mut unwatched).unwrap();
    let greedy = strategy("greedy").unwrap().single(0).unwrap();
    let request = Request {
        prompt: &case.prompt,
        strategy: greedy.as_ref(),
        chain: &Chain::parse(&case.chain).unwrap(),
        max_new_tokens: case.max_new_tokens,
        min_new_tokens: 0,
        eos_token_ids: &case.eos_token_ids,
        stop: &[],
        sequence: 0,
        negative: Some(&negative),
    };
    let mut largest = 0.0f64;
    let generated = generate(model, loaded.tokenizer.as_ref(), &read, &request, &mut |step| {
        for (id, logprob) in &case.steps[step.step] {
            largest = largest.max((step.analysis.sampling_logprob(*id) - logprob).abs());
        }
        ControlFlow::Continue(())
    });
    (generated.unwrap().tokens.iter().map(|token| token.id).collect(), largest)
}

#[test]
fn guidance_agrees_with_transformers() {
    let golden: Golden = serde_json::from_str(include_str!("../golden/guidance.json")).unwrap();
    assert!(golden.cases.len() >= 40);
    let mut models = HashMap::new();
    let mut largest = 0.0f64;
    for (index, case) in golden.cases.iter().enumerate() {
        let loaded = models.entry(&case.model).or_insert_with(|| load(&case.model));
        let (tokens, apart) = run(loaded, case);
        loaded.model.retain(&[]);
        assert_eq!(tokens, case.tokens, "case {index} on {}: {}", case.model, case.chain);
        assert!(apart < TOLERANCE, "case {index} on {}: {} is {apart} apart", case.model, case.chain);
        largest = largest.max(apart);
    }
    println!("{} runs, largest difference of a log-probability {largest:.1e}", golden.cases.len());
}
