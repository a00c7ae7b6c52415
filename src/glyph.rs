//! Token bytes into what is drawn: the only place that knows how wide anything is.
//!
//! A token can be half a character, a newline, an escape sequence, a combining mark or a word from right to left. Nothing of
//! that may reach the terminal as it is, so every stretch of bytes becomes [`Glyph`]s: printable symbols with a known number
//! of cells. Whatever terminals disagree on (joiners, variation selectors, flags, skin tones) is spelt out instead of drawn.

mod prose;

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

pub use prose::{is_spellable, spelt, visible, visible_lines, wrap};

/// Which symbols may be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Everything that the terminal's font has.
    #[default]
    Unicode,
    /// Nothing above `~`, for terminals and fonts without more.
    Ascii,
}

/// What a glyph stands for, which decides its style and where a line may break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A character of the text itself.
    Text,
    /// A space, drawn as `␣` in lists and as a gap in running text.
    Space,
    /// A line feed: running text breaks after it.
    Newline,
    /// Something invisible or incomplete, spelt out.
    Mark,
}

/// One symbol with the cells that it takes and the tokens that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// What is drawn; printable, never empty.
    pub symbol: Cow<'static, str>,
    /// Cells.
    pub width: u16,
    /// What it stands for.
    pub kind: Kind,
    /// Index of the first token that has a byte of it.
    pub first: usize,
    /// Index of the last one; only a character cut in two has another than `first`.
    pub last: usize,
}

/// The glyphs of one token, for lists and labels.
#[must_use]
pub fn token(bytes: &[u8], charset: Charset) -> Vec<Glyph> {
    assemble(std::iter::once(bytes), charset)
}

/// The glyphs of successive tokens, with characters that tokens share put together.
pub fn assemble<'a>(tokens: impl IntoIterator<Item = &'a [u8]>, charset: Charset) -> Vec<Glyph> {
    let mut bytes = Vec::new();
    let mut owners = Vec::new();
    for (index, token) in tokens.into_iter().enumerate() {
        bytes.extend_from_slice(token);
        owners.resize(bytes.len(), index);
    }
    let mut out = Writer { glyphs: Vec::new(), owners: &owners, charset };
    let mut start = 0;
    for chunk in bytes.utf8_chunks() {
        out.text(chunk.valid(), start);
        start += chunk.valid().len();
        out.partial(chunk.invalid(), start);
        start += chunk.invalid().len();
    }
    out.glyphs
}

/// The glyphs of text that the program or the user wrote: a model's name, a message, a prompt being edited.
#[must_use]
pub fn plain(text: &str, charset: Charset) -> Vec<Glyph> {
    let mut glyphs = token(text.as_bytes(), charset);
    for glyph in &mut glyphs {
        if glyph.kind == Kind::Space {
            glyph.symbol = Cow::Borrowed(" ");
        }
    }
    glyphs
}

/// Cells that glyphs take.
#[must_use]
pub fn width(glyphs: &[Glyph]) -> usize {
    glyphs.iter().map(|glyph| usize::from(glyph.width)).sum()
}

/// Glyphs as one string of exactly `cells` cells: cut with an ellipsis, or padded.
#[must_use]
pub fn fit(glyphs: &[Glyph], cells: usize, charset: Charset) -> String {
    let mut text = cut(glyphs, cells, charset);
    let used = text.width();
    text.extend(std::iter::repeat_n(' ', cells.saturating_sub(used)));
    text
}

/// Glyphs as one string of at most `cells` cells, with an ellipsis where something is missing.
#[must_use]
pub fn cut(glyphs: &[Glyph], cells: usize, charset: Charset) -> String {
    if width(glyphs) <= cells {
        return glyphs.iter().map(|glyph| glyph.symbol.as_ref()).collect();
    }
    let Some(room) = cells.checked_sub(1) else { return String::new() };
    let mut text = String::new();
    let mut used = 0;
    for glyph in glyphs {
        used += usize::from(glyph.width);
        if used > room {
            break;
        }
        text.push_str(&glyph.symbol);
    }
    text.push_str(if charset == Charset::Ascii { "~" } else { "…" });
    text
}

/// Cells of a string that is known to be printable, such as a label of the program.
#[must_use]
pub fn cells(text: &str) -> usize {
    text.width()
}

/// More marks than this on one base are counted instead of drawn.
const MARKS_DRAWN: usize = 3;

struct Writer<'a> {
    glyphs: Vec<Glyph>,
    owners: &'a [usize],
    charset: Charset,
}

