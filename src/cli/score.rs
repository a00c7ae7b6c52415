//! `score`: its arguments, and the rules between them.

use std::fs;
use std::io::stdout;
use std::path::PathBuf;

use clap::Args;

use crate::decode::Chain;
use crate::decode::scoring::FILTERED_BY_DEFAULT;
use crate::headless::{self, ScoreInput, ScoreJob, style::Style};

use super::CliError;
use super::args::{ChainArgs, FormatName, ModelArgs};
use super::commands::{open, text_or_stdin};
use super::error::say;
use super::signals::interrupt_on_signal;

/// `score`.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// What stands before the completions; `-` reads it from standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// A completion of the prompt; may be given more than once
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub completion: Vec<String>,
    /// A whole text, in place of prompt and completions; `-` reads it from standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with_all = ["prompt", "completion"])]
    pub text: Option<String>,
    /// A file with a whole text, scored as it is
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt", "completion", "text"])]
    pub file: Option<PathBuf>,
    /// Tokens between the beginnings of two windows, for a text longer than the context [default: half the context]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = super::args::count)]
    pub stride: Option<usize>,
    /// Show what the usual mistakes would give, and which completion each would prefer
    #[arg(long)]
    pub audit: bool,
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// What the audit filters with; the scores are always the model's own.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// text, json, jsonl or csv
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: FormatName,
}

impl ScoreArgs {
    fn input(&self) -> Result<ScoreInput, CliError> {
        let input = |message: &str| Err(CliError::Input(message.into()));
        let chain = self.chain.chain()?;
        if !self.audit && (!chain.stages().is_empty() || self.chain.preset.is_some()) {
            return input("scores are the model's own: filters and penalties have a place in --audit alone");
        }
        let text = match (&self.text, &self.file) {
            (Some(text), _) => Some(text_or_stdin(text)?),
            (None, Some(file)) => {
                let read = fs::read_to_string(file);
                Some(read.map_err(|error| CliError::Input(format!("can't read {}: {error}", file.display())))?)
            }
            (None, None) => None,
        };
        match (text, &self.prompt) {
            (Some(_), _) if self.audit => input("--audit compares completions: give --prompt and --completion"),
            (Some(text), _) => Ok(ScoreInput::Text { text, stride: self.stride }),
            (None, None) => input("nothing to score: give --prompt and --completion, or --text, or --file; see --help"),
            (None, Some(_)) if self.completion.is_empty() => input("--prompt alone: give at least one --completion"),
            (None, Some(_)) if self.stride.is_some() => input("--stride is for a whole text: give --text or --file"),
            (None, Some(prompt)) => {
                if let Some(index) = self.completion.iter().position(String::is_empty) {
                    return input(&format!("completion {} is empty: give it some text", index + 1));
                }
                let filtered = if chain.stages().is_empty() { Chain::parse(FILTERED_BY_DEFAULT)? } else { chain };
                Ok(ScoreInput::Completions {
                    prompt: text_or_stdin(prompt)?,
                    completions: self.completion.clone(),
                    audit: self.audit.then_some(filtered),
                })
            }
        }
    }
}

pub(super) fn score(args: &ScoreArgs) -> Result<(), CliError> {
    let input = args.input()?;
    let interrupt = interrupt_on_signal()?;
    let mut loaded = open(&args.model)?;
    let progress = headless::Progress::detect();
    let job = ScoreJob {
        input: &input,
        special: args.model.open.bos.into(),
        form: args.model.open.form(),
        format: args.format.into(),
        style: Style::detect(),
        interrupt: &interrupt,
        progress: &progress,
        warn: &|line| {
            // Standard error that is gone is no reason to stop.
            say(&format!("warning: {line}"));
        },
    };
    Ok(headless::score(&mut loaded, &job, &mut stdout().lock())?)
}
