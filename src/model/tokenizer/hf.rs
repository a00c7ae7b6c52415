//! `tokenizer.json`, through the tokenizers crate.

use serde_json::Value;
use tokenizers::ModelWrapper;

use super::bytes::PieceRules;
use super::check::check;
use super::{SpecialTokens, TokenPiece, Tokenizer};
use crate::decode::TokenId;
use crate::model::ModelError;
use crate::model::chat::ChatTemplate;

/// Above any vocabulary: an id beyond it is a damaged file.
const LARGEST_VOCABULARY: usize = 1 << 22;

/// A tokenizer in the format of the tokenizers library.
pub struct HfTokenizer {
    inner: tokenizers::Tokenizer,
    pieces: Vec<TokenPiece>,
    placeholder: TokenPiece,
    vocab_size: usize,
    bos: Option<TokenId>,
    chat: Option<ChatTemplate>,
}

impl HfTokenizer {
    /// Reads a `tokenizer.json`; `file` names it in messages.
    ///
    /// # Errors
    /// The bytes are no tokenizer, or one with absurd ids.
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        check(bytes).map_err(|reason| ModelError::invalid(file, reason))?;
        let inner = tokenizers::Tokenizer::from_bytes(bytes)
            .map_err(|error| ModelError::invalid(file, format!("not a tokenizer: {error}")))?;
        Self::new(file, inner)
    }

    /// Takes a tokenizer that was read from `file`.
    ///
    /// # Errors
    /// Its ids are absurd.
    pub fn new(file: &str, mut inner: tokenizers::Tokenizer) -> Result<Self, ModelError> {
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| ModelError::invalid(file, error.to_string()))?;
        let pieces = pieces(&inner).map_err(|reason| ModelError::invalid(file, reason))?;
        let vocab_size = pieces.len();
        Ok(Self { inner, pieces, placeholder: unused(TokenId::MAX), vocab_size, bos: None, chat: None })
    }

    /// Sets the begin-of-text token, by name.
    #[must_use]
    pub fn with_bos_name(mut self, name: Option<&str>) -> Self {
        self.bos = name.and_then(|name| self.inner.token_to_id(name)).or(self.bos);
        self
    }

    /// Sets how a conversation is written.
    #[must_use]
    pub fn with_chat_template(mut self, chat: Option<ChatTemplate>) -> Self {
        self.chat = chat;
        self
    }

    /// Sets the begin-of-text token, by id.
    #[must_use]
    pub fn with_bos_id(mut self, id: Option<TokenId>) -> Self {
        self.bos = id.or(self.bos);
        self
    }

    /// Gives the rows of an embedding beyond the vocabulary a placeholder each: models pad their vocabulary to a round number.
    #[must_use]
    pub fn with_rows(mut self, rows: usize) -> Self {
        let first = self.pieces.len();
        self.pieces.extend((first..rows.min(LARGEST_VOCABULARY)).map(|id| unused(id as TokenId)));
        self
    }
}

impl Tokenizer for HfTokenizer {
    fn encode(&self, text: &str, special: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
        // The post-processor alone says what is added: transformers 5 ignores `add_bos_token` beside a tokenizer.json.
        let add_special_tokens = special != SpecialTokens::Never;
        let encoding = self
            .inner
            .encode_fast(text, add_special_tokens)
            .map_err(|error| ModelError::Request(format!("the text can't be cut into tokens: {error}")))?;
        let mut ids = encoding.get_ids().to_vec();
        if special == SpecialTokens::Always {
            let bos = self.bos.ok_or_else(|| ModelError::Request("this model has no begin-of-text token".into()))?;
            // The text may begin with its name, and the post-processor may have added another.
            let there = ids.iter().take_while(|id| **id == bos).count();
            ids.splice(..there, [bos]);
        }
        Ok(ids)
    }

    fn chat(&self, message: &str) -> Result<String, ModelError> {
        match &self.chat {
            Some(template) => template.ask(message),
            None => Err(super::no_chat_template()),
        }
    }

    fn kind(&self) -> &'static str {
        let decoder = self.inner.get_decoder().and_then(|decoder| serde_json::to_value(decoder).ok());
        let is_byte_level = PieceRules::read(&decoder.unwrap_or(Value::Null)).is_byte_level();
        match self.inner.get_model() {
            ModelWrapper::BPE(_) if is_byte_level => "byte-level BPE",
            ModelWrapper::BPE(bpe) if bpe.byte_fallback => "BPE with byte fallback",
            ModelWrapper::BPE(_) => "BPE",
            ModelWrapper::Unigram(_) => "unigram",
            ModelWrapper::WordPiece(_) => "WordPiece",
            ModelWrapper::WordLevel(_) => "whole words",
        }
    }

    fn piece(&self, id: TokenId) -> &TokenPiece {
        self.pieces.get(id as usize).unwrap_or(&self.placeholder)
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }
}

/// All tokens of a tokenizer, by id; ids that it leaves out get a placeholder.
fn pieces(tokenizer: &tokenizers::Tokenizer) -> Result<Vec<TokenPiece>, String> {
    let decoder = tokenizer.get_decoder().and_then(|decoder| serde_json::to_value(decoder).ok());
    let rules = PieceRules::read(&decoder.unwrap_or(Value::Null));
    let added = tokenizer.get_added_tokens_decoder();
    let highest = tokenizer.get_vocab(true).into_values().max().ok_or("an empty vocabulary")? as usize;
    if highest >= LARGEST_VOCABULARY {
        return Err(format!("token id {highest} is beyond any vocabulary"));
    }
    let read = |id: TokenId| {
        let Some(piece) = tokenizer.id_to_token(id) else { return unused(id) };
        let (special, bytes) = match added.get(&id) {
            Some(token) if token.special => (true, Vec::new()),
            Some(token) => (false, token.content.clone().into_bytes()),
            None => (false, rules.bytes(&piece)),
        };
        let text = if special { piece.clone() } else { String::from_utf8_lossy(&bytes).into_owned() };
        TokenPiece { id, text, piece, bytes, special }
    };
    let pieces = (0..=highest).map(|id| read(id as TokenId)).collect();
    Ok(pieces)
}

/// A token that no text contains.
fn unused(id: TokenId) -> TokenPiece {
    let name = format!("<unused {id}>");
    TokenPiece { id, text: name.clone(), piece: name, bytes: Vec::new(), special: true }
}
