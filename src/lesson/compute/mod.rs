//! What a lesson can compute: one file for each computation, and the table that declares them. All of them ask the engine.

mod audit;
mod beam;
mod cost;
mod cross_entropy;
mod distribution;
mod generate;
mod hypotheses;
mod perplexity;
mod samples;
mod score;
mod searches;
mod sequences;
mod sweep;
mod versus;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use crate::decode::{Analysis, Chain, Context, Distribution, TokenId};
use crate::engine::{PromptRead, assemble, read_prompt};
use crate::model::{LanguageModel, LoadedModel, ModelError, SpecialTokens, Tokenizer, table, unwatched};

use super::LessonError;
use super::Picture;
use super::error::Fault;
use super::expression::Value;

/// The declaration of a computation: the file's keys, the documentation and the tests come from it.
#[derive(Debug)]
pub struct ComputationRow {
    /// As in `compute = "…"`.
    pub name: &'static str,
    /// What it computes, in one line.
    pub summary: &'static str,
    /// Its parameters: the key and what it means.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Its values, by which a text refers to them. `L` stands for a label, `N` for the name of a row, `i` for a number from 1.
    pub values: &'static [(&'static str, &'static str)],
    /// A figure, as it is written in a file that has the model of `EXAMPLE_MODEL`.
    pub example: &'static str,
    /// Does it.
    pub(super) compute: fn(Arguments<'_, '_>) -> Result<Figure, Fault>,
}

/// Every computation.
pub static COMPUTATIONS: &[ComputationRow] = &[
    distribution::ROW,
    sweep::ROW,
    versus::ROW,
    sequences::ROW,
    perplexity::ROW,
    hypotheses::ROW,
    cross_entropy::ROW,
    cost::ROW,
    score::ROW,
    audit::ROW,
    generate::ROW,
    samples::ROW,
    searches::ROW,
    beam::ROW,
];

/// The table model that the examples of the computations use.
pub const EXAMPLE_MODEL: &str = r#"[models.abc]
vocabulary = ["A", "B", "C"]
end = "<end>"

[[models.abc.row]]
context = ["<begin>"]
next = { A = 0.5, B = 0.3 }

[[models.abc.row]]
context = ["A"]
next = { A = 0.6, B = 0.2 }

[[models.abc.row]]
context = ["B"]
next = { C = 0.4, "<end>" = 0.3 }

[[models.abc.row]]
context = ["C"]
next = { "<end>" = 1.0 }
"#;

pub(super) fn computation(name: &str) -> Result<&'static ComputationRow, String> {
    COMPUTATIONS.iter().find(|row| row.name == name).ok_or_else(|| {
        let known: Vec<&str> = COMPUTATIONS.iter().map(|row| row.name).collect();
        format!("compute: no computation is called \"{name}\"; there are {}", known.join(", "))
    })
}

/// What a computation gives.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    values: BTreeMap<String, Value>,
    pub(super) picture: Picture,
}

impl Figure {
    fn new(picture: Picture) -> Self {
        Self { values: BTreeMap::new(), picture }
    }

    fn set(&mut self, key: impl Into<String>, value: f64) {
        self.values.insert(key.into(), Value::Number(value));
    }

    fn say(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.values.insert(key.into(), Value::Text(value.into()));
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// Its keys, for messages.
    pub(super) fn keys(&self) -> String {
        const SHOWN: usize = 24;
        let more = if self.values.len() > SHOWN { ", …" } else { "" };
        let keys: Vec<&str> = self.values.keys().take(SHOWN).map(String::as_str).collect();
        format!("{}{more}", keys.join(", "))
    }
}

/// The name under which a label is referred to: its letters and digits, one underscore for whatever stands between them.
pub(super) fn key(label: &str) -> String {
    let parts = label.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("_")
}

/// The parameters of a figure.
pub(super) struct Arguments<'a, 'm> {
    pub(super) part: Spanned<DeValue<'a>>,
    pub(super) models: &'m Models<'m>,
}

impl Arguments<'_, '_> {
    fn read<P: DeserializeOwned>(self) -> Result<P, Fault> {
        Ok(P::deserialize(ValueDeserializer::from(self.part))?)
    }
}

/// The table models of a lesson.
pub(super) struct Models<'a> {
    file: &'a str,
    text: &'a str,
    parts: BTreeMap<String, Spanned<DeValue<'a>>>,
}

impl<'a> Models<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, parts: BTreeMap::new() }
    }

    /// Adds a model, once it is known to open.
    pub(super) fn add(&mut self, name: String, part: Spanned<DeValue<'a>>) -> Result<(), LessonError> {
        table::parse_part(self.file, self.text, part.clone()).map(drop)?;
        self.parts.insert(name, part);
        Ok(())
    }

    /// A model that has read a prompt.
    fn open(&self, name: &str, prompt: &str) -> Result<Opened, Fault> {
        let part = self.parts.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.parts.keys().map(String::as_str).collect();
            let there =
                if known.is_empty() { "write [models.NAME]".into() } else { format!("there are {}", known.join(", ")) };
            Fault::new(format!("model: no model `{name}`: {there}"))
        })?;
        let LoadedModel { mut model, tokenizer } = table::parse_part(self.file, self.text, part.clone())?;
        let ids = tokenizer.encode(prompt, SpecialTokens::Auto)?;
        let read = read_prompt(model.as_mut(), &ids, &mut unwatched)?;
        Ok(Opened { model, tokenizer, ids, read })
    }
}

