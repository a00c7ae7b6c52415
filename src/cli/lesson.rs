//! `lesson`: its arguments, and where a lesson comes from.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use crate::glyph;
use crate::headless::{self, style::Style};
use crate::lesson::{Lesson, LessonError};

use super::CliError;
use super::args::LookArgs;
use super::interface::open_lesson;

/// `lesson`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LessonArgs {
    /// What to do with a file of your own
    #[command(subcommand)]
    pub action: Option<LessonAction>,
    /// A lesson by name, or a lesson file; without it, the lessons are listed
    #[arg(value_name = "NAME|FILE")]
    pub name: Option<String>,
    /// text: prints the whole lesson, with the answers, in place of opening it
    #[arg(long, value_name = "FORMAT", requires = "name")]
    pub format: Option<LessonFormat>,
    /// The look.
    #[command(flatten)]
    pub look: LookArgs,
}

/// What can be done with a lesson file.
#[derive(Debug, Subcommand)]
pub enum LessonAction {
    /// Say what is wrong with a lesson file
    Check {
        /// The file
        file: PathBuf,
    },
}

/// What a lesson can be turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LessonFormat {
    /// For people.
    Text,
}

pub(super) fn lesson(args: &LessonArgs) -> Result<(), CliError> {
    if let Some(LessonAction::Check { file }) = &args.action {
        let lesson = read(file)?;
        let count = |n: usize, thing: &str| format!("{n} {thing}{}", if n == 1 { "" } else { "s" });
        let (pages, questions) = (count(lesson.pages.len(), "page"), count(lesson.questions(), "question"));
        return Ok(writeln!(stdout(), "{}: good: {pages}, {questions}", glyph::visible(&lesson.title))?);
    }
    let mut out = Vec::new();
    match (&args.name, args.format) {
        (None, _) => headless::lessons(Style::detect(), &mut out)?,
        (Some(name), Some(LessonFormat::Text)) => headless::lesson(&load(name)?, Style::detect(), &mut out)?,
        (Some(name), None) => return open_lesson(&args.look, load(name)?),
    }
    Ok(stdout().write_all(&out)?)
}

/// A lesson of the program, or one in a file.
fn load(name: &str) -> Result<Lesson, CliError> {
    let path = Path::new(name);
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
        return read(path);
    }
    Ok(Lesson::built_in(name)?)
}

fn read(path: &Path) -> Result<Lesson, CliError> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| CliError::Input(format!("can't read {name}: {error}")))?;
    Ok(Lesson::parse(&name, &text)?)
}

impl From<LessonError> for CliError {
    fn from(error: LessonError) -> Self {
        Self::Input(error.to_string())
    }
}
