//! A step in figures, whether it was just taken or read from a trace: its row in CSV and its line for people.

use crate::decode::TokenId;
use crate::engine;
use crate::engine::record::finite;
use crate::glyph::{self, Charset};
use crate::model::Tokenizer;
use crate::session::trace;

use super::contrastive;
use super::detail::Detail;
use super::style::Style;
use super::write::percent;

/// Columns of a token in a table.
const TOKEN_WIDTH: usize = 18;

/// The columns of CSV.
pub(super) const COLUMNS: [&str; 11] = [
    "prompt",
    "sequence",
    "step",
    "id",
    "text",
    "logprob",
    "sampling_logprob",
    "rank",
    "draw",
    "entropy",
    "sampling_entropy",
];

/// A step in figures.
pub(super) struct StepFigures {
    pub(super) sequence: u64,
    pub(super) step: usize,
    pub(super) id: TokenId,
    /// The token's name.
    pub(super) text: String,
    /// Its part of the text; a special token has none.
    pub(super) bytes: Vec<u8>,
    pub(super) logprob: f64,
    pub(super) sampling_logprob: f64,
    pub(super) rank: usize,
    pub(super) draw: Option<f64>,
    pub(super) entropy: Option<f64>,
    pub(super) sampling_entropy: Option<f64>,
    /// What each stage removed: its label, how many tokens, which mass.
    pub(super) removed: Vec<(String, usize, f64)>,
    /// What the way of generating adds.
    pub(super) note: Option<String>,
}

impl StepFigures {
    pub(super) fn taken(step: &engine::Step<'_>, tokenizer: &dyn Tokenizer) -> Self {
        let (token, analysis) = (step.token, step.analysis);
        let piece = tokenizer.piece(token.id);
        Self {
            sequence: step.sequence,
            step: step.step,
            id: token.id,
            text: piece.text.clone(),
            bytes: if piece.special { Vec::new() } else { piece.bytes.clone() },
            logprob: token.logprob,
            sampling_logprob: token.sampling_logprob,
            rank: token.rank,
            draw: step.choice.draw.map(|draw| draw.u),
            entropy: analysis.model().full_entropy(),
            sampling_entropy: Some(analysis.sampling_entropy()),
            removed: analysis
                .stages()
                .iter()
                .map(|stage| (stage.label.clone(), stage.removed, stage.removed_mass))
                .collect(),
            note: contrastive::taken(step.detail, tokenizer)
                .or_else(|| Detail::new(step.detail, tokenizer).note())
                .or_else(|| beyond(analysis.stages().iter().map(|stage| (&stage.label, stage.reaches_rest)))),
        }
    }

    pub(super) fn recorded(step: &trace::Step) -> Self {
        let removed =
            |stage: &trace::Stage| (stage.stage.clone(), stage.removed, stage.removed_mass.unwrap_or_default());
        Self {
            draw: step.draw,
            entropy: step.entropy,
            sampling_entropy: step.sampling_entropy,
            removed: step.stages.iter().map(removed).collect(),
            note: contrastive::recorded(step)
                .or_else(|| Detail::recorded(step).note())
                .or_else(|| beyond(step.stages.iter().map(|stage| (&stage.stage, stage.reaches_rest)))),
            ..Self::listed(step.sequence, step.step, &step.chosen)
        }
    }

    /// A token of a sequence of which no more is known.
    pub(super) fn listed(sequence: u64, step: usize, token: &trace::OutputToken) -> Self {
        Self {
            sequence,
            step,
            id: token.token.id,
            text: token.token.text.clone(),
            bytes: token.token.bytes.clone(),
            logprob: token.logprob.unwrap_or(f64::NEG_INFINITY),
            sampling_logprob: token.sampling_logprob.unwrap_or(f64::NEG_INFINITY),
            rank: token.rank,
            draw: None,
            entropy: None,
            sampling_entropy: None,
            removed: Vec::new(),
            note: None,
        }
    }

    /// One row, as [`COLUMNS`] names it.
    pub(super) fn row(&self, prompt: usize) -> Vec<String> {
        let number = |x: Option<f64>| x.and_then(finite).map(|x| x.to_string()).unwrap_or_default();
        vec![
            prompt.to_string(),
            self.sequence.to_string(),
            self.step.to_string(),
            self.id.to_string(),
            self.text.clone(),
            number(Some(self.logprob)),
            number(Some(self.sampling_logprob)),
            self.rank.to_string(),
            number(self.draw),
            number(self.entropy),
            number(self.sampling_entropy),
        ]
    }

    /// One line of the table.
    pub(super) fn line(&self, style: Style) -> String {
        let remarks: Vec<String> = self
            .removed
            .iter()
            .filter(|(_, removed, _)| *removed > 0)
            .map(|(label, removed, mass)| format!("{} −{removed} ({})", glyph::visible(label), percent(*mass)))
            .chain(self.note.clone())
            .collect();
        let draw = self.draw.map(|u| format!("{u:.4}")).unwrap_or_default();
        let p = percent(self.logprob.exp());
        let chain_p = percent(self.sampling_logprob.exp());
        format!(
            "{:>4}  {} {p:>9} {:>7} {chain_p:>9}  {draw:>7}  {}",
            self.step,
            style.accent(&token_cell(&self.text, &self.bytes)),
            self.rank,
            style.dim(&remarks.join(" · "))
        )
    }
}

/// The stage that may have had to keep tokens that the model does not list.
fn beyond<'a>(mut stages: impl Iterator<Item = (&'a String, bool)>) -> Option<String> {
    let (label, _) = stages.find(|(_, reaches_rest)| *reaches_rest)?;
    Some(format!("{} may reach beyond the list", glyph::visible(label)))
}

/// A token in a column of its own. One without bytes is special and shown by its name.
pub(super) fn token_cell(text: &str, bytes: &[u8]) -> String {
    glyph::fit(&token_glyphs(text, bytes), TOKEN_WIDTH, Charset::Unicode)
}

/// A token in a sentence: no wider than a column, and no wider than it is.
pub(super) fn token_name(text: &str, bytes: &[u8]) -> String {
    let glyphs = token_glyphs(text, bytes);
    glyph::fit(&glyphs, glyph::width(&glyphs).min(TOKEN_WIDTH), Charset::Unicode)
}

fn token_glyphs(text: &str, bytes: &[u8]) -> Vec<glyph::Glyph> {
    if bytes.is_empty() { glyph::plain(text, Charset::Unicode) } else { glyph::token(bytes, Charset::Unicode) }
}
