//! SentencePiece's byte pair encoding: `tokenizer.ggml.model` is `llama`.
//!
//! SentencePiece (Kudo and Richardson, 2018) joins, again and again, those two neighbours whose token has the highest score. That is
//! a byte pair encoding whose merges are all ways to cut a token in two, in order of the token's score.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde_json::json;
use tokenizers::models::bpe::BPE;
use tokenizers::{DecoderWrapper, NormalizerWrapper, Tokenizer};

use super::{Metadata, Parts, Role, Vocabulary, part};
use crate::model::ModelError;

/// What stands for a space in a token.
const SPACE: &str = "▁";

/// # Errors
/// There are no scores.
pub(super) fn build(metadata: &Metadata, vocabulary: &Vocabulary<'_>) -> Result<Parts, ModelError> {
    let single = metadata.single();
    let scores =
        metadata.numbers("tokenizer.ggml.scores")?.ok_or_else(|| single.invalid("no tokenizer.ggml.scores"))?;
    let (given, wanted) = (scores.len(), vocabulary.tokens.len());
    if given != wanted {
        return Err(single.invalid(format!("tokenizer.ggml.scores has {given} values for {wanted} tokens")));
    }
    let failed = |error: tokenizers::Error| single.invalid(format!("not a tokenizer: {error}"));
    let model = BPE::builder().vocab_and_merges(vocabulary.ids(), merges(vocabulary, &scores));
    let model = model.byte_fallback(true).fuse_unk(true);
    let unknown = match vocabulary.named(metadata, "tokenizer.ggml.unknown_token_id")? {
        Some((_, token)) => Some(token),
        None => vocabulary.with_role(Role::Unknown).next().map(|(_, token)| token),
    };
    let model = if let Some(token) = unknown { model.unk_token(token.to_owned()) } else { model };
    let mut tokenizer = Tokenizer::new(model.build().map_err(failed)?);
    let prefixed = single.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let prepend = prefixed.then(|| json!({"type": "Prepend", "prepend": SPACE}));
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
    let normalizers: Vec<_> = prepend.into_iter().chain([replace]).collect();
    let normalizer = part::<NormalizerWrapper>(metadata, json!({"type": "Sequence", "normalizers": normalizers}))?;
    tokenizer.with_normalizer(Some(normalizer)).map_err(failed)?;
    let strip = prefixed.then(|| json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    let decoders: Vec<_> = [
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ]
    .into_iter()
    .chain(strip)
    .collect();
    let decoder = part::<DecoderWrapper>(metadata, json!({"type": "Sequence", "decoders": decoders}))?;
    tokenizer.with_decoder(Some(decoder));
    Ok(Parts { tokenizer, adds_bos: true })
}

/// All ways to cut a normal token into two, those of the highest score first.
fn merges(vocabulary: &Vocabulary<'_>, scores: &[f64]) -> Vec<(String, String)> {
    let ids: HashMap<&str, usize> = vocabulary.with_role(Role::Normal).map(|(id, token)| (token, id)).collect();
    let mut merges = Vec::new();
    for (id, token) in vocabulary.with_role(Role::Normal) {
        for (cut, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(cut);
            if ids.contains_key(left) && ids.contains_key(right) {
                merges.push((id, left, right));
            }
        }
    }
    // Of one score, the longer left part comes first, as in the conversion of the transformers library.
    merges.sort_by(|(a, a_left, _), (b, b_left, _)| {
        scores[*b].total_cmp(&scores[*a]).then_with(|| Reverse(a_left.len()).cmp(&Reverse(b_left.len())))
    });
    merges.into_iter().map(|(_, left, right)| (left.to_owned(), right.to_owned())).collect()
}
