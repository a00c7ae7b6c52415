//! The comparison in few words: each strategy with the end of its text, and how probable its tokens are on average.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::decode::TokenId;
use crate::glyph;
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model};
use crate::ui::number::percent;
use crate::ui::panels::running;
use crate::ui::panels::slide::{self, Bar, Slide, Told};
use crate::ui::theme::Role;

const KEYS: &[Told] = &[
    (Context::Compare, Action::Step, "goes on"),
    (Context::Compare, Action::Back, "goes back"),
    (Context::Compare, Action::NextColumn, "selects"),
    (Context::Compare, Action::Strategy, "another strategy"),
];

/// Draws the view.
pub(super) fn render(app: &App, body: Rect, buffer: &mut Buffer) {
    let (look, state) = (app.look(), &app.views.compare);
    let step = state.step();
    let title = format!("Compare {} step {}", look.signs().dot, step + 1);
    let mut slide = Slide { title, selected: Some(state.selected()), keys: KEYS, ..Slide::default() };
    if let Model::Open { tokenizer, .. } = app.model() {
        let bar = |(index, column): (usize, &super::state::Column)| {
            let tokens = &column.tokens()[..column.tokens().len().min(step + 1)];
            let ids: Vec<TokenId> = tokens.iter().map(|token| token.token.id).collect();
            let mut name = glyph::plain(&format!("{}: ", column.asked.strategy.name), look.charset);
            name.extend(running(tokenizer.as_ref(), &ids, look.charset));
            let mean = column.totals(tokens.len(), tokenizer.as_ref()).mean_logprob();
            let share = if tokens.is_empty() { 0.0 } else { mean.exp() };
            let parts =
                state.columns().first().and_then(|first| column.parts(first)).is_some_and(|parts| parts <= step);
            Bar {
                sign: if index > 0 && parts { look.signs().parts } else { "" },
                name,
                figure: percent(share),
                share,
                roles: (Role::Strong, Role::BarAfter),
            }
        };
        slide.bars = state.columns().iter().enumerate().map(bar).collect();
        slide.words = "Bars: how probable a token is for the model, on average.".into();
    }
    slide::render(app, body, &slide, buffer);
}
