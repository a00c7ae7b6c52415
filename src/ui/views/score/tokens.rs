//! The selected line token by token.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::decode::TokenId;
use crate::engine::Scored;
use crate::ui::app::{App, Model};
use crate::ui::number::{logprob, percent};
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::text::band;
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// A token and its figures, as far as there are any.
struct Line {
    id: TokenId,
    logprob: Option<f64>,
    rank: Option<usize>,
    entropy: Option<f64>,
}

fn lines(scored: &Scored, selected: usize) -> Vec<Line> {
    match selected.checked_sub(1).map(|index| scored.completions.get(index)) {
        None => {
            let line = |(&id, score): (&TokenId, &Option<crate::engine::TokenScore>)| Line {
                id,
                logprob: score.map(|score| score.logprob),
                rank: score.and_then(|score| score.rank),
                entropy: None,
            };
            scored.prompt.iter().zip(&scored.prompt_scores).map(line).collect()
        }
        Some(None) => Vec::new(),
        Some(Some(completion)) => {
            let line = |(&id, figures): (&TokenId, &crate::decode::scoring::TokenFigures)| Line {
                id,
                logprob: Some(figures.logprob),
                rank: figures.rank,
                entropy: Some(figures.entropy),
            };
            completion.tokens.iter().zip(&completion.figures).map(line).collect()
        }
    }
}

/// Draws the panel.
pub(super) fn render(app: &App, scored: &Scored, area: Rect, buffer: &mut Buffer) {
    let (look, state) = (app.look(), &app.views.score);
    let Model::Open { tokenizer, .. } = app.model() else { return };
    if area.is_empty() {
        return;
    }
    let title = match state.selected() {
        0 => "Tokens of the prompt".to_owned(),
        line => format!("Tokens of {line}"),
    };
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, &title, look);
    let lines = lines(scored, state.selected());
    paint::note(buffer, heading, x, &[&format!("{} of {}", state.token() + 1, lines.len())], look);
    let right = area.right();
    // From the right: entropy, rank, p, log p; the token has what they leave.
    let wide = u16::from(area.width >= 46);
    let ends = [0, 7 + wide, 13 + 2 * wide, 20 + 3 * wide].map(|cells| right.saturating_sub(cells));
    let titles = paint::row(area, 1);
    for (end, name) in ends.iter().zip([if wide == 1 { "entropy" } else { "H" }, "rank", "p", "log p"]) {
        put_right(buffer, *end, titles.y, name, look.style(Role::Muted));
    }
    put(buffer, titles.x + 2, titles.y, "token", 5, look.style(Role::Muted));
    let rows = usize::from(area.height.saturating_sub(2));
    let first = (state.token() + 1)
        .saturating_sub(rows)
        .max(state.token().saturating_sub(rows / 2).min(lines.len().saturating_sub(rows)));
    for (y, (index, line)) in (area.y + 2..area.bottom()).zip(lines.iter().enumerate().skip(first)) {
        let ground = if index == state.token() { look.style(Role::Selected) } else { Style::new() };
        let cells = usize::from(area.width);
        if index == state.token() {
            put(buffer, area.x, y, &" ".repeat(cells), cells, ground);
            put(buffer, area.x, y, look.signs().selected, 1, ground);
        }
        let on = |role: Role| match ground.bg {
            Some(bg) => Style { bg: Some(bg), ..look.style(role) }.add_modifier(ground.add_modifier),
            None => look.style(role).patch(ground),
        };
        let glyphs = token_glyphs(tokenizer.as_ref(), line.id, look.charset);
        let room = usize::from(ends[3].saturating_sub(area.x + 2 + 8));
        let role = line.logprob.map_or(Role::Muted, band);
        put_glyphs(buffer, area.x + 2, y, &glyphs, room, look, on(role));
        let nothing = || look.signs().dot.to_owned();
        let minus = look.signs();
        let figures = [
            line.entropy.map_or_else(nothing, |entropy| format!("{entropy:.3}")),
            line.rank.map_or_else(nothing, |rank| rank.to_string()),
            line.logprob.map_or_else(nothing, |logprob| percent(logprob.exp())),
            line.logprob.map_or_else(nothing, |nats| logprob(nats, minus)),
        ];
        for (end, figure) in ends.iter().zip(figures) {
            put_right(buffer, *end, y, &figure, on(Role::Base));
        }
    }
}
