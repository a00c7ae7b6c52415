//! Sampling: a random draw from the distribution that the chain left.

use super::{Choice, Strategy, StrategyKind, StrategyRow};
use crate::decode::{Analysis, Chain, uniform};

pub(super) const ROW: StrategyRow = StrategyRow {
    name: "sample",
    summary: "a random draw from what the chain leaves",
    kind: StrategyKind::Single(|seed| Box::new(Sampling { seed })),
};

struct Sampling {
    seed: u64,
}

impl Strategy for Sampling {
    fn effective_chain(&self, chain: &Chain) -> Chain {
        chain.clone()
    }

    fn choose(&self, analysis: &Analysis, sequence: u64, step: u64) -> Choice {
        let draw = analysis.draw(uniform(self.seed, sequence, step));
        Choice { token: draw.token, draw: Some(draw) }
    }
}
