//! `tokens`: how the tokenizer cuts a text.

use std::io::Write;

use serde::Serialize;

use crate::decode::TokenId;
use crate::glyph::{self, Charset};
use crate::model::{ModelInfo, SpecialTokens, Tokenizer};

use super::style::Style;
use super::{Format, HeadlessError, json};

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    model: &'a ModelInfo,
    text: &'a str,
    tokens: Vec<Token>,
}

#[derive(Serialize)]
struct Token {
    id: TokenId,
    text: String,
    bytes: Vec<u8>,
    piece: String,
    special: bool,
}

/// Writes ids, bytes and pieces of a text.
///
/// # Errors
/// A text that the tokenizer refuses, or output that can't be written.
pub fn tokens(
    info: &ModelInfo,
    tokenizer: &dyn Tokenizer,
    (text, special): (&str, SpecialTokens),
    (format, style): (Format, Style),
    out: &mut dyn Write,
) -> Result<(), HeadlessError> {
    let token = |id: TokenId| {
        let piece = tokenizer.piece(id);
        let (text, bytes) = (piece.text.clone(), piece.bytes.clone());
        Token { id, text, bytes, piece: piece.piece.clone(), special: piece.special }
    };
    let tokens: Vec<Token> = tokenizer.encode(text, special)?.into_iter().map(token).collect();
    match format {
        Format::Json => {
            let document = Document { format: "logitscope.tokens", version: 1, model: info, text, tokens };
            json::line(out, &document)?;
        }
        Format::Jsonl => {
            for token in &tokens {
                json::line(out, token)?;
            }
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record(["id", "text", "bytes", "piece"]).map_err(std::io::Error::from)?;
            for token in &tokens {
                let row = [token.id.to_string(), token.text.clone(), hex(&token.bytes), token.piece.clone()];
                writer.write_record(row).map_err(std::io::Error::from)?;
            }
            writer.flush()?;
        }
        Format::Text => table(&tokens, style, out)?,
    }
    Ok(())
}

fn table(tokens: &[Token], style: Style, out: &mut dyn Write) -> Result<(), HeadlessError> {
    writeln!(out, "{}", style.dim(&format!("{:>4} {:>7}  {:<20} {:<20} bytes", "", "id", "token", "piece")))?;
    for (index, token) in tokens.iter().enumerate() {
        let glyphs = if token.special {
            glyph::plain(&token.text, Charset::Unicode)
        } else {
            glyph::token(&token.bytes, Charset::Unicode)
        };
        let shown = glyph::fit(&glyphs, 20, Charset::Unicode);
        let piece = glyph::fit(&glyph::plain(&token.piece, Charset::Unicode), 20, Charset::Unicode);
        let bytes = if token.special { "none: special".into() } else { hex(&token.bytes) };
        writeln!(out, "{index:>4} {:>7}  {} {piece} {}", token.id, style.accent(&shown), style.dim(&bytes))?;
    }
    let count = if tokens.len() == 1 { "1 token".to_string() } else { format!("{} tokens", tokens.len()) };
    writeln!(out, "{}", style.dim(&count))?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}
