//! Keys as they are pressed, named and read.

use crate::glyph::Charset;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key as it is pressed. Shift is in the character itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

pub(super) const fn key(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::NONE }
}

pub(super) const fn char(character: char) -> Key {
    key(KeyCode::Char(character))
}

pub(super) const fn control(character: char) -> Key {
    Key { code: KeyCode::Char(character), modifiers: KeyModifiers::CONTROL }
}

pub(super) const fn shift(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::SHIFT }
}

impl Key {
    /// The key of a terminal event, freed from what terminals report differently.
    #[must_use]
    pub fn of(event: KeyEvent) -> Self {
        let known = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        let modifiers = event.modifiers & known;
        match event.code {
            KeyCode::Char(_) => Self { code: event.code, modifiers: modifiers - KeyModifiers::SHIFT },
            KeyCode::BackTab => shift(KeyCode::Tab),
            code => Self { code, modifiers },
        }
    }

    /// The event that a terminal sends for this key.
    #[must_use]
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }

    /// Reads a key by the name that help shows, or `Right`, `Left`, `Up`, `Down`, `Enter`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (prefix, rest) = match name.split_once('-') {
            Some(("Ctrl", rest)) if !rest.is_empty() => (KeyModifiers::CONTROL, rest),
            Some(("Shift", rest)) if !rest.is_empty() => (KeyModifiers::SHIFT, rest),
            _ => (KeyModifiers::NONE, name),
        };
        let named = NAMES.iter().find(|(_, shown, word)| *shown == rest || word.eq_ignore_ascii_case(rest));
        let function = rest.strip_prefix('F').and_then(|number| number.parse().ok()).filter(|n| (1..=12).contains(n));
        let mut characters = rest.chars();
        let code = match (named, characters.next(), characters.next()) {
            (Some((code, ..)), ..) => *code,
            (None, ..) if function.is_some() => KeyCode::F(function.unwrap_or(1)),
            (None, Some(character), None) => match prefix {
                KeyModifiers::CONTROL => KeyCode::Char(character.to_ascii_lowercase()),
                _ => KeyCode::Char(character),
            },
            _ => return None,
        };
        Some(Self { code, modifiers: prefix })
    }

    /// Whether it writes a character into a line.
    #[must_use]
    pub fn is_typed(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers == KeyModifiers::NONE
    }

    /// The name that help shows.
    #[must_use]
    pub fn name(self, charset: Charset) -> String {
        let plain = match NAMES.iter().find(|(code, ..)| *code == self.code) {
            Some((_, shown, _)) if charset == Charset::Unicode || shown.is_ascii() => (*shown).to_owned(),
            Some((_, _, word)) => (*word).to_owned(),
            None => match self.code {
                KeyCode::Char(character) if self.modifiers == KeyModifiers::CONTROL => {
                    character.to_uppercase().to_string()
                }
                KeyCode::Char(character) => character.to_string(),
                other => other.to_string(),
            },
        };
        match self.modifiers {
            KeyModifiers::CONTROL => format!("Ctrl-{plain}"),
            KeyModifiers::SHIFT => format!("Shift-{plain}"),
            _ => plain,
        }
    }
}

/// Keys without a printable character: code, what help shows, what a script writes.
const NAMES: [(KeyCode, &str, &str); 16] = [
    (KeyCode::Right, "→", "Right"),
    (KeyCode::Left, "←", "Left"),
    (KeyCode::Up, "↑", "Up"),
    (KeyCode::Down, "↓", "Down"),
    (KeyCode::Enter, "Enter", "Return"),
    (KeyCode::Char(' '), "Space", "Space"),
    (KeyCode::Esc, "Esc", "Escape"),
    (KeyCode::Tab, "Tab", "Tab"),
    (KeyCode::PageUp, "PgUp", "PageUp"),
    (KeyCode::PageDown, "PgDn", "PageDown"),
    (KeyCode::Home, "Home", "Home"),
    (KeyCode::End, "End", "End"),
    (KeyCode::Delete, "Del", "Delete"),
    (KeyCode::Backspace, "Backspace", "BackSpace"),
    (KeyCode::Insert, "Ins", "Insert"),
    (KeyCode::BackTab, "Shift-Tab", "BackTab"),
];
