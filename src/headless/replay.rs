//! `replay --format`: a trace as a table, as rows, or as the document of its run.

use std::io::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::{FinishReason, Generated, GeneratedToken, Timing};
use crate::glyph::{visible, visible_lines};
use crate::session::trace::{self, Beam, BeamStep, End, Finish, Prompt, Sequence, Status, Trace};

use super::beams;
use super::figures::{COLUMNS, StepFigures, token_cell};
use super::speculative::SpeculativeDocument;
use super::style::Style;
use super::write::{end_lines, head_line, single_columns, timing_line};
use super::{HeadlessError, json};

/// What a trace can be turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayFormat {
    /// The table of `run`.
    Text,
    /// The document of `run`, one for each trace.
    Json,
    /// One row for each token.
    Csv,
}

/// The document of a run that was recorded. A trace that is cut off has neither finish reasons nor a timing.
#[derive(Serialize)]
struct Recorded<'a> {
    format: &'static str,
    version: u32,
    model: &'a Map<String, Value>,
    settings: &'a Map<String, Value>,
    prompt: &'a Prompt,
    sequences: Vec<Sequence>,
    #[serde(flatten)]
    more: Option<&'a Map<String, Value>>,
    timing: Option<trace::Timing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<bool>,
}

/// Reads a trace and writes it in another form. Returns what is missing in the trace, in words.
///
/// # Errors
/// What is no trace, or a trace of another version: nothing is written then. Output that can't be written.
pub fn replay(
    bytes: &[u8],
    (format, style): (ReplayFormat, Style),
    out: &mut dyn Write,
) -> Result<Vec<String>, HeadlessError> {
    let file = trace::read(bytes).map_err(|error| HeadlessError::Input(error.to_string()))?;
    match format {
        ReplayFormat::Text => {
            for line in file.traces.iter().flat_map(|trace| text(trace, style)) {
                writeln!(out, "{line}")?;
            }
        }
        ReplayFormat::Json => {
            for trace in &file.traces {
                json::line(out, &document(trace))?;
            }
        }
        ReplayFormat::Csv => rows(&file.traces, out)?,
    }
    Ok(file.warnings)
}

fn document(trace: &Trace) -> Recorded<'_> {
    let end = trace.end.as_ref();
    Recorded {
        format: "logitscope.run",
        version: 1,
        model: &trace.header.model,
        settings: &trace.header.settings,
        prompt: &trace.header.prompt,
        sequences: trace.sequences(),
        more: end.map(|end| &end.more),
        timing: end.map(|end| end.timing),
        cut: end.is_none().then_some(true),
    }
}

fn rows(traces: &[Trace], out: &mut dyn Write) -> Result<(), HeadlessError> {
    let mut writer = csv::Writer::from_writer(out);
    let searched = traces.iter().any(is_search);
    let score = searched.then_some("score");
    writer.write_record(COLUMNS.into_iter().chain(score)).map_err(std::io::Error::from)?;
    for (prompt, trace) in traces.iter().enumerate() {
        for step in &trace.steps {
            let blank = searched.then(String::new);
            let row = StepFigures::recorded(step).row(prompt).into_iter().chain(blank);
            writer.write_record(row).map_err(std::io::Error::from)?;
        }
        let sequences = if is_search(trace) { trace.sequences() } else { Vec::new() };
        for (index, sequence) in sequences.iter().enumerate() {
            let score = sequence.score.map(|score| score.to_string()).unwrap_or_default();
            for (step, token) in sequence.tokens.iter().enumerate() {
                let figures = StepFigures::listed(index as u64, step, token);
                let row = figures.row(prompt).into_iter().chain([score.clone()]);
                writer.write_record(row).map_err(std::io::Error::from)?;
            }
        }
    }
    writer.flush()?;
    Ok(())
}

/// Whether the run was a beam search.
fn is_search(trace: &Trace) -> bool {
    trace.header.settings.contains_key("num_beams")
}

