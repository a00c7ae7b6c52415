//! The usual mistakes: what each would have computed, and whom it would have preferred.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::decode::scoring::AUDITS;
use crate::engine::Scored;
use crate::glyph::plain;
use crate::ui::app::App;
use crate::ui::number::logprob;
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::text::lines;
use crate::ui::theme::Role;

/// Cells of a mistake's name.
const NAME: u16 = 16;
/// Cells of a value.
const VALUE: u16 = 9;
/// Cells of what it would choose.
const CHOICE: u16 = 5;

/// The least cells that it takes beside another panel: it has room for the values of two completions.
pub(super) fn least(completions: u16) -> u16 {
    NAME + VALUE * completions.clamp(1, 2) + CHOICE
}

/// Cells that what is wrong needs beside the mistake.
fn readable() -> usize {
    AUDITS.iter().map(|row| row.summary.len()).max().unwrap_or_default()
}

/// Draws the panel.
pub(super) fn render(app: &App, scored: &Scored, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let look = app.look();
    let wrong = scored.verdicts.iter().filter(|verdict| verdict.best != Some(scored.best)).count();
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, "The usual mistakes", look);
    let parts = look.signs().parts;
    paint::note(
        buffer,
        heading,
        x,
        &[&format!("{wrong} would choose another {parts}"), &format!("{wrong} {parts}")],
        look,
    );
    let titles = paint::row(area, 1);
    let muted = look.style(Role::Muted);
    let room = area.width.saturating_sub(NAME + CHOICE);
    let values = (room / VALUE).min(scored.completions.len() as u16);
    for place in 0..values {
        put_right(buffer, area.x + NAME + (place + 1) * VALUE, titles.y, &(place + 1).to_string(), muted);
    }
    let choice = area.x + NAME + values * VALUE;
    put(buffer, choice + 1, titles.y, "best", 4, muted);
    for (y, (row, verdict)) in (area.y + 2..area.bottom()).zip(AUDITS.iter().zip(&scored.verdicts)) {
        let differs = verdict.best != Some(scored.best);
        let style = look.style(if differs { Role::Bad } else { Role::Base });
        put(
            buffer,
            area.x + 1,
            y,
            row.mistake,
            usize::from(NAME) - 1,
            look.style(if differs { Role::Strong } else { Role::Base }),
        );
        for (place, value) in (0..values).zip(&verdict.values) {
            let text = logprob(*value, look.signs());
            put_right(buffer, area.x + NAME + (place + 1) * VALUE, y, &text, look.style(Role::Base));
        }
        let best = verdict.best.map_or_else(String::new, |best| (best + 1).to_string());
        put(buffer, choice + 1, y, &format!("{} {best} ", if differs { parts } else { " " }), 4, style);
        let about = choice + CHOICE + 1;
        let room = usize::from(area.right().saturating_sub(about));
        let whole = format!("{}: {}", row.summary, row.why);
        let text = if whole.len() <= room { whole.as_str() } else { row.summary };
        if room >= readable() {
            put_glyphs(buffer, about, y, &plain(text, look.charset), room, look, muted);
        }
    }
    let below = area.y + 3 + AUDITS.len() as u16;
    let rest = Rect { y: below.min(area.bottom()), height: area.bottom().saturating_sub(below), ..area };
    explain(app, scored, rest, buffer);
}

/// Why the mistakes that would choose another are mistakes, as far as there is room.
fn explain(app: &App, scored: &Scored, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let mut y = area.y;
    let wrong = AUDITS.iter().zip(&scored.verdicts).filter(|(_, verdict)| verdict.best != Some(scored.best));
    for (row, _) in wrong {
        let text = format!("{} {}: {}; {}", look.signs().parts, row.mistake, row.summary, row.why);
        let glyphs = plain(&text, look.charset);
        let width = usize::from(area.width.saturating_sub(2));
        let lines = lines(&glyphs, width);
        if usize::from(y) + lines.len() > usize::from(area.bottom()) {
            return;
        }
        for line in lines {
            put_glyphs(buffer, area.x + 1, y, &glyphs[line], width, look, look.style(Role::Muted));
            y += 1;
        }
    }
}
