//! The costs in few words: operations with the cache and without, of this step and of all.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::{shape, steps};
use crate::glyph;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::number::operations;
use crate::ui::panels::slide::{self, Bar, Slide, Told};
use crate::ui::theme::Role;

const KEYS: &[Told] = &[(Context::Session, Action::Step, "goes on"), (Context::Session, Action::Back, "goes back")];

/// Draws the view.
pub(super) fn render(app: &App, body: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let mut slide = Slide { title: "What the cache saves".to_owned(), keys: KEYS, ..Slide::default() };
    let steps = shape(app).map(|shape| steps(app, shape)).unwrap_or_default();
    let sum = |curve: usize| steps.iter().map(|step| step.operations[curve]).sum::<f64>();
    if let Some(last) = steps.last() {
        let of = [("this step", last.operations), ("all steps", [sum(0), sum(1)])];
        let most = |[with, without]: [f64; 2]| with.max(without).max(f64::MIN_POSITIVE);
        let bars = |(what, both): (&str, [f64; 2])| {
            let one = |value: f64, cache: &str, ink: Role| Bar {
                sign: "",
                name: glyph::plain(&format!("{what}, {cache} the cache"), look.charset),
                figure: operations(value),
                share: value / most(both),
                roles: (Role::Strong, ink),
            };
            [one(both[0], "with", Role::Series0), one(both[1], "without", Role::Series1)]
        };
        slide.bars = of.into_iter().flat_map(bars).collect();
        slide.words = match steps.len() {
            1 => "Nothing is saved yet: the prompt has to be read.".to_owned(),
            _ => format!("{:.0} % of the arithmetic is saved so far.", 100.0 * (1.0 - sum(0) / sum(1))),
        };
    } else {
        slide.words = "This model has no layers and no cache: a step only looks its probabilities up.".into();
    }
    slide::render(app, body, &slide, buffer);
}
