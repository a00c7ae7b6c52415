//! What every step took, with and without the cache.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::decode::cost::Shape;
use crate::engine::{CostJob, Lane, News};
use crate::session::NodeId;
use crate::ui::app::{App, Model};
use crate::ui::message::Effect;
use crate::ui::scale::Scale;
use crate::ui::views::View;

/// What belongs to the view of costs alone.
#[derive(Debug, Default)]
pub struct State {
    epoch: u64,
    scale: Scale,
    /// Time of a step without the cache, by the last token of its context; none where it can't be had.
    without: BTreeMap<NodeId, Option<Duration>>,
    /// The step that is being measured.
    measuring: Option<NodeId>,
}

/// A step and what it costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StepCost {
    /// Tokens that its decision looks at.
    pub(super) context: usize,
    /// Operations with the cache and without.
    pub(super) operations: [f64; 2],
    /// Seconds with the cache and without, where they are measured.
    pub(super) seconds: [Option<f64>; 2],
}

impl State {
    pub(super) fn scale(&self) -> Scale {
        self.scale
    }

    pub(super) fn turn_scale(&mut self) {
        self.scale = self.scale.other();
    }
}

/// The shape of the model, where it has one.
pub(super) fn shape(app: &App) -> Option<Shape> {
    match app.model() {
        Model::Open { info, .. } => info.shape.as_deref().copied(),
        Model::Opening | Model::Gone => None,
    }
}

/// All steps up to the cursor. The first reads the prompt, which costs the same in either case.
pub(super) fn steps(app: &App, shape: Shape) -> Vec<StepCost> {
    let Some(session) = app.session() else { return Vec::new() };
    let path = session.path();
    let prompt = session.prompt_length();
    let seconds = |took: Option<Duration>| took.map(|took| took.as_secs_f64());
    let step = |(place, &node): (usize, &NodeId)| {
        let context = place + 1;
        let with = seconds(app.took(node));
        let without = shape.without_cache(context);
        if context == prompt {
            return StepCost { context, operations: [without; 2], seconds: [with; 2] };
        }
        let measured = app.views.cost.without.get(&node).copied().flatten();
        let operations = [shape.with_cache(context), without];
        StepCost { context, operations, seconds: [with, seconds(measured)] }
    };
    path.iter().enumerate().skip(prompt - 1).map(step).collect()
}

/// Measures the first step without the cache that is not measured yet.
pub(super) fn refresh(app: &mut App) -> Vec<Effect> {
    let epoch = app.epoch();
    let state = &mut app.views.cost;
    if state.epoch != epoch {
        *state = State { epoch, scale: state.scale, ..State::default() };
    }
    if app.is_under_way(Lane::Cost) || app.view() != View::Cost || shape(app).is_none() {
        return Vec::new();
    }
    // Not before the text is that of this prompt.
    let Some(session) = app.session().filter(|_| app.shown().is_some()) else { return Vec::new() };
    let path = session.path();
    let known = &app.views.cost.without;
    let ahead = path.iter().enumerate().skip(session.prompt_length());
    let Some((place, &node)) = ahead.into_iter().find(|(_, node)| !known.contains_key(node)) else {
        return Vec::new();
    };
    let tokens = path[..=place].iter().map(|&node| session.token(node)).collect();
    app.views.cost.measuring = Some(node);
    app.start(Lane::Cost, Box::new(CostJob::new(node, tokens)))
}

/// Takes in what was measured, and goes on to the next step.
pub(super) fn news(app: &mut App, news: Option<News>) -> Vec<Effect> {
    let Some(news) = news else {
        // One that gave nothing is not asked for again.
        if let Some(node) = app.views.cost.measuring.take() {
            app.views.cost.without.entry(node).or_insert(None);
        }
        return refresh(app);
    };
    if let News::Recomputed { node, read, took } = news
        && app.session().is_some_and(|session| session.path_to(node).len() == read)
    {
        app.views.cost.without.insert(node, Some(took));
    }
    Vec::new()
}
