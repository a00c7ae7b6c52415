//! `temperature`: z / T. It never changes ranks; at 0 only the best token is left.

use std::ops::Bound;
use std::sync::Arc;

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "temperature",
    summary: "divides logits: < 1 sharper, > 1 flatter, 0 greedy",
    kind: Kind::Warper,
    parameter: Parameter::Number(Bound::Included(0.0), Bound::Unbounded, |temperature| {
        Arc::new(Temperature { temperature })
    }),
    neutral: Some(1.0),
    usual: 0.8,
    grid: &[
        0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.5, 3.0,
        4.0, 5.0, 10.0,
    ],
    measure: "logit",
    source: "Ackley, Hinton and Sejnowski 1985; transformers TemperatureLogitsWarper",
};

#[derive(Debug)]
pub(super) struct Temperature {
    /// Zero or more.
    pub(super) temperature: f64,
}

impl LogitsProcessor for Temperature {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        if self.temperature == 0.0 {
            let best = candidates.max_score();
            candidates.keep_first(1, |z| z);
            return Ok(Some(best));
        }
        if candidates.can_divide(self.temperature) {
            candidates.divide(self.temperature);
        } else {
            // So cold that z / T overflows: the softmax does not change when the maximum is subtracted first.
            let best = candidates.max_score();
            candidates.map_scores(|z| if z == best { 0.0 } else { (z - best) / self.temperature });
        }
        Ok(None)
    }
}
