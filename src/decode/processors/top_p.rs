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
        let normalizer = candidates.normalizer();
        let (kept, last) = nucleus(candidates, self.top_p, |z| normalizer.prob(z));
        candidates.keep_first(kept, |_, z| normalizer.prob(z));
        Ok(Some(last))
    }
}

/// The length of the shortest prefix whose mass is at least `mass`, and the probability of its last token. The token that
/// crosses the line stays, and so does at least one.
fn nucleus(candidates: &mut Candidates, mass: f64, prob: impl Fn(f64) -> f64) -> (usize, f64) {
    let (total, mut sum, mut kept, mut last) = (candidates.alive().len(), 0.0, 0, 1.0);
    while kept < total {
        // Sorts as far as is needed: mostly a few dozen tokens, in the worst case all.
        let ranked = candidates.ranked((2 * kept).max(64)).to_vec();
        for &id in &ranked[kept..] {
            last = prob(candidates.score(id));
            sum += last;
            kept += 1;
            if sum >= mass {
                return (kept, last);
            }
        }
    }
    (kept, last)
}
