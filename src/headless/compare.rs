//! `compare`: several strategies, or models, on one prompt.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::decode::TokenId;
use crate::engine::record::{self, finite};
use crate::engine::{Generated, Memo, PromptRead, Timing, assemble, read_prompt, timed};
use crate::glyph::{self, Charset, visible_lines};
use crate::model::{LoadedModel, ModelInfo, PromptForm, SpecialTokens, Tokenizer};
use crate::session::trace::{self, OutputToken, Prompt, Sequence};

use super::document::settings as settings_document;
use super::progress::Progress;
use super::run::{Interrupt, Job, RunSettings, Work, check_prompt, read_negative};
use super::style::Style;
use super::write::{Report, percent};
use super::{Format, HeadlessError, json};

/// Cells of a column in text output.
const COLUMN: usize = 30;

/// One of those that are compared.
pub struct Contestant {
    /// The strategy as it was typed.
    pub name: String,
    /// Its options.
    pub settings: RunSettings,
    /// The index of its model.
    pub model: usize,
}

/// What to compare, and how to write it.
pub struct Comparison<'a> {
    /// The prompt.
    pub prompt: &'a str,
    /// Whether a begin-of-text token is put before it.
    pub special: SpecialTokens,
    /// How what was typed becomes the text that the models read; the record has that of the first.
    pub form: PromptForm,
    /// At least two.
    pub contestants: &'a [Contestant],
    /// The form of the output.
    pub format: Format,
    /// Colours in text.
    pub style: Style,
    /// Breaks it off.
    pub interrupt: &'a Interrupt,
    /// Shows how far it is.
    pub progress: &'a Progress,
}

/// One that has run.
#[derive(Serialize)]
struct Run<'a> {
    strategy: &'a str,
    model: ModelInfo,
    settings: Map<String, Value>,
    sequences: Vec<Sequence>,
    timing: trace::Timing,
    #[serde(skip)]
    best: Generated,
    #[serde(skip)]
    model_index: usize,
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    prompt: Prompt,
    runs: &'a [Run<'a>],
    parts: Vec<Option<usize>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Record<'a> {
    Header { format: &'static str, version: u32, prompt: &'a Prompt },
    Token { step: usize, run: usize, chosen: OutputToken },
    End { runs: &'a [Run<'a>], parts: &'a [Option<usize>] },
}

/// Runs all of them and writes the result. Those of one model share its cache: a token that one has read costs the others
/// nothing. Each gives what `run` gives with its options.
///
/// # Errors
/// A prompt that has no token or does not fit a context, what a run refuses, an interruption, or output that can't be written.
pub fn compare(
    models: &mut [LoadedModel],
    comparison: &Comparison<'_>,
    out: &mut dyn Write,
) -> Result<(), HeadlessError> {
    let mut runs: Vec<Option<Run<'_>>> = comparison.contestants.iter().map(|_| None).collect();
    let mut prompt = None;
    for (index, loaded) in models.iter_mut().enumerate() {
        let tokenizer = loaded.tokenizer.as_ref();
        let (text, special) = comparison.form.apply(comparison.prompt, comparison.special, tokenizer)?;
        let ids = loaded.tokenizer.encode(&text, special)?;
        check_prompt(&ids, loaded.model.info().context_length).map_err(HeadlessError::Input)?;
        let (read, prefill) = timed(|| read_prompt(loaded.model.as_mut(), &ids, &mut |_| comparison.interrupt.check()));
        let read = read?;
        prompt.get_or_insert_with(|| Prompt {
            chat: comparison.form.typed(comparison.prompt),
            ..record::prompt(&text, &ids, &read.scores, loaded.tokenizer.as_ref())
        });
        let mut shared =
            Shared { memo: Memo::new(loaded.model.as_mut()), tokenizer: loaded.tokenizer.as_ref(), ids, read };
        for (place, contestant) in comparison.contestants.iter().enumerate().filter(|(_, one)| one.model == index) {
            runs[place] = Some(shared.run(contestant, comparison, prefill)?);
        }
    }
    let runs: Vec<Run<'_>> = runs.into_iter().flatten().collect();
    let Some(prompt) = prompt else { return Err(HeadlessError::Input("there is no model to compare".into())) };
    let tokenizers: Vec<&dyn Tokenizer> = models.iter().map(|loaded| loaded.tokenizer.as_ref()).collect();
    let parts: Vec<Option<usize>> = runs.iter().map(|run| parting(&runs[0], run, &tokenizers)).collect();
    let written = match comparison.format {
        Format::Json => line(&Document { format: "logitscope.compare", version: 1, prompt, runs: &runs, parts })?,
        Format::Jsonl => lines(&prompt, &runs, &parts, &tokenizers)?,
        Format::Csv => csv(&runs, &tokenizers)?,
        Format::Text => text(comparison, &runs, &parts, &tokenizers),
    };
    out.write_all(&written)?;
    Ok(out.flush()?)
}

