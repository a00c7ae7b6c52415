//! What decoding costs: arithmetic and time of every step with and without the cache, and the memory of the cache.

mod plot;
mod present;
mod render;
mod state;
#[cfg(test)]
mod tests;

pub use state::State;

use super::{View, ViewRow, one_page, step};
use crate::engine::Lane;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;

/// The declaration.
pub const ROW: ViewRow = ViewRow {
    view: View::Cost,
    name: "cost",
    label: "cost",
    summary: "what decoding costs, with and without the cache",
    contexts: &[&[Context::Session, Context::Cost]],
    page: one_page,
    render: render::render,
    present: present::render,
    act,
    refresh: state::refresh,
    timeline: Some(step::SESSION),
    lanes: &[Lane::Cost],
    news: state::news,
};

fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::Scale => app.views.cost.turn_scale(),
        _ => return None,
    }
    Some(Vec::new())
}
