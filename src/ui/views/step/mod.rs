//! The next token: the running text, the distribution, the chain and what it does, the selected token, the draw.

mod state;
#[cfg(test)]
mod tests;

pub use state::State;
pub(in crate::ui) use state::{find, move_stage};

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Timeline, View, ViewRow, one_page};
use crate::engine::Lane;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::layout::Areas;
use crate::ui::message::Effect;
use crate::ui::panels::{chain, detail, distribution, presenter, strip, text};

/// The declaration.
pub const ROW: ViewRow = ViewRow {
    view: View::Step,
    name: "step",
    label: "step",
    summary: "the next token, step by step",
    contexts: &[&[Context::Session, Context::Step, Context::Chain]],
    page: one_page,
    render,
    present: presenter::render,
    act,
    refresh: state::refresh,
    timeline: Some(SESSION),
    lanes: &[Lane::Search, Lane::Difference, Lane::Draws],
    news: state::news,
};

/// The timeline of all views that show the session itself.
pub const SESSION: Timeline = Timeline { position: App::step_number, go: App::step_to };

fn render(app: &App, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let areas = Areas::of(body);
    text::render(app, areas.text, buffer);
    distribution::render(app, areas.list, buffer);
    chain::render(app, areas.chain, buffer);
    detail::render(app, areas.detail, buffer);
    strip::render(app, areas.strip, buffer);
    None
}

fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let page = app.list_rows().cast_signed();
    let by = match action {
        Action::RowUp => -1,
        Action::RowDown => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::First => isize::MIN,
        Action::Last => isize::MAX,
        Action::ToDrawn => {
            app.select_drawn();
            return Some(Vec::new());
        }
        Action::Scale => {
            app.views.step.turn_scale();
            return Some(Vec::new());
        }
        Action::Find => return Some(find(app)),
        Action::Many => return Some(state::many(app)),
        _ => return None,
    };
    app.scroll(by);
    Some(Vec::new())
}
