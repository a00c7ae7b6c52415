//! The flags of the processors, made from their table.

use clap::{Arg, ArgMatches, Command};

use crate::decode::{DecodeError, PROCESSORS, Parameter, ProcessorRow, Stage};

/// The processors that were given as flags, in the order of the table.
#[derive(Clone, Debug, Default)]
pub struct ProcessorArgs {
    /// One for each flag that was given.
    pub stages: Vec<Stage>,
}

impl clap::Args for ProcessorArgs {
    fn augment_args(command: Command) -> Command {
        PROCESSORS.iter().fold(command, |command, row| command.arg(flag(row)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for ProcessorArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let stages = PROCESSORS.iter().filter_map(|row| matches.get_one::<Stage>(row.name).cloned()).collect();
        Ok(Self { stages })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flag(row: &'static ProcessorRow) -> Arg {
    let value_name = match row.parameter {
        Parameter::Number(..) => "X",
        Parameter::Count(_) => "N",
        Parameter::Bias(_) => "ID=VALUE,…",
        Parameter::Ids(_) => "ID,…",
        Parameter::Fields(..) => "X:Y:…",
        Parameter::Text(_) => "PATTERN",
    };
    Arg::new(row.name)
        .long(row.name.replace('_', "-"))
        .value_name(value_name)
        .help(row.summary)
        .help_heading("Filters and penalties")
        .allow_hyphen_values(true)
        .value_parser(move |text: &str| -> Result<Stage, DecodeError> { Stage::new(row, row.parse(text)?) })
}
