//! Draws the list of lessons, or a page.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::State;
use super::flow::{Flow, Line};
use super::reading::{Attempt, Reading, Tally};
use crate::glyph;
use crate::lesson::{Answer, Heading};
use crate::ui::app::App;
use crate::ui::layout::take_bottom;
use crate::ui::look::Look;
use crate::ui::paint::{self, put, put_right};
use crate::ui::panels::picture::printable;
use crate::ui::theme::Role;

/// Draws the view.
pub(super) fn render(app: &App, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let state = &app.views.lessons;
    match &state.reading {
        Some(reading) => page(reading, &Flow::new(reading, body, app.look().charset), app.look(), body, buffer),
        None => list(state, app.look(), body, buffer),
    }
    None
}

/// Lines below a list of one line each, for what the selected lesson is about.
const SUMMARY: u16 = 4;

/// The list: three lines for each lesson where there is room, else one, and the selected one's summary below them.
fn list(state: &State, look: Look<'_>, body: Rect, buffer: &mut Buffer) {
    let row = paint::row(body, 0);
    let x = paint::heading(buffer, row, "Lessons", look);
    paint::note(buffer, row, x, &["every figure is computed by the engine as you read"], look);
    let mut rows = Rect { y: body.y + 2, height: body.height.saturating_sub(2), ..body };
    let each: u16 = if usize::from(rows.height) >= 3 * state.headings.len() { 3 } else { 1 };
    if each == 1 {
        let spare = rows.height.saturating_sub(1);
        let below = take_bottom(&mut rows, SUMMARY.min(spare));
        if let Some((_, heading)) = state.headings.get(state.selected) {
            summary(heading, Rect { y: below.y + 1, height: below.height.saturating_sub(1), ..below }, look, buffer);
        }
    }
    let room = usize::from((rows.height / each).max(1));
    let first = (state.selected + 1).saturating_sub(room);
    let visible = state.headings.iter().enumerate().skip(first).take(room);
    for (y, (index, (_, heading))) in (rows.y..).step_by(each.into()).zip(visible) {
        let row = Rect { y, height: 1, ..rows };
        let ground = if index == state.selected { look.style(Role::Selected) } else { Style::new() };
        let on = |role: Role| Style { bg: ground.bg, ..look.style(role) }.add_modifier(ground.add_modifier);
        buffer.set_style(row, ground);
        if index == state.selected {
            put(buffer, row.x, y, look.signs().selected, 1, on(Role::Key));
        }
        put_right(buffer, row.x + 5, y, &(index + 1).to_string(), on(Role::Muted));
        let title = printable(&heading.title, look.charset);
        let end = state.tallies.get(&heading.title).map_or(row.right(), |tally| {
            put_right(buffer, row.right().saturating_sub(1), y, &result(*tally), on(Role::Chosen)).saturating_sub(2)
        });
        put(buffer, row.x + 7, y, &title, usize::from(end.saturating_sub(row.x + 7)), on(Role::Strong));
        if each > 1 {
            summary(heading, Rect { y: y + 1, height: each - 1, ..row }, look, buffer);
        }
    }
}

/// What a lesson is about, in as many lines as there are.
fn summary(heading: &Heading, area: Rect, look: Look<'_>, buffer: &mut Buffer) {
    let room = usize::from(area.width.saturating_sub(8));
    let text = printable(&heading.summary, look.charset);
    for (y, line) in (area.y..area.bottom()).zip(glyph::wrap(&text, room.max(1))) {
        put(buffer, area.x + 7, y, &line, room, look.style(Role::Muted));
    }
}

/// What was answered.
fn result(tally: Tally) -> String {
    format!("{} of {} right", tally.right, tally.all)
}

