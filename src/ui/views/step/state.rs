//! What the view of a step has besides the session: the scale of its bars, what was found, what many draws gave, and what the
//! order of the chain changes.

use std::sync::Arc;

use crate::decode::diff::ChainDiff;
use crate::decode::{Analysis, Direction, Tally};
use crate::engine::{DifferenceJob, DrawsJob, Found, Lane, News};
use crate::ui::app::App;
use crate::ui::knobs::Mode;
use crate::ui::message::Effect;
use crate::ui::overlays::Find;
use crate::ui::scale::Scale;

/// Draws at once.
const DRAWS: u64 = 1000;

/// The first of the random streams for these draws, beyond those that redrawing a step uses.
const STREAMS: u64 = 1 << 32;

/// What belongs to the view of a step alone.
#[derive(Default)]
pub struct State {
    scale: Scale,
    found: Option<Arc<Found>>,
    drawn: Option<Drawn>,
    rounds: u64,
    moved: Option<Moved>,
}

/// Many draws, and what they were drawn from.
struct Drawn {
    from: Arc<Analysis>,
    tally: Option<Arc<Tally>>,
}

/// A stage that was moved.
struct Moved {
    /// The stage that was moved, on which side of another it is now, and that one.
    what: [&'static str; 3],
    before: Arc<Analysis>,
}

impl State {
    /// How long the bars are.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// What was last looked for.
    #[must_use]
    pub fn found(&self) -> Option<&Found> {
        self.found.as_deref()
    }

    /// What many draws from this very distribution gave.
    #[must_use]
    pub fn tally(&self, analysis: &Arc<Analysis>) -> Option<&Tally> {
        self.drawn.as_ref().filter(|drawn| Arc::ptr_eq(&drawn.from, analysis))?.tally.as_deref()
    }

    pub(super) fn turn_scale(&mut self) {
        self.scale = self.scale.other();
    }
}

/// Opens the window in which a token is looked for.
pub(in crate::ui) fn find(app: &mut App) -> Vec<Effect> {
    app.views.step.found = None;
    app.open(Find::default())
}

/// Draws a thousand times from what is shown.
pub(super) fn many(app: &mut App) -> Vec<Effect> {
    if app.knobs().mode() == Mode::Greedy {
        return app.inform("greedy draws nothing: press s for sampling");
    }
    let Some(shown) = app.shown().filter(|_| app.is_current()) else { return Vec::new() };
    let (from, seed, step) = (Arc::clone(&shown.analysis), app.seed(), app.step_number());
    let state = &mut app.views.step;
    let first = STREAMS + state.rounds * DRAWS;
    state.rounds += 1;
    state.drawn = Some(Drawn { from: Arc::clone(&from), tally: None });
    app.start(Lane::Draws, Box::new(DrawsJob::new(from, seed, first..first + DRAWS, step)))
}

/// Moves the selected stage of the chain, and remembers what was there before.
pub(in crate::ui) fn move_stage(app: &mut App, direction: Direction) -> Vec<Effect> {
    let before = app.shown().filter(|_| app.is_current()).map(|shown| Arc::clone(&shown.analysis));
    let Some(name) = app.knobs().list().get(app.knobs().selected()).map(|knob| knob.stage.row().name) else {
        return Vec::new();
    };
    let Some(passed) = app.shift_stage(direction) else {
        return app.inform(&format!("{name} is at the end of the chain already"));
    };
    if app.is_current() {
        return app.inform(&format!("{name} has passed {passed}: the stages that work keep their order"));
    }
    let order = if direction == Direction::Up { "after" } else { "before" };
    app.views.step.moved = before.map(|before| Moved { what: [name, order, passed], before });
    app.chain_changed()
}

/// Once the chain has run in its new order, asks what that changes.
pub(super) fn refresh(app: &mut App) -> Vec<Effect> {
    let Some(shown) = app.shown().filter(|_| app.is_current()) else { return Vec::new() };
    let after = Arc::clone(&shown.analysis);
    let Some(moved) = &app.views.step.moved else { return Vec::new() };
    let before = Arc::clone(&moved.before);
    // The chain runs on one distribution as long as the text stays where it is.
    if !Arc::ptr_eq(before.model(), after.model()) {
        app.views.step.moved = None;
        return Vec::new();
    }
    if app.is_under_way(Lane::Difference) || Arc::ptr_eq(&before, &after) {
        return Vec::new();
    }
    app.start(Lane::Difference, Box::new(DifferenceJob::new(before, after)))
}

/// Takes in what the jobs have to tell.
pub(super) fn news(app: &mut App, news: Option<News>) -> Vec<Effect> {
    let state = &mut app.views.step;
    match news {
        Some(News::Found(found)) => state.found = Some(found),
        Some(News::Tallied(tally)) => {
            if let Some(drawn) = &mut state.drawn {
                drawn.tally = Some(tally);
            }
        }
        Some(News::Difference(difference)) => {
            if let Some(Moved { what, .. }) = state.moved.take() {
                return app.inform(&in_words(what, &difference, usize::from(app.screen().width)));
            }
        }
        _ => {}
    }
    Vec::new()
}

/// What a move comes to, in one line of so many cells.
fn in_words([name, order, passed]: [&str; 3], difference: &ChainDiff, width: usize) -> String {
    let apart = difference.total_variation;
    let [long, short] = match difference.changed.len() {
        0 if apart < 1e-9 => ["nothing changes"; 2].map(String::from),
        0 => [
            format!("the same tokens stay, with other probabilities (total variation {apart:.4})"),
            "the same tokens stay".to_owned(),
        ],
        n if apart < 5e-5 => {
            [format!("the result is the same; other stages remove {n} tokens"), "the result is the same".to_owned()]
        }
        1 => [format!("1 token fares differently (total variation {apart:.4})"), "1 token differs".to_owned()],
        n => [format!("{n} tokens fare differently (total variation {apart:.4})"), format!("{n} tokens differ")],
    };
    let forms = [
        format!("{name} now comes {order} {passed}: {long}"),
        format!("{name} {order} {passed}: {long}"),
        format!("{name} {order} {passed}: {short}"),
    ];
    let fits = |form: &&String| form.len() + 2 <= width;
    forms.iter().find(fits).unwrap_or(&forms[2]).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::diff::Changed;
    use crate::ui::knobs::Knobs;

    #[test]
    fn what_a_move_comes_to_takes_one_line_at_80_columns() {
        let names: Vec<_> = Knobs::addable().map(|row| row.name).collect();
        for (total_variation, count) in [(0.0, 0), (0.5, 0), (0.0, 151_936), (0.5, 1), (0.5, 151_936)] {
            let changed = vec![Changed { id: 0, before: None, after: None }; count];
            let difference = ChainDiff { changed, total_variation };
            for (name, passed) in names.iter().flat_map(|name| names.iter().map(move |passed| (name, passed))) {
                let words = in_words([name, "before", passed], &difference, 80);
                assert!(words.len() <= 78, "{words}");
            }
        }
    }
}
