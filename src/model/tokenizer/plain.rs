//! A vocabulary of bytes, for models whose tokens mean nothing.

use std::sync::OnceLock;

use super::{SpecialTokens, TokenPiece, Tokenizer};
use crate::decode::TokenId;
use crate::model::ModelError;

/// The first 256 tokens are the bytes; those after them are called by their number, and no text is cut into them.
#[derive(Debug)]
pub struct ByteTokenizer {
    /// Made when they are first shown: most never are.
    pieces: Vec<OnceLock<Box<TokenPiece>>>,
    placeholder: TokenPiece,
}

impl ByteTokenizer {
    /// A vocabulary of so many tokens.
    #[must_use]
    pub fn new(vocab_size: usize) -> Self {
        let nothing = String::from("<no such token>");
        let placeholder =
            TokenPiece { id: TokenId::MAX, text: nothing.clone(), piece: nothing, bytes: Vec::new(), special: true };
        Self { pieces: std::iter::repeat_with(OnceLock::new).take(vocab_size).collect(), placeholder }
    }
}

fn piece(id: TokenId) -> TokenPiece {
    let (piece, bytes) = match u8::try_from(id) {
        Ok(byte) => (format!("<0x{byte:02X}>"), vec![byte]),
        Err(_) => (format!("⟨{id}⟩"), format!("⟨{id}⟩").into_bytes()),
    };
    TokenPiece { id, text: String::from_utf8_lossy(&bytes).into_owned(), piece, bytes, special: false }
}

impl Tokenizer for ByteTokenizer {
    fn encode(&self, text: &str, special: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
        if special == SpecialTokens::Always {
            return Err(ModelError::Request("this model has no begin-of-text token".into()));
        }
        Ok(text.bytes().map(TokenId::from).collect())
    }

    fn kind(&self) -> &'static str {
        "bytes"
    }

    fn piece(&self, id: TokenId) -> &TokenPiece {
        self.pieces.get(id as usize).map_or(&self.placeholder, |place| place.get_or_init(|| Box::new(piece(id))))
    }

    fn vocab_size(&self) -> usize {
        self.pieces.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_its_bytes() {
        let tokenizer = ByteTokenizer::new(300);
        let ids = tokenizer.encode("aé", SpecialTokens::Auto).unwrap();
        assert_eq!(ids, [97, 0xC3, 0xA9]);
        let bytes: Vec<u8> = ids.iter().flat_map(|id| tokenizer.piece(*id).bytes.clone()).collect();
        assert_eq!(bytes, "aé".as_bytes());
        assert_eq!(tokenizer.piece(0xC3).text, "\u{FFFD}");
        assert_eq!((tokenizer.piece(10).piece.as_str(), tokenizer.piece(10).text.as_str()), ("<0x0A>", "\n"));
        assert_eq!(tokenizer.piece(299).text, "⟨299⟩");
        assert!(tokenizer.piece(300).special);
        assert!(tokenizer.encode("a", SpecialTokens::Always).is_err());
    }
}
