//! `frequency_penalty`: z − A · n for every token that the output holds n times.

use std::ops::Bound;
use std::sync::Arc;

use super::counts;
use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};
pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "frequency_penalty",
    summary: "subtracts A for each time a token was generated",
    kind: Kind::Penalty,
    parameter: Parameter::Number(Bound::Unbounded, Bound::Unbounded, |penalty| Arc::new(FrequencyPenalty { penalty })),
    neutral: Some(0.0),
    usual: 0.5,
    grid: &[-2.0, -1.5, -1.0, -0.5, 0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0],
    measure: "none",
    source: "the OpenAI interface; vLLM frequency_penalty: output only",
};

#[derive(Debug)]
struct FrequencyPenalty {
    penalty: f64,
}

impl LogitsProcessor for FrequencyPenalty {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        for (id, count) in counts(context.output(), candidates.vocab_size())? {
            candidates.set_score(id, candidates.score(id) - self.penalty * count as f64);
        }
        Ok(None)
    }
}
