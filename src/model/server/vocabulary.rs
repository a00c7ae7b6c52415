//! The tokens of a server, as far as they were met.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::decode::TokenId;
use crate::model::TokenPiece;

/// More tokens than any vocabulary has: there is a place for each before one is met.
pub(super) const LARGEST: usize = 1 << 22;

/// A vocabulary that grows by what the server tells of it. The last id is that of everything that a list leaves out.
pub(super) struct Vocabulary {
    pieces: Vec<OnceLock<Box<TokenPiece>>>,
    /// The ids of tokens that come without one, by their text.
    interned: Mutex<HashMap<String, TokenId>>,
    unmet: TokenPiece,
}

impl Vocabulary {
    /// `tokens` ids, at most [`LARGEST`], and one for the rest.
    pub(super) fn new(tokens: usize) -> Self {
        let pieces: Vec<OnceLock<Box<TokenPiece>>> = (0..=tokens.min(LARGEST)).map(|_| OnceLock::new()).collect();
        let vocabulary = Self { pieces, interned: Mutex::default(), unmet: mark(TokenId::MAX, "<not met yet>") };
        let rest = vocabulary.rest();
        vocabulary.put(mark(rest, "<everything else>"));
        vocabulary
    }

    /// Length of a logits vector: all tokens and the rest.
    pub(super) fn size(&self) -> usize {
        self.pieces.len()
    }

    /// The id of everything that a list leaves out.
    pub(super) fn rest(&self) -> TokenId {
        self.pieces.len() as TokenId - 1
    }

    /// Whether it is a token's id.
    pub(super) fn has(&self, id: TokenId) -> bool {
        id < self.rest()
    }

    pub(super) fn is_met(&self, id: TokenId) -> bool {
        self.pieces.get(id as usize).is_none_or(|piece| piece.get().is_some())
    }

    pub(super) fn piece(&self, id: TokenId) -> &TokenPiece {
        self.pieces.get(id as usize).and_then(OnceLock::get).map_or(&self.unmet, Box::as_ref)
    }

    /// Notes the part of the text that a token is; what was noted first stays.
    pub(super) fn meet(&self, id: TokenId, bytes: Vec<u8>) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.put(TokenPiece { id, piece: text.clone(), text, bytes, special: false });
    }

    /// Notes the name of a special token.
    pub(super) fn meet_special(&self, id: TokenId, name: &str) {
        self.put(mark(id, name));
    }

    fn put(&self, piece: TokenPiece) {
        if let Some(place) = self.pieces.get(piece.id as usize) {
            place.get_or_init(|| Box::new(piece));
        }
    }

    /// The id of a token that comes without one; nothing when all are given away.
    pub(super) fn intern(&self, text: &str) -> Option<TokenId> {
        let mut interned = self.interned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = interned.get(text) {
            return Some(id);
        }
        let id = interned.len() as TokenId;
        self.has(id).then(|| {
            interned.insert(text.into(), id);
            id
        })
    }
}

fn mark(id: TokenId, name: &str) -> TokenPiece {
    TokenPiece { id, text: name.into(), piece: name.into(), bytes: Vec::new(), special: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_met_once_and_the_rest_is_the_last() {
        let vocabulary = Vocabulary::new(2);
        assert_eq!((vocabulary.size(), vocabulary.rest(), vocabulary.has(1), vocabulary.has(2)), (3, 2, true, false));
        assert_eq!((vocabulary.is_met(0), vocabulary.piece(0).text.as_str()), (false, "<not met yet>"));
        vocabulary.meet(0, vec![0xE4, 0xB8]);
        vocabulary.meet(0, b"other".to_vec());
        assert_eq!(
            (vocabulary.piece(0).bytes.as_slice(), vocabulary.piece(0).text.as_str()),
            (&[0xE4, 0xB8][..], "\u{FFFD}")
        );
        assert!(vocabulary.piece(2).special && vocabulary.piece(99).special);
        vocabulary.meet(99, Vec::new());
    }

    #[test]
    fn texts_get_ids_until_there_are_no_more() {
        let vocabulary = Vocabulary::new(2);
        let ids = ["a", "b", "a", "c"].map(|text| vocabulary.intern(text));
        assert_eq!(ids, [Some(0), Some(1), Some(0), None]);
    }
}
