//! Lines being typed: the prompt, the completions.

use super::refresh;
use super::state::MOST;
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::overlays::Line;

/// Opens the selected line.
pub fn selected(app: &mut App) -> Vec<Effect> {
    let state = &app.views.score;
    let line = state.selected();
    let text = match line.checked_sub(1) {
        None => state.prompt(app).to_owned(),
        Some(index) => state.completions().get(index).cloned().unwrap_or_default(),
    };
    edit(app, line, text)
}

/// Opens an empty line for another completion.
pub fn new(app: &mut App) -> Vec<Effect> {
    let count = app.views.score.completions().len();
    if count >= MOST {
        return app.inform(&format!("here are {MOST} completions already: Del takes the selected one away"));
    }
    edit(app, count + 1, " ".to_owned())
}

fn edit(app: &mut App, line: usize, text: String) -> Vec<Effect> {
    let (title, hint) = match line {
        0 => ("What stands before the completions".to_owned(), "no space at its end: that belongs to the completions"),
        line => (format!("Completion {line}"), "a word begins with its space"),
    };
    let check = |text: &str| if text.is_empty() { Err("it is empty: give it some text".to_owned()) } else { Ok(()) };
    app.open(Line::new(title, (text, hint), check, move |app, text| {
        app.views.score.set(line, text.to_owned());
        Ok(refresh(app))
    }))
}
