//! Given text under the model: a prompt, several completions of it, and which of them the model prefers.

mod audit;
mod edit;
mod lines;
mod present;
mod render;
mod state;
#[cfg(test)]
mod tests;
mod tokens;
mod totals;

use super::{View, ViewRow, one_page};
use crate::engine::{Lane, News, ScoreJob};
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Work};
use crate::ui::message::Effect;

pub use state::State;

/// The declaration.
pub const ROW: ViewRow = ViewRow {
    view: View::Score,
    name: "score",
    label: "score",
    summary: "which of several texts the model prefers",
    contexts: &[&[Context::Score]],
    page: one_page,
    render: render::render,
    present: present::render,
    act,
    refresh,
    timeline: None,
    lanes: &[Lane::Score],
    news,
};

fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let state = &mut app.views.score;
    match action {
        Action::RowUp => state.select(state.selected().saturating_sub(1)),
        Action::RowDown => state.select(state.selected() + 1),
        Action::Step => state.go(state.token() + 1),
        Action::Back => state.go(state.token().saturating_sub(1)),
        Action::First => state.go(0),
        Action::Last => state.go(usize::MAX),
        Action::Audit => state.turn_over(),
        Action::EditSelected => return Some(edit::selected(app)),
        Action::New => return Some(edit::new(app)),
        Action::Remove => {
            return Some(match state.remove() {
                Ok(()) => refresh(app),
                Err(why) => app.inform(why),
            });
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Scores what is not scored yet.
fn refresh(app: &mut App) -> Vec<Effect> {
    if app.session().is_none() || app.work() == Work::Tokens {
        return Vec::new();
    }
    let (asked, epoch) = (app.views.score.asked(app), app.epoch());
    let under_way = app.is_under_way(Lane::Score);
    let state = &mut app.views.score;
    if state.has_scored(&asked) {
        return app.end(Lane::Score);
    }
    if under_way && state.has_asked_for(epoch, &asked) {
        return Vec::new();
    }
    state.asks_for(epoch, asked.clone());
    let session = app.session().map(|session| {
        let path = session.path_to(session.prompt_end()).into_iter();
        path.map(|node| (node, session.token(node))).collect()
    });
    app.start(Lane::Score, Box::new(ScoreJob::new(asked, session.unwrap_or_default())))
}

fn news(app: &mut App, news: Option<News>) -> Vec<Effect> {
    match news {
        Some(News::Scored(scored)) => app.views.score.take(scored),
        Some(News::Scoring { done, total }) => app.views.score.read(done, total),
        _ => {}
    }
    Vec::new()
}
