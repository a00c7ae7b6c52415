//! The four forms of a score.

use std::io::Write;

use serde::Serialize;
use serde_json::json;

use super::document::{AuditRecord, Completion, ScoreDocument, Token};
use crate::glyph::{self, Charset, visible, visible_lines};
use crate::headless::style::Style;
use crate::headless::{Format, HeadlessError, json};
use crate::model::Tokenizer;

/// Cells of a bar.
const BAR: usize = 24;
/// Cells of a token.
const TOKEN: usize = 20;

pub(super) fn write(
    document: &ScoreDocument<'_>,
    tokenizer: &dyn Tokenizer,
    (format, style): (Format, Style),
    out: &mut Vec<u8>,
) -> Result<(), HeadlessError> {
    match format {
        Format::Json => Ok(json::line(out, document)?),
        Format::Jsonl => lines(document, out),
        Format::Csv => csv(document, out),
        Format::Text => Ok(Text { document, tokenizer, style }.write(out)?),
    }
}

/// A header, a record for each completion, an end.
fn lines(document: &ScoreDocument<'_>, out: &mut Vec<u8>) -> Result<(), HeadlessError> {
    let ScoreDocument { format, version, model, prompt, completions, best, audit } = document;
    json::line(
        out,
        &json!({"type": "header", "format": format, "version": version, "model": model, "prompt": prompt}),
    )?;
    for (index, completion) in completions.iter().enumerate() {
        let mut record = json!({"type": "completion", "index": index});
        let fields = serde_json::to_value(completion).map_err(std::io::Error::from)?;
        if let (Some(record), serde_json::Value::Object(fields)) = (record.as_object_mut(), fields) {
            record.extend(fields);
        }
        json::line(out, &record)?;
    }
    let mut end = json!({"type": "end", "best": best});
    if let (Some(end), Some(audit)) = (end.as_object_mut(), audit) {
        end.insert("audit".into(), serde_json::to_value(audit).map_err(std::io::Error::from)?);
    }
    Ok(json::line(out, &end)?)
}

fn csv(document: &ScoreDocument<'_>, out: &mut Vec<u8>) -> Result<(), HeadlessError> {
    #[derive(Serialize)]
    struct Row<'a> {
        completion: usize,
        index: usize,
        id: u32,
        text: &'a str,
        logprob: Option<f64>,
        rank: Option<usize>,
        entropy: Option<f64>,
    }
    let mut writer = csv::Writer::from_writer(out);
    for (completion, scored) in document.completions.iter().enumerate() {
        for (index, token) in scored.tokens.iter().enumerate() {
            let Token { ref cut, logprob, rank, entropy, .. } = *token;
            let row = Row { completion, index, id: cut.id, text: &cut.text, logprob, rank, entropy };
            writer.serialize(row).map_err(std::io::Error::from)?;
        }
    }
    Ok(writer.flush()?)
}

struct Text<'a> {
    document: &'a ScoreDocument<'a>,
    tokenizer: &'a dyn Tokenizer,
    style: Style,
}

