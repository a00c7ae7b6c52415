//! Beam search as a tree that grows from left to right, one step a key, forward and back.

mod columns;
mod knobs;
mod lists;
mod pen;
mod picture;
mod present;
mod render;
mod search;
mod slider;
mod state;
#[cfg(test)]
mod tests;
mod tree;
mod typed;
mod words;

pub use knobs::Knobs;
pub use search::{Ranked, Search, Status};
pub use state::{Below, Optimum, State};

use std::sync::Arc;

use super::{Timeline, View, ViewRow, one_page};
use crate::decode::Direction;
use crate::decode::strategy::strategy;
use crate::engine::{BeamsAsked, BeamsJob, Lane, News, OptimumAsked, OptimumJob, RecordedBeams};
use crate::session::NodeId;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;
use state::Asked;

/// The longest sequences whose optimum is searched: each further token multiplies the work.
const OPTIMUM_LENGTH: usize = 6;
/// Said where a recording would need its model.
const RECORDED: &str = "a recording can't search anew: α and norm rank what was found, the rest is as it was";
/// The most prefixes that are expanded for it: their cache entries stay until the search is over.
const OPTIMUM_BUDGET: usize = 5_000;

/// The declaration.
pub const ROW: ViewRow = ViewRow {
    view: View::Beam,
    name: "beam",
    label: "beam",
    summary: "beam search as a tree: who runs on, who is pruned and why, and what the length penalty does",
    contexts: &[&[Context::Beam]],
    page: one_page,
    render: render::render,
    present: present::render,
    act,
    refresh,
    timeline: Some(Timeline { position: |app| app.views.beam.step(), go }),
    lanes: &[Lane::Beams, Lane::Optimum],
    news,
};

fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let step = app.views.beam.step();
    Some(match action {
        Action::Step => return Some(forward(app)),
        Action::Back => go(app, step.saturating_sub(1)),
        Action::First => go(app, 0),
        Action::Last => go(app, usize::MAX),
        Action::RowUp => look(app, |state, _| state.select(-1)),
        Action::RowDown => look(app, |state, _| state.select(1)),
        Action::PageUp => look(app, |state, page| state.scroll = Some(page.first.saturating_sub(page.rows))),
        Action::PageDown => look(app, |state, page| state.scroll = Some(page.first + page.rows)),
        Action::Ledger => look(app, |state, _| state.below = state.below.other()),
        Action::Fold => fold(app),
        Action::Optimum => prove(app),
        Action::Stop if app.is_under_way(Lane::Optimum) => app.end(Lane::Optimum),
        Action::Value => typed::open(app),
        Action::FewerBeams => turn(app, |knobs| knobs.turn_beams(Direction::Down)),
        Action::MoreBeams => turn(app, |knobs| knobs.turn_beams(Direction::Up)),
        Action::LowerAlpha => rank(app, |knobs| knobs.turn_alpha(Direction::Down)),
        Action::HigherAlpha => rank(app, |knobs| knobs.turn_alpha(Direction::Up)),
        Action::LengthNorm => rank(app, Knobs::next_norm),
        Action::EarlyStopping => turn(app, Knobs::next_early),
        Action::Shorter => turn(app, |knobs| knobs.turn_length(Direction::Down)),
        Action::Longer => turn(app, |knobs| knobs.turn_length(Direction::Up)),
        Action::BeamKind => turn(app, Knobs::next_kind),
        Action::FewerGroups => group(app, |knobs| knobs.turn_groups(Direction::Down)),
        Action::MoreGroups => group(app, |knobs| knobs.turn_groups(Direction::Up)),
        Action::LowerDiversity => group(app, |knobs| knobs.turn_diversity(Direction::Down)),
        Action::HigherDiversity => group(app, |knobs| knobs.turn_diversity(Direction::Up)),
        _ => return None,
    })
}

/// What asks for nothing outside of the view.
fn look(app: &mut App, change: impl FnOnce(&mut State, render::Page)) -> Vec<Effect> {
    let page = render::page(app);
    change(&mut app.views.beam, page);
    Vec::new()
}

/// What was ranked before is ranked anew at once, in a recording too; what another search would have found follows.
fn rank(app: &mut App, change: impl FnOnce(&mut Knobs)) -> Vec<Effect> {
    change(&mut app.views.beam.knobs);
    refresh(app)
}

/// What only another search can show.
fn turn(app: &mut App, change: impl FnOnce(&mut Knobs)) -> Vec<Effect> {
    if app.recording().is_some() {
        return app.inform(RECORDED);
    }
    rank(app, change)
}

/// What only groups of beams have.
fn group(app: &mut App, change: impl FnOnce(&mut Knobs)) -> Vec<Effect> {
    let knobs = &app.views.beam.knobs;
    match (knobs.groups(), knobs.kind()) {
        (None, Some((row, _))) if app.recording().is_none() => {
            app.inform(&format!("{} has no groups of beams: s changes the strategy to diverse-beam", row.name))
        }
        _ => turn(app, change),
    }
}

