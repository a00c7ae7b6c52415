//! The header: model, position, and whether something is going on.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::glyph;
use crate::model::PromptForm;
use crate::ui::action::Context;
use crate::ui::app::{App, Model, Run, Work};
use crate::ui::knobs::Mode;
use crate::ui::number::short;
use crate::ui::paint::{self, put, put_right};
use crate::ui::theme::Role;
use crate::ui::views::{VIEWS, View, ViewRow};

/// At the left end.
const NAME: &str = " logitscope ";

/// Where the views are named, whether or not there is room for all of them.
#[must_use]
pub fn tabs(app: &App, area: Rect) -> Vec<(View, Range<u16>)> {
    let mut x = area.x + NAME.len() as u16 + 1;
    let tab = |row: &ViewRow| {
        let start = x;
        let key = glyph::cells(&row.view.key(app.keymap(), app.look().charset)) as u16;
        // The one in front has a blank on each side.
        x += key + row.label.len() as u16 + if row.view == app.view() { 3 } else { 2 };
        (row.view, start..x)
    };
    VIEWS.iter().map(tab).collect()
}

/// Draws the header into one line: the views, and at the right as much of the rest as there is room for.
pub fn render(app: &App, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let style = look.style(Role::Header);
    buffer.set_style(area, style);
    let mut x = put(buffer, area.x, area.y, NAME, area.width.into(), look.style(Role::Badge)) + 1;
    let (state, role) = state(app);
    let mut start = put_right(buffer, area.right().saturating_sub(1), area.y, &state, look.style(role));
    for (row, (_, cells)) in VIEWS.iter().zip(tabs(app, area)) {
        x = cells.start;
        let digit = row.view.key(app.keymap(), look.charset);
        let room = |x: u16| usize::from(start.saturating_sub(x + 1));
        if row.view == app.view() {
            x = put(buffer, x, area.y, &format!(" {digit} {} ", row.label), room(x), look.style(Role::Badge));
        } else {
            x = put(buffer, x + 1, area.y, &format!("{digit} "), room(x + 1), paint::on(look.style(Role::Key), style));
            x = put(buffer, x, area.y, row.label, room(x), style);
        }
    }
    for part in [position(app), model(app)].into_iter().flatten() {
        let text = part + &separator(app);
        let glyphs = glyph::plain(&text, look.charset);
        if glyph::width(&glyphs) + usize::from(x) < usize::from(start) {
            start = put_right(buffer, start, area.y, &glyph::cut(&glyphs, usize::MAX, look.charset), style);
        }
    }
}

fn model(app: &App) -> Option<String> {
    match app.model() {
        Model::Open { info, .. } => {
            let dot = app.look().signs().dot;
            let dtype = info.dtype.map_or(info.architecture.as_str(), |dtype| dtype.name());
            let chat = if app.form() == PromptForm::Chat { format!(" {dot} chat") } else { String::new() };
            Some(match info.parameters {
                0 => format!("{} {dot} {dtype}{chat}", info.name),
                parameters => format!("{} {dot} {} parameters {dot} {dtype}{chat}", info.name, short(parameters)),
            })
        }
        Model::Opening => None,
        Model::Gone => Some("no model".to_owned()),
    }
}

fn separator(app: &App) -> String {
    format!("  {}  ", app.look().signs().dot)
}

fn position(app: &App) -> Option<String> {
    let (session, Model::Open { info, .. }) = (app.session()?, app.model()) else { return None };
    // Other views have a place of their own in time.
    app.view().row().contexts_now(app).contains(&Context::Session).then_some(())?;
    let mode = match app.knobs().mode() {
        Mode::Sampling => "sampling",
        Mode::Greedy => "greedy",
    };
    let step = format!("step {}", session.step_number() + 1);
    let position = format!("token {}/{}", session.path().len(), info.context_length);
    Some([step, position, mode.to_owned()].join(&separator(app)))
}

fn state(app: &App) -> (String, Role) {
    let signs = app.look().signs();
    let spinner = signs.spinner[app.ticks() % signs.spinner.len()];
    let busy = |what: &str| (format!("{spinner} {what}"), Role::Running);
    if let Some(source) = app.opening() {
        return busy(&format!("opening {}", source.name()));
    }
    match (app.model(), app.run(), app.work()) {
        (Model::Opening, ..) => busy("opening the model"),
        (Model::Gone, ..) => ("gone".to_owned(), Role::Error),
        (_, _, Work::Reading { done, total }) if total > 1 => busy(&format!("reading {done}/{total}")),
        (_, Run::Paced, _) => busy("running"),
        (_, Run::Fast, _) => busy("running fast"),
        (_, _, Work::Nothing) => ("ready".to_owned(), Role::Header),
        (_, _, Work::Tokens | Work::Reading { .. }) => busy("reading"),
        (_, _, Work::Chain) => busy("chain"),
    }
}