/// A model that all its contestants share.
struct Shared<'a> {
    memo: Memo<'a>,
    tokenizer: &'a dyn Tokenizer,
    ids: Vec<TokenId>,
    read: PromptRead,
}

impl Shared<'_> {
    fn run<'a>(
        &mut self,
        contestant: &'a Contestant,
        comparison: &Comparison<'_>,
        prefill: std::time::Duration,
    ) -> Result<Run<'a>, HeadlessError> {
        let settings = &contestant.settings;
        let info = crate::model::LanguageModel::info(&self.memo).clone();
        let eos = settings.ends(&info)?;
        let Comparison { interrupt, progress, style, .. } = *comparison;
        let job = Job { settings, format: Format::Json, style, interrupt, progress };
        let mut report = Report::new(Format::Json, style, 0, None);
        let (model, tokenizer, read, ids) = (&mut self.memo, self.tokenizer, &self.read, &self.ids[..]);
        let (negative, more) = timed(|| read_negative(model, tokenizer, settings, ids, &mut |_| interrupt.check()));
        let negative = negative?;
        let negative = negative.as_ref();
        let work =
            Work { model, tokenizer, read, negative, draft: None, ids, eos: &eos, job: &job, report: &mut report };
        let (done, decode) = timed(|| work.done());
        let prefill = prefill + more;
        let (generated, _) = done?;
        let new_tokens = generated.iter().map(|sequence| sequence.tokens.len()).sum();
        let sequences = generated.iter().map(|sequence| record::sequence(sequence, tokenizer)).collect();
        let Some(best) = generated.into_iter().next() else {
            return Err(HeadlessError::Input(format!("{}: no sequence was found", contestant.name)));
        };
        Ok(Run {
            strategy: &contestant.name,
            model: info,
            settings: settings_document(settings, &eos),
            sequences,
            timing: record::timing(ids.len(), Timing { prefill, decode, new_tokens }),
            best,
            model_index: contestant.model,
        })
    }
}

/// The step at which a run leaves the first: its token is another one, or one of the two has ended.
fn parting(first: &Run<'_>, other: &Run<'_>, tokenizers: &[&dyn Tokenizer]) -> Option<usize> {
    let (a, b) = (&first.best.tokens, &other.best.tokens);
    // Ids of different models mean different things: their texts are compared.
    let same = |(a, b): (TokenId, TokenId)| {
        if first.model_index == other.model_index {
            return a == b;
        }
        tokenizers[first.model_index].piece(a).text == tokenizers[other.model_index].piece(b).text
    };
    let pairs = a.iter().zip(b).map(|(a, b)| (a.id, b.id));
    let agreed = pairs.take_while(|pair| same(*pair)).count();
    (agreed < a.len().max(b.len())).then_some(agreed)
}

fn line(record: &impl Serialize) -> Result<Vec<u8>, HeadlessError> {
    let mut line = Vec::new();
    json::line(&mut line, record)?;
    Ok(line)
}

/// All tokens by step, and within a step by run.
fn tokens<'a>(runs: &'a [Run<'_>]) -> impl Iterator<Item = (usize, usize, &'a crate::engine::GeneratedToken)> {
    let longest = runs.iter().map(|run| run.best.tokens.len()).max().unwrap_or(0);
    (0..longest).flat_map(move |step| {
        runs.iter().enumerate().filter_map(move |(index, run)| Some((step, index, run.best.tokens.get(step)?)))
    })
}

