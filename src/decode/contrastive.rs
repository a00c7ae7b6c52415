//! Contrastive search: of the k most probable tokens, the one that says something new.
//!
//! A candidate v after the tokens x₁ … xₙ scores
//!
//! ```text
//! (1 − α) · p(v | x₁ … xₙ)  −  α · max over j of cos(h(v), h(xⱼ))
//! ```
//!
//! where h is the model's final hidden state of a token in its context. The second term is the degeneration penalty: text that
//! repeats itself repeats its hidden states.
//!
//! Source: Su et al. 2022, arXiv:2202.06417, equation 5, as transformers had it until 4.49
//! (`GenerationMixin._contrastive_search`): the probabilities are those after the penalties, not normalized again among the k,
//! and the hidden states of the whole prompt count.

use std::sync::Arc;

use super::{Analysis, Chain, DecodeError, TokenId, Value};

/// The most candidates: each is read by the model at every step.
const MOST_CANDIDATES: usize = 256;
/// Partial sums of a product, in an order that is always the same.
const LANES: usize = 16;

/// The options of contrastive search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContrastiveSettings {
    /// α, from 0, which is greedy search, to 1, which looks at the penalty alone.
    pub penalty_alpha: f64,
    /// k: 1, which is greedy search, to 256.
    pub top_k: usize,
}

impl Default for ContrastiveSettings {
    /// Those of transformers' documentation.
    fn default() -> Self {
        Self { penalty_alpha: 0.6, top_k: 4 }
    }
}

impl ContrastiveSettings {
    /// The settings that a penalty and a chain mean: k is that of the chain's strictest `top_k`.
    ///
    /// # Errors
    /// A penalty or a number of candidates that is out of range.
    pub fn new(penalty_alpha: Option<f64>, chain: &Chain) -> Result<Self, DecodeError> {
        let defaults = Self::default();
        let stages = chain.stages().iter().filter(|stage| stage.row().name == "top_k");
        let counts = stages.filter_map(|stage| match stage.value() {
            Value::Count(count) => Some(*count),
            _ => None,
        });
        let settings = Self {
            penalty_alpha: penalty_alpha.unwrap_or(defaults.penalty_alpha),
            top_k: counts.min().unwrap_or(defaults.top_k),
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), DecodeError> {
        let bad =
            |name: &str, value: String, wrong: String| Err(DecodeError::BadValue { name: name.into(), value, wrong });
        if !(0.0..=1.0).contains(&self.penalty_alpha) {
            let wrong = "out of range: it must be from 0 to 1".into();
            return bad("penalty_alpha", self.penalty_alpha.to_string(), wrong);
        }
        if !(1..=MOST_CANDIDATES).contains(&self.top_k) {
            let wrong = format!("out of range: contrastive search reads 1 to {MOST_CANDIDATES} candidates a step");
            return bad("top_k", self.top_k.to_string(), wrong);
        }
        Ok(())
    }
}

/// The hidden states of all tokens so far.
#[derive(Clone, Debug, Default)]
pub struct SeenStates {
    /// Each with its Euclidean length.
    states: Vec<(Arc<[f32]>, f64)>,
}

impl SeenStates {
    /// Adds the state of the next token. Shape: `[hidden_size]`, the same for all.
    pub fn push(&mut self, state: Arc<[f32]>) {
        let length = dot(&state, &state).sqrt();
        self.states.push((state, length));
    }

    /// The degeneration penalty: the highest cosine between a state and any that was seen, from −1 to 1. That with a state of
    /// nothing but zeros counts as 0, and so does that with none at all.
    #[must_use]
    pub fn max_similarity(&self, state: &[f32]) -> f64 {
        let length = dot(state, state).sqrt();
        let cosine = |(seen, seen_length): &(Arc<[f32]>, f64)| {
            let lengths = length * seen_length;
            if lengths.is_normal() { (dot(state, seen) / lengths).clamp(-1.0, 1.0) } else { 0.0 }
        };
        self.states.iter().map(cosine).reduce(f64::max).unwrap_or(0.0)
    }
}

/// One of the k tokens of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContrastiveCandidate {
    /// The token.
    pub id: TokenId,
    /// p after the chain.
    pub prob: f64,
    /// The degeneration penalty, from −1 to 1.
    pub max_similarity: f64,
    /// (1 − α) · p − α · penalty.
    pub score: f64,
}

/// What contrastive search decided at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct ContrastiveStep {
    /// α.
    pub penalty_alpha: f64,
    /// The most probable first, of equal ones the lower id.
    pub candidates: Vec<ContrastiveCandidate>,
    /// The place of the chosen one among them.
    pub chosen: usize,
}

