//! The tokenizer among the metadata of a GGUF file, as one of the tokenizers library.
//!
//! The keys are those of llama.cpp; what it does where one is missing is done here too.

mod bpe;
mod pre;
mod spm;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokenizers::AddedToken;
use tokenizers::models::bpe::Vocab;

use super::Metadata;
use crate::decode::TokenId;
use crate::model::ModelError;
use crate::model::tokenizer::HfTokenizer;

/// A kind of tokenizer.
struct Kind {
    /// `tokenizer.ggml.model`.
    name: &'static str,
    /// Makes it of the vocabulary.
    build: fn(&Metadata, &Vocabulary<'_>) -> Result<Parts, ModelError>,
}

/// Every kind that is known.
const KINDS: &[Kind] = &[Kind { name: "gpt2", build: bpe::build }, Kind { name: "llama", build: spm::build }];

/// A tokenizer without its special tokens.
struct Parts {
    tokenizer: tokenizers::Tokenizer,
    /// Whether a text begins with the begin-of-text token, where the file doesn't say.
    adds_bos: bool,
}

/// What a token is there for: `llama_token_type` in `llama.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

impl Role {
    fn of(number: f64) -> Option<Self> {
        let roles = [Self::Normal, Self::Unknown, Self::Control, Self::UserDefined, Self::Unused, Self::Byte];
        roles.into_iter().zip(1_u8..).find(|(_, known)| f64::from(*known) == number).map(|(role, _)| role)
    }
}

/// All tokens, by id.
struct Vocabulary<'a> {
    tokens: Vec<&'a str>,
    roles: Vec<Role>,
}

impl<'a> Vocabulary<'a> {
    fn read(metadata: &'a Metadata) -> Result<Self, ModelError> {
        let fail = |reason: String| metadata.single().invalid(reason);
        let tokens = metadata.texts("tokenizer.ggml.tokens")?;
        let tokens = tokens.ok_or_else(|| fail("no tokenizer.ggml.tokens: the file has no vocabulary".into()))?;
        let roles = match metadata.numbers("tokenizer.ggml.token_type")? {
            None => vec![Role::Normal; tokens.len()],
            Some(numbers) if numbers.len() == tokens.len() => {
                // A role that a later version knows is that of a word.
                numbers.into_iter().map(|number| Role::of(number).unwrap_or(Role::Normal)).collect()
            }
            Some(numbers) => {
                let (roles, tokens) = (numbers.len(), tokens.len());
                return Err(fail(format!("tokenizer.ggml.token_type has {roles} values for {tokens} tokens")));
            }
        };
        Ok(Self { tokens, roles })
    }

    /// Every token with its id; of equal ones the first counts.
    fn ids(&self) -> Vocab {
        self.tokens.iter().enumerate().rev().map(|(id, token)| ((*token).to_owned(), id as u32)).collect()
    }

    fn with_role(&self, role: Role) -> impl Iterator<Item = (usize, &'a str)> {
        let tokens = self.tokens.iter().copied().enumerate();
        tokens.zip(&self.roles).filter(move |(_, found)| **found == role).map(|(token, _)| token)
    }

    /// A token id among the metadata, and its token.
    ///
    /// # Errors
    /// It is no id, or outside of the vocabulary.
    fn named(&self, metadata: &Metadata, key: &str) -> Result<Option<(TokenId, &'a str)>, ModelError> {
        let single = metadata.single();
        let Some(id) = single.token_ids(key)?.and_then(|ids| ids.first().copied()) else { return Ok(None) };
        match self.tokens.get(id as usize) {
            Some(token) => Ok(Some((id, token))),
            None => {
                Err(single.invalid(format!("{key} is {id}, outside of the vocabulary of {} tokens", self.tokens.len())))
            }
        }
    }
}

/// Keys of tokens that end a text.
const END_KEYS: [&str; 3] =
    ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

/// Control tokens that end a text or a turn of a chat whether the file says so or not, as in llama.cpp: files of models for chats
/// name only one of theirs.
const END_NAMES: &[&str] = &[
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<end_of_turn>",
    "<EOT>",
    "</s>",
    "<eos>",
];

