//! Another model for the same prompt.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::window::{field, window};
use super::{Fate, Overlay};
use crate::model::ModelSource;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::paint::put;
use crate::ui::theme::Role;

/// The name of a model as it is being typed.
#[derive(Clone, Debug)]
pub struct Models {
    input: Input,
}

impl Models {
    /// Begins with a name.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self { input: Input::new(name) }
    }
}

impl Overlay for Models {
    fn context(&self) -> Context {
        Context::Models
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        if action != Action::Accept {
            return (Fate::Closes, Vec::new());
        }
        match self.input.value().trim().parse::<ModelSource>() {
            Ok(source) => (Fate::Closes, app.open_model(source)),
            Err(error) => (Fate::Stays, app.complain(error.to_string())),
        }
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        let width = screen.width.saturating_sub(4).min(110);
        let inside = window(look, "Another model", (width, 6), screen, buffer);
        let about = "builtin, a directory in Hugging Face layout, or a .toml table";
        put(buffer, inside.x, inside.y, about, inside.width.into(), look.style(Role::Overlay));
        let line = Rect { y: inside.y + inside.height / 2, height: 1, ..inside };
        field(look, &self.input, line, buffer)
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }
}
