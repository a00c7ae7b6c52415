//! Running text that the program or a teacher wrote: its symbols in ASCII where there is nothing else, and its lines.

use std::borrow::Cow;

use super::{Charset, cells, plain};

/// Symbols of running text and formulas, and how they are written without them.
const SPELLINGS: &[(char, &str)] = &[
    ('−', "-"),
    ('–', "-"),
    ('—', "-"),
    ('·', "*"),
    ('×', "x"),
    ('…', "..."),
    ('“', "\""),
    ('”', "\""),
    ('‘', "'"),
    ('’', "'"),
    ('→', "->"),
    ('←', "<-"),
    ('≤', "<="),
    ('≥', ">="),
    ('≈', "~"),
    ('≠', "!="),
    ('∞', "inf"),
    ('Σ', "sum "),
    ('Π', "product "),
    ('∂', "d"),
    ('√', "sqrt "),
    ('±', "+-"),
    ('α', "alpha"),
    ('β', "beta"),
    ('ε', "eps"),
    ('θ', "theta"),
    ('½', "1/2"),
    ('²', "^2"),
    ('₂', "_2"),
    ('ᵢ', "_i"),
    ('ⱼ', "_j"),
    ('é', "e"),
    ('ö', "o"),
    ('ü', "u"),
];

/// Text of a model, a file or a server as a terminal shows it and obeys nothing of it: whatever has no shape of its own is spelt out.
#[must_use]
pub fn visible(text: &str) -> String {
    plain(text, Charset::Unicode).iter().map(|glyph| glyph.symbol.as_ref()).collect()
}

/// The same with line feeds as they are.
#[must_use]
pub fn visible_lines(text: &[u8]) -> String {
    String::from_utf8_lossy(text).split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// The text with symbols that the charset has; what has no spelling stays, for others to make visible.
#[must_use]
pub fn spelt(text: &str, charset: Charset) -> Cow<'_, str> {
    if charset == Charset::Unicode || text.is_ascii() {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match SPELLINGS.iter().find(|(symbol, _)| *symbol == character) {
            Some((_, spelling)) => out.push_str(spelling),
            None => out.push(character),
        }
    }
    out.into()
}

/// Whether the text can be written in ASCII without loss.
#[must_use]
pub fn is_spellable(text: &str) -> bool {
    text.chars().all(|c| c == ' ' || c.is_ascii_graphic() || SPELLINGS.iter().any(|(symbol, _)| *symbol == c))
}

/// The text in lines of at most `width` cells, broken at spaces; a longer word is cut. At least one line.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wanted = cells(word);
        if used > 0 && used + 1 + wanted > width {
            lines.push(String::new());
            used = 0;
        } else if used > 0 {
            push(&mut lines, " ");
            used += 1;
        }
        if wanted <= width {
            push(&mut lines, word);
            used += wanted;
            continue;
        }
        for character in word.chars() {
            let mut buffer = [0; 4];
            let symbol: &str = character.encode_utf8(&mut buffer);
            if used + cells(symbol) > width && used > 0 {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, symbol);
            used += cells(symbol);
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_spelt_without_them() {
        assert_eq!(spelt("Σ log p = −1.2 → ∞", Charset::Ascii), "sum  log p = -1.2 -> inf");
        assert_eq!(spelt("Σ log p", Charset::Unicode), "Σ log p");
        assert!(is_spellable("α ≤ ½") && !is_spellable("世界") && !is_spellable("a\tb"));
        assert!(SPELLINGS.iter().all(|(symbol, spelling)| !symbol.is_ascii() && spelling.is_ascii()));
        assert!(SPELLINGS.iter().all(|(symbol, _)| cells(&symbol.to_string()) == 1));
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 9), [""]);
        assert_eq!(wrap("世界 a", 2), ["世", "界", "a"]);
        assert_eq!(wrap("a b", 0), ["a", "b"]);
        for width in 1..20 {
            let text = "the quick brown fox jumps over the lazy dog";
            let lines = wrap(text, width.max(5));
            assert!(lines.iter().all(|line| cells(line) <= width.max(5)));
            assert_eq!(lines.join(" "), text);
        }
    }
}
