//! The picture: a heading, step numbers and labels at the left, and beside them the columns.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::column::{Pane, Window};
use super::state::State;
use crate::ui::app::{App, Model};
use crate::ui::layout::{take_bottom, take_top};
use crate::ui::look::Look;
use crate::ui::paint::{self, put, put_right};
use crate::ui::theme::Role;

/// Cells of the step numbers and labels at the left.
const GUTTER: u16 = 11;
/// The least cells of a column; where there are fewer, some columns are out of sight.
const NARROWEST: u16 = 17;

/// The parts of the view from top to bottom; each goes across all columns.
pub(super) struct Bands {
    /// Strategy, chain, seed.
    pub title: Rect,
    /// The running text; empty where there is no room.
    pub text: Rect,
    /// Token by token.
    pub tokens: Rect,
    /// The candidates of the step; empty where there is no room.
    pub top: Rect,
    /// Sums, means, perplexities.
    pub totals: Rect,
}

impl Bands {
    pub(super) fn of(mut rest: Rect) -> Self {
        let height = rest.height;
        let title = take_top(&mut rest, if height >= 18 { 3 } else { 1 });
        let totals = take_bottom(&mut rest, if height >= 12 { 5 } else { 3 });
        let text = take_top(&mut rest, if height >= 28 { (height / 8).min(7) } else { 0 });
        let top = take_bottom(&mut rest, if height >= 26 { (height / 5).clamp(5, 9) } else { 0 });
        Self { title, text, tokens: rest, top, totals }
    }

    /// The same bands between two columns of cells.
    pub(super) fn between(&self, x: u16, width: u16) -> Self {
        let cut = |band: Rect| Rect { x, width, ..band };
        Self {
            title: cut(self.title),
            text: cut(self.text),
            tokens: cut(self.tokens),
            top: cut(self.top),
            totals: cut(self.totals),
        }
    }
}

/// Draws the view.
pub fn render(app: &App, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (look, state) = (app.look(), &app.views.compare);
    let heading = paint::row(body, 0);
    let x = paint::heading(buffer, heading, &title(app, state), look);
    let below = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
    let count = state.columns().len() as u16;
    let room = below.width.saturating_sub(GUTTER);
    let seen = (room / NARROWEST).clamp(1, count.max(1));
    let first = (state.selected() as u16 + 1).saturating_sub(seen);
    draws(state, (seen, count, first), (heading, x), look, buffer);
    let Model::Open { tokenizer, .. } = app.model() else { return None };
    let bands = Bands::of(below);
    let step = state.step().min(state.longest().saturating_sub(1));
    let window = Window::around(step, state.longest(), bands.tokens.height.into());
    gutter(&bands.between(below.x, GUTTER), &window, look, buffer);
    let width = room / seen;
    for place in 0..seen {
        let index = usize::from(first + place);
        let Some(column) = state.columns().get(index) else { break };
        let x = below.x + GUTTER + place * width;
        let side = look.signs().frame[4];
        for y in below.y..below.bottom() {
            put(buffer, x, y, side, 1, look.style(Role::Rule));
        }
        let bands = bands.between(x + 2, width.saturating_sub(2));
        let pane = Pane { state, column, index, look, tokenizer: tokenizer.as_ref(), window: &window };
        pane.render(&bands, buffer);
    }
    None
}

fn title(app: &App, state: &State) -> String {
    let over = state.columns().iter().all(|column| column.end().is_some());
    if over || app.session().is_none() {
        format!("Compare {} {} steps", app.look().signs().dot, state.longest())
    } else {
        let signs = app.look().signs();
        format!(
            "Compare {} {} of {} steps",
            signs.spinner[app.ticks() % signs.spinner.len()],
            state.longest(),
            state.length()
        )
    }
}

/// What the columns draw with, at the right end of the heading; before it, which columns are in sight.
fn draws(
    state: &State,
    (seen, count, first): (u16, u16, u16),
    (heading, x): (Rect, u16),
    look: Look<'_>,
    buffer: &mut Buffer,
) {
    let text = match (state.shared(), state.shared_draw()) {
        (Some(seed), Some(u)) => {
            [format!("one draw for all: u = {u:.4} {} seed {seed}", look.signs().dot), format!("all: u = {u:.4}")]
        }
        _ => ["each column draws for itself".to_owned(), "own draws".to_owned()],
    };
    let part =
        if seen < count { format!("columns {}-{} of {count}, ", first + 1, first + seen) } else { String::new() };
    let forms = [format!("{part}{}", text[0]), format!("{part}{}", text[1]), text[1].clone()];
    let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
    paint::note(buffer, heading, x, &forms, look);
}

/// Step numbers and labels.
fn gutter(bands: &Bands, window: &Window, look: Look<'_>, buffer: &mut Buffer) {
    let muted = look.style(Role::Muted);
    let end = bands.tokens.right().saturating_sub(1);
    for (y, step) in (bands.tokens.y..bands.tokens.bottom()).zip(window.steps()) {
        let here = step == window.step();
        let style = if here { look.style(Role::Selected) } else { muted };
        if here {
            let cells = usize::from(bands.tokens.width);
            put(buffer, bands.tokens.x, y, &" ".repeat(cells), cells, style);
            put(buffer, bands.tokens.x, y, look.signs().selected, 1, style);
        }
        put_right(buffer, end, y, &format!("{}{}", if here { "step " } else { "" }, step + 1), style);
    }
    for (band, name) in [(bands.text, "text"), (bands.top, "candidates")] {
        if !band.is_empty() {
            let y = band.y + u16::from(band == bands.top);
            put(buffer, band.x, y, name, usize::from(GUTTER) - 1, muted);
        }
    }
    let mut labels =
        vec![String::new(), format!("{} log p", look.signs().sum), "mean".to_owned(), "perplexity".to_owned()];
    if bands.totals.height < 5 {
        labels = labels.split_off(1);
    }
    for (y, label) in (bands.totals.y..bands.totals.bottom()).zip(labels) {
        put(buffer, bands.totals.x, y, &label, usize::from(GUTTER) - 1, muted);
    }
    put(buffer, bands.title.x, bands.title.y, "strategy", usize::from(GUTTER) - 1, muted);
    if bands.title.height >= 3 {
        put(buffer, bands.title.x, bands.title.y + 1, "chain", usize::from(GUTTER) - 1, muted);
    }
}
