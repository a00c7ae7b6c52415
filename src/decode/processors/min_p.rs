//! `min_p`: keeps what is at least P times as probable as the best token.

use std::ops::Bound;
use std::sync::Arc;

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "min_p",
    summary: "keeps tokens at least P times as probable as the best",
    kind: Kind::Warper,
    parameter: Parameter::Number(Bound::Included(0.0), Bound::Included(1.0), |min_p| Arc::new(MinP { min_p })),
    neutral: Some(0.0),
    usual: 0.05,
    grid: &[0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0],
    measure: "probability",
    source: "Nguyen et al. 2024, arXiv:2407.01082; transformers MinPLogitsWarper",
};

#[derive(Debug)]
struct MinP {
    min_p: f64,
}

impl LogitsProcessor for MinP {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        if self.min_p == 0.0 {
            return Ok(None);
        }
        let normalizer = candidates.normalizer();
        let limit = self.min_p * normalizer.prob(candidates.max_score());
        candidates.keep_at_least(limit, move |z| normalizer.prob(z));
        Ok(Some(limit))
    }
}
