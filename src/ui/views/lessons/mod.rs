//! The lessons: their list, and one of them page by page, with questions to answer before the reveal.

mod answer;
mod flow;
mod present;
mod reading;
mod render;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{View, ViewRow, no_news, nothing};
use crate::lesson::{BUILT_IN, Heading, Lesson};
use crate::ui::action::{Action, Context};
use crate::ui::app::App;
use crate::ui::message::Effect;
use reading::{Asked, Reading, Tally};

/// The declaration.
pub const ROW: ViewRow = ViewRow {
    view: View::Lessons,
    name: "lessons",
    label: "lessons",
    summary: "guided lessons",
    contexts: &[&[Context::LessonList], &[Context::Lessons]],
    page: |app| usize::from(app.views.lessons.reading.is_some()),
    render: render::render,
    present: present::render,
    act,
    refresh: nothing,
    timeline: None,
    lanes: &[],
    news: no_news,
};

/// The list, and the lesson that is open.
pub struct State {
    headings: Vec<(&'static str, Heading)>,
    selected: usize,
    reading: Option<Reading>,
    /// What was answered in lessons that were left, by title.
    tallies: BTreeMap<String, Tally>,
}

impl Default for State {
    fn default() -> Self {
        // A built-in lesson without a heading is a fault that a test finds.
        let heading = |(name, _): &(&'static str, _)| Some((*name, Lesson::heading(name).ok()?));
        let headings = BUILT_IN.iter().filter_map(heading).collect();
        Self { headings, selected: 0, reading: None, tallies: BTreeMap::new() }
    }
}

impl State {
    /// Opens a lesson at its first page.
    pub fn open(&mut self, lesson: Lesson) {
        if let Some(place) = self.headings.iter().position(|(_, heading)| heading.title == lesson.title) {
            self.selected = place;
        }
        self.reading = Some(Reading::new(lesson));
    }

    /// Back to the list.
    fn close(&mut self) {
        if let Some(reading) = self.reading.take() {
            self.tallies.insert(reading.lesson().title.clone(), reading.tally());
        }
    }

    fn select(&mut self, by: isize) {
        let last = self.headings.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }
}

fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let body = app.body();
    let charset = app.look().charset;
    let state = &mut app.views.lessons;
    let Some(reading) = &mut state.reading else { return list(app, action) };
    let mut page = reading.on(body, charset);
    match action {
        Action::Step => page.turn(1),
        Action::Back => page.turn(-1),
        Action::First => page.turn(isize::MIN),
        Action::Last => page.turn(isize::MAX),
        Action::RowUp => page.up(),
        Action::RowDown => page.down(),
        Action::PageUp => page.scroll(-page.rows()),
        Action::PageDown => page.scroll(page.rows()),
        Action::Reveal => page.reveal(),
        Action::Accept => match page.enter() {
            Asked::Number => return Some(app.open(answer::line())),
            Asked::Over => state.close(),
            Asked::Nothing => {}
        },
        Action::Close | Action::Stop => state.close(),
        _ => return None,
    }
    Some(Vec::new())
}

fn list(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let state = &mut app.views.lessons;
    match action {
        Action::RowUp => state.select(-1),
        Action::RowDown => state.select(1),
        Action::First => state.select(isize::MIN),
        Action::Last => state.select(isize::MAX),
        Action::Accept => {
            let name = state.headings.get(state.selected).map(|(name, _)| *name);
            match name.map(Lesson::built_in) {
                Some(Ok(lesson)) => state.open(lesson),
                Some(Err(error)) => app.tell(error.to_string()),
                None => {}
            }
        }
        _ => return None,
    }
    Some(Vec::new())
}
