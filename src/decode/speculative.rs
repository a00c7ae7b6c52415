//! Speculative decoding: a small model drafts, the large one accepts or corrects, and the result is as if the large one had
//! drawn alone.
//!
//! A token drafted with probability q, to which the target gives p, is accepted with min(1, p/q); where one is rejected, the
//! token is drawn from max(p − q, 0), normalized. Together every token comes with probability p:
//! q·min(1, p/q) + (1 − Σ min(p, q))·max(p − q, 0) / Σ max(p − q, 0) = min(p, q) + max(p − q, 0) = p.
//!
//! Leviathan et al. 2023, arXiv:2211.17192, algorithm 1 and appendix A.1; Chen et al. 2023, arXiv:2302.01318, algorithm 2.

use super::sampler::draw;
use super::{Analysis, Draw, TokenId};

/// What was proposed at a step, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// The pass of the target that decided, from 0.
    pub round: usize,
    /// The token that was drafted; `None` for the one that the target adds of its own when all were accepted.
    pub drafted: Option<Drafted>,
}

/// A drafted token before the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drafted {
    /// The token.
    pub token: TokenId,
    /// q: its probability under the draft model, after the chain.
    pub draft_prob: f64,
    /// p: its probability under the target, after the chain.
    pub target_prob: f64,
    /// The probability that it is accepted.
    pub acceptance: f64,
    /// The number in [0, 1) that decided: below `acceptance` accepts. `None` where nothing was drawn.
    pub u: Option<f64>,
    /// What was decided.
    pub verdict: Verdict,
}

/// What the target made of a drafted token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next token.
    Accepted,
    /// Another one is.
    Rejected,
}

/// min(1, p/q), the probability that a token drafted with q > 0 is accepted where the target gives it p.
#[must_use]
pub fn acceptance(p: f64, q: f64) -> f64 {
    if p < q { p / q } else { 1.0 }
}

/// The draw of the token in the place of a rejected one: from max(p − q, 0), normalized, the target's most probable first. Where
/// rounding leaves nothing of it, from p.
#[must_use]
pub fn correction(target: &Analysis, draft: &Analysis, u: f64) -> Draw {
    let rest = |id: TokenId| (target.sampling_prob(id) - draft.sampling_prob(id)).max(0.0);
    let mass: f64 = target.kept().iter().map(|&id| rest(id)).sum();
    let drawn = draw(u, target.kept().iter().map(|&id| (id, rest(id) / mass)));
    drawn.unwrap_or_else(|| target.draw(u))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Chain, Context, Distribution};

    fn analyse(logits: &[f64], chain: &str) -> Analysis {
        let model = Arc::new(Distribution::from_logits(logits).unwrap());
        Analysis::new(model, &Chain::parse(chain).unwrap(), Context::default()).unwrap()
    }

    /// The probability of every token in the place of a rejected one: the widths of the intervals that `correction` draws from.
    fn residual(target: &Analysis, draft: &Analysis) -> Vec<f64> {
        let mut widths = vec![0.0; target.model().vocab_size()];
        let mut u = 0.0;
        while u < 1.0 {
            let draw = correction(target, draft, u);
            assert!(draw.low <= u && u < draw.high);
            widths[draw.token as usize] += draw.high.min(1.0) - u;
            u = draw.high;
        }
        widths
    }

    /// The probability that each token comes: drafted and accepted, or in the place of any that was rejected.
    fn emitted(target: &Analysis, draft: &Analysis) -> Vec<f64> {
        let accepted = |id: TokenId| {
            let (p, q) = (target.sampling_prob(id), draft.sampling_prob(id));
            if q > 0.0 { q * acceptance(p, q) } else { 0.0 }
        };
        let ids = 0..target.model().vocab_size() as TokenId;
        let rejected = 1.0 - ids.clone().map(accepted).sum::<f64>();
        let rest = residual(target, draft);
        ids.map(|id| accepted(id) + rejected * rest[id as usize]).collect()
    }

    fn logs(p: &[f64]) -> Vec<f64> {
        p.iter().map(|p| p.ln()).collect()
    }

    #[test]
    fn two_tokens_by_hand() {
        let (target, draft) = (analyse(&logs(&[0.5, 0.3, 0.2]), ""), analyse(&logs(&[0.2, 0.2, 0.6]), ""));
        assert_eq!(acceptance(0.5, 0.2), 1.0);
        assert!((acceptance(0.2, 0.6) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(acceptance(0.0, 0.6), 0.0);
        // What is left of p: 0.3 and 0.1.
        assert!((residual(&target, &draft)[0] - 0.75).abs() < 1e-12);
        assert_eq!((correction(&target, &draft, 0.74).token, correction(&target, &draft, 0.76).token), (0, 1));
    }

    #[test]
    fn a_draft_that_is_the_target_leaves_nothing_to_correct() {
        let target = analyse(&logs(&[0.5, 0.3, 0.2]), "");
        assert_eq!(correction(&target, &target, 0.6), target.draw(0.6));
    }

    fn logits() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(prop_oneof![6 => -6.0..6.0f64, 1 => Just(f64::NEG_INFINITY), 1 => Just(0.0)], 12)
            .prop_map(|mut logits| {
                logits[0] = 0.0;
                logits
            })
    }

    proptest! {
        #[test]
        fn every_token_comes_as_often_as_the_target_says(
            p in logits(),
            q in logits(),
            chain in prop::sample::select(vec!["", "temperature=0.5", "top_k=3", "top_p=0.8,temperature=2", "min_p=0.1"]),
        ) {
            let (target, draft) = (analyse(&p, chain), analyse(&q, chain));
            for (id, got) in emitted(&target, &draft).into_iter().enumerate() {
                let want = target.sampling_prob(id as TokenId);
                prop_assert!((got - want).abs() < 1e-9, "token {id}: {got} is not {want}");
            }
        }

        #[test]
        fn the_rate_of_acceptance_is_what_the_two_have_in_common(p in logits(), q in logits()) {
            let (target, draft) = (analyse(&p, ""), analyse(&q, ""));
            let both = |id: TokenId| (target.sampling_prob(id), draft.sampling_prob(id));
            let rate: f64 = (0..12).map(both).filter(|(_, q)| *q > 0.0).map(|(p, q)| q * acceptance(p, q)).sum();
            let overlap: f64 = (0..12).map(both).map(|(p, q)| p.min(q)).sum();
            prop_assert!((rate - overlap).abs() < 1e-9);
        }
    }
}
