//! All keys.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::window::window;
use super::{Fate, Overlay};
use crate::glyph::{self, Charset};
use crate::ui::action::{Action, Context, Keymap, entries};
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::paint::put;
use crate::ui::panels::text::wrap;
use crate::ui::theme::Role;

/// All keys that count now, and then all others.
#[derive(Clone, Debug)]
pub struct Help {
    offset: usize,
    contexts: Vec<Context>,
}

impl Help {
    /// Opened where these groups of keys count: they come first.
    #[must_use]
    pub fn new(first: &[Context]) -> Self {
        let others = Context::ALL.iter().copied().filter(|context| !first.contains(context));
        Self { offset: 0, contexts: first.iter().copied().chain(others).collect() }
    }
}

impl Help {
    /// The last line that can be the first to show.
    fn most(&self, app: &App) -> usize {
        let lines = lines(&self.contexts, app.keymap(), app.look().charset, room(app.screen()));
        lines.len().saturating_sub(usize::from(app.screen().height.saturating_sub(4)))
    }
}

/// Cells for what a key does.
fn room(screen: Rect) -> usize {
    usize::from(screen.width.min(WIDTH)).saturating_sub(KEYS + 4)
}

impl Overlay for Help {
    fn context(&self) -> Context {
        Context::Help
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        let most = self.most(app);
        match action {
            Action::Up => self.offset = self.offset.saturating_sub(1),
            Action::Down => self.offset = (self.offset + 1).min(most),
            Action::PageUp => self.offset = self.offset.saturating_sub(PAGE),
            Action::PageDown => self.offset = (self.offset + PAGE).min(most),
            Action::First => self.offset = 0,
            Action::Last => self.offset = most,
            _ => return (Fate::Closes, Vec::new()),
        }
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        let room = room(screen);
        let lines = lines(&self.contexts, app.keymap(), look.charset, room);
        let height = (lines.len() as u16 + 2).min(screen.height.saturating_sub(2));
        let inside = window(look, "Keys", (WIDTH, height), screen, buffer);
        let ground = look.style(Role::Overlay);
        let on = |role: Role| look.style(role).bg(ground.bg.unwrap_or_default());
        let rows = usize::from(inside.height);
        let offset = self.offset.min(lines.len().saturating_sub(rows));
        for (y, line) in (inside.y..).zip(lines.iter().skip(offset).take(rows)) {
            match line {
                Line::Title(title) => {
                    put(buffer, inside.x, y, title, inside.width.into(), on(Role::Title));
                }
                Line::Keys(keys, text) => {
                    put(buffer, inside.x + 1, y, keys, KEYS - 2, on(Role::Key));
                    put(buffer, inside.x + KEYS as u16, y, text, room, ground);
                }
                Line::Blank => {}
            }
        }
        let more = lines.len().saturating_sub(offset + rows);
        if more > 0 {
            let text = format!(" {more} more below ");
            put(buffer, inside.x, inside.bottom(), &text, inside.width.into(), on(Role::Muted));
        }
        None
    }
}

/// A line of help.
enum Line {
    Title(&'static str),
    Keys(String, String),
    Blank,
}

/// Columns of the window, of its keys, and lines of a page.
const WIDTH: u16 = 78;
const KEYS: usize = 19;
const PAGE: usize = 10;

/// All lines, no text wider than `room`.
fn lines(contexts: &[Context], keymap: &Keymap, charset: Charset, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for &context in contexts.iter().filter(|context| entries(**context).next().is_some()) {
        if !lines.is_empty() {
            lines.push(Line::Blank);
        }
        lines.push(Line::Title(context.title()));
        for entry in entries(context) {
            let glyphs = glyph::plain(entry.help, charset);
            let mut keys = keymap.names(entry, charset);
            if keys.is_empty() {
                let palette = keymap.shown(Context::Everywhere, Action::Palette, charset);
                keys = palette.map(|key| format!("under {key}")).unwrap_or_default();
            }
            for part in wrap(&glyphs, room) {
                let text: String = glyphs[part].iter().map(|glyph| glyph.symbol.as_ref()).collect();
                lines.push(Line::Keys(std::mem::take(&mut keys), text.trim_start().to_owned()));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::action::ACTIONS;

    #[test]
    fn help_lists_every_action_once_and_what_counts_now_first() {
        let help = Help::new(&[Context::Chain, Context::Everywhere]);
        let lines = lines(&help.contexts, &Keymap::default(), Charset::Unicode, 500);
        assert_eq!(lines.iter().filter(|line| matches!(line, Line::Keys(..))).count(), ACTIONS.len());
        assert!(matches!(lines[0], Line::Title(title) if title == Context::Chain.title()));
    }

    #[test]
    fn what_has_no_key_says_where_it_is() {
        let without: Vec<_> = ACTIONS.iter().filter(|entry| entry.keys.is_empty()).map(|entry| entry.help).collect();
        let lines = lines(&[Context::Everywhere], &Keymap::default(), Charset::Unicode, 500);
        let there = |help: &str| {
            lines.iter().any(|line| matches!(line, Line::Keys(keys, text) if keys == "under :" && text == help))
        };
        assert!(!without.is_empty() && without.into_iter().all(there));
    }
}
