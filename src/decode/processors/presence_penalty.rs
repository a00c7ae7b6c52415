//! `presence_penalty`: z − A for every token that the output already holds.

use std::ops::Bound;
use std::sync::Arc;

use super::counts;
use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};
pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "presence_penalty",
    summary: "subtracts A from the logits of generated tokens",
    kind: Kind::Penalty,
    parameter: Parameter::Number(Bound::Unbounded, Bound::Unbounded, |penalty| Arc::new(PresencePenalty { penalty })),
    neutral: Some(0.0),
    usual: 0.5,
    grid: &[-2.0, -1.5, -1.0, -0.5, 0.0, 0.2, 0.5, 0.8, 1.0, 1.5, 2.0],
    measure: "none",
    source: "the OpenAI interface; vLLM presence_penalty: output only",
};

#[derive(Debug)]
struct PresencePenalty {
    penalty: f64,
}

impl LogitsProcessor for PresencePenalty {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        for (id, _) in counts(context.output(), candidates.vocab_size())? {
            candidates.set_score(id, candidates.score(id) - self.penalty);
        }
        Ok(None)
    }
}
