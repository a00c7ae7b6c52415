//! Guided lessons: pages of text with pictures and questions, every figure of which the engine computes.
//!
//! A lesson is a TOML file that a teacher can write; `docs/lessons.md` describes it. What it states as a result is a reference to
//! a figure, and a figure is one of [`COMPUTATIONS`] with its parameters; where the file says what a figure is expected to be,
//! reading it fails unless it is. The right answer of a question is computed too. What is read is ready to be shown: no reader
//! of a [`Lesson`] computes anything.

pub mod compute;
mod error;
mod expression;
mod file;
mod picture;
mod text;

pub use compute::{COMPUTATIONS, ComputationRow};
pub use error::LessonError;
pub use picture::{Bar, Cell, Column, Mark, Picture, Row};
pub use text::{Block, number};

/// The lessons inside the program: name and file, in the order in which they are best gone through.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("softmax", include_str!("../../lessons/softmax.toml")),
    ("temperature", include_str!("../../lessons/temperature.toml")),
    ("truncation", include_str!("../../lessons/truncation.toml")),
    ("filter-order", include_str!("../../lessons/filter-order.toml")),
    ("chain-rule", include_str!("../../lessons/chain-rule.toml")),
    ("greedy", include_str!("../../lessons/greedy.toml")),
    ("beam-search", include_str!("../../lessons/beam-search.toml")),
    ("length", include_str!("../../lessons/length.toml")),
    ("audit", include_str!("../../lessons/audit.toml")),
    ("perplexity", include_str!("../../lessons/perplexity.toml")),
    ("repetition", include_str!("../../lessons/repetition.toml")),
    ("likely-text", include_str!("../../lessons/likely-text.toml")),
    ("cross-entropy", include_str!("../../lessons/cross-entropy.toml")),
    ("conditional", include_str!("../../lessons/conditional.toml")),
    ("uncertainty", include_str!("../../lessons/uncertainty.toml")),
    ("cost", include_str!("../../lessons/cost.toml")),
];

/// A lesson, computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// What it is called.
    pub title: String,
    /// What it teaches, in one line.
    pub summary: String,
    /// Where to read on.
    pub sources: Vec<String>,
    /// Its pages, at least one.
    pub pages: Vec<Page>,
}

/// What a list says of a lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// What it is called.
    pub title: String,
    /// What it teaches, in one line.
    pub summary: String,
}

/// A page of a lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// What it says.
    pub text: Vec<Block>,
    /// What it shows, in order.
    pub pictures: Vec<Picture>,
    /// What it asks.
    pub question: Option<Question>,
}

/// Something to predict before it is revealed.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked.
    pub ask: Vec<Block>,
    /// What is right.
    pub answer: Answer,
    /// Why, to be shown once the answer is revealed.
    pub because: Vec<Block>,
    /// What shows it.
    pub pictures: Vec<Picture>,
}

/// What a question takes for an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// One of several.
    Choice {
        /// What can be chosen, at least two.
        choices: Vec<String>,
        /// The index of the right one.
        right: usize,
    },
    /// A number.
    Number {
        /// The right one.
        value: f64,
        /// How far beside it still counts as right.
        within: f64,
        /// How it is written.
        shown: String,
    },
}

impl Answer {
    /// Whether a number is near enough. A percentage counts as its hundredth where that is nearer.
    #[must_use]
    pub fn accepts(&self, number: f64) -> bool {
        // What is typed in decimals misses the bound by a rounding error.
        matches!(self, Self::Number { value, within, .. } if (number - value).abs() <= within + 1e-9)
    }
}

/// The number that an answer's text means: `0.95`, `-1,2`, `95 %`.
#[must_use]
pub fn parse_answer(text: &str) -> Option<f64> {
    let text = text.trim().replace(',', ".").replace('−', "-");
    let (digits, unit) = match text.strip_suffix('%') {
        Some(digits) => (digits.trim_end(), 0.01),
        None => (text.as_str(), 1.0),
    };
    digits.parse().ok().filter(|number: &f64| number.is_finite()).map(|number| number * unit)
}

impl Lesson {
    /// Reads a lesson and computes its figures; `file` names it in messages.
    ///
    /// # Errors
    /// What is no lesson, a computation that fails, a figure that is not as expected, or a question with no answer or several;
    /// with the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, LessonError> {
        file::read(file, text)
    }

    /// A lesson of the program.
    ///
    /// # Errors
    /// No lesson of this name; the message lists those that there are.
    pub fn built_in(name: &str) -> Result<Self, LessonError> {
        match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            Some((name, text)) => Self::parse(&format!("lesson {name}"), text),
            None => Err(LessonError::Unknown(name.into())),
        }
    }

    /// Title and summary of a lesson of the program, without computing it.
    ///
    /// # Errors
    /// No lesson of this name, or one without title and summary.
    pub fn heading(name: &str) -> Result<Heading, LessonError> {
        match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            Some((name, text)) => file::heading(&format!("lesson {name}"), text),
            None => Err(LessonError::Unknown(name.into())),
        }
    }

    /// Pages that ask something.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.pages.iter().filter(|page| page.question.is_some()).count()
    }
}

#[cfg(test)]
mod tests;
