//! `mirostat`: version 2: removes tokens whose surprisal is above a bound, which follows the surprise of the output so far towards a target.

use std::f64::consts::LN_2;
use std::sync::Arc;

use crate::decode::processor::{Field, Parameter};
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "mirostat",
    summary: "steers surprisal to TAU bits at rate ETA: TAU:ETA",
    kind: Kind::Warper,
    parameter: Parameter::Fields(FIELDS, |fields| Arc::new(Mirostat { tau: fields[0], eta: fields[1] })),
    neutral: None,
    usual: 5.0,
    grid: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0],
    measure: "minus the surprisal in bits; the limit is minus the bound",
    source: "Basu et al. 2021, arXiv:2007.14966, algorithm 2; llama.cpp llama_sampler_mirostat_v2",
};

const FIELDS: &[Field] =
    &[Field { name: "tau", low: 0.0, high: 100.0, usual: 5.0 }, Field { name: "eta", low: 0.0, high: 1.0, usual: 0.1 }];

#[derive(Debug)]
struct Mirostat {
    tau: f64,
    eta: f64,
}

impl LogitsProcessor for Mirostat {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        // The bound begins at 2τ and is corrected by η times the error of every token chosen since.
        let errors =
            context.sampling_logprobs.iter().filter(|log_p| log_p.is_finite()).map(|log_p| -log_p / LN_2 - self.tau);
        let bound = 2.0 * self.tau - self.eta * errors.sum::<f64>();
        let normalizer = candidates.normalizer();
        let bits = move |z: f64| -normalizer.logprob(z) / LN_2;
        let limit = -bound.max(bits(candidates.max_score()));
        candidates.keep_at_least(limit, move |z| -bits(z));
        Ok(Some(limit))
    }
}
