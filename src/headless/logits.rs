//! `logits`: the chain on logits that the caller gives, with no model.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::decode::diff::ChainDiff;
use crate::decode::{Analysis, Chain, Context, DecodeError, Distribution, TokenId};
use crate::engine::record::{removed_by, stages};
use crate::glyph::{self, Charset};
use crate::session::trace::Stage;

use super::style::Style;
use super::write::percent;
use super::{Format, HeadlessError, json};

/// What holds for lines that do not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct LogitsDefaults {
    /// The chain.
    pub chain: Chain,
    /// Another chain to compare it with.
    pub versus: Option<Chain>,
}

/// A logit as JSON writes it; other programs write infinities and NaN as words.
#[derive(Deserialize)]
#[serde(untagged)]
enum Logit {
    Number(f64),
    Word(String),
    MinusInfinity,
}

impl Logit {
    fn value(self, index: usize) -> Result<f64, String> {
        match self {
            Self::Number(number) => Ok(number),
            Self::MinusInfinity => Ok(f64::NEG_INFINITY),
            Self::Word(word) => match word.as_str() {
                "-Infinity" | "-inf" => Ok(f64::NEG_INFINITY),
                "NaN" => Err(DecodeError::BadLogit { id: index as TokenId, value: f64::NAN }.to_string()),
                "Infinity" => Err(DecodeError::BadLogit { id: index as TokenId, value: f64::INFINITY }.to_string()),
                _ => Err(format!(
                    "the logit of token {index} is `{word}`: logits must be numbers or null (minus infinity)"
                )),
            },
        }
    }
}

#[derive(Deserialize)]
struct Question {
    logits: Vec<Logit>,
    chain: Option<String>,
    versus: Option<String>,
    #[serde(default)]
    history: Vec<TokenId>,
    #[serde(default)]
    prompt_length: usize,
    labels: Option<Vec<String>>,
    /// Logits after the negative prompt, for guidance.
    negative: Option<Vec<Logit>>,
}

#[derive(Serialize)]
struct Answer {
    probs: Vec<f64>,
    kept: Vec<TokenId>,
    removed_by: BTreeMap<TokenId, &'static str>,
    entropy: f64,
    stages: Vec<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<DiffAnswer>,
}

/// What another chain does otherwise.
#[derive(Serialize)]
struct DiffAnswer {
    changed: Vec<ChangedAnswer>,
    total_variation: f64,
    probs: Vec<f64>,
}

#[derive(Serialize)]
struct ChangedAnswer {
    id: TokenId,
    before: Option<&'static str>,
    after: Option<&'static str>,
}

impl DiffAnswer {
    fn new(analysis: &Analysis, versus: &Analysis) -> Self {
        let ChainDiff { changed, total_variation } = ChainDiff::new(analysis, versus);
        let ids = 0..versus.model().vocab_size() as TokenId;
        Self {
            changed: changed.iter().map(|c| ChangedAnswer { id: c.id, before: c.before, after: c.after }).collect(),
            total_variation,
            probs: ids.map(|id| versus.sampling_prob(id)).collect(),
        }
    }
}

impl Answer {
    fn new(analysis: &Analysis, versus: Option<&Analysis>, labels: Option<Vec<String>>) -> Self {
        let ids = 0..analysis.model().vocab_size() as TokenId;
        Self {
            probs: ids.clone().map(|id| analysis.sampling_prob(id)).collect(),
            kept: analysis.kept().to_vec(),
            removed_by: ids.filter_map(|id| Some((id, removed_by(id, analysis)?))).collect(),
            entropy: analysis.sampling_entropy(),
            stages: stages(analysis.stages()),
            labels,
            diff: versus.map(|versus| DiffAnswer::new(analysis, versus)),
        }
    }
}

/// Reads one JSON object a line and answers each with one. A line that is wrong answers `{"error": …}` and the rest go on.
/// Returns how many lines were wrong.
///
/// # Errors
/// No line at all, or input or output that fails.
pub fn logits_lines(
    input: impl BufRead,
    defaults: &LogitsDefaults,
    out: &mut dyn Write,
) -> Result<usize, HeadlessError> {
    let (mut lines, mut wrong) = (0, 0);
    for line in input.split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if line.trim().is_empty() {
            continue;
        }
        lines += 1;
        match answer(&line, defaults) {
            Ok(answer) => json::line(out, &answer)?,
            Err(error) => {
                wrong += 1;
                json::line(out, &serde_json::json!({ "error": error }))?;
            }
        }
        out.flush()?;
    }
    if lines == 0 {
        return Err(HeadlessError::Input(
            "no logits: give them as arguments, or one JSON object a line on standard input".into(),
        ));
    }
    Ok(wrong)
}

