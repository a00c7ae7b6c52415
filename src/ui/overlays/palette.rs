//! Everything that can be done now, searched by typing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::finder::Finder;
use super::{Fate, Overlay};
use crate::ui::action::{Action, Context, Entry, entries};
use crate::ui::app::App;
use crate::ui::message::Effect;
use crate::ui::views::VIEWS;

/// The actions of the groups that count, by what help says of them.
#[derive(Debug)]
pub struct Palette {
    rows: Vec<&'static Entry>,
    finder: Finder,
}

impl Palette {
    /// Opened where these groups of keys count.
    #[must_use]
    pub fn new(contexts: &[Context]) -> Self {
        let there = |entry: &&Entry| match entry.action {
            Action::Show(view) => VIEWS.iter().any(|row| row.view == view),
            action => action != Action::Palette,
        };
        let rows: Vec<_> = contexts.iter().flat_map(|context| entries(*context)).filter(there).collect();
        let finder = Finder::new(rows.iter().map(|entry| entry.help.to_owned()).collect());
        Self { rows, finder }
    }
}

impl Overlay for Palette {
    fn context(&self) -> Context {
        Context::Finder
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        match action {
            Action::Up => self.finder.shift(-1),
            Action::Down => self.finder.shift(1),
            Action::Accept => {
                let Some(index) = self.finder.chosen() else { return (Fate::Stays, Vec::new()) };
                return (Fate::Closes, app.perform(self.rows[index].action));
            }
            _ => return (Fate::Closes, Vec::new()),
        }
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        let keys: Vec<String> = self.rows.iter().map(|entry| app.keymap().names(entry, look.charset)).collect();
        self.finder.render(look, "What can be done", (&keys, "nothing of that kind"), screen, buffer)
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.finder.input)
    }

    fn typed(&mut self, _: &mut App) -> Vec<Effect> {
        self.finder.search();
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use crate::ui::app::tests::{rows, scene_of, setup};
    use crate::ui::theme::ColourDepth;

    #[test]
    fn a_typed_word_finds_an_action_and_enter_does_it() {
        let mut scene = scene_of(setup("dark", ColourDepth::True), 80, 24, 60);
        scene.press(": g r e e d y").unwrap();
        let picture = rows(&scene.buffer()).join("\n");
        assert!(picture.contains("greedy or sampling") && !picture.contains("edit the prompt"), "{picture}");
        scene.press("Enter").unwrap();
        assert!(scene.app().overlays().is_empty());
        assert_eq!(scene.app().knobs().mode(), crate::ui::knobs::Mode::Greedy);
        // What opens another window leaves that one open.
        scene.press("Ctrl-P a l l Space k e y s Enter").unwrap();
        assert_eq!(scene.app().overlays().len(), 1);
        assert!(rows(&scene.buffer()).join("\n").contains("Keys"));
    }

    #[test]
    fn nothing_found_does_nothing() {
        let mut scene = scene_of(setup("dark", ColourDepth::True), 40, 12, 60);
        scene.press(": x x x x Enter").unwrap();
        assert_eq!(scene.app().overlays().len(), 1);
        assert!(rows(&scene.buffer()).join("\n").contains("nothing of that kind"));
        scene.press("Esc").unwrap();
        assert!(scene.app().overlays().is_empty());
    }
}
