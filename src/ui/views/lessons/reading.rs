//! A lesson being read: its page, what was answered, how far it is scrolled.

use ratatui::layout::Rect;

use super::flow::{Flow, Line};
use crate::glyph::Charset;
use crate::lesson::{Answer, Lesson, Page};

/// What became of a question.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Attempt {
    /// It is open.
    #[default]
    None,
    /// A choice was made.
    Chose(usize),
    /// A number was typed.
    Typed(f64),
    /// The answer was asked for.
    Revealed,
}

/// Right answers, and questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Questions answered right.
    pub right: usize,
    /// Questions answered or revealed.
    pub done: usize,
    /// Questions of the lesson.
    pub all: usize,
}

/// What Enter asks the view to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing more.
    Nothing,
    /// A line to type a number in.
    Number,
    /// The lesson is over.
    Over,
}

/// A lesson being read.
pub struct Reading {
    lesson: Lesson,
    page: usize,
    /// One for each page.
    attempts: Vec<Attempt>,
    choice: usize,
    offset: usize,
}

impl Reading {
    pub(super) fn new(lesson: Lesson) -> Self {
        let attempts = vec![Attempt::None; lesson.pages.len()];
        Self { lesson, page: 0, attempts, choice: 0, offset: 0 }
    }

    pub(super) fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    /// The page that is open, and its number from 1.
    pub(super) fn page(&self) -> (&Page, usize) {
        (&self.lesson.pages[self.page], self.page + 1)
    }

    pub(super) fn attempt(&self) -> Attempt {
        self.attempts[self.page]
    }

    /// The choice that Enter would take; none where nothing can be chosen.
    pub(super) fn choice(&self) -> Option<usize> {
        let question = self.page().0.question.as_ref()?;
        (matches!(question.answer, Answer::Choice { .. }) && self.attempt() == Attempt::None).then_some(self.choice)
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the answer of a page is right.
    pub(super) fn is_right(&self, page: usize) -> bool {
        let answer = self.lesson.pages[page].question.as_ref().map(|question| &question.answer);
        match (self.attempts[page], answer) {
            (Attempt::Chose(choice), Some(Answer::Choice { right, .. })) => choice == *right,
            (Attempt::Typed(number), Some(answer)) => answer.accepts(number),
            _ => false,
        }
    }

    pub(super) fn tally(&self) -> Tally {
        let asked = |page: &usize| self.lesson.pages[*page].question.is_some();
        let pages = || (0..self.lesson.pages.len()).filter(asked);
        Tally {
            right: pages().filter(|&page| self.is_right(page)).count(),
            done: pages().filter(|&page| self.attempts[page] != Attempt::None).count(),
            all: pages().count(),
        }
    }

    /// The page as it lies on the screen.
    pub(super) fn on(&mut self, body: Rect, charset: Charset) -> OnScreen<'_> {
        OnScreen { reading: self, body, charset }
    }
}

/// A lesson on a screen of a size: what depends on which lines can be seen.
pub struct OnScreen<'a> {
    reading: &'a mut Reading,
    body: Rect,
    charset: Charset,
}

impl OnScreen<'_> {
    fn flow(&self) -> Flow<'_> {
        Flow::new(self.reading, self.body, self.charset)
    }

    /// Lines that can be seen.
    pub(super) fn rows(&self) -> isize {
        self.flow().rows.max(1).cast_signed()
    }

    pub(super) fn scroll(&mut self, by: isize) {
        let most = self.flow().most();
        self.reading.offset = self.reading.offset.saturating_add_signed(by).min(most);
    }

    pub(super) fn turn(&mut self, by: isize) {
        let last = self.reading.lesson.pages.len() - 1;
        let page = self.reading.page.saturating_add_signed(by).min(last);
        if page != self.reading.page {
            self.reading.page = page;
            self.reading.choice = 0;
            self.reading.offset = 0;
        }
    }

    /// Scrolls until the lines of the selected choice can be seen; says whether they could before.
    fn sees_choice(&mut self) -> bool {
        let flow = self.flow();
        let choice = self.reading.choice();
        let belongs = |line: &Line| matches!(line, Line::Choice { index, .. } if Some(*index) == choice);
        let Some(first) = flow.left.iter().position(belongs) else { return false };
        let last = flow.left.iter().rposition(belongs).unwrap_or(first);
        let (offset, rows) = (self.reading.offset, flow.rows);
        let wanted = if last >= offset + rows { last + 1 - rows } else { offset.min(first) };
        let seen = wanted == offset;
        self.reading.offset = wanted;
        seen
    }

    /// Up: to the choice above, or a line up.
    pub(super) fn up(&mut self) {
        match self.reading.choice() {
            Some(choice) if choice > 0 => {
                if self.sees_choice() {
                    self.reading.choice = choice - 1;
                    self.sees_choice();
                }
            }
            _ => self.scroll(-1),
        }
    }

    /// Down: to the choice below, or a line down.
    pub(super) fn down(&mut self) {
        let last = match self.reading.page().0.question.as_ref().map(|question| &question.answer) {
            Some(Answer::Choice { choices, .. }) => choices.len() - 1,
            _ => 0,
        };
        match self.reading.choice() {
            Some(choice) if choice < last => {
                if self.sees_choice() {
                    self.reading.choice = choice + 1;
                    self.sees_choice();
                }
            }
            _ => self.scroll(1),
        }
    }

    /// Enter: answers what is asked, or turns the page.
    pub(super) fn enter(&mut self) -> Asked {
        let (page, number) = self.reading.page();
        let answer = page.question.as_ref().map(|question| &question.answer);
        let over = number == self.reading.lesson.pages.len();
        match (self.reading.attempt(), answer) {
            (Attempt::None, Some(Answer::Number { .. })) => return Asked::Number,
            (Attempt::None, Some(Answer::Choice { .. })) => {
                // Nothing is answered that was not seen.
                if self.sees_choice() {
                    self.settle(Attempt::Chose(self.reading.choice));
                }
            }
            _ if over => return Asked::Over,
            _ => self.turn(1),
        }
        Asked::Nothing
    }

    /// Answers a question with a number.
    pub(super) fn type_number(&mut self, number: f64) {
        self.settle(Attempt::Typed(number));
    }

    pub(super) fn reveal(&mut self) {
        if self.reading.page().0.question.is_some() && self.reading.attempt() == Attempt::None {
            self.settle(Attempt::Revealed);
        }
    }

    /// The answer is there: as much of its explanation as fits comes into sight.
    fn settle(&mut self, attempt: Attempt) {
        self.reading.attempts[self.reading.page] = attempt;
        let flow = self.flow();
        let question = flow.left.iter().position(|line| matches!(line, Line::Asking)).unwrap_or(0);
        self.reading.offset = flow.most().min(question);
    }
}
