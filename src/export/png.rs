//! A screen as PNG: the grid of the SVG in pixels, with letters from fonts inside the program.

use std::collections::BTreeMap;

use ratatui::style::Modifier;

use super::boxes;
use super::canvas::{Canvas, Pen};
use super::font::{ADVANCE, Bitmap, Face, Faces, Shape};
use super::picture::{Picture, Placed, Rgb};

/// Pixels of a cell: large enough for slides and for paper.
const CELL: [i32; 2] = [20, 44];
const MARGIN: i32 = 26;
const BASELINE: i32 = 33;
const SIZE: f32 = CELL[0] as f32 / ADVANCE;
/// Of the digits in the box of a character that no font has.
const SMALL: f32 = 14.0;
const MOST_PIXELS: usize = 1 << 26;

/// Why there is no PNG.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// Too large to hold in memory.
    #[error("a PNG of {0}x{1} pixels is too large: take a smaller screen, or SVG")]
    Size(usize, usize),
    /// A font inside the program is broken.
    #[error("font: {0}")]
    Font(&'static str),
    /// The encoder failed.
    #[error("PNG: {0}")]
    Encoding(#[from] png::EncodingError),
}

/// The picture as a PNG file, 8 bits of red, green and blue a pixel. The same picture gives the same bytes.
///
/// # Errors
/// More than 2^26 pixels.
pub fn png(picture: &Picture) -> Result<Vec<u8>, PngError> {
    let area = picture.buffer.area;
    let [width, height] = corner(area.width, area.height).map(|end| (end + MARGIN) as usize);
    if width * height > MOST_PIXELS {
        return Err(PngError::Size(width, height));
    }
    let faces = Faces::get().map_err(PngError::Font)?;
    let mut painter = Painter { canvas: Canvas::new(width, height, picture.background), faces, drawn: BTreeMap::new() };
    for row in picture.rows() {
        // All backgrounds first: a slanted letter may reach into the next cell.
        for placed in &row.placed {
            painter.part(placed, row.y, [0.0, 0.0, f64::from(placed.cells), 1.0], placed.bg);
        }
        for placed in &row.placed {
            painter.symbol(placed, row.y);
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(painter.canvas.bytes())?;
    writer.finish()?;
    Ok(file)
}

struct Painter<'a> {
    canvas: Canvas,
    faces: &'a Faces,
    /// Shapes that have been drawn, by size in pixels.
    drawn: BTreeMap<(Shape, u32), Bitmap>,
}

impl Painter<'_> {
    fn symbol(&mut self, placed: &Placed<'_>, y: u16) {
        let cells = f64::from(placed.cells);
        if placed.modifier.contains(Modifier::UNDERLINED) {
            self.part(placed, y, boxes::underline(cells), placed.fg);
        }
        if placed.modifier.contains(Modifier::CROSSED_OUT) {
            self.part(placed, y, boxes::strike(cells), placed.fg);
        }
        if let Some(parts) = boxes::parts(placed.symbol, f64::from(CELL[1]) / f64::from(CELL[0])) {
            for part in parts {
                self.part(placed, y, part, placed.fg);
            }
            return;
        }
        let face = if placed.modifier.contains(Modifier::BOLD) { Face::Bold } else { Face::Regular };
        let shapes: Result<Vec<_>, char> =
            placed.symbol.chars().map(|character| self.faces.shape(character, face).ok_or(character)).collect();
        match shapes {
            Ok(shapes) => self.letters(placed, y, &shapes),
            Err(unknown) => self.code(placed, y, unknown),
        }
    }

    fn letters(&mut self, placed: &Placed<'_>, y: u16, shapes: &[Shape]) {
        let [left, top] = corner(placed.x, y);
        let italic = placed.modifier.contains(Modifier::ITALIC);
        let mut pen = Pen { x: left, baseline: top + BASELINE, colour: placed.fg, italic };
        for &shape in shapes {
            let advance = self.stamp(shape, SIZE, pen);
            if shape.face == Face::Symbols && placed.modifier.contains(Modifier::BOLD) {
                self.stamp(shape, SIZE, Pen { x: pen.x + 1, ..pen });
            }
            // Accents don't move the pen, and lie to the left of it.
            pen.x += advance.round() as i32;
        }
    }

    fn stamp(&mut self, shape: Shape, size: f32, pen: Pen) -> f32 {
        let faces = self.faces;
        let bitmap = self.drawn.entry((shape, size as u32)).or_insert_with(|| faces.draw(shape, size));
        self.canvas.stamp(bitmap, pen);
        bitmap.advance
    }

    /// A box with the code point of a character that no font has, in two rows of digits.
    fn code(&mut self, placed: &Placed<'_>, y: u16, character: char) {
        let [left, top] = corner(placed.x, y);
        let [right, bottom] = corner(placed.x + placed.cells, y + 1);
        let [l, t, r, b] = [left + 1, top + 6, right - 1, bottom - 6];
        for side in [[l, t, r, t + 1], [l, b - 1, r, b], [l, t, l + 1, b], [r - 1, t, r, b]] {
            self.canvas.fill(side, placed.fg);
        }
        let digits = format!("{:04X}", character as u32);
        let middle = digits.len().div_ceil(2);
        let step = SMALL * ADVANCE;
        for (line, digits) in (0..).zip([&digits[..middle], &digits[middle..]]) {
            let start = (l + r) as f32 / 2.0 - step * digits.len() as f32 / 2.0;
            for (place, digit) in digits.chars().enumerate() {
                let Some(shape) = self.faces.shape(digit, Face::Regular) else { continue };
                let x = (start + step * place as f32).round() as i32;
                let baseline = t + 14 + 15 * line;
                self.stamp(shape, SMALL, Pen { x, baseline, colour: placed.fg, italic: false });
            }
        }
    }

    /// A rectangle in units of cells. Edges are rounded, not sizes: what touches in cells touches in pixels.
    fn part(&mut self, placed: &Placed<'_>, y: u16, [left, top, width, height]: boxes::Part, colour: Rgb) {
        let origin = corner(placed.x, y);
        let pixel = |axis: usize, cells: f64| origin[axis] + (cells * f64::from(CELL[axis])).round() as i32;
        let [x, y] = [pixel(0, left), pixel(1, top)];
        let [right, bottom] = [pixel(0, left + width).max(x + 1), pixel(1, top + height).max(y + 1)];
        self.canvas.fill([x, y, right, bottom], colour);
    }
}

/// The upper left pixel of a cell.
fn corner(x: u16, y: u16) -> [i32; 2] {
    [MARGIN + i32::from(x) * CELL[0], MARGIN + i32::from(y) * CELL[1]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Style};

    const INK: Rgb = [250, 200, 100];
    const LEFT: usize = MARGIN as usize;
    const WIDE: usize = CELL[0] as usize;
    const HIGH: usize = CELL[1] as usize;

    fn picture(text: &str, style: Style) -> Picture {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 2));
        buffer.set_string(0, 0, text, style);
        buffer.set_string(0, 1, text, style);
        Picture { buffer, foreground: INK, background: [10, 20, 30] }
    }

    /// Width, height, and the pixels row by row.
    fn decoded(file: &[u8]) -> (usize, usize, Vec<Rgb>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let pixels = bytes.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        (info.width as usize, info.height as usize, pixels)
    }

    #[test]
    fn the_same_picture_gives_the_same_bytes() {
        let picture = picture("aβ␣世e\u{301}", Style::new().add_modifier(Modifier::BOLD | Modifier::ITALIC));
        assert_eq!(png(&picture).unwrap(), png(&picture).unwrap());
    }

    #[test]
    fn lines_and_blocks_join_from_cell_to_cell() {
        for (text, column) in [("││", 10), ("██", 3), ("┼┼", 10)] {
            let (width, _, pixels) = decoded(&png(&picture(text, Style::new())).unwrap());
            for y in LEFT..LEFT + 2 * HIGH {
                assert_eq!(pixels[y * width + LEFT + column], INK, "{text} at {y}");
            }
        }
        let (width, _, pixels) = decoded(&png(&picture("─┬┼╮", Style::new())).unwrap());
        let middle = LEFT + HIGH / 2;
        assert!(pixels[middle * width + LEFT..][..3 * WIDE + 10].iter().all(|pixel| *pixel == INK));
    }

    #[test]
    fn every_symbol_leaves_ink_in_its_cells_and_blanks_leave_none() {
        let inked = |text: &str| {
            let (width, height, pixels) = decoded(&png(&picture(text, Style::new().fg(Color::White))).unwrap());
            assert_eq!((width, height), (6 * WIDE + 2 * LEFT, 2 * HIGH + 2 * LEFT));
            pixels.iter().filter(|pixel| **pixel != [10, 20, 30]).count()
        };
        assert_eq!(inked("      "), 0);
        for symbol in ["a", "␣", "世", "🚀", "e\u{301}", "⠋", "▌", "─"] {
            assert!(inked(symbol) > 10, "{symbol}");
        }
        assert!(inked("e\u{301}") > inked("e"));
    }

    #[test]
    fn a_screen_that_is_too_large_is_refused() {
        let buffer = Buffer::empty(Rect::new(0, 0, 1000, 1000));
        let error = png(&Picture { buffer, foreground: INK, background: [0; 3] }).unwrap_err();
        assert_eq!(error.to_string(), "a PNG of 20052x44052 pixels is too large: take a smaller screen, or SVG");
    }
}
