//! The options of beam search, and the strategy that they mean where none is named.

use clap::Args;

use crate::decode::beam::{BeamSettings, EarlyStopping, LengthNorm};
use crate::decode::strategy::StrategyRow;

use super::CliError;
use super::args::count;

/// The options of beam search.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Beam search")]
pub struct BeamArgs {
    /// Beams, all groups together [default: 4]; without --strategy it means beam, beside sampling options beam-sample
    #[arg(long, value_name = "B", allow_negative_numbers = true, value_parser = count)]
    pub num_beams: Option<usize>,
    /// The power of the length that sums are divided by, from -2 to 5: above 0 favours long sequences [default: 1]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub length_penalty: Option<f64>,
    /// What counts as the length: transformers, gnmt, vllm or none [default: transformers]
    #[arg(long, value_name = "NORM")]
    pub length_norm: Option<LengthNorm>,
    /// Stop when B have finished: true (at once), false (when better ones are unlikely) or never (when there can be none) [default: false]
    #[arg(long, value_name = "WHEN")]
    pub early_stopping: Option<EarlyStopping>,
    /// Groups of diverse beam search, a divisor of B [default: B]
    #[arg(long, value_name = "G", allow_negative_numbers = true, value_parser = count)]
    pub num_beam_groups: Option<usize>,
    /// What a token loses for each beam of an earlier group that has it, in nats [default: 0.5]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub diversity_penalty: Option<f64>,
}

/// Whether anything was asked for that only sampling can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    Asked,
    NotAsked,
}

impl BeamArgs {
    /// The strategy that these options mean; none where they mean none. As in transformers, where `num_beams` beside
    /// `do_sample` is beam sampling, and groups and sampling exclude each other.
    pub(super) fn strategy(&self, sampling: Sampling) -> Result<Option<&'static str>, CliError> {
        let grouped = self.num_beam_groups.is_some_and(|groups| groups > 1) || self.diversity_penalty.is_some();
        match (grouped, self.num_beams, sampling) {
            (true, _, Sampling::Asked) => Err(CliError::Input(format!(
                "{}: diverse beam search does not sample: leave out the sampling options, or the groups",
                self.first_flag().unwrap_or("--num-beam-groups")
            ))),
            (true, _, Sampling::NotAsked) => Ok(Some("diverse-beam")),
            (false, Some(_), Sampling::Asked) => Ok(Some("beam-sample")),
            (false, Some(_), Sampling::NotAsked) => Ok(Some("beam")),
            (false, None, _) => Ok(None),
        }
    }

    /// The settings of a search; none for a strategy that is none.
    pub(super) fn settings(
        &self,
        row: &StrategyRow,
        seed: u64,
        returned: usize,
    ) -> Result<Option<BeamSettings>, CliError> {
        let name = row.name;
        let Some(kind) = row.beams() else {
            return match self.first_flag() {
                Some(flag) => {
                    Err(CliError::Input(format!("{flag}: {name} has no beams: use --strategy beam, or leave it out")))
                }
                None => Ok(None),
            };
        };
        let defaults = BeamSettings::default();
        let beams = self.num_beams.unwrap_or(defaults.beams);
        let (groups, diversity_penalty) = (kind.groups)(beams);
        let refuse = |flag: &str| {
            Err(CliError::Input(format!("{flag}: {name} has no groups: use --strategy diverse-beam, or leave it out")))
        };
        if diversity_penalty == 0.0 {
            match (self.num_beam_groups, self.diversity_penalty) {
                (Some(2..), _) => return refuse("--num-beam-groups"),
                (_, Some(_)) => return refuse("--diversity-penalty"),
                _ => {}
            }
        }
        let settings = BeamSettings {
            beams,
            groups: self.num_beam_groups.unwrap_or(groups),
            diversity_penalty: self.diversity_penalty.unwrap_or(diversity_penalty),
            length_penalty: self.length_penalty.unwrap_or(defaults.length_penalty),
            length_norm: self.length_norm.unwrap_or_default(),
            early_stopping: self.early_stopping.unwrap_or_default(),
            selection: (kind.selection)(seed),
            returned,
        };
        settings.check()?;
        Ok(Some(settings))
    }

    /// The first of these options that was given.
    fn first_flag(&self) -> Option<&'static str> {
        let given = [
            (self.num_beams.is_some(), "--num-beams"),
            (self.length_penalty.is_some(), "--length-penalty"),
            (self.length_norm.is_some(), "--length-norm"),
            (self.early_stopping.is_some(), "--early-stopping"),
            (self.num_beam_groups.is_some(), "--num-beam-groups"),
            (self.diversity_penalty.is_some(), "--diversity-penalty"),
        ];
        given.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }
}
