//! Reads a trace. What a crash cut off is a warning; what was never a trace is an error.

use serde::Deserialize;

use super::{FORMAT, Record, Trace, TraceFile, VERSION};

/// Why a file can't be read as a trace. Lines count from 1.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Nothing to read.
    #[error("no trace: a trace is what `run --format jsonl` writes")]
    Empty,
    /// The only line is cut off.
    #[error("line 1: the trace is cut off in its first record")]
    CutInHeader,
    /// Another format.
    #[error("line {line}: the format is `{found}`, not `{FORMAT}`")]
    Format {
        /// The line.
        line: usize,
        /// What the header names.
        found: String,
    },
    /// Another version.
    #[error("line {line}: the trace is of version {found}; this program reads version {VERSION}")]
    Version {
        /// The line.
        line: usize,
        /// What the header names.
        found: String,
    },
    /// A line that is no record.
    #[error("line {line}: not a record of a trace: {reason}")]
    Corrupt {
        /// The line.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A record where it can't be.
    #[error("line {line}: a record {place}")]
    Misplaced {
        /// The line.
        line: usize,
        /// Where it stands, as in `before any header`.
        place: &'static str,
    },
}

/// What a header says of itself, before the rest of it is trusted.
#[derive(Deserialize)]
struct Named {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    format: serde_json::Value,
    #[serde(default)]
    version: serde_json::Value,
}

/// Reads one trace after the other. Empty lines are skipped. Where the text breaks off in the middle of a record or before an
/// end, what was read so far counts, and a warning says so.
///
/// # Errors
/// No trace, another format or version, or a line that is wrong (named).
pub fn read(bytes: &[u8]) -> Result<TraceFile, TraceError> {
    let mut file = TraceFile::default();
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    // What stands after the last line break was not finished, unless it is a whole record.
    let last = lines.len();
    for (index, line) in lines.into_iter().enumerate().filter(|(_, line)| !line.trim_ascii().is_empty()) {
        let number = index + 1;
        match record(line, number) {
            Ok(record) => add(&mut file, record, number)?,
            Err(Broken::Cut) if number == last => {
                file.warnings.push(format!("line {number} is cut off: read up to there"));
            }
            Err(Broken::Cut) => {
                return Err(TraceError::Corrupt { line: number, reason: "it breaks off in the middle".into() });
            }
            Err(Broken::Wrong(error)) => return Err(error),
        }
    }
    check_end(&mut file);
    match (file.traces.is_empty(), file.warnings.is_empty()) {
        (true, true) => Err(TraceError::Empty),
        (true, false) => Err(TraceError::CutInHeader),
        (false, _) => Ok(file),
    }
}

/// Why a line is no record.
enum Broken {
    /// It breaks off.
    Cut,
    Wrong(TraceError),
}

fn record(line: &[u8], number: usize) -> Result<Record, Broken> {
    let broken = |error: serde_json::Error| {
        // A number that breaks off is no number to serde_json, not an end that came too soon.
        if error.is_eof() || (error.is_syntax() && error.column() >= line.len()) {
            return Broken::Cut;
        }
        // The line of serde_json is always 1: it sees one line at a time.
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default().to_string();
        Broken::Wrong(TraceError::Corrupt { line: number, reason })
    };
    // First the name and the version alone: the rest of another version's header may look different.
    let named: Named = serde_json::from_slice(line).map_err(broken)?;
    if named.kind == "header" {
        let shown = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), String::from);
        if named.format != FORMAT {
            return Err(Broken::Wrong(TraceError::Format { line: number, found: shown(&named.format) }));
        }
        if named.version != VERSION {
            return Err(Broken::Wrong(TraceError::Version { line: number, found: shown(&named.version) }));
        }
    }
    serde_json::from_slice(line).map_err(broken)
}

fn add(file: &mut TraceFile, record: Record, line: usize) -> Result<(), TraceError> {
    if let Record::Header(header) = record {
        check_end(file);
        file.traces.push(Trace { header, steps: Vec::new(), beam_steps: Vec::new(), end: None });
        return Ok(());
    }
    let trace = file.traces.last_mut().ok_or(TraceError::Misplaced { line, place: "before any header" })?;
    if trace.end.is_some() {
        return Err(TraceError::Misplaced { line, place: "between an end and the next header" });
    }
    match record {
        Record::Header(_) => {}
        Record::Step(step) => trace.steps.push(step),
        Record::BeamStep(step) => trace.beam_steps.push(step),
        Record::End(end) => trace.end = Some(end),
    }
    Ok(())
}

/// Warns where the last trace so far has no end.
fn check_end(file: &mut TraceFile) {
    let number = file.traces.len();
    if let Some(trace) = file.traces.last().filter(|trace| trace.end.is_none()) {
        let steps = trace.steps.len() + trace.beam_steps.len();
        file.warnings.push(format!("trace {number} has no end: it is cut off after {steps} steps"));
    }
}

#[cfg(test)]
mod tests;
