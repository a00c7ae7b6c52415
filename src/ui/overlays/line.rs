//! A line being typed for a view: a chain, a text. What is wrong with it is said below it, and it stays open.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::window::{field, window};
use super::{Fate, Overlay};
use crate::glyph;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::paint::put_glyphs;
use crate::ui::panels::text::lines;
use crate::ui::theme::Role;

/// What is wrong with the line as it is, in one line.
type Check = Box<dyn Fn(&str) -> Result<(), String>>;

/// What is done with the line; one line that says what is wrong with it, where it can't be taken.
type Take = Box<dyn Fn(&mut App, &str) -> Result<Vec<Effect>, String>>;

/// The line as it is being typed.
pub struct Line {
    title: String,
    /// What can be typed, in one line.
    hint: &'static str,
    input: Input,
    wrong: Option<String>,
    check: Check,
    take: Take,
}

impl Line {
    /// Begins with a text. `check` looks at it after every key, `take` has it in the end.
    #[must_use]
    pub fn new(
        title: String,
        (text, hint): (String, &'static str),
        check: impl Fn(&str) -> Result<(), String> + 'static,
        take: impl Fn(&mut App, &str) -> Result<Vec<Effect>, String> + 'static,
    ) -> Self {
        Self { title, hint, input: Input::new(text), wrong: None, check: Box::new(check), take: Box::new(take) }
    }
}

impl Overlay for Line {
    fn context(&self) -> Context {
        Context::Line
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        if action != Action::Accept {
            return (Fate::Closes, Vec::new());
        }
        let taken = (self.check)(self.input.value()).and_then(|()| (self.take)(app, self.input.value()));
        match taken {
            Ok(effects) => (Fate::Closes, effects),
            Err(wrong) => {
                self.wrong = Some(wrong);
                (Fate::Stays, Vec::new())
            }
        }
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        let width = screen.width.saturating_sub(4).min(110);
        let inside = window(look, &self.title, (width, 6), screen, buffer);
        let (text, role) = match &self.wrong {
            Some(wrong) => (wrong.as_str(), Role::Tag),
            None => (self.hint, Role::Muted),
        };
        let ground = look.style(Role::Overlay).bg.unwrap_or_default();
        let glyphs = glyph::plain(text, look.charset);
        let room = usize::from(inside.width);
        for (y, line) in (inside.y + 2..inside.bottom()).zip(lines(&glyphs, room)) {
            put_glyphs(buffer, inside.x, y, &glyphs[line], room, look, look.style(role).bg(ground));
        }
        field(look, &self.input, Rect { y: inside.y + 1, height: 1, ..inside }, buffer)
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn typed(&mut self, _: &mut App) -> Vec<Effect> {
        self.wrong = (self.check)(self.input.value()).err();
        Vec::new()
    }
}
