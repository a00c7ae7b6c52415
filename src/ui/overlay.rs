//! Windows over the screen. They are a stack: the topmost one gets the keys.

use tui_input::{Input, InputRequest};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Context;

/// A window.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// All keys, from a line on.
    Help {
        /// The first line that shows.
        offset: usize,
    },
    /// The prompt as it is being edited.
    Prompt {
        /// Text and cursor.
        input: Input,
    },
    /// A processor to add.
    Picker {
        /// The selected one.
        selected: usize,
    },
}

impl Overlay {
    /// Which keys it has.
    #[must_use]
    pub fn context(&self) -> Context {
        match self {
            Self::Help { .. } => Context::Help,
            Self::Prompt { .. } => Context::Prompt,
            Self::Picker { .. } => Context::Picker,
        }
    }
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
