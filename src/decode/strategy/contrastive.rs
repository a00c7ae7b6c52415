//! Contrastive search: of the k most probable tokens, the one that is least like what was said before.

use super::{StrategyKind, StrategyRow};

pub(super) const ROW: StrategyRow = StrategyRow {
    name: "contrastive",
    summary: "of the k most probable tokens, one that says something new",
    kind: StrategyKind::Contrastive,
};
