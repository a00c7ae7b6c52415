//! The prompt being edited.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::pieces::{cut, tokens};
use super::window::{field, window};
use super::{Fate, History, Overlay};
use crate::decode::TokenId;
use crate::glyph;
use crate::model::PromptForm;
use crate::ui::action::{Action, Context};
use crate::ui::app::{App, Model};
use crate::ui::message::Effect;
use crate::ui::paint::{put, put_glyphs};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// The prompt as it is being edited, among those that were typed before.
#[derive(Clone, Debug)]
pub struct Prompt {
    input: Input,
    /// Oldest first.
    earlier: Vec<String>,
    /// Which of them is being edited; behind the last stands the draft.
    place: usize,
    draft: String,
    /// Its tokens, where they can be had without waiting.
    cut: Option<Result<Vec<TokenId>, String>>,
}

impl Prompt {
    /// Begins with a text, after these.
    #[must_use]
    pub fn new(app: &App, text: String, earlier: Vec<String>) -> Self {
        let cut = cut(app, &text, app.special());
        Self { input: Input::new(text), place: earlier.len(), earlier, draft: String::new(), cut }
    }

    fn cut_again(&mut self, app: &App) {
        self.cut = cut(app, self.input.value(), app.special());
    }

    /// How many tokens the text is, and where the last cut is.
    fn tell(&self, app: &App, row: Rect, buffer: &mut Buffer) {
        let (look, Model::Open { tokenizer, .. }) = (app.look(), app.model()) else { return };
        let on = |role: Role| look.style(role).bg(look.style(Role::Overlay).bg.unwrap_or_default());
        let room = |x: u16| usize::from(row.right().saturating_sub(x));
        let ids = match &self.cut {
            None => return,
            Some(Ok(ids)) => ids,
            Some(Err(wrong)) => {
                let glyphs = glyph::plain(wrong, look.charset);
                put_glyphs(buffer, row.x, row.y, &glyphs, room(row.x), look, on(Role::Tag));
                return;
            }
        };
        let mut x = put(buffer, row.x, row.y, &tokens(ids.len()), room(row.x), on(Role::Muted));
        if let [.., before, last] = ids.as_slice() {
            x = put(buffer, x, row.y, "; the last cut: ", room(x), on(Role::Muted));
            for (id, sign) in [(before, look.signs().pending), (last, "")] {
                let glyphs = token_glyphs(tokenizer.as_ref(), *id, look.charset);
                x = put_glyphs(buffer, x, row.y, &glyphs, room(x), look, on(Role::Strong));
                x = put(buffer, x, row.y, sign, room(x), on(Role::Marker));
            }
        }
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
        self.cut_again(app);
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
        if inside.height > 2 {
            self.tell(app, Rect { y: line.y + 1, ..line }, buffer);
        }
        field(app.look(), &self.input, line, buffer)
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn typed(&mut self, app: &mut App) -> Vec<Effect> {
        self.cut_again(app);
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use crate::ui::app::Setup;
    use crate::ui::app::tests::{scene_of, setup};
    use crate::ui::theme::ColourDepth;

    #[test]
    fn the_window_says_how_the_text_is_cut_as_it_is_typed() {
        let mut scene = scene_of(setup("dark", ColourDepth::True), 80, 24, 60);
        let picture = |scene: &crate::ui::scene::Scene| crate::ui::testing::shown(&scene.buffer());
        scene.press("i Ctrl-u 3 0").unwrap();
        assert!(picture(&scene).contains("1 token "), "{}", picture(&scene));
        scene.press("Space 3 1").unwrap();
        assert!(picture(&scene).contains("2 tokens; the last cut: ␣w30┊␣w31"), "{}", picture(&scene));
        scene.press("Ctrl-u r e f u s e").unwrap();
        assert!(picture(&scene).contains("the text can't be cut"), "{}", picture(&scene));
    }

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
