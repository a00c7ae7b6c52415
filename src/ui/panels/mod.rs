//! The panels of the screen, one file each: what it shows, how it is drawn, its tests.

pub mod chain;
pub mod coloured;
pub mod detail;
pub mod distribution;
pub mod footer;
pub mod header;
pub mod opening;
pub mod picture;
pub mod presenter;
pub mod slide;
pub mod strip;
pub mod text;

use crate::decode::TokenId;
use crate::glyph::{self, Charset, Glyph, Kind};
use crate::model::Tokenizer;

/// The glyphs of a token: its bytes, or the name of a special one.
#[must_use]
pub fn token_glyphs(tokenizer: &dyn Tokenizer, id: TokenId, charset: Charset) -> Vec<Glyph> {
    let piece = tokenizer.piece(id);
    let bytes = if piece.bytes.is_empty() { piece.piece.as_bytes() } else { &piece.bytes };
    let glyphs = glyph::token(bytes, charset);
    if glyphs.is_empty() {
        return glyph::token(format!("#{id}").as_bytes(), charset);
    }
    if !piece.special {
        return glyphs;
    }
    // The name of a special token is no text: all of it is drawn as a mark.
    glyphs.into_iter().map(|glyph| Glyph { kind: Kind::Mark, ..glyph }).collect()
}

/// Tokens as running text, in which spaces are gaps.
#[must_use]
pub fn running(tokenizer: &dyn Tokenizer, tokens: &[TokenId], charset: Charset) -> Vec<Glyph> {
    let bytes = |&id: &TokenId| {
        let piece = tokenizer.piece(id);
        if piece.bytes.is_empty() { piece.piece.as_bytes() } else { &piece.bytes[..] }
    };
    let mut glyphs = glyph::assemble(tokens.iter().map(bytes), charset);
    for glyph in glyphs.iter_mut().filter(|glyph| glyph.kind == Kind::Space) {
        glyph.symbol = " ".into();
    }
    glyphs
}

/// A text without the gap that it begins with.
#[must_use]
pub fn trimmed(glyphs: &[Glyph]) -> &[Glyph] {
    match glyphs {
        [first, rest @ ..] if first.kind == Kind::Space && !rest.is_empty() => rest,
        all => all,
    }
}

/// The end of a text in so many cells.
#[must_use]
pub fn tail(glyphs: &[Glyph], cells: usize) -> &[Glyph] {
    let mut used = 0;
    let fits = |glyph: &&Glyph| {
        used += usize::from(glyph.width);
        used <= cells
    };
    let count = glyphs.iter().rev().take_while(fits).count();
    &glyphs[glyphs.len() - count..]
}