impl Text<'_> {
    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let (document, style) = (self.document, self.style);
        writeln!(out, "{}", style.dim(&format!("{} · score", visible(&document.model.name))))?;
        if let Some(prompt) = &document.prompt {
            writeln!(out, "{}", style.bold(&visible_lines(prompt.text.as_bytes())))?;
        }
        let most = document.completions.iter().flat_map(|completion| &completion.tokens).filter_map(surprise);
        let most = most.filter(|surprise| surprise.is_finite()).fold(1.0, f64::max);
        for (index, completion) in document.completions.iter().enumerate() {
            writeln!(out)?;
            if document.prompt.is_some() {
                let head = format!("completion {}: {}", index + 1, visible_lines(completion.text.as_bytes()));
                writeln!(out, "{}", style.bold(&head))?;
            }
            let columns = format!("{:<TOKEN$} {:>9} {:>7} {:>8}  −log p", "token", "log p", "rank", "entropy");
            writeln!(out, "{}", style.dim(&columns))?;
            for token in &completion.tokens {
                writeln!(out, "{}", self.token(token, most))?;
            }
            writeln!(out, "{}", style.dim(&totals(completion)))?;
        }
        if document.completions.len() > 1 {
            writeln!(out, "\n{}", style.bold(&winner(document)))?;
        }
        match &document.audit {
            Some(audit) => self.audit(audit, out),
            None => Ok(()),
        }
    }

    fn token(&self, token: &Token, most: f64) -> String {
        let piece = self.tokenizer.piece(token.cut.id);
        let glyphs = if piece.special {
            glyph::plain(&piece.text, Charset::Unicode)
        } else {
            glyph::token(&piece.bytes, Charset::Unicode)
        };
        let shown = self.style.accent(&glyph::fit(&glyphs, TOKEN, Charset::Unicode));
        let Some(figures) = token.figures else {
            return format!("{shown} {}", self.style.dim("        – nothing stands before it"));
        };
        let rank = figures.rank.map_or("–".into(), |rank| rank.to_string());
        let entropy = token.entropy.map_or("–".into(), |entropy| format!("{entropy:.3}"));
        let logprob = if figures.is_known() {
            number(figures.logprob, 9)
        } else {
            format!("{:>9}", format!("≤ {:.3}", figures.at_most))
        };
        let numbers = format!("{logprob} {rank:>7} {entropy:>8}");
        format!("{shown} {numbers}  {}", bar(-figures.logprob / most)).trim_end().into()
    }

    /// A row for each mistake; those that would prefer another completion are marked.
    fn audit(&self, audit: &[AuditRecord], out: &mut Vec<u8>) -> std::io::Result<()> {
        let completions: Vec<String> = (1..=self.document.completions.len()).map(|n| format!("{n:>11}")).collect();
        let head = format!("{:<17}{}  prefers", "mistake", completions.concat());
        writeln!(out, "\n{}", self.style.dim(&head))?;
        for record in audit {
            let values: String =
                record.values.iter().map(|value| number(value.unwrap_or(f64::NEG_INFINITY), 11)).collect();
            let prefers = record.best.map_or("–".into(), |best| (best + 1).to_string());
            let chain = record.chain.as_ref().map(|chain| format!(" ({chain})")).unwrap_or_default();
            let row = format!("{:<17}{values}  {prefers:<2}", record.mistake);
            let summary = self.style.dim(&format!("{}{chain}", record.summary));
            let (mark, row) = if record.differs { ("✗", self.style.bold(&row)) } else { (" ", row) };
            writeln!(out, "{row} {mark}  {summary}")?;
        }
        let wrong = audit.iter().filter(|record| record.differs).count();
        let verdict = match wrong {
            0 => "none of these mistakes would change the winner".into(),
            1 => "1 mistake (✗) would prefer another completion".into(),
            n => format!("{n} mistakes (✗) would prefer another completion"),
        };
        writeln!(out, "{}", self.style.dim(&verdict))
    }
}

fn surprise(token: &Token) -> Option<f64> {
    token.figures.map(|figures| -figures.logprob)
}

/// A log-probability, `cells` wide.
fn number(value: f64, cells: usize) -> String {
    if value == f64::NEG_INFINITY { format!("{:>cells$}", "−∞") } else { format!("{value:>cells$.3}") }
}

/// A part of a bar, from 0 to 1, in eighths of a cell.
fn bar(part: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part.clamp(0.0, 1.0) * (8 * BAR) as f64).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

fn totals(completion: &Completion) -> String {
    let totals = completion.totals;
    let bits = totals.bits_per_byte().map(|bits| format!(" · {bits:.3} bits/byte")).unwrap_or_default();
    let tokens = if totals.tokens == 1 { "1 token".into() } else { format!("{} tokens", totals.tokens) };
    if !completion.is_known() {
        return format!("{tokens} · Σ log p unknown");
    }
    format!(
        "{tokens} · Σ log p {} · mean {} · perplexity {:.2}{bits}",
        number(totals.sum_logprob, 0),
        number(totals.mean_logprob(), 0),
        totals.perplexity()
    )
}

/// Which completion is the most probable, and by how much.
fn winner(document: &ScoreDocument<'_>) -> String {
    let sum = |index: usize| document.completions.get(index).map_or(f64::NEG_INFINITY, |one| one.totals.sum_logprob);
    let best = sum(document.best);
    let second =
        (0..document.completions.len()).filter(|&i| i != document.best).map(sum).fold(f64::NEG_INFINITY, f64::max);
    let number = document.best + 1;
    let times = (best - second).exp();
    match best - second {
        _ if !document.completions.iter().all(Completion::is_known) => {
            "which completion is the most probable is not known: a token is none of those that the server lists".into()
        }
        _ if best == f64::NEG_INFINITY => "none of the completions is possible".into(),
        0.0 => format!("completion {number} is as probable as the next"),
        _ if second == f64::NEG_INFINITY => format!("completion {number} is the only one that is possible"),
        gap if times < 1000.0 => {
            format!("completion {number} is the most probable, by {gap:.3} nats: {times:.2} times")
        }
        gap => format!("completion {number} is the most probable, by {gap:.3} nats: {times:.1e} times"),
    }
}
