//! Contrastive search: what is read, what is kept, and that it is what the formula says.

use super::*;
use crate::decode::contrastive::{ContrastiveSettings, ContrastiveStep};
use crate::decode::strategy::Greedy;

/// The hidden state of a token is the logits after it.
struct Stateful(Counting);

impl LanguageModel for Stateful {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn forward(
        &mut self,
        runs: &[Run<'_>],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<RunOutput>, ModelError> {
        let mut outputs = self.0.forward(runs, watch)?;
        for output in &mut outputs {
            output.hidden.clone_from(&output.logits);
        }
        Ok(outputs)
    }

    fn retain(&mut self, _: &[CacheNode]) {}

    fn cache_use(&self) -> CacheUse {
        CacheUse::default()
    }
}

fn request<'a>(prompt: &'a [TokenId], chain: &'a Chain) -> Request<'a> {
    Request {
        prompt,
        strategy: &Greedy,
        chain,
        max_new_tokens: 6,
        min_new_tokens: 0,
        eos_token_ids: &[],
        stop: &[],
        sequence: 0,
        negative: None,
    }
}

/// Generates, and gives the sequence with its steps.
fn search(
    model: &mut dyn LanguageModel,
    prompt: &[TokenId],
    chain: &str,
    options: (f64, usize),
) -> Result<(Generated, Vec<ContrastiveStep>), EngineError> {
    let read = read_prompt(model, prompt, &mut unwatched)?;
    search_after(model, (prompt, &read), chain, options)
}

fn search_after(
    model: &mut dyn LanguageModel,
    (prompt, read): (&[TokenId], &PromptRead),
    chain: &str,
    (penalty_alpha, top_k): (f64, usize),
) -> Result<(Generated, Vec<ContrastiveStep>), EngineError> {
    let (chain, mut steps) = (Chain::parse(chain).unwrap(), Vec::new());
    let settings = ContrastiveSettings { penalty_alpha, top_k };
    let request = request(prompt, &chain);
    let found = generate_contrastive(model, &Digits::new(), read, &request, settings, &mut |step| {
        let StepDetail::Contrastive(compared) = step.detail else { panic!("not a contrastive step") };
        assert_eq!(compared.choice().unwrap().id, step.token.id);
        steps.push(compared.clone());
        ControlFlow::Continue(())
    });
    Ok((found?, steps))
}

/// The hidden states of all tokens of a text, read from its beginning.
fn states(text: &[TokenId]) -> Vec<Arc<[f32]>> {
    let run = Run { after: None, tokens: text, logits: Positions::All };
    Stateful(Counting::new().0).forward(&[run], &mut unwatched).unwrap().remove(0).hidden
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn every_step_is_what_the_formula_says_of_the_whole_text() {
    let (found, steps) = search(&mut Stateful(Counting::new().0), &[1, 2], "", (0.8, 3)).unwrap();
    assert!(steps.iter().any(|step| step.passed_over().is_some()), "nothing was passed over: the test shows nothing");
    let mut text = vec![1, 2];
    for (token, step) in found.tokens.iter().zip(&steps) {
        assert_eq!(step.candidates.len(), 3);
        let mut best = (f64::NEG_INFINITY, 0);
        for candidate in &step.candidates {
            let read = states(&[&text[..], &[candidate.id]].concat());
            let (own, before) = read.split_last().unwrap();
            let penalty = before.iter().map(|state| cosine(own, state)).fold(-1.0, f64::max);
            assert!((candidate.max_similarity - penalty).abs() < 1e-5);
            assert!((candidate.score - (0.2 * candidate.prob - 0.8 * penalty)).abs() < 1e-5);
            best = if candidate.score > best.0 { (candidate.score, candidate.id) } else { best };
        }
        assert_eq!(token.id, best.1);
        text.push(token.id);
    }
}

#[test]
fn each_candidate_is_read_once_and_the_chosen_one_not_again() {
    let (model, read) = Counting::new();
    search(&mut Stateful(model), &[1, 2, 3], "", (0.6, 4)).unwrap();
    assert_eq!(*read.lock().unwrap(), 3 + 6 * 4);
}

#[test]
fn without_a_penalty_or_a_choice_it_is_greedy() {
    let (greedy, _) = run(&[1, 2], "greedy", "repetition_penalty=1.5", |_| {});
    for settings in [(0.0, 4), (0.9, 1)] {
        let (found, _) = search(&mut Stateful(Counting::new().0), &[1, 2], "repetition_penalty=1.5", settings).unwrap();
        assert_eq!(found, greedy, "{settings:?}");
    }
}

#[test]
fn what_others_have_read_costs_nothing_and_changes_nothing() {
    let (alone, steps) = search(&mut Stateful(Counting::new().0), &[4, 2], "", (0.7, 3)).unwrap();
    let (model, count) = Counting::new();
    let mut model = Stateful(model);
    let read = read_prompt(&mut model, &[4, 2], &mut unwatched).unwrap();
    let mut memo = Memo::new(&mut model);
    search_after(&mut memo, (&[4, 2], &read), "", (0.7, 2)).unwrap();
    assert_eq!(search_after(&mut memo, (&[4, 2], &read), "", (0.7, 3)).unwrap(), (alone.clone(), steps.clone()));
    let before = *count.lock().unwrap();
    assert_eq!(search_after(&mut memo, (&[4, 2], &read), "", (0.7, 3)).unwrap(), (alone, steps));
    assert_eq!(*count.lock().unwrap(), before);
}

#[test]
fn a_model_without_hidden_states_is_refused() {
    let error = search(&mut Counting::new().0, &[1], "", (0.6, 4)).unwrap_err().to_string();
    assert_eq!(
        error,
        "contrastive search compares hidden states, and counting has none: use a model with weights, or another strategy"
    );
}