fn lines(
    prompt: &Prompt,
    runs: &[Run<'_>],
    parts: &[Option<usize>],
    tokenizers: &[&dyn Tokenizer],
) -> Result<Vec<u8>, HeadlessError> {
    let mut out = line(&Record::Header { format: "logitscope.compare", version: 1, prompt })?;
    for (step, run, token) in tokens(runs) {
        let chosen = record::output_token(token, tokenizers[runs[run].model_index]);
        out.extend(line(&Record::Token { step, run, chosen })?);
    }
    out.extend(line(&Record::End { runs, parts })?);
    Ok(out)
}

fn csv(runs: &[Run<'_>], tokenizers: &[&dyn Tokenizer]) -> Result<Vec<u8>, HeadlessError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = ["run", "strategy", "step", "id", "text", "logprob", "sampling_logprob", "rank"];
    writer.write_record(columns).map_err(std::io::Error::from)?;
    let number = |x: f64| finite(x).map(|x| x.to_string()).unwrap_or_default();
    for (step, run, token) in tokens(runs) {
        let row = [
            run.to_string(),
            runs[run].strategy.to_string(),
            step.to_string(),
            token.id.to_string(),
            tokenizers[runs[run].model_index].piece(token.id).text.clone(),
            number(token.logprob),
            number(token.sampling_logprob),
            token.rank.to_string(),
        ];
        writer.write_record(row).map_err(std::io::Error::from)?;
    }
    writer.into_inner().map_err(|error| HeadlessError::Io(error.into_error()))
}

fn text(
    comparison: &Comparison<'_>,
    runs: &[Run<'_>],
    parts: &[Option<usize>],
    tokenizers: &[&dyn Tokenizer],
) -> Vec<u8> {
    let style = comparison.style;
    let cell = |text: &str| glyph::fit(&glyph::plain(text, Charset::Unicode), COLUMN, Charset::Unicode);
    let mut out = vec![style.bold(&visible_lines(comparison.prompt.as_bytes())), String::new()];
    let several = runs.iter().any(|run| run.model_index != runs[0].model_index);
    let title =
        |run: &Run<'_>| if several { format!("{} {}", run.model.name, run.strategy) } else { run.strategy.into() };
    let titles: Vec<String> = runs.iter().map(|run| cell(&title(run))).collect();
    out.push(style.dim(&format!("step  {}", titles.join("  "))));
    let longest = runs.iter().map(|run| run.best.tokens.len()).max().unwrap_or(0);
    for step in 0..longest {
        let mut row = format!("{step:>4}");
        for (run, part) in runs.iter().zip(parts) {
            let mark = if *part == Some(step) { "≠" } else { " " };
            let shown = run.best.tokens.get(step).map_or_else(
                || " ".repeat(COLUMN),
                |token| {
                    let piece = tokenizers[run.model_index].piece(token.id);
                    let glyphs = if piece.special {
                        glyph::plain(&piece.text, Charset::Unicode)
                    } else {
                        glyph::token(&piece.bytes, Charset::Unicode)
                    };
                    let text = glyph::fit(&glyphs, COLUMN - 10, Charset::Unicode);
                    format!("{text}{:>10}", percent(token.logprob.exp()))
                },
            );
            let shown = if *part == Some(step) { style.accent(&shown) } else { shown };
            row.extend([" ", mark, &shown]);
        }
        out.push(row.trim_end().to_string());
    }
    out.push(String::new());
    for (run, part) in runs.iter().zip(parts) {
        let tokens = run.best.tokens.len();
        let mean = run.best.sum_logprob / tokens.max(1) as f64;
        let parted = part.map(|step| format!(" · parts at step {step}")).unwrap_or_default();
        let sum = run.best.sum_logprob;
        let figures =
            format!("{tokens} tokens · Σ log p {sum:.3} · mean {mean:.3} · perplexity {:.2}{parted}", (-mean).exp());
        out.push(format!("{}  {}", cell(&title(run)), style.dim(&figures)));
        let ids = run.best.tokens.iter().map(|token| &token.id);
        out.push(format!("    {}", visible_lines(&assemble(tokenizers[run.model_index], ids)).replace('\n', "\n    ")));
    }
    out.push(String::new());
    out.join("\n").into_bytes()
}
