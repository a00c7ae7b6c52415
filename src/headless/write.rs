//! The four forms of a run.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::decode::TokenId;
use crate::decode::beam::BeamSettings;
use crate::engine::{Generated, ObservedBeams, Step, Timing, assemble, record};
use crate::glyph::{visible, visible_lines};
use crate::model::{ModelInfo, Tokenizer};
use crate::session::trace::{End, Prompt, Record, Sequence};

use super::beams;
use super::detail::Outcome;
use super::document::{More, RunDocument};
use super::figures::{COLUMNS, StepFigures};
use super::samples::Samples;
use super::style::Style;
use super::{Format, HeadlessError, json};

/// A run that is over.
pub(super) struct Ended<'a> {
    pub(super) info: &'a ModelInfo,
    pub(super) settings: &'a Map<String, Value>,
    pub(super) prompt: Prompt,
    pub(super) prompt_tokens: usize,
    pub(super) sequences: &'a [Generated],
    pub(super) outcome: Outcome,
    pub(super) timing: Timing,
}

/// Collects the output of one prompt after the other; nothing leaves before a prompt is done.
pub(super) struct Report {
    format: Format,
    style: Style,
    top: usize,
    beams: Option<BeamSettings>,
    prompts: usize,
    out: Vec<u8>,
}

impl Report {
    /// `beams` are the options of a beam search, where the run is one.
    pub(super) fn new(format: Format, style: Style, top: usize, beams: Option<BeamSettings>) -> Self {
        Self { format, style, top, beams, prompts: 0, out: Vec::new() }
    }

    pub(super) fn begin(
        &mut self,
        model: &ModelInfo,
        settings: &Map<String, Value>,
        prompt: &Prompt,
        ids: &[TokenId],
        tokenizer: &dyn Tokenizer,
    ) -> Result<(), HeadlessError> {
        match self.format {
            Format::Jsonl => {
                self.line(&Record::Header(record::header(model, settings, prompt.clone())))?;
            }
            Format::Csv if self.prompts == 0 => {
                let last = self.beams.map(|_| "score");
                self.row(COLUMNS.into_iter().chain(last).map(String::from))?;
            }
            Format::Csv | Format::Json => {}
            Format::Text => {
                self.text(&self.style.dim(&head_line(&model.name, settings)));
                match &prompt.chat {
                    Some(typed) => {
                        self.text(&self.style.dim(&format!("chat: {}", visible_lines(typed.as_bytes()))));
                        self.text(&self.style.bold(&visible_lines(prompt.text.as_bytes())));
                    }
                    None => self.text(&self.style.bold(&visible_lines(&assemble(tokenizer, ids)))),
                }
                if let Some(beams) = &self.beams {
                    self.text(&self.style.dim(&beams::options(beams)));
                }
                self.text("");
                let columns = self.beams.map_or_else(|| single_columns(settings), |_| beams::columns());
                self.text(&self.style.dim(&columns));
            }
        }
        Ok(())
    }

    pub(super) fn step(&mut self, step: &Step<'_>, tokenizer: &dyn Tokenizer) -> Result<(), HeadlessError> {
        match self.format {
            Format::Json => Ok(()),
            Format::Jsonl => self.line(&Record::Step(record::step(step, self.top, tokenizer))),
            Format::Csv => self.row(StepFigures::taken(step, tokenizer).row(self.prompts)),
            Format::Text => {
                self.text_step(step, tokenizer);
                Ok(())
            }
        }
    }