/// A table model with its prompt.
struct Opened {
    model: Box<dyn LanguageModel>,
    tokenizer: Arc<dyn Tokenizer>,
    ids: Vec<TokenId>,
    read: PromptRead,
}

impl Opened {
    /// Tokens as a text; a special token by its name.
    fn text(&self, ids: impl IntoIterator<Item = TokenId>) -> String {
        words(self.tokenizer.as_ref(), ids)
    }

    fn ends(&self) -> Vec<TokenId> {
        self.model.info().eos_token_ids.clone()
    }

    fn cut(&self, text: &str) -> Result<Vec<TokenId>, ModelError> {
        self.tokenizer.encode(text, SpecialTokens::Never)
    }
}

/// Tokens with a space between those that do not bring one.
fn words(tokenizer: &dyn Tokenizer, ids: impl IntoIterator<Item = TokenId>) -> String {
    let mut text = String::new();
    for id in ids {
        let piece = tokenizer.piece(id);
        let bytes = assemble(tokenizer, [&id]);
        let word = if piece.special { piece.text.clone() } else { String::from_utf8_lossy(&bytes).into_owned() };
        if !text.is_empty() && !word.starts_with(' ') {
            text.push(' ');
        }
        text.push_str(&word);
    }
    text.trim().into()
}

/// A distribution as a lesson gives it: labels with logits or probabilities.
#[derive(Deserialize)]
struct Given {
    labels: Vec<String>,
    logits: Option<Vec<f64>>,
    probs: Option<Vec<f64>>,
}

/// How far probabilities may be from a sum of 1: the rounding of decimal fractions.
const ROUNDING: f64 = 1e-6;
/// More labels than these are no picture.
const MOST_LABELS: usize = 64;

impl Given {
    fn distribution(&self) -> Result<Arc<Distribution>, Fault> {
        let numbers = match (&self.logits, &self.probs) {
            (Some(logits), None) => logits.clone(),
            (None, Some(probs)) => {
                let sum: f64 = probs.iter().sum();
                if let Some(p) = probs.iter().find(|p| !(0.0..=1.0).contains(*p)) {
                    return Err(Fault::new(format!("probs: {p} is not between 0 and 1")));
                }
                if (sum - 1.0).abs() > ROUNDING {
                    return Err(Fault::new(format!("probs: the sum is {sum}, not 1")));
                }
                probs.iter().map(|p| p.ln()).collect()
            }
            _ => return Err(Fault::new("give either logits or probs")),
        };
        let labels = self.labels.len();
        if numbers.len() != labels || labels > MOST_LABELS {
            let n = numbers.len();
            return Err(Fault::new(format!(
                "{labels} labels and {n} numbers: give as many of both, at most {MOST_LABELS}"
            )));
        }
        check_names("labels", &self.labels)?;
        Ok(Distribution::from_logits(&numbers)?.into())
    }

    fn id(&self, what: &str, label: &str) -> Result<TokenId, Fault> {
        let found = self.labels.iter().position(|other| other == label);
        let missing = || Fault::new(format!("{what}: \"{label}\" is none of {}", self.labels.join(", ")));
        found.map(|id| id as TokenId).ok_or_else(missing)
    }

    fn label(&self, id: TokenId) -> &str {
        self.labels.get(id as usize).map_or("", String::as_str)
    }
}

/// Refuses names that a text could not refer to, or could not tell apart.
fn check_names(what: &str, names: &[String]) -> Result<(), Fault> {
    for (index, name) in names.iter().enumerate() {
        if key(name).is_empty() {
            return Err(Fault::new(format!("{what}: \"{name}\" has no letter or digit to be referred to by")));
        }
        if names[..index].iter().any(|other| key(other) == key(name)) {
            return Err(Fault::new(format!("{what}: `{}` is there twice", key(name))));
        }
    }
    Ok(())
}

/// Refuses a number that is out of range.
fn within(what: &str, number: usize, range: std::ops::RangeInclusive<usize>) -> Result<usize, Fault> {
    if range.contains(&number) {
        return Ok(number);
    }
    Err(Fault::new(format!("{what}: {number} is not between {} and {}", range.start(), range.end())))
}

/// What a chain makes of a distribution, after these tokens.
fn analyse(model: &Arc<Distribution>, chain: &Chain, history: &[TokenId]) -> Result<Analysis, Fault> {
    let context = Context { history, ..Context::default() };
    Ok(Analysis::new(Arc::clone(model), chain, context)?)
}

/// The name of the stage that removed a token.
fn removed_by(analysis: &Analysis, id: TokenId) -> Option<&'static str> {
    analysis.removal(id).and_then(|removal| Some(analysis.stages().get(removal.stage)?.name))
}

#[cfg(test)]
mod tests;
