//! `suppress_tokens`: removes the given tokens.

use std::sync::Arc;

use super::check_ids;
use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow, TokenId};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "suppress_tokens",
    summary: "forbids the given tokens",
    kind: Kind::Penalty,
    parameter: Parameter::Ids(|ids| Arc::new(SuppressTokens { ids })),
    neutral: None,
    usual: 0.0,
    grid: &[],
    measure: "none",
    source: "transformers SuppressTokensLogitsProcessor",
};

#[derive(Debug)]
struct SuppressTokens {
    ids: Vec<TokenId>,
}

impl LogitsProcessor for SuppressTokens {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        check_ids("suppress_tokens", &self.ids, candidates.vocab_size())?;
        candidates.remove(&self.ids);
        Ok(None)
    }
}
