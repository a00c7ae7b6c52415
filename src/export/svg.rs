//! A screen as SVG: a fixed grid of cells, text in runs of one style, bars and frames as rectangles.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::boxes;

/// What a buffer does not say of itself.
#[derive(Clone, Debug)]
pub struct SvgOptions {
    /// What the picture shows, for those who can't see it.
    pub title: String,
    /// Colour of text whose colour the terminal decides.
    pub foreground: [u8; 3],
    /// The same of backgrounds.
    pub background: [u8; 3],
}

const CELL_WIDTH: f64 = 9.6;
const CELL_HEIGHT: f64 = 21.0;
const BASELINE: f64 = 15.5;
const MARGIN: f64 = 12.0;
const FONTS: &str =
    "'JetBrains Mono','Cascadia Mono','SF Mono',Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";

/// The buffer as an SVG document.
#[must_use]
pub fn svg(buffer: &Buffer, options: &SvgOptions) -> String {
    let width = f64::from(buffer.area.width) * CELL_WIDTH + 2.0 * MARGIN;
    let height = f64::from(buffer.area.height) * CELL_HEIGHT + 2.0 * MARGIN;
    let mut page = Page { out: String::new(), options };
    let _ = writeln!(
        page.out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xml:space=\"preserve\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\">\n\
         <title>{title}</title>\n\
         <style>text{{font:16px {FONTS};white-space:pre;unicode-bidi:bidi-override}}.b{{font-weight:700}}.i{{font-style:italic}}</style>\n\
         <rect width=\"{w}\" height=\"{h}\" rx=\"8\" fill=\"{ground}\"/>",
        w = number(width),
        h = number(height),
        title = escape(&options.title),
        ground = hex(options.background),
    );
    for y in 0..buffer.area.height {
        let row = Row::read(buffer, y, &page);
        page.backgrounds(&row);
        page.symbols(&row);
    }
    page.out.push_str("</svg>\n");
    page.out
}

/// One drawn symbol of a row.
struct Placed<'a> {
    x: u16,
    cells: u16,
    symbol: &'a str,
    fg: [u8; 3],
    bg: [u8; 3],
    modifier: Modifier,
}

struct Row<'a> {
    y: u16,
    placed: Vec<Placed<'a>>,
}

impl<'a> Row<'a> {
    fn read(buffer: &'a Buffer, y: u16, page: &Page<'_>) -> Self {
        let mut placed = Vec::new();
        let mut x = 0;
        while x < buffer.area.width {
            let Some(cell) = buffer.cell((buffer.area.x + x, buffer.area.y + y)) else { break };
            let (fg, bg) = page.colours(cell);
            let cells = (cell.symbol().width().max(1) as u16).min(buffer.area.width - x);
            placed.push(Placed { x, cells, symbol: cell.symbol(), fg, bg, modifier: cell.modifier });
            x += cells;
        }
        Self { y, placed }
    }
}

struct Page<'a> {
    out: String,
    options: &'a SvgOptions,
}

impl Page<'_> {
    /// Text and background colour as they are seen.
    fn colours(&self, cell: &Cell) -> ([u8; 3], [u8; 3]) {
        let fg = fixed(cell.fg).unwrap_or(self.options.foreground);
        let bg = fixed(cell.bg).unwrap_or(self.options.background);
        let (mut fg, bg) = if cell.modifier.contains(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) };
        if cell.modifier.contains(Modifier::DIM) {
            for (channel, under) in fg.iter_mut().zip(bg) {
                *channel = ((2 * u16::from(*channel) + u16::from(under)) / 3) as u8;
            }
        }
        (fg, bg)
    }

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
                self.rect(x, y, [0.0, 0.87, cells, 0.06], first.fg);
            }
            if first.modifier.contains(Modifier::CROSSED_OUT) {
                self.rect(x, y, [0.0, 0.5, cells, 0.06], first.fg);
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
    fn rect(&mut self, x: f64, y: f64, [left, top, width, height]: boxes::Part, fill: [u8; 3]) {
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
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Red, green and blue of a colour; `None` where the terminal decides.
fn fixed(colour: Color) -> Option<[u8; 3]> {
    const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];
    Some(match colour {
        Color::Reset => return None,
        Color::Rgb(red, green, blue) => [red, green, blue],
        Color::Indexed(index @ 16..232) => {
            let index = usize::from(index - 16);
            [CUBE[index / 36], CUBE[index / 6 % 6], CUBE[index % 6]]
        }
        Color::Indexed(index @ 232..) => [8 + (index - 232) * 10; 3],
        Color::Black | Color::Indexed(0) => [0, 0, 0],
        Color::Red | Color::Indexed(1) => [205, 0, 0],
        Color::Green | Color::Indexed(2) => [0, 205, 0],
        Color::Yellow | Color::Indexed(3) => [205, 205, 0],
        Color::Blue | Color::Indexed(4) => [0, 0, 238],
        Color::Magenta | Color::Indexed(5) => [205, 0, 205],
        Color::Cyan | Color::Indexed(6) => [0, 205, 205],
        Color::Gray | Color::Indexed(7) => [229, 229, 229],
        Color::DarkGray | Color::Indexed(8) => [127, 127, 127],
        Color::LightRed | Color::Indexed(9) => [255, 0, 0],
        Color::LightGreen | Color::Indexed(10) => [0, 255, 0],
        Color::LightYellow | Color::Indexed(11) => [255, 255, 0],
        Color::LightBlue | Color::Indexed(12) => [92, 92, 255],
        Color::LightMagenta | Color::Indexed(13) => [255, 0, 255],
        Color::LightCyan | Color::Indexed(14) => [0, 255, 255],
        Color::White | Color::Indexed(15) => [255, 255, 255],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{layout::Rect, style::Style};

    fn picture(text: &str, style: Style) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        buffer.set_string(0, 0, text, style);
        let options = SvgOptions { title: "a & b".into(), foreground: [255; 3], background: [0; 3] };
        svg(&buffer, &options)
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
