//! The mouse, for those who ask for it: a click selects a row or a view, the wheel scrolls.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::App;
use crate::ui::action::{Action, entries};
use crate::ui::layout::{Areas, Frame};
use crate::ui::message::Effect;
use crate::ui::panels::header;
use crate::ui::views::View;

/// Whose clicks and wheel are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mouse {
    /// The terminal's: it selects text.
    #[default]
    Terminal,
    /// The program's.
    Program,
}

impl App {
    /// Whose the mouse is.
    #[must_use]
    pub fn mouse(&self) -> Mouse {
        self.mouse
    }

    pub(super) fn toggle_mouse(&mut self) -> Vec<Effect> {
        let (mouse, said) = match self.mouse {
            Mouse::Terminal => (Mouse::Program, "click selects, the wheel scrolls; Shift leaves it to most terminals"),
            Mouse::Program => (Mouse::Terminal, "the mouse is the terminal's again"),
        };
        self.mouse = mouse;
        self.inform(said);
        vec![Effect::Mouse(mouse)]
    }

    pub(super) fn moused(&mut self, event: MouseEvent) -> Vec<Effect> {
        let (up, down) =
            if self.overlays.is_empty() { (Action::RowUp, Action::RowDown) } else { (Action::Up, Action::Down) };
        match event.kind {
            MouseEventKind::ScrollUp => self.wheel(up),
            MouseEventKind::ScrollDown => self.wheel(down),
            MouseEventKind::Down(MouseButton::Left) if self.overlays.is_empty() => {
                self.click(Position { x: event.column, y: event.row })
            }
            _ => Vec::new(),
        }
    }

    fn wheel(&mut self, action: Action) -> Vec<Effect> {
        let counts = self.contexts().into_iter().flat_map(entries).any(|entry| entry.action == action);
        match (counts, self.overlays.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => self.perform(action),
            (true, false) => self.with_overlay(|app, overlay| overlay.act(app, action)),
        }
    }

    fn click(&mut self, at: Position) -> Vec<Effect> {
        let Some(frame) = Frame::of(self.screen) else { return Vec::new() };
        if frame.header.contains(at) {
            let tab = header::tabs(self, frame.header).into_iter().find(|(_, cells)| cells.contains(&at.x));
            return tab.map(|(view, _)| self.show_view(view)).unwrap_or_default();
        }
        let list = Areas::of(frame.body).list;
        let rows = Rect { y: list.y + 2, height: list.height.saturating_sub(3), ..list };
        if self.view == View::Step && !self.presenting && rows.contains(at) {
            self.select(self.list.offset() + usize::from(at.y - rows.y));
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

    use crate::ui::app::Mouse;
    use crate::ui::app::tests::{rows, scene_of, setup};
    use crate::ui::message::Message;
    use crate::ui::scene::Scene;
    use crate::ui::theme::ColourDepth;
    use crate::ui::views::View;

    fn mouse(scene: &mut Scene, kind: MouseEventKind, column: u16, row: u16) {
        scene.handle(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
        scene.settle().unwrap();
    }

    #[test]
    fn clicks_select_and_the_wheel_scrolls() {
        let mut scene = scene_of(setup("dark", ColourDepth::True), 100, 30, 60);
        let left = MouseEventKind::Down(MouseButton::Left);
        let row = (0..30).find(|&y| rows(&scene.buffer())[y].trim_start().starts_with("3 ")).unwrap();
        mouse(&mut scene, left, 5, row as u16);
        assert_eq!(scene.app().list().selected(), 2);
        mouse(&mut scene, MouseEventKind::ScrollDown, 5, 5);
        assert_eq!(scene.app().list().selected(), 3);
        mouse(&mut scene, MouseEventKind::ScrollUp, 5, 5);
        mouse(&mut scene, left, 16, 0);
        assert_eq!((scene.app().list().selected(), scene.app().view()), (2, View::Step));
        for (x, y) in [(0, 0), (99, 29), (500, 500)] {
            mouse(&mut scene, left, x, y);
        }
        scene.press(":").unwrap();
        mouse(&mut scene, MouseEventKind::ScrollDown, 5, 5);
        mouse(&mut scene, left, 5, row as u16);
        assert_eq!(scene.app().overlays().len(), 1);
        scene.press("Esc").unwrap();
        assert_eq!(scene.app().mouse(), Mouse::Terminal, "only on demand");
    }
}
