//! Looking for a token, for the interface.

use std::sync::Arc;

use crate::decode::{Distribution, TokenId, by_score};
use crate::engine::EngineError;
use crate::model::{TokenPiece, Tokenizer};

use super::{Ground, Job, News};

/// Matches that are put in order; the rest are only counted.
const MOST: usize = 500;

/// Tokens that answer a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What was asked.
    pub question: String,
    /// The best matches: what is exactly the text first, then what begins with it, then what contains it; each the most
    /// probable first.
    pub tokens: Vec<TokenId>,
    /// How many there are in all.
    pub count: usize,
}

/// Looks through the vocabulary.
pub struct SearchJob {
    asked: Option<(String, Arc<Distribution>)>,
}

impl SearchJob {
    /// `question` is a text, an id as `#431`, or bytes as `E4 B8` or `0xE4B8`; in a text `\n`, `\t`, `\\` and `\xE4` stand for what
    /// can't be typed. `model` orders what is found.
    #[must_use]
    pub fn new(question: String, model: Arc<Distribution>) -> Self {
        Self { asked: Some((question, model)) }
    }
}

impl Job for SearchJob {
    fn turn(&mut self, ground: &mut Ground<'_>) -> Result<Option<News>, EngineError> {
        let Some((question, model)) = self.asked.take() else { return Ok(None) };
        Ok(Some(News::Found(Arc::new(find(question, &model, ground.tokenizer.as_ref())))))
    }
}

/// What is looked for.
enum Wanted {
    Id(TokenId),
    Bytes(Vec<u8>),
    Text(Vec<u8>),
}

/// How well a token matches; less is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Exact,
    AfterSpace,
    Start,
    Part,
}

fn find(question: String, model: &Distribution, tokenizer: &dyn Tokenizer) -> Found {
    let Some(wanted) = read(&question) else { return Found { question, ..Found::default() } };
    let size = model.vocab_size().min(tokenizer.vocab_size()) as TokenId;
    let mut all: Vec<(Match, TokenId)> = match &wanted {
        Wanted::Id(id) => (*id < size).then_some((Match::Exact, *id)).into_iter().collect(),
        // A server's tokens that were not met yet have no piece of their own.
        _ => (0..size)
            .filter(|&id| tokenizer.piece(id).id == id)
            .filter_map(|id| Some((wanted.matches(tokenizer.piece(id))?, id)))
            .collect(),
    };
    let count = all.len();
    let order = |a: &(Match, TokenId), b: &(Match, TokenId)| {
        a.0.cmp(&b.0).then_with(|| by_score((model.logit(a.1), a.1), (model.logit(b.1), b.1)))
    };
    if count > MOST {
        all.select_nth_unstable_by(MOST, order);
        all.truncate(MOST);
    }
    all.sort_unstable_by(order);
    Found { question, tokens: all.into_iter().map(|(_, id)| id).collect(), count }
}

impl Wanted {
    fn matches(&self, piece: &TokenPiece) -> Option<Match> {
        let (Self::Bytes(wanted) | Self::Text(wanted)) = self else { return None };
        let bytes = if piece.bytes.is_empty() { piece.piece.as_bytes() } else { &piece.bytes };
        let text = matches!(self, Self::Text(_));
        let rest = bytes.strip_prefix(b" ").filter(|_| text);
        if bytes == wanted {
            Some(Match::Exact)
        } else if rest.is_some_and(|rest| rest == wanted) {
            Some(Match::AfterSpace)
        } else if bytes.starts_with(wanted) || rest.is_some_and(|rest| rest.starts_with(wanted)) {
            Some(Match::Start)
        } else {
            bytes.windows(wanted.len().max(1)).any(|part| part == wanted).then_some(Match::Part)
        }
    }
}

