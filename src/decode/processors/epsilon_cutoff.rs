//! `epsilon_cutoff`: keeps what has at least the probability ε, and always the best.

use std::ops::Bound;
use std::sync::Arc;

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "epsilon_cutoff",
    summary: "keeps tokens with a probability of at least E",
    kind: Kind::Warper,
    parameter: Parameter::Number(Bound::Included(0.0), Bound::Excluded(1.0), |epsilon| {
        Arc::new(EpsilonCutoff { epsilon })
    }),
    neutral: Some(0.0),
    usual: 0.001,
    grid: &[0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
    measure: "probability",
    source: "Hewitt et al. 2022, arXiv:2210.15191; transformers EpsilonLogitsWarper",
};

#[derive(Debug)]
struct EpsilonCutoff {
    epsilon: f64,
}

impl LogitsProcessor for EpsilonCutoff {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        let normalizer = candidates.normalizer();
        let limit = self.epsilon.min(normalizer.prob(candidates.max_score()));
        candidates.keep_at_least(limit, move |z| normalizer.prob(z));
        Ok(Some(limit))
    }
}
