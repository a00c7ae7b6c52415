//! `replay`: its arguments, and where the trace comes from.

use std::fs;
use std::io::{Read, Write, stdin, stdout};

use clap::{Args, ValueEnum};

use crate::engine::Recording;
use crate::headless::{self, ReplayFormat, style::Style};
use crate::session::trace;

use super::CliError;
use super::args::LookArgs;
use super::error::say;
use super::interface::open_recording;

/// `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A trace, as `run --format jsonl` writes it; `-` reads it from standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// text, json or csv: converts the trace; without it, the trace opens in the interface
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ReplayFormatName>,
    /// The look.
    #[command(flatten)]
    pub look: LookArgs,
}

/// What a trace can be turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayFormatName {
    /// For people.
    Text,
    /// The document of the run.
    Json,
    /// One row for each token.
    Csv,
}

impl From<ReplayFormatName> for ReplayFormat {
    fn from(name: ReplayFormatName) -> Self {
        match name {
            ReplayFormatName::Text => Self::Text,
            ReplayFormatName::Json => Self::Json,
            ReplayFormatName::Csv => Self::Csv,
        }
    }
}

pub(super) fn replay(args: &ReplayArgs) -> Result<(), CliError> {
    let (bytes, name) = match args.file.as_str() {
        "-" => {
            let mut bytes = Vec::new();
            stdin().read_to_end(&mut bytes)?;
            (bytes, "standard input")
        }
        file => {
            let read = fs::read(file);
            (read.map_err(|error| CliError::Input(format!("can't read {file}: {error}")))?, file)
        }
    };
    let Some(format) = args.format else {
        if name == "standard input" {
            let message =
                "replay: the interface needs standard input for its keys: give a file, or --format text, json or csv";
            return Err(CliError::Input(message.into()));
        }
        let read = trace::read(&bytes).map_err(|error| error.to_string());
        let recording =
            read.and_then(|file| file.traces.into_iter().next().map_or_else(|| Err("no trace".into()), Recording::new));
        let recording = recording.map_err(|reason| CliError::Input(format!("{name}: {reason}")))?;
        return open_recording(recording, &args.look);
    };
    let mut out = Vec::new();
    let warnings =
        headless::replay(&bytes, (format.into(), Style::detect()), &mut out).map_err(|error| match error {
            headless::HeadlessError::Input(message) => CliError::Input(format!("{name}: {message}")),
            error => error.into(),
        })?;
    for warning in warnings {
        // Standard error that is gone is no reason to stop.
        say(&format!("warning: {name}: {warning}"));
    }
    Ok(stdout().write_all(&out)?)
}
