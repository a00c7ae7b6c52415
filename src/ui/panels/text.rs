//! The running text: tokens coloured by how much they surprised the model, with the cursor and the token that comes next.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::glyph::{self, Glyph, Kind};
use crate::model::{TokenPiece, Tokenizer};
use crate::session::{NodeId, Session};
use crate::ui::app::{App, Model};
use crate::ui::look::Look;
use crate::ui::number::bits;
use crate::ui::paint::{self, put, put_right};
use crate::ui::theme::Role;

/// Bands of surprisal: where each ends, in bits, how it is drawn and called.
const BANDS: [(f64, Role, &str); 5] = [
    (1.0, Role::Surprise0, "<1"),
    (3.0, Role::Surprise1, "1-3"),
    (6.0, Role::Surprise2, "3-6"),
    (10.0, Role::Surprise3, "6-10"),
    (f64::INFINITY, Role::Surprise4, ">10"),
];

/// The role of a token with this log p, in nats.
#[must_use]
pub fn band(logprob: f64) -> Role {
    let surprisal = bits(-logprob);
    BANDS.iter().find(|(end, ..)| surprisal < *end).map_or(Role::Surprise4, |(_, role, _)| *role)
}

/// Draws the panel.
pub fn render(app: &App, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, "Text", look);
    legend(look, heading, x, buffer);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let (Some(session), Model::Open { tokenizer, .. }) = (app.session(), app.model()) else {
        let text = match app.model() {
            Model::Gone => "",
            _ => "The model is being opened.",
        };
        put(buffer, body.x + 1, body.y, text, body.width.into(), look.style(Role::Muted));
        return;
    };
    // The line before the pending token takes a cell of its own.
    let width = usize::from(body.width.saturating_sub(3));
    let tokens = Tokens::read(app, session, tokenizer.as_ref(), width * usize::from(body.height));
    let lines = wrap(&tokens.glyphs, width);
    let window = window(&lines, &tokens, body.height.into());
    for (y, line) in (body.y..).zip(&lines[window]) {
        let mut x = body.x + 1;
        let mut before = Role::Base;
        for (place, glyph) in tokens.glyphs[line.clone()].iter().enumerate() {
            let role = tokens.role(glyph);
            // The space that a line was broken at takes no cell, unless it has to show a token.
            let broken = place == 0 && line.start > 0 && tokens.glyphs[line.start - 1].kind != Kind::Newline;
            if broken && shown_as(glyph, role) == " " {
                continue;
            }
            // What comes next is no text yet: a line parts the two, where colours can't.
            if role == Role::Ghost && before != Role::Ghost {
                x = put(buffer, x, y, look.signs().pending, 1, look.style(Role::Marker));
            }
            before = role;
            let style = look.glyph(glyph, look.style(role));
            let style = if role == Role::Cursor { look.style(role) } else { style };
            let symbol = shown_as(glyph, role);
            // A gap between words is no part of what is underlined.
            let style = if symbol == " " { style.remove_modifier(Modifier::UNDERLINED) } else { style };
            x = put(buffer, x, y, symbol, glyph.width.into(), style);
        }
    }
}

/// In running text a space is a gap, except where one has to see which token it belongs to.
pub(super) fn shown_as(glyph: &Glyph, role: Role) -> &str {
    match (glyph.kind, role) {
        (Kind::Space, Role::Cursor | Role::Ghost) | (Kind::Text | Kind::Newline | Kind::Mark, _) => &glyph.symbol,
        (Kind::Space, _) => " ",
    }
}

/// What the bands mean, at the right end of a heading.
pub(in crate::ui) fn legend(look: Look<'_>, heading: Rect, from: u16, buffer: &mut Buffer) {
    let cells: usize = BANDS.iter().map(|(_, _, name)| name.len() + 1).sum();
    let title = "surprisal in bits";
    let (whole, short) = (cells + title.len() + 3, cells + "bits".len() + 3);
    let room = usize::from(heading.right().saturating_sub(from + 1));
    let title = if room >= whole { title } else { "bits" };
    if room < short {
        return;
    }
    let mut x = heading.right() - 1;
    x = put_right(buffer, x, heading.y, " ", look.style(Role::Base));
    for (_, role, name) in BANDS.iter().rev() {
        x = put_right(buffer, x, heading.y, name, look.style(*role));
        x = put_right(buffer, x, heading.y, " ", look.style(Role::Base));
    }
    put_right(buffer, x, heading.y, &format!(" {title}"), look.style(Role::Muted));
}

/// What is drawn of the tokens around the cursor.
struct Tokens {
    glyphs: Vec<Glyph>,
    roles: Vec<Role>,
    cursor: usize,
}

