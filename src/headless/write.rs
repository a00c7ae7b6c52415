//! The four forms of a run.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::decode::TokenId;
use crate::decode::beam::BeamSettings;
use crate::engine::{Generated, ObservedBeams, Step, Timing, assemble};
use crate::glyph::{self, Charset};
use crate::model::{ModelInfo, Tokenizer};

use super::beams::{self, BeamStepRecord};
use super::document::{Prompt, Record, RunDocument, Sequence, TimingDocument, finite};
use super::exact::ExactDocument;
use super::style::Style;
use super::{Format, HeadlessError};

/// A run that is over.
pub(super) struct Ended<'a> {
    pub(super) info: &'a ModelInfo,
    pub(super) settings: &'a Map<String, Value>,
    pub(super) prompt: Prompt,
    pub(super) prompt_tokens: usize,
    pub(super) sequences: &'a [Generated],
    /// How good it is, where the search was exact.
    pub(super) exact: Option<ExactDocument>,
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
                self.line(&Record::Header { format: "logitscope.trace", version: 1, model, settings, prompt })?;
            }
            Format::Csv if self.prompts == 0 => {
                let columns = ["prompt", "sequence", "step", "id", "text", "logprob", "sampling_logprob", "rank"];
                let more = ["draw", "entropy", "sampling_entropy"];
                let last = self.beams.map(|_| "score");
                self.row(columns.into_iter().chain(more).chain(last).map(String::from))?;
            }
            Format::Csv | Format::Json => {}
            Format::Text => {
                let chain = settings.get("chain").and_then(Value::as_str).filter(|chain| !chain.is_empty());
                let strategy = settings.get("strategy").and_then(Value::as_str).unwrap_or_default();
                let head =
                    format!("{} · {strategy}{}", model.name, chain.map(|c| format!(" · {c}")).unwrap_or_default());
                self.text(&self.style.dim(&head));
                self.text(&self.style.bold(&escaped(&assemble(tokenizer, ids))));
                if let Some(settings) = &self.beams {
                    self.text(&self.style.dim(&beams::options(settings)));
                }
                self.text("");
                let columns = self.beams.map_or_else(single_columns, |_| beams::columns());
                self.text(&self.style.dim(&columns));
            }
        }
        Ok(())
    }

    pub(super) fn step(&mut self, step: &Step<'_>, tokenizer: &dyn Tokenizer) -> Result<(), HeadlessError> {
        match self.format {
            Format::Json => Ok(()),
            Format::Jsonl => self.line(&Record::step(step, self.top, tokenizer)),
            Format::Csv => {
                let token = step.token;
                let number = |x: f64| finite(x).map(|x| x.to_string()).unwrap_or_default();
                let analysis = step.analysis;
                let row = [
                    self.prompts.to_string(),
                    step.sequence.to_string(),
                    step.step.to_string(),
                    token.id.to_string(),
                    tokenizer.piece(token.id).text.clone(),
                    number(token.logprob),
                    number(token.sampling_logprob),
                    token.rank.to_string(),
                    step.choice.draw.map(|draw| draw.u.to_string()).unwrap_or_default(),
                    number(analysis.model().entropy()),
                    number(analysis.sampling_entropy()),
                ];
                self.row(row)
            }
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
            Format::Jsonl => self.line(&Record::BeamStep(BeamStepRecord::new(observed, tokenizer)))?,
            Format::Text => {
                for line in beams::step_lines(observed, self.style, tokenizer) {
                    self.text(&line);
                }
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self, ended: Ended<'_>, tokenizer: &dyn Tokenizer) -> Result<Vec<u8>, HeadlessError> {
        let sequences: Vec<Sequence> = ended.sequences.iter().map(|one| Sequence::new(one, tokenizer)).collect();
        let timing = TimingDocument::new(ended.prompt_tokens, ended.timing);
        match self.format {
            Format::Json => self.line(&RunDocument {
                format: "logitscope.run",
                version: 1,
                model: ended.info,
                settings: ended.settings,
                prompt: ended.prompt,
                sequences,
                exact: ended.exact,
                timing,
            })?,
            Format::Jsonl => self.line(&Record::End { sequences: &sequences, exact: ended.exact, timing })?,
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
                let lines = ended.exact.map(|exact| exact.lines(self.style));
                for line in lines.unwrap_or_default() {
                    self.text(&line);
                }
            }
        }
        self.prompts += 1;
        Ok(std::mem::take(&mut self.out))
    }

    fn text_step(&mut self, step: &Step<'_>, tokenizer: &dyn Tokenizer) {
        let (token, style) = (step.token, self.style);
        let piece = tokenizer.piece(token.id);
        let shown = if piece.special {
            glyph::fit(&glyph::plain(&piece.text, Charset::Unicode), 18, Charset::Unicode)
        } else {
            glyph::fit(&glyph::token(&piece.bytes, Charset::Unicode), 18, Charset::Unicode)
        };
        let draw = step.choice.draw.map(|draw| format!("{:.4}", draw.u)).unwrap_or_default();
        let removed: Vec<String> = step
            .analysis
            .stages()
            .iter()
            .filter(|stage| stage.removed > 0)
            .map(|stage| format!("{} −{} ({})", stage.label, stage.removed, percent(stage.removed_mass)))
            .collect();
        if step.sequence > 0 && step.step == 0 {
            self.text("");
        }
        let figures = format!(
            "{:>9} {:>7} {:>9}  {draw:>7}",
            percent(token.logprob.exp()),
            token.rank,
            percent(token.sampling_logprob.exp())
        );
        self.text(&format!(
            "{:>4}  {} {figures}  {}",
            step.step,
            style.accent(&shown),
            style.dim(&removed.join(" · "))
        ));
    }

    fn text_end(&mut self, sequences: &[Generated], timing: Timing) {
        if self.beams.is_some() {
            self.text("");
            self.text(&sequences.first().map(|best| escaped(best.text.as_bytes())).unwrap_or_default());
            self.text("");
            for line in beams::table(sequences, self.style) {
                self.text(&line);
            }
        }
        let single = if self.beams.is_some() { &[] } else { sequences };
        for sequence in single {
            let n = sequence.tokens.len();
            let mean = sequence.sum_logprob / n.max(1) as f64;
            self.text("");
            self.text(&escaped(sequence.text.as_bytes()));
            let tokens = if n == 1 { "1 token".into() } else { format!("{n} tokens") };
            let figures = format!(
                "{tokens} · Σ log p {:.3} · mean {mean:.3} · perplexity {:.2} · ended by {:?}",
                sequence.sum_logprob,
                (-mean).exp(),
                sequence.finish_reason
            );
            self.text(&self.style.dim(&figures.to_lowercase().replace("σ", "Σ")));
        }
        let seconds = timing.decode.as_secs_f64();
        let speed = if seconds > 0.0 { timing.new_tokens as f64 / seconds } else { 0.0 };
        let prefill = timing.prefill.as_secs_f64() * 1e3;
        self.text(&self.style.dim(&format!("prompt read in {prefill:.1} ms · {speed:.0} tokens/s")));
    }

    fn line(&mut self, record: &impl Serialize) -> Result<(), HeadlessError> {
        serde_json::to_writer(&mut self.out, record).map_err(std::io::Error::from)?;
        self.out.push(b'\n');
        Ok(())
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

fn single_columns() -> String {
    format!("{:>4}  {:<18} {:>9} {:>7} {:>9}  {:>7}  removed", "step", "token", "p", "rank", "chain p", "draw")
}

/// Text for a terminal: line breaks stay, every other control character is made visible.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = |line: &str| {
        let glyphs = glyph::plain(line, Charset::Unicode);
        glyph::fit(&glyphs, glyph::width(&glyphs), Charset::Unicode)
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
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
