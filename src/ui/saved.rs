//! What is kept of the interface between two runs of the program, as text: the session, and the prompts that were typed.

use serde::{Deserialize, Serialize};

use crate::session::saved::SavedTree;

/// The name of the format of sessions.
const SESSION: &str = "logitscope.session";
/// The name of the format of prompts.
const HISTORY: &str = "logitscope.history";
/// The name of the format of models.
const MODELS: &str = "logitscope.models-opened";
/// The version of all.
const VERSION: u64 = 1;
/// Prompts that are kept.
const MOST_PROMPTS: usize = 200;
/// Models that are kept.
const MOST_MODELS: usize = 20;

/// Why a kept text can't be used, in words that follow the name of its file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// Not JSON, not of this format, or broken.
    #[error("it is no {0} file: {1}")]
    Corrupt(&'static str, String),
    /// Written by a later program.
    #[error("it is of version {0}; this program reads version {VERSION}")]
    Newer(u64),
}

/// A session with everything around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// As in `--model`.
    pub model: String,
    /// The prompt.
    pub prompt: String,
    /// As in `--bos`.
    pub bos: String,
    /// As `--chat`.
    #[serde(default)]
    pub chat: bool,
    /// The tree of tokens.
    pub tree: SavedTree,
    /// Every chain that a token was decided with.
    pub chains: Vec<String>,
    /// The index of its chain, for each token of the output.
    pub made_with: Vec<usize>,
    /// The stages of the chain, first to last.
    pub stages: Vec<SavedStage>,
    /// The index of the selected one.
    pub selected: usize,
    /// `sampling` or `greedy`.
    pub mode: String,
    /// The seed.
    pub seed: u64,
    /// Nodes whose number was asked for again, and how often.
    pub redrawn: Vec<(usize, u64)>,
    /// The name of the view in front.
    pub view: String,
    /// The name of the theme.
    pub theme: String,
}

/// A stage and whether it takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedStage {
    /// As in `--chain`.
    pub stage: String,
    /// Whether it takes part.
    pub on: bool,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format: String,
    version: u64,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize, Deserialize)]
struct Prompts {
    prompts: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Models {
    models: Vec<String>,
}

/// What a file says of itself, before the rest of it is trusted.
#[derive(Deserialize)]
struct Named {
    format: String,
    version: u64,
}

fn read<T: for<'a> Deserialize<'a>>(format: &'static str, text: &str) -> Result<T, SavedError> {
    let corrupt = |error: serde_json::Error| SavedError::Corrupt(format, error.to_string());
    let named: Named = serde_json::from_str(text).map_err(corrupt)?;
    if named.format != format {
        return Err(SavedError::Corrupt(format, format!("its format is `{}`", named.format)));
    }
    if named.version != VERSION {
        return Err(SavedError::Newer(named.version));
    }
    Ok(serde_json::from_str::<Versioned<T>>(text).map_err(corrupt)?.content)
}

fn write<T: Serialize>(format: &str, content: T) -> String {
    let versioned = Versioned { format: format.into(), version: VERSION, content };
    // Maps with names for keys and numbers that are finite: nothing here that JSON could refuse.
    serde_json::to_string(&versioned).unwrap_or_default()
}

impl Saved {
    /// Reads a kept session.
    ///
    /// # Errors
    /// What is no session, or one of another version.
    pub fn parse(text: &str) -> Result<Self, SavedError> {
        read(SESSION, text)
    }

    /// The text that is kept.
    #[must_use]
    pub fn text(&self) -> String {
        write(SESSION, self)
    }
}

/// Reads the prompts that were typed, oldest first.
///
/// # Errors
/// What is no such list, or one of another version.
pub fn prompts(text: &str) -> Result<Vec<String>, SavedError> {
    Ok(read::<Prompts>(HISTORY, text)?.prompts)
}

/// The list to be kept: each prompt once, where it was typed last; the oldest are forgotten.
#[must_use]
pub fn prompts_text(prompts: &[String]) -> String {
    write(HISTORY, Prompts { prompts: last_of_each(prompts, MOST_PROMPTS) })
}

/// The models that were opened, the last one last.
///
/// # Errors
/// As for [`Saved::parse`].
pub fn models(text: &str) -> Result<Vec<String>, SavedError> {
    Ok(read::<Models>(MODELS, text)?.models)
}

/// The list to be kept: each model once, where it was opened last; the oldest are forgotten.
#[must_use]
pub fn models_text(models: &[String]) -> String {
    write(MODELS, Models { models: last_of_each(models, MOST_MODELS) })
}

/// Each text once, where it stood last; only so many of the last.
fn last_of_each(texts: &[String], most: usize) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in texts.iter().rev().filter(|text| !text.trim().is_empty()) {
        if kept.len() < most && !kept.contains(text) {
            kept.push(text.clone());
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_kept_once_and_in_order() {
        let typed = ["a", "b", "", "a", "c"].map(String::from);
        assert_eq!(prompts(&prompts_text(&typed)).unwrap(), ["b", "a", "c"]);
        let many: Vec<String> = (0..300).map(|i| i.to_string()).collect();
        let kept = prompts(&prompts_text(&many)).unwrap();
        assert_eq!((kept.len(), kept[0].as_str(), kept[199].as_str()), (200, "100", "299"));
    }

    #[test]
    fn what_can_not_be_read_says_why() {
        let says = |text: &str| Saved::parse(text).unwrap_err().to_string();
        assert!(says("").starts_with("it is no logitscope.session file"));
        assert!(says("{\"format\": \"logitscope.session\"").starts_with("it is no logitscope.session file"));
        assert!(says("{\"format\": \"x\", \"version\": 1}").ends_with("its format is `x`"));
        assert!(says("{\"format\": \"logitscope.session\", \"version\": 1}").contains("missing field"));
        let newer = "{\"format\": \"logitscope.session\", \"version\": 2, \"model\": 7}";
        assert_eq!(Saved::parse(newer), Err(SavedError::Newer(2)));
        assert_eq!(prompts(&prompts_text(&[])).unwrap(), [""; 0]);
    }
}
