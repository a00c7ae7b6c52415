//! `xtc`: by chance, removes every token above the threshold but the least probable of them.

use std::sync::Arc;

use crate::decode::processor::{Field, Parameter};
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "xtc",
    summary: "at times removes likely tokens: PROBABILITY:THRESHOLD",
    kind: Kind::Warper,
    parameter: Parameter::Fields(FIELDS, |fields| Arc::new(Xtc { probability: fields[0], threshold: fields[1] })),
    neutral: Some(0.0),
    usual: 0.5,
    grid: &[0.0, 0.1, 0.25, 0.5, 0.75, 1.0],
    measure: "minus the probability; the limit is that of the first token kept",
    source: "p-e-w 2024, text-generation-webui pull request 6335; llama.cpp llama_sampler_xtc",
};

const FIELDS: &[Field] = &[
    Field { name: "probability", low: 0.0, high: 1.0, usual: 0.5 },
    Field { name: "threshold", low: 0.0, high: 0.5, usual: 0.1 },
];

#[derive(Debug)]
struct Xtc {
    probability: f64,
    threshold: f64,
}

impl LogitsProcessor for Xtc {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        if context.chance >= self.probability {
            return Ok(None);
        }
        let normalizer = candidates.normalizer();
        let mut above = 0;
        while above < candidates.count() {
            let last = candidates.ranked(above + 1).last().copied().unwrap_or_default();
            if normalizer.prob(candidates.score(last)) < self.threshold {
                break;
            }
            above += 1;
        }
        if above < 2 {
            return Ok(None);
        }
        let first_kept = candidates.ranked(above).last().copied().unwrap_or_default();
        let limit = -normalizer.prob(candidates.score(first_kept));
        let top = candidates.ranked(above - 1).to_vec();
        candidates.remove_measured(&top, move |z| -normalizer.prob(z));
        Ok(Some(limit))
    }
}