/// The k most probable tokens that the chain left, the most probable first; fewer where fewer are possible at all. Of tokens
/// that share the k-th place those with the lower ids.
#[must_use]
pub fn candidates(analysis: &Analysis, k: usize) -> &[TokenId] {
    let best = analysis.best(k);
    &best[..best.partition_point(|&id| analysis.score(id) > f64::NEG_INFINITY)]
}

impl ContrastiveStep {
    /// Scores candidates, given as token id, probability and hidden state, in the order of [`candidates`]. The highest score
    /// wins, among equals the more probable token. `None` where there is no candidate.
    #[must_use]
    pub fn decide(penalty_alpha: f64, seen: &SeenStates, candidates: &[(TokenId, f64, &[f32])]) -> Option<Self> {
        let candidate = |&(id, prob, state): &(TokenId, f64, &[f32])| {
            let max_similarity = seen.max_similarity(state);
            let score = (1.0 - penalty_alpha) * prob - penalty_alpha * max_similarity;
            ContrastiveCandidate { id, prob, max_similarity, score }
        };
        let candidates: Vec<ContrastiveCandidate> = candidates.iter().map(candidate).collect();
        // Of equal ones `max_by` takes the last.
        let best = candidates.iter().enumerate().rev().max_by(|(_, a), (_, b)| a.score.total_cmp(&b.score));
        let chosen = best?.0;
        Some(Self { penalty_alpha, candidates, chosen })
    }

    /// The chosen candidate.
    #[must_use]
    pub fn choice(&self) -> Option<&ContrastiveCandidate> {
        self.candidates.get(self.chosen)
    }

    /// The most probable candidate, where another one was chosen.
    #[must_use]
    pub fn passed_over(&self) -> Option<&ContrastiveCandidate> {
        self.candidates.first().filter(|_| self.chosen > 0)
    }
}