    pub(super) fn beam_step(
        &mut self,
        observed: &ObservedBeams<'_>,
        tokenizer: &dyn Tokenizer,
    ) -> Result<(), HeadlessError> {
        match self.format {
            Format::Json | Format::Csv => {}
            Format::Jsonl => self.line(&Record::BeamStep(record::beam_step(observed, tokenizer)))?,
            Format::Text => {
                for line in beams::step_lines(observed, self.style, tokenizer) {
                    self.text(&line);
                }
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self, ended: Ended<'_>, tokenizer: &dyn Tokenizer) -> Result<Vec<u8>, HeadlessError> {
        let sequences: Vec<Sequence> = ended.sequences.iter().map(|one| record::sequence(one, tokenizer)).collect();
        let timing = record::timing(ended.prompt_tokens, ended.timing);
        // The sequences of a beam search are no samples: each comes once.
        let samples = if self.beams.is_none() { Samples::of(ended.sequences) } else { None };
        let more = More { samples, outcome: ended.outcome };
        match self.format {
            Format::Json => self.line(&RunDocument {
                format: "logitscope.run",
                version: 1,
                model: ended.info,
                settings: ended.settings,
                prompt: ended.prompt,
                sequences,
                more,
                timing,
            })?,
            Format::Jsonl => self.line(&Record::End(End { sequences, more: more.map(), timing }))?,
            Format::Csv if self.beams.is_some() => {
                for (index, sequence) in ended.sequences.iter().enumerate() {
                    for row in beams::rows(self.prompts, index, sequence, tokenizer) {
                        self.row(row)?;
                    }
                }
            }
            Format::Csv => {}
            Format::Text => {
                self.text_end(ended.sequences, ended.timing);
                for line in more.outcome.lines(self.style) {
                    self.text(&line);
                }
            }
        }
        self.prompts += 1;
        Ok(std::mem::take(&mut self.out))
    }

    fn text_step(&mut self, step: &Step<'_>, tokenizer: &dyn Tokenizer) {
        if step.sequence > 0 && step.step == 0 {
            self.text("");
        }
        self.text(&StepFigures::taken(step, tokenizer).line(self.style));
    }

    fn text_end(&mut self, sequences: &[Generated], timing: Timing) {
        let table = self.beams.map(|_| beams::table(sequences, self.style));
        for line in end_lines(sequences, table, self.style) {
            self.text(&line);
        }
        self.text(&timing_line(timing, self.style));
    }

    fn line(&mut self, record: &impl Serialize) -> Result<(), HeadlessError> {
        Ok(json::line(&mut self.out, record)?)
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) -> Result<(), HeadlessError> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(cells).map_err(std::io::Error::from)?;
        writer.flush()?;
        Ok(())
    }

    fn text(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.push(b'\n');
    }
}

/// The texts that came out, each with its figures; or the best one and the table of a beam search.
pub(super) fn end_lines(sequences: &[Generated], table: Option<Vec<String>>, style: Style) -> Vec<String> {
    if let Some(table) = table {
        let best = sequences.first().map(|best| visible_lines(best.text.as_bytes())).unwrap_or_default();
        return [String::new(), best, String::new()].into_iter().chain(table).collect();
    }
    let lines = |sequence: &Generated| {
        let n = sequence.tokens.len();
        let mean = sequence.sum_logprob / n.max(1) as f64;
        let tokens = if n == 1 { "1 token".into() } else { format!("{n} tokens") };
        let figures = format!(
            "{tokens} · Σ log p {:.3} · mean {mean:.3} · perplexity {:.2} · ended by {}",
            sequence.sum_logprob,
            (-mean).exp(),
            format!("{:?}", sequence.finish_reason).to_lowercase()
        );
        [String::new(), visible_lines(sequence.text.as_bytes()), style.dim(&figures)]
    };
    let samples = Samples::of(sequences).map(|samples| samples.lines(sequences, style)).unwrap_or_default();
    sequences.iter().flat_map(lines).chain(samples).collect()
}

/// Model, strategy with its options, and chain.
pub(super) fn head_line(model: &str, settings: &Map<String, Value>) -> String {
    let setting = |name: &str| settings.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let chain = setting("chain").map(|chain| format!(" · {chain}")).unwrap_or_default();
    let number = |name: &str| settings.get(name).and_then(Value::as_f64);
    let contrastive = number("penalty_alpha").zip(number("top_k"));
    let contrastive = contrastive.map(|(alpha, k)| format!(" · penalty_alpha={alpha},top_k={k}")).unwrap_or_default();
    visible(&format!("{model} · {}{contrastive}{chain}", setting("strategy").unwrap_or_default()))
}

/// Where the time went.
pub(super) fn timing_line(timing: Timing, style: Style) -> String {
    let seconds = timing.decode.as_secs_f64();
    let speed = if seconds > 0.0 { timing.new_tokens as f64 / seconds } else { 0.0 };
    let prefill = timing.prefill.as_secs_f64() * 1e3;
    style.dim(&format!("prompt read in {prefill:.1} ms · {speed:.0} tokens/s"))
}

pub(super) fn single_columns(settings: &Map<String, Value>) -> String {
    let draft = if settings.contains_key("num_assistant_tokens") { " · draft" } else { "" };
    format!("{:>4}  {:<18} {:>9} {:>7} {:>9}  {:>7}  removed{draft}", "step", "token", "p", "rank", "chain p", "draw")
}

/// A probability as a percentage with three digits that mean something.
pub(super) fn percent(p: f64) -> String {
    let hundredths = p * 100.0;
    match hundredths {
        x if x >= 99.995 => "100 %".into(),
        x if x >= 1.0 => format!("{x:.2} %"),
        x if x >= 0.01 => format!("{x:.3} %"),
        0.0 => "0 %".into(),
        x => format!("{x:.1e} %"),
    }
}
