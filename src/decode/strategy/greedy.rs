//! Greedy search: the most probable token at each step. Not the most probable sequence.

use super::{Choice, Strategy, StrategyKind, StrategyRow};
use crate::decode::{Analysis, Chain};

pub(super) const ROW: StrategyRow = StrategyRow {
    name: "greedy",
    summary: "the most probable token at each step",
    kind: StrategyKind::Single(|_| Box::new(Greedy)),
};

/// Greedy search: also the chain of what ranks the best tokens anew.
pub struct Greedy;

impl Strategy for Greedy {
    fn effective_chain(&self, chain: &Chain) -> Chain {
        chain.before_sampling()
    }

    fn choose(&self, analysis: &Analysis, _sequence: u64, _step: u64) -> Choice {
        Choice { token: analysis.greedy(), draw: None }
    }
}
