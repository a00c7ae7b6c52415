//! How far a download is: a line at the bottom of the view, while it goes on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::glyph;
use crate::model::size::{human, human_time};
use crate::model::{Download, Opening};
use crate::ui::app::App;
use crate::ui::paint::{put, put_glyphs, put_right, wipe};
use crate::ui::theme::Role;

/// Cells of the bar.
const BAR: u16 = 20;

/// Draws the line, if there is something to tell.
pub fn render(app: &App, body: Rect, buffer: &mut Buffer) {
    let Some(Opening::Downloading(download)) = app.progress() else { return };
    let look = app.look();
    let line = Rect { y: body.bottom().saturating_sub(1), height: body.height.min(1), ..body };
    let ground = look.style(Role::Overlay);
    wipe(buffer, line, ground);
    let stop = put_right(
        buffer,
        line.right().saturating_sub(1),
        line.y,
        "Esc stops",
        ground.patch(look.style(Role::Key).bg(ground.bg.unwrap_or_default())),
    );
    let share = (download.done as f64 / download.total.max(1) as f64).clamp(0.0, 1.0);
    let x = line.x + 1;
    let bar = BAR.min(line.width / 4);
    let full = (share * f64::from(bar) * 8.0).round() as usize;
    let style = look.style(Role::BarModel).bg(look.style(Role::Input).bg.unwrap_or_default());
    for cell in 0..bar {
        let eighths = full.saturating_sub(usize::from(cell) * 8).min(8);
        let sign = if eighths == 0 { " " } else { look.signs().eighths[eighths - 1] };
        put(buffer, x + cell, line.y, sign, 1, style);
    }
    let dot = look.signs().dot;
    let text = figures(download, share).join(&format!(" {dot} "));
    let x = x + bar + 1;
    let room = |x: u16| usize::from(stop.saturating_sub(x + 1));
    let x = put(buffer, x, line.y, &text, room(x), ground) + 2;
    let file = glyph::plain(&download.file, look.charset);
    if glyph::width(&file) <= room(x) {
        put_glyphs(buffer, x, line.y, &file, room(x), look, ground);
    }
}

/// How far, how fast, how long.
fn figures(download: &Download, share: f64) -> Vec<String> {
    let mut figures = vec![format!("{:.0}% of {}", (100.0 * share).floor(), human(download.total))];
    figures.extend(download.bytes_per_second.map(|speed| format!("{}/s", human(speed as u64))));
    figures.extend(download.seconds_left().map(|seconds| format!("{} left", human_time(seconds))));
    figures
}
