//! Text to token ids, and token ids to bytes.

mod bytes;
mod check;
mod hf;
mod plain;

use crate::decode::TokenId;

use super::ModelError;

pub use hf::HfTokenizer;
pub use plain::ByteTokenizer;

/// Which special tokens `encode` adds: `--bos`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpecialTokens {
    /// What the tokenizer's own post-processor adds.
    #[default]
    Auto,
    /// The same, and the begin-of-text token in front, once.
    Always,
    /// None.
    Never,
}

/// How what was typed becomes the text that the model reads: `--chat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PromptForm {
    /// As it was typed.
    #[default]
    Plain,
    /// As a message of the user's, in the model's chat template.
    Chat,
}

impl PromptForm {
    /// The text that the model reads, and which special tokens `encode` adds to it: a template writes its own.
    ///
    /// # Errors
    /// The model has no chat template, or it refuses the message.
    pub fn apply(
        self,
        typed: &str,
        special: SpecialTokens,
        tokenizer: &dyn Tokenizer,
    ) -> Result<(String, SpecialTokens), ModelError> {
        match (self, special) {
            (Self::Plain, special) => Ok((typed.to_owned(), special)),
            (Self::Chat, SpecialTokens::Always) => Ok((tokenizer.chat(typed)?, SpecialTokens::Always)),
            (Self::Chat, _) => Ok((tokenizer.chat(typed)?, SpecialTokens::Never)),
        }
    }

    /// What was typed, where the model reads something else.
    #[must_use]
    pub fn typed(self, typed: &str) -> Option<String> {
        (self == Self::Chat).then(|| typed.to_owned())
    }
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
///
/// ```
/// use logitscope::model::tokenizer::ByteTokenizer;
/// use logitscope::model::{SpecialTokens, Tokenizer};
///
/// let tokenizer = ByteTokenizer::new(256);
/// let ids = tokenizer.encode("né", SpecialTokens::Auto)?;
/// assert_eq!(ids, [0x6E, 0xC3, 0xA9]);
/// assert_eq!(tokenizer.piece(ids[1]).text, "\u{FFFD}"); // half a character
/// let bytes: Vec<u8> = ids.iter().flat_map(|&id| tokenizer.piece(id).bytes.clone()).collect();
/// assert_eq!(bytes, "né".as_bytes());
/// # Ok::<(), logitscope::model::ModelError>(())
/// ```
pub trait Tokenizer: Send + Sync {
    /// The token ids of a text.
    ///
    /// # Errors
    /// The text can't be cut, or `special` asks for a begin-of-text token where the model has none.
    fn encode(&self, text: &str, special: SpecialTokens) -> Result<Vec<TokenId>, ModelError>;

    /// A message of the user's as the model's chat template writes it, up to where the answer begins.
    ///
    /// # Errors
    /// The model has no such template, or it refuses the message.
    fn chat(&self, _message: &str) -> Result<String, ModelError> {
        Err(no_chat_template())
    }

    /// What kind it is, in a few words.
    fn kind(&self) -> &'static str {
        "words of a list"
    }

    /// The token of an id; a harmless placeholder for one that the vocabulary does not have.
    fn piece(&self, id: TokenId) -> &TokenPiece;

    /// One more than the highest id.
    fn vocab_size(&self) -> usize;
}

fn no_chat_template() -> ModelError {
    ModelError::Request("this model has no chat template: leave --chat out, or choose a model made for chat".into())
}

#[cfg(test)]
mod tests;
