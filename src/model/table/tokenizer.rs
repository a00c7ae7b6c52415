//! The tokenizer of a table: its vocabulary, longest entry first.

use crate::decode::TokenId;
use crate::model::{ModelError, SpecialTokens, TokenPiece, Tokenizer};

/// Cuts a text into entries of a table's vocabulary.
///
/// At each place the longest entry that fits is taken; white space that belongs to no entry is passed over. The names of the
/// begin and end tokens are cut too, and have no bytes.
#[derive(Debug)]
pub struct TableTokenizer {
    pieces: Vec<TokenPiece>,
    /// Ids of what a text may hold, the longest name first.
    longest: Vec<TokenId>,
    begin: TokenId,
    placeholder: TokenPiece,
}

impl TableTokenizer {
    /// A vocabulary, and the special tokens whose ids follow it; the last of them is never found in a text.
    pub(super) fn new(vocabulary: &[String], special: &[String], begin: TokenId) -> Self {
        let plain = vocabulary.iter().map(|name| (name, name.clone().into_bytes(), false));
        let marks = special.iter().map(|name| (name, Vec::new(), true));
        let piece = |(id, (name, bytes, special)): (usize, (&String, Vec<u8>, bool))| TokenPiece {
            id: id as TokenId,
            text: name.clone(),
            piece: name.clone(),
            bytes,
            special,
        };
        let pieces: Vec<TokenPiece> = plain.chain(marks).enumerate().map(piece).collect();
        let mut longest: Vec<TokenId> = (0..pieces.len().saturating_sub(1) as TokenId).collect();
        longest.sort_by_key(|&id| std::cmp::Reverse(pieces[id as usize].text.len()));
        let nothing = String::from("<no such token>");
        let placeholder =
            TokenPiece { id: TokenId::MAX, text: nothing.clone(), piece: nothing, bytes: Vec::new(), special: true };
        Self { pieces, longest, begin, placeholder }
    }

    fn longest_at(&self, text: &str) -> Option<&TokenPiece> {
        self.longest.iter().map(|&id| &self.pieces[id as usize]).find(|piece| text.starts_with(&piece.text))
    }
}

impl Tokenizer for TableTokenizer {
    fn encode(&self, text: &str, special: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
        let mut ids = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let Some(piece) = self.longest_at(rest) {
                ids.push(piece.id);
                rest = &rest[piece.text.len()..];
            } else if next.is_whitespace() {
                rest = &rest[next.len_utf8()..];
            } else {
                let place = text[..text.len() - rest.len()].chars().count() + 1;
                let entry = rest.split_whitespace().next().unwrap_or_default();
                return Err(ModelError::Request(format!(
                    "character {place} of the text, {entry:?}: no entry of the table's vocabulary begins like this"
                )));
            }
        }
        if special != SpecialTokens::Never && ids.first() != Some(&self.begin) {
            ids.insert(0, self.begin);
        }
        Ok(ids)
    }

    fn piece(&self, id: TokenId) -> &TokenPiece {
        self.pieces.get(id as usize).unwrap_or(&self.placeholder)
    }

    fn vocab_size(&self) -> usize {
        self.pieces.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> TableTokenizer {
        let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        TableTokenizer::new(&texts(&["a", "ab", " c", "é"]), &texts(&["<end>", "<begin>", "<unlisted>"]), 5)
    }

    fn cut(text: &str) -> Vec<TokenId> {
        tokenizer().encode(text, SpecialTokens::Never).unwrap()
    }

    #[test]
    fn the_longest_entry_counts_and_white_space_separates() {
        assert_eq!(cut("aab"), [0, 1]);
        assert_eq!(cut(" a\n ab\t"), [0, 1]);
        assert_eq!(cut("ab cé"), [1, 2, 3]);
        assert_eq!(cut("a<end>"), [0, 4]);
        assert!(cut("").is_empty());
    }

    #[test]
    fn the_begin_token_stands_once() {
        for special in [SpecialTokens::Auto, SpecialTokens::Always] {
            assert_eq!(tokenizer().encode("", special).unwrap(), [5]);
            assert_eq!(tokenizer().encode("<begin> a", special).unwrap(), [5, 0]);
        }
    }

    #[test]
    fn what_can_not_be_cut_is_shown() {
        let error = tokenizer().encode("é axe a", SpecialTokens::Auto).unwrap_err().to_string();
        assert_eq!(error, "character 4 of the text, \"xe\": no entry of the table's vocabulary begins like this");
        assert!(tokenizer().encode("<unlisted>", SpecialTokens::Auto).is_err());
        assert_eq!(tokenizer().piece(99).bytes, b"");
    }
}