fn forward(app: &mut App) -> Vec<Effect> {
    let step = app.views.beam.step();
    if step < furthest(app) {
        return go(app, step + 1);
    }
    let over = app.views.beam.search().and_then(Search::stopped);
    match (over, app.recording()) {
        (Some(stop), None) => app.inform(&format!("the search is over: {} (l, L: another length)", words::why(stop))),
        (Some(stop), Some(_)) => app.inform(&format!("the search is over: {}", words::why(stop))),
        (None, Some(_)) => app.inform("the recording breaks off here: go back to look at it"),
        (None, None) => Vec::new(),
    }
}

/// The last step that there is, or will be.
fn furthest(app: &App) -> usize {
    let state = &app.views.beam;
    let made = state.search().map_or(0, Search::made);
    let over = state.search().is_some_and(|search| search.stopped().is_some()) && !state.is_replaced();
    if over || !app.is_under_way(Lane::Beams) { made } else { state.knobs.length }
}

fn go(app: &mut App, steps: usize) -> Vec<Effect> {
    // Before its first search nobody knows how far it will get.
    let begun = app.views.beam.asked.as_ref().is_some_and(|asked| asked.epoch == app.epoch());
    let furthest = if begun { furthest(app) } else { usize::MAX };
    app.views.beam.go(steps.min(furthest));
    Vec::new()
}

/// From the root of the session's tree to the end of the prompt.
fn prompt(app: &App) -> Option<Vec<(NodeId, crate::decode::TokenId)>> {
    let session = app.session()?;
    let path = session.path_to(session.prompt_end());
    Some(path.into_iter().map(|node| (node, session.token(node))).collect())
}

/// Shows what was recorded, once.
fn replay(app: &mut App, recorded: &RecordedBeams) {
    let epoch = app.epoch();
    let Some(prompt_length) = app.session().map(crate::session::Session::prompt_length) else { return };
    let state = &mut app.views.beam;
    if state.asked.as_ref().is_some_and(|asked| asked.epoch == epoch) {
        return;
    }
    state.knobs = Knobs::of(recorded);
    let mut search = Search::new(recorded.settings, prompt_length);
    recorded.steps.iter().for_each(|made| search.push(Arc::clone(made)));
    let (settings, length) = (recorded.settings, recorded.length);
    state.replay(search, Asked { epoch, settings, chains: Default::default(), length });
}

/// Searches anew where the newest search was asked for something else.
fn refresh(app: &mut App) -> Vec<Effect> {
    if let Some(recorded) = app.recording().cloned().as_ref().and_then(|recording| recording.beams()) {
        replay(app, recorded);
        return Vec::new();
    }
    let (Some(prompt), Ok(chain)) = (prompt(app), app.knobs().whole_chain()) else { return Vec::new() };
    let knobs = &app.views.beam.knobs;
    let Some((_, kind)) = knobs.kind() else { return Vec::new() };
    let greedy = strategy("greedy").map_or_else(|| chain.clone(), |row| row.effective_chain(&chain));
    let chains = ((kind.effective_chain)(&chain), greedy);
    let asked = Asked { epoch: app.epoch(), settings: knobs.settings(app.seed()), chains, length: knobs.length };
    if app.views.beam.asked.as_ref() == Some(&asked) {
        return Vec::new();
    }
    let job = BeamsJob::new(BeamsAsked {
        settings: asked.settings,
        chain: asked.chains.0.clone(),
        greedy: asked.chains.1.clone(),
        max_new_tokens: asked.length,
        prompt: prompt.clone(),
    });
    let search = Search::new(asked.settings, prompt.len());
    app.views.beam.expect(search, asked);
    app.start(Lane::Beams, Box::new(job))
}

fn news(app: &mut App, news: Option<News>) -> Vec<Effect> {
    match news {
        Some(News::Beams(made)) => app.views.beam.push(made),
        Some(News::Optimum(found)) => {
            if let Some(optimum) = &mut app.views.beam.optimum {
                optimum.found = Some(found);
            }
        }
        Some(_) => {}
        None if app.is_under_way(Lane::Beams) => {}
        None => app.views.beam.over(),
    }
    Vec::new()
}

/// Searches for the most probable sequence of the tokens that are shown.
fn prove(app: &mut App) -> Vec<Effect> {
    if app.recording().is_some() {
        return app.inform(RECORDED);
    }
    let step = app.views.beam.step();
    let (Some(prompt), Some(search)) = (prompt(app), app.views.beam.search()) else { return Vec::new() };
    let length = step.clamp(1, OPTIMUM_LENGTH);
    let rivals = search.rivals(length);
    let asked = OptimumAsked { prompt, length, budget: OPTIMUM_BUDGET, rivals: rivals.clone() };
    app.views.beam.optimum = Some(Optimum { epoch: app.epoch(), length, rivals, found: None });
    app.start(Lane::Optimum, Box::new(OptimumJob::new(asked)))
}

/// Shuts the branch that the selected candidate belongs to, or opens it.
fn fold(app: &mut App) -> Vec<Effect> {
    let state = &mut app.views.beam;
    let Some(candidate) = state.candidate().copied() else { return Vec::new() };
    let path = state.search().map(|search| search.path(candidate.node)).unwrap_or_default();
    let shut = path.iter().find(|node| state.folded.contains(node)).copied();
    match (shut, candidate.parent) {
        (Some(shut), _) => drop(state.folded.remove(&shut)),
        (None, Some(parent)) => drop(state.folded.insert(parent)),
        (None, None) => return app.inform("the prompt can't be folded: it has all branches"),
    }
    Vec::new()
}
