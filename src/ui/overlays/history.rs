//! Prompts that were typed before, searched by typing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::finder::Finder;
use super::{Fate, Overlay, Prompt};
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;

/// The prompts, the last one first.
#[derive(Debug)]
pub struct History {
    prompts: Vec<String>,
    finder: Finder,
    /// What was being edited before.
    draft: String,
}

impl History {
    /// Over these prompts, oldest first; leaving it goes on with the draft.
    #[must_use]
    pub fn new(prompts: Vec<String>, draft: String) -> Self {
        let mut newest = prompts.clone();
        newest.reverse();
        Self { prompts, finder: Finder::new(newest), draft }
    }
}

impl Overlay for History {
    fn context(&self) -> Context {
        Context::Finder
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        let text = match action {
            Action::Up => {
                self.finder.shift(-1);
                return (Fate::Stays, Vec::new());
            }
            Action::Down => {
                self.finder.shift(1);
                return (Fate::Stays, Vec::new());
            }
            Action::Accept => self.finder.chosen().map(|index| self.prompts[self.prompts.len() - 1 - index].clone()),
            _ => None,
        };
        let prompts = std::mem::take(&mut self.prompts);
        (Fate::Closes, app.open(Prompt::new(app, text.unwrap_or_else(|| self.draft.clone()), prompts)))
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let empty = if self.prompts.is_empty() { "no prompt was typed yet" } else { "no prompt of that kind" };
        self.finder.render(app.look(), "Prompts", (&[], empty), screen, buffer)
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.finder.input)
    }

    fn typed(&mut self, _: &mut App) -> Vec<Effect> {
        self.finder.search();
        Vec::new()
    }
}
