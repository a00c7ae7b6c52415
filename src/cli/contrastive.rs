//! The option of contrastive search, and what it means where no strategy is named.

use clap::Args;

use crate::decode::Chain;
use crate::decode::contrastive::ContrastiveSettings;
use crate::decode::strategy::{StrategyKind, StrategyRow};

use super::CliError;

/// The option of contrastive search.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Contrastive search")]
pub struct ContrastiveArgs {
    /// What likeness to the text so far counts, from 0 (greedy) to 1, among the best --top-k [default: 0.6 and 4]; without --strategy it means contrastive
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub penalty_alpha: Option<f64>,
}

impl ContrastiveArgs {
    /// The strategy that the option means: as in transformers, where a penalty is contrastive search.
    pub(super) fn strategy(&self) -> Option<&'static str> {
        self.penalty_alpha.map(|_| "contrastive")
    }

    /// The settings of a search, with the k of the whole chain; none for another strategy.
    pub(super) fn settings(&self, row: &StrategyRow, chain: &Chain) -> Result<Option<ContrastiveSettings>, CliError> {
        match (row.kind, self.penalty_alpha) {
            (StrategyKind::Contrastive, alpha) => Ok(Some(ContrastiveSettings::new(alpha, chain)?)),
            (_, Some(_)) => Err(CliError::Input(format!(
                "--penalty-alpha: {} has none: use --strategy contrastive, or leave it out",
                row.name
            ))),
            (_, None) => Ok(None),
        }
    }
}
