//! Draws the state. Nothing here changes it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::app::App;
use super::layout::{Areas, SMALLEST};
use super::paint::put;
use super::panels::{chain, detail, distribution, footer, header, overlays, strip, text};
use super::theme::Role;

/// Draws the whole screen. Returns where the terminal's cursor belongs, if anywhere.
pub fn view(app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
    let screen = screen.intersection(buffer.area);
    buffer.set_style(screen, app.look().style(Role::Base));
    let Some(areas) = Areas::of(screen) else {
        too_small(app, screen, buffer);
        return None;
    };
    header::render(app, areas.header, buffer);
    text::render(app, areas.text, buffer);
    distribution::render(app, areas.list, buffer);
    chain::render(app, areas.chain, buffer);
    detail::render(app, areas.detail, buffer);
    strip::render(app, areas.strip, buffer);
    let cursor =
        app.overlays().iter().map(|overlay| overlays::render(app, overlay, screen, buffer)).next_back().flatten();
    footer::render(app, areas.footer, buffer);
    cursor
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
