//! Text from tokens.

use std::fmt;

use crate::decode::{TokenBytes, TokenId};
use crate::model::Tokenizer;

/// The bytes of the tokens, one after the other. Special tokens have none.
pub fn assemble<'a>(tokenizer: &dyn Tokenizer, ids: impl IntoIterator<Item = &'a TokenId>) -> Vec<u8> {
    ids.into_iter().flat_map(|&id| tokenizer.piece(id).bytes.iter().copied()).collect()
}

/// The tokenizer as the processors see it.
pub(super) struct Pieces<'a>(pub(super) &'a dyn Tokenizer);

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pieces")
    }
}

impl TokenBytes for Pieces<'_> {
    fn token_bytes(&self, id: TokenId) -> &[u8] {
        &self.0.piece(id).bytes
    }
}

/// Where the first of the stop strings begins.
pub(super) fn find_stop(text: &[u8], stops: &[String]) -> Option<usize> {
    let find = |stop: &String| text.windows(stop.len().max(1)).position(|window| window == stop.as_bytes());
    stops.iter().filter(|stop| !stop.is_empty()).filter_map(find).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_stop_counts() {
        let stops = ["x".to_string(), "lo w".into(), String::new()];
        assert_eq!(find_stop(b"hello world x", &stops), Some(3));
        assert_eq!(find_stop(b"hel", &stops), None);
        assert_eq!(find_stop(b"", &stops), None);
    }
}
