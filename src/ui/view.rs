//! Draws the state. Nothing here changes it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::app::App;
use super::layout::{Frame, SMALLEST};
use super::paint::put;
use super::panels::{footer, header, opening};
use super::theme::Role;

/// Draws the whole screen. Returns where the terminal's cursor belongs, if anywhere.
pub fn view(app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
    let screen = screen.intersection(buffer.area);
    buffer.set_style(screen, app.look().style(Role::Base));
    let Some(frame) = Frame::of(screen) else {
        too_small(app, screen, buffer);
        return None;
    };
    header::render(app, frame.header, buffer);
    let in_view = if app.is_presenting() {
        (app.view().row().present)(app, frame.body, buffer);
        None
    } else {
        (app.view().row().render)(app, frame.body, buffer)
    };
    opening::render(app, frame.body, buffer);
    let in_window = app.overlays().iter().map(|overlay| overlay.render(app, screen, buffer)).next_back();
    // The lecture's own hints stand in the place of all keys, unless there is something to tell.
    if !app.is_presenting() || app.notice().is_some() || !app.overlays().is_empty() {
        footer::render(app, frame.footer, buffer);
    }
    in_window.unwrap_or(in_view)
}

fn too_small(app: &App, screen: Rect, buffer: &mut Buffer) {
    let (width, height) = SMALLEST;
    let lines = [
        format!("logitscope needs {width}x{height} cells;"),
        format!("here are {}x{}.", screen.width, screen.height),
        "Enlarge the window, or q to leave.".to_owned(),
    ];
    for (y, line) in (screen.top()..screen.bottom()).zip(&lines) {
        put(buffer, screen.x, y, line, screen.width.into(), app.look().style(Role::Base));
    }
}
