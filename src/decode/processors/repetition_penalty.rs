//! `repetition_penalty`: makes every token of prompt and output less likely, once each.

use std::ops::Bound;
use std::sync::Arc;

use super::check_ids;
use crate::decode::TokenId;
use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};
use std::collections::BTreeSet;
pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "repetition_penalty",
    summary: "logits of tokens in the text: / R, below 0: * R",
    kind: Kind::Penalty,
    parameter: Parameter::Number(Bound::Excluded(0.0), Bound::Unbounded, |penalty| {
        Arc::new(RepetitionPenalty { penalty })
    }),
    neutral: Some(1.0),
    usual: 1.2,
    grid: &[0.5, 0.8, 0.9, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 1.8, 2.0, 3.0],
    measure: "none",
    source: "Keskar et al. 2019, arXiv:1909.05858; transformers RepetitionPenaltyLogitsProcessor",
};

#[derive(Debug)]
struct RepetitionPenalty {
    penalty: f64,
}

impl LogitsProcessor for RepetitionPenalty {
    fn apply(&self, candidates: &mut Candidates, context: Context<'_>) -> Result<Option<f64>, DecodeError> {
        check_ids("history", context.history, candidates.vocab_size())?;
        let seen: BTreeSet<TokenId> = context.history.iter().copied().collect();
        for id in seen {
            let z = candidates.score(id);
            candidates.set_score(id, if z < 0.0 { z * self.penalty } else { z / self.penalty });
        }
        Ok(None)
    }
}
