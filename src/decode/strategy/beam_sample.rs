//! Beam sampling: beam search whose continuations are drawn, after the whole chain.

use super::{BeamKind, StrategyKind, StrategyRow};
use crate::decode::Chain;
use crate::decode::beam::Selection;

pub(super) const ROW: StrategyRow = StrategyRow {
    name: "beam-sample",
    summary: "beam search whose continuations are drawn from what the chain leaves",
    kind: StrategyKind::Beams(BeamKind {
        selection: |seed| Selection::Drawn { seed },
        groups: |_| (1, 0.0),
        effective_chain: Chain::clone,
    }),
};
