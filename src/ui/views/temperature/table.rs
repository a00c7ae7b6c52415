//! The figures beside the curves: each token at the limits, at T = 1 and at today's temperature.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::render::{Picture, Series};
use crate::decode::Tempered;
use crate::glyph;
use crate::ui::number::{bits, choices, count, percent};
use crate::ui::paint::{self, put, put_glyphs, put_right};
use crate::ui::panels::token_glyphs;
use crate::ui::theme::Role;

/// Cells of a column of figures.
const COLUMN: u16 = 8;

/// From this width on, T = 1 has a column of its own.
const WIDE: u16 = 46;

/// A column of the table: its title, and the distribution that it shows, once it is computed.
type Column = (String, Option<Tempered>, Role);

/// Draws the panel. Returns what it leaves free below.
pub(super) fn render(picture: &Picture<'_>, area: Rect, buffer: &mut Buffer) -> Rect {
    let look = picture.look;
    let heading = paint::row(area, 0);
    let x = paint::heading(buffer, heading, &format!("At T = {}", picture.today), look);
    paint::note(buffer, heading, x, &["t colder, T warmer", "t T: change"], look);
    let columns = columns(picture, area.width);
    let table = Table { picture, area, columns };
    let titles = paint::row(area, 1);
    put(buffer, titles.x + 2, titles.y, "token", 5, look.style(Role::Muted));
    table.cells(titles, buffer, Style::new(), |(title, ..)| (title.clone(), Role::Muted));
    let mut y = 2;
    let facts = 3;
    let room = area.height.saturating_sub(y + facts).max(1);
    for series in first_and_selected(&picture.series, picture.app.list().selected(), room.into()) {
        table.token(paint::row(area, y), series, buffer);
        y += 1;
    }
    table.others(paint::row(area, y), buffer);
    let gap = u16::from(area.height > y + facts);
    table.facts([paint::row(area, y + 1 + gap), paint::row(area, y + 2 + gap)], buffer);
    let used = (y + 3 + gap).min(area.height);
    Rect { y: area.y + used, height: area.height - used, ..area }
}

/// As many tokens as there is room for, the selected one among them.
fn first_and_selected(series: &[Series], selected: usize, room: usize) -> Vec<&Series> {
    let mut rows: Vec<&Series> = series.iter().take(room).collect();
    let missing = series.iter().find(|series| series.rank == selected + 1);
    if let (Some(missing), Some(last)) = (missing, rows.last_mut())
        && last.rank < missing.rank
        && series.len() > room
    {
        *last = missing;
    }
    rows
}

fn columns(picture: &Picture<'_>, width: u16) -> Vec<Column> {
    let arrow = picture.look.signs().arrow;
    let infinity = if arrow.is_ascii() { "inf" } else { "∞" };
    let mut columns = vec![(format!("T{arrow}0"), picture.at(0.0), Role::Base)];
    columns.push((format!("T={}", picture.today), picture.at(picture.today), Role::Strong));
    if width >= WIDE && picture.today != 1.0 {
        columns.push(("T=1".to_owned(), picture.at(1.0), Role::Base));
    }
    columns.push((format!("T{arrow}{infinity}"), picture.at(f64::INFINITY), Role::Base));
    columns
}

struct Table<'a> {
    picture: &'a Picture<'a>,
    area: Rect,
    columns: Vec<Column>,
}

impl Table<'_> {
    /// One figure in each column.
    fn cells(&self, row: Rect, buffer: &mut Buffer, ground: Style, text: impl Fn(&Column) -> (String, Role)) {
        for (place, column) in (0..).zip(self.columns.iter().rev()) {
            let (text, role) = text(column);
            let style = paint::on(self.picture.look.style(role), ground);
            put_right(buffer, row.right().saturating_sub(1 + place * COLUMN), row.y, &text, style);
        }
    }

    /// Cells before the first column.
    fn label(&self) -> usize {
        usize::from(self.area.width.saturating_sub(1 + self.columns.len() as u16 * COLUMN))
    }

    fn figure(&self, (_, point, role): &Column, text: impl Fn(&Tempered) -> String) -> (String, Role) {
        (point.as_ref().map_or_else(|| self.picture.look.signs().ellipsis.to_owned(), text), *role)
    }

    fn token(&self, row: Rect, series: &Series, buffer: &mut Buffer) {
        if row.is_empty() {
            return;
        }
        let Picture { look, tokenizer, app, .. } = self.picture;
        let selected = app.list().selected() + 1 == series.rank;
        let ground = if selected { look.style(Role::Selected) } else { Style::new() };
        buffer.set_style(row, ground);
        let on = |role: Role| paint::on(look.style(role), ground);
        if selected {
            put(buffer, row.x, row.y, look.signs().selected, 1, on(Role::Key));
        }
        put(buffer, row.x + 1, row.y, series.letter.encode_utf8(&mut [0; 4]), 1, on(series.role));
        let glyphs = token_glyphs(*tokenizer, series.id, look.charset);
        let room = self.label().saturating_sub(3);
        put_glyphs(buffer, row.x + 3, row.y, &glyphs, room, *look, on(series.role));
        self.cells(row, buffer, ground, |column| {
            self.figure(column, |point| percent(self.picture.prob(point, series.id)))
        });
    }

    /// All other tokens together.
    fn others(&self, row: Rect, buffer: &mut Buffer) {
        if row.is_empty() {
            return;
        }
        let Picture { look, series, analysis, .. } = self.picture;
        let others = analysis.model().vocab_size().saturating_sub(series.len());
        if others == 0 {
            return;
        }
        let many = if analysis.model().is_partial() {
            "everything else".to_owned()
        } else {
            format!("{} others", count(others))
        };
        let forms = [format!("{} {many}", look.signs().ellipsis), "others".to_owned()];
        let text = if glyph::cells(&forms[0]) <= self.label() { &forms[0] } else { &forms[1] };
        put(buffer, row.x + 1, row.y, text, self.label(), look.style(Role::Muted));
        let rest = |point: &Tempered| {
            let shown: f64 = series.iter().map(|series| self.picture.prob(point, series.id)).sum();
            // Rounding leaves a trace where nothing is left.
            percent(if 1.0 - shown < 1e-12 { 0.0 } else { 1.0 - shown })
        };
        self.cells(row, buffer, Style::new(), |column| (self.figure(column, rest).0, Role::Muted));
    }

    fn facts(&self, rows: [Rect; 2], buffer: &mut Buffer) {
        type Fact = (&'static str, fn(&Tempered) -> String);
        let facts: [Fact; 2] = [
            ("entropy, bits", |point| format!("{:.2}", bits(point.entropy()))),
            ("choices", |point| choices(point.choices())),
        ];
        for (row, (label, fact)) in rows.into_iter().zip(facts).filter(|(row, _)| !row.is_empty()) {
            let short = label.split(',').next().unwrap_or(label);
            let label = if label.len() < self.label() { label } else { short };
            put(buffer, row.x + 1, row.y, label, self.label(), self.picture.look.style(Role::Muted));
            self.cells(row, buffer, Style::new(), |column| self.figure(column, fact));
        }
    }
}
