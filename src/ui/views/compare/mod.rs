//! Strategies side by side: the same prompt, each column with its own strategy, chain and seed, all stepped together.

mod column;
mod contrast;
mod edit;
mod present;
mod render;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Timeline, View, ViewRow, one_page};
use crate::decode::Direction;
use crate::engine::{CompareAsked, CompareJob, Lane, News};
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Work};
use crate::ui::message::Effect;

pub use state::State;

/// The declaration.
pub const ROW: ViewRow = ViewRow {
    view: View::Compare,
    name: "compare",
    label: "compare",
    summary: "strategies side by side",
    contexts: &[&[Context::Compare]],
    page: one_page,
    render: render::render,
    present: present::render,
    act,
    refresh,
    timeline: Some(Timeline { position: |app| app.views.compare.step(), go }),
    lanes: &[Lane::Compare],
    news,
};

fn go(app: &mut App, step: usize) -> Vec<Effect> {
    app.views.compare.go(step);
    Vec::new()
}

fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let state = &mut app.views.compare;
    match action {
        Action::Step => state.go(state.step() + 1),
        Action::Back => state.go(state.step().saturating_sub(1)),
        Action::First => state.go(0),
        Action::Last => state.go(usize::MAX),
        Action::NextColumn => state.select(Direction::Up),
        Action::PreviousColumn => state.select(Direction::Down),
        Action::EditSelected => return Some(edit::open(app)),
        _ => return change(app, action),
    }
    Some(Vec::new())
}

/// The keys that change what is compared.
fn change(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    use Direction::{Down, Up};
    let state = &mut app.views.compare;
    let said = match action {
        Action::Strategy => state.next_strategy(),
        Action::SharedDraws => {
            state.share_draws();
            Ok(())
        }
        Action::New => state.add(),
        Action::Remove => state.remove(),
        Action::Cooler => state.turn("temperature", Down),
        Action::Warmer => state.turn("temperature", Up),
        Action::FewerK => state.turn("top_k", Down),
        Action::MoreK => state.turn("top_k", Up),
        Action::FewerP => state.turn("top_p", Down),
        Action::MoreP => state.turn("top_p", Up),
        Action::LowerMin => state.turn("min_p", Down),
        Action::HigherMin => state.turn("min_p", Up),
        Action::FewerBeams => state.turn_beams(Down),
        Action::MoreBeams => state.turn_beams(Up),
        Action::LowerSeed => state.turn_seed(Down),
        Action::HigherSeed => state.turn_seed(Up),
        Action::Shorter | Action::Longer => {
            state.turn_length(if action == Action::Longer { Up } else { Down });
            Ok(())
        }
        _ => return None,
    };
    if let Err(why) = said {
        app.inform(&why);
    }
    Some(refresh(app))
}

/// Asks for the columns that are not there yet, or that have changed; what is there stays.
fn refresh(app: &mut App) -> Vec<Effect> {
    // While a prompt is being cut into tokens, the session is still that of the one before.
    let Some(session) = app.session().filter(|_| app.work() != Work::Tokens) else { return Vec::new() };
    let path = session.path();
    let prompt = path[..session.prompt_length()].iter().map(|&node| (node, session.token(node))).collect();
    let (epoch, under_way) = (app.epoch(), app.is_under_way(Lane::Compare));
    let wanted = contrast::columns(app);
    let state = &mut app.views.compare;
    state.follow_session(wanted);
    state.follow(epoch);
    let missing = state.missing();
    if missing.is_empty() {
        return app.end(Lane::Compare);
    }
    if under_way && state.has_asked_for(&missing) {
        return Vec::new();
    }
    let columns = missing.iter().map(|(_, asked)| asked.clone()).collect();
    let asked = CompareAsked { prompt, columns, max_new_tokens: state.length() };
    state.asks_for(missing);
    app.start(Lane::Compare, Box::new(CompareJob::new(asked)))
}

fn news(app: &mut App, news: Option<News>) -> Vec<Effect> {
    if let Some(News::Compared(compared)) = news {
        app.views.compare.take(Arc::unwrap_or_clone(compared));
    }
    Vec::new()
}
