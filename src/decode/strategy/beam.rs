//! Beam search: the best continuations of several sequences side by side.

use super::{BeamKind, StrategyKind, StrategyRow};
use crate::decode::Chain;
use crate::decode::beam::Selection;

pub(super) const ROW: StrategyRow = StrategyRow {
    name: "beam",
    summary: "the B best sequences side by side, ranked by their sum of log-probabilities",
    kind: StrategyKind::Beams(BeamKind {
        selection: |_| Selection::Best,
        groups: |_| (1, 0.0),
        effective_chain: Chain::before_sampling,
    }),
};
