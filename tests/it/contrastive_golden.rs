//! Contrastive search against transformers'. `tests/golden/make_contrastive_goldens.py` makes the file.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use logitscope::decode::contrastive::{ContrastiveSettings, ContrastiveStep};
use logitscope::decode::strategy::Greedy;
use logitscope::decode::{Chain, TokenId};
use logitscope::engine::{Request, StepDetail, generate_contrastive, read_prompt};
use logitscope::model::{LoadedModel, ModelSource, OpenOptions, open, unwatched};

/// The most that a probability, a similarity or a score may differ: transformers computes in single precision.
const TOLERANCE: f64 = 1e-5;

#[derive(serde::Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    model: String,
    prompt: Vec<TokenId>,
    max_new_tokens: usize,
    top_k: usize,
    penalty_alpha: f64,
    eos_token_ids: Vec<TokenId>,
    chain: String,
    tokens: Vec<TokenId>,
    /// The place of every choice among the candidates; nothing where α is 0, which is greedy search to transformers.
    places: Vec<usize>,
    /// Probability, similarity and score of every choice.
    figures: Vec<[f64; 3]>,
}

fn search(loaded: &mut LoadedModel, case: &Case) -> (Vec<TokenId>, Vec<ContrastiveStep>) {
    let model = loaded.model.as_mut();
    let read = read_prompt(model, &case.prompt, &mut unwatched).unwrap();
    let request = Request {
        prompt: &case.prompt,
        strategy: &Greedy,
        chain: &Chain::parse(&case.chain).unwrap(),
        max_new_tokens: case.max_new_tokens,
        min_new_tokens: 0,
        eos_token_ids: &case.eos_token_ids,
        stop: &[],
        sequence: 0,
        negative: None,
    };
    let settings = ContrastiveSettings { penalty_alpha: case.penalty_alpha, top_k: case.top_k };
    let (tokenizer, mut steps) = (loaded.tokenizer.as_ref(), Vec::new());
    let found = generate_contrastive(model, tokenizer, &read, &request, settings, &mut |step| {
        if let StepDetail::Contrastive(compared) = step.detail {
            steps.push(compared.clone());
        }
        ControlFlow::Continue(())
    });
    (found.unwrap().tokens.iter().map(|token| token.id).collect(), steps)
}

#[test]
fn contrastive_search_agrees_with_transformers() {
    let golden: Golden = serde_json::from_str(include_str!("../golden/contrastive.json")).unwrap();
    assert!(golden.cases.len() >= 40);
    let (mut models, mut largest, mut passed) = (HashMap::new(), 0.0f64, 0);
    for (index, case) in golden.cases.iter().enumerate() {
        let open_it = || {
            let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(&case.model);
            open(&ModelSource::Directory(place), &OpenOptions { threads: 2, ..OpenOptions::default() }).unwrap()
        };
        let loaded = models.entry(&case.model).or_insert_with(open_it);
        let (tokens, steps) = search(loaded, case);
        loaded.model.retain(&[]);
        let options = (&case.model, case.top_k, case.penalty_alpha, &case.chain);
        assert_eq!(tokens, case.tokens, "case {index}, {options:?}");
        for (step, (place, figures)) in steps.iter().zip(case.places.iter().zip(&case.figures)) {
            let choice = step.choice().unwrap();
            assert_eq!((step.chosen, step.candidates.len()), (*place, case.top_k), "case {index}, {options:?}");
            let ours = [choice.prob, choice.max_similarity, choice.score];
            largest = ours.iter().zip(figures).map(|(ours, theirs)| (ours - theirs).abs()).fold(largest, f64::max);
            passed += usize::from(step.passed_over().is_some());
        }
    }
    println!("{} settings, {passed} tokens passed over, largest difference {largest:.1e}", golden.cases.len());
    assert!(largest < TOLERANCE && passed > 100, "{largest:.1e}, {passed}");
}
