//! `model`: its arguments, and what each of its commands does.

use std::io::{BufWriter, Write, stdout};

use clap::{Args, Subcommand, ValueEnum};

use crate::headless::{self, style::Style};
use crate::model::size::human;
use crate::model::{Fit, HubName, HubPlace, ModelSource, Network, OpenOptions, hub};

use super::CliError;
use super::error::one_line;
use super::open::{OpeningLine, open};
use super::signals::interrupt_on_signal;

/// `model`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ModelsAction,
}

/// What can be done with models.
#[derive(Debug, Subcommand)]
pub enum ModelsAction {
    /// List the models of the cache
    List {
        /// text or json
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: ModelsFormat,
    },
    /// Say what a model is and what it needs, without reading its weights
    Info {
        /// A model, as --model takes it
        #[arg(value_name = "SPEC")]
        model: ModelSource,
        /// text or json
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: ModelsFormat,
        /// Never use the network
        #[arg(long)]
        offline: bool,
    },
    /// Download a model into the cache, or bring it up to date
    Pull {
        /// owner/name[@revision], or owner/name/file.gguf
        #[arg(value_name = "SPEC")]
        model: String,
        /// Never use the network
        #[arg(long)]
        offline: bool,
    },
}

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModelsFormat {
    /// For people.
    Text,
    /// One document.
    Json,
}

impl From<ModelsFormat> for headless::Format {
    fn from(format: ModelsFormat) -> Self {
        match format {
            ModelsFormat::Text => Self::Text,
            ModelsFormat::Json => Self::Json,
        }
    }
}

pub(super) fn models(args: &ModelsArgs) -> Result<(), CliError> {
    let mut out = BufWriter::new(stdout().lock());
    match &args.action {
        ModelsAction::List { format } => {
            let place = HubPlace::from_env(Network::Forbidden);
            headless::model_list(&place, ((*format).into(), Style::detect()), &mut out)?;
        }
        ModelsAction::Info { model, format, offline } => {
            let options = OpenOptions { network: network(*offline), fit: Fit::Unneeded, ..OpenOptions::default() };
            let loaded = open(model, &options)?;
            headless::model_info(&loaded, ((*format).into(), Style::detect()), &mut out)?;
        }
        ModelsAction::Pull { model, offline } => pull(model, network(*offline), &mut out)?,
    }
    Ok(out.flush()?)
}

fn network(offline: bool) -> Network {
    if offline { Network::Forbidden } else { Network::Allowed }
}

fn pull(text: &str, network: Network, out: &mut dyn Write) -> Result<(), CliError> {
    let wrong = || {
        CliError::Input(format!("{text:?} is no model of the hub: give owner/name[@revision], or owner/name/file.gguf"))
    };
    let name = HubName::parse(text).ok_or_else(wrong)?;
    let place = HubPlace::from_env(network);
    let interrupt = interrupt_on_signal()?;
    let mut line = OpeningLine::detect();
    let path = hub::pull(&name, &place, &mut |opening| {
        line.show(&opening);
        interrupt.check()
    })?;
    drop(line);
    writeln!(out, "{name}: {} in {}", human(hub::bytes_in(&path)), one_line(&path.display().to_string()))?;
    Ok(())
}
