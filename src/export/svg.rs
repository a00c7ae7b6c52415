//! A screen as SVG: a fixed grid of cells, text in runs of one style, bars and frames as rectangles.

use std::fmt::Write;

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::boxes;
use super::picture::{Picture, Placed, Rgb, Row};

const CELL_WIDTH: f64 = 9.6;
const CELL_HEIGHT: f64 = 21.0;
const BASELINE: f64 = 15.5;
const MARGIN: f64 = 12.0;
const FONTS: &str =
    "'JetBrains Mono','Cascadia Mono','SF Mono',Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";

/// The picture as an SVG document; the title is for those who can't see it.
#[must_use]
pub fn svg(picture: &Picture, title: &str) -> String {
    let mut out = opening(picture.buffer.area, title, "");
    out.extend(drawing(picture));
    out.push_str("</svg>\n");
    out
}

/// All that stands before the drawing of a screen of this size.
pub(super) fn opening(area: Rect, title: &str, style: &str) -> String {
    let [w, h] = size(area).map(number);
    let title = escape(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xml:space=\"preserve\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\">\n\
         <title>{title}</title>\n\
         <style>text{{font:16px {FONTS};white-space:pre;unicode-bidi:bidi-override}}.b{{font-weight:700}}.i{{font-style:italic}}{style}</style>\n",
    )
}

/// The ground and each row, as elements.
pub(super) fn drawing(picture: &Picture) -> Vec<String> {
    let [w, h] = size(picture.buffer.area).map(number);
    let ground = format!("<rect width=\"{w}\" height=\"{h}\" rx=\"8\" fill=\"{}\"/>\n", hex(picture.background));
    let rows = picture.rows().map(|row| {
        let mut page = Page::default();
        page.backgrounds(&row);
        page.symbols(&row);
        page.out
    });
    std::iter::once(ground).chain(rows).collect()
}

fn size(area: Rect) -> [f64; 2] {
    [f64::from(area.width) * CELL_WIDTH + 2.0 * MARGIN, f64::from(area.height) * CELL_HEIGHT + 2.0 * MARGIN]
}

#[derive(Default)]
struct Page {
    out: String,
}

impl Page {
    fn backgrounds(&mut self, row: &Row<'_>) {
        for run in row.placed.chunk_by(|a, b| a.bg == b.bg) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let cells = last.x + last.cells - first.x;
            self.rect(f64::from(first.x), f64::from(row.y), [0.0, 0.0, f64::from(cells), 1.0], first.bg);
        }
    }

    fn symbols(&mut self, row: &Row<'_>) {
        for run in row.placed.chunk_by(|a, b| same_run(a, b)) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let (x, y) = (f64::from(first.x), f64::from(row.y));
            let cells = f64::from(last.x + last.cells - first.x);
            if first.modifier.contains(Modifier::UNDERLINED) {
                self.rect(x, y, boxes::underline(cells), first.fg);
            }
            if first.modifier.contains(Modifier::CROSSED_OUT) {
                self.rect(x, y, boxes::strike(cells), first.fg);
            }
            if let Some(parts) = boxes::parts(first.symbol, CELL_HEIGHT / CELL_WIDTH) {
                for [left, top, width, height] in parts {
                    // A run of the same full-width symbol is one rectangle.
                    let width = if run.len() > 1 { cells } else { width };
                    self.rect(x, y, [left, top, width, height], first.fg);
                }
            } else {
                self.text(run, x, y, cells);
            }
        }
    }

    fn text(&mut self, run: &[Placed<'_>], x: f64, y: f64, cells: f64) {
        let text: String = run.iter().map(|placed| placed.symbol).collect();
        // Renderers disagree on blanks at the ends of a text, and most of them draw nothing for it anyway.
        let indent = text.len() - text.trim_start_matches(' ').len();
        let (x, cells) = (x + indent as f64, cells - (text.len() - text.trim_matches(' ').len()) as f64);
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return;
        }
        let modifier = run[0].modifier;
        let class = match (modifier.contains(Modifier::BOLD), modifier.contains(Modifier::ITALIC)) {
            (true, true) => " class=\"b i\"",
            (true, false) => " class=\"b\"",
            (false, true) => " class=\"i\"",
            (false, false) => "",
        };
        let _ = writeln!(
            self.out,
            "<text x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{class}>{}</text>",
            number(MARGIN + x * CELL_WIDTH),
            number(MARGIN + y * CELL_HEIGHT + BASELINE),
            number(cells * CELL_WIDTH),
            hex(run[0].fg),
            escape(text),
        );
    }

    /// A rectangle in units of cells, relative to a cell.
    fn rect(&mut self, x: f64, y: f64, [left, top, width, height]: boxes::Part, fill: Rgb) {
        let _ = writeln!(
            self.out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" shape-rendering=\"crispEdges\"/>",
            number(MARGIN + (x + left) * CELL_WIDTH),
            number(MARGIN + (y + top) * CELL_HEIGHT),
            number(width * CELL_WIDTH),
            number(height * CELL_HEIGHT),
            hex(fill),
        );
    }
}

/// Whether two neighbours are drawn by one element. Symbols outside of ASCII stand alone: a fallback font's other widths
/// must not move what follows.
fn same_run(a: &Placed<'_>, b: &Placed<'_>) -> bool {
    let style = a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier;
    let bars = a.symbol == b.symbol && matches!(a.symbol, "█" | "─" | "▀" | "▁" | "▂" | "▃" | "▄" | "▅" | "▆" | "▇");
    style && (bars || a.symbol.is_ascii() && b.symbol.is_ascii())
}

/// A number with at most two decimals and none that say nothing.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{
        buffer::Buffer,
        style::{Color, Style},
    };

    fn picture(text: &str, style: Style) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        buffer.set_string(0, 0, text, style);
        svg(&Picture { buffer, foreground: [255; 3], background: [0; 3] }, "a & b")
    }

    #[test]
    fn runs_of_text_keep_to_the_grid() {
        let out = picture("a<b世", Style::new().fg(Color::Rgb(1, 2, 3)));
        assert!(out.contains("<title>a &amp; b</title>"));
        assert!(
            out.contains("textLength=\"28.8\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#010203\">a&lt;b</text>"),
            "{out}"
        );
        assert!(out.contains("<text x=\"40.8\" y=\"27.5\" textLength=\"19.2\""), "{out}");
        assert!(out.ends_with("</svg>\n"));
    }

    #[test]
    fn bars_are_rectangles() {
        let out = picture("██▌", Style::new().fg(Color::Red));
        assert!(out.contains("<rect x=\"12\" y=\"12\" width=\"19.2\" height=\"21\" fill=\"#cd0000\""), "{out}");
        assert!(out.contains("<rect x=\"31.2\" y=\"12\" width=\"4.8\" height=\"21\" fill=\"#cd0000\""), "{out}");
        assert!(!out.contains("█"));
    }

    #[test]
    fn reverse_video_swaps_colours() {
        let out = picture("x", Style::new().fg(Color::Red).add_modifier(Modifier::REVERSED));
        assert!(out.contains("width=\"9.6\" height=\"21\" fill=\"#cd0000\""), "{out}");
    }
}