/// Reads a question; nothing where it asks for nothing.
fn read(question: &str) -> Option<Wanted> {
    if question.is_empty() {
        return None;
    }
    if let Some(id) = question.strip_prefix('#').and_then(|digits| digits.trim().parse().ok()) {
        return Some(Wanted::Id(id));
    }
    let hex = question.strip_prefix("0x").map(|digits| pairs(digits.trim()));
    let spaced = || {
        let parts: Vec<&str> = question.split_whitespace().collect();
        (parts.len() > 1 && parts.iter().all(|part| part.len() == 2)).then(|| pairs(&parts.concat()))
    };
    match hex.or_else(spaced).flatten() {
        Some(bytes) if !bytes.is_empty() => Some(Wanted::Bytes(bytes)),
        _ => Some(Wanted::Text(unescaped(question))),
    }
}

/// Pairs of hexadecimal digits as bytes.
fn pairs(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = digits.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The bytes of a text with `\n`, `\t`, `\r`, `\\` and `\x1B` in it; a backslash before anything else is itself.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    while let Some(part) = parts.next() {
        let hex = part.strip_prefix('x').and_then(|rest| pairs(rest.get(..2)?).map(|byte| (byte, &rest[2..])));
        let (byte, rest): (Vec<u8>, &str) = match (part.as_bytes().first(), hex) {
            (_, Some(found)) => found,
            (Some(b'n'), _) => (vec![b'\n'], &part[1..]),
            (Some(b't'), _) => (vec![b'\t'], &part[1..]),
            (Some(b'r'), _) => (vec![b'\r'], &part[1..]),
            // Two backslashes in a row have nothing between them: what follows the second is no escape.
            (None, _) => (vec![b'\\'], parts.next().unwrap_or_default()),
            _ => (vec![b'\\'], part),
        };
        bytes.extend(byte);
        bytes.extend(rest.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ModelError, SpecialTokens};

    #[derive(Debug)]
    struct Words(Vec<TokenPiece>);

    impl Tokenizer for Words {
        fn encode(&self, _: &str, _: SpecialTokens) -> Result<Vec<TokenId>, ModelError> {
            Ok(Vec::new())
        }

        fn piece(&self, id: TokenId) -> &TokenPiece {
            &self.0[id as usize]
        }

        fn vocab_size(&self) -> usize {
            self.0.len()
        }
    }

    const WORDS: [&[u8]; 9] = [b"king", b" king", b" kings", b"a king", b"\n", b"\xe4\xb8", b"\\", b"", b"KING"];

    fn found(question: &str) -> Vec<TokenId> {
        let piece = |(id, bytes): (TokenId, &&[u8])| {
            let name =
                if bytes.is_empty() { "<|end|>".to_owned() } else { String::from_utf8_lossy(bytes).into_owned() };
            TokenPiece { id, text: name.clone(), piece: name, bytes: bytes.to_vec(), special: bytes.is_empty() }
        };
        let words = Words((0..).zip(&WORDS).map(piece).collect());
        let model = Distribution::from_logits(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]).unwrap();
        let found = find(question.to_owned(), &model, &words);
        assert_eq!(found.count, found.tokens.len());
        found.tokens
    }

    #[test]
    fn text_with_or_without_its_space() {
        assert_eq!(found("king"), [0, 1, 2, 3], "exact, after a space, its beginning, inside");
        assert_eq!(found(" king"), [1, 2, 3]);
        assert!(found("kingdom").is_empty());
        assert_eq!(found("|end|"), [7], "special tokens by their names");
        assert!(found("").is_empty());
    }

    #[test]
    fn ids_and_bytes() {
        assert_eq!(found("#5"), [5]);
        assert!(found("#99").is_empty());
        assert!(found("#king").is_empty(), "no id, so a text");
        assert_eq!(found("E4 B8"), [5]);
        assert_eq!(found("0xb8"), [5]);
        assert_eq!(found("\\xE4"), [5]);
        assert_eq!(found("\\n"), [4]);
        assert_eq!(found("\\\\"), [6]);
        assert_eq!(found("\\"), [6]);
    }

    #[test]
    fn escapes_are_read_and_others_stay() {
        assert_eq!(unescaped("a\\tb\\x41\\q\\\\n\\x4"), b"a\tbA\\q\\n\\x4");
        assert_eq!(unescaped("\\xéé"), "\\xéé".as_bytes());
    }
}
