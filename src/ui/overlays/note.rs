//! Some lines to read.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::window::window;
use super::{Fate, Overlay};
use crate::glyph;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::paint::put_glyphs;
use crate::ui::panels::text::wrap;
use crate::ui::theme::Role;

/// Paragraphs under a title.
#[derive(Clone, Debug)]
pub struct Note {
    title: &'static str,
    paragraphs: Vec<String>,
    offset: usize,
}

impl Note {
    /// Begins at the top.
    #[must_use]
    pub fn new(title: &'static str, paragraphs: Vec<String>) -> Self {
        Self { title, paragraphs, offset: 0 }
    }
}

impl Overlay for Note {
    fn context(&self) -> Context {
        Context::Help
    }

    fn act(&mut self, _: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        match action {
            Action::Up => self.offset = self.offset.saturating_sub(1),
            Action::Down => self.offset += 1,
            _ => return (Fate::Closes, Vec::new()),
        }
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        let width = screen.width.saturating_sub(4).min(100);
        let room = usize::from(width.saturating_sub(4)).max(1);
        let glyphs: Vec<_> = self.paragraphs.iter().map(|text| glyph::plain(text, look.charset)).collect();
        let lines: Vec<_> =
            glyphs.iter().flat_map(|glyphs| wrap(glyphs, room).into_iter().map(|line| &glyphs[line])).collect();
        let height = (lines.len() as u16).saturating_add(4).min(screen.height.saturating_sub(2));
        let inside = window(look, self.title, (width, height), screen, buffer);
        let rows = usize::from(inside.height.saturating_sub(2));
        let offset = self.offset.min(lines.len().saturating_sub(rows));
        for (y, line) in (inside.y + 1..).zip(lines.iter().skip(offset).take(rows)) {
            put_glyphs(buffer, inside.x, y, line, room, look, look.style(Role::Overlay));
        }
        None
    }
}
