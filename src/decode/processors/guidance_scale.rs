//! `guidance_scale`: classifier-free guidance, away from what the model would say after another prompt.

use std::ops::Bound;
use std::sync::Arc;

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow, TokenId};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "guidance_scale",
    summary: "classifier-free guidance: away from what the negative prompt makes likely; 1 steers nowhere",
    kind: Kind::Guidance,
    parameter: Parameter::Number(Bound::Included(0.0), Bound::Unbounded, |scale| Arc::new(Guidance { scale })),
    neutral: Some(1.0),
    usual: 1.5,
    grid: &[0.0, 0.5, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 7.5],
    measure: "none",
    source: "Sanchez et al. 2023, arXiv:2306.17806; transformers UnbatchedClassifierFreeGuidanceLogitsProcessor",
};

/// Scores become u + G·(c − u), where c and u are the log-probabilities after the prompt and after the negative prompt. Where u
/// rules a token out there is nothing to steer by, and c stays.
#[derive(Debug)]
struct Guidance {
    scale: f64,
}

impl LogitsProcessor for Guidance {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        let normalizer = candidates.normalizer();
        // As in transformers, 1 never asks for the negative prompt.
        if self.scale == 1.0 {
            candidates.map_scores(|z| normalizer.logprob(z));
            return Ok(None);
        }
        let negative = context.negative.ok_or(DecodeError::NoNegative)?;
        let (vocab_size, given) = (candidates.vocab_size(), negative.vocab_size());
        if given != vocab_size {
            return Err(DecodeError::OtherNegative { vocab_size, given });
        }
        let steered = |id: TokenId, z: f64| {
            let (c, u) = (normalizer.logprob(z), negative.logprob(id));
            if c == f64::NEG_INFINITY || u == f64::NEG_INFINITY {
                return c;
            }
            // A scale beyond all measure leaves no infinity behind.
            (u + self.scale * (c - u)).clamp(f64::MIN, f64::MAX)
        };
        candidates.map_tokens(steered);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Analysis, Chain, Distribution};

    /// Logits whose softmax is `p`, far from 0.
    fn of(p: &[f64]) -> Distribution {
        Distribution::from_logits(&p.iter().map(|p| p.ln() + 7.0).collect::<Vec<_>>()).unwrap()
    }

    fn analyse(c: &[f64], u: Option<&[f64]>, chain: &str) -> Result<Analysis, DecodeError> {
        let negative = u.map(of);
        let context = Context { negative: negative.as_ref(), ..Context::default() };
        Analysis::new(Arc::new(of(c)), &Chain::parse(chain)?, context)
    }

    #[test]
    fn the_formula_by_hand() {
        let (c, u) = (&[0.6, 0.4, 0.0][..], &[0.8, 0.1, 0.1][..]);
        let guided = analyse(c, Some(u), "guidance_scale=2").unwrap();
        // c² / u: .36 / .8 and .16 / .1, before they are normalized.
        assert!((guided.score(0) - 0.45f64.ln()).abs() < 1e-12 && (guided.score(1) - 1.6f64.ln()).abs() < 1e-12);
        assert!((guided.sampling_prob(1) - 1.6 / 2.05).abs() < 1e-12);
        assert_eq!(guided.sampling_prob(2), 0.0);
        let negative = analyse(c, Some(u), "guidance_scale=0").unwrap();
        assert!((negative.score(0) - 0.8f64.ln()).abs() < 1e-12, "0 gives the negative prompt's own");
        let nothing = analyse(u, Some(c), "guidance_scale=3").unwrap();
        assert!((nothing.score(2) - 0.1f64.ln()).abs() < 1e-12, "there is nothing to steer by");
    }

    #[test]
    fn what_is_missing_is_told() {
        let error = |u: Option<&[f64]>, chain: &str| analyse(&[0.5, 0.5], u, chain).unwrap_err().to_string();
        assert!(error(None, "guidance_scale=2").ends_with("there is none: give `negative` logits, or use run"));
        assert!(
            error(Some(&[1.0]), "guidance_scale=2")
                .contains("1 logits after the negative prompt for a vocabulary of 2")
        );
        for scale in ["-1", "NaN", "inf"] {
            assert!(error(None, &format!("guidance_scale={scale}")).contains("guidance_scale"));
        }
        assert!(analyse(&[0.5, 0.5], None, "guidance_scale=1").is_ok(), "1 asks for nothing");
    }

    proptest! {
        /// What is the same after both prompts can't be steered, whatever the scale.
        #[test]
        fn guidance_away_from_itself_changes_nothing(
            p in prop::collection::vec(0.01..1.0f64, 2..20), scale in 0.0..1e300f64,
        ) {
            let chain = format!("guidance_scale={scale}");
            let (guided, plain) = (analyse(&p, Some(&p), &chain).unwrap(), of(&p));
            for id in 0..p.len() as TokenId {
                // c and u are the same bits: their difference is 0.
                prop_assert!((guided.sampling_prob(id) - plain.prob(id)).abs() < 1e-12);
            }
        }

        /// Only the ratio c/u moves the odds: p_i/p_j = u_i/u_j · ((c_i/u_i)/(c_j/u_j))^G.
        #[test]
        fn the_odds_follow_the_ratio(
            pairs in prop::collection::vec((0.05..1.0f64, 0.05..1.0f64), 2..10), scale in 0.0..8.0f64,
        ) {
            let (c, u): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let guided = analyse(&c, Some(&u), &format!("guidance_scale={scale}")).unwrap();
            let weight = |i: usize| u[i] * (c[i] / u[i]).powf(scale);
            let total: f64 = (0..c.len()).map(weight).sum();
            for id in 0..c.len() {
                prop_assert!((guided.sampling_prob(id as TokenId) - weight(id) / total).abs() < 1e-9);
            }
        }
    }
}
