//! Byte-level byte pair encoding: `tokenizer.ggml.model` is `gpt2`.

use serde_json::json;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::{DecoderWrapper, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use super::{Metadata, Parts, Vocabulary, part, pre};
use crate::model::ModelError;

/// # Errors
/// There are no merges, one makes no token, or the way to cut words is not known.
pub(super) fn build(metadata: &Metadata, vocabulary: &Vocabulary<'_>) -> Result<Parts, ModelError> {
    let pre = pre::named(metadata)?;
    let lines = metadata.texts("tokenizer.ggml.merges")?;
    let lines = lines.ok_or_else(|| metadata.single().invalid("no tokenizer.ggml.merges"))?;
    let ids = vocabulary.ids();
    let merges = lines.iter().enumerate().map(|(index, line)| {
        merge(line, &ids).ok_or_else(|| {
            metadata
                .single()
                .invalid(format!("tokenizer.ggml.merges: merge {index}, {line:?}, joins no two tokens to a third"))
        })
    });
    let merges = merges.collect::<Result<Vec<_>, _>>()?;
    let model = BPE::builder().vocab_and_merges(ids, merges).ignore_merges(pre.ignore_merges).build();
    let model = model.map_err(|error| metadata.single().invalid(format!("not a tokenizer: {error}")))?;
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
    let splits = pre
        .splits
        .iter()
        .map(|regex| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false}));
    let cut = json!({"type": "Sequence", "pretokenizers": splits.chain([byte_level.clone()]).collect::<Vec<_>>()});
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(part::<PreTokenizerWrapper>(metadata, cut)?));
    tokenizer.with_decoder(Some(part::<DecoderWrapper>(metadata, byte_level)?));
    if pre.composes {
        let normalizer = part::<NormalizerWrapper>(metadata, json!({"type": "NFC"}))?;
        let failed = |error: tokenizers::Error| metadata.single().invalid(format!("not a tokenizer: {error}"));
        tokenizer.with_normalizer(Some(normalizer)).map_err(failed)?;
    }
    Ok(Parts { tokenizer, adds_bos: pre.adds_bos })
}

/// Two tokens that join to a third, written with a space between; a space at the very beginning belongs to the first.
fn merge(line: &str, ids: &Vocab) -> Option<(String, String)> {
    let (space, _) = line.char_indices().skip(1).find(|(_, character)| *character == ' ')?;
    let (left, right) = (&line[..space], &line[space + 1..]);
    let joined = format!("{left}{right}");
    [left, right, &joined].iter().all(|token| ids.contains_key(*token)).then(|| (left.to_owned(), right.to_owned()))
}
