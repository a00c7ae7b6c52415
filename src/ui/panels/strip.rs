//! The draw: the cumulative probability as a strip from 0 to 1, and the random number that falls on it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::decode::{Analysis, Draw, Tally, TokenId};
use crate::glyph;
use crate::model::Tokenizer;
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model, Pick};
use crate::ui::look::Look;
use crate::ui::number::percent;
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// Draws the panel.
pub fn render(app: &App, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, "Draw", look);
    let (Some(shown), Model::Open { tokenizer, .. }) = (app.shown(), app.model()) else { return };
    let pick = shown.pick;
    let strip = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let pieces = segments(&shown.analysis, strip.width.into());
    let (top, scale) = if area.height >= 4 { (2, 1) } else { (1, 0) };
    let rows = top..area.height.saturating_sub(scale).max(top + 1).min(area.height);
    let band = Band { strip, look, tokenizer: tokenizer.as_ref(), pick };
    for (place, piece) in pieces.iter().enumerate() {
        band.segment(piece, place, rows.clone(), buffer);
    }
    caption(app, pick, tokenizer.as_ref(), heading, x, buffer);
    if let Pick::Drawn(draw) = pick {
        band.marker(draw, area.y + top.saturating_sub(1), buffer);
    }
    if scale == 1 {
        band.axis(area.bottom() - 1, buffer);
    }
}

/// In words: where u fell, or that greedy asks for none.
fn caption(app: &App, pick: Pick, tokenizer: &dyn Tokenizer, heading: Rect, x: u16, buffer: &mut Buffer) {
    let look = app.look();
    let room = |x: u16| usize::from(heading.right().saturating_sub(x + 1));
    if let Some(tally) = app.shown().and_then(|shown| app.views.step.tally(&shown.analysis)) {
        return many(app, tally, tokenizer, heading, x, buffer);
    }
    let again = match app.redrawn() {
        0 => String::new(),
        times => format!(" (draw {})", times + 1),
    };
    let text = match pick {
        Pick::Drawn(draw) => {
            format!("u = {:.4}{again} in [{:.4}, {:.4}) {} ", draw.u, draw.low, draw.high, look.signs().arrow)
        }
        Pick::Greedy(_) => format!("greedy takes the best {} ", look.signs().arrow),
    };
    let x = put(buffer, x + 1, heading.y, " ", room(x + 1), look.style(Role::Base));
    let x = put(buffer, x, heading.y, &text, room(x), look.style(Role::Base));
    let glyphs = token_glyphs(tokenizer, pick.token(), look.charset);
    let x = put_glyphs(buffer, x, heading.y, &glyphs, room(x), look, look.style(Role::Chosen));
    let x = put(buffer, x, heading.y, " ", room(x), look.style(Role::Base));
    let key = app.keymap().shown(Context::Session, Action::Redraw, look.charset);
    if let (Pick::Drawn(_), Some(key)) = (pick, key) {
        paint::note(buffer, heading, x, &[&format!("{key}: another u")], look);
    }
}

/// In words: how far the shares of many draws are from the probabilities.
fn many(app: &App, tally: &Tally, tokenizer: &dyn Tokenizer, heading: Rect, x: u16, buffer: &mut Buffer) {
    let look = app.look();
    let room = |x: u16| usize::from(heading.right().saturating_sub(x + 1));
    let (id, apart) = tally.largest;
    let drawn = tally.share(id);
    let x = put(buffer, x + 1, heading.y, &format!(" {} ", look.signs().mark), room(x + 1), look.style(Role::Marker));
    let text = format!("{} draws: farthest ", tally.draws());
    let x = put(buffer, x, heading.y, &text, room(x), look.style(Role::Base));
    let glyphs = token_glyphs(tokenizer, id, look.charset);
    let x = put_glyphs(buffer, x, heading.y, &glyphs, room(x).min(16), look, look.style(Role::Chosen));
    let far = format!(" {}, expected {}", percent(drawn), percent(drawn - apart));
    let verdict = if tally.is_usual() { "as chance has it" } else { "unusually far" };
    let fit = format!("; {} {:.1}, about {} usual", look.signs().chi_square, tally.chi_square, tally.degrees);
    let forms = [format!("{far}{fit}: {verdict} "), format!("{far}{fit} "), format!("{far} "), far];
    let text = forms.iter().find(|text| glyph::cells(text) <= room(x)).unwrap_or(&forms[3]);
    put(buffer, x, heading.y, text, room(x), look.style(Role::Base));
}

