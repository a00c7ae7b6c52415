//! The usual mistakes: what each would have computed, and whom it would have preferred.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::decode::scoring::AUDITS;
use crate::engine::Scored;
use crate::ui::app::App;
use crate::ui::number::logprob;
use crate::ui::paint::{self, put, put_right};
use crate::ui::theme::Role;

/// Cells of a mistake's name.
const NAME: u16 = 17;
/// Cells of a value.
const VALUE: u16 = 9;
/// Cells of what it would choose.
const CHOICE: u16 = 5;

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
    put(buffer, choice + 2, titles.y, "best", 4, muted);
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
            let text = logprob(*value, look.signs().minus_infinity);
            put_right(buffer, area.x + NAME + (place + 1) * VALUE, y, &text, look.style(Role::Base));
        }
        let best = verdict.best.map_or_else(String::new, |best| (best + 1).to_string());
        put(buffer, choice + 1, y, &format!("{} {best} ", if differs { parts } else { " " }), 4, style);
        let about = choice + CHOICE + 1;
        let room = usize::from(area.right().saturating_sub(about));
        let whole = format!("{}: {}", row.summary, row.why);
        let text = if whole.len() <= room { whole.as_str() } else { row.summary };
        if room >= 16 {
            put(
                buffer,
                about,
                y,
                &crate::glyph::cut(&crate::glyph::plain(text, look.charset), room, look.charset),
                room,
                muted,
            );
        }
    }
}
