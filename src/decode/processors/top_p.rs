//! `top_p`: the nucleus: the shortest prefix, in descending probability, whose mass is at least P.

use std::ops::Bound;
use std::sync::Arc;

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "top_p",
    summary: "keeps the fewest tokens whose probabilities sum to P",
    kind: Kind::Warper,
    parameter: Parameter::Number(Bound::Included(0.0), Bound::Included(1.0), |top_p| Arc::new(TopP { top_p })),
    neutral: Some(1.0),
    usual: 0.9,
    grid: &[0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.95, 0.97, 0.98, 0.99, 1.0],
    measure: "probability; the limit is that of the last token kept",
    source: "Holtzman et al. 2020, arXiv:1904.09751; transformers TopPLogitsWarper",
};

#[derive(Debug)]
struct TopP {
    top_p: f64,
}

impl LogitsProcessor for TopP {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        if self.top_p >= 1.0 {
            return Ok(None);
        }
        Ok(Some(candidates.keep_nucleus(self.top_p)))
    }
}