fn answer(line: &str, defaults: &LogitsDefaults) -> Result<Answer, String> {
    let question: Question =
        serde_json::from_str(&quote_words(line)).map_err(|error| format!("not a question: {error}"))?;
    let logits = numbers(question.logits)?;
    let negative = question.negative.map(negative).transpose().map_err(|error| format!("negative: {error}"))?;
    let chain = match question.chain {
        Some(text) => Chain::parse(&text).map_err(|error| error.to_string())?,
        None => defaults.chain.clone(),
    };
    let versus = match question.versus {
        Some(text) => Some(Chain::parse(&text).map_err(|error| format!("versus: {error}"))?),
        None => defaults.versus.clone(),
    };
    if question.prompt_length > question.history.len() {
        let (length, history) = (question.prompt_length, question.history.len());
        return Err(format!("prompt_length: {length} is more than the {history} tokens of history"));
    }
    if let Some(labels) = question.labels.as_ref().filter(|labels| labels.len() != logits.len()) {
        return Err(format!("labels: there are {} for {} logits", labels.len(), logits.len()));
    }
    let context = Context {
        history: &question.history,
        prompt_length: question.prompt_length,
        negative: negative.as_ref(),
        ..Context::default()
    };
    let analysis = analyse(&logits, &chain, context).map_err(|error| error.to_string())?;
    let versus = versus.map(|chain| analyse(&logits, &chain, context)).transpose();
    let versus = versus.map_err(|error| format!("versus: {error}"))?;
    Ok(Answer::new(&analysis, versus.as_ref(), question.labels))
}

fn numbers(logits: Vec<Logit>) -> Result<Vec<f64>, String> {
    logits.into_iter().enumerate().map(|(i, logit)| logit.value(i)).collect()
}

fn negative(logits: Vec<Logit>) -> Result<Distribution, String> {
    Distribution::from_logits(&numbers(logits)?).map_err(|error| error.to_string())
}

fn analyse(logits: &[f64], chain: &Chain, context: Context<'_>) -> Result<Analysis, DecodeError> {
    if let Some(&id) = context.history.iter().find(|&&id| id as usize >= logits.len()) {
        return Err(DecodeError::BadToken { what: "history", id, vocab_size: logits.len() });
    }
    Analysis::new(Arc::new(Distribution::from_logits(logits)?), chain, context)
}