impl Tokens {
    /// The last tokens of the path, as many as can show, the pending one, and what lies ahead of it.
    fn read<'a>(app: &App, session: &Session, tokenizer: &'a dyn Tokenizer, cells: usize) -> Self {
        let charset = app.look().charset;
        let path = session.path();
        // Whole pages are left out at the front, so that lines keep their breaks while the text grows.
        let page = cells.max(1);
        let start = (path.len() / page).saturating_sub(1) * page;
        let mut ids: Vec<_> = path[start..].iter().map(|&node| session.token(node)).collect();
        let mut roles: Vec<_> = path[start..].iter().map(|&node| role(app, node)).collect();
        let cursor = ids.len() - 1;
        roles[cursor] = Role::Cursor;
        if let Some(shown) = app.shown().filter(|_| app.is_current()) {
            let next = shown.pick.token();
            ids.push(next);
            roles.push(Role::Ghost);
            let future = session.future();
            if future.first().is_some_and(|&node| session.token(node) == next) {
                let ahead = future.iter().skip(1).take(page);
                ids.extend(ahead.map(|&node| session.token(node)));
                roles.resize(ids.len(), Role::Future);
            }
        }
        let pieces: Vec<_> = ids.iter().map(|&id| tokenizer.piece(id)).collect();
        let bytes =
            |piece: &&'a TokenPiece| if piece.bytes.is_empty() { piece.piece.as_bytes() } else { &piece.bytes[..] };
        let glyphs = glyph::assemble(pieces.iter().map(bytes), charset);
        for (role, piece) in roles.iter_mut().zip(&pieces) {
            if piece.special && !matches!(role, Role::Cursor | Role::Ghost) {
                *role = Role::Special;
            }
        }
        Self { glyphs, roles, cursor }
    }

    fn role(&self, glyph: &Glyph) -> Role {
        // A character of several tokens shows the cursor as long as it stands on any of them.
        let at = if (glyph.first..=glyph.last).contains(&self.cursor) { self.cursor } else { glyph.last };
        self.roles.get(at).copied().unwrap_or(Role::Base)
    }
}

fn role(app: &App, node: NodeId) -> Role {
    app.logprob(node).map_or(Role::Base, band)
}

/// Lines of prose: those of `wrap` without the spaces that they were broken at.
#[must_use]
pub fn lines(glyphs: &[Glyph], width: usize) -> Vec<Range<usize>> {
    let from = |line: &Range<usize>| line.start + glyphs[line.clone()].iter().take_while(|g| g.symbol == " ").count();
    let trimmed = |line: Range<usize>| if line.start == 0 { line } else { from(&line)..line.end };
    wrap(glyphs, width).into_iter().map(trimmed).collect()
}

/// Glyphs into lines: after line feeds, and before words that don't fit.
pub(in crate::ui) fn wrap(glyphs: &[Glyph], width: usize) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut used) = (0, 0);
    let mut index = 0;
    while index < glyphs.len() {
        let end = word_end(glyphs, index);
        let cells = glyph::width(&glyphs[index..end]);
        if used + cells > width && used > 0 && index > start {
            lines.push(start..index);
            (start, used) = (index, 0);
        }
        for (at, glyph) in glyphs.iter().enumerate().take(end).skip(index) {
            if used + usize::from(glyph.width) > width && at > start {
                lines.push(start..at);
                (start, used) = (at, 0);
            }
            used += usize::from(glyph.width);
            if glyph.kind == Kind::Newline {
                lines.push(start..at + 1);
                (start, used) = (at + 1, 0);
            }
        }
        index = end;
    }
    lines.push(start..glyphs.len());
    lines
}

/// A word with the spaces before it.
fn word_end(glyphs: &[Glyph], start: usize) -> usize {
    let spaces = glyphs[start..].iter().take_while(|glyph| glyph.kind == Kind::Space).count();
    let word =
        glyphs[start + spaces..].iter().take_while(|glyph| !matches!(glyph.kind, Kind::Space | Kind::Newline)).count();
    let feed = glyphs.get(start + spaces + word).is_some_and(|glyph| glyph.kind == Kind::Newline);
    start + spaces + word + usize::from(feed)
}

/// The lines that show: all, or those around the end of the pending token.
fn window(lines: &[Range<usize>], tokens: &Tokens, height: usize) -> Range<usize> {
    let last = tokens.glyphs.iter().rposition(|glyph| glyph.first <= tokens.cursor + 1).unwrap_or(0);
    let line = lines.iter().position(|line| line.contains(&last)).unwrap_or(0);
    // One line ahead shows too where there is one.
    let end = (line + 2).min(lines.len()).max(height.min(lines.len()));
    end.saturating_sub(height)..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glyph::Charset;

    fn wrapped(text: &str, width: usize) -> Vec<String> {
        let glyphs = glyph::plain(text, Charset::Unicode);
        wrap(&glyphs, width)
            .into_iter()
            .map(|line| glyphs[line].iter().map(|glyph| glyph.symbol.as_ref()).collect())
            .collect()
    }

    #[test]
    fn lines_break_before_words_and_after_line_feeds() {
        assert_eq!(wrapped("once upon a time", 9), ["once upon", " a time"]);
        assert_eq!(wrapped("a\nb", 9), ["a⏎", "b"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("世界人", 3), ["世", "界", "人"]);
        assert_eq!(wrapped("", 3), [""]);
        assert_eq!(wrapped("ab", 0), ["a", "b"]);
    }

    #[test]
    fn bands_are_of_bits() {
        assert_eq!(band(0.0), Role::Surprise0);
        assert_eq!(band(-1.0), Role::Surprise1);
        assert_eq!(band((0.01f64).ln()), Role::Surprise3);
        assert_eq!(band(f64::NEG_INFINITY), Role::Surprise4);
    }
}
