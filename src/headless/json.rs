//! JSON as it is written: one value a line, and nothing in it that a terminal would obey.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Writes a value and ends the line.
///
/// # Errors
/// It can't be written.
pub(super) fn line<W: Write + ?Sized>(out: &mut W, value: &impl Serialize) -> io::Result<()> {
    let mut line = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut line, Escaping))?;
    line.push(b'\n');
    out.write_all(&line)
}

/// Compact, with escapes for what JSON allows as it is and a terminal does not show as it is.
struct Escaping;

/// Control characters beyond ASCII's, ends of lines, and what turns the direction of a text. What is below a blank is escaped anyway.
fn is_odd(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Formatter for Escaping {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = 0;
        for (at, odd) in fragment.char_indices().filter(|(_, character)| is_odd(*character)) {
            out.write_all(&fragment.as_bytes()[written..at])?;
            write!(out, "\\u{:04x}", u32::from(odd))?;
            written = at + odd.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[written..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_means_the_same() {
        let text = "é\u{9b}31m \u{7f}\u{202e}abc\u{2069}\n\u{1b}[0m 世界 👩\u{200d}🚀\u{2028}";
        let mut out = Vec::new();
        line(&mut out, &[text]).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, "[\"é\\u009b31m \\u007f\\u202eabc\\u2069\\n\\u001b[0m 世界 👩\u{200d}🚀\\u2028\"]\n");
        assert_eq!(serde_json::from_str::<Vec<String>>(&written).unwrap(), [text]);
    }
}