impl Writer<'_> {
    fn push(&mut self, symbol: impl Into<Cow<'static, str>>, kind: Kind, start: usize, length: usize) {
        let symbol = symbol.into();
        let width = symbol.width() as u16;
        let (first, last) = (self.owners[start], self.owners[start + length - 1]);
        self.glyphs.push(Glyph { symbol, width, kind, first, last });
    }

    /// Bytes that are no characters, one mark for each token that has some of them.
    fn partial(&mut self, bytes: &[u8], start: usize) {
        let mut from = 0;
        while from < bytes.len() {
            let owner = self.owners[start + from];
            let length = (from..bytes.len()).take_while(|&at| self.owners[start + at] == owner).count();
            let hex: Vec<String> = bytes[from..from + length].iter().map(|byte| format!("{byte:02X}")).collect();
            self.push(self.bracketed(&hex.join(" ")), Kind::Mark, start + from, length);
            from += length;
        }
    }

    /// Valid text. Characters of one cluster that belong to different tokens are drawn apart: each token shows its own.
    fn text(&mut self, text: &str, start: usize) {
        for (at, cluster) in text.grapheme_indices(true) {
            let mut from = 0;
            for (offset, character) in cluster.char_indices() {
                let ends = offset + character.len_utf8();
                if ends == cluster.len() || self.owners[start + at + ends] != self.owners[start + at + ends - 1] {
                    self.cluster(&cluster[from..ends], start + at + from);
                    from = ends;
                }
            }
        }
    }

    /// One cluster: a base with what stands on it, with everything invisible spelt out.
    fn cluster(&mut self, cluster: &str, start: usize) {
        let mut base = String::new();
        let mut marks = 0;
        let mut from = start;
        let mut at = start;
        for character in cluster.chars() {
            let length = character.len_utf8();
            let stands_on_base = zero_width(character);
            if let Some((symbol, kind)) = self.special(character) {
                self.flush(&mut base, &mut marks, from, at);
                self.push(symbol, kind, at, length);
                from = at + length;
            } else if stands_on_base {
                if base.is_empty() {
                    base.push('◌');
                }
                marks += 1;
                if marks <= MARKS_DRAWN {
                    base.push(character);
                }
            } else {
                // Conjoining letters stay in one string: their cells are those of the whole.
                if !base.is_empty() && !conjoining(character) {
                    self.flush(&mut base, &mut marks, from, at);
                    from = at;
                }
                base.push(character);
            }
            at += length;
        }
        self.flush(&mut base, &mut marks, from, at);
    }

    fn flush(&mut self, base: &mut String, marks: &mut usize, from: usize, to: usize) {
        if !base.is_empty() {
            self.push(std::mem::take(base), Kind::Text, from, to - from);
        }
        if *marks > MARKS_DRAWN {
            self.push(self.bracketed(&format!("+{}", *marks - MARKS_DRAWN)), Kind::Mark, from, to - from);
        }
        *marks = 0;
    }

    /// The symbol of a character that isn't drawn as itself.
    fn special(&self, character: char) -> Option<(Cow<'static, str>, Kind)> {
        let ascii = self.charset == Charset::Ascii;
        Some(match character {
            ' ' => (if ascii { "_" } else { "␣" }.into(), Kind::Space),
            '\n' => (if ascii { "\\n" } else { "⏎" }.into(), Kind::Newline),
            '\t' => (if ascii { "\\t" } else { "⇥" }.into(), Kind::Mark),
            '_' if ascii => ("\\_".into(), Kind::Text),
            '\\' if ascii => ("\\\\".into(), Kind::Text),
            _ => {
                let name = match INVISIBLE.iter().find(|(named, _)| *named == character) {
                    Some((_, name)) => (*name).to_owned(),
                    None if ('\u{1F1E6}'..='\u{1F1FF}').contains(&character) => {
                        format!("RI {}", char::from(b'A' + (character as u32 - 0x1F1E6) as u8))
                    }
                    None if unreliable(character) || ascii && !character.is_ascii() => {
                        format!("U+{:04X}", character as u32)
                    }
                    None => return None,
                };
                (self.bracketed(&name).into(), Kind::Mark)
            }
        })
    }

    fn bracketed(&self, name: &str) -> String {
        if self.charset == Charset::Ascii { format!("<{name}>") } else { format!("⟨{name}⟩") }
    }
}

/// Characters without a shape of their own, by the names that people know them under.
const INVISIBLE: &[(char, &str)] = &[
    ('\0', "NUL"),
    ('\x07', "BEL"),
    ('\x08', "BS"),
    ('\r', "CR"),
    ('\x1b', "ESC"),
    ('\x7f', "DEL"),
    ('\u{a0}', "NBSP"),
    ('\u{ad}', "SHY"),
    ('\u{200b}', "ZWSP"),
    ('\u{200c}', "ZWNJ"),
    ('\u{200d}', "ZWJ"),
    ('\u{200e}', "LRM"),
    ('\u{200f}', "RLM"),
    ('\u{feff}', "BOM"),
    ('\u{fe0f}', "VS16"),
];

