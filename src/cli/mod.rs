//! The command line: arguments as typed, settings as validated, exit codes.

mod args;
mod beams;
mod bench;
mod commands;
mod compare;
mod contrastive;
mod doctor;
mod environment;
mod error;
mod exact;
mod guidance;
mod host;
mod interface;
mod lesson;
mod models;
mod open;
mod processors;
mod replay;
mod score;
mod screenshot;
mod settings;
mod shell;
mod signals;
mod speculative;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

pub use environment::{VARIABLES, Variable};
pub use error::CliError;

/// Everything went well.
const DONE: u8 = 0;
/// Something failed that is no fault of what was typed.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage or bad input.
pub(crate) const BAD_INPUT: u8 = 2;
/// Interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// Every exit code, with what it means.
pub const EXIT_CODES: [(u8, &str); 4] = [
    (DONE, "done; or whoever read the output has had enough of it"),
    (FAILED, "failed, and not for what was typed: a server, a download, a disk, a promise that the model breaks"),
    (BAD_INPUT, "wrong usage or bad input; one line on standard error says what was wrong"),
    (INTERRUPTED, "interrupted"),
];

/// The command line as clap describes it: commands, options, help.
#[must_use]
pub fn command() -> clap::Command {
    args::Cli::command()
}

/// Runs the program with these arguments (the first is its name) and gives its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    signals::survive_file_limits();
    let parsed = command().try_get_matches_from(arguments).and_then(|m| args::Cli::from_arg_matches(&m));
    let outcome = match parsed {
        Ok(cli) => commands::dispatch(cli),
        Err(error) if !error.use_stderr() => return help(&error),
        Err(error) => Err(CliError::usage(&error)),
    };
    match outcome {
        Ok(()) => ExitCode::from(DONE),
        Err(error) if error.is_closed_pipe() => ExitCode::from(DONE),
        Err(error) => {
            if let Some(message) = error.message() {
                error::say(&message);
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// `--help` and `--version` are answers, not errors.
fn help(answer: &clap::Error) -> ExitCode {
    let _ = answer.print();
    ExitCode::from(DONE)
}
