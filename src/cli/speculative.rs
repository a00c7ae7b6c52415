//! The options of speculative decoding, and what they can't be combined with.

use clap::Args;

use crate::decode::strategy::{StrategyKind, StrategyRow};
use crate::engine::{Speculation, Verification};
use crate::model::{LoadedModel, ModelSource, OpenOptions};

use super::CliError;
use super::args::count;
use super::open::open;

/// Tokens drafted in a round, where nobody says.
const ASSISTANT_TOKENS: usize = 5;

/// The options of speculative decoding.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Speculative decoding")]
pub struct SpeculativeArgs {
    /// The model that drafts, as --model; its vocabulary must be the model's
    #[arg(long, value_name = "SPEC")]
    pub draft_model: Option<ModelSource>,
    /// The most tokens drafted for one pass of the model [default: 5]
    #[arg(long, value_name = "K", allow_negative_numbers = true, value_parser = count)]
    pub num_assistant_tokens: Option<usize>,
}

impl SpeculativeArgs {
    /// The settings; none for a strategy without a draft.
    pub(super) fn speculation(
        &self,
        row: &StrategyRow,
        verification: Verification,
        returned: usize,
    ) -> Result<Option<Speculation>, CliError> {
        let input = |message: String| Err(CliError::Input(message));
        if !matches!(row.kind, StrategyKind::Speculative) {
            let given = [
                (self.draft_model.is_some(), "--draft-model"),
                (self.num_assistant_tokens.is_some(), "--num-assistant-tokens"),
            ];
            return match given.into_iter().find(|(given, _)| *given) {
                Some((_, flag)) => {
                    input(format!("{flag}: {} has no draft: use --strategy speculative, or leave it out", row.name))
                }
                None => Ok(None),
            };
        }
        if self.draft_model.is_none() {
            return input("--strategy speculative: there is no model that drafts: give --draft-model".into());
        }
        if returned > 1 && verification == Verification::Greedy {
            return input(format!(
                "--num-return-sequences: speculative finds one sequence, not {returned}, unless it samples: give --seed"
            ));
        }
        match self.num_assistant_tokens.unwrap_or(ASSISTANT_TOKENS) {
            0 => input("--num-assistant-tokens: 0 drafts nothing: give at least 1".into()),
            assistant_tokens => Ok(Some(Speculation { assistant_tokens, verification })),
        }
    }

    /// Opens the model that drafts, where there is one.
    pub(super) fn open(&self, options: &OpenOptions) -> Result<Option<LoadedModel>, CliError> {
        self.draft_model.as_ref().map(|source| open(source, options)).transpose()
    }
}
