//! The negative prompt of classifier-free guidance, and what it can't be combined with.

use clap::Args;

use crate::decode::Chain;
use crate::decode::strategy::{StrategyKind, StrategyRow};

use super::CliError;

/// The negative prompt.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Classifier-free guidance")]
pub struct GuidanceArgs {
    /// What --guidance-scale steers away from [default: the last token of the prompt alone]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub negative_prompt: Option<String>,
}

impl GuidanceArgs {
    /// The negative prompt, once everything else is known to go with it. `chain` is what the strategy uses.
    pub(super) fn negative_prompt(&self, row: &StrategyRow, chain: &Chain) -> Result<Option<String>, CliError> {
        match (chain.guidance(), row.kind) {
            (None, _) if self.negative_prompt.is_some() => {
                Err(CliError::Input("--negative-prompt: nothing steers away from it: give --guidance-scale".into()))
            }
            (None, _) | (Some(_), StrategyKind::Single(_)) => Ok(self.negative_prompt.clone()),
            (Some(stage), _) => {
                let name = row.name;
                Err(CliError::Input(format!(
                    "{stage}: {name} reads no negative prompt: use --strategy greedy or sample"
                )))
            }
        }
    }
}
