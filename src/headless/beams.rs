//! Beam search as text, records and rows.

use crate::decode::TokenId;
use crate::decode::beam::{BeamSettings, Verdict};
use crate::engine::record::{finish, finite, stop_name};
use crate::engine::{Generated, ObservedBeams};
use crate::glyph::{self, Charset};
use crate::model::Tokenizer;

use super::style::Style;
use super::write::percent;

/// Columns of a token, and of a finished text in the table.
const TOKEN_WIDTH: usize = 18;
const TEXT_WIDTH: usize = 56;

/// The options of a search, in one line.
pub(super) fn options(settings: &BeamSettings) -> String {
    let groups = match settings.groups {
        1 => String::new(),
        groups => format!(" · {groups} groups, diversity penalty {}", settings.diversity_penalty),
    };
    format!(
        "{} beams · length penalty {} ({}) · early stopping {}{groups}",
        settings.beams, settings.length_penalty, settings.length_norm, settings.early_stopping
    )
}

/// The head of the table of steps.
pub(super) fn columns() -> String {
    format!(
        "{:>4}  {:>5} {:>5}  {:<TOKEN_WIDTH$} {:>9} {:>9} {:>9}",
        "step", "beam", "from", "token", "p", "sum", "score"
    )
}

/// One line for each beam that runs on or finished, and why the search is over.
pub(super) fn step_lines(observed: &ObservedBeams<'_>, style: Style, tokenizer: &dyn Tokenizer) -> Vec<String> {
    let step = observed.step;
    let mut lines = Vec::new();
    for candidate in step.running().into_iter().chain(step.finished()) {
        let number = if lines.is_empty() { step.step.to_string() } else { String::new() };
        let from = candidate.parent.map(|parent| parent.to_string()).unwrap_or_default();
        let note = match candidate.verdict {
            Verdict::Finished(ending) => format!("  finished by {}", format!("{:?}", finish(ending)).to_lowercase()),
            _ => String::new(),
        };
        let figures = figures(candidate.logprob, candidate.sum, candidate.score);
        let token = style.accent(&shown(candidate.token, tokenizer));
        lines.push(format!("{number:>4}  {:>5} {from:>5}  {token} {figures}{note}", candidate.node.index()));
    }
    if observed.search.stopped().is_some() {
        let why = step.bounds.iter().filter_map(|bound| bound.stop).next_back().map(stop_name);
        lines.extend(why.map(|why| style.dim(&format!("      over: {why}"))));
    }
    lines
}

/// Probability, running sum and score of a continuation.
pub(super) fn figures(logprob: f64, sum: f64, score: f64) -> String {
    format!("{:>9} {sum:>9.3} {score:>9.4}", percent(logprob.exp()))
}

fn shown(id: TokenId, tokenizer: &dyn Tokenizer) -> String {
    let piece = tokenizer.piece(id);
    let glyphs = if piece.special {
        glyph::plain(&piece.text, Charset::Unicode)
    } else {
        glyph::token(&piece.bytes, Charset::Unicode)
    };
    glyph::fit(&glyphs, TOKEN_WIDTH, Charset::Unicode)
}

/// The table of what was found, best first. `sum` is what the search added up: other than Σ log p where processors worked.
pub(super) fn table(sequences: &[Generated], style: Style) -> Vec<String> {
    let head = format!(
        "{:>4}  {:>6} {:>9} {:>9} {:>9}  {:<8}  {}",
        "rank", "tokens", "Σ log p", "sum", "score", "ended by", "text"
    );
    let mut lines = vec![style.dim(&head)];
    for (index, sequence) in sequences.iter().enumerate() {
        let sum: f64 = sequence.tokens.iter().map(|token| token.sampling_logprob).sum();
        let ended = format!("{:?}", sequence.finish_reason).to_lowercase();
        let glyphs = glyph::token(sequence.text.as_bytes(), Charset::Unicode);
        let text = glyph::fit(&glyphs, TEXT_WIDTH.min(glyph::width(&glyphs)), Charset::Unicode);
        lines.push(format!(
            "{:>4}  {:>6} {:>9.3} {sum:>9.3} {:>9.4}  {ended:<8}  {}",
            index + 1,
            sequence.tokens.len(),
            sequence.sum_logprob,
            sequence.score,
            style.accent(&text)
        ));
    }
    lines
}

/// The rows of a sequence: as those of other strategies, with its score at the end.
pub(super) fn rows(prompt: usize, sequence: usize, found: &Generated, tokenizer: &dyn Tokenizer) -> Vec<Vec<String>> {
    let number = |x: f64| finite(x).map(|x| x.to_string()).unwrap_or_default();
    let row = |(step, token): (usize, &crate::engine::GeneratedToken)| {
        let mut row = vec![
            prompt.to_string(),
            sequence.to_string(),
            step.to_string(),
            token.id.to_string(),
            tokenizer.piece(token.id).text.clone(),
            number(token.logprob),
            number(token.sampling_logprob),
            token.rank.to_string(),
        ];
        row.extend([String::new(), String::new(), String::new(), number(found.score)]);
        row
    };
    found.tokens.iter().enumerate().map(row).collect()
}
