//! `logit_bias`: adds the given amounts to the logits of the given tokens; minus infinity removes one.

use std::sync::Arc;

use super::check_ids;
use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow, TokenId};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "logit_bias",
    summary: "adds an amount to the logit of each given token",
    kind: Kind::Penalty,
    parameter: Parameter::Bias(|biases| Arc::new(LogitBias { biases })),
    neutral: None,
    usual: 0.0,
    grid: &[],
    measure: "none",
    source: "the OpenAI interface; transformers SequenceBiasLogitsProcessor for single tokens",
};

#[derive(Debug)]
struct LogitBias {
    biases: Vec<(TokenId, f64)>,
}

impl LogitsProcessor for LogitBias {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        for &(id, bias) in &self.biases {
            check_ids("logit_bias", &[id], candidates.vocab_size())?;
            candidates.set_score(id, candidates.score(id) + bias);
        }
        Ok(None)
    }
}