/// Ids of the tokens that end a text, ascending.
///
/// # Errors
/// An id is outside of the vocabulary.
pub(super) fn end_ids(metadata: &Metadata) -> Result<Vec<TokenId>, ModelError> {
    let vocabulary = Vocabulary::read(metadata)?;
    let by_name = vocabulary.with_role(Role::Control).filter(|(_, token)| END_NAMES.contains(token));
    let mut ids: Vec<TokenId> = by_name.map(|(id, _)| id as TokenId).collect();
    for key in END_KEYS {
        ids.extend(vocabulary.named(metadata, key)?.map(|(id, _)| id));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The tokenizer of a file.
///
/// # Errors
/// There is none, it is of a kind that is not known, or its parts don't fit each other.
pub(super) fn read(metadata: &Metadata) -> Result<HfTokenizer, ModelError> {
    let single = metadata.single();
    if let Some(json) = single.text("tokenizer.huggingface.json")? {
        return HfTokenizer::from_bytes(single.file(), json.as_bytes());
    }
    let known = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    let name = single.text("tokenizer.ggml.model")?.ok_or_else(|| {
        single.invalid(format!("no tokenizer.ggml.model: the file has no tokenizer; known kinds: {}", known()))
    })?;
    let kind = KINDS.iter().find(|kind| kind.name == name);
    let kind =
        kind.ok_or_else(|| single.invalid(format!("tokenizer.ggml.model {name:?} is not known; known: {}", known())))?;
    let vocabulary = Vocabulary::read(metadata)?;
    let Parts { mut tokenizer, adds_bos } = (kind.build)(metadata, &vocabulary)?;
    let failed = |error: tokenizers::Error| single.invalid(format!("not a tokenizer: {error}"));
    let special = [Role::Control, Role::Unknown].map(|role| vocabulary.with_role(role)).into_iter().flatten();
    let added = |special: bool| move |(_, token): (usize, &str)| AddedToken::from(token, special).normalized(false);
    tokenizer.add_special_tokens(special.map(added(true))).map_err(failed)?;
    tokenizer.add_tokens(vocabulary.with_role(Role::UserDefined).map(added(false))).map_err(failed)?;
    let bos = vocabulary.named(metadata, "tokenizer.ggml.bos_token_id")?;
    let eos = vocabulary.named(metadata, "tokenizer.ggml.eos_token_id")?;
    let begins = single.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(adds_bos);
    let ends = single.flag("tokenizer.ggml.add_eos_token")?.unwrap_or(false);
    if let Some(template) = template(bos.filter(|_| begins), eos.filter(|_| ends)) {
        tokenizer.with_post_processor(Some(part::<tokenizers::PostProcessorWrapper>(metadata, template)?));
    }
    Ok(HfTokenizer::new(single.file(), tokenizer)?.with_bos_id(bos.map(|(id, _)| id)))
}

/// What puts tokens before and after a text; none where there are none to put.
fn template(first: Option<(TokenId, &str)>, last: Option<(TokenId, &str)>) -> Option<Value> {
    first.or(last)?;
    let special = |(_, token): (TokenId, &str)| json!({"SpecialToken": {"id": token, "type_id": 0}});
    let around = |text: Value| -> Vec<Value> {
        [first.map(special), Some(text), last.map(special)].into_iter().flatten().collect()
    };
    let text = |name: &str, type_id: u32| json!({"Sequence": {"id": name, "type_id": type_id}});
    let named = |(id, token): (TokenId, &str)| (token.to_owned(), json!({"id": token, "ids": [id], "tokens": [token]}));
    let single = around(text("A", 0));
    let mut pair = single.clone();
    pair.push(text("B", 1));
    let special_tokens: serde_json::Map<_, _> = [first, last].into_iter().flatten().map(named).collect();
    Some(json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special_tokens}))
}

/// A part of a tokenizer from its description in `tokenizer.json`.
fn part<T: DeserializeOwned>(metadata: &Metadata, description: Value) -> Result<T, ModelError> {
    serde_json::from_value(description).map_err(|error| metadata.single().invalid(format!("not a tokenizer: {error}")))
}
