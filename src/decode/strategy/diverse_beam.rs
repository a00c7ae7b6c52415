//! Diverse beam search: groups of beams, each discouraged from the tokens that earlier groups chose at the same step.

use super::{BeamKind, StrategyKind, StrategyRow};
use crate::decode::Chain;
use crate::decode::beam::Selection;

/// λ where none is named, in nats: 0.2 to 0.8 do well in Vijayakumar et al. 2016, arXiv:1610.02424, section 5.
const DIVERSITY_PENALTY: f64 = 0.5;

pub(super) const ROW: StrategyRow = StrategyRow {
    name: "diverse-beam",
    summary: "groups of beams that avoid each other's tokens",
    kind: StrategyKind::Beams(BeamKind {
        selection: |_| Selection::Best,
        // A group for each beam explores most (the same paper).
        groups: |beams| (beams, DIVERSITY_PENALTY),
        effective_chain: Chain::before_sampling,
    }),
};
