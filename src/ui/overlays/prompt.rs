//! The prompt being edited.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::window::{field, window};
use super::{Fate, Overlay};
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;

/// The prompt as it is being edited.
#[derive(Clone, Debug)]
pub struct Prompt {
    input: Input,
}

impl Prompt {
    /// Begins with a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self { input: Input::new(text) }
    }
}

impl Overlay for Prompt {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        let effects = if action == Action::Accept { app.begin(self.input.value().to_owned()) } else { Vec::new() };
        (Fate::Closes, effects)
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let width = screen.width.saturating_sub(4).min(110);
        let inside = window(app.look(), "Prompt", (width, 5), screen, buffer);
        let line = Rect { y: inside.y + inside.height / 2, height: 1, ..inside };
        field(app.look(), &self.input, line, buffer)
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }
}
