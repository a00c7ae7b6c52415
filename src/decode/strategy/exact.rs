//! Exact search: the most probable sequence of all, as far as a budget reaches.

use super::{StrategyKind, StrategyRow};

pub(super) const ROW: StrategyRow = StrategyRow {
    name: "exact",
    summary: "the most probable sequence of all, by best-first search",
    kind: StrategyKind::Exact,
};
