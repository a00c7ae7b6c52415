//! Temperature in few words: the best tokens at today's temperature, each with the model's own share beside it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::render::series;
use super::state::today;
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model};
use crate::ui::number::{choices, percent};
use crate::ui::panels::slide::{self, Bar, Slide, Told};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

const KEYS: &[Told] = &[
    (Context::Chain, Action::Cooler, "colder"),
    (Context::Chain, Action::Warmer, "warmer"),
    (Context::Session, Action::Step, "goes on"),
    (Context::Session, Action::Back, "goes back"),
];

/// Draws the view.
pub(super) fn render(app: &App, body: Rect, buffer: &mut Buffer) {
    let today = today(app);
    let mut slide = Slide { title: format!("Temperature {today}"), keys: KEYS, ..Slide::default() };
    let state = &app.views.temperature;
    if let (Some(shown), Model::Open { tokenizer, .. }) = (app.shown(), app.model())
        && let (Some(now), Some(own)) = (state.at(shown.node, today), state.at(shown.node, 1.0))
    {
        let logit = |id| shown.analysis.model().logit(id);
        let bar = |(place, id): (usize, u32)| {
            let share = now.prob(logit(id));
            let (words, ink) =
                if place == 0 { (Role::Chosen, Role::BarChosen) } else { (Role::Strong, Role::BarAfter) };
            let before =
                if today == 1.0 { String::new() } else { format!("{} at T = 1    ", percent(own.prob(logit(id)))) };
            let name = token_glyphs(tokenizer.as_ref(), id, app.look().charset);
            Bar { sign: "", name, figure: format!("{before}{}", percent(share)), share, roles: (words, ink) }
        };
        slide.bars = series(&shown.analysis, 0).iter().map(|series| series.id).enumerate().map(bar).collect();
        let (choice, of_own) = (choices(now.choices()), choices(own.choices()));
        slide.words = match today {
            1.0 => format!("The model's own distribution: {choice} choices."),
            _ => format!("{choice} choices in the place of the model's own {of_own}."),
        };
    }
    slide::render(app, body, &slide, buffer);
}
