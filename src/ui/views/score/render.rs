//! The picture: the texts, what they come to, and below that tokens and audit.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::state::Below;
use super::{audit, lines, tokens, totals};
use crate::ui::app::App;
use crate::ui::layout::take_top;

/// From this width on the audit stands beside the tokens.
const BESIDE: u16 = 76;

/// The parts of the view.
pub(super) struct Areas {
    /// Prompt and completions, with their headings.
    pub lines: Rect,
    /// Sums and means.
    pub totals: Rect,
    /// Tokens of the selected line; empty where the audit takes all.
    pub tokens: Rect,
    /// The audit; empty where there is no room.
    pub audit: Rect,
}

impl Areas {
    /// `notes` are the lines that have to be said below the sums.
    pub(super) fn of(mut body: Rect, completions: usize, notes: u16, below: Below) -> Self {
        let count = completions as u16;
        let gap = u16::from(body.height >= 28);
        // Each completion takes a line; where there is room, two or three.
        let spare = body.height.saturating_sub(2 * count + 20);
        let each = 1 + (spare / (2 * count + 1)).min(if body.height >= 46 { 2 } else { 1 });
        let prompt = if body.height >= 26 { 2 } else { 1 };
        let lines = take_top(&mut body, 1 + prompt + each * count);
        take_top(&mut body, gap);
        let height = (2 + count + notes).min(body.height / 2);
        let totals = take_top(&mut body, height);
        take_top(&mut body, gap);
        let none = Rect { width: 0, height: 0, ..body };
        let (tokens, audit) = match below {
            Below::Audit => (none, body),
            Below::Tokens if body.width < BESIDE => (body, none),
            Below::Tokens => {
                let width = body.width.saturating_sub(audit::least(count) + 2).min(50);
                let side = Rect { x: body.x + width + 2, width: body.width - width - 2, ..body };
                (Rect { width, ..body }, side)
            }
        };
        Self { lines, totals, tokens, audit }
    }
}

/// Draws the view.
pub fn render(app: &App, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let state = &app.views.score;
    let scored = state.scored(app);
    let notes = 1 + u16::from(scored.is_some_and(|scored| totals::cut_otherwise(scored).is_some()));
    let areas = Areas::of(body, state.completions().len(), notes, state.below());
    lines::render(app, scored, areas.lines, buffer);
    totals::render(app, scored, areas.totals, buffer);
    if let Some(scored) = scored {
        tokens::render(app, scored, areas.tokens, buffer);
        audit::render(app, scored, areas.audit, buffer);
    }
    None
}
