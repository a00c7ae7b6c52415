//! Two chains on the same logits: which tokens fare differently, and how far apart the results are.

use super::{Analysis, TokenId};

/// A token whose fate differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The token.
    pub id: TokenId,
    /// The processor that removes it in the first chain; `None` where it stays.
    pub before: Option<&'static str>,
    /// The processor that removes it in the second chain; `None` where it stays.
    pub after: Option<&'static str>,
}

/// What a second chain does otherwise than the first, on the same logits.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainDiff {
    /// Tokens that only one of the chains removes, or that another processor removes; ascending ids.
    pub changed: Vec<Changed>,
    /// ½ Σ |p − q| over all tokens, from 0 (the same) to 1 (no token in common): the most that the probability of any event
    /// can differ.
    pub total_variation: f64,
}

impl ChainDiff {
    /// Compares two results. They are meant to be of the same logits; a token that one of them does not have has no
    /// probability there.
    #[must_use]
    pub fn new(before: &Analysis, after: &Analysis) -> Self {
        let ids = 0..before.model().vocab_size().max(after.model().vocab_size()) as TokenId;
        let changed = ids.clone().filter_map(|id| {
            let change = Changed { id, before: remover(before, id), after: remover(after, id) };
            (change.before != change.after).then_some(change)
        });
        let apart = |id: TokenId| (before.sampling_prob(id) - after.sampling_prob(id)).abs();
        Self {
            changed: changed.collect(),
            // Rounding may lift the sum a little above what it can be.
            total_variation: (ids.map(apart).sum::<f64>() / 2.0).min(1.0),
        }
    }
}

fn remover(analysis: &Analysis, id: TokenId) -> Option<&'static str> {
    analysis.removal(id).and_then(|removal| Some(analysis.stages().get(removal.stage)?.name))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Chain, Context, Distribution};

    fn analysis(logits: &[f64], chain: &str) -> Analysis {
        let model = Arc::new(Distribution::from_logits(logits).unwrap());
        Analysis::new(model, &Chain::parse(chain).unwrap(), Context::default()).unwrap()
    }

    fn diff(logits: &[f64], before: &str, after: &str) -> ChainDiff {
        ChainDiff::new(&analysis(logits, before), &analysis(logits, after))
    }

    #[test]
    fn by_hand() {
        // p = (½, ¼, ¼): the first two thirds and third of (⅔, ⅓, 0) are each apart by 1/6, 1/12 and 1/4.
        let logits = [4f64.ln(), 2f64.ln(), 2f64.ln()];
        let diff = diff(&logits, "", "top_p=0.7");
        assert!((diff.total_variation - 0.25).abs() < 1e-12);
        assert_eq!(diff.changed, [Changed { id: 2, before: None, after: Some("top_p") }]);
    }

    #[test]
    fn the_processor_that_removes_counts() {
        let diff = diff(&[3.0, 1.0, 0.0], "top_k=1", "top_p=0.1");
        assert_eq!(diff.total_variation, 0.0);
        assert_eq!(diff.changed.len(), 2);
        assert_eq!(diff.changed[0], Changed { id: 1, before: Some("top_k"), after: Some("top_p") });
    }

    #[test]
    fn nothing_in_common_is_one() {
        assert_eq!(diff(&[1.0, 0.0], "suppress_tokens=0", "suppress_tokens=1").total_variation, 1.0);
    }

    /// Chains that never leave nothing.
    fn chain() -> impl Strategy<Value = String> {
        let stage = prop_oneof![
            (1u32..40).prop_map(|t| format!("temperature={}", f64::from(t) / 10.0)),
            (1u32..9).prop_map(|k| format!("top_k={k}")),
            (1u32..=10).prop_map(|p| format!("top_p={}", f64::from(p) / 10.0)),
            (0u32..10).prop_map(|p| format!("min_p={}", f64::from(p) / 10.0)),
        ];
        prop::collection::vec(stage, 0..4).prop_map(|stages| stages.join(","))
    }

    fn logits() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-9.0..9.0f64, 1..12)
    }

    proptest! {
        #[test]
        fn a_chain_is_not_apart_from_itself(logits in logits(), chain in chain()) {
            let diff = diff(&logits, &chain, &chain);
            prop_assert_eq!(diff.total_variation, 0.0);
            prop_assert!(diff.changed.is_empty());
        }

        #[test]
        fn both_ways_are_the_same_and_at_most_one(logits in logits(), a in chain(), b in chain()) {
            let (there, back) = (diff(&logits, &a, &b), diff(&logits, &b, &a));
            prop_assert_eq!(there.total_variation, back.total_variation);
            prop_assert!((0.0..=1.0).contains(&there.total_variation));
            let turned = |c: &Changed| Changed { id: c.id, before: c.after, after: c.before };
            prop_assert_eq!(there.changed.iter().map(turned).collect::<Vec<_>>(), back.changed);
        }

        #[test]
        fn temperature_and_top_k_may_change_places(logits in logits(), t in 1u32..40, k in 1u32..9) {
            let t = f64::from(t) / 10.0;
            let diff = diff(&logits, &format!("temperature={t},top_k={k}"), &format!("top_k={k},temperature={t}"));
            prop_assert!(diff.total_variation < 1e-12);
            prop_assert!(diff.changed.is_empty());
        }
    }
}
