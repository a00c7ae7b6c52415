//! `top_n_sigma`: keeps logits within n standard deviations of the best.

use std::ops::Bound;
use std::sync::Arc;

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "top_n_sigma",
    summary: "keeps logits within N standard deviations of the best",
    kind: Kind::Warper,
    parameter: Parameter::Number(Bound::Excluded(0.0), Bound::Unbounded, |sigmas| Arc::new(TopNSigma { sigmas })),
    neutral: None,
    usual: 1.0,
    grid: &[0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0],
    measure: "logit",
    source: "Tang et al. 2024, arXiv:2411.07641: the deviation is that of the population of finite logits",
};

#[derive(Debug)]
struct TopNSigma {
    sigmas: f64,
}

impl LogitsProcessor for TopNSigma {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        let finite = || candidates.alive_scores().filter(|z| z.is_finite());
        let count = finite().count() as f64;
        let mean = finite().sum::<f64>() / count;
        let variance = finite().map(|z| (z - mean).powi(2)).sum::<f64>() / count;
        let limit = candidates.max_score() - self.sigmas * variance.sqrt();
        candidates.keep_at_least(limit, |z| z);
        Ok(Some(limit))
    }
}
