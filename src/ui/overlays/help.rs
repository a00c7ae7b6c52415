//! All keys.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::window::window;
use super::{Fate, Overlay};
use crate::glyph::Charset;
use crate::ui::action::{Action, Context, Keymap, entries};
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::paint::put;
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

impl Overlay for Help {
    fn context(&self) -> Context {
        Context::Help
    }

    fn act(&mut self, _: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        match action {
            Action::Up => self.offset = self.offset.saturating_sub(1),
            Action::Down => self.offset += 1,
            _ => return (Fate::Closes, Vec::new()),
        }
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        let lines = lines(&self.contexts, app.keymap(), look.charset);
        let height = (lines.len() as u16 + 2).min(screen.height.saturating_sub(2));
        let inside = window(look, "Keys", (78, height), screen, buffer);
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
                    put(buffer, inside.x + 1, y, keys, 16, on(Role::Key));
                    put(buffer, inside.x + 16, y, text, usize::from(inside.width.saturating_sub(16)), ground);
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
    Keys(String, &'static str),
    Blank,
}

fn lines(contexts: &[Context], keymap: &Keymap, charset: Charset) -> Vec<Line> {
    let mut lines = Vec::new();
    for &context in contexts.iter().filter(|context| entries(**context).next().is_some()) {
        if !lines.is_empty() {
            lines.push(Line::Blank);
        }
        lines.push(Line::Title(context.title()));
        for entry in entries(context) {
            lines.push(Line::Keys(keymap.names(entry, charset), entry.help));
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
        let lines = lines(&help.contexts, &Keymap::default(), Charset::Unicode);
        assert_eq!(lines.iter().filter(|line| matches!(line, Line::Keys(..))).count(), ACTIONS.len());
        assert!(matches!(lines[0], Line::Title(title) if title == Context::Chain.title()));
    }
}
