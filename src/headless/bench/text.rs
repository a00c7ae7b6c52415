//! What was measured, for people.

use std::io::{self, Write};

use super::clock::Figure;
use super::document::{Decode, Document};
use crate::glyph::visible;
use crate::headless::style::Style;
use crate::model::size::human;

/// What was measured, its median, its spread, and what to make of it.
struct Row {
    part: &'static str,
    what: String,
    median: String,
    spread: String,
    note: String,
}

/// A table, one row for each figure.
///
/// # Errors
/// Output that can't be written.
pub(super) fn write(document: &Document, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let (machine, model) = (&document.machine, &document.model);
    let dtype = model.dtype.map_or("?", |dtype| dtype.name());
    let (name, processor) = (visible(&model.name), visible(&machine.processor));
    let (program, threads, repetitions) = (document.program, machine.threads, document.settings.repetitions);
    writeln!(out, "{} {}", style.bold(&name), style.dim(&format!("{} weights, {dtype}", model.parameters)))?;
    let system = format!("{processor}, {} {}, {}", machine.os, machine.arch, machine.instructions);
    writeln!(out, "{}", style.dim(&format!("logitscope {program} on {system}, {threads} threads")))?;
    let times = if repetitions == 1 { "1 repetition".into() } else { format!("{repetitions} repetitions") };
    writeln!(out, "{}\n", style.dim(&format!("median of {times}, and their spread")))?;
    let rows = rows(document);
    let width = |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0);
    let (part, what) = (width(|row| row.part), width(|row| &row.what));
    let (median, spread) = (width(|row| &row.median), width(|row| &row.spread));
    let mut last = "";
    for row in &rows {
        let name = if row.part == last { "" } else { row.part };
        last = row.part;
        let figures = format!("{:what$}  {:>median$}", row.what, row.median);
        let rest = format!("  {:spread$}  {}", row.spread, row.note);
        writeln!(out, "{}  {figures}{}", style.bold(&format!("{name:part$}")), style.dim(rest.trim_end()))?;
    }
    Ok(())
}

fn rows(document: &Document) -> Vec<Row> {
    let mut rows = memory(document);
    for row in &document.bandwidth {
        rows.push(with_unit("bandwidth", threads(row.threads), row.bytes_per_second, "GB/s", 1e-9));
    }
    rows.extend(document.open.map(|figure| time("open", String::new(), figure)));
    for row in &document.prefill {
        rows.push(rate("prefill", format!("{} tokens, {}", row.tokens, threads(row.threads)), row.tokens_per_second));
    }
    rows.extend(document.decode.iter().map(|row| decoded("decode", row)));
    rows.extend(document.generate.iter().map(|row| decoded("generate", row)));
    let one = document.beam.first().map(|row| row.step_seconds.median);
    for row in &document.beam {
        let beams = if row.beams == 1 { "beam" } else { "beams" };
        let mut line = time("beam", format!("a step of {} {beams}", row.beams), row.step_seconds);
        let times = one.map_or(1.0, |one| row.step_seconds.median / one);
        line.note = format!("{} a beam, {times:.2} times that of 1", duration(row.beam_seconds.median));
        rows.push(line);
    }
    if let Some(logits) = &document.logits {
        let text = format!("of {} tokens", logits.tokens);
        let mut kept = time("logits", format!("kept, {text}"), logits.kept_seconds);
        kept.note = format!("{:.0} times faster", logits.rerun_seconds.median / logits.kept_seconds.median);
        rows.extend([kept, time("logits", format!("rerun {text}"), logits.rerun_seconds)]);
    }
    for row in &document.chain {
        rows.push(time("chain", format!("{} tokens", row.vocab_size), row.seconds));
        rows.push(time("chain", format!("{} tokens, top-p alone", row.vocab_size), row.top_p_seconds));
    }
    rows.extend(document.first_frame.map(|figure| time("first frame", String::new(), figure)));
    for row in &document.frame {
        rows.push(time("frame", format!("{}×{}", row.columns, row.rows), row.seconds));
    }
    rows
}

fn memory(document: &Document) -> Vec<Row> {
    let Some(memory) = &document.memory else { return Vec::new() };
    let row = |what: &str, bytes: Option<u64>, note: String| Row {
        part: "memory",
        what: what.into(),
        median: bytes.map_or_else(|| "?".into(), human),
        spread: String::new(),
        note,
    };
    let ratio = memory.ratio.map(|ratio| format!("{ratio:.2} times weights and cache")).unwrap_or_default();
    let tokens = format!("{} tokens", memory.cache_tokens);
    vec![
        row("peak", memory.peak_bytes, ratio),
        row("weights", memory.weight_bytes, String::new()),
        row("cache", Some(memory.cache_bytes), tokens),
    ]
}

fn decoded(part: &'static str, row: &Decode) -> Row {
    let mut line = rate(part, format!("{} tokens, {}", row.new_tokens, threads(row.threads)), row.tokens_per_second);
    if let (Some(share), Some(bytes)) = (row.share_of_limit, row.weight_bytes_per_token) {
        line.note = format!("{:.0} % of what memory allows, {} a token", share * 100.0, human(bytes as u64));
    }
    line
}

fn threads(count: usize) -> String {
    if count == 1 { "1 thread".into() } else { format!("{count} threads") }
}

fn rate(part: &'static str, what: String, figure: Figure) -> Row {
    with_unit(part, what, figure, "tokens/s", 1.0)
}

fn with_unit(part: &'static str, what: String, figure: Figure, unit: &str, scale: f64) -> Row {
    let number = |value: f64| digits(value * scale);
    row(part, what, figure, |value| format!("{} {unit}", number(value)))
}

fn time(part: &'static str, what: String, figure: Figure) -> Row {
    row(part, what, figure, duration)
}

fn row(part: &'static str, what: String, figure: Figure, write: impl Fn(f64) -> String) -> Row {
    let spread = format!("{} … {}", write(figure.min), write(figure.max));
    Row { part, what, median: write(figure.median), spread, note: String::new() }
}

/// Three digits that count; no fraction above a hundred.
fn digits(value: f64) -> String {
    let decimals = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}

/// Seconds in the unit that leaves one to three digits before the point.
fn duration(seconds: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or(UNITS[3]);
    format!("{} {name}", digits(seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        assert_eq!([0.0, 1.234, 12.34, 99.96, 1234.4].map(digits), ["0.00", "1.23", "12.3", "100", "1234"]);
        assert_eq!([2.5, 0.012_34, 4.5e-5, 1e-9].map(duration), ["2.50 s", "12.3 ms", "45.0 µs", "1.00 ns"]);
    }
}
