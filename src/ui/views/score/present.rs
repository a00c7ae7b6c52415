//! The completions in few words: each as long as it is probable beside the most probable one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::lines::possible;
use super::totals::winner;
use crate::glyph;
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model};
use crate::ui::number::logprob;
use crate::ui::panels::running;
use crate::ui::panels::slide::{self, Bar, Slide, Told};
use crate::ui::theme::Role;

const KEYS: &[Told] = &[
    (Context::Score, Action::RowDown, "selects"),
    (Context::Score, Action::EditSelected, "edits"),
    (Context::Score, Action::New, "adds a completion"),
];

/// Draws the view.
pub(super) fn render(app: &App, body: Rect, buffer: &mut Buffer) {
    let (look, state) = (app.look(), &app.views.score);
    let prompt = glyph::cut(&glyph::plain(state.prompt(app), look.charset), 48, look.charset);
    let title = format!("Which one after {prompt}?");
    let mut slide = Slide { title, selected: state.selected().checked_sub(1), keys: KEYS, ..Slide::default() };
    if let (Some(scored), Model::Open { tokenizer, .. }) = (state.scored(app), app.model()) {
        let best = scored.completions.get(scored.best).map_or(0.0, |best| best.totals.sum_logprob);
        let bar = |(index, completion): (usize, &crate::engine::ScoredCompletion)| {
            let wins = index == scored.best && possible(scored);
            let sum = completion.totals.sum_logprob;
            Bar {
                sign: if wins { look.signs().winner } else { "" },
                name: running(tokenizer.as_ref(), &completion.tokens, look.charset),
                figure: format!("{} log p {}", look.signs().sum, logprob(sum, look.signs())),
                share: (sum - best).exp(),
                roles: if wins { (Role::Good, Role::BarChosen) } else { (Role::Strong, Role::BarModel) },
            }
        };
        slide.bars = scored.completions.iter().enumerate().map(bar).collect();
        slide.words = winner(scored);
    }
    slide::render(app, body, &slide, buffer);
}
