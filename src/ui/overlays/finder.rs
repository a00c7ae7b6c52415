//! A list that a typed line narrows down: what the windows that search have in common.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use super::window::{field, window};
use crate::glyph;
use crate::ui::look::Look;
use crate::ui::paint::{put, put_glyphs, put_right};
use crate::ui::theme::Role;

/// Texts to choose from, those that match what was typed, and the selected one of them.
#[derive(Clone, Debug)]
pub struct Finder {
    /// What was typed.
    pub input: Input,
    texts: Vec<String>,
    /// Indices into the texts, the best match first.
    found: Vec<usize>,
    selected: usize,
}

impl Finder {
    /// All of these, in their order.
    #[must_use]
    pub fn new(texts: Vec<String>) -> Self {
        Self { input: Input::default(), found: (0..texts.len()).collect(), texts, selected: 0 }
    }

    /// Looks for what was typed. Every word of it has to be there, its letters in their order; equally good ones stay in theirs,
    /// and those less than half as good as the best are left out.
    pub fn search(&mut self) {
        let pattern = Pattern::parse(self.input.value(), CaseMatching::Ignore, Normalization::Smart);
        let (mut matcher, mut letters) = (Matcher::new(Config::DEFAULT), Vec::new());
        let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut letters), &mut matcher);
        let scored = self.texts.iter().enumerate().filter_map(|(index, text)| Some((score(text)?, index)));
        let mut scored: Vec<(u32, usize)> = scored.collect();
        scored.sort_by_key(|&(score, index)| (std::cmp::Reverse(score), index));
        let best = scored.first().map_or(0, |(score, _)| *score);
        self.found = scored.into_iter().filter(|(score, _)| 2 * score >= best).map(|(_, index)| index).collect();
        self.selected = 0;
    }

    /// Moves the selection by one, around the ends.
    pub fn shift(&mut self, by: isize) {
        let length = self.found.len().max(1);
        self.selected = (self.selected + length).saturating_add_signed(by) % length;
    }

    /// The index of the selected text.
    #[must_use]
    pub fn chosen(&self) -> Option<usize> {
        self.found.get(self.selected).copied()
    }

    /// Draws it as a window. `notes` are shown at the right of their texts, dimmed; `empty` where nothing matches.
    pub fn render(
        &self,
        look: Look<'_>,
        title: &str,
        (notes, empty): (&[String], &str),
        screen: Rect,
        buffer: &mut Buffer,
    ) -> Option<Position> {
        let height = (self.texts.len() as u16).saturating_add(4).min(screen.height.saturating_sub(2)).min(24);
        let inside = window(look, title, (86, height.max(5)), screen, buffer);
        let ground = look.style(Role::Overlay);
        let rows = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
        let first = (self.selected + 1).saturating_sub(rows.height.into());
        for (y, (place, &index)) in (rows.y..rows.bottom()).zip(self.found.iter().enumerate().skip(first)) {
            let style = if place == self.selected { look.style(Role::Selected) } else { ground };
            let sign = if place == self.selected { look.signs().selected } else { " " };
            put(buffer, rows.x, y, &" ".repeat(rows.width.into()), rows.width.into(), style);
            put(buffer, rows.x, y, sign, 1, style);
            let note = notes.get(index).map_or("", String::as_str);
            let key = ratatui::style::Style { bg: style.bg, ..look.style(Role::Key) };
            let end = put_right(buffer, rows.right().saturating_sub(1), y, note, key);
            let room = usize::from(end.saturating_sub(rows.x + 4));
            put_glyphs(buffer, rows.x + 2, y, &glyph::plain(&self.texts[index], look.charset), room, look, style);
        }
        if self.found.is_empty() {
            put(buffer, rows.x + 2, rows.y, empty, rows.width.saturating_sub(2).into(), ground);
        }
        field(look, &self.input, Rect { height: 1, ..inside }, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(finder: &mut Finder, typed: &str) -> Vec<String> {
        finder.input = Input::new(typed.into());
        finder.search();
        finder.found.iter().map(|&index| finder.texts[index].clone()).collect()
    }

    #[test]
    fn letters_in_their_order_find_a_text_and_the_better_match_comes_first() {
        let texts = ["raise the temperature", "edit the prompt", "the temperature view"].map(String::from);
        let mut finder = Finder::new(texts.to_vec());
        assert_eq!(found(&mut finder, "edpr"), ["edit the prompt"]);
        assert_eq!(found(&mut finder, "TEMP raise"), ["raise the temperature"], "words in any order, any case");
        assert_eq!(found(&mut finder, "").len(), 3);
        assert_eq!(found(&mut finder, "xyz"), [""; 0]);
        assert_eq!(finder.chosen(), None);
        finder.shift(1);
        assert_eq!(finder.chosen(), None);
    }

    #[test]
    fn the_selection_goes_around() {
        let mut finder = Finder::new(vec!["a".into(), "b".into(), "c".into()]);
        finder.shift(-1);
        assert_eq!(finder.chosen(), Some(2));
        finder.shift(1);
        assert_eq!(finder.chosen(), Some(0));
    }
}
