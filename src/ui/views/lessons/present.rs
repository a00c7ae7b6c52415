//! A page in few words: its formulas, pictures and question; the text is what the speaker says. The list is large as it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::flow::{Flow, Line};
use super::render;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::layout::take_bottom;
use crate::ui::panels::slide::{Told, keys};
use crate::ui::theme::Role;

const KEYS: &[Told] = &[
    (Context::Lessons, Action::Step, "next page"),
    (Context::Lessons, Action::Back, "page before"),
    (Context::Lessons, Action::Accept, "opens, answers"),
    (Context::Lessons, Action::Reveal, "reveals"),
];

/// Draws the view.
pub(super) fn render(app: &App, mut body: Rect, buffer: &mut Buffer) {
    let below = take_bottom(&mut body, 1);
    keys(app, below, KEYS, buffer);
    match &app.views.lessons.reading {
        None => drop(render::render(app, body, buffer)),
        Some(reading) => {
            let mut flow = Flow::new(reading, body, app.look().charset);
            few_words(&mut flow.left);
            render::page(reading, &flow, app.look(), body, buffer);
        }
    }
}

/// Leaves what the speaker says out, unless nothing else is on the page.
fn few_words(lines: &mut Vec<Line>) {
    let said = |line: &Line| matches!(line, Line::Text(_, Role::Base));
    if lines.iter().all(|line| said(line) || *line == Line::Blank) {
        return;
    }
    lines.retain(|line| !said(line));
    lines.dedup_by(|after, before| *after == Line::Blank && *before == Line::Blank);
    if lines.first() == Some(&Line::Blank) {
        lines.remove(0);
    }
}