fn text(trace: &Trace, style: Style) -> Vec<String> {
    let header = &trace.header;
    let name = header.model.get("name").and_then(Value::as_str).unwrap_or("a model");
    let prompt: Vec<u8> = header.prompt.tokens.iter().flat_map(|token| token.token.bytes.iter().copied()).collect();
    let mut lines = vec![style.dim(&head_line(name, &header.settings)), style.bold(&visible_lines(&prompt))];
    if is_search(trace) {
        lines.extend([style.dim(&search_options(&header.settings)), String::new(), style.dim(&beams::columns())]);
        lines.extend(trace.beam_steps.iter().flat_map(|step| beam_lines(step, style)));
        let why = trace
            .beam_steps
            .last()
            .and_then(|step| step.stopping.iter().filter_map(|bound| bound.stop.as_ref()).next_back());
        lines.extend(why.map(|why| style.dim(&format!("      over: {}", visible(why)))));
    } else {
        lines.extend([String::new(), style.dim(&single_columns(&header.settings))]);
        for step in &trace.steps {
            lines.extend((step.sequence > 0 && step.step == 0).then(String::new));
            lines.push(StepFigures::recorded(step).line(style));
        }
    }
    lines.extend(trace.end.iter().flat_map(|end| ending(end, is_search(trace).then_some(()), style)));
    lines
}

/// What came out; `search` where it is shown as a table.
fn ending(end: &End, search: Option<()>, style: Style) -> Vec<String> {
    let sequences: Vec<Generated> = end.sequences.iter().map(generated).collect();
    let mut lines = end_lines(&sequences, search.map(|()| beams::table(&sequences, style)), style);
    // Seconds that are no time at all, as a trace that was tampered with may have, count as none.
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let timing = Timing {
        prefill: seconds(end.timing.prefill_seconds),
        decode: seconds(end.timing.decode_seconds),
        new_tokens: end.timing.new_tokens,
    };
    lines.push(timing_line(timing, style));
    let speculative = end.more.get("speculative").and_then(|value| SpeculativeDocument::deserialize(value).ok());
    lines.extend(speculative.map(|speculative| speculative.line(style)));
    lines
}

fn generated(sequence: &Sequence) -> Generated {
    let infinite = |x: Option<f64>| x.unwrap_or(f64::NEG_INFINITY);
    let token = |token: &trace::OutputToken| GeneratedToken {
        id: token.token.id,
        logprob: infinite(token.logprob),
        sampling_logprob: infinite(token.sampling_logprob),
        rank: token.rank,
    };
    Generated {
        tokens: sequence.tokens.iter().map(token).collect(),
        text: sequence.text.clone(),
        sum_logprob: infinite(sequence.sum_logprob),
        score: infinite(sequence.score),
        finish_reason: match sequence.finish_reason {
            Some(Finish::Eos) => FinishReason::Eos,
            Some(Finish::Stop) => FinishReason::Stop,
            Some(Finish::Length) | None => FinishReason::Length,
        },
    }
}

/// The options of a search, as the live table has them.
fn search_options(settings: &Map<String, Value>) -> String {
    let shown = |name: &str| match settings.get(name) {
        Some(Value::String(text)) => visible(text),
        Some(Value::Number(number)) => number.as_f64().map(|number| number.to_string()).unwrap_or_default(),
        Some(value) => visible(&value.to_string()),
        None => "?".into(),
    };
    let groups = match settings.get("num_beam_groups").and_then(Value::as_u64) {
        Some(2..) => {
            format!(" · {} groups, diversity penalty {}", shown("num_beam_groups"), shown("diversity_penalty"))
        }
        _ => String::new(),
    };
    format!(
        "{} beams · length penalty {} ({}) · early stopping {}{groups}",
        shown("num_beams"),
        shown("length_penalty"),
        shown("length_norm"),
        shown("early_stopping")
    )
}

fn beam_lines(step: &BeamStep, style: Style) -> Vec<String> {
    let infinite = |x: Option<f64>| x.unwrap_or(f64::NEG_INFINITY);
    let line = |(index, beam): (usize, &Beam)| {
        let number = if index == 0 { step.step.to_string() } else { String::new() };
        let from = beam.parent.map(|parent| parent.to_string()).unwrap_or_default();
        let note = match (beam.status, beam.finish_reason) {
            (Status::Finished, Some(finish)) => format!("  finished by {}", format!("{finish:?}").to_lowercase()),
            _ => String::new(),
        };
        let figures = beams::figures(infinite(beam.logprob), infinite(beam.sum_sampling_logprob), infinite(beam.score));
        let token = style.accent(&token_cell(&beam.token.text, &beam.token.bytes));
        format!("{number:>4}  {:>5} {from:>5}  {token} {figures}{note}", beam.node)
    };
    step.beams.iter().enumerate().map(line).collect()
}
