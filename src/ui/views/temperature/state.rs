//! The curves, as far as they are computed, by the token that they follow.

use std::collections::BTreeMap;

use crate::decode::{Tempered, Value, logarithmic, processor};
use crate::engine::{CurvesJob, Lane};
use crate::session::NodeId;
use crate::ui::app::App;
use crate::ui::knobs::Switch;
use crate::ui::message::Effect;
use crate::ui::scale::Scale;

/// The ends of the axis.
pub(super) const ENDS: (f64, f64) = (0.05, 20.0);

/// Temperatures on the axis that the curves go through.
const POINTS: usize = 73;

/// Tokens of the text whose curves are kept.
const MOST: usize = 256;

/// What belongs to the view of temperature alone.
#[derive(Debug, Default)]
pub struct State {
    epoch: u64,
    /// Ascending temperatures for each node.
    curves: BTreeMap<NodeId, Vec<Tempered>>,
    scale: Scale,
}

impl State {
    /// What is computed of the curves after a node, ascending temperatures; the limits are among them.
    pub(super) fn curves(&self, node: NodeId) -> &[Tempered] {
        self.curves.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The distribution after a node at exactly this temperature, where it is computed.
    pub(super) fn at(&self, node: NodeId, temperature: f64) -> Option<Tempered> {
        self.curves(node).iter().find(|point| point.temperature() == temperature).copied()
    }

    pub(super) fn scale(&self) -> Scale {
        self.scale
    }

    pub(super) fn turn_scale(&mut self) {
        self.scale = self.scale.other();
    }

    pub(super) fn take(&mut self, node: NodeId, points: Vec<Tempered>) {
        while self.curves.len() >= MOST && !self.curves.contains_key(&node) {
            self.curves.pop_first();
        }
        let curve = self.curves.entry(node).or_default();
        curve.extend(points);
        curve.sort_by(|a, b| a.temperature().total_cmp(&b.temperature()));
        curve.dedup_by(|a, b| a.temperature() == b.temperature());
    }

    /// What is still to be computed after a node, what is needed first before the rest.
    fn missing(&self, node: NodeId, today: f64) -> Vec<f64> {
        let mut missing: Vec<f64> = Vec::new();
        for temperature in wanted(today) {
            if self.at(node, temperature).is_none() && !missing.contains(&temperature) {
                missing.push(temperature);
            }
        }
        missing
    }
}

/// Today's temperature and the limits; then the axis, coarse to fine; then the values that the knob steps through.
fn wanted(today: f64) -> impl Iterator<Item = f64> {
    let axis = logarithmic(ENDS.0, ENDS.1, POINTS);
    let coarse_to_fine = [12, 4, 2, 1].into_iter().flat_map(move |step| axis.clone().into_iter().step_by(step));
    let grid = processor("temperature").map(|row| row.grid).unwrap_or_default();
    [today, 1.0, 0.0, f64::INFINITY].into_iter().chain(coarse_to_fine).chain(grid.iter().copied())
}

/// The temperature of the chain; 1, which changes nothing, where it has none.
pub(super) fn today(app: &App) -> f64 {
    let on = |knob: &&crate::ui::knobs::Knob| knob.switch == Switch::On && knob.stage.row().name == "temperature";
    match app.knobs().list().iter().find(on).map(|knob| knob.stage.value()) {
        Some(Value::Number(temperature)) => *temperature,
        _ => 1.0,
    }
}

/// Asks for what is missing of the curves after the cursor.
pub(super) fn refresh(app: &mut App) -> Vec<Effect> {
    let (epoch, today) = (app.epoch(), today(app));
    let state = &mut app.views.temperature;
    if state.epoch != epoch {
        *state = State { epoch, scale: state.scale, ..State::default() };
    }
    let Some(shown) = app.shown() else { return app.end(Lane::Curves) };
    let (node, model) = (shown.node, shown.analysis.model().clone());
    let missing = app.views.temperature.missing(node, today);
    if missing.is_empty() {
        return app.end(Lane::Curves);
    }
    app.start(Lane::Curves, Box::new(CurvesJob::new(node, model, missing)))
}
