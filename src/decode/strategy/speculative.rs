//! Speculative decoding: greedy search or sampling with a small model that drafts and the model that decides.

use super::{StrategyKind, StrategyRow};

pub(super) const ROW: StrategyRow = StrategyRow {
    name: "speculative",
    summary: "a draft model proposes tokens, the model accepts or corrects them: as greedy or sample, in fewer passes",
    kind: StrategyKind::Speculative,
};
