//! The option of exact search, and what it can't be combined with.

use clap::Args;

use crate::decode::Chain;
use crate::decode::exact::DEFAULT_BUDGET;
use crate::decode::strategy::{StrategyKind, StrategyRow};

use super::CliError;
use super::args::{DecodingArgs, count};

/// The option of exact search.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Exact search")]
pub struct ExactArgs {
    /// The most prefixes that the search expands before it gives up the proof [default: 20000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    pub budget: Option<usize>,
}

impl ExactArgs {
    /// The budget of a search, once everything else is known to go with it.
    pub(super) fn budget(&self, row: &StrategyRow, chain: &Chain, decoding: &DecodingArgs) -> Result<usize, CliError> {
        let input = |message: String| Err(CliError::Input(message));
        if !matches!(row.kind, StrategyKind::Exact) {
            return match self.budget {
                Some(_) => input(format!("--budget: {} has none: use --strategy exact, or leave it out", row.name)),
                None => Ok(DEFAULT_BUDGET),
            };
        }
        // The bound holds for log-probabilities; a penalty may raise what it does not lower.
        if let Some(stage) = chain.stages().iter().find(|stage| stage.row().name != "suppress_tokens") {
            return input(format!("{stage}: exact search is about the model's own probabilities: leave it out"));
        }
        if decoding.num_return_sequences > 1 {
            let n = decoding.num_return_sequences;
            return input(format!("--num-return-sequences: exact search finds one sequence, not {n}"));
        }
        if !decoding.stop.is_empty() {
            return input("--stop: exact search knows ends and a length: use --eos-token-id, or leave it out".into());
        }
        match self.budget {
            Some(0) => input("--budget: 0 expands nothing: give at least 1".into()),
            budget => Ok(budget.unwrap_or(DEFAULT_BUDGET)),
        }
    }
}
