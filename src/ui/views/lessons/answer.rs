//! The line in which a number is typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use crate::lesson::parse_answer;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::overlays::window::{field, window};
use crate::ui::overlays::{Fate, Overlay};
use crate::ui::paint::put;
use crate::ui::theme::Role;

/// A number being typed; what was wrong with it, if anything was.
#[derive(Default)]
pub struct NumberLine {
    input: Input,
    wrong: Option<String>,
}

impl Overlay for NumberLine {
    fn context(&self) -> Context {
        Context::Answer
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        if action != Action::Accept {
            return (Fate::Closes, Vec::new());
        }
        let Some(number) = parse_answer(self.input.value()) else {
            let value = self.input.value();
            self.wrong = Some(if value.trim().is_empty() {
                "type a number, such as 0.5 or 50%".into()
            } else {
                format!("\"{value}\" is no number: write 0.5, -1.2 or 50%")
            });
            return (Fate::Stays, Vec::new());
        };
        let (body, charset) = (app.body(), app.look().charset);
        if let Some(reading) = &mut app.views.lessons.reading {
            reading.on(body, charset).type_number(number);
        }
        (Fate::Closes, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        // At the bottom, so that the question can still be read.
        let height = 5.min(screen.height);
        let below = Rect { y: screen.bottom() - height, height, ..screen };
        let inside = window(look, "Your answer", (60, height), below, buffer);
        let ground = look.style(Role::Overlay);
        let (text, role) = match &self.wrong {
            Some(wrong) => (wrong.as_str(), Role::Error),
            None => ("a number; Enter to answer, Esc to think again", Role::Muted),
        };
        let style = look.style(role).bg(ground.bg.unwrap_or_default());
        let text = crate::ui::panels::picture::printable(text, look.charset);
        put(buffer, inside.x, inside.y + 1, &text, inside.width.into(), style);
        field(look, &self.input, Rect { height: 1, ..inside }, buffer)
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn typed(&mut self, _: &mut App) -> Vec<Effect> {
        self.wrong = None;
        Vec::new()
    }
}