/// Σ aᵢ bᵢ in f64, as sixteen partial sums.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0; LANES];
    let mut add = |a: &[f32], b: &[f32]| {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f64::from(*a) * f64::from(*b);
        }
    };
    let ((a, last_a), (b, last_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    a.iter().zip(b).for_each(|(a, b)| add(a, b));
    add(last_a, last_b);
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Context, Distribution};

    fn seen(states: &[impl AsRef<[f32]>]) -> SeenStates {
        let mut seen = SeenStates::default();
        for state in states {
            seen.push(Arc::from(state.as_ref()));
        }
        seen
    }

    fn analysis(probs: &[f32], chain: &str) -> Analysis {
        let logits: Vec<f32> = probs.iter().map(|p| p.ln()).collect();
        let model = Arc::new(Distribution::from_logits(&logits).unwrap());
        Analysis::new(model, &Chain::parse(chain).unwrap(), Context::default()).unwrap()
    }

    #[test]
    fn the_penalty_is_the_highest_cosine() {
        let text = seen(&[[1.0, 0.0], [0.0, -2.0], [3.0, 4.0]]);
        // cos with (1, 0) is 0.8, with (0, −2) −0.6, with (3, 4) (2.4 + 2.4) / 5 = 0.96.
        assert!((text.max_similarity(&[0.8, 0.6]) - 0.96).abs() < 1e-7);
        assert_eq!(text.max_similarity(&[7.0, 0.0]), 1.0);
        assert!((text.max_similarity(&[-1.0, 0.0]) - 0.0).abs() < 1e-12);
        assert_eq!(text.max_similarity(&[0.0, 0.0]), 0.0);
        assert_eq!(SeenStates::default().max_similarity(&[1.0, 2.0]), 0.0);
        let opposite = seen(&[[-1.0, 0.0]]);
        assert_eq!(opposite.max_similarity(&[2.0, 0.0]), -1.0, "below 0 where nothing is alike");
    }

    #[test]
    fn a_new_direction_beats_a_more_probable_token() {
        let seen = seen(&[[1.0, 0.0]]);
        let candidates: [(TokenId, f64, &[f32]); 3] =
            [(7, 0.5, &[1.0, 0.0]), (3, 0.3, &[3.0, 4.0]), (9, 0.1, &[0.0, 1.0])];
        let step = ContrastiveStep::decide(0.5, &seen, &candidates).unwrap();
        let figures: Vec<(f64, f64)> = step.candidates.iter().map(|one| (one.max_similarity, one.score)).collect();
        // 0.25 − 0.5, 0.15 − 0.3 and 0.05 − 0.
        for ((similarity, score), expected) in figures.iter().zip([(1.0, -0.25), (0.6, -0.15), (0.0, 0.05)]) {
            assert!((similarity - expected.0).abs() < 1e-12 && (score - expected.1).abs() < 1e-12, "{figures:?}");
        }
        assert_eq!((step.choice().unwrap().id, step.passed_over().unwrap().id), (9, 7));
        let greedy = ContrastiveStep::decide(0.0, &seen, &candidates).unwrap();
        assert_eq!((greedy.choice().unwrap().id, greedy.passed_over()), (7, None));
        assert!(ContrastiveStep::decide(0.5, &seen, &[]).is_none());
    }

    #[test]
    fn of_equal_scores_the_more_probable_token_wins() {
        let seen = seen(&[[1.0, 0.0]]);
        // The penalty alone, the same for both.
        let step = ContrastiveStep::decide(1.0, &seen, &[(4, 0.6, &[2.0, 0.0]), (1, 0.2, &[1.0, 0.0])]).unwrap();
        assert_eq!(step.choice().unwrap().id, 4);
    }

    #[test]
    fn the_candidates_are_exactly_k_and_possible() {
        let tied = analysis(&[0.1, 0.3, 0.3, 0.3], "");
        assert_eq!(candidates(&tied, 2), [1, 2], "of equal ones the lower ids");
        assert_eq!(candidates(&tied, 9), [1, 2, 3, 0]);
        assert_eq!(candidates(&analysis(&[0.5, 0.0, 0.5], ""), 3), [0, 2], "p = 0 is no candidate");
        assert_eq!(candidates(&analysis(&[0.5, 0.2, 0.3], "suppress_tokens=0"), 2), [2, 1]);
        let many = analysis(&[0.01; 100], "");
        assert_eq!(candidates(&many, 80).len(), 80);
    }

    #[test]
    fn settings_come_from_the_chain_and_name_what_is_wrong() {
        let settings = |alpha, chain: &str| ContrastiveSettings::new(alpha, &Chain::parse(chain).unwrap());
        assert_eq!(settings(None, "").unwrap(), ContrastiveSettings { penalty_alpha: 0.6, top_k: 4 });
        assert_eq!(
            settings(Some(0.0), "top_k=9,top_k=7").unwrap(),
            ContrastiveSettings { penalty_alpha: 0.0, top_k: 7 }
        );
        let message = |alpha, chain: &str| settings(Some(alpha), chain).unwrap_err().to_string();
        assert_eq!(message(1.5, ""), "penalty_alpha: `1.5` is out of range: it must be from 0 to 1");
        assert!(message(f64::NAN, "").starts_with("penalty_alpha: `NaN`"));
        let range = "is out of range: contrastive search reads 1 to 256 candidates a step";
        assert_eq!(message(0.5, "top_k=0"), format!("top_k: `0` {range}"));
        assert_eq!(message(0.5, "top_k=257"), format!("top_k: `257` {range}"));
    }

    /// A state that points somewhere.
    fn state() -> impl Strategy<Value = Vec<f32>> {
        let numbers = prop::collection::vec(-3.0f32..3.0, 37);
        numbers.prop_filter("no direction", |state| state.iter().any(|x| x.abs() > 0.1))
    }

    proptest! {
        #[test]
        fn similarity_knows_no_length_and_alpha_0_is_greedy(
            context in prop::collection::vec(state(), 1..6),
            state in state(),
            scale in 0.01f32..100.0,
        ) {
            let seen = seen(&context);
            let similarity = seen.max_similarity(&state);
            let naive = |other: &Vec<f32>| {
                let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
                dot(&state, other) / (dot(&state, &state) * dot(other, other)).sqrt()
            };
            let expected = context.iter().map(naive).fold(f64::NEG_INFINITY, f64::max);
            prop_assert!((similarity - expected).abs() < 1e-12);
            let scaled: Vec<f32> = state.iter().map(|x| x * scale).collect();
            prop_assert!((seen.max_similarity(&scaled) - similarity).abs() < 1e-6);
            let candidates: Vec<(TokenId, f64, &[f32])> =
                context.iter().enumerate().map(|(i, state)| (i as TokenId, 0.5 / (i + 1) as f64, &state[..])).collect();
            let step = ContrastiveStep::decide(0.0, &seen, &candidates).unwrap();
            prop_assert_eq!(step.chosen, 0);
            prop_assert!(step.candidates.iter().all(|one| one.max_similarity > 1.0 - 1e-12), "each was seen");
        }
    }
}