/// Puts the words NaN, Infinity and -Infinity, which are not JSON but written by some programs, into quotes, so that the answer
/// can name the logit instead of a column.
fn quote_words(line: &str) -> String {
    let (mut out, mut rest, mut quoted) = (String::with_capacity(line.len()), line, false);
    while let Some(first) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| !quoted && rest.starts_with(word));
        let taken = match (word, first) {
            (Some(word), _) => {
                out.extend(['"'].iter().copied().chain(word.chars()).chain(['"']));
                word.len()
            }
            (None, '\\') if quoted => {
                let escaped = rest.chars().take(2).map(char::len_utf8).sum();
                out.push_str(&rest[..escaped]);
                escaped
            }
            (None, first) => {
                quoted ^= first == '"';
                out.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// Answers for logits given as arguments, as a table or as the JSON object.
///
/// # Errors
/// Logits or a chain that can't be computed, or output that can't be written.
pub fn logits_table(
    logits: &[f64],
    settings: &LogitsDefaults,
    (format, style): (Format, Style),
    out: &mut dyn Write,
) -> Result<(), HeadlessError> {
    let analysis = analyse(logits, &settings.chain, Context::default())?;
    let versus = settings.versus.as_ref().map(|chain| analyse(logits, chain, Context::default())).transpose();
    let versus = versus.map_err(|error| HeadlessError::Input(format!("--versus: {error}")))?;
    match format {
        Format::Json | Format::Jsonl => {
            let answer = Answer::new(&analysis, versus.as_ref(), None);
            json::line(out, &answer)?;
        }
        Format::Csv => csv_table(&analysis, versus.as_ref(), out)?,
        Format::Text => {
            for line in text_table(&analysis, versus.as_ref(), style) {
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

fn text_table(analysis: &Analysis, versus: Option<&Analysis>, style: Style) -> Vec<String> {
    let column = if versus.is_some() { format!("{:>10}", "versus p") } else { String::new() };
    let mut lines =
        vec![style.dim(&format!("{:>5} {:>10} {:>9} {:>9}{column}  removed by", "token", "logit", "p", "chain p"))];
    for &id in analysis.model().ranked() {
        let (p, chain_p) = (percent(analysis.model().prob(id)), percent(analysis.sampling_prob(id)));
        let bar = "█".repeat((analysis.sampling_prob(id) * 24.0).round() as usize);
        let gone = removed_by(id, analysis);
        let (versus_p, note) = match versus {
            None => (String::new(), gone.map_or_else(|| style.accent(&bar), |name| style.dim(name))),
            Some(versus) => {
                let note = match (gone, removed_by(id, versus)) {
                    (None, None) => style.accent(&bar),
                    (before, after) if before == after => style.dim(before.unwrap_or_default()),
                    (before, after) => format!("{} → {}", before.unwrap_or("kept"), after.unwrap_or("kept")),
                };
                (format!("{:>10}", percent(versus.sampling_prob(id))), note)
            }
        };
        lines.push(format!("{id:>5} {:>10.4} {p:>9} {chain_p:>9}{versus_p}  {note}", analysis.model().logit(id)));
    }
    lines.extend(stage_lines(analysis, style));
    if let Some(versus) = versus {
        lines.push("versus".into());
        lines.extend(stage_lines(versus, style));
        let diff = ChainDiff::new(analysis, versus);
        let (count, distance) = (diff.changed.len(), diff.total_variation);
        lines.push(style.bold(&format!("total variation {distance:.4} · tokens of another fate: {count}")));
    }
    lines
}

fn stage_lines(analysis: &Analysis, style: Style) -> Vec<String> {
    let line = |stage: &crate::decode::StageTrace| {
        let label = glyph::fit(&glyph::plain(&stage.label, Charset::Unicode), 24, Charset::Unicode);
        let figures =
            format!("keeps {} of {}, removes {}", stage.kept, stage.kept + stage.removed, percent(stage.removed_mass));
        let entropy = format!("entropy {:.3} → {:.3} nats", stage.entropy_before, stage.entropy);
        format!("{} {}", style.bold(&label), style.dim(&format!("{figures}, {entropy}")))
    };
    analysis.stages().iter().map(line).collect()
}

fn csv_table(analysis: &Analysis, versus: Option<&Analysis>, out: &mut dyn Write) -> Result<(), HeadlessError> {
    let mut writer = csv::Writer::from_writer(out);
    let columns = ["id", "logit", "prob", "sampling_prob", "removed_by"];
    let more = versus.map(|_| ["versus_prob", "versus_removed_by"]);
    writer.write_record(columns.into_iter().chain(more.into_iter().flatten())).map_err(std::io::Error::from)?;
    for &id in analysis.model().ranked() {
        let (logit, prob) = (analysis.model().logit(id).to_string(), analysis.model().prob(id).to_string());
        let fate = |analysis: &Analysis| {
            let gone = removed_by(id, analysis).unwrap_or_default().to_string();
            [analysis.sampling_prob(id).to_string(), gone]
        };
        let row = [id.to_string(), logit, prob].into_iter().chain(fate(analysis));
        let row = row.chain(versus.map(fate).into_iter().flatten());
        writer.write_record(row).map_err(std::io::Error::from)?;
    }
    writer.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &str) -> (String, usize) {
        let mut out = Vec::new();
        let wrong = logits_lines(input.as_bytes(), &LogitsDefaults::default(), &mut out).unwrap();
        (String::from_utf8(out).unwrap(), wrong)
    }

    #[test]
    fn answers_go_on_after_a_wrong_line() {
        let (out, wrong) =
            lines("{\"logits\":[0,NaN]}\n\n{\"logits\":[0,null],\"chain\":\"top_q=1\"}\n{\"logits\":[1,1]}");
        let out: Vec<&str> = out.lines().collect();
        assert_eq!(wrong, 2);
        assert!(out[0].contains("the logit of token 1 is NaN"), "{}", out[0]);
        assert!(out[1].contains("no processor is called `top_q`"), "{}", out[1]);
        assert!(out[2].starts_with("{\"probs\":[0.5,0.5],\"kept\":[0,1],\"removed_by\":{},"), "{}", out[2]);
    }

    #[test]
    fn words_in_strings_stay() {
        assert_eq!(
            quote_words(r#"{"labels":["NaN \" NaN"],"logits":[-Infinity]}"#),
            r#"{"labels":["NaN \" NaN"],"logits":["-Infinity"]}"#
        );
        let (out, _) = lines(r#"{"logits":[-Infinity,0]}"#);
        assert!(out.starts_with("{\"probs\":[0.0,1.0]"), "{out}");
    }

    #[test]
    fn guidance_finds_its_logits() {
        let (out, _) = lines(r#"{"logits":[1,0,null],"negative":[0,1,0],"chain":"guidance_scale=1.5,top_k=1"}"#);
        assert!(out.starts_with("{\"probs\":[1.0,0.0,0.0],\"kept\":[0],"), "{out}");
        let error = |line: &str| lines(line).0;
        assert!(error(r#"{"logits":[0,1],"chain":"guidance_scale=2"}"#).contains("give `negative` logits"));
        let short = error(r#"{"logits":[0,1],"negative":[0],"chain":"guidance_scale=2"}"#);
        assert!(short.contains("1 logits after the negative prompt for a vocabulary of 2"), "{short}");
        let wrong = error(r#"{"logits":[0,1],"negative":[0,NaN],"chain":"guidance_scale=2"}"#);
        assert!(wrong.contains("negative: the logit of token 1 is NaN"), "{wrong}");
    }

    #[test]
    fn histories_are_checked() {
        assert!(lines(r#"{"logits":[0,1],"history":[2]}"#).0.contains("history: token 2 is outside"));
        assert!(lines(r#"{"logits":[0,1],"history":[1],"prompt_length":2}"#).0.contains("prompt_length: 2"));
        assert!(logits_lines("\n".as_bytes(), &LogitsDefaults::default(), &mut Vec::new()).is_err());
    }
}
