//! The lines of a page: a pure function of the page, what was answered and the size, so that state and picture agree on it.

use ratatui::layout::Rect;

use super::reading::{Attempt, Reading};
use crate::glyph::{self, Charset};
use crate::lesson::{Answer, Block, Picture};
use crate::ui::panels::picture::{Drawing, printable};
use crate::ui::theme::Role;

/// The widest line of text that reads well.
const WIDEST_TEXT: u16 = 88;
/// From this width on pictures stand beside the text.
const BESIDE: u16 = 150;
/// Cells between text and pictures.
const GUTTER: u16 = 4;
/// Cells before a line, for marks.
const INDENT: u16 = 2;

/// A line of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// Nothing.
    Blank,
    /// Text.
    Text(String, Role),
    /// The line above a question.
    Asking,
    /// A line of a choice.
    Choice {
        /// Which one, from 0.
        index: usize,
        /// What it says.
        text: String,
        /// Whether it is the choice's first line.
        first: bool,
    },
    /// A line of a picture.
    Picture {
        /// Which of the page's pictures, from 0.
        picture: usize,
        /// Which line of it.
        line: usize,
    },
}

/// A page as it lies on a screen.
pub struct Flow<'a> {
    /// Text, and where there is one column pictures too.
    pub(super) left: Vec<Line>,
    /// Pictures beside the text; empty where there is one column.
    pub(super) right: Vec<Line>,
    /// The pictures that the lines speak of, fitted into their column.
    pub(super) drawings: Vec<Drawing<'a>>,
    /// Lines that can be seen.
    pub(super) rows: usize,
    /// Columns of the text and of the pictures.
    pub(super) widths: (u16, u16),
}

impl<'a> Flow<'a> {
    pub(super) fn new(reading: &'a Reading, body: Rect, charset: Charset) -> Self {
        let (text, pictures) = widths(body.width);
        let (page, _) = reading.page();
        let question = page.question.as_ref();
        let answered = question.filter(|_| reading.attempt() != Attempt::None);
        let shown: Vec<&Picture> =
            page.pictures.iter().chain(answered.into_iter().flat_map(|question| &question.pictures)).collect();
        let room = if pictures > 0 { pictures } else { body.width.min(WIDEST_TEXT + GUTTER) };
        let drawings = shown.iter().map(|picture| Drawing::new(picture, room, charset)).collect();
        // Two lines for the heading and one below it.
        let rows = usize::from(body.height.saturating_sub(2));
        let mut flow = Self { left: Vec::new(), right: Vec::new(), drawings, rows, widths: (text, pictures) };
        let writer = Writer { width: usize::from(text - INDENT), charset };
        writer.blocks(&page.text, Role::Base, &mut flow.left);
        flow.pictures(0..page.pictures.len());
        if let Some(question) = question {
            flow.left.extend([Line::Blank, Line::Asking]);
            writer.blocks(&question.ask, Role::Strong, &mut flow.left);
            flow.left.push(Line::Blank);
            writer.answer(&question.answer, reading, &mut flow.left);
        }
        if let Some(question) = answered {
            flow.left.push(Line::Blank);
            writer.blocks(&question.because, Role::Base, &mut flow.left);
            flow.pictures(page.pictures.len()..flow.drawings.len());
        }
        flow
    }

    /// Pictures stand beside the text where there is room, else below it.
    fn pictures(&mut self, which: std::ops::Range<usize>) {
        let column = if self.widths.1 > 0 { &mut self.right } else { &mut self.left };
        for picture in which {
            if !column.is_empty() {
                column.push(Line::Blank);
            }
            column.extend((0..self.drawings[picture].height()).map(|line| Line::Picture { picture, line }));
        }
    }

    /// How far it can be scrolled.
    pub(super) fn most(&self) -> usize {
        self.left.len().max(self.right.len()).saturating_sub(self.rows)
    }
}

/// Columns of text and of pictures beside it; none where they stand below.
fn widths(body: u16) -> (u16, u16) {
    if body >= BESIDE {
        let text = WIDEST_TEXT + INDENT;
        return (text, (body - text - GUTTER).min(WIDEST_TEXT));
    }
    (body.clamp(INDENT + 3, WIDEST_TEXT + INDENT), 0)
}

/// Breaks text into lines.
struct Writer {
    width: usize,
    charset: Charset,
}

impl Writer {
    fn blocks(&self, blocks: &[Block], role: Role, lines: &mut Vec<Line>) {
        for (index, block) in blocks.iter().enumerate() {
            if index > 0 && block.stands_apart_from(&blocks[index - 1]) {
                lines.push(Line::Blank);
            }
            self.block(block, role, lines);
        }
    }

    fn block(&self, block: &Block, role: Role, lines: &mut Vec<Line>) {
        let text = printable(block.text(), self.charset);
        let (first, other, width, role) = match block {
            Block::Paragraph(_) => ("", "", self.width, role),
            Block::Item(_) => (if self.charset == Charset::Ascii { "* " } else { "• " }, "  ", self.width - 2, role),
            Block::Formula(_) => {
                let cut = glyph::cut(&glyph::plain(&text, Charset::Unicode), self.width - 2, self.charset);
                return lines.push(Line::Text(format!("  {cut}"), Role::Strong));
            }
        };
        for (index, line) in glyph::wrap(&text, width).into_iter().enumerate() {
            lines.push(Line::Text(format!("{}{line}", if index == 0 { first } else { other }), role));
        }
    }

    /// The choices, or what is to be typed; and what became of it.
    fn answer(&self, answer: &Answer, reading: &Reading, lines: &mut Vec<Line>) {
        match answer {
            Answer::Choice { choices, .. } => {
                for (index, choice) in choices.iter().enumerate() {
                    let wrapped = glyph::wrap(&printable(choice, self.charset), self.width.saturating_sub(4));
                    let line = |(line, text)| Line::Choice { index, text, first: line == 0 };
                    lines.extend(wrapped.into_iter().enumerate().map(line));
                }
            }
            Answer::Number { .. } if reading.attempt() == Attempt::None => {
                lines.push(Line::Text("Enter to type a number, r to see it.".into(), Role::Muted));
            }
            Answer::Number { .. } => {}
        }
        let right = match answer {
            Answer::Number { shown, .. } => printable(shown, self.charset),
            Answer::Choice { right, .. } => format!("number {}", right + 1),
        };
        let (text, role) = match reading.attempt() {
            Attempt::None => return,
            Attempt::Revealed => (format!("It is {right}."), Role::Chosen),
            _ if reading.is_right(reading.page().1 - 1) => (format!("Right: it is {right}."), Role::Chosen),
            Attempt::Typed(number) => (format!("You said {number}. It is {right}."), Role::Tag),
            Attempt::Chose(_) => (format!("Not so: it is {right}."), Role::Tag),
        };
        if matches!(answer, Answer::Choice { .. }) {
            lines.push(Line::Blank);
        }
        lines.push(Line::Text(text, role));
    }
}
