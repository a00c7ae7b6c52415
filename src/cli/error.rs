//! One line for everything that can go wrong, and its exit code.

use std::io::{ErrorKind, Write, stderr};

use crate::decode::DecodeError;
use crate::engine::EngineError;
use crate::glyph;
use crate::headless::HeadlessError;
use crate::model::ModelError;
use crate::model::server::without_passwords;

use super::{BAD_INPUT, FAILED, INTERRUPTED};

/// Why the program ends early.
#[derive(Debug)]
pub enum CliError {
    /// The arguments, or what they lead to, are wrong.
    Input(String),
    /// Something else failed.
    Failed(String),
    /// Reading or writing failed.
    Io(std::io::Error),
    /// Some lines were answered with an error; they have said why.
    SomeLinesWrong(usize),
    /// Ctrl-C.
    Interrupted,
}

/// Tells the user something, in one line of standard error, with everything visible that a terminal might obey.
pub(super) fn say(line: &str) {
    // Standard error that is gone is no reason to stop.
    let _ = writeln!(stderr(), "logitscope: {}", one_line(line));
}

/// A text as one line that a terminal only shows.
pub(super) fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).collect();
    glyph::visible(&line)
}

impl CliError {
    /// What clap found wrong, in one line: its first paragraph, and its hint.
    pub(super) fn usage(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let mut paragraphs = text.split("\n\n");
        let first: Vec<&str> = paragraphs.next().unwrap_or_default().split_whitespace().collect();
        let first = first.join(" ");
        let tip = paragraphs.find_map(|paragraph| paragraph.trim().strip_prefix("tip: "));
        let tip = tip.map(|tip| format!(" ({})", tip.split_whitespace().collect::<Vec<_>>().join(" ")));
        let message = first.trim_start_matches("error: ");
        Self::Input(without_passwords(&format!("{message}{}; see --help", tip.unwrap_or_default())))
    }

    /// A closed pipe on standard output: the reader has had enough, and that is no error.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == ErrorKind::BrokenPipe)
    }

    /// The line for standard error.
    pub(super) fn message(&self) -> Option<String> {
        let text = match self {
            Self::Input(message) | Self::Failed(message) => message.clone(),
            Self::Io(error) => error.to_string(),
            Self::SomeLinesWrong(1) => "1 line was wrong: see its answer".into(),
            Self::SomeLinesWrong(n) => format!("{n} lines were wrong: see their answers"),
            Self::Interrupted => return None,
        };
        Some(text)
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) | Self::SomeLinesWrong(_) => BAD_INPUT,
            Self::Failed(_) | Self::Io(_) => FAILED,
            Self::Interrupted => INTERRUPTED,
        }
    }
}

impl From<DecodeError> for CliError {
    fn from(error: DecodeError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<ModelError> for CliError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Cancelled => Self::Interrupted,
            ModelError::Hub(error) if !error.is_bad_input() => Self::Failed(error.to_string()),
            ModelError::Unsupported(_) | ModelError::Server { .. } => Self::Failed(error.to_string()),
            error => Self::Input(error.to_string()),
        }
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Model(error) => error.into(),
            EngineError::Decode(error) => error.into(),
            EngineError::Interrupted => Self::Interrupted,
            error @ (EngineError::Request(_) | EngineError::Stuck { .. }) => Self::Input(error.to_string()),
        }
    }
}

impl From<HeadlessError> for CliError {
    fn from(error: HeadlessError) -> Self {
        match error {
            HeadlessError::Engine(error) => error.into(),
            HeadlessError::Input(message) => Self::Input(message),
            HeadlessError::Io(error) => Self::Io(error),
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
