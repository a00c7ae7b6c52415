//! The texts: prompt and completions, each token coloured by how much it surprised the model.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::decode::TokenId;
use crate::engine::Scored;
use crate::glyph;
use crate::ui::app::{App, Model};
use crate::ui::paint::{self, put, put_glyphs, wipe};
use crate::ui::panels::coloured::Coloured;
use crate::ui::panels::text::{band, legend};
use crate::ui::theme::Role;

/// Draws the panel.
pub(super) fn render(app: &App, scored: Option<&Scored>, area: Rect, buffer: &mut Buffer) {
    let (look, state) = (app.look(), &app.views.score);
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, "Completions of a prompt", look);
    legend(look, heading, x, buffer);
    let count = state.completions().len() as u16;
    let rest = area.height.saturating_sub(1);
    // As `Areas` shares it out: the prompt has what the completions leave.
    let each = (rest.saturating_sub(1) / count.max(1)).max(1);
    let prompt = rest.saturating_sub(each * count).max(1);
    let mut y = area.y + 1;
    for line in 0..=state.completions().len() {
        let height = if line == 0 { prompt } else { each };
        let row = Rect { y, height, ..area }.intersection(area);
        one(app, scored, line, row, buffer);
        y = y.saturating_add(height);
    }
}

/// A line with its number, the winner with its sign.
fn one(app: &App, scored: Option<&Scored>, line: usize, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let (look, state) = (app.look(), &app.views.score);
    let selected = state.selected() == line;
    let best = line > 0 && scored.is_some_and(|scored| scored.best + 1 == line && possible(scored));
    let label = if line == 0 { "prompt".to_owned() } else { line.to_string() };
    let style = look.style(if selected { Role::Selected } else { Role::Muted });
    let mark = if selected { look.signs().selected } else { " " };
    if selected {
        wipe(buffer, Rect { width: LABEL - 1, height: 1, ..area }, style);
    }
    put(buffer, area.x, area.y, &format!("{mark}{label}"), usize::from(LABEL) - 1, style);
    if best {
        put(
            buffer,
            area.x + LABEL - 4,
            area.y,
            look.signs().winner,
            1,
            look.style(if selected { Role::Selected } else { Role::Good }),
        );
    }
    let text = Rect { x: area.x + LABEL, width: area.width.saturating_sub(LABEL + 1), ..area };
    let (Some(scored), Model::Open { tokenizer, .. }) = (scored, app.model()) else {
        let typed = match line.checked_sub(1) {
            None => state.prompt(app),
            Some(index) => state.completions().get(index).map_or("", String::as_str),
        };
        let glyphs = glyph::plain(typed, look.charset);
        put_glyphs(buffer, text.x, text.y, &glyphs, text.width.into(), look, look.style(Role::Muted));
        return;
    };
    let cursor = selected.then(|| state.token());
    Coloured::new(look, tokenizer.as_ref(), coloured(scored, line), cursor).render(text, buffer);
}

/// Cells of the numbers at the left.
const LABEL: u16 = 11;

/// Whether any completion is possible at all.
pub(super) fn possible(scored: &Scored) -> bool {
    scored.completions.get(scored.best).is_some_and(|best| best.totals.sum_logprob > f64::NEG_INFINITY)
}

/// The tokens of a line with their bands.
fn coloured(scored: &Scored, line: usize) -> Vec<(TokenId, Role)> {
    match line.checked_sub(1).map(|index| scored.completions.get(index)) {
        None => {
            let role =
                |score: &Option<crate::engine::TokenScore>| score.map_or(Role::Base, |score| band(score.logprob));
            scored.prompt.iter().copied().zip(scored.prompt_scores.iter().map(role)).collect()
        }
        Some(completion) => completion.map_or_else(Vec::new, |completion| {
            let roles = completion.figures.iter().map(|figures| band(figures.logprob));
            completion.tokens.iter().copied().zip(roles).collect()
        }),
    }
}