/// A token's part of the strip, in cells.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Segment {
    token: Option<TokenId>,
    prob: f64,
    from: usize,
    to: usize,
}

/// The strip in segments, left to right in the order in which the draw goes through the tokens. A token that is too small
/// for a cell of its own goes with all that follow into one last segment.
fn segments(analysis: &Analysis, width: usize) -> Vec<Segment> {
    let mut pieces = Vec::new();
    let mut cumulative = 0.0;
    let mut from = 0;
    for &id in analysis.kept() {
        let prob = analysis.sampling_prob(id);
        let to = ((cumulative + prob) * width as f64).round() as usize;
        if to <= from {
            break;
        }
        cumulative += prob;
        pieces.push(Segment { token: Some(id), prob, from, to: to.min(width) });
        from = to.min(width);
    }
    if from < width {
        pieces.push(Segment { token: None, prob: 1.0 - cumulative, from, to: width });
    }
    pieces
}

struct Band<'a> {
    strip: Rect,
    look: Look<'a>,
    tokenizer: &'a dyn Tokenizer,
    pick: Pick,
}

impl Band<'_> {
    fn segment(&self, piece: &Segment, place: usize, rows: std::ops::Range<u16>, buffer: &mut Buffer) {
        let Self { strip, look, .. } = self;
        let hit = match (piece.token, self.pick) {
            (Some(id), pick) => id == pick.token(),
            // The draw may have fallen among those that are too small to draw.
            (None, Pick::Drawn(draw)) => draw.low >= 1.0 - piece.prob - 1e-9,
            (None, Pick::Greedy(_)) => false,
        };
        let role = match (hit, piece.token) {
            (true, _) => Role::StripHit,
            (false, None) => Role::StripRest,
            (false, Some(_)) if place.is_multiple_of(2) => Role::StripEven,
            (false, Some(_)) => Role::StripOdd,
        };
        let style = look.style(role);
        let x = strip.x + piece.from as u16;
        let width = piece.to - piece.from;
        for row in rows.clone() {
            put(buffer, x, strip.y + row, &" ".repeat(width), width, style);
        }
        // The label stands in the middle row, the number below it where there are more.
        let middle = strip.y + rows.start + rows.len().saturating_sub(1) as u16 / 2;
        let glyphs = match piece.token {
            Some(id) => token_glyphs(self.tokenizer, id, look.charset),
            None => glyph::plain("others", look.charset),
        };
        let cells = glyph::width(&glyphs);
        let label = cells.min(width);
        if cells <= width || hit || width >= 6 {
            let start = x + (width - label) as u16 / 2;
            put_glyphs(buffer, start, middle, &glyphs, label, *look, style);
        }
        let number = percent(piece.prob);
        if rows.len() > 1 && number.len() < width {
            put(buffer, x + (width - number.len()) as u16 / 2, middle + 1, &number, width, style);
        }
    }

    /// A pointer above the place of u.
    fn marker(&self, draw: Draw, y: u16, buffer: &mut Buffer) {
        let column = ((draw.u * f64::from(self.strip.width)) as u16).min(self.strip.width.saturating_sub(1));
        let x = self.strip.x + column;
        let style = self.look.style(Role::Marker);
        put(buffer, x, y, self.look.signs().down, 1, style);
        if y == self.strip.y {
            return;
        }
        let label = format!("u = {:.4}", draw.u);
        let right = x + 2 + label.len() as u16 <= self.strip.right();
        let at = if right { x + 2 } else { x.saturating_sub(1 + label.len() as u16) };
        put(buffer, at, y, &label, label.len(), style);
    }

    /// The scale below the strip.
    fn axis(&self, y: u16, buffer: &mut Buffer) {
        let style = self.look.style(Role::Muted);
        for (share, text) in [(0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75")] {
            let x = self.strip.x + (share * f64::from(self.strip.width)) as u16;
            put(buffer, x.saturating_sub(text.len() as u16 / 2), y, text, text.len(), style);
        }
        put(buffer, self.strip.x, y, "0", 1, style);
        put_right(buffer, self.strip.right(), y, "1", style);
    }
}