/// A page as it lies in the body.
pub(super) fn page(reading: &Reading, flow: &Flow<'_>, look: Look<'_>, body: Rect, buffer: &mut Buffer) {
    let (page, number) = reading.page();
    let (lesson, pages) = (reading.lesson(), reading.lesson().pages.len());
    let row = paint::row(body, 0);
    let place = format!("page {number} of {pages}");
    let title = printable(&format!("{}: {}", lesson.title, page.title), look.charset);
    let room = usize::from(row.width).saturating_sub(place.len() + 10);
    let title = glyph::cut(&glyph::plain(&title, glyph::Charset::Unicode), room, look.charset);
    let x = paint::heading(buffer, row, &title, look);
    let tally = reading.tally();
    let long = format!("{place} {} {}", look.signs().dot, result(tally));
    let forms: &[&str] = if tally.done > 0 { &[&long, &place] } else { &[&place] };
    paint::note(buffer, row, x, forms, look);
    let offset = reading.offset().min(flow.most());
    let (text, pictures) = flow.widths;
    let draw = |lines: &[Line], area: Rect, buffer: &mut Buffer| {
        for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(offset)) {
            draw_line(flow, reading, line, Rect { y, height: 1, ..area }, look, buffer);
        }
    };
    let area = Rect { y: body.y + 2, height: flow.rows as u16, ..body }.intersection(body);
    draw(&flow.left, Rect { width: if pictures > 0 { text } else { area.width }, ..area }, buffer);
    let beside = Rect { x: area.right().saturating_sub(pictures), width: pictures, ..area };
    draw(&flow.right, beside.intersection(body), buffer);
    let more = flow.most() - offset;
    if more > 0 {
        let text = format!("{more} more below: PgDn ");
        put_right(buffer, body.right().saturating_sub(1), body.y + 1, &text, look.style(Role::Muted));
    }
}

fn draw_line(flow: &Flow<'_>, reading: &Reading, line: &Line, area: Rect, look: Look<'_>, buffer: &mut Buffer) {
    let room = usize::from(area.width);
    match line {
        Line::Blank => {}
        Line::Text(text, role) => {
            put(buffer, area.x + 2, area.y, text, room.saturating_sub(2), look.style(*role));
        }
        Line::Asking => {
            let x = put(buffer, area.x + 2, area.y, "Predict first", room, look.style(Role::Title));
            let width = flow.widths.0.saturating_sub(x - area.x + 1).min(area.right().saturating_sub(x + 1));
            paint::rule(buffer, Rect { x: x + 1, width, ..area }, look);
        }
        Line::Choice { index, text, first } => {
            choice(reading, *index, (text, *first), flow.widths.0, area, look, buffer);
        }
        Line::Picture { picture, line } => flow.drawings[*picture].line(*line, area, look, buffer),
    }
}

/// A line of a choice: selected, right, wrong, or none of them.
fn choice(
    reading: &Reading,
    index: usize,
    (text, first): (&str, bool),
    width: u16,
    area: Rect,
    look: Look<'_>,
    buffer: &mut Buffer,
) {
    let answer = reading.page().0.question.as_ref().map(|question| &question.answer);
    let right = matches!(answer, Some(Answer::Choice { right, .. }) if *right == index);
    let signs = look.signs();
    let (sign, role) = match reading.attempt() {
        Attempt::None if reading.choice() == Some(index) => (signs.selected, Role::Selected),
        Attempt::None => (" ", Role::Base),
        _ if right => (signs.chosen, Role::Chosen),
        Attempt::Chose(chosen) if chosen == index => (signs.removed, Role::Tag),
        _ => (" ", Role::Muted),
    };
    let style = look.style(role);
    let row = Rect { width: width.min(area.width), ..area };
    if role == Role::Selected {
        buffer.set_style(row, style);
    }
    if first {
        put(buffer, row.x + 2, row.y, sign, 1, style);
        put(buffer, row.x + 4, row.y, &format!("{}", index + 1), 1, style);
    }
    put(buffer, row.x + 6, row.y, text, usize::from(row.width).saturating_sub(6), style);
}
