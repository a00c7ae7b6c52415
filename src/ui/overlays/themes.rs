//! The themes, each with a sample; the selected one is seen on the whole screen at once.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::window::window;
use super::{Fate, Overlay};
use crate::glyph;
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::look::Look;
use crate::ui::message::Effect;
use crate::ui::paint::{put, put_glyphs};
use crate::ui::theme::Role;

/// The themes, with one of them selected.
#[derive(Clone, Copy, Debug)]
pub struct Themes {
    selected: usize,
    former: usize,
}

/// Cells of the window, of its rows up to the sample, and of the sample.
const WIDTH: u16 = 40;
const NAME: u16 = 20;
const SAMPLE: u16 = 13;

impl Themes {
    /// Opened on the theme that is in use.
    #[must_use]
    pub fn new(current: usize) -> Self {
        Self { selected: current, former: current }
    }
}

impl Overlay for Themes {
    fn context(&self) -> Context {
        Context::Themes
    }

    fn act(&mut self, app: &mut App, action: Action) -> (Fate, Vec<Effect>) {
        match action {
            Action::Up => self.selected = self.selected.saturating_sub(1),
            Action::Down => self.selected = (self.selected + 1).min(app.themes().len() - 1),
            Action::Accept => return (Fate::Closes, Vec::new()),
            _ => {
                app.set_theme(self.former);
                return (Fate::Closes, Vec::new());
            }
        }
        app.set_theme(self.selected);
        (Fate::Stays, Vec::new())
    }

    fn render(&self, app: &App, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = app.look();
        let height = (app.themes().len() as u16 + 2).min(screen.height.saturating_sub(2));
        // At the right: the list of tokens with its bars is what shows a theme best.
        let width = WIDTH.min(screen.width);
        let side = Rect { x: screen.right() - width, width, ..screen };
        let inside = window(look, "Colours", (width, height), side, buffer);
        let room = usize::from(inside.height);
        let first = (self.selected + 1).saturating_sub(room);
        for (y, (index, theme)) in (inside.y..).zip(app.themes().iter().enumerate().skip(first).take(room)) {
            let style = look.style(if index == self.selected { Role::Selected } else { Role::Overlay });
            put(buffer, inside.x, y, &" ".repeat(inside.width.into()), inside.width.into(), style);
            if index == self.selected {
                put(buffer, inside.x, y, look.signs().selected, 1, style);
            }
            let name = glyph::plain(theme.name(), look.charset);
            put_glyphs(buffer, inside.x + 2, y, &name, usize::from(NAME - 2), look, style);
            let place = Rect { x: inside.x + NAME, y, width: SAMPLE, height: 1 }.intersection(inside);
            sample(Look { theme, ..look }, place, buffer);
        }
        None
    }
}

/// A few signs in the colours of a theme.
fn sample(look: Look<'_>, place: Rect, buffer: &mut Buffer) {
    let signs = look.signs();
    let full = signs.eighths[7];
    let parts = [
        (" ", Role::Base),
        (signs.chosen, Role::Chosen),
        ("Aa", Role::Base),
        (" ", Role::Base),
        (full, Role::BarModel),
        (full, Role::BarAfter),
        (full, Role::BarChosen),
        (" ", Role::Base),
        (signs.removed, Role::Tag),
        ("x", Role::Mark),
        ("y", Role::Surprise3),
        (" ", Role::Base),
    ];
    let mut x = place.x;
    for (text, role) in parts {
        let room = usize::from(place.right().saturating_sub(x));
        x = put(buffer, x, place.y, text, room, look.style(role));
    }
}

#[cfg(test)]
mod tests {
    use crate::ui::testing::{ABC, shown, table_scene, table_setup};

    #[test]
    fn a_theme_is_seen_at_once_taken_by_enter_and_given_back_by_escape() {
        let mut scene = table_scene(ABC, table_setup("A"), 80, 24);
        let name = |scene: &crate::ui::scene::Scene| scene.app().look().theme.name().to_owned();
        scene.press("c").unwrap();
        assert!(shown(&scene.buffer()).contains("▸ dark"));
        scene.press("Down").unwrap();
        assert_eq!(name(&scene), "light");
        assert!(shown(&scene.buffer()).contains("▸ light"));
        scene.press("Down Down Up Esc").unwrap();
        assert_eq!((name(&scene).as_str(), scene.app().overlays().len()), ("dark", 0));
        scene.press("c Down Enter").unwrap();
        assert_eq!((name(&scene).as_str(), scene.app().overlays().len()), ("light", 0));
        scene.press("c Esc").unwrap();
        assert_eq!(name(&scene), "light");
    }

    #[test]
    fn the_selected_theme_is_in_the_window_on_the_smallest_screen() {
        let mut scene = table_scene(ABC, table_setup("A"), 40, 12);
        scene.press("c Down").unwrap();
        assert!(shown(&scene.buffer()).contains("▸ light"));
    }
}
