//! What temperature does: the probabilities of the best tokens over T, entropy and number of choices, and the limits.

mod plots;
mod present;
mod render;
mod state;
mod table;
#[cfg(test)]
mod tests;

pub use state::State;

use super::{View, ViewRow, one_page, step};
use crate::engine::{Lane, News};
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;

/// The declaration.
pub const ROW: ViewRow = ViewRow {
    view: View::Temperature,
    name: "temperature",
    label: "temp",
    summary: "what temperature does to the distribution",
    contexts: &[&[Context::Session, Context::Temperature, Context::Chain]],
    page: one_page,
    render: render::render,
    present: present::render,
    act,
    refresh: state::refresh,
    timeline: Some(step::SESSION),
    lanes: &[Lane::Curves],
    news,
};

fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::RowUp => app.scroll(-1),
        Action::RowDown => app.scroll(1),
        Action::First => app.scroll(isize::MIN),
        // The one stage that this view is about.
        Action::Raise => return Some(app.act(Action::Warmer)),
        Action::Lower => return Some(app.act(Action::Cooler)),
        Action::Value => return Some(app.type_value_of("temperature")),
        Action::Scale => app.views.temperature.turn_scale(),
        Action::Find => return Some(step::find(app)),
        _ => return None,
    }
    Some(Vec::new())
}

fn news(app: &mut App, news: Option<News>) -> Vec<Effect> {
    if let Some(News::Curves { node, points }) = news {
        app.views.temperature.take(node, points);
    }
    Vec::new()
}
