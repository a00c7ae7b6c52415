//! `model`: what is in the cache, and what a model is.

use std::io::Write;
use std::time::SystemTime;

use serde::Serialize;

use crate::glyph::visible;
use crate::model::size::human;
use crate::model::{CachedModel, HubPlace, LoadedModel, ModelInfo, hub};

use super::style::Style;
use super::{Format, HeadlessError, json};

/// Tokens that the need of the cache is given for.
const CACHE_UNIT: usize = 1000;

/// `model list --format json`.
#[derive(Serialize)]
struct List {
    format: &'static str,
    version: u32,
    cache: String,
    models: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    revisions: Vec<String>,
    commit: String,
    architecture: Option<String>,
    bytes: u64,
    /// RFC 3339, in UTC.
    last_used: Option<String>,
    complete: bool,
}

/// `model info --format json`.
#[derive(Serialize)]
struct Info<'a> {
    format: &'static str,
    version: u32,
    model: &'a ModelInfo,
    parameters: u64,
    layers: Option<usize>,
    memory: Option<Memory>,
    eos_tokens: Vec<String>,
    tokenizer: &'static str,
    chat: bool,
}

/// Bytes that running it needs.
#[derive(Serialize)]
struct Memory {
    weights: u64,
    cache_per_1000_tokens: u64,
}

/// Writes what is in the cache.
///
/// # Errors
/// Output that can't be written.
pub fn model_list(
    place: &HubPlace,
    (format, style): (Format, Style),
    out: &mut dyn Write,
) -> Result<(), HeadlessError> {
    let models = hub::list(place);
    if format == Format::Json {
        let cache = place.cache.display().to_string();
        let models = models.iter().map(listed).collect();
        let document = List { format: "logitscope.models", version: 1, cache, models };
        json::line(out, &document)?;
        return Ok(());
    }
    if models.is_empty() {
        writeln!(
            out,
            "no model in {}: `logitscope model pull owner/name` gets one",
            visible(&place.cache.display().to_string())
        )?;
        return Ok(());
    }
    let rows: Vec<[String; 5]> = models.iter().map(row).collect();
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [widest(0).max(5), widest(1).max(8), widest(2).max(12)];
    let line = |cells: [&str; 5]| {
        let [name, revision, architecture, size, used] = cells;
        let [a, b, c] = widths;
        format!("{name:a$}  {revision:b$}  {architecture:c$}  {size:>9}  {used}")
    };
    writeln!(out, "{}", style.dim(&line(["model", "revision", "architecture", "size", "last used"])))?;
    for [name, revision, architecture, size, used] in &rows {
        writeln!(out, "{}", line([name, revision, architecture, size, used]))?;
    }
    Ok(())
}

fn row(model: &CachedModel) -> [String; 5] {
    let revision =
        if model.revisions.is_empty() { model.commit.chars().take(12).collect() } else { model.revisions.join(", ") };
    let used = date(model.used).map_or_else(|| "?".to_owned(), |text| text.chars().take(10).collect());
    let state = if model.is_complete { "" } else { ", not complete" };
    let architecture = visible(model.architecture.as_deref().unwrap_or("?"));
    [visible(&model.repo), visible(&revision), architecture, human(model.bytes), format!("{used}{state}")]
}

fn listed(model: &CachedModel) -> Listed {
    Listed {
        name: model.repo.clone(),
        revisions: model.revisions.clone(),
        commit: model.commit.clone(),
        architecture: model.architecture.clone(),
        bytes: model.bytes,
        last_used: date(model.used),
        complete: model.is_complete,
    }
}

fn date(time: Option<SystemTime>) -> Option<String> {
    let time = jiff::Timestamp::try_from(time?).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Writes what a model is, and what running it needs.
///
/// # Errors
/// Output that can't be written.
pub fn model_info(
    loaded: &LoadedModel,
    (format, style): (Format, Style),
    out: &mut dyn Write,
) -> Result<(), HeadlessError> {
    let (info, tokenizer) = (loaded.model.info(), loaded.tokenizer.as_ref());
    let shape = info.shape.as_deref();
    let memory =
        shape.map(|shape| Memory { weights: shape.weight_bytes, cache_per_1000_tokens: shape.cache_bytes(CACHE_UNIT) });
    let eos_tokens: Vec<String> = info.eos_token_ids.iter().map(|&id| tokenizer.piece(id).text.clone()).collect();
    let (kind, chat) = (tokenizer.kind(), tokenizer.chat("a").is_ok());
    if format == Format::Json {
        let (parameters, layers) = (info.parameters, shape.map(|shape| shape.layers));
        let (format, version) = ("logitscope.model", 1);
        let document =
            Info { format, version, model: info, parameters, layers, memory, eos_tokens, tokenizer: kind, chat };
        json::line(out, &document)?;
        return Ok(());
    }
    let ends: Vec<String> =
        info.eos_token_ids.iter().zip(&eos_tokens).map(|(id, text)| format!("{id} {text}")).collect();
    let mut lines = vec![
        ("architecture", info.architecture.clone()),
        ("parameters", info.parameters.to_string()),
        ("type", info.dtype.map_or("?", |dtype| dtype.name()).to_owned()),
        ("context", format!("{} tokens", info.context_length)),
        ("vocabulary", format!("{} tokens, {kind}", info.vocab_size)),
        ("ends", if ends.is_empty() { "none".to_owned() } else { ends.join(", ") }),
        ("chat template", if chat { "yes: --chat" } else { "no" }.to_owned()),
    ];
    if let (Some(shape), Some(memory)) = (shape, &memory) {
        lines.insert(3, ("layers", shape.layers.to_string()));
        let (weights, cache) = (human(memory.weights), human(memory.cache_per_1000_tokens));
        lines.push(("memory", format!("{weights} for the weights, {cache} for every {CACHE_UNIT} tokens")));
    }
    writeln!(out, "{}", style.bold(&visible(&info.name)))?;
    for (name, value) in lines {
        let value = visible(&value);
        writeln!(out, "  {} {value}", style.dim(&format!("{name:14}")))?;
    }
    Ok(())
}
