//! Processors to add.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::window::window;
use super::{Fate, Overlay};
use crate::glyph;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::knobs::Knobs;
use crate::ui::message::Effect;
use crate::ui::paint::{put, put_glyphs};
use crate::ui::theme::Role;

/// The processors that can be added, with one of them selected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Picker {
    selected: usize,
}

/// Cells of a name and the gap behind it.
const NAME: u16 = 22;

impl Overlay for Picker {
    fn context(&self) -> Context {
        Context::Picker
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        match action {
            Action::Up => self.selected = self.selected.saturating_sub(1),
            Action::Down => self.selected = (self.selected + 1).min(Knobs::addable().count().saturating_sub(1)),
            Action::Accept => {
                let row = Knobs::addable().nth(self.selected);
                return (Fate::Closes, row.map(|row| app.add_stage(row)).unwrap_or_default());
            }
            _ => return (Fate::Closes, Vec::new()),
        }
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        let rows: Vec<_> = Knobs::addable().collect();
        let height = (rows.len() as u16 + 2).min(screen.height.saturating_sub(2));
        let inside = window(look, "Add a stage", (96, height), screen, buffer);
        let ground = look.style(Role::Overlay);
        let room = usize::from(inside.height);
        let first = (self.selected + 1).saturating_sub(room);
        for (y, (index, row)) in (inside.y..).zip(rows.iter().enumerate().skip(first).take(room)) {
            let style = if index == self.selected { look.style(Role::Selected) } else { ground };
            put(buffer, inside.x, y, &" ".repeat(inside.width.into()), inside.width.into(), style);
            put(buffer, inside.x, y, row.name, usize::from(NAME), style);
            let room = usize::from(inside.width.saturating_sub(NAME));
            put_glyphs(buffer, inside.x + NAME, y, &glyph::plain(row.summary, look.charset), room, look, style);
        }
        None
    }
}
