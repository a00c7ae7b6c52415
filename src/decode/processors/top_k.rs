//! `top_k`: keeps the K best tokens, and every one tied with the K-th.

use std::sync::Arc;

use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};

pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "top_k",
    summary: "keeps the K most probable tokens; 0 keeps all",
    kind: Kind::Warper,
    parameter: Parameter::Count(|k| Arc::new(TopK { k })),
    neutral: Some(0.0),
    usual: 40.0,
    grid: &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0, 20.0, 30.0, 40.0, 50.0, 100.0, 200.0, 500.0, 1000.0],
    measure: "logit",
    source: "Fan, Lewis and Dauphin 2018, arXiv:1805.04833; transformers TopKLogitsWarper",
};

#[derive(Debug)]
struct TopK {
    k: usize,
}

impl LogitsProcessor for TopK {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        if self.k == 0 || self.k >= candidates.count() {
            candidates.keep_listed(self.k);
            return Ok(None);
        }
        let kth = candidates.ranked(self.k).last().copied();
        let limit = kth.map_or(f64::NEG_INFINITY, |id| candidates.score(id));
        candidates.keep_at_least(limit, |z| z);
        Ok(Some(limit))
    }
}
