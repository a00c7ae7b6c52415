//! `typical_p`: keeps the tokens whose surprisal is nearest to the entropy, up to a mass of P.

use std::ops::Bound;
use std::sync::Arc;

use crate::decode::candidates::descending;
use crate::decode::processor::Parameter;
use crate::decode::{Candidates, Context, DecodeError, Kind, LogitsProcessor, ProcessorRow};
pub(super) const ROW: ProcessorRow = ProcessorRow {
    name: "typical_p",
    summary: "keeps tokens of most typical surprisal that sum to P",
    kind: Kind::Warper,
    parameter: Parameter::Number(Bound::Excluded(0.0), Bound::Included(1.0), |mass| Arc::new(TypicalP { mass })),
    neutral: Some(1.0),
    usual: 0.9,
    grid: &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0],
    measure: "minus the distance of the surprisal from the entropy, in nats",
    source: "Meister et al. 2023, arXiv:2202.00666; transformers TypicalLogitsWarper: ties with the last one stay",
};

#[derive(Debug)]
struct TypicalP {
    mass: f64,
}

impl LogitsProcessor for TypicalP {
    fn apply(&self, candidates: &mut Candidates, _: Context<'_>) -> Result<Option<f64>, DecodeError> {
        if self.mass >= 1.0 {
            return Ok(None);
        }
        let normalizer = candidates.normalizer();
        let entropy = normalizer.entropy();
        let distance = move |z: f64| (-normalizer.logprob(z) - entropy).abs();
        let mut order: Vec<(f64, f64)> = candidates.alive_scores().map(|z| (distance(z), normalizer.prob(z))).collect();
        order.sort_by(|a, b| descending(b.0, a.0));
        let mut sum = 0.0;
        let crossing = order.iter().find(|(_, prob)| {
            sum += prob;
            sum >= self.mass
        });
        let limit = -crossing.or(order.last()).map_or(f64::INFINITY, |(distance, _)| *distance);
        candidates.keep_nearest(limit, move |z| -distance(z));
        Ok(Some(limit))
    }
}
