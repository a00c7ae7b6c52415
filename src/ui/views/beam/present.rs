//! The beams in few words: what competes at the step, best first, each as long as its score allows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::lists::text;
use super::pen::penalty;
use super::pen::{sign, signed};
use super::search::Search;
use super::words::why;
use crate::glyph::Charset;
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model};
use crate::ui::panels::slide::{self, Bar, Slide, Told};
use crate::ui::theme::Role;

const KEYS: &[Told] = &[
    (Context::Beam, Action::Step, "goes on"),
    (Context::Beam, Action::Back, "goes back"),
    (Context::Beam, Action::LowerAlpha, "favours short ones"),
    (Context::Beam, Action::HigherAlpha, "favours long ones"),
];

/// Draws the view.
pub(super) fn render(app: &App, body: Rect, buffer: &mut Buffer) {
    let (look, state) = (app.look(), &app.views.beam);
    let alpha = if look.charset == Charset::Ascii { "alpha" } else { "α" };
    let knobs = &state.knobs;
    let step = state.step();
    let title = format!(
        "{} beams {} step {step} {} {alpha} {}",
        knobs.beams,
        look.signs().dot,
        look.signs().dot,
        penalty(knobs.alpha, look)
    );
    let mut slide = Slide { title, keys: KEYS, ..Slide::default() };
    let current = state.asked.as_ref().is_some_and(|asked| asked.epoch == app.epoch());
    if let (Some(search), Model::Open { tokenizer, .. }) = (state.search().filter(|_| current), app.model()) {
        let ranked = search.ranked(step, &knobs.settings(app.seed()));
        let best = ranked.first().map_or(0.0, |best| best.score);
        let bar = |(place, ranked): (usize, &super::Ranked)| {
            let roles = if place == 0 { (Role::BeamBest, Role::BarChosen) } else { (Role::Strong, Role::BarAfter) };
            let status = search.node(ranked.node).map_or("", |node| sign(search.status(node, step), look));
            Bar {
                sign: status,
                name: text(tokenizer.as_ref(), &search.tokens(ranked.node), look.charset),
                figure: signed(ranked.score, 3, look),
                share: (ranked.score - best).exp(),
                roles,
            }
        };
        slide.bars = ranked.iter().enumerate().map(bar).collect();
        slide.words = match (step, search.stopped().filter(|_| step == search.made())) {
            (0, _) => "Every beam is continued by every token; the best run on.".to_owned(),
            (_, Some(stop)) => format!("The search is over: {}.", why(stop)),
            _ => in_words(search, step),
        };
    }
    slide::render(app, body, &slide, buffer);
}

/// How many run on and are finished.
fn in_words(search: &Search, step: usize) -> String {
    let running = search.step(step).map_or(0, |step| step.running().len());
    let finished = search.contenders(step).len() - running;
    format!("{running} run on, {finished} finished.")
}
