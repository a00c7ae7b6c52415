//! Tokens as running text, each in a style of its own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::text::{shown_as, wrap};
use crate::decode::TokenId;
use crate::glyph::{self, Glyph, Kind};
use crate::model::Tokenizer;
use crate::ui::look::Look;
use crate::ui::paint::put;
use crate::ui::theme::Role;

/// Tokens with the roles that they are drawn in.
pub struct Coloured<'a> {
    look: Look<'a>,
    glyphs: Vec<Glyph>,
    roles: Vec<Role>,
    cursor: Option<usize>,
}

impl<'a> Coloured<'a> {
    /// A role for each token; special ones have their own. The token at the cursor is marked.
    #[must_use]
    pub fn new(
        look: Look<'a>,
        tokenizer: &dyn Tokenizer,
        tokens: impl IntoIterator<Item = (TokenId, Role)>,
        cursor: Option<usize>,
    ) -> Self {
        let (pieces, mut roles): (Vec<_>, Vec<_>) =
            tokens.into_iter().map(|(id, role)| (tokenizer.piece(id), role)).unzip();
        let bytes =
            pieces.iter().map(|piece| if piece.bytes.is_empty() { piece.piece.as_bytes() } else { &piece.bytes });
        let glyphs = glyph::assemble(bytes, look.charset);
        for (role, piece) in roles.iter_mut().zip(&pieces) {
            if piece.special {
                *role = Role::Special;
            }
        }
        Self { look, glyphs, roles, cursor }
    }

    /// How many lines of this width it takes.
    #[must_use]
    pub fn lines(&self, width: u16) -> usize {
        wrap(&self.glyphs, width.into()).len()
    }

    /// Draws as many lines as there is room for: the first ones, or those around the cursor.
    pub fn render(&self, area: Rect, buffer: &mut Buffer) {
        let lines = wrap(&self.glyphs, area.width.into());
        let height = usize::from(area.height);
        let at = self.cursor.and_then(|cursor| self.glyphs.iter().rposition(|glyph| glyph.first <= cursor));
        let line = at.and_then(|at| lines.iter().position(|line| line.contains(&at))).unwrap_or(0);
        let last = (line + 1).max(height.min(lines.len()));
        for (y, line) in (area.y..area.bottom()).zip(&lines[last.saturating_sub(height)..last]) {
            let mut x = area.x;
            for (place, glyph) in self.glyphs[line.clone()].iter().enumerate() {
                let role = self.role(glyph);
                let symbol = shown_as(glyph, role);
                // The space that a line was broken at takes no cell, unless it has to show a token.
                if place == 0 && line.start > 0 && glyph.kind == Kind::Space && symbol == " " {
                    continue;
                }
                let plain = self.look.style(role);
                let style = if role == Role::Cursor { plain } else { self.look.glyph(glyph, plain) };
                let style = if symbol == " " { style.remove_modifier(Modifier::UNDERLINED) } else { style };
                if x + glyph.width > area.right() {
                    break;
                }
                x = put(buffer, x, y, symbol, glyph.width.into(), style);
            }
        }
    }

    fn role(&self, glyph: &Glyph) -> Role {
        // A character of several tokens shows the cursor as long as it stands on any of them.
        match self.cursor {
            Some(cursor) if (glyph.first..=glyph.last).contains(&cursor) => Role::Cursor,
            _ => self.roles.get(glyph.last).copied().unwrap_or(Role::Base),
        }
    }
}
