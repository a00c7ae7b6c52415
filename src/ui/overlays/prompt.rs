//! The prompt being edited.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::window::{field, window};
use super::{Fate, History, Overlay};
use crate::model::PromptForm;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;

/// The prompt as it is being edited, among those that were typed before.
#[derive(Clone, Debug)]
pub struct Prompt {
    input: Input,
    /// Oldest first.
    earlier: Vec<String>,
    /// Which of them is being edited; behind the last stands the draft.
    place: usize,
    draft: String,
}

impl Prompt {
    /// Begins with a text, after these.
    #[must_use]
    pub fn new(text: String, earlier: Vec<String>) -> Self {
        Self { input: Input::new(text), place: earlier.len(), earlier, draft: String::new() }
    }

    /// Goes to an older prompt or back; the draft is kept meanwhile.
    fn go(&mut self, place: usize) {
        if place > self.earlier.len() || place == self.place {
            return;
        }
        if self.place == self.earlier.len() {
            self.input.value().clone_into(&mut self.draft);
        }
        self.place = place;
        self.input = Input::new(self.earlier.get(place).unwrap_or(&self.draft).clone());
    }
}

impl Overlay for Prompt {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        match action {
            Action::Older => self.go(self.place.saturating_sub(1)),
            Action::Newer => self.go(self.place + 1),
            Action::History => {
                let history = History::new(std::mem::take(&mut self.earlier), self.input.value().to_owned());
                return (Fate::Closes, app.open(history));
            }
            Action::Accept => {
                let text = self.input.value().to_owned();
                app.remember(&text);
                return (Fate::Closes, app.begin(text));
            }
            _ => return (Fate::Closes, Vec::new()),
        }
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let width = screen.width.saturating_sub(4).min(110);
        let title = match app.form() {
            PromptForm::Plain => "Prompt",
            PromptForm::Chat => "Prompt: a message, which the model's chat template writes out",
        };
        let inside = window(app.look(), title, (width, 5), screen, buffer);
        let line = Rect { y: inside.y + inside.height / 2, height: 1, ..inside };
        field(app.look(), &self.input, line, buffer)
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }
}

#[cfg(test)]
mod tests {
    use crate::ui::app::Setup;
    use crate::ui::app::tests::{scene_of, setup};
    use crate::ui::theme::ColourDepth;

    #[test]
    fn earlier_prompts_come_back_and_the_draft_is_kept() {
        let history = ["4 5", "6 7"].map(String::from).to_vec();
        let mut scene = scene_of(Setup { history, ..setup("dark", ColourDepth::True) }, 80, 24, 60);
        scene.press("i Space 9 Up Up Up Enter").unwrap();
        assert_eq!(scene.app().prompt(), "4 5");
        scene.press("i Space 9 Up Down Enter").unwrap();
        assert_eq!(scene.app().prompt(), "4 5 9", "the draft");
        scene.press("Ctrl-R 6 Enter Enter").unwrap();
        assert_eq!(scene.app().prompt(), "6 7");
        scene.press("i Space 8 Ctrl-R Esc Enter").unwrap();
        assert_eq!(scene.app().prompt(), "6 7 8");
        assert_eq!(scene.app().history().last().unwrap(), "6 7 8");
    }
}
