//! The chain against transformers' own logits processors. `tests/golden/make_processor_goldens.py` makes the file.

use std::sync::Arc;

use logitscope::decode::{Analysis, Chain, Context, Distribution, TokenId};

#[derive(serde::Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    logits: Vec<Option<f64>>,
    chain: String,
    history: Vec<TokenId>,
    probs: Vec<f64>,
}

#[test]
fn chains_agree_with_transformers() {
    let golden: Golden = serde_json::from_str(include_str!("../golden/processors.json")).unwrap();
    assert!(golden.cases.len() >= 300);
    let mut wrong = Vec::new();
    for (index, case) in golden.cases.iter().enumerate() {
        let logits: Vec<f64> = case.logits.iter().map(|z| z.unwrap_or(f64::NEG_INFINITY)).collect();
        let model = Arc::new(Distribution::from_logits(&logits).unwrap());
        let chain = Chain::parse(&case.chain).unwrap();
        let context = Context { history: &case.history, prompt_length: case.history.len(), ..Context::default() };
        let analysis = Analysis::new(model, &chain, context).unwrap();
        for (id, want) in case.probs.iter().enumerate() {
            let got = analysis.sampling_prob(id as TokenId);
            if (got - want).abs() > 1e-6 {
                wrong.push(format!("case {index} {}: token {id} has {got}, transformers {want}", case.chain));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
