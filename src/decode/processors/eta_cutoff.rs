//! `eta_cutoff`: keeps what has at least the probability min(ε, √ε · exp(−entropy)), and always the best.

use std::ops::Bound;
use std::sync::Arc;

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "eta_cutoff",
    summary: "epsilon_cutoff, lower where the model is undecided",
    kind: Kind::Warper,
    parameter: Parameter::Number(Bound::Included(0.0), Bound::Excluded(1.0), |epsilon| Arc::new(EtaCutoff { epsilon })),
    neutral: Some(0.0),
    usual: 0.001,
    grid: &[0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
    measure: "probability",
    source: "Hewitt et al. 2022, arXiv:2210.15191; transformers EtaLogitsWarper",
};

#[derive(Debug)]
struct EtaCutoff {
    epsilon: f64,
}

impl LogitsProcessor for EtaCutoff {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        let normalizer = candidates.normalizer();
        let eta = self.epsilon.min(self.epsilon.sqrt() * (-normalizer.entropy()).exp());
        let limit = eta.min(normalizer.prob(candidates.max_score()));
        candidates.keep_at_least(limit, move |z| normalizer.prob(z));
        Ok(Some(limit))
    }
}
