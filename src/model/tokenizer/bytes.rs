//! From a vocabulary's way of writing a token to its bytes.

use serde_json::Value;

/// How a vocabulary writes bytes, read off the tokenizer's decoder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PieceRules {
    /// Each character stands for a byte, in GPT-2's alphabet.
    byte_level: bool,
    /// `<0x0A>` stands for a byte.
    byte_fallback: bool,
    /// Texts that stand for others, `▁` for a space above all.
    replacements: Vec<(String, String)>,
    /// What marks a token that continues a word; others follow a space.
    continuation: Option<String>,
    /// What marks a token that ends a word, and stands for a space.
    word_end: Option<String>,
}

impl PieceRules {
    /// Reads the `decoder` of a `tokenizer.json`; kinds that are not known change nothing.
    pub(super) fn read(decoder: &Value) -> Self {
        let mut rules = Self::default();
        rules.add(decoder);
        rules
    }

    /// Whether each character stands for a byte.
    pub(super) fn is_byte_level(&self) -> bool {
        self.byte_level
    }

    fn add(&mut self, decoder: &Value) {
        let text = |key: &str| decoder[key].as_str().map(str::to_owned);
        match decoder["type"].as_str() {
            Some("Sequence") => decoder["decoders"].as_array().into_iter().flatten().for_each(|part| self.add(part)),
            Some("ByteLevel") => self.byte_level = true,
            Some("ByteFallback") => self.byte_fallback = true,
            Some("Metaspace") => {
                self.replacements.push((text("replacement").unwrap_or_else(|| "▁".into()), " ".into()));
            }
            Some("Replace") => {
                let pattern = decoder["pattern"]["String"].as_str().filter(|pattern| !pattern.is_empty());
                self.replacements.extend(pattern.map(str::to_owned).zip(text("content")));
            }
            Some("WordPiece") => self.continuation = text("prefix"),
            Some("BPEDecoder") => self.word_end = text("suffix").filter(|suffix| !suffix.is_empty()),
            _ => {}
        }
    }

    /// The bytes that a token of the vocabulary stands for.
    pub(super) fn bytes(&self, piece: &str) -> Vec<u8> {
        if self.byte_level
            && let Some(bytes) = piece.chars().map(byte_of).collect::<Option<Vec<u8>>>()
        {
            return bytes;
        }
        if self.byte_fallback
            && let Some(byte) = fallback_byte(piece)
        {
            return vec![byte];
        }
        let mut text = piece.to_owned();
        if let Some(suffix) = &self.word_end
            && let Some(word) = text.strip_suffix(suffix.as_str())
        {
            text = format!("{word} ");
        }
        if let Some(prefix) = &self.continuation {
            text = piece.strip_prefix(prefix.as_str()).map_or_else(|| format!(" {piece}"), str::to_owned);
        }
        for (from, to) in &self.replacements {
            text = text.replace(from.as_str(), to);
        }
        text.into_bytes()
    }
}

/// The byte of `<0x0A>`.
fn fallback_byte(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// The byte that a character of GPT-2's alphabet stands for (`bytes_to_unicode` in its `encoder.py`): printable Latin-1 for
/// itself, the 68 other bytes in ascending order from U+0100 on.
fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => u8::try_from(code).ok(),
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7F).ok(),
        0x143 => Some(0xAD),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_alphabet_of_gpt2_has_every_byte_once() {
        let mut bytes: Vec<u8> = (0..0x200).filter_map(char::from_u32).filter_map(byte_of).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        assert_eq!(byte_of('Ġ'), Some(b' '));
        assert_eq!(byte_of('Ċ'), Some(b'\n'));
    }

    #[test]
    fn byte_level_pieces() {
        let rules = PieceRules::read(&json!({"type": "ByteLevel"}));
        assert_eq!(rules.bytes("Ġthe"), b" the");
        assert_eq!(rules.bytes("ä¸"), [0xE4, 0xB8]);
        assert_eq!(rules.bytes("two words"), b"two words");
        assert_eq!(rules.bytes(""), b"");
    }

    #[test]
    fn sentencepiece_pieces() {
        let rules = PieceRules::read(&json!({"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        ]}));
        assert_eq!(rules.bytes("▁the"), b" the");
        assert_eq!(rules.bytes("<0xE4>"), [0xE4]);
        assert_eq!(rules.bytes("<0xZZ>"), b"<0xZZ>");
        assert_eq!(rules.bytes("<0x+1>"), b"<0x+1>");
        assert_eq!(PieceRules::read(&json!({"type": "Metaspace"})).bytes("▁a▁b"), b" a b");
    }

    #[test]
    fn word_pieces() {
        let rules = PieceRules::read(&json!({"type": "WordPiece", "prefix": "##"}));
        assert_eq!((rules.bytes("play"), rules.bytes("##ing")), (b" play".to_vec(), b"ing".to_vec()));
        let rules = PieceRules::read(&json!({"type": "BPEDecoder", "suffix": "</w>"}));
        assert_eq!((rules.bytes("play"), rules.bytes("ing</w>")), (b"play".to_vec(), b"ing ".to_vec()));
    }

    #[test]
    fn unknown_decoders_leave_pieces_as_they_are() {
        for decoder in [json!(null), json!({"type": "CTC"}), json!(3), json!({"type": "Sequence", "decoders": 1})] {
            assert_eq!(PieceRules::read(&decoder).bytes("▁Ġx"), "▁Ġx".as_bytes());
        }
    }
}
