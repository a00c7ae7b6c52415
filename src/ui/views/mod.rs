//! The views: what fills the screen between header and footer, one folder each, over one session.
//!
//! A view is a row of [`VIEWS`]: its keys, how it is drawn, what it does. Views with a timeline step forward and back together:
//! whoever leaves one at a step finds the next one at the same step.

pub mod beam;
pub mod compare;
pub mod cost;
pub mod lessons;
pub mod score;
pub mod step;
pub mod temperature;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::action::{ACTIONS, Action, Context, Keymap};
use super::app::App;
use super::message::Effect;
use crate::engine::{Lane, News};
use crate::glyph::Charset;

/// A view of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// The next token, step by step.
    #[default]
    Step,
    /// What temperature does.
    Temperature,
    /// The beam tree.
    Beam,
    /// Strategies side by side.
    Compare,
    /// Given text under the model.
    Score,
    /// What decoding costs.
    Cost,
    /// The lessons.
    Lessons,
}

/// The declaration of a view.
pub struct ViewRow {
    /// Which one it is.
    pub view: View,
    /// As in `--view`.
    pub name: &'static str,
    /// In the header, in seven letters at most.
    pub label: &'static str,
    /// What it shows, in one line.
    pub summary: &'static str,
    /// The groups of keys that count on each of its pages, the first before the others; [`Context::Everywhere`] follows by
    /// itself.
    pub contexts: &'static [&'static [Context]],
    /// Which of its pages it shows, where it has several.
    pub page: fn(&App) -> usize,
    /// Draws it into the space between header and footer. Returns where the terminal's cursor belongs, if anywhere.
    pub render: fn(&App, Rect, &mut Buffer) -> Option<Position>,
    /// Draws what of it the last row of a lecture hall can read: few words, large bars.
    pub present: fn(&App, Rect, &mut Buffer),
    /// Does what a key of its own groups asks for; `None` leaves it to the actions that all views share.
    pub act: fn(&mut App, Action) -> Option<Vec<Effect>>,
    /// What follows when it comes to the front, or when the session, the chain or the screen has changed while it is there.
    pub refresh: fn(&mut App) -> Vec<Effect>,
    /// Where it stands in time, where it has any.
    pub timeline: Option<Timeline>,
    /// The lanes of its jobs.
    pub lanes: &'static [Lane],
    /// Takes the news of one of its jobs in; `None` when the job is done.
    pub news: fn(&mut App, Option<News>) -> Vec<Effect>,
}

/// A view's place in time: tokens after the prompt.
#[derive(Clone, Copy)]
pub struct Timeline {
    /// Where it stands.
    pub position: fn(&App) -> usize,
    /// Takes it to a step, or as near as it can get.
    pub go: fn(&mut App, usize) -> Vec<Effect>,
}

/// Every view, in the order of the keys 1, 2, 3 …
pub static VIEWS: &[ViewRow] =
    &[step::ROW, temperature::ROW, beam::ROW, compare::ROW, score::ROW, cost::ROW, lessons::ROW];

/// The state of every view that has one of its own.
#[derive(Default)]
pub struct States {
    /// The next token.
    pub step: step::State,
    /// What temperature does.
    pub temperature: temperature::State,
    /// What decoding costs.
    pub cost: cost::State,
    /// The beam tree.
    pub beam: beam::State,
    /// Strategies side by side.
    pub compare: compare::State,
    /// Scored completions.
    pub score: score::State,
    /// The lessons.
    pub lessons: lessons::State,
}

impl View {
    /// Finds a view by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        VIEWS.iter().find(|row| row.name == name).map(|row| row.view)
    }

    /// The key that brings it to the front.
    #[must_use]
    pub fn key(self, keymap: &Keymap, charset: Charset) -> String {
        let entry = ACTIONS.iter().find(|entry| entry.action == Action::Show(self));
        entry.and_then(|entry| keymap.keys(entry).first()).map(|key| key.name(charset)).unwrap_or_default()
    }

    /// Its declaration.
    #[must_use]
    pub fn row(self) -> &'static ViewRow {
        VIEWS.iter().find(|row| row.view == self).unwrap_or(&VIEWS[0])
    }
}

impl ViewRow {
    /// The groups of keys that count on the page that it shows.
    #[must_use]
    pub fn contexts_now(&self, app: &App) -> &'static [Context] {
        self.contexts.get((self.page)(app)).copied().unwrap_or_default()
    }
}

/// For views that have one page.
#[must_use]
pub fn one_page(_: &App) -> usize {
    0
}

/// For views that need nothing done.
#[must_use]
pub fn nothing(_: &mut App) -> Vec<Effect> {
    Vec::new()
}

/// For views without jobs.
#[must_use]
pub fn no_news(_: &mut App, _: Option<News>) -> Vec<Effect> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ui::action::entries;

    #[test]
    fn every_view_has_a_row_and_a_key() {
        let digits: Vec<String> = VIEWS.iter().map(|row| row.view.key(&Keymap::default(), Charset::Unicode)).collect();
        assert!(digits.is_sorted() && digits.iter().all(|digit| digit.parse::<u8>().is_ok()), "{digits:?}");
        for row in VIEWS {
            assert_eq!(row.view.row().name, row.name);
            let key = ACTIONS.iter().find(|entry| entry.action == Action::Show(row.view)).unwrap();
            assert_eq!(key.context, Context::Everywhere);
        }
    }

    #[test]
    fn no_key_means_two_things_in_a_view() {
        for (row, contexts) in VIEWS.iter().flat_map(|row| row.contexts.iter().map(move |contexts| (row, contexts))) {
            let mut seen = BTreeSet::new();
            for context in contexts.iter().chain([&Context::Everywhere]) {
                for key in entries(*context).flat_map(|entry| entry.keys) {
                    let name = key.name(Charset::Unicode);
                    assert!(seen.insert(name.clone()), "{name} in the view {}", row.name);
                }
            }
        }
    }
}