/// Characters that are invisible, or that terminals draw in different widths.
fn unreliable(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != '\u{3000}')
        || matches!(character,
            '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2e3a}' | '\u{2e3b}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{fdfd}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Whether a character is drawn as itself, a space included; all others are spelt out.
#[must_use]
pub fn is_visible(character: char) -> bool {
    character == ' ' || !(unreliable(character) || INVISIBLE.iter().any(|(named, _)| *named == character))
}

fn zero_width(character: char) -> bool {
    let mut buffer = [0; 4];
    let text: &str = character.encode_utf8(&mut buffer);
    text.width() == 0
}

/// Letters that join the letter before them into one shape (Hangul vowels and finals, Indic spacing vowels).
fn conjoining(character: char) -> bool {
    matches!(character, '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(bytes: &[u8]) -> String {
        token(bytes, Charset::Unicode).iter().map(|glyph| glyph.symbol.as_ref()).collect()
    }

    #[test]
    fn blanks_controls_and_partial_characters_are_visible() {
        assert_eq!(drawn(b" the"), "␣the");
        assert_eq!(drawn(b"a\n\tb"), "a⏎⇥b");
        assert_eq!(drawn(b"\xe4\xb8"), "⟨E4 B8⟩");
        assert_eq!(drawn(b"x\xff\xfe"), "x⟨FF⟩⟨FE⟩");
        assert_eq!(drawn(b"\x1b[31m"), "⟨ESC⟩[31m");
        assert_eq!(drawn("\u{202e}abc".as_bytes()), "⟨U+202E⟩abc");
        assert_eq!(drawn("a\u{200b}\u{9b}".as_bytes()), "a⟨ZWSP⟩⟨U+009B⟩");
        assert_eq!(drawn("\u{fffd}".as_bytes()), "⟨U+FFFD⟩");
        assert_eq!(drawn(b"\r\n"), "⟨CR⟩⏎");
    }

    #[test]
    fn marks_stand_on_a_base() {
        assert_eq!(drawn("\u{301}".as_bytes()), "◌\u{301}");
        assert_eq!(drawn("e\u{301}x".as_bytes()), "e\u{301}x");
        assert_eq!(token("e\u{301}".as_bytes(), Charset::Unicode).len(), 1);
        assert_eq!(drawn("z\u{301}\u{302}\u{303}\u{304}\u{305}".as_bytes()), "z\u{301}\u{302}\u{303}⟨+2⟩");
    }

    #[test]
    fn what_terminals_disagree_on_is_spelt_out() {
        assert_eq!(drawn("👩\u{200d}🚀".as_bytes()), "👩⟨ZWJ⟩🚀");
        assert_eq!(drawn("👍\u{1f3fd}".as_bytes()), "👍⟨U+1F3FD⟩");
        assert_eq!(drawn("🇫🇷".as_bytes()), "⟨RI F⟩⟨RI R⟩");
        assert_eq!(drawn("❤\u{fe0f}".as_bytes()), "❤⟨VS16⟩");
    }

    #[test]
    fn widths_are_cells() {
        assert_eq!(width(&token("世界".as_bytes(), Charset::Unicode)), 4);
        assert_eq!(width(&token("🚀".as_bytes(), Charset::Unicode)), 2);
        assert_eq!(width(&token("שלום".as_bytes(), Charset::Unicode)), 4);
        assert_eq!(fit(&token("世界人".as_bytes(), Charset::Unicode), 4, Charset::Unicode), "世… ");
        assert_eq!(cut(&token("abc".as_bytes(), Charset::Unicode), 0, Charset::Unicode), "");
        assert_eq!(cut(&token("abc".as_bytes(), Charset::Unicode), 1, Charset::Unicode), "…");
    }

    #[test]
    fn shared_characters_join_once_complete() {
        let all = "a世".as_bytes();
        let cut: Vec<Glyph> = assemble([&all[..2]], Charset::Unicode);
        assert_eq!(cut.iter().map(|glyph| glyph.symbol.as_ref()).collect::<String>(), "a⟨E4⟩");
        let joined = assemble([&all[..2], &all[2..3], &all[3..]], Charset::Unicode);
        let last = joined.last().unwrap();
        assert_eq!((last.symbol.as_ref(), last.first, last.last), ("世", 0, 2));
    }

    #[test]
    fn a_mark_in_a_token_of_its_own_belongs_to_that_token() {
        let glyphs = assemble(["e".as_bytes(), "\u{301}".as_bytes()], Charset::Unicode);
        assert_eq!(glyphs.len(), 2);
        assert_eq!((glyphs[1].symbol.as_ref(), glyphs[1].first), ("◌\u{301}", 1));
    }

    #[test]
    fn ascii_stays_ascii() {
        let text: String =
            token("_ é\n世\u{1b}\\".as_bytes(), Charset::Ascii).into_iter().map(|glyph| glyph.symbol).collect();
        assert_eq!(text, "\\__<U+00E9>\\n<U+4E16><ESC>\\\\");
    }

    #[test]
    fn every_glyph_is_as_wide_as_ratatui_says_and_never_a_control() {
        for value in 0..=0x1_ffff {
            let Some(character) = char::from_u32(value) else { continue };
            for glyph in token(character.to_string().as_bytes(), Charset::Unicode) {
                assert!(
                    glyph.width > 0
                        && usize::from(glyph.width) == ratatui::text::Span::raw(glyph.symbol.as_ref()).width(),
                    "{value:x}"
                );
                assert!(!glyph.symbol.chars().any(char::is_control), "{value:x}");
            }
        }
    }
}
