//! A screen as rows of symbols with the colours that are seen: what all pictures are drawn from.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// A screen, and the colours that it leaves to the terminal.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What is on the screen.
    pub buffer: Buffer,
    /// Colour of text whose colour the terminal decides.
    pub foreground: Rgb,
    /// The same of backgrounds.
    pub background: Rgb,
}

/// One drawn symbol of a row.
pub(super) struct Placed<'a> {
    pub x: u16,
    pub cells: u16,
    pub symbol: &'a str,
    pub fg: Rgb,
    pub bg: Rgb,
    pub modifier: Modifier,
}

/// The symbols of a row, from left to right; together they cover it.
pub(super) struct Row<'a> {
    pub y: u16,
    pub placed: Vec<Placed<'a>>,
}

impl Picture {
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.buffer.area.height).map(|y| self.row(y))
    }

    fn row(&self, y: u16) -> Row<'_> {
        let area = self.buffer.area;
        let mut placed = Vec::new();
        let mut x = 0;
        while x < area.width {
            let Some(cell) = self.buffer.cell((area.x + x, area.y + y)) else { break };
            let (fg, bg) = self.colours(cell);
            let cells = (cell.symbol().width().max(1) as u16).min(area.width - x);
            placed.push(Placed { x, cells, symbol: cell.symbol(), fg, bg, modifier: cell.modifier });
            x += cells;
        }
        Row { y, placed }
    }

    /// Text and background colour as they are seen.
    fn colours(&self, cell: &Cell) -> (Rgb, Rgb) {
        let fg = fixed(cell.fg).unwrap_or(self.foreground);
        let bg = fixed(cell.bg).unwrap_or(self.background);
        let (mut fg, bg) = if cell.modifier.contains(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) };
        if cell.modifier.contains(Modifier::DIM) {
            for (channel, under) in fg.iter_mut().zip(bg) {
                *channel = ((2 * u16::from(*channel) + u16::from(under)) / 3) as u8;
            }
        }
        (fg, bg)
    }
}

/// Red, green and blue of a colour; `None` where the terminal decides.
fn fixed(colour: Color) -> Option<Rgb> {
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
