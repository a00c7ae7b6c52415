//! Windows over the screen. They are a stack: the topmost one gets the keys. One file each: state, keys, picture, tests.

mod branches;
mod find;
pub mod finder;
mod help;
mod history;
mod line;
mod models;
mod note;
mod palette;
mod picker;
mod pieces;
mod prompt;
#[cfg(test)]
mod tests;
mod themes;
pub mod window;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Rect};
use tui_input::{Input, InputRequest};

use super::action::{Action, Context};
use super::app::App;
use super::message::Effect;

pub use branches::Branches;
pub use find::Find;
pub use help::Help;
pub use history::History;
pub use line::Line;
pub use models::{Models, Offer};
pub use note::Note;
pub use palette::Palette;
pub use picker::Picker;
pub use pieces::Pieces;
pub use prompt::Prompt;
pub use themes::Themes;

/// A window.
pub trait Overlay {
    /// Which keys it has.
    fn context(&self) -> Context;

    /// Does what a key asks for, and says whether the window stays.
    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>);

    /// Draws it. Returns where the terminal's cursor belongs, if anywhere.
    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position>;

    /// The line that is being typed, where there is one.
    fn input(&mut self) -> Option<&mut Input> {
        None
    }

    /// What follows when the state that it lies over has changed by itself.
    fn follow(&mut self, _app: &App) {}

    /// What follows from a change of that line.
    fn typed(&mut self, _app: &mut App) -> Vec<Effect> {
        Vec::new()
    }
}

/// Whether a window stays after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Stays,
    /// It closes.
    Closes,
}

/// What a key does in a line being typed.
#[must_use]
pub fn typing(event: KeyEvent) -> Option<InputRequest> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    let word = control || event.modifiers.contains(KeyModifiers::ALT);
    Some(match event.code {
        KeyCode::Char('a') if control => InputRequest::GoToStart,
        KeyCode::Char('e') if control => InputRequest::GoToEnd,
        KeyCode::Char('u') if control => InputRequest::DeleteLine,
        KeyCode::Char('k') if control => InputRequest::DeleteTillEnd,
        KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
        KeyCode::Char(character) if !word => InputRequest::InsertChar(character),
        KeyCode::Backspace if word => InputRequest::DeletePrevWord,
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete if word => InputRequest::DeleteNextWord,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left if word => InputRequest::GoToPrevWord,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right if word => InputRequest::GoToNextWord,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return None,
    })
}
