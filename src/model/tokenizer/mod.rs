//! Text to token ids, and token ids to bytes.

mod bytes;
mod hf;

use crate::decode::TokenId;

use super::ModelError;

pub use hf::HfTokenizer;

/// Which special tokens `encode` adds: `--bos`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpecialTokens {
    /// What the tokenizer's own post-processor adds.
    #[default]
    Auto,
    /// The same, and the begin-of-text token in front unless it is there.
    Always,
    /// None.
    Never,
}

/// A token of the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPiece {
    /// Its id.
    pub id: TokenId,
    /// What to call it: its bytes as text, U+FFFD in place of what is no UTF-8; for a special token its name.
    pub text: String,
    /// How the vocabulary writes it, for example `Ġthe`.
    pub piece: String,
    /// Its part of the text, which may be half a character; empty for special tokens.
    pub bytes: Vec<u8>,
    /// Whether it is a mark like end of text, and no text itself.
    pub special: bool,
}

/// Cuts text into tokens.
///
/// Contract: the bytes of the tokens of a text, one after the other, are the text as the tokenizer normalizes it (lower case, a
/// space in front, or whatever it does), as far as the vocabulary can write it.
pub trait Tokenizer: Send + Sync {
    /// The token ids of a text.
    ///
    /// # Errors
    /// The text can't be cut, or `special` asks for a begin-of-text token where the model has none.
    fn encode(&self, text: &str, special: SpecialTokens) -> Result<Vec<TokenId>, ModelError>;

    /// The token of an id; a harmless placeholder for one that the vocabulary does not have.
    fn piece(&self, id: TokenId) -> &TokenPiece;

    /// One more than the highest id.
    fn vocab_size(&self) -> usize;
}

#[cfg(test)]
mod tests;
