//! Beam search as text, records and rows.

use serde::Serialize;

use crate::decode::TokenId;
use crate::decode::beam::{BeamCandidate, BeamNode, BeamSettings, BeamStop, Ending, StoppingBound, Verdict};
use crate::engine::{Generated, ObservedBeams};
use crate::glyph::{self, Charset};
use crate::model::Tokenizer;

use super::document::{TokenText, finite};
use super::style::Style;
use super::write::percent;

/// Columns of a token, and of a finished text in the table.
const TOKEN_WIDTH: usize = 18;
const TEXT_WIDTH: usize = 56;

/// A continuation in the trace.
#[derive(Serialize)]
struct BeamRecord {
    node: usize,
    parent: Option<usize>,
    #[serde(flatten)]
    token: TokenText,
    logprob: Option<f64>,
    sampling_logprob: Option<f64>,
    sum_logprob: Option<f64>,
    sum_sampling_logprob: Option<f64>,
    length: usize,
    score: Option<f64>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    draw: Option<f64>,
    group: usize,
}

impl BeamRecord {
    fn new(candidate: &BeamCandidate, tokenizer: &dyn Tokenizer) -> Self {
        let (status, ending) = match candidate.verdict {
            Verdict::Kept => ("running", None),
            Verdict::Finished(ending) => ("finished", Some(ending)),
            Verdict::EndedOutside(ending) | Verdict::Outscored(ending) => ("pruned", Some(ending)),
            Verdict::BelowCut => ("pruned", None),
        };
        Self {
            node: candidate.node.index(),
            parent: candidate.parent.map(BeamNode::index),
            token: TokenText::of(candidate.token, tokenizer),
            logprob: finite(candidate.logprob),
            sampling_logprob: finite(candidate.sampling_logprob),
            sum_logprob: finite(candidate.sum_logprob),
            sum_sampling_logprob: finite(candidate.sum),
            length: candidate.length,
            score: finite(candidate.score),
            status,
            finish_reason: ending.map(ending_name),
            reason: candidate.verdict.reason(),
            draw: candidate.draw,
            group: candidate.group,
        }
    }
}

/// What a group compares to know whether it may stop.
#[derive(Serialize)]
struct BoundRecord {
    group: usize,
    finished: usize,
    needed: usize,
    attainable: Option<f64>,
    worst_finished: Option<f64>,
    stop: Option<&'static str>,
}

impl BoundRecord {
    fn new(bound: &StoppingBound) -> Self {
        Self {
            group: bound.group,
            finished: bound.finished,
            needed: bound.needed,
            attainable: bound.attainable.and_then(finite),
            worst_finished: bound.worst_finished.and_then(finite),
            stop: bound.stop.map(stop_name),
        }
    }
}

/// A step of the trace.
#[derive(Serialize)]
pub(super) struct BeamStepRecord {
    step: usize,
    context_length: usize,
    beams: Vec<BeamRecord>,
    pruned: Vec<BeamRecord>,
    /// Hypotheses of earlier steps that better ones displaced.
    evicted: Vec<usize>,
    /// Beams of the step before that nothing came of.
    abandoned: Vec<usize>,
    stopping: Vec<BoundRecord>,
}

impl BeamStepRecord {
    pub(super) fn new(observed: &ObservedBeams<'_>, tokenizer: &dyn Tokenizer) -> Self {
        let step = observed.step;
        let record = |candidate| BeamRecord::new(candidate, tokenizer);
        Self {
            step: step.step,
            context_length: observed.context_length,
            beams: step.running().into_iter().chain(step.finished()).map(record).collect(),
            pruned: step.pruned().map(|(candidate, _)| record(candidate)).collect(),
            evicted: step.evicted.iter().map(|node| node.index()).collect(),
            abandoned: step.abandoned.iter().map(|node| node.index()).collect(),
            stopping: step.bounds.iter().map(BoundRecord::new).collect(),
        }
    }
}

fn ending_name(ending: Ending) -> &'static str {
    match ending {
        Ending::End => "eos",
        Ending::Stop => "stop",
        Ending::Length => "length",
    }
}

fn stop_name(stop: BeamStop) -> &'static str {
    match stop {
        BeamStop::Enough => "enough have finished",
        BeamStop::NoBetter => "no running beam can get better",
        BeamStop::Length => "the last step",
        BeamStop::NothingRuns => "nothing runs on",
    }
}

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
            Verdict::Finished(ending) => format!("  finished by {}", ending_name(ending)),
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
